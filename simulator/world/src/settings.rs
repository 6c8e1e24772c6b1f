//! What differs from seed to seed ("swarm testing"): how large, how slow, how crowded. A run in which everything is possible
//! seldom goes far in any direction; a run that is extreme in a few does.

use std::time::Duration;

use node::{AutoCompaction, SnapshotPolicy};
use raft_core::Mutant;

use crate::choices::{Choices, PerMillion};
use crate::disk::{ROTS, Rot};
use crate::network::{Law, Weather};

/// How a run is to be.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How many members.
    pub nodes: u64,
    /// A rule taken out on purpose; honoured only with debug assertions.
    pub mutant: Option<Mutant>,
    /// Raft's T.
    pub election_timeout: Duration,
    /// How many clients.
    pub clients: usize,
    /// How many callers.
    pub callers: usize,
    /// How many keys each API uses.
    pub keys: u8,
    /// How long a client rests between operations, in microseconds.
    pub rest: Law,
    /// How long a client waits for an answer, in microseconds.
    pub patience: Law,
    /// What the network does to messages when no fault is about.
    pub weather: Weather,
    /// How long a write and its sync take, in microseconds, when no fault is about.
    pub sync: Law,
    /// How long a member is busy with one turn, in microseconds; what comes meanwhile is handled in the next turn.
    pub turn: Law,
    /// Bytes of a journal segment: small, so that there are many.
    pub segment_bytes: u64,
    /// Raft's limit for the entries of one message.
    pub append_bytes_max: usize,
    /// Raft's limit for messages in flight to one follower.
    pub inflight_messages_max: usize,
    /// When a member makes a snapshot.
    pub snapshots: SnapshotPolicy,
    /// Raft's limit for the log in memory.
    pub log_bytes_max: usize,
    /// Raft's limit for a piece of a snapshot.
    pub chunk_bytes_max: usize,
    /// How often power fails while a snapshot is on its way to the disk, as long as faults go on.
    pub snapshot_crashes: PerMillion,
    /// How often a leader sends a first piece of a snapshot that is not what it has, as long as faults go on.
    pub spoilt: PerMillion,
    /// What history is compacted without being asked. Then no caller asks for it.
    pub auto_compaction: AutoCompaction,
    /// How often a host does what it need not, but may, as long as faults go on.
    pub quirks: PerMillion,
    /// Heartbeats in an election timeout.
    pub heartbeats: u32,
    /// The quota of the state's size.
    pub quota_bytes: u64,
    /// How disks rot, if they do.
    pub rot: Option<Rot>,
    /// Whether directories are wiped.
    pub wipes: bool,
    /// Whether disks get into each other's places.
    pub swaps: bool,
    /// How often power fails while a damaged member becomes another one, as long as faults go on.
    pub repair_crashes: PerMillion,
    /// How long faults go on, in simulated microseconds.
    pub storm: u64,
    /// How long the run lasts at least.
    pub length: u64,
}

/// A simulated second in microseconds.
pub const SECOND: u64 = 1_000_000;

/// One run in four compacts by itself; by number it does so every five minutes, so that such a run takes long.
const COMPACTIONS: [AutoCompaction; 64] = {
    let mut all = [AutoCompaction::Off; 64];
    let mut number = 1;
    while number < 16 {
        let age = if number % 2 == 0 { 1 } else { 6 };
        all[all.len() - number] = AutoCompaction::Periodic(Duration::from_secs(age));
        number += 1;
    }
    all[32] = AutoCompaction::Revisions(100);
    all
};

/// One run in four fills its quota.
const QUOTAS: [u64; 8] = {
    const NONE: u64 = u64::MAX;
    [NONE, NONE, NONE, NONE, NONE, NONE, 320_000, 450_000]
};

/// Three runs in four have members that stay whole.
const ROTS_OF_RUNS: [Option<Rot>; 20] = {
    let mut rots = [None; 20];
    let mut number = 0;
    while number < ROTS.len() {
        rots[rots.len() - ROTS.len() + number] = Some(ROTS[number]);
        number += 1;
    }
    rots
};

/// How many election timeouts after the last fault everything must work again.
pub const RECOVERY_TIMEOUTS: u32 = 12;

/// How many election timeouts after that, and five seconds, damaged members must be repaired.
pub const REPAIR_TIMEOUTS: u32 = 20;

impl Settings {
    /// The settings for one run.
    pub fn draw(choices: &mut Choices, nodes: u64, mutant: Option<Mutant>) -> Settings {
        let election_timeout = Duration::from_millis(choices.pick(&[1000, 500, 300, 300]));
        let auto_compaction = choices.pick(&COMPACTIONS);
        let by_number = matches!(auto_compaction, AutoCompaction::Revisions(_));
        Settings {
            nodes,
            mutant,
            election_timeout,
            clients: usize::try_from(choices.between(4, 8)).expect("few"),
            callers: usize::try_from(choices.between(1, 3)).expect("few"),
            keys: u8::try_from(choices.between(2, 5)).expect("few"),
            rest: law(choices, &[400_000, 150_000], 1_000_000),
            patience: Law {
                min: 1_500_000,
                spread: 1_500_000,
                tail: PerMillion(50_000),
                tail_max: 8_000_000,
            },
            weather: Weather {
                delay: law(choices, &[300, 1_500, 4_000], 30_000),
                loss: PerMillion(0),
                duplication: PerMillion(0),
                corruption: PerMillion(0),
                resets: PerMillion(0),
                bytes_per_ms: None,
            },
            sync: law(choices, &[150, 1_000, 6_000], 20_000),
            turn: law(choices, &[20, 100, 400], 1_000),
            segment_bytes: choices.pick(&[64 << 10, 16 << 10, 256 << 10]),
            append_bytes_max: choices.pick(&[1 << 20, 1 << 10, 1, 1]),
            inflight_messages_max: choices.pick(&[256, 8, 1]),
            snapshots: SnapshotPolicy {
                bytes_min: choices.pick(&[64 << 20, 30_000, 5_000]),
                entries_max: choices.pick(&[u64::MAX, 200, 30]),
            },
            log_bytes_max: choices.pick(&[64 << 20, 6_000, 2_000]),
            chunk_bytes_max: choices.pick(&[128 << 10, 3_000, 500]),
            snapshot_crashes: PerMillion(choices.pick(&[0, 50_000, 200_000])),
            spoilt: PerMillion(choices.pick(&[0, 300_000])),
            quirks: PerMillion(choices.pick(&[0, 0, 20_000, 200_000])),
            heartbeats: choices.pick(&[10, 10, 10, 5]),
            // What callers free is free only when it is compacted.
            quota_bytes: match choices.pick(&QUOTAS) {
                _ if by_number => u64::MAX,
                quota => quota,
            },
            auto_compaction,
            rot: choices.pick(&ROTS_OF_RUNS),
            wipes: choices.happens(PerMillion(120_000)),
            swaps: choices.happens(PerMillion(60_000)),
            repair_crashes: PerMillion(choices.pick(&[0, 300_000, 700_000])),
            storm: 45 * SECOND,
            length: if by_number { 370 * SECOND } else { 60 * SECOND },
        }
    }

    /// Raft's heartbeat.
    #[must_use]
    pub fn heartbeat_interval(&self) -> Duration {
        self.election_timeout / self.heartbeats
    }

    /// Whether disks lose what they had, and members become others.
    #[must_use]
    pub fn is_damaging(&self) -> bool {
        self.rot.is_some() || self.wipes || self.swaps
    }

    /// Whether a state may be made to differ: only where a majority with a state of its own always knows better in the
    /// end. Who is far behind has none, and a log that is cut short leaves many far behind.
    #[must_use]
    pub fn may_diverge(&self) -> bool {
        self.nodes >= 3 && self.log_bytes_max >= 1 << 20 && !self.is_damaging()
    }

    /// How long after everything else works again each damaged member must be one again that lacks nothing, in
    /// microseconds: it may just have stopped because nobody took it in, be started again, and come to a state of any size.
    #[must_use]
    pub fn repair(&self) -> u64 {
        u64::try_from((self.election_timeout * REPAIR_TIMEOUTS).as_micros()).expect("seconds") + 5 * SECOND
    }

    /// How long after the last fault everything must work again, in microseconds.
    #[must_use]
    pub fn recovery(&self) -> u64 {
        u64::try_from((self.election_timeout * RECOVERY_TIMEOUTS).as_micros()).expect("seconds")
    }
}

fn law(choices: &mut Choices, spreads: &[u64], tail_max: u64) -> Law {
    let spread = choices.pick(spreads);
    Law {
        min: spread / 4 + 1,
        spread,
        tail: PerMillion(10_000),
        tail_max,
    }
}
