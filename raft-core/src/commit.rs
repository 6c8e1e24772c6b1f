//! Commitment (Raft 5.3, 5.4.2): what a quorum has, if it is of this term.

use crate::mutant::Mutant;
use crate::quorum::{reached_by_halves, reached_by_quorum};
use crate::raft::Raft;
use crate::role::{Leader, Role};
use crate::types::{Index, NodeId};
use crate::why::Why;

impl Raft {
    /// Commits what a quorum has. Called whenever somebody, or this node's own disk, has more.
    pub(crate) fn advance_commit(&mut self) {
        let Role::Leader(leader) = &self.role else {
            return;
        };
        let index = self.index_of_quorum(leader);
        if index <= self.commit_index {
            if self.commit_index < self.log.last().index {
                self.explain(self.lack_of_quorum(leader));
            }
            return;
        }
        let (entry, term) = (self.log.term_at(index), self.ballot.term);
        let entry = entry.expect("a quorum's entry is in the leader's log");
        if entry != term && !Mutant::CommitOldTerm.is(self.config.mutant) {
            return self.explain(Why::CommitWithheldOldTerm { index, entry, term });
        }
        let bytes = self.log.weight(self.commit_index, index);
        if let Role::Leader(leader) = &mut self.role {
            leader.uncommitted_bytes -= bytes;
            leader.busy_explained = false;
        }
        self.commit_to(index);
    }

    /// Up to where a quorum has the log. The leader counts itself only up to what its own disk has (thesis 10.2.1), and
    /// not at all if it does not vote (Raft 6).
    fn index_of_quorum(&self, leader: &Leader) -> Index {
        let membership = self.memberships.current();
        let has = |id| self.has_durably(leader, id);
        let index = if Mutant::JointCountsNewOnly.is(self.config.mutant) {
            reached_by_halves(membership, has).0
        } else if Mutant::LeaderCountsItself.is(self.config.mutant) {
            let counted = membership
                .voters
                .union(&[self.config.id].into())
                .map(|&id| has(id))
                .collect::<Vec<_>>();
            let enough = membership.voters.len() / 2 + 1;
            counted
                .iter()
                .copied()
                .filter(|one| counted.iter().filter(|other| *other >= one).count() >= enough)
                .max()
        } else {
            reached_by_quorum(membership, has)
        };
        index.unwrap_or_default()
    }

    fn has_durably(&self, leader: &Leader, id: NodeId) -> Index {
        if id != self.config.id {
            return leader.progress.get(&id).map_or(Index(0), |p| p.match_index);
        }
        if Mutant::AnswerBeforeDurable.is(self.config.mutant) {
            return self.log.last().index;
        }
        self.persist.durable_index()
    }

    fn lack_of_quorum(&self, leader: &Leader) -> Why {
        let index = self.commit_index.next();
        let membership = self.memberships.current();
        let durable = self.persist.durable_index();
        if !membership.is_joint() {
            return Why::CommitWithheldNoQuorum { index, durable };
        }
        let (new, old) = reached_by_halves(membership, |id| self.has_durably(leader, id));
        Why::CommitWithheldJoint {
            index,
            new: new.unwrap_or_default(),
            old: old.unwrap_or_default(),
        }
    }
}
