//! What a node is told at boot and never changes.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::mutant::Mutant;
use crate::types::NodeId;

/// The settings of one node for one boot.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Config {
    /// This node's own id.
    pub id: NodeId,
    /// Seeds the generator of election deadlines. Nodes of a cluster must differ, or votes split again and again.
    pub seed: u64,
    /// T: without word from a leader, a follower campaigns after a random time in [T, 2T) (Raft 5.2).
    pub election_timeout: Duration,
    /// How often a leader makes itself heard when it has nothing else to say; well below `election_timeout`.
    pub heartbeat_interval: Duration,
    /// Payload bytes of one AppendEntries; a larger single entry still goes, alone.
    pub append_bytes_max: usize,
    /// AppendEntries on their way to one follower.
    pub inflight_messages_max: usize,
    /// Payload bytes on their way to one follower.
    pub inflight_bytes_max: usize,
    /// Payload bytes of one entry.
    pub entry_bytes_max: usize,
    /// Payload bytes proposed and not yet committed; beyond it proposals are refused as `Busy`. A larger single entry
    /// is still taken, alone.
    pub uncommitted_bytes_max: usize,
    /// A rule taken out on purpose, to prove that the tests would see it. Honoured only with debug assertions.
    pub mutant: Option<Mutant>,
}

impl Config {
    /// The usual settings: etcd's timers, and limits that fill a fast network without filling memory.
    #[must_use]
    pub fn new(id: NodeId, seed: u64) -> Config {
        Config {
            id,
            seed,
            election_timeout: Duration::from_millis(1000),
            heartbeat_interval: Duration::from_millis(100),
            append_bytes_max: 1 << 20,
            inflight_messages_max: 256,
            inflight_bytes_max: 8 << 20,
            entry_bytes_max: 16 << 20,
            uncommitted_bytes_max: 32 << 20,
            mutant: None,
        }
    }
}
