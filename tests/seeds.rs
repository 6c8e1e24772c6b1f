//! Seeds in both simulated worlds: those kept in `seeds.txt`, and some more of each. Whole nodes with their journals, HTTP
//! and JSON, on simulated networks, disks and clocks, for sixty simulated seconds each.

use simulator::campaign::{Summary, campaign, run};
use simulator::command::{Command, Plan, WorldKind, parse};
use world::world::{Mutant, OPERATIONS_MIN, Options};

/// What `balsa-sim` would do for this line.
fn plan(line: &str) -> Plan {
    match parse(line.split_whitespace().map(str::to_owned), 4) {
        Ok(Command::Run(plan)) => plan,
        other => panic!("{line}: {other:?}"),
    }
}

fn run_all(line: &str) -> Summary {
    let plan = plan(line);
    let summary = campaign(plan.worlds[0], &plan);
    if let Some(failure) = &summary.failure {
        panic!("balsa-sim {line}: seed {}: {}", failure.seed, failure.story);
    }
    summary
}

/// How many seeds it takes to find a mutant out; at most `within`.
fn seeds_to_find(mutant: Mutant, world: &str, within: u64) -> u64 {
    let line = format!("run --world {world} --seeds {within} --mutant {}", mutant.name());
    let plan = plan(&line);
    let failure = campaign(plan.worlds[0], &plan).failure;
    let failure = failure.unwrap_or_else(|| panic!("{} lives through {within} seeds", mutant.name()));
    failure.seed - plan.seed + 1
}

#[test]
fn kept_seeds_show_nothing() {
    for line in include_str!("seeds.txt").lines() {
        let line = line.split('#').next().unwrap_or_default();
        let [world, nodes, seed] = line.split_whitespace().collect::<Vec<_>>()[..] else {
            assert!(line.trim().is_empty(), "not a kept seed: {line}");
            continue;
        };
        let _ = run_all(&format!(
            "run --world {world} --nodes {nodes} --seed {seed} --seeds 1"
        ));
    }
}

/// Runs seeds that must show nothing, and each of which must be worth its name.
fn run_worthy(command: &str) {
    let least = run_all(command).least.expect("seeds were run");
    assert!(
        least.simulated >= 60_000_000 && least.clients >= 4 && least.faults >= 5,
        "{least:?}"
    );
    assert!(least.operations >= OPERATIONS_MIN as u64, "{least:?}");
}

#[test]
fn seeds_of_the_plain_world_show_nothing_and_are_worth_their_name() {
    run_worthy("run --world plain --seed 100 --seeds 30");
}

#[test]
fn seeds_on_madsim_show_nothing_and_are_worth_their_name() {
    run_worthy("run --world madsim --seed 200 --seeds 12");
}

#[test]
fn the_same_seed_does_the_same_in_both_worlds() {
    let options = Options {
        nodes: 3,
        mutant: None,
        lines: false,
    };
    for kind in [WorldKind::Plain, WorldKind::Madsim] {
        for seed in 300..303 {
            assert_eq!(
                run(kind, seed, options),
                run(kind, seed, options),
                "{kind:?} {seed}"
            );
        }
        assert_ne!(run(kind, 1, options).trace_hash, run(kind, 2, options).trace_hash);
    }
}

#[test]
fn answering_before_the_disk_is_found_out() {
    assert!(seeds_to_find(Mutant::AnswerBeforeDurable, "plain", 3) <= 3);
    assert!(seeds_to_find(Mutant::AnswerBeforeDurable, "madsim", 3) <= 3);
}

#[test]
fn voting_without_looking_at_the_log_is_found_out() {
    assert!(seeds_to_find(Mutant::VoteWithoutLogCheck, "plain", 50) <= 50);
}

#[test]
fn committing_an_old_term_by_counting_is_found_out() {
    assert!(seeds_to_find(Mutant::CommitOldTerm, "plain", 400) <= 400);
}
