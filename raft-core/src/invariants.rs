//! What must hold of one node after every input. The properties that relate nodes to each other (Figure 3) are the
//! simulator's. What takes time proportional to the log stands apart from what does not, so that millions of steps can be
//! checked.

use crate::message::VoteAnswer;
use crate::raft::Raft;
use crate::role::Role;
use crate::types::Body;

impl Raft {
    /// Asserts the invariants. Takes time proportional to the log: for tests, and now and then in long simulations.
    ///
    /// # Panics
    /// If one is broken; the message says which.
    pub fn check_invariants(&self) {
        self.check_quickly();
        self.check_log();
    }

    /// Asserts the invariants that take time proportional to the cluster and not to the log: for every step of a long
    /// simulation.
    ///
    /// # Panics
    /// If one is broken; the message says which.
    pub fn check_quickly(&self) {
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
            self.log.mark().position.index <= self.last_applied,
            "only what is applied is dropped, and what is installed is"
        );
        self.persist.check_invariants(&self.log);
        self.check_membership();
        match &self.role {
            Role::Leader(leader) => {
                assert_eq!(
                    self.ballot.voted_for,
                    Some(self.config.id),
                    "a leader voted for itself"
                );
                let mark = self.log.mark().position;
                let first = self.log.term_at(leader.first_index);
                assert!(
                    first == Some(self.ballot.term)
                        || (leader.first_index < mark.index && mark.term == self.ballot.term),
                    "a leader's log holds its term's first entry, or begins after it"
                );
                leader
                    .progress
                    .values()
                    .for_each(|progress| progress.check_invariants(mark.index, last.index));
            }
            Role::Candidate { canvass, .. } => {
                assert_eq!(
                    self.ballot.voted_for,
                    Some(self.config.id),
                    "a candidate voted for itself"
                );
                assert!(
                    canvass
                        .answers
                        .get(&self.config.id)
                        .is_none_or(|own| *own == VoteAnswer::Granted),
                    "a candidate does not vote against itself"
                );
            }
            Role::PreCandidate { .. } => {}
            Role::Follower { leader } => {
                assert!(*leader != Some(self.config.id), "a follower follows another");
            }
        }
    }

    /// The log, entry by entry, and what is derived from it.
    fn check_log(&self) {
        let mut before = self.log.mark().position;
        let mut uncommitted = 0;
        let mut newest = &self.log.mark().membership;
        assert_eq!(
            self.memberships.at(before.index),
            newest,
            "the membership as of the mark is the mark's"
        );
        for entry in self.log.iter() {
            assert_eq!(entry.position.index, before.index.next(), "the log has no gaps");
            assert!(entry.position.term >= before.term, "terms never fall along a log");
            before = entry.position;
            if entry.position.index > self.commit_index {
                uncommitted += entry.bytes();
            }
            if let Body::Change(membership) = &entry.body {
                newest = membership;
            }
        }
        assert_eq!(
            self.log_membership(),
            newest,
            "the newest membership in the log is in force (thesis 4.1)"
        );
        if let Role::Leader(leader) = &self.role {
            assert_eq!(
                leader.uncommitted_bytes, uncommitted,
                "uncommitted bytes are counted right"
            );
        }
    }

    fn check_membership(&self) {
        let membership = self.log_membership();
        let Role::Leader(leader) = &self.role else {
            return;
        };
        let own = self.config.id;
        let others = [&membership.voters, &membership.outgoing, &membership.learners];
        assert!(
            others
                .into_iter()
                .flatten()
                .all(|id| *id == own || leader.progress.contains_key(id))
                && leader
                    .progress
                    .keys()
                    .all(|&id| id != own && membership.contains(id)),
            "a leader sends to every member and to nobody else"
        );
        assert!(
            !membership.removed.iter().any(|&id| membership.contains(id)),
            "who was removed never comes back (thesis 4.2.3)"
        );
        if self.own_term_committed() && self.memberships.index() <= self.commit_index {
            assert!(
                membership.is_voter(self.config.id),
                "who has committed that it does not vote leads no more (Raft 6)"
            );
            assert!(
                !membership.is_joint() || leader.transfer.is_some(),
                "a committed joint configuration is left at once (Raft 6)"
            );
        }
    }
}
