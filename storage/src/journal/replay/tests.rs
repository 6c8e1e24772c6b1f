use raft_core::{Ballot, Entry, Index, LogChange, Position, Save, SnapshotMark, Stamp, Term};

use super::{Damage, Replay};
use crate::journal::history::{born, entry};

fn save(log: LogChange) -> Save {
    Save {
        stamp: Stamp(0),
        ballot: None,
        commit: Index(0),
        log,
    }
}

fn append(entries: Vec<Entry>) -> Save {
    save(LogChange::Append(entries))
}

fn reset(term: u64, index: u64) -> Save {
    let position = Position {
        term: Term(term),
        index: Index(index),
    };
    save(LogChange::Reset(Box::new(SnapshotMark { position, ..born() })))
}

/// Born, with entries 1 and 2 of term 1.
fn replay() -> Replay {
    let mut replay = Replay::default();
    replay.apply(save(LogChange::Reset(Box::new(born())))).unwrap();
    replay
        .apply(append(vec![entry(1, 1, 3), entry(1, 2, 3)]))
        .unwrap();
    replay
}

#[test]
fn entries_replace_all_at_and_after_the_first() {
    let mut replay = replay();
    replay
        .apply(append(vec![entry(2, 2, 0), entry(2, 3, 0)]))
        .unwrap();
    assert_eq!(
        replay.finish().entries,
        [entry(1, 1, 3), entry(2, 2, 0), entry(2, 3, 0)]
    );
}

#[test]
fn a_mark_that_the_log_agrees_with_keeps_what_follows() {
    let mut replay = replay();
    replay.apply(reset(1, 1)).unwrap();
    let image = replay.finish();
    assert_eq!(image.entries, [entry(1, 2, 3)]);
    assert_eq!(image.commit, Index(1), "a snapshot covers committed entries only");
}

#[test]
fn a_mark_that_the_log_disagrees_with_drops_it() {
    for (term, index) in [(2, 1), (1, 3), (9, 9)] {
        let mut replay = replay();
        replay.apply(reset(term, index)).unwrap();
        assert!(replay.finish().entries.is_empty());
    }
}

#[test]
fn the_commit_index_is_within_the_log_and_never_goes_back() {
    let mut replay = replay();
    replay
        .apply(Save {
            commit: Index(50),
            ..save(LogChange::Keep)
        })
        .unwrap();
    replay.apply(save(LogChange::Keep)).unwrap();
    assert_eq!(replay.finish().commit, Index(2));
}

#[test]
fn what_no_raft_would_save_is_damage() {
    let late = |term| Save {
        ballot: Some(Ballot {
            term: Term(term),
            voted_for: None,
        }),
        ..save(LogChange::Keep)
    };
    for (saves, damage) in [
        (vec![append(vec![entry(1, 4, 0)])], Damage::Gap),
        (vec![append(vec![entry(1, 3, 0), entry(1, 5, 0)])], Damage::Gap),
        (vec![append(vec![entry(0, 3, 0)])], Damage::Gap),
        (vec![append(vec![entry(1, 0, 0)])], Damage::Gap),
        (vec![append(vec![entry(1, u64::MAX, 0)])], Damage::Gap),
        (vec![reset(1, 2), append(vec![entry(1, 2, 0)])], Damage::Gap),
        (
            vec![reset(1, u64::MAX), append(vec![entry(1, 0, 0)])],
            Damage::Gap,
        ),
        (vec![reset(1, 2), reset(1, 1)], Damage::MarkBack),
        (vec![late(3), late(2)], Damage::BallotBack),
    ] {
        let mut replay = replay();
        let (last, before) = saves.split_last().unwrap();
        for save in before {
            replay.apply(save.clone()).unwrap();
        }
        assert_eq!(replay.apply(last.clone()), Err(damage), "{saves:?}");
    }
    assert_eq!(
        Replay::default().apply(append(vec![entry(1, 1, 0)])),
        Err(Damage::NotBorn)
    );
}
