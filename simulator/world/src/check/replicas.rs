//! Members that have applied the same entries hold the same state.

use std::collections::BTreeMap;

use node::Node;
use raft_core::{Index, NodeId};
use thiserror::Error;

/// Two states where there should be one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("at {index} the state of n{node} is {found:016x}, and that of n{first} was {expected:016x}")]
pub struct Diverged {
    /// After which entry.
    pub index: Index,
    /// Whose state was seen first.
    pub first: NodeId,
    /// Its fingerprint.
    pub expected: u64,
    /// Whose differs.
    pub node: NodeId,
    /// Its fingerprint.
    pub found: u64,
}

/// The fingerprint of the state after each entry, as far as seen.
#[derive(Clone, Debug, Default)]
pub struct Replicas {
    states: BTreeMap<Index, (NodeId, u64)>,
}

impl Replicas {
    /// A member looks like this now.
    ///
    /// # Errors
    /// If another looked different after the same entry.
    pub fn observe(&mut self, id: NodeId, node: &Node) -> Result<(), Diverged> {
        self.compare(id, node.applied().index, node.store().fingerprint())
    }

    /// Whether a member's state, which was made to differ, is what another's was after the same entry.
    #[must_use]
    pub fn is_equal_again(&self, node: &Node) -> bool {
        let known = self.states.get(&node.applied().index);
        known.is_some_and(|(_, known)| *known == node.store().fingerprint())
    }

    /// The state of `node` after `index` has this fingerprint.
    ///
    /// # Errors
    /// If another had another.
    pub(crate) fn compare(&mut self, node: NodeId, index: Index, found: u64) -> Result<(), Diverged> {
        let (first, expected) = *self.states.entry(index).or_insert((node, found));
        if expected == found {
            return Ok(());
        }
        Err(Diverged {
            index,
            first,
            expected,
            node,
            found,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_seen_however_late() {
        let mut replicas = Replicas::default();
        assert_eq!(replicas.compare(NodeId(1), Index(5), 77), Ok(()));
        assert_eq!(replicas.compare(NodeId(2), Index(4), 66), Ok(()));
        assert_eq!(replicas.compare(NodeId(2), Index(5), 77), Ok(()));
        let diverged = replicas.compare(NodeId(3), Index(5), 78).unwrap_err();
        assert_eq!((diverged.first, diverged.node), (NodeId(1), NodeId(3)));
    }
}
