//! The roles (Raft 5.1, Figure 4; thesis 9.6 for the fourth), each with what it remembers and forgets on leaving.

use std::collections::BTreeMap;

use crate::canvass::Canvass;
use crate::catch_up::CatchUp;
use crate::fingerprint::canonical;
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
    /// Asks whether it would be voted for (thesis 9.6).
    PreCandidate {
        canvass: Canvass,
        /// Last time only its log stood against it: if so again, it stands to catch up.
        insists: bool,
    },
    Candidate {
        canvass: Canvass,
        motive: Motive,
        /// The entries it gets from a voter.
        catch_up: Option<CatchUp>,
    },
    Leader(Leader),
}

/// What made a candidate of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Motive {
    /// No leader was heard.
    Timeout,
    /// The leader asked it to (thesis 3.10).
    Transfer,
    /// A quorum follows nobody, and would follow it but for its log.
    Behind,
}

#[derive(Clone, Debug)]
pub(crate) struct Leader {
    /// One for each member but this node.
    pub(crate) progress: BTreeMap<NodeId, Progress>,
    /// Where the blank entry of this term stands: once it is committed, so is all before (Raft 5.4.2, 8).
    pub(crate) first_index: Index,
    pub(crate) heartbeat_deadline: Time,
    pub(crate) reads: Reads,
    /// What the entries after the commit index weigh.
    pub(crate) uncommitted_bytes: usize,
    /// That no more is taken was explained since the last commit.
    pub(crate) busy_explained: bool,
    pub(crate) transfer: Option<Transfer>,
    /// In this term some voter was told to stand. It may obey late, so nobody's patience protects this leader any more.
    pub(crate) has_told_to_stand: bool,
    /// When to look whether a voter that is preferred could lead (priority.rs).
    pub(crate) prefers_at: Time,
}

canonical!(enum Role {
    Follower { leader },
    PreCandidate { canvass, insists },
    Candidate { canvass, motive, catch_up },
    Leader(leader),
});
canonical!(
    enum Motive {
        Timeout,
        Transfer,
        Behind,
    }
);
canonical!(struct Leader {
    progress, first_index, heartbeat_deadline, reads, uncommitted_bytes, busy_explained, transfer, has_told_to_stand,
    prefers_at,
});

impl Role {
    pub(crate) fn leader(&self, own: NodeId) -> Option<NodeId> {
        match self {
            Role::Follower { leader } => *leader,
            Role::PreCandidate { .. } | Role::Candidate { .. } => None,
            Role::Leader(_) => Some(own),
        }
    }

    /// The questions of a candidate, or of one who would be.
    pub(crate) fn canvass(&mut self) -> Option<&mut Canvass> {
        match self {
            Role::PreCandidate { canvass, .. } | Role::Candidate { canvass, .. } => Some(canvass),
            Role::Follower { .. } | Role::Leader(_) => None,
        }
    }

    /// The same, to look at.
    pub(crate) fn asking(&self) -> Option<&Canvass> {
        match self {
            Role::PreCandidate { canvass, .. } | Role::Candidate { canvass, .. } => Some(canvass),
            Role::Follower { .. } | Role::Leader(_) => None,
        }
    }
}
