//! For tests: random Saves that a raft-core could have made, and what they amount to, worked out the slow way.

use bytes::Bytes;
use proptest::prelude::*;
use raft_core::{
    Ballot, Body, Entry, Image, Index, LogChange, Membership, NodeId, Position, Save, SnapshotMark, Stamp,
    Term,
};

/// What one Save should be like.
#[derive(Clone, Debug)]
pub(super) struct Shape {
    pub(super) kind: u8,
    /// A new term begins.
    pub(super) term: bool,
    /// Picks where to truncate, or what to cover by a snapshot.
    pub(super) at: usize,
    pub(super) entries: usize,
    pub(super) bytes: usize,
}

/// Saves in order and the Image after each.
#[derive(Clone, Debug)]
pub(super) struct History {
    saves: Vec<Save>,
    images: Vec<Image>,
}

pub(super) fn shapes(count: std::ops::Range<usize>) -> impl Strategy<Value = Vec<Shape>> {
    let bytes = prop_oneof![4 => 0usize..40, 3 => 0usize..1500, 1 => 0usize..12_000];
    let shape = (0u8..12, any::<bool>(), 0usize..64, 1usize..4, bytes).prop_map(
        |(kind, term, at, entries, bytes)| Shape {
            kind,
            term,
            at,
            entries,
            bytes,
        },
    );
    proptest::collection::vec(shape, count)
}

pub(super) fn born() -> SnapshotMark {
    let membership = Membership::of_voters([(NodeId(1), vec!["http://127.0.0.1:2380".to_owned()])]);
    SnapshotMark {
        position: Position::default(),
        membership,
    }
}

pub(super) fn entry(term: u64, index: u64, bytes: usize) -> Entry {
    // Never zero, so that no part of it looks like a sector that was not written.
    let body = Body::Command(Bytes::from(vec![index as u8 | 1; bytes]));
    Entry {
        position: Position {
            term: Term(term),
            index: Index(index),
        },
        body,
    }
}

impl History {
    pub(super) fn born() -> History {
        let save = Save {
            stamp: Stamp(0),
            ballot: None,
            commit: Index(0),
            log: LogChange::Reset(Box::new(born())),
        };
        let image = Image {
            snapshot: born(),
            ..Image::default()
        };
        History {
            saves: vec![save],
            images: vec![image],
        }
    }

    /// Begins with what a member found at boot.
    pub(super) fn at(image: Image) -> History {
        let mut history = History::born();
        history.images = vec![image];
        history
    }

    /// The mark of a snapshot of all that is committed.
    pub(super) fn newest_mark(&self) -> SnapshotMark {
        let image = self.image();
        let committed = image.entries.iter().map(|entry| entry.position);
        let committed = committed.filter(|position| position.index <= image.commit);
        SnapshotMark {
            position: committed.last().unwrap_or(image.snapshot.position),
            ..born()
        }
    }

    /// The Image after each of the Saves.
    pub(super) fn images(&self) -> &[Image] {
        &self.images
    }

    /// The Image after all Saves.
    pub(super) fn image(&self) -> &Image {
        self.images.last().expect("the born state is there")
    }

    /// A mark that a member could have saved a snapshot at: of a committed entry, or what the log begins after. Picked
    /// by `at`.
    pub(super) fn mark(&self, at: usize) -> SnapshotMark {
        let image = self.image();
        let committed = image.entries.iter().map(|entry| entry.position);
        let committed = committed.filter(|position| position.index <= image.commit);
        let marks: Vec<Position> = std::iter::once(image.snapshot.position)
            .chain(committed)
            .collect();
        SnapshotMark {
            position: marks[at % marks.len()],
            ..born()
        }
    }

    /// The Image after all Saves, of a member that has a snapshot at `mark`.
    pub(super) fn image_after(&self, mark: &SnapshotMark) -> Image {
        let mut image = self.image().clone();
        let has = |position: Position| {
            position == image.snapshot.position
                || image.entries.iter().any(|entry| entry.position == position)
        };
        let agrees = has(mark.position);
        image
            .entries
            .retain(|entry| agrees && entry.position.index > mark.position.index);
        image.snapshot = mark.clone();
        image.commit = image.commit.max(mark.position.index);
        image
    }

    /// How many Saves there are.
    pub(super) fn len(&self) -> usize {
        self.saves.len()
    }

    /// A member booted with this snapshot: if the log lacked its last entry, recovery has reset it.
    pub(super) fn go_on_from(&mut self, mark: &SnapshotMark) {
        let image = self.image();
        let has = mark.position == image.snapshot.position
            || image.snapshot.position.index < mark.position.index
                && image.entries.iter().any(|entry| entry.position == mark.position);
        if !has {
            let mut image = image.clone();
            image.snapshot = mark.clone();
            image.entries.clear();
            image.commit = image.commit.max(mark.position.index);
            self.saves.push(Save {
                stamp: Stamp(0),
                ballot: None,
                commit: mark.position.index,
                log: LogChange::Reset(Box::new(mark.clone())),
            });
            self.images.push(image);
        }
    }

    /// Forgets all but the first `count` Saves.
    pub(super) fn truncate(&mut self, count: usize) {
        self.saves.truncate(count);
        self.images.truncate(count);
    }

    /// The next Save.
    pub(super) fn next(&mut self, shape: &Shape) -> Save {
        let mut image = self.image().clone();
        let last = image
            .entries
            .last()
            .map_or(image.snapshot.position, |entry| entry.position);
        let mut ballot = None;
        if shape.term {
            let term = Term(image.ballot.term.0.max(last.term.0) + 1);
            ballot = Some(Ballot {
                term,
                voted_for: shape.at.is_multiple_of(2).then_some(NodeId(1)),
            });
            image.ballot = ballot.unwrap_or_default();
        }
        let log = match shape.kind {
            0 | 1 => LogChange::Keep,
            2 => reset(&mut image, last, shape.at),
            _ => append(&mut image, last, shape),
        };
        let last = image
            .entries
            .last()
            .map_or(image.snapshot.position, |entry| entry.position);
        // Half of what could be committed.
        let commit = Index(
            image
                .commit
                .0
                .max(image.snapshot.position.index.0)
                .midpoint(last.index.0),
        );
        image.commit = image.commit.max(commit);
        let save = Save {
            stamp: Stamp(self.saves.len() as u64),
            ballot,
            commit,
            log,
        };
        self.saves.push(save.clone());
        self.images.push(image);
        save
    }
}

fn append(image: &mut Image, last: Position, shape: &Shape) -> LogChange {
    // Only what is not committed may be replaced.
    let uncommitted = last.index.0 - image.commit.0;
    let first = last.index.0 + 1 - shape.at as u64 % (uncommitted + 1);
    image.entries.retain(|entry| entry.position.index.0 < first);
    let term = image.ballot.term.0.max(last.term.0);
    let entries: Vec<_> = (first..first + shape.entries as u64)
        .map(|index| entry(term, index, shape.bytes))
        .collect();
    image.entries.extend(entries.iter().cloned());
    LogChange::Append(entries)
}

/// A snapshot of what the log lacks: it is later than the commit index, and later than the log or of another term.
fn reset(image: &mut Image, last: Position, at: usize) -> LogChange {
    let from = image.commit.max(image.snapshot.position.index).0 + 1;
    image.snapshot.position = Position {
        term: Term(last.term.0 + 1),
        index: Index(from + at as u64 % (last.index.0 + 3 - from + 1)),
    };
    image.entries.clear();
    image.commit = image.snapshot.position.index;
    LogChange::Reset(Box::new(image.snapshot.clone()))
}
