//! Runs that go for one thing. Some violations lie at the end of a long way: a leader falls at the right moment, then
//! another, and messages are lost here and not there. A run in which everything may happen hardly ever goes all of it.

use std::time::Duration;

use super::churn::Deed;
use super::faults::{Kind, Shape};
use super::plot::Plot;
use super::swarm::{Spread, Swarm, law};
use crate::choices::{Choices, PerMillion};
use crate::network::Law;

/// What a run goes for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flavour {
    /// Whatever comes.
    Any,
    /// Leaders that fall with their entries half way out: Figure 8 of the paper.
    FallingLeaders,
    /// The same while each changes the membership as soon as it leads: Ongaro's bug of 2015 in single-server changes.
    CrossedChanges,
    /// Leaders and members that were away, and messages that come late: reads.
    LateMessages,
    /// The same with lease reads, transfers, and clocks that run as badly as was declared.
    Leases,
    /// OmniPaxos: the only one with a quorum of links has missed something.
    FewLinks,
    /// Logs hardly reach back, and snapshots are slow, spoilt and overtaken.
    Snapshots,
    /// The lead goes from hand to hand, and to some who cannot take it any more.
    HandingOver,
    /// With lease reads, voters that boot and vote at once.
    ForgottenPromises,
    /// Followers that boot while answers to their reads are on the way.
    FormerLives,
    /// Leaders that are cut off with the new half of a joint configuration, and read.
    TornJoints,
    /// Candidates that get entries when they stand no more.
    LateHelp,
}

/// Makes some runs go for one thing.
pub(crate) fn season(swarm: &mut Swarm, choices: &mut Choices) {
    let timeout = swarm.timeouts(1);
    match choices.pick(&[
        Flavour::Any,
        Flavour::Any,
        Flavour::Any,
        Flavour::Any,
        Flavour::FallingLeaders,
        Flavour::CrossedChanges,
        Flavour::LateMessages,
        Flavour::Leases,
        Flavour::Leases,
        Flavour::FewLinks,
        Flavour::Snapshots,
        Flavour::HandingOver,
        Flavour::ForgottenPromises,
        Flavour::FormerLives,
        Flavour::TornJoints,
        Flavour::LateHelp,
    ]) {
        Flavour::Any => {}
        Flavour::FallingLeaders => {
            swarm.faults = falling_leaders(choices, timeout);
            swarm.deed_gap = None;
        }
        Flavour::CrossedChanges => {
            swarm.voters = choices.pick(&[4, 4, 5, 6]);
            swarm.learners = 0;
            swarm.faults = falling_leaders(choices, timeout);
            swarm.leader_is_victim = PerMillion(900_000);
            swarm.deeds = vec![Deed::Demote, Deed::Promote, Deed::Promote];
            swarm.deed_gap = Some(law(400_000));
            swarm.acts_at_once = true;
            swarm.pre_vote = Spread::None;
            swarm.check_quorum = Spread::None;
            swarm.leases = false;
        }
        Flavour::LateMessages => {
            swarm.faults = late_messages(choices, timeout);
            swarm.read_gap = law(40_000);
            swarm.check_quorum = choices.pick(&[Spread::None, Spread::Some]);
            swarm.leader_is_victim = PerMillion(500_000);
        }
        Flavour::Leases => leases(swarm, choices),
        Flavour::FewLinks => {
            swarm.faults = vec![
                Kind::Plot(Plot::Constrained),
                Kind::Plot(Plot::Constrained),
                Kind::Cut(Shape::Star),
                Kind::Cut(Shape::Chain),
                Kind::Cut(choices.pick(&Shape::ALL)),
                Kind::Reordering(choices.pick(&[timeout / 10, timeout, 3 * timeout])),
            ];
            swarm.pre_vote = Spread::All;
            swarm.check_quorum = Spread::All;
            if choices.happens(PerMillion(500_000)) {
                // Tails that differ, and little room to compare them.
                swarm.faults.extend(falling_leaders(choices, timeout));
                swarm.faults.push(Kind::OtherLimits);
                swarm.limits.append_bytes_max = 1;
            }
        }
        Flavour::Snapshots => snapshots(swarm, choices),
        Flavour::HandingOver => handing_over(swarm, choices),
        Flavour::ForgottenPromises => forgotten_promises(swarm, choices),
        Flavour::FormerLives => former_lives(swarm, choices),
        Flavour::TornJoints => torn_joints(swarm),
        Flavour::LateHelp => late_help(swarm),
    }
}

fn snapshots(swarm: &mut Swarm, choices: &mut Choices) {
    let timeout = swarm.timeouts(1);
    swarm.limits.log_bytes_max = choices.pick(&[1, 300]);
    swarm.limits.tail_bytes_max = 0;
    swarm.limits.spare_bytes_max = 0;
    swarm.limits.chunk_bytes_max = 40;
    swarm.snapshot_bytes = choices.pick(&[0, 200]);
    swarm.snapshot_sync.spread = choices.pick(&[2 * timeout, 4 * timeout]);
    swarm.unusable = PerMillion(300_000);
    swarm.faults = vec![
        Kind::Corruption(PerMillion(300_000)),
        Kind::Duplication(PerMillion(400_000)),
        Kind::Reordering(choices.pick(&[timeout / 10, timeout, 3 * timeout])),
        Kind::SlowInbox(timeout),
        Kind::Cut(Shape::Isolate),
        Kind::Cut(Shape::Halves),
        Kind::Crash,
        Kind::AppendLoss(PerMillion(500_000)),
    ];
    swarm.fault_gap = law(timeout);
}

/// Whoever is told to stand may have been away, stand already, or be no voter any more.
fn handing_over(swarm: &mut Swarm, choices: &mut Choices) {
    let timeout = swarm.timeouts(1);
    swarm.deeds = vec![
        Deed::Transfer,
        Deed::Transfer,
        Deed::HandOver,
        Deed::Demote,
        Deed::Promote,
        Deed::Remove,
        Deed::Learner,
    ];
    swarm.deed_gap = Some(law(choices.pick(&[timeout / 4, timeout])));
    swarm.acts_at_once = true;
    swarm.faults = vec![
        Kind::Duplication(PerMillion(400_000)),
        Kind::Reordering(choices.pick(&[timeout / 2, 2 * timeout])),
        Kind::SlowInbox(choices.pick(&[timeout, 3 * timeout])),
        Kind::Crash,
        choices.pick(&[Kind::Pause, Kind::FalseHint]),
    ];
}

/// A lease is refuted by a leader that is cut off while it still gets late acknowledgements, or whose clock is slow while
/// the others' are fast.
fn leases(swarm: &mut Swarm, choices: &mut Choices) {
    swarm.leases = true;
    swarm.drift_ppm = choices.pick(&[300_000, 300_000, 1_000]);
    let timeout = swarm.timeouts(1);
    swarm.faults = vec![
        Kind::SlowInbox(timeout * 4 / 5),
        Kind::Cut(Shape::Isolate),
        Kind::Cut(Shape::Mute),
        choices.pick(&[Kind::Cut(Shape::Deaf), Kind::Pause, Kind::Crash]),
    ];
    swarm.fault_gap = law(2 * timeout);
    swarm.leader_is_victim = PerMillion(900_000);
    swarm.check_quorum = choices.pick(&[Spread::None, Spread::All]);
    // A lead that was offered to another relies on no lease: half of the runs transfer nothing.
    let transfers = choices.happens(PerMillion(500_000));
    swarm.deeds = vec![Deed::Transfer, Deed::HandOver];
    swarm.deed_gap = transfers.then_some(law(500_000));
    swarm.acts_at_once = transfers;
    // Mostly all that was proposed is acknowledged, so that the lead can go over at once.
    (swarm.offers_max, swarm.offer_gap) = (29, law(1_500_000));
    swarm.read_gap = law(20_000);
    swarm.reads_are_of_leaders = true;
    swarm.delay = fast(300);
    swarm.sync = fast(200);
}

/// The only one that may win is the only one that asks for no votes first: else it would hear of the other's term, and
/// stand in a later one.
fn late_help(swarm: &mut Swarm) {
    (swarm.voters, swarm.learners, swarm.deed_gap) = (5, 0, None);
    swarm.pre_vote = Spread::AllButOne;
    swarm.leases = false;
    swarm.priorities = false;
    shorten_timeout(swarm);
    // Logs grow apart, and are compared entry by entry.
    swarm.limits.append_bytes_max = 1;
    swarm.limits.inflight_messages_max = 1;
    (swarm.offers_max, swarm.offer_gap) = (1, law(40_000));
    swarm.delay = fast(300);
    swarm.sync = fast(200);
    swarm.faults = vec![Kind::Plot(Plot::LateHelp)];
    swarm.fault_gap = law(16 * swarm.timeouts(1));
}

/// As many learners as voters that go, so that the two take turns.
fn torn_joints(swarm: &mut Swarm) {
    (swarm.voters, swarm.learners, swarm.deed_gap) = (3, 2, None);
    swarm.check_quorum = Spread::None;
    swarm.leases = false;
    shorten_timeout(swarm);
    swarm.faults = vec![Kind::Plot(Plot::TornJoint)];
    swarm.fault_gap = law(8 * swarm.timeouts(1));
    (swarm.read_gap, swarm.reads_are_of_leaders) = (law(20_000), true);
    (swarm.delay, swarm.sync) = (fast(300), fast(200));
}

/// Seldom is anything proposed, so that the one that stands has all that the booted ones have.
fn forgotten_promises(swarm: &mut Swarm, choices: &mut Choices) {
    leases(swarm, choices);
    (swarm.deed_gap, swarm.acts_at_once) = (None, false);
    shorten_timeout(swarm);
    swarm.lease_timeout = swarm.election_timeout;
    swarm.drift_ppm = 1_000;
    swarm.faults = vec![Kind::Plot(Plot::ForgottenPromise)];
    swarm.fault_gap = law(8 * swarm.timeouts(1));
}

/// Reads come in bursts, so that two lives ask with the same ids, and messages at any time.
fn former_lives(swarm: &mut Swarm, choices: &mut Choices) {
    let timeout = swarm.timeouts(1);
    swarm.faults = vec![
        Kind::Reboot,
        Kind::Reboot,
        Kind::Reordering(choices.pick(&[timeout / 4, timeout / 2])),
        Kind::SlowInbox(timeout / 2),
        Kind::Duplication(PerMillion(400_000)),
    ];
    swarm.fault_gap = law(timeout / 2);
    swarm.leader_is_victim = PerMillion(100_000);
    swarm.leases = false;
    swarm.limits.reads_max = 1 << 14;
    (swarm.reads_at_once, swarm.read_gap) = (8, law(30_000));
}

/// More of what takes so many timeouts happens in a run.
fn shorten_timeout(swarm: &mut Swarm) {
    swarm.election_timeout = Duration::from_millis(300);
    swarm.heartbeat_interval = swarm.election_timeout / 5;
}

fn falling_leaders(choices: &mut Choices, timeout: u64) -> Vec<Kind> {
    let hunt = Kind::Hunt {
        after_max: choices.pick(&[400_000, 100_000, 30_000]),
        down_max: choices.pick(&[timeout, 4 * timeout]),
    };
    let append_loss = Kind::AppendLoss(PerMillion(choices.pick(&[500_000, 800_000])));
    let away = choices.pick(&[Kind::Crash, Kind::Cut(Shape::Isolate)]);
    vec![hunt, append_loss, away, hunt, append_loss]
}

fn late_messages(choices: &mut Choices, timeout: u64) -> Vec<Kind> {
    let late = match choices.below(2) {
        0 => Kind::Reordering(choices.pick(&[timeout, 3 * timeout])),
        _ => Kind::SlowInbox(choices.pick(&[timeout, 3 * timeout])),
    };
    let shape = Kind::Cut(choices.pick(&[Shape::Isolate, Shape::Deaf, Shape::Mute]));
    vec![
        late,
        late,
        shape,
        shape,
        Kind::Cut(Shape::Isolate),
        choices.pick(&[Kind::Crash, Kind::Pause]),
    ]
}

fn fast(spread: u64) -> Law {
    Law {
        min: spread / 4,
        spread,
        tail: PerMillion(0),
        tail_max: 0,
    }
}
