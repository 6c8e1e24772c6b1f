//! Linearizable reads (Raft 8, thesis 6.4): a read sees everything that was committed anywhere when it was asked.

use std::collections::BTreeMap;

use raft_core::{Index, NodeId, Raft, ReadId};
use thiserror::Error;

/// A read that may be answered from a state older than its question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error(
    "stale read: n{node} may answer read {read} at {index}, but {committed} was committed when it was asked"
)]
pub struct StaleRead {
    /// Who answers.
    pub node: NodeId,
    /// Which read.
    pub read: ReadId,
    /// The state it is answered from.
    pub index: Index,
    /// What that state should have at least.
    pub committed: Index,
}

/// The reads that were asked, and what each has to see.
#[derive(Clone, Debug, Default)]
pub struct ReadIndex {
    /// The highest commit index that any member ever had.
    committed: Index,
    /// What was committed when the read was asked.
    asked: BTreeMap<(NodeId, ReadId), Index>,
}

impl ReadIndex {
    /// A member looks like this now.
    pub fn observe(&mut self, raft: &Raft) {
        self.committed = self.committed.max(raft.commit_index());
    }

    /// A read is about to be asked of `node`. Ids are unique within one boot of one node.
    pub fn asked(&mut self, node: NodeId, read: ReadId) {
        self.asked.entry((node, read)).or_insert(self.committed);
    }

    /// `node` said that the read may be answered from the state at `index`.
    ///
    /// # Errors
    /// If that state is older than the question.
    pub fn ready(&mut self, node: NodeId, read: ReadId, index: Index) -> Result<(), StaleRead> {
        match self.asked.remove(&(node, read)) {
            Some(committed) if index < committed => Err(StaleRead {
                node,
                read,
                index,
                committed,
            }),
            _ => Ok(()),
        }
    }

    /// `node` will not answer the read.
    pub fn given_up(&mut self, node: NodeId, read: ReadId) {
        self.asked.remove(&(node, read));
    }

    /// Of whom a read was asked that was neither answered nor given up.
    pub fn waiting(&self) -> impl Iterator<Item = NodeId> {
        self.asked.keys().map(|&(node, _)| node)
    }

    /// `node` was booted: it answers no read of its former life.
    pub fn restarted(&mut self, node: NodeId) {
        self.asked.retain(|&(of, _), _| of != node);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use raft_core::{Config, Image, Time};

    #[test]
    fn a_read_older_than_its_question_is_seen() {
        let mut reads = ReadIndex::default();
        let (node, early, late) = (NodeId(1), ReadId(1), ReadId(2));
        reads.asked(node, early);
        let entry = raft_core::Entry {
            position: raft_core::Position {
                term: raft_core::Term(1),
                index: Index(1),
            },
            body: raft_core::Body::Blank,
        };
        let image = Image {
            commit: Index(1),
            entries: vec![entry],
            ..Image::default()
        };
        reads.observe(&Raft::boot(Config::new(NodeId(2), 1), image, Time(0)));
        reads.asked(node, late);
        assert_eq!(reads.ready(node, early, Index(0)), Ok(()));
        assert!(reads.ready(node, late, Index(0)).is_err());
        reads.asked(node, late);
        assert_eq!(reads.ready(node, late, Index(1)), Ok(()));
    }
}
