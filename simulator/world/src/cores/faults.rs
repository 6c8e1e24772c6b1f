//! What goes wrong: the kinds of fault, each with the strength that a run gives it.

use super::plot::Plot;
use crate::choices::{Choices, PerMillion};

/// A kind of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A member is down; of the Save in flight all or nothing is on its disk.
    Crash,
    /// A member goes down, and is back in a moment.
    Reboot,
    /// A member goes down while it saves.
    CrashWhileSaving,
    /// All members are down.
    CrashAll,
    /// Some pairs are cut.
    Cut(Shape),
    /// Messages get lost.
    Loss(PerMillion),
    /// AppendEntries get lost, other messages do not.
    AppendLoss(PerMillion),
    /// Messages arrive twice.
    Duplication(PerMillion),
    /// Messages take up to so long, so that they arrive in any order.
    Reordering(u64),
    /// Messages to a member are late by up to so much, in order.
    SlowInbox(u64),
    /// Nothing that a member writes gets to its disk until it is over.
    DiskStall,
    /// Each Save of a member takes up to so long.
    SlowDisk(u64),
    /// A member does nothing for a while, and then goes on as if nothing had been.
    Pause,
    /// A member is told that its links are closed, which they are not.
    FalseHint,
    /// Pieces of snapshots arrive with another byte than was sent.
    Corruption(PerMillion),
    /// Messages come to others, too, for whom they are not.
    Misdelivery(PerMillion),
    /// A member's limits are others than before, and than everyone's.
    OtherLimits,
    /// Whoever comes to lead crashes soon, again and again: what Figure 8 of the paper is made of.
    Hunt {
        /// At most so long after it came to lead.
        after_max: u64,
        /// And stays down at most so long.
        down_max: u64,
    },
    /// One thing after another.
    Plot(Plot),
}

/// Which pairs are cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// A member from all others.
    Isolate,
    /// A member hears nobody, and is heard.
    Deaf,
    /// A member is heard by nobody, and hears.
    Mute,
    /// One direction of one pair.
    OneWay,
    /// The cluster falls in two.
    Halves,
    /// In two, but for one member that both sides hear.
    Bridge,
    /// Each member hears its two neighbours on a ring.
    Ring,
    /// OmniPaxos, "chained": each member hears its neighbours on a line.
    Chain,
    /// OmniPaxos, "quorum loss": all hear one who does not lead, and no others hear each other.
    Star,
    /// The leader is cut off, and the only one that the others hear is one that missed something (`plot.rs`).
    Constrained,
}

impl Shape {
    /// All that come alone.
    pub(crate) const ALL: [Shape; 9] = [
        Shape::Isolate,
        Shape::Deaf,
        Shape::Mute,
        Shape::OneWay,
        Shape::Halves,
        Shape::Bridge,
        Shape::Ring,
        Shape::Chain,
        Shape::Star,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Shape::Isolate => "isolate",
            Shape::Deaf => "deaf",
            Shape::Mute => "mute",
            Shape::OneWay => "one-way",
            Shape::Halves => "halves",
            Shape::Bridge => "bridge",
            Shape::Ring => "ring",
            Shape::Chain => "chain",
            Shape::Star => "star",
            Shape::Constrained => "constrained",
        }
    }
}

impl Kind {
    /// The names of all kinds.
    pub(crate) const NAMES: [&str; 30] = [
        "crash",
        "crash while saving",
        "crash all",
        "isolate",
        "deaf",
        "mute",
        "one-way",
        "halves",
        "bridge",
        "ring",
        "chain",
        "star",
        "constrained",
        "loss",
        "append loss",
        "duplication",
        "reordering",
        "slow inbox",
        "disk stall",
        "slow disk",
        "pause",
        "false hint",
        "corruption",
        "misdelivery",
        "other limits",
        "hunt",
        "reboot",
        "forgotten promise",
        "torn joint",
        "late help",
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::Crash => "crash",
            Kind::CrashWhileSaving => "crash while saving",
            Kind::CrashAll => "crash all",
            Kind::Cut(shape) => shape.name(),
            Kind::Loss(_) => "loss",
            Kind::AppendLoss(_) => "append loss",
            Kind::Duplication(_) => "duplication",
            Kind::Reordering(_) => "reordering",
            Kind::SlowInbox(_) => "slow inbox",
            Kind::DiskStall => "disk stall",
            Kind::SlowDisk(_) => "slow disk",
            Kind::Pause => "pause",
            Kind::FalseHint => "false hint",
            Kind::Corruption(_) => "corruption",
            Kind::Misdelivery(_) => "misdelivery",
            Kind::OtherLimits => "other limits",
            Kind::Hunt { .. } => "hunt",
            Kind::Reboot => "reboot",
            Kind::Plot(Plot::Constrained) => Shape::Constrained.name(),
            Kind::Plot(Plot::ForgottenPromise) => "forgotten promise",
            Kind::Plot(Plot::TornJoint) => "torn joint",
            Kind::Plot(Plot::LateHelp) => "late help",
        }
    }

    /// Some of the kinds, each with its strength in a run whose election timeout is `timeout` microseconds.
    pub(crate) fn draw_some(choices: &mut Choices, timeout: u64) -> Vec<Kind> {
        let hunt = Kind::Hunt {
            after_max: choices.pick(&[400_000, 100_000, 30_000]),
            down_max: choices.pick(&[timeout, 4 * timeout]),
        };
        let share = |choices: &mut Choices| PerMillion(choices.pick(&[50_000, 200_000, 400_000]));
        let mut kinds = vec![
            Kind::Crash,
            Kind::Reboot,
            Kind::CrashWhileSaving,
            Kind::CrashAll,
            Kind::Loss(share(choices)),
            Kind::AppendLoss(share(choices)),
            Kind::Duplication(share(choices)),
            Kind::Reordering(choices.pick(&[timeout / 10, timeout / 2, timeout])),
            Kind::SlowInbox(choices.pick(&[timeout / 4, timeout, 2 * timeout])),
            Kind::DiskStall,
            Kind::SlowDisk(choices.pick(&[100_000, timeout / 2])),
            Kind::Pause,
            Kind::FalseHint,
            Kind::Corruption(share(choices)),
            Kind::Misdelivery(share(choices)),
            Kind::OtherLimits,
            hunt,
            Kind::Plot(Plot::Constrained),
        ];
        kinds.extend(Shape::ALL.map(Kind::Cut));
        // Leave out all but a few, or only a few.
        let stays = choices.between(2, kinds.len() as u64);
        while kinds.len() as u64 > stays {
            let out = usize::try_from(choices.below(kinds.len() as u64)).expect("an index");
            kinds.swap_remove(out);
        }
        kinds
    }

    /// How long it lasts at most.
    pub(crate) fn longest(self, timeout: u64) -> u64 {
        match self {
            Kind::Hunt { .. } => 15_000_000,
            // Sometimes shorter than an election, sometimes longer.
            Kind::Crash | Kind::CrashWhileSaving | Kind::Cut(_) | Kind::Plot(_) => 5 * timeout,
            Kind::CrashAll => timeout,
            Kind::Reboot => 2_000,
            Kind::Pause | Kind::DiskStall => 3 * timeout,
            _ => 4_000_000,
        }
    }
}
