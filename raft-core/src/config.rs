//! What a node is told at boot, and the limits that may be changed while it runs.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::mutant::Mutant;
use crate::types::{Boot, NodeId, Version};

/// A leader that made itself heard all the time would do nothing else.
const HEARTBEAT_MIN: Duration = Duration::from_millis(1);

/// The settings of one node for one boot.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Config {
    /// This node's own id.
    pub id: NodeId,
    /// Which life of its data directory this is: an answer to a former life is never believed.
    pub boot: Boot,
    /// Seeds the generator of election deadlines. Nodes of a cluster must differ, or votes split again and again.
    pub seed: u64,
    /// T: without word from a leader, a follower campaigns after a random time in [T, 2T) (Raft 5.2).
    pub election_timeout: Duration,
    /// How often a leader makes itself heard when it has nothing else to say; well below `election_timeout`. Less than 1 ms
    /// is taken for that, and a longer one than `election_timeout` for as long a one.
    pub heartbeat_interval: Duration,
    /// Ask who would vote before raising the term (thesis 9.6). All members may differ in it. Who is a voter no more by its
    /// own log, and may be needed until its removal is committed, asks always.
    pub pre_vote: bool,
    /// A leader that hears from no quorum for T steps down, and who hears a leader votes for nobody else (thesis 6.2,
    /// 4.2.3). All members may differ in it.
    pub check_quorum: bool,
    /// A leader whose oldest unsaved change is older gives up the lead.
    pub disk_stall_max: Duration,
    /// The newest state machine version this node understands.
    pub version: Version,
    /// How much is done and kept at a time; see [`Raft::set_limits`](crate::Raft::set_limits).
    pub limits: Limits,
    /// A rule taken out on purpose, to prove that the tests would see it. Honoured only with debug assertions.
    pub mutant: Option<Mutant>,
}

/// How much is done and kept at a time. May be changed at any time; zero is taken for one. An entry counts with its
/// payload, and with 64 bytes of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Bytes of the entries of one AppendEntries; a larger single entry still goes, alone.
    pub append_bytes_max: usize,
    /// AppendEntries on their way to one follower.
    pub inflight_messages_max: usize,
    /// Bytes of the entries on their way to one follower; reached, no more is sent.
    pub inflight_bytes_max: usize,
    /// Payload bytes of one entry.
    pub entry_bytes_max: usize,
    /// Bytes of the entries proposed and not yet committed; beyond it proposals are refused as `Busy`. A larger single entry
    /// is still taken, alone.
    pub uncommitted_bytes_max: usize,
    /// Bytes of the log in memory: beyond it, entries that are applied and
    /// durable are dropped, whatever the disk keeps, and a follower that needs them gets a snapshot. While one is on its
    /// way, and until the follower has caught up after it, what that needs stays, up to twice as much.
    pub log_bytes_max: usize,
    /// Of these, what [`Raft::compact`](crate::Raft::compact) leaves for slow followers.
    pub tail_bytes_max: usize,
    /// Of these, what stays although nobody is known to need it: a leader knows what every other member has, and whoever
    /// follows one leaves it to that to keep what others lack, but for `tail_bytes_max`, since it may lead next.
    pub spare_bytes_max: usize,
    /// Bytes of one chunk of a snapshot, as asked of the host.
    pub chunk_bytes_max: usize,
    /// Batches of reads that may wait. Without a quorum they wait until nobody leads here, however often those who
    /// asked have given up and asked again; beyond it reads are refused as `Busy`.
    pub reads_max: usize,
}

impl Config {
    /// The usual settings: etcd's timers, and limits that fill a fast network without filling memory.
    #[must_use]
    pub fn new(id: NodeId, seed: u64) -> Config {
        Config {
            id,
            boot: Boot(1),
            seed,
            election_timeout: Duration::from_millis(1000),
            heartbeat_interval: Duration::from_millis(100),
            pre_vote: true,
            check_quorum: true,
            disk_stall_max: Duration::from_millis(2000),
            version: Version(0),
            limits: Limits::default(),
            mutant: None,
        }
    }

    /// With what would be a standstill taken for the least that is none.
    pub(crate) fn that_goes_on(self) -> Config {
        let longest = self.election_timeout.max(HEARTBEAT_MIN);
        Config {
            heartbeat_interval: self.heartbeat_interval.clamp(HEARTBEAT_MIN, longest),
            limits: self.limits.at_least_one(),
            ..self
        }
    }
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            append_bytes_max: 1 << 20,
            inflight_messages_max: 256,
            inflight_bytes_max: 8 << 20,
            entry_bytes_max: 16 << 20,
            uncommitted_bytes_max: 32 << 20,
            log_bytes_max: 64 << 20,
            tail_bytes_max: 16 << 20,
            spare_bytes_max: 4 << 20,
            chunk_bytes_max: 1 << 20,
            reads_max: 1 << 14,
        }
    }
}

impl Limits {
    /// With none of them 0: that would be a standstill.
    pub(crate) fn at_least_one(self) -> Limits {
        Limits {
            append_bytes_max: self.append_bytes_max.max(1),
            inflight_messages_max: self.inflight_messages_max.max(1),
            inflight_bytes_max: self.inflight_bytes_max.max(1),
            entry_bytes_max: self.entry_bytes_max.max(1),
            uncommitted_bytes_max: self.uncommitted_bytes_max.max(1),
            log_bytes_max: self.log_bytes_max.max(1),
            tail_bytes_max: self.tail_bytes_max.max(1),
            spare_bytes_max: self.spare_bytes_max.max(1),
            chunk_bytes_max: self.chunk_bytes_max.max(1),
            reads_max: self.reads_max.max(1),
        }
    }
}
