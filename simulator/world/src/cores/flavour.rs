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
        }
    }
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
