//! What goes wrong, and when: a schedule drawn before the run begins. Which kinds of fault there are at all, and how strong,
//! differs from seed to seed.

use std::collections::BTreeSet;

use raft_core::{NodeId, Time};

use crate::choices::{Choices, PerMillion};
use crate::disk::{Failing, Rot};
use crate::network::{Cut, Law, Network, Weather};
use crate::probes::Probe;
use crate::settings::Settings;

pub mod budget;
mod plan;
mod shapes;

pub use shapes::{SHAPES, Shape};

pub use plan::{FAULTS_MIN, plan};

/// Something that goes wrong for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A member is down.
    Crash(Who),
    /// Every member is down.
    CrashAll,
    /// A member's power fails between a write and its sync, when next it saves.
    CrashWhileSaving(Who),
    /// A member's power fails after so many more disk operations, wherever that is.
    PowerCut {
        /// Whose.
        who: Who,
        /// After how many.
        operations: u32,
    },
    /// Nobody hears a member and it hears nobody.
    Isolate {
        /// Whom.
        who: Who,
        /// Whether messages are held until the end, rather than lost.
        held: bool,
    },
    /// The cluster falls in two.
    Halves {
        /// Whether messages are held until the end, rather than lost.
        held: bool,
    },
    /// The links are a graph in which not everybody who is cut from one is cut from all.
    Links {
        /// Who is the last of it.
        who: Who,
        /// Who is the first of it; anybody.
        first: Option<NodeId>,
        /// Which graph.
        shape: Shape,
        /// Whether messages are held until the end, rather than lost.
        held: bool,
    },
    /// A member falls behind; then it alone is linked to all others but one.
    Constrained(Who),
    /// One member after another is clogged, and they come back in another order.
    Swizzle,
    /// A member is heard and hears nobody, or the other way round.
    OneWay {
        /// Whom.
        who: Who,
        /// Whether it hears nobody.
        deaf: bool,
    },
    /// Messages get lost.
    Loss(PerMillion),
    /// Messages arrive twice.
    Duplication(PerMillion),
    /// Messages arrive late and in any order.
    Delay(Law),
    /// Bits are flipped on the way.
    Corruption(PerMillion),
    /// Links end in the middle of a message.
    Resets(PerMillion),
    /// So many bytes pass in a millisecond, and no more.
    Narrow(u64),
    /// A member's disk is slow.
    SlowDisk(Who),
    /// A member's disk does nothing.
    StalledDisk(Who),
    /// After so many more operations of its kind one fails on a member's disk; a sync that does drops pages.
    DiskError {
        /// Whose.
        who: Who,
        /// Of which kind.
        failing: Failing,
        /// After how many.
        operations: u32,
    },
    /// A member's disk has room for so many bytes more.
    FullDisk {
        /// Whose.
        who: Who,
        /// How many.
        bytes: u64,
        /// Whether the member crashes meanwhile, and starts again.
        restarts: bool,
    },
    /// A member is down, and meanwhile its disk rots, if a quorum's other copies allow for it.
    Rot(Who, Rot),
    /// A member's state changes behind its log's back.
    Diverge(Who),
    /// A member crashes, and its disk is emptied, if a quorum's other copies allow for it.
    Wipe(Who),
    /// A member and another one crash, and each has the other's disk for a while.
    Swap(Who),
    /// A member is told to hand over the lead, as before a clean stop, and stays.
    HandOver(Who),
    /// The links on which a member speaks close and open again.
    LinksClose(Who),
    /// A member does nothing for a while, and then goes on as if nothing had been.
    Stall(Who),
    /// A member does nothing for a while, and its clocks stand still meanwhile.
    Sleep(Who),
    /// A member's wall clock is put forward, or back, by so many milliseconds.
    WallClock(Who, i64),
    /// Whoever comes to lead soon falls silent and crashes, again and again: what Figure 8 of the paper is made of.
    Hunt {
        /// At most so long after it came to lead, in microseconds.
        after_max: u64,
        /// And stays down at most so long.
        down_max: u64,
    },
}

/// To whom it happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// To whoever leads then; to anybody if nobody does.
    Leader,
    /// To any member.
    Any,
    /// To this one, whether it runs or not.
    This(NodeId),
}

/// A fault with its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Planned {
    /// When it begins.
    pub begins: Time,
    /// When it ends.
    pub ends: Time,
    /// What.
    pub fault: Fault,
}

/// A fault that is going on.
#[derive(Clone, Debug)]
pub struct Active {
    /// Which of the plan.
    pub number: usize,
    /// What.
    pub fault: Fault,
    /// The member it befell, if it is one member's.
    pub victim: Option<NodeId>,
    /// The pairs it cuts.
    pub cuts: Vec<((NodeId, NodeId), Cut)>,
    /// The pairs it befalls if it is the network's; none: all.
    pub pairs: Vec<(NodeId, NodeId)>,
}

impl Fault {
    /// What it is counted as; rot is counted as it befalls.
    #[must_use]
    pub(crate) fn probe(&self) -> Option<Probe> {
        Some(match self {
            Fault::Crash(_) => Probe::Crash,
            Fault::CrashAll => Probe::CrashAll,
            Fault::CrashWhileSaving(_) => Probe::CrashWhileSaving,
            Fault::PowerCut { .. } => Probe::PowerCut,
            Fault::Isolate { .. } => Probe::Isolate,
            Fault::Halves { .. } => Probe::Halves,
            Fault::OneWay { .. } => Probe::OneWay,
            Fault::Links { shape, .. } => match shape {
                Shape::Bridge => Probe::Bridge,
                Shape::Ring => Probe::Ring,
                Shape::Star => Probe::Star,
                Shape::Chain => Probe::Chain,
                Shape::Constrained => Probe::Constrained,
            },
            Fault::Swizzle => Probe::Swizzle,
            Fault::Resets(_) => Probe::Resets,
            Fault::Narrow(_) => Probe::Narrow,
            Fault::Loss(_) => Probe::Loss,
            Fault::Duplication(_) => Probe::Duplication,
            Fault::Delay(_) => Probe::Delay,
            Fault::Corruption(_) => Probe::Corruption,
            Fault::SlowDisk(_) => Probe::SlowDisk,
            Fault::StalledDisk(_) => Probe::StalledDisk,
            Fault::HandOver(_) => Probe::HandOver,
            Fault::LinksClose(_) => Probe::LinksClose,
            Fault::Stall(_) => Probe::Stall,
            Fault::Sleep(_) => Probe::Sleep,
            Fault::WallClock(_, by) if *by < 0 => Probe::WallBack,
            Fault::WallClock(..) => Probe::WallForward,
            Fault::Hunt { .. } => Probe::Hunt,
            Fault::FullDisk { .. } => Probe::Full,
            // These are counted when they come to pass.
            Fault::DiskError { .. }
            | Fault::Constrained(_)
            | Fault::Rot(..)
            | Fault::Wipe(_)
            | Fault::Swap(_)
            | Fault::Diverge(_) => return None,
        })
    }

    /// Whom it befalls, if a single member.
    #[must_use]
    pub fn who(&self) -> Option<Who> {
        match *self {
            Fault::Crash(who)
            | Fault::CrashWhileSaving(who)
            | Fault::PowerCut { who, .. }
            | Fault::Isolate { who, .. }
            | Fault::OneWay { who, .. }
            | Fault::Links { who, .. }
            | Fault::Constrained(who)
            | Fault::SlowDisk(who)
            | Fault::StalledDisk(who)
            | Fault::DiskError { who, .. }
            | Fault::FullDisk { who, .. }
            | Fault::Rot(who, _)
            | Fault::Wipe(who)
            | Fault::Swap(who)
            | Fault::Stall(who)
            | Fault::Sleep(who)
            | Fault::WallClock(who, _)
            | Fault::Diverge(who)
            | Fault::HandOver(who)
            | Fault::LinksClose(who) => Some(who),
            _ => None,
        }
    }

    /// The pairs that it cuts, given whom it befalls and when it ends.
    pub fn cuts(
        &self,
        victim: Option<NodeId>,
        members: &[NodeId],
        ends: Time,
        choices: &mut Choices,
    ) -> Vec<((NodeId, NodeId), Cut)> {
        let how = |held: bool| if held { Cut::HeldUntil(ends) } else { Cut::Lost };
        let crosses =
            |side: &BTreeSet<NodeId>, from: &NodeId, to: &NodeId| side.contains(from) != side.contains(to);
        let pairs = members
            .iter()
            .flat_map(|&from| members.iter().map(move |&to| (from, to)));
        match (*self, victim) {
            (Fault::Isolate { held, .. }, Some(victim)) => {
                let side = BTreeSet::from([victim]);
                pairs
                    .filter(|(from, to)| crosses(&side, from, to))
                    .map(|pair| (pair, how(held)))
                    .collect()
            }
            (Fault::Halves { held }, _) => {
                let side: BTreeSet<NodeId> = members
                    .iter()
                    .copied()
                    .filter(|_| choices.happens(PerMillion(500_000)))
                    .collect();
                pairs
                    .filter(|(from, to)| crosses(&side, from, to))
                    .map(|pair| (pair, how(held)))
                    .collect()
            }
            (
                Fault::Links {
                    first, shape, held, ..
                },
                Some(victim),
            ) => {
                let order = order(members, first, victim, choices);
                let cuts = shape.cuts(&order).into_iter();
                cuts.map(|pair| (pair, how(held))).collect()
            }
            (Fault::OneWay { deaf, .. }, Some(victim)) => pairs
                .filter(|(from, to)| from != to && victim == if deaf { *to } else { *from })
                .map(|pair| (pair, Cut::Lost))
                .collect(),
            _ => Vec::new(),
        }
    }
}

/// Any order of the members, but for who is the first and who the last.
fn order(members: &[NodeId], first: Option<NodeId>, last: NodeId, choices: &mut Choices) -> Vec<NodeId> {
    let mut left: Vec<NodeId> = members
        .iter()
        .copied()
        .filter(|&id| id != last && Some(id) != first)
        .collect();
    let mut order: Vec<NodeId> = first.into_iter().filter(|&id| id != last).collect();
    while !left.is_empty() {
        let place = usize::try_from(choices.below(left.len() as u64)).expect("an index");
        order.push(left.swap_remove(place));
    }
    order.push(last);
    order
}

impl Fault {
    /// Whether it is about messages, everywhere or between some.
    #[must_use]
    pub fn is_weather(&self) -> bool {
        matches!(
            self,
            Fault::Loss(_)
                | Fault::Duplication(_)
                | Fault::Corruption(_)
                | Fault::Resets(_)
                | Fault::Narrow(_)
                | Fault::Delay(_)
        )
    }

    /// Makes the weather as bad as it is.
    fn spoils(&self, weather: &mut Weather) {
        match *self {
            Fault::Loss(share) => weather.loss = weather.loss.max(share),
            Fault::Duplication(share) => weather.duplication = weather.duplication.max(share),
            Fault::Corruption(share) => weather.corruption = weather.corruption.max(share),
            Fault::Resets(share) => weather.resets = weather.resets.max(share),
            Fault::Narrow(bytes) => {
                weather.bytes_per_ms = Some(weather.bytes_per_ms.map_or(bytes, |other| other.min(bytes)));
            }
            Fault::Delay(law) => weather.delay = law,
            _ => {}
        }
    }
}

/// Makes the network what the active faults amount to.
pub fn settle(network: &mut Network, active: &[Active], settings: &Settings) {
    let mut weather: Weather = settings.weather;
    network.mend_all();
    for fault in active.iter().filter(|active| active.pairs.is_empty()) {
        fault.fault.spoils(&mut weather);
    }
    network.weather = weather;
    for fault in active {
        for &pair in &fault.pairs {
            fault.fault.spoils(network.weather_of(pair));
        }
        for &((from, to), how) in &fault.cuts {
            network.cut(from, to, how);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_plan_has_enough_faults_and_ends_with_the_storm() {
        let mut seen = BTreeSet::new();
        for seed in 0..600 {
            let mut choices = Choices::of_seed(seed);
            let settings = Settings::draw(&mut choices, 3, None);
            let plan = plan(&mut choices, &settings);
            assert!(plan.len() as u64 > FAULTS_MIN);
            for planned in plan {
                assert!(
                    planned.begins < planned.ends && planned.ends.0 <= settings.storm,
                    "{planned:?}"
                );
                let name = format!("{:?}", planned.fault);
                seen.insert(name.split(['(', ' ']).next().map(str::to_owned));
            }
        }
        assert_eq!(seen.len(), 30, "all kinds come up: {seen:?}");
    }

    #[test]
    fn a_deaf_member_is_heard() {
        let members = [NodeId(1), NodeId(2), NodeId(3)];
        let fault = Fault::OneWay {
            who: Who::Any,
            deaf: true,
        };
        let cuts = fault.cuts(Some(NodeId(2)), &members, Time(9), &mut Choices::of_seed(1));
        let pairs: Vec<_> = cuts.into_iter().map(|(pair, _)| pair).collect();
        assert_eq!(pairs, [(NodeId(1), NodeId(2)), (NodeId(3), NodeId(2))]);
    }
}
