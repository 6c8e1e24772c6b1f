//! What differs from seed to seed ("swarm testing"): how many members, how they are set, how fast things are, what goes
//! wrong at all and how badly. A run that is extreme in a few ways goes further than one in which everything is possible.

use std::time::Duration;

use raft_core::{Config, Lease, Limits, Membership, Mutant, NodeId};

use super::calm::LENGTH_MIN;
use super::churn::Deed;
use super::faults::Kind;
use super::flavour;
use crate::choices::{Choices, PerMillion};
use crate::network::Law;
use crate::settings::SECOND;

/// How one run is to be.
#[derive(Clone, Debug)]
pub(crate) struct Swarm {
    /// The voters that found the cluster.
    pub(crate) voters: u64,
    /// And the learners.
    pub(crate) learners: u64,
    pub(crate) election_timeout: Duration,
    pub(crate) heartbeat_interval: Duration,
    pub(crate) pre_vote: Spread,
    pub(crate) check_quorum: Spread,
    pub(crate) disk_stall_max: Duration,
    pub(crate) limits: Limits,
    /// By how much clocks are off, in parts per million.
    pub(crate) drift_ppm: u64,
    /// Reads may be answered by lease from the beginning on.
    pub(crate) leases: bool,
    /// How long a voter keeps to a leader for their sake.
    pub(crate) lease_timeout: Duration,
    /// How often a member that boots again understands more than before.
    pub(crate) upgrades: PerMillion,
    /// Members differ in priority from the beginning.
    pub(crate) priorities: bool,
    /// A rule taken out on purpose.
    pub(crate) mutant: Option<Mutant>,
    /// How long a message takes, in microseconds, when no fault is about.
    pub(crate) delay: Law,
    /// How long a Save takes.
    pub(crate) sync: Law,
    /// How long until the next proposals.
    pub(crate) offer_gap: Law,
    /// How many come at once, at most.
    pub(crate) offers_max: u64,
    /// Bytes of a command, at most.
    pub(crate) payload_max: u64,
    /// How long until the next read.
    pub(crate) read_gap: Law,
    /// How many come at once, at most.
    pub(crate) reads_at_once: u64,
    /// Reads come to whoever believes to lead.
    pub(crate) reads_are_of_leaders: bool,
    /// How long until the next fault.
    pub(crate) fault_gap: Law,
    /// Which kinds of fault there are.
    pub(crate) faults: Vec<Kind>,
    /// How often a fault that befalls one member befalls the leader.
    pub(crate) leader_is_victim: PerMillion,
    /// How often a member notices that a link of its is cut.
    pub(crate) hints: PerMillion,
    /// After so many entries a member makes a snapshot of its own.
    pub(crate) snapshot_every: u64,
    /// Bytes of a snapshot, beyond the first few.
    pub(crate) snapshot_bytes: usize,
    /// How long it takes to make a received one durable.
    pub(crate) snapshot_sync: Law,
    /// How often a received one is of no use.
    pub(crate) unusable: PerMillion,
    /// No two members write the same bytes for the same state.
    pub(crate) snapshots_differ: bool,
    /// How long until the operator acts again; None if never.
    pub(crate) deed_gap: Option<Law>,
    /// What the operator does at all.
    pub(crate) deeds: Vec<Deed>,
    /// The operator does something whenever somebody comes to lead or something goes wrong, too.
    pub(crate) acts_at_once: bool,
    /// When the quorum is lost for good, if ever.
    pub(crate) recovery_at: Option<u64>,
    /// How long faults go on.
    pub(crate) storm: u64,
}

/// Which members have a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spread {
    All,
    None,
    Some,
    /// One has it not.
    AllButOne,
}

impl Spread {
    /// Whether one member has it.
    pub(crate) fn draw(self, choices: &mut Choices, id: NodeId) -> bool {
        match self {
            Spread::All => true,
            Spread::None => false,
            Spread::Some => choices.happens(PerMillion(500_000)),
            Spread::AllButOne => id != NodeId(1),
        }
    }
}

impl Swarm {
    /// The settings for one run.
    pub(crate) fn draw(choices: &mut Choices, mutant: Option<Mutant>) -> Swarm {
        let mut swarm = Swarm::of_all_kinds(choices, mutant);
        flavour::season(&mut swarm, choices);
        swarm
    }

    fn of_all_kinds(choices: &mut Choices, mutant: Option<Mutant>) -> Swarm {
        let timeout_ms = choices.pick(&[1000, 2000, 500, 1000, 300]);
        let election_timeout = Duration::from_millis(timeout_ms);
        let timeout = timeout_ms * 1000;
        // What follows the storm takes about so many timeouts.
        let storm = (LENGTH_MIN - 24 * timeout.min(LENGTH_MIN / 24)).max(25 * SECOND);
        let offers_max = choices.pick(&[1, 3, 11, 29]);
        let spread = choices.pick(&[300, 1_000, 5_000, 15_000]);
        let sync = sync(choices);
        let snapshot_spread = choices.pick(&[2 * sync.spread, 2 * sync.spread, 2 * timeout]);
        Swarm {
            voters: choices.pick(&[3, 3, 3, 5, 3, 4, 5, 7, 2, 6, 1]),
            learners: choices.pick(&[0, 1, 0, 2]),
            election_timeout,
            heartbeat_interval: election_timeout / choices.pick(&[5, 10, 3]),
            pre_vote: choices.pick(&[Spread::All, Spread::All, Spread::Some, Spread::None]),
            check_quorum: choices.pick(&[Spread::All, Spread::All, Spread::Some, Spread::None]),
            disk_stall_max: election_timeout * choices.pick(&[2, 1, 5]),
            limits: limits(choices),
            drift_ppm: choices.pick(&[20_000, 1_000, 100_000]),
            leases: choices.happens(PerMillion(300_000)),
            lease_timeout: choices.pick(&[election_timeout, election_timeout / 2, 2 * election_timeout]),
            upgrades: PerMillion(choices.pick(&[0, 300_000, 1_000_000])),
            priorities: choices.happens(PerMillion(200_000)),
            mutant,
            delay: Law {
                min: spread / 4,
                spread,
                tail: PerMillion(10_000),
                // A round trip stays well below an election timeout (Raft 5.6).
                tail_max: (10 * spread).min(timeout / 8),
            },
            sync,
            // Ten offers a second on average, in one way or another.
            offer_gap: law(100_000 * (offers_max + 1) / 2),
            offers_max,
            payload_max: choices.pick(&[12, 60, 400]),
            read_gap: law(choices.pick(&[300_000, 1_000_000, 100_000])),
            reads_at_once: choices.pick(&[1, 1, 8]),
            reads_are_of_leaders: false,
            fault_gap: law(storm / choices.pick(&[20, 40, 10])),
            faults: Kind::draw_some(choices, timeout),
            leader_is_victim: PerMillion(choices.pick(&[500_000, 900_000, 200_000])),
            hints: PerMillion(choices.pick(&[500_000, 1_000_000, 0])),
            snapshot_every: choices.pick(&[10_000, 100, 30, 1]),
            snapshot_bytes: choices.pick(&[0, 100, 1_000]),
            snapshot_sync: Law {
                spread: snapshot_spread,
                ..sync
            },
            unusable: PerMillion(20_000),
            snapshots_differ: choices.happens(PerMillion(300_000)),
            deed_gap: match choices.happens(PerMillion(850_000)) {
                true => Some(law(choices.pick(&[SECOND, 3 * SECOND, 300_000]))),
                false => None,
            },
            deeds: Deed::draw_some(choices),
            acts_at_once: choices.happens(PerMillion(100_000)),
            recovery_at: match choices.happens(PerMillion(30_000)) {
                true => Some(choices.between(5 * SECOND, 30 * SECOND)),
                false => None,
            },
            storm,
        }
    }

    /// The settings of one member, in all its lives.
    pub(crate) fn config(&self, choices: &mut Choices, id: NodeId) -> Config {
        Config {
            election_timeout: self.election_timeout,
            heartbeat_interval: self.heartbeat_interval,
            pre_vote: self.pre_vote.draw(choices, id),
            check_quorum: self.check_quorum.draw(choices, id),
            disk_stall_max: self.disk_stall_max,
            limits: self.limits,
            mutant: self.mutant,
            ..Config::new(id, 0)
        }
    }

    /// The members that found the cluster, and what they hold to.
    pub(crate) fn founders(&self, choices: &mut Choices) -> Membership {
        let ids = 1..=self.voters + self.learners;
        let mut membership = Membership::of_voters(ids.map(|id| (NodeId(id), vec![format!("n{id}")])));
        let learners = membership.voters.split_off(&NodeId(self.voters + 1));
        membership.learners = learners;
        membership.settings.lease = self.leases.then(|| self.lease());
        if self.priorities {
            let draw = |&id: &NodeId| (id, u8::try_from(choices.below(3)).expect("small"));
            let drawn = membership.voters.iter().map(draw);
            membership.settings.priorities = drawn.filter(|&(_, priority)| priority > 0).collect();
        }
        membership
    }

    /// Terms of lease reads that the run's clocks keep.
    pub(crate) fn lease(&self) -> Lease {
        Lease {
            timeout: self.lease_timeout,
            drift_ppm: u32::try_from(self.drift_ppm).expect("below a million"),
        }
    }

    /// So many election timeouts, or those of leases if they are longer, by the slowest clock, in microseconds.
    pub(crate) fn slow_timeouts(&self, count: u32) -> u64 {
        let longer = self.lease_timeout.max(self.election_timeout);
        micros(longer * count) * 1_000_000 / (1_000_000 - self.drift_ppm)
    }

    /// Limits for one member that are not everyone's.
    pub(crate) fn other_limits(&self, choices: &mut Choices) -> Limits {
        Limits {
            uncommitted_bytes_max: choices.pick(&[1, 400, 32 << 20]),
            ..limits(choices)
        }
    }

    /// So many election timeouts, in microseconds.
    pub(crate) fn timeouts(&self, count: u32) -> u64 {
        micros(self.election_timeout * count)
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).expect("seconds")
}

/// Small ones, so that a few entries fill them.
fn limits(choices: &mut Choices) -> Limits {
    Limits {
        append_bytes_max: choices.pick(&[1 << 20, 1, 100]),
        inflight_messages_max: choices.pick(&[256, 1, 3]),
        inflight_bytes_max: choices.pick(&[8 << 20, 1, 200]),
        uncommitted_bytes_max: choices.pick(&[32 << 20, 4_000, 400]),
        log_bytes_max: choices.pick(&[64 << 20, 4_000, 300, 1]),
        tail_bytes_max: choices.pick(&[16 << 20, 1_000, 0]),
        spare_bytes_max: choices.pick(&[4 << 20, 500, 0]),
        chunk_bytes_max: choices.pick(&[1 << 20, 300, 40]),
        reads_max: choices.pick(&[1 << 14, 5, 1]),
        ..Limits::default()
    }
}

fn sync(choices: &mut Choices) -> Law {
    let spread = choices.pick(&[200, 1_000, 8_000, 30_000]);
    Law {
        min: spread / 4,
        spread,
        tail: PerMillion(10_000),
        tail_max: 100_000,
    }
}

/// About `mean` microseconds.
pub(crate) fn law(mean: u64) -> Law {
    Law {
        min: mean / 4,
        spread: mean * 3 / 2,
        tail: PerMillion(0),
        tail_max: 0,
    }
}
