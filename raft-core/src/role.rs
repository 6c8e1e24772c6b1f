//! The three roles (Raft 5.1, Figure 4), each with what it remembers and forgets on leaving.

use std::collections::{BTreeMap, BTreeSet};

use crate::progress::Progress;
use crate::read::Reads;
use crate::transfer::Transfer;
use crate::types::{Index, NodeId, Time};

#[derive(Clone, Debug)]
pub(crate) enum Role {
    Follower {
        /// Who leads this term, once heard of.
        leader: Option<NodeId>,
    },
    Candidate {
        /// The answers so far; its own once its ballot is durable.
        votes: BTreeMap<NodeId, bool>,
        /// Who has been asked.
        asked: BTreeSet<NodeId>,
        /// The leader asked this node to stand (thesis 3.10).
        transfer: bool,
    },
    Leader(Leader),
}

#[derive(Clone, Debug)]
pub(crate) struct Leader {
    /// One for each member but this node.
    pub(crate) progress: BTreeMap<NodeId, Progress>,
    /// Where the blank entry of this term stands: once it is committed, so is all before (Raft 5.4.2, 8).
    pub(crate) first_index: Index,
    pub(crate) heartbeat_deadline: Time,
    pub(crate) reads: Reads,
    /// Payload bytes after the commit index.
    pub(crate) uncommitted_bytes: usize,
    pub(crate) transfer: Option<Transfer>,
    /// In this term some voter was told to stand. It may obey late, so nobody's patience protects this leader any more.
    pub(crate) has_told_to_stand: bool,
}

impl Role {
    pub(crate) fn leader(&self, own: NodeId) -> Option<NodeId> {
        match self {
            Role::Follower { leader } => *leader,
            Role::Candidate { .. } => None,
            Role::Leader(_) => Some(own),
        }
    }
}
