//! What a node is told at boot and never changes.

use std::time::Duration;

use raft_core::NodeId;
use serde::{Deserialize, Serialize};
use storage::repair::Note;
use storage::store::command::Attributes;

use crate::auto_compaction::AutoCompaction;

/// What a node is told at boot.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Config {
    /// Raft's settings; they hold the node's id and boot.
    pub raft: raft_core::Config,
    /// The cluster's id.
    pub cluster_id: u64,
    /// The random id of the data directory.
    pub data_id: u64,
    /// How large the state may become, in bytes of memory, before this member raises the alarm about space; and eight
    /// times as many, or eight times the least bytes between snapshots if that is more, may its files take.
    pub quota_bytes: u64,
    /// When a snapshot is due.
    pub snapshots: SnapshotPolicy,
    /// What history of the v3 keyspace is compacted without being asked.
    pub auto_compaction: AutoCompaction,
    /// How long a watcher that wants to hear of that is told nothing before it hears how far it is.
    pub watch_progress_interval: Duration,
    /// What this member makes known of itself once there is a leader.
    pub attributes: Attributes,
    /// None for a member that is well.
    pub repair: Option<Repair>,
}

/// A member that is new, in place of one whose data directory was damaged or lost. See `repair.rs`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repair {
    /// Whose place it takes.
    pub former: NodeId,
    /// Where it listens for its peers, as in the membership: URLs.
    pub addresses: Vec<String>,
    /// Whether it is to vote when it has caught up.
    pub votes: bool,
    /// How far the repair is.
    pub standing: Standing,
}

/// How far the repair of a member is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Standing {
    /// It asks to be taken in. Its disk is as it was found, so it takes no part: nothing it heard would be kept.
    Petitioner,
    /// It was taken in, and its disk is the new member's. It takes part, and asks to vote.
    Renewed,
}

/// When a member's own snapshot is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotPolicy {
    /// Once the entries applied since the last one have more bytes than this, and more than the state had then.
    pub bytes_min: u64,
    /// Once so many entries were applied since the last one, whatever their bytes.
    pub entries_max: u64,
}

impl Repair {
    /// What the note of a repair says, of a member that listens for its peers at `addresses`.
    #[must_use]
    pub fn of(note: &Note, addresses: Vec<String>, standing: Standing) -> Repair {
        Repair {
            former: note.former.member_id,
            addresses,
            votes: note.votes,
            standing,
        }
    }
}

impl Default for SnapshotPolicy {
    fn default() -> SnapshotPolicy {
        SnapshotPolicy {
            bytes_min: 64 << 20,
            entries_max: u64::MAX,
        }
    }
}

impl Config {
    /// How long a request may wait: etcd's 5 s + 2 election timeouts.
    #[must_use]
    pub fn request_timeout(&self) -> Duration {
        Duration::from_secs(5) + 2 * self.raft.election_timeout
    }

    /// The shortest time to live that a lease is granted, in seconds: etcd's 3/2 election timeouts, so that a change of
    /// the leader leaves time to renew it.
    #[must_use]
    pub fn lease_ttl_min(&self) -> u64 {
        let min = self.raft.election_timeout * 3 / 2;
        min.as_secs() + u64::from(min.subsec_nanos() > 0)
    }
}
