//! Golden scripts: each shows one rule of Raft, and its trace is kept beside it.
//!
//! `REWRITE_GOLDEN=1 cargo test -p world --test golden` writes the traces anew; read the difference before you commit
//! it.
#![expect(clippy::disallowed_methods, reason = "a test of files reads and writes them")]

use std::fs;
use std::path::{Path, PathBuf};

use raft_core::Mutant;
use raft_core::Why;
use world::script::{Options, Problem, Script, Session, diff, page, run};

/// Without these rules nothing false comes about, but something true does not: what a script expects.
const LIVENESS: [Mutant; 6] = [
    Mutant::LearnerRefusesVote,
    Mutant::TimeoutNowTooEarly,
    Mutant::BlankFollowerForgotten,
    Mutant::StalledDiskLeads,
    Mutant::LowTermUnanswered,
    Mutant::QuorumUnchecked,
];

/// For each mutant, a script that shows what the rule it leaves out is for.
const KILLERS: [(Mutant, &str); 16] = [
    (Mutant::AnswerBeforeDurable, "vote_is_durable_before_it_is_told"),
    (Mutant::CommitOldTerm, "figure_8_old_terms_commit_indirectly"),
    (Mutant::VoteWithoutLogCheck, "vote_refused_to_a_shorter_log"),
    (Mutant::VoteTwice, "vote_refused_already_voted"),
    (Mutant::ReadWithoutRound, "read_of_a_partitioned_leader"),
    (Mutant::AppendWithoutCheck, "figure_7_follower_repairs"),
    (Mutant::CatchUpInFollowedTerm, "catch_up_ends_with_a_leader"),
    (Mutant::ReadBeforeOwnTermCommit, "read_waits_for_own_term"),
    (Mutant::ReadRoundReused, "read_round_is_not_reused"),
    (Mutant::AnswerToFormerLife, "follower_read_of_a_former_life"),
    (
        Mutant::SnapshotBeforeSaved,
        "snapshot_is_saved_before_it_is_installed",
    ),
    (Mutant::StaleSnapshotInstalled, "snapshot_that_is_saved_too_late"),
    (
        Mutant::KeepTailAfterSnapshot,
        "snapshot_takes_the_place_of_a_log_that_differs",
    ),
    (Mutant::SnapshotMembershipIgnored, "snapshot_for_a_blank_learner"),
    (Mutant::DropBeforeDurable, "log_in_memory_is_bounded"),
    (Mutant::SnapshotPieceUnchecked, "snapshot_pieces_come_in_order"),
];

#[test]
fn every_script_prints_its_trace() {
    let rewrite = std::env::var_os("REWRITE_GOLDEN").is_some_and(|value| value == "1");
    let mut failures = Vec::new();
    let files = files();
    for path in &files {
        let name = path.strip_prefix(folder()).unwrap_or(path).display();
        match outcome(path, rewrite) {
            Ok(()) => {}
            Err(problem) => failures.push(format!("{name}: {problem}")),
        }
    }
    assert!(files.len() >= 18, "only {} scripts were found", files.len());
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

/// The documentation of the language is made of its tables.
#[test]
fn the_language_is_written_down() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/script/LANGUAGE.md");
    if page() == text(&path) {
        return;
    }
    if std::env::var_os("REWRITE_GOLDEN").is_some_and(|value| value == "1") {
        return fs::write(&path, page()).expect("the page is written");
    }
    panic!(
        "LANGUAGE.md is not what the tables say (REWRITE_GOLDEN=1 to accept)\n{}",
        diff(&text(&path), &page())
    );
}

/// A reason that no script shows may be one that cannot be given, or a sentence that nobody read.
#[test]
fn every_reason_is_met_by_a_script() {
    let mut met = std::collections::BTreeSet::new();
    for path in files() {
        let script = read(&path);
        let mut session = Session::new(Options::default());
        // What a failing script has told counts: it fails in a test of its own.
        let _ = script
            .commands()
            .try_for_each(|(line, words)| session.step(line, words));
        met.extend(session.met().iter().copied());
    }
    let names = Why::CATALOGUE.iter().map(|(name, _)| *name);
    let missing: Vec<&str> = names.filter(|name| !met.contains(name)).collect();
    assert!(missing.is_empty(), "reasons that are in no script: {missing:#?}");
}

#[test]
fn every_script_quotes_a_rule_and_its_source() {
    for path in files() {
        let rule = read(&path).rule;
        let source = rule.split_once('(').map_or("", |(_, source)| source);
        assert!(
            ["Raft ", "thesis ", "Figure "]
                .iter()
                .any(|from| source.contains(from)),
            "{}: `{rule}` names no source",
            path.display()
        );
    }
}

/// A script that no mutant can break shows nothing.
#[test]
fn every_mutant_is_seen_by_its_script() {
    for (mutant, name) in KILLERS {
        let script = read(&folder().join("raft").join(name).with_extension("txt"));
        let options = Options { mutant: Some(mutant) };
        if let Ok(trace) = run(&script, options) {
            assert_ne!(trace, script.expected, "{name} does not notice {}", mutant.name());
        }
    }
}

/// Beyond another trace: without its rule Raft breaks its own promise, and the checks say so by themselves.
#[test]
fn every_mutant_breaks_a_property() {
    let unexpecting = |path: &PathBuf| {
        let lines = text(path);
        let lines = lines.lines().filter(|line| !line.starts_with("expect"));
        let lines: Vec<&str> = lines.collect();
        Script::parse(&lines.join("\n")).expect("it is still a script")
    };
    let expecting: Vec<Script> = files().iter().map(|path| read(path)).collect();
    let unexpecting: Vec<Script> = files().iter().map(unexpecting).collect();
    let mut unnoticed = Vec::new();
    for &mutant in Mutant::ALL.iter().filter(|mutant| !mutant.is_of_members()) {
        let breaks = |script: &Script| {
            let failure = run(script, Options { mutant: Some(mutant) }).err();
            failure.is_some_and(|failure| match failure.error.problem {
                Problem::Broken(_)
                | Problem::NotDurable { .. }
                | Problem::VotedTwice(_)
                | Problem::Stale(_)
                | Problem::Panicked(_) => true,
                Problem::Unmet { .. } => LIVENESS.contains(&mutant),
                _ => false,
            })
        };
        let scripts = match LIVENESS.contains(&mutant) {
            true => &expecting,
            false => &unexpecting,
        };
        if !scripts.iter().any(breaks) {
            unnoticed.push(mutant.name());
        }
    }
    assert!(unnoticed.is_empty(), "nothing breaks by {unnoticed:?}");
}

fn outcome(path: &Path, rewrite: bool) -> Result<(), String> {
    let script = Script::parse(&text(path)).map_err(|error| error.to_string())?;
    let trace = run(&script, Options::default())
        .map_err(|failure| format!("{}\n{}", failure.error, failure.trace))?;
    if trace == script.expected {
        return Ok(());
    }
    if rewrite {
        // Whole or not at all: the other tests read it meanwhile.
        let part = path.with_extension("part");
        let written = fs::write(&part, script.rewritten(&trace)).and_then(|()| fs::rename(&part, path));
        return written.map_err(|error| error.to_string());
    }
    Err(format!(
        "the trace differs (REWRITE_GOLDEN=1 to accept)\n{}",
        diff(&script.expected, &trace)
    ))
}

fn read(path: &Path) -> Script {
    Script::parse(&text(path)).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden")
}

/// All scripts, in order of name.
fn files() -> Vec<PathBuf> {
    let entries = fs::read_dir(folder().join("raft")).expect("the scripts are there");
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.expect("a folder is readable").path())
        .collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "txt"));
    files.sort();
    files
}
