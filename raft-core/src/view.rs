//! A node's Raft, to look at.

use crate::config::Limits;
use crate::membership::Membership;
use crate::raft::Raft;
use crate::role::Role;
use crate::types::{Ballot, Entry, Index, NodeId, Position, Round, SnapshotMark, Term, Time};

/// What a leader knows of a follower (Figure 2, volatile state on leaders).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FollowerView {
    /// The last entry known to be durable there (matchIndex).
    pub match_index: Index,
    /// The next entry to send (nextIndex).
    pub next_index: Index,
    /// How it is sent entries: `probe`, `pipeline`, or `snapshot` as long as it needs one.
    pub pace: &'static str,
    /// AppendEntries on their way, and their payload bytes.
    pub inflight: (usize, usize),
    /// The newest round it acknowledged.
    pub round: Round,
}

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

    /// Whether this node takes part no more: after an alarm, or because it was removed.
    #[must_use]
    pub fn is_halted(&self) -> bool {
        self.halted
    }

    /// Whether this leader knows what is committed: an entry of its own term is (Raft 8).
    #[must_use]
    pub fn knows_what_is_committed(&self) -> bool {
        self.own_term_committed()
    }

    /// Whether this node stands for election.
    #[must_use]
    pub fn is_candidate(&self) -> bool {
        matches!(self.role, Role::Candidate { .. })
    }

    /// Whether this node asks who would vote for it (thesis 9.6).
    #[must_use]
    pub fn is_pre_candidate(&self) -> bool {
        matches!(self.role, Role::PreCandidate { .. })
    }

    /// When this node stands for election, or asks about it, if no leader is heard before; never while it leads.
    #[must_use]
    pub fn election_deadline(&self) -> Time {
        if self.is_leader() {
            Time::NEVER
        } else {
            self.election_deadline
        }
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

    /// Whether this leader was answered by `id` within an election timeout. A node hears itself.
    #[must_use]
    pub fn hears(&self, id: NodeId) -> bool {
        self.is_leader() && (id == self.config.id || self.was_heard_lately(id))
    }

    /// What this leader knows of `follower`; None if it does not lead, or does not send to it.
    #[must_use]
    pub fn follower(&self, follower: NodeId) -> Option<FollowerView> {
        let Role::Leader(leader) = &self.role else {
            return None;
        };
        let progress = leader.progress.get(&follower)?;
        Some(FollowerView {
            match_index: progress.match_index,
            next_index: progress.next_index,
            pace: progress.pace.name(),
            inflight: progress.on_their_way(),
            round: progress.acknowledged_round,
        })
    }

    /// The newest round of heartbeats that this leader began.
    #[must_use]
    pub fn round(&self) -> Option<Round> {
        match &self.role {
            Role::Leader(leader) => Some(leader.reads.round),
            _ => None,
        }
    }

    /// What a snapshot of the state after the entry at `index` covers; None if the log in memory does not reach it.
    #[must_use]
    pub fn mark_at(&self, index: Index) -> Option<SnapshotMark> {
        self.log.term_at(index).map(|term| SnapshotMark {
            position: Position { term, index },
            membership: self.memberships.at(index).clone(),
        })
    }

    /// What the log takes in memory, as counted against [`Limits::log_bytes_max`].
    #[must_use]
    pub fn log_bytes(&self) -> usize {
        self.log.bytes()
    }

    /// The limits held to now.
    #[must_use]
    pub fn limits(&self) -> Limits {
        self.config.limits
    }
}
