use raft_core::{Ballot, Entry, Index, LogChange, Position, Save, SnapshotMark, Stamp, Term};

use super::{Anchored, Damage, Replay, Standing};
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

fn mark(term: u64, index: u64) -> SnapshotMark {
    let position = Position {
        term: Term(term),
        index: Index(index),
    };
    SnapshotMark { position, ..born() }
}

fn image(replay: Replay) -> raft_core::Image {
    replay.finish().expect("a snapshot that reaches it").image
}

#[test]
fn entries_replace_all_at_and_after_the_first() {
    let mut replay = replay();
    replay
        .apply(append(vec![entry(2, 2, 0), entry(2, 3, 0)]))
        .unwrap();
    assert_eq!(
        image(replay).entries,
        [entry(1, 1, 3), entry(2, 2, 0), entry(2, 3, 0)]
    );
}

#[test]
fn a_reset_drops_the_log_and_needs_its_snapshot() {
    for (term, index) in [(1, 1), (2, 1), (1, 3), (9, 9)] {
        let mut replay = replay();
        replay.apply(reset(term, index)).unwrap();
        replay.snapshot = Some(mark(term, index));
        replay.apply(reset(term, index)).unwrap();
        let found = replay.clone().finish().unwrap();
        assert!(found.image.entries.is_empty() && !found.log_went);
        replay.snapshot = None;
        assert_eq!(replay.finish(), Err(Index(index)));
    }
}

#[test]
fn entries_that_the_snapshot_covers_are_passed_over() {
    for (index, left) in [(0, 3), (1, 2), (2, 1), (3, 0)] {
        let mut replay = Replay::new(Some(mark(1, index)));
        replay.apply(save(LogChange::Reset(Box::new(born())))).unwrap();
        let first = append(vec![entry(1, 1, 3), entry(1, 2, 3), entry(7, 3, 3)]);
        replay.apply(first).unwrap();
        replay.apply(append(vec![entry(1, 3, 3)])).unwrap();
        let Anchored { image, log_went } = replay.finish().unwrap();
        assert!(!log_went);
        assert_eq!((image.entries.len(), image.commit), (left, Index(index)));
    }
}

#[test]
fn a_log_that_lacks_the_snapshots_last_entry_goes_wholly() {
    for (snapshot, replaced) in [(mark(2, 2), false), (mark(1, 5), false), (mark(1, 2), true)] {
        let mut replay = Replay::new(Some(snapshot.clone()));
        replay.apply(save(LogChange::Reset(Box::new(born())))).unwrap();
        let entries = vec![entry(1, 1, 3), entry(1, 2, 3), entry(1, 3, 3)];
        replay.apply(append(entries)).unwrap();
        if replaced {
            replay
                .apply(append(vec![entry(4, 2, 3), entry(4, 3, 3)]))
                .unwrap();
        }
        let Anchored { image, log_went } = replay.finish().unwrap();
        assert!(log_went);
        assert_eq!((image.snapshot, image.entries), (snapshot, vec![]));
    }
}

#[test]
fn a_log_whose_beginning_went_needs_a_snapshot_that_reaches_it() {
    let begun = |snapshot: Option<SnapshotMark>| {
        let mut replay = Replay::new(snapshot);
        replay.begin_at(Standing {
            last: mark(3, 10).position,
            ballot: Ballot {
                term: Term(4),
                voted_for: None,
            },
            commit: Index(8),
        });
        replay
    };
    assert_eq!(begun(None).finish(), Err(Index(10)));
    assert_eq!(begun(Some(mark(3, 9))).finish(), Err(Index(10)));
    let found = begun(Some(mark(3, 10))).finish().unwrap();
    assert!(!found.log_went);
    assert_eq!(
        (found.image.commit, found.image.ballot.term),
        (Index(10), Term(4))
    );
    assert!(begun(Some(mark(2, 10))).finish().unwrap().log_went);
    // Entries of a segment that went are replaced: the log begins earlier than that one ended.
    let mut replay = begun(Some(mark(3, 9)));
    replay
        .apply(append(vec![entry(3, 9, 0), entry(5, 10, 0)]))
        .unwrap();
    let found = replay.finish().unwrap();
    assert!(!found.log_went);
    assert_eq!(found.image.entries, [entry(5, 10, 0)]);
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
    assert_eq!(image(replay).commit, Index(2));
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
