//! A node's Raft, to look at.

use crate::membership::Membership;
use crate::raft::Raft;
use crate::role::Role;
use crate::types::{Ballot, Entry, Index, NodeId, Position, SnapshotMark, Term};

impl Raft {
    /// The current term.
    #[must_use]
    pub fn term(&self) -> Term {
        self.ballot.term
    }

    /// Who leads the current term, as far as this node knows.
    #[must_use]
    pub fn leader(&self) -> Option<NodeId> {
        self.role.leader(self.config.id)
    }

    /// Whether this node leads.
    #[must_use]
    pub fn is_leader(&self) -> bool {
        matches!(self.role, Role::Leader(_))
    }

    /// Whether this node stands for election.
    #[must_use]
    pub fn is_candidate(&self) -> bool {
        matches!(self.role, Role::Candidate { .. })
    }

    /// The highest entry known to be committed.
    #[must_use]
    pub fn commit_index(&self) -> Index {
        self.commit_index
    }

    /// The highest entry handed out by `poll`.
    #[must_use]
    pub fn last_applied(&self) -> Index {
        self.last_applied
    }

    /// The end of the log.
    #[must_use]
    pub fn last(&self) -> Position {
        self.log.last()
    }

    /// Up to where the log is on disk.
    #[must_use]
    pub fn durable_index(&self) -> Index {
        self.persist.durable_index()
    }

    /// The vote of the current term.
    #[must_use]
    pub fn ballot(&self) -> Ballot {
        self.ballot
    }

    /// What the log begins after.
    #[must_use]
    pub fn mark(&self) -> &SnapshotMark {
        self.log.mark()
    }

    /// The entries in memory, in order.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.log.iter()
    }

    /// The membership in force: the newest in the log.
    #[must_use]
    pub fn log_membership(&self) -> &Membership {
        self.memberships.current()
    }
}
