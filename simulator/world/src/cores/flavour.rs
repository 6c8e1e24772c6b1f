//! Runs that go for one thing. Some violations lie at the end of a long way: a leader falls at the right moment, then
//! another, and messages are lost here and not there. A run in which everything may happen hardly ever goes all of it.

use super::churn::Deed;
use super::faults::{Kind, Shape};
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
                Kind::Cut(Shape::Constrained),
                Kind::Cut(Shape::Constrained),
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
    }
}

fn snapshots(swarm: &mut Swarm, choices: &mut Choices) {
    let timeout = swarm.timeouts(1);
    swarm.limits.log_bytes_max = choices.pick(&[1, 300]);
    swarm.limits.tail_bytes_max = 0;
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
