//! Small scopes, in seconds; larger ones are in `.ci/search`.

use raft_core::Mutant;

use super::{Found, Network, Outcome, Report, Scope, explore};
use crate::script::{self, Options, Script};

fn search(scope: Scope) -> Report {
    explore(scope, |_, _, _| ())
}

/// What the mutant leads to, and the script that shows it: it fails at its last line.
fn found(mutant: Mutant, scope: Scope) -> Found {
    let report = search(Scope {
        mutant: Some(mutant),
        ..scope
    });
    let Outcome::Violated(found) = report.outcome else {
        panic!("{} goes unnoticed in {} states", mutant.name(), report.states);
    };
    println!("{}: {} states\n{}", mutant.name(), report.states, found.script);
    let script = Script::parse(&found.script).expect("it is a script");
    let failure = script::run(&script, Options::default()).expect_err("the script shows it as well");
    let last = found.script.lines().count() - 1;
    assert_eq!(failure.error.line, last, "{}\n{}", failure.error, failure.trace);
    found
}

fn calls() -> Scope {
    Scope {
        network: Network::Calls,
        terms: 3,
        ..Scope::default()
    }
}

#[test]
fn all_is_well_in_every_state_of_a_small_scope() {
    let scopes = [
        Scope {
            terms: 1,
            entries: 0,
            slow_disks: true,
            crashes: 1,
            network: Network::Late,
            ..Scope::default()
        },
        Scope { terms: 2, ..calls() },
        Scope {
            terms: 2,
            entries: 0,
            duplicates: None,
            ..calls()
        },
        Scope {
            terms: 2,
            entries: 0,
            beats: 1,
            ..calls()
        },
        Scope {
            terms: 2,
            entries: 0,
            changes: 1,
            ..calls()
        },
    ];
    for scope in scopes {
        let report = search(scope.clone());
        println!("{scope:?}\n{report:?}");
        assert_eq!(report.outcome, Outcome::Exhausted);
        assert!(report.states > 5_000, "only {} states", report.states);
    }
}

#[test]
fn figure_8_is_found() {
    // One of the two entries that n1 made in term 1 is about to reach n3; n2 has led term 2.
    let scope = Scope {
        logs: vec![vec![1, 1], vec![2]],
        terms: 4,
        campaigns: Some(2),
        single_entries: true,
        entries: 0,
        ..calls()
    };
    let found = found(Mutant::CommitOldTerm, scope);
    assert!(found.story.starts_with("Leader Completeness"), "{}", found.story);
}

#[test]
fn votes_that_are_given_too_easily_are_found() {
    found(Mutant::VoteTwice, calls());
    let found = found(Mutant::VoteWithoutLogCheck, calls());
    assert!(found.story.starts_with("Leader Completeness"), "{}", found.story);
}

#[test]
fn entries_that_follow_others_than_the_leaders_are_found() {
    let found = found(Mutant::AppendWithoutCheck, calls());
    assert!(found.story.starts_with("Log Matching"), "{}", found.story);
}

#[test]
fn changes_of_membership_that_go_wrong_are_found() {
    let scope = Scope {
        terms: 2,
        entries: 0,
        changes: 1,
        ..calls()
    };
    let story = found(Mutant::LeaderCountsItself, scope.clone()).story;
    assert!(story.ends_with("no quorum's disks have it"), "{story}");
    let story = found(Mutant::KeepTruncatedChange, scope).story;
    assert!(story.contains("thesis 4.1"), "{story}");
}

#[test]
fn a_promise_without_a_disk_behind_it_is_found() {
    let scope = Scope {
        slow_disks: true,
        crashes: 1,
        ..Scope::default()
    };
    found(Mutant::AnswerBeforeDurable, scope);
}

#[test]
fn a_search_ends_where_it_is_told_to() {
    let scope = Scope {
        states_max: 100,
        ..Scope::default()
    };
    let report = search(scope);
    assert_eq!((report.outcome, report.states), (Outcome::Full, 100));
}
