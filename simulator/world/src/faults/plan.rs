//! The schedule of a run.

use raft_core::Time;

use super::{Fault, Planned, SHAPES, Who};
use crate::choices::{Choices, PerMillion};
use crate::disk::Failing;
use crate::network::Law;
use crate::settings::{SECOND, Settings};

/// At least so many faults befall every run.
pub const FAULTS_MIN: u64 = 5;

/// Draws the schedule of a run.
#[must_use]
pub fn plan(choices: &mut Choices, settings: &Settings) -> Vec<Planned> {
    let kinds = kinds(choices, settings);
    let count = choices.between(FAULTS_MIN + 1, 20);
    let mut planned: Vec<Planned> = (0..count)
        .map(|_| {
            let begins = choices.between(SECOND, settings.storm - 4 * SECOND);
            let fault = choices.pick(&kinds);
            let lasts = choices.between(SECOND / 20, longest(fault, settings));
            Planned {
                begins: Time(begins),
                ends: Time((begins + lasts).min(settings.storm)),
                fault,
            }
        })
        .collect();
    planned.sort_by_key(|planned| planned.begins);
    planned
}

fn longest(fault: Fault, settings: &Settings) -> u64 {
    let timeout = u64::try_from(settings.election_timeout.as_micros()).expect("seconds");
    match fault {
        Fault::Hunt { .. } => 15 * SECOND,
        // Sometimes shorter than an election, sometimes longer.
        Fault::Crash(_)
        | Fault::Isolate { .. }
        | Fault::Halves { .. }
        | Fault::Links { .. }
        | Fault::OneWay { .. } => 4 * timeout,
        Fault::Constrained(_) | Fault::Swizzle => 8 * timeout,
        Fault::CrashAll | Fault::Stall(_) | Fault::Sleep(_) => 2 * timeout,
        Fault::StalledDisk(_) => 4 * timeout,
        Fault::FullDisk { .. } => 15 * SECOND,
        // Of three members, two with wrong disks leave no quorum.
        Fault::Swap(_) => 2 * SECOND,
        _ => 5 * SECOND,
    }
}

/// The kinds of fault of this run: some of all there are, each with its strength.
fn kinds(choices: &mut Choices, settings: &Settings) -> Vec<Fault> {
    let timeout = u64::try_from(settings.election_timeout.as_micros()).expect("seconds");
    let who = choices.pick(&[Who::Any, Who::Leader]);
    let all = [
        Fault::Crash(who),
        Fault::CrashAll,
        Fault::CrashWhileSaving(who),
        Fault::PowerCut {
            who,
            operations: u32::try_from(choices.between(1, 12)).expect("few"),
        },
        Fault::SlowDisk(who),
        Fault::StalledDisk(who),
        Fault::DiskError {
            who,
            failing: choices.pick(&[Failing::Sync, Failing::Write]),
            operations: u32::try_from(choices.below(12)).expect("few"),
        },
        Fault::FullDisk {
            who,
            bytes: choices.pick(&[0, 1, 2]) * choices.below(settings.segment_bytes),
            restarts: choices.pick(&[false, true]),
        },
        Fault::Stall(who),
        Fault::Sleep(who),
        Fault::WallClock(
            who,
            choices.pick(&[300, 5_000, 3_600_000, -300, -5_000, -3_600_000]),
        ),
        Fault::Diverge(who),
        Fault::HandOver(who),
        Fault::LinksClose(who),
        Fault::Hunt {
            after_max: choices.pick(&[400_000, 100_000, 30_000]),
            down_max: choices.pick(&[timeout, 3 * timeout]),
        },
    ];
    // The longest way to a violation is Figure 8's; some runs go nowhere else.
    if choices.happens(PerMillion(200_000)) {
        return all[all.len() - 1..].to_vec();
    }
    let mut kinds = of_network(choices, who, timeout);
    kinds.extend(all);
    // Leave out about half, whichever.
    for _ in 0..choices.below(kinds.len() as u64 - 2) {
        let out = usize::try_from(choices.below(kinds.len() as u64)).expect("an index");
        kinds.swap_remove(out);
    }
    // So seldom may a state be made to differ (storm.rs) that it is tried often where it is tried at all.
    if settings.may_diverge() && choices.happens(PerMillion(700_000)) {
        kinds.extend([Fault::Diverge(who); 6]);
    }
    // A repair takes its time, so few runs have damage, and these often.
    if let Some(rot) = settings.rot {
        kinds.extend([Fault::Rot(who, rot); 3]);
    }
    if settings.wipes {
        kinds.extend([Fault::Wipe(who); 3]);
    }
    if settings.swaps {
        kinds.extend([Fault::Swap(who); 2]);
    }
    kinds
}

/// The kinds of fault that the network has.
fn of_network(choices: &mut Choices, who: Who, timeout: u64) -> Vec<Fault> {
    let held = choices.pick(&[false, true]);
    let share = |choices: &mut Choices| PerMillion(choices.pick(&[10_000, 100_000, 300_000]));
    vec![
        Fault::Isolate { who, held },
        Fault::Halves { held },
        Fault::OneWay {
            who,
            deaf: choices.pick(&[false, true]),
        },
        Fault::Links {
            who,
            first: None,
            shape: choices.pick(&SHAPES),
            held,
        },
        Fault::Constrained(who),
        Fault::Swizzle,
        Fault::Loss(share(choices)),
        Fault::Duplication(share(choices)),
        Fault::Delay(Law {
            min: 1_000,
            spread: choices.pick(&[20_000, 100_000]),
            tail: share(choices),
            tail_max: 2 * timeout,
        }),
        Fault::Corruption(share(choices)),
        Fault::Resets(share(choices)),
        Fault::Narrow(choices.pick(&[2, 10, 50])),
    ]
}
