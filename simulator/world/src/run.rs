//! The plain loop: one heap, no tasks, no runtime. The fastest way through a run.

use std::panic::{AssertUnwindSafe, catch_unwind};

use raft_core::Time;

use crate::agenda::Agenda;
use crate::choices::Choices;
use crate::report::Report;
use crate::world::{Command, Options, World};

/// Runs one seed in the plain world.
#[must_use]
pub fn run(seed: u64, options: Options) -> Report {
    run_choices(Choices::of_seed(seed), options)
}

/// Runs what a list of choices amounts to.
#[must_use]
pub fn run_choices(choices: Choices, options: Options) -> Report {
    let mut world = World::new(choices, options);
    // A panic is a finding like any other: of the node, or of what it stands on.
    let ended = catch_unwind(AssertUnwindSafe(|| drive(&mut world)));
    if let Err(panic) = ended {
        world.broken("no panic", &message(panic.as_ref()));
    }
    world.finish()
}

fn drive(world: &mut World) {
    let mut agenda = Agenda::default();
    let mut now = Time(0);
    loop {
        for command in world.take_commands() {
            if let Command::Start(id) = command {
                world.boot(now, id);
            }
        }
        for due in world.take_due() {
            agenda.add(due);
        }
        if world.is_over() {
            return;
        }
        let due = agenda.pop().expect("clients always have something to wait for");
        now = due.at;
        world.perform(now, due.actor, due.event);
    }
}

/// What a panic said.
#[must_use]
pub fn message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without words".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const THREE: Options = Options {
        nodes: 3,
        mutant: None,
        lines: false,
    };

    #[test]
    fn who_differs_is_named_and_rebuilt_whatever_else_befalls() {
        let mut met = crate::probes::Probes::default();
        for (seeds, nodes) in [(0..10, 3), (0..15, 5)] {
            for seed in seeds {
                let report = run(seed, Options { nodes, ..THREE });
                assert_eq!(report.violation, None, "seed {seed} of {nodes}");
                met.merge(&report.probes);
            }
        }
        let count = met.count(crate::probes::Probe::Diverge);
        assert!(count > 5, "only {count} states were made to differ");
    }

    #[test]
    fn damaged_members_come_back_as_others_whatever_else_befalls() {
        use crate::probes::Probe;
        let mut met = crate::probes::Probes::default();
        for (seeds, nodes) in [(0..25, 3), (0..15, 5)] {
            for seed in seeds {
                let report = run(seed, Options { nodes, ..THREE });
                assert_eq!(report.violation, None, "seed {seed} of {nodes}");
                met.merge(&report.probes);
            }
        }
        for probe in [
            Probe::Petition,
            Probe::TakenIn,
            Probe::NoticedLoss,
            Probe::Repaired,
        ] {
            assert!(met.count(probe) > 2, "{probe:?}: only {}", met.count(probe));
        }
    }

    #[test]
    fn a_seed_is_a_run_and_its_choices_are_the_same_run() {
        let first = run(1, THREE);
        assert_eq!(first.violation, None);
        assert_eq!(run(1, THREE), first);
        assert_ne!(run(2, THREE).trace_hash, first.trace_hash);
        assert_eq!(run_choices(Choices::of_list(first.choices.clone()), THREE), first);
    }
}
