//! What answers are made of.

use bytes::Bytes;
use raft_core::{Index, NodeId};
use serde::{Deserialize, Serialize};
use storage::store::alarm::Alarm;

use crate::counts::Counts;

/// How much is left of a lease.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseTime {
    /// What was granted, in seconds.
    pub granted: u64,
    /// What is left, in whole seconds.
    pub remaining: u64,
    /// The keys that hang on it, in order, if they were asked for.
    pub keys: Vec<Bytes>,
}

/// A member as clients see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Its id.
    pub id: NodeId,
    /// Its name; empty before it has started once.
    pub name: String,
    /// Where peers reach it.
    pub peer_urls: Vec<String>,
    /// Where clients reach it; empty before it has started once.
    pub client_urls: Vec<String>,
    /// Whether it does not vote yet.
    pub learner: bool,
    /// Whether it leads, as far as the member that answers knows.
    pub leads: bool,
}

/// How a member is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Who leads, as far as it knows.
    pub leader: Option<NodeId>,
    /// Its commit index.
    pub commit: Index,
    /// The memory that the state takes, in bytes.
    pub size: u64,
    /// The alarms that are raised.
    pub alarms: Vec<Alarm>,
    /// Whether it does not vote yet.
    pub learner: bool,
    /// For those who watch over it.
    pub counts: Counts,
}
