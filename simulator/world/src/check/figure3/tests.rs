use super::*;
use raft_core::{Ballot, Config, Image, Membership, SnapshotMark, Time};

/// A follower of three with this log and commit index, as it is after boot.
fn follower(terms: &[u64], commit: u64) -> Raft {
    let membership = Membership::of_voters((1..=3).map(|id| (NodeId(id), vec![])));
    booted(membership, terms, commit)
}

/// A sole voter that leads `term`, with a log of these terms and its blank entry.
fn leader(id: u64, term: u64, terms: &[u64], commit: u64) -> Raft {
    let membership = Membership::of_voters([(NodeId(id), vec![])]);
    let snapshot = SnapshotMark {
        membership,
        ..SnapshotMark::default()
    };
    let ballot = Ballot {
        term: Term(term - 1),
        voted_for: None,
    };
    let image = Image {
        ballot,
        commit: Index(commit),
        snapshot,
        entries: log(terms),
    };
    let mut raft = Raft::boot(Config::new(NodeId(id), 1), image, Time(0));
    while let Some(output) = raft.poll() {
        if let raft_core::Output::Save(save) = output
            && !raft.is_leader()
        {
            raft.saved(save.stamp).expect("it is in flight");
        }
    }
    assert!(raft.is_leader() && raft.term() == Term(term));
    raft
}

fn booted(membership: Membership, terms: &[u64], commit: u64) -> Raft {
    let snapshot = SnapshotMark {
        membership,
        ..SnapshotMark::default()
    };
    let image = Image {
        snapshot,
        commit: Index(commit),
        entries: log(terms),
        ..Image::default()
    };
    Raft::boot(Config::new(NodeId(1), 1), image, Time(0))
}

fn log(terms: &[u64]) -> Vec<Entry> {
    let at = |term: u64, index: u64| Position {
        term: Term(term),
        index: Index(index),
    };
    terms
        .iter()
        .zip(1..)
        .map(|(&term, index)| Entry {
            position: at(term, index),
            body: Body::Blank,
        })
        .collect()
}

#[test]
fn two_leaders_of_one_term_are_seen() {
    let mut figure3 = Figure3::default();
    assert_eq!(figure3.observe(NodeId(1), &leader(1, 2, &[], 0)), Ok(()));
    assert_eq!(figure3.observe(NodeId(2), &leader(2, 3, &[], 0)), Ok(()));
    let broken = figure3.observe(NodeId(3), &leader(3, 2, &[], 0));
    assert!(
        matches!(broken, Err(Violation::ElectionSafety { .. })),
        "{broken:?}"
    );
}

#[test]
fn a_leader_that_loses_an_entry_is_seen() {
    let mut figure3 = Figure3::default();
    assert_eq!(figure3.observe(NodeId(1), &leader(1, 2, &[1, 1], 0)), Ok(()));
    let broken = figure3.observe(NodeId(1), &leader(1, 2, &[1], 0));
    assert!(
        matches!(broken, Err(Violation::LeaderAppendOnly { .. })),
        "{broken:?}"
    );
}

#[test]
fn logs_that_share_an_entry_and_differ_before_it_are_seen() {
    let mut figure3 = Figure3::default();
    assert_eq!(figure3.observe(NodeId(1), &follower(&[1, 1, 3], 0)), Ok(()));
    let broken = figure3.observe(NodeId(2), &follower(&[1, 2, 3], 0));
    assert!(matches!(broken, Err(Violation::LogMatching { .. })), "{broken:?}");
}

#[test]
fn a_leader_without_a_committed_entry_is_seen() {
    let mut figure3 = Figure3::default();
    assert_eq!(figure3.observe(NodeId(1), &follower(&[1, 1], 2)), Ok(()));
    assert_eq!(figure3.observe(NodeId(2), &leader(2, 4, &[1, 1], 0)), Ok(()));
    let broken = figure3.observe(NodeId(3), &leader(3, 5, &[1], 0));
    assert!(
        matches!(broken, Err(Violation::LeaderCompleteness { .. })),
        "{broken:?}"
    );
}

#[test]
fn what_is_dropped_from_a_log_stays_committed() {
    let limits = raft_core::Limits {
        log_bytes_max: 1,
        ..raft_core::Limits::default()
    };
    let mut dropping = follower(&[1, 1, 2], 3);
    let mut figure3 = Figure3::default();
    assert_eq!(figure3.observe(NodeId(1), &follower(&[1, 1, 2], 0)), Ok(()));
    figure3.restarted(NodeId(1));
    dropping.set_limits(limits);
    while dropping.poll().is_some() {}
    assert_eq!(dropping.entries().count(), 0);
    assert_eq!(figure3.observe(NodeId(1), &dropping), Ok(()));
    let broken = figure3.observe(NodeId(2), &follower(&[1, 1, 1], 1));
    assert_eq!(broken, Ok(()));
    let broken = figure3.observe(NodeId(2), &follower(&[1, 1, 1], 3));
    assert!(
        matches!(broken, Err(Violation::StateMachineSafety { .. })),
        "{broken:?}"
    );
}

#[test]
fn different_committed_or_applied_entries_are_seen() {
    let mut figure3 = Figure3::default();
    assert_eq!(figure3.observe(NodeId(1), &follower(&[1, 1], 2)), Ok(()));
    assert_eq!(figure3.observe(NodeId(2), &follower(&[1, 2], 1)), Ok(()));
    let broken = figure3.observe(NodeId(2), &follower(&[1, 2], 2));
    assert!(
        matches!(broken, Err(Violation::StateMachineSafety { .. })),
        "{broken:?}"
    );
    let entries = log(&[1, 2]);
    assert_eq!(figure3.applied(NodeId(1), &entries[1]), Ok(()));
    assert_eq!(figure3.applied(NodeId(2), &entries[1]), Ok(()));
    let broken = figure3.applied(NodeId(3), &log(&[1, 1])[1]);
    assert!(
        matches!(broken, Err(Violation::StateMachineSafety { .. })),
        "{broken:?}"
    );
}
