//! What must hold of one node after every input. The properties that relate nodes to each other (Figure 3) are the
//! simulator's.

use crate::raft::Raft;
use crate::role::Role;

impl Raft {
    /// Asserts the invariants. Takes time proportional to the log: for tests and simulations.
    ///
    /// # Panics
    /// If one is broken; the message says which.
    pub fn check_invariants(&self) {
        let last = self.log.last();
        assert!(
            self.last_applied() <= self.commit_index,
            "lastApplied <= commitIndex"
        );
        assert!(self.commit_index <= last.index, "commitIndex <= last index");
        assert!(
            last.term <= self.ballot.term,
            "no entry is of a term beyond the current one (Figure 2)"
        );
        assert!(
            self.log.mark().position.index <= self.commit_index,
            "a snapshot covers only committed entries"
        );
        let mut before = self.log.mark().position;
        for entry in self.log.iter() {
            assert_eq!(entry.position.index, before.index.next(), "the log has no gaps");
            assert!(entry.position.term >= before.term, "terms never fall along a log");
            before = entry.position;
        }
        self.persist.check_invariants(&self.log);
        match &self.role {
            Role::Leader(leader) => {
                assert_eq!(
                    self.ballot.voted_for,
                    Some(self.config.id),
                    "a leader voted for itself"
                );
                assert_eq!(
                    self.log.term_at(leader.first_index),
                    Some(self.ballot.term),
                    "a leader's log holds its term's first entry"
                );
                let uncommitted: usize = self
                    .log
                    .slice(self.commit_index.next(), usize::MAX)
                    .iter()
                    .map(|e| e.body.weight())
                    .sum();
                assert_eq!(
                    leader.uncommitted_bytes, uncommitted,
                    "uncommitted bytes are counted right"
                );
                leader
                    .progress
                    .values()
                    .for_each(|progress| progress.check_invariants(last.index));
            }
            Role::Candidate { votes, .. } => {
                assert_eq!(
                    self.ballot.voted_for,
                    Some(self.config.id),
                    "a candidate voted for itself"
                );
                assert!(
                    votes.get(&self.config.id) != Some(&false),
                    "a candidate does not vote against itself"
                );
            }
            Role::Follower { leader } => {
                assert!(*leader != Some(self.config.id), "a follower follows another");
            }
        }
    }
}
