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

    pub(super) fn saves(&self) -> &[Save] {
        &self.saves
    }

    /// The Image after all Saves.
    pub(super) fn image(&self) -> &Image {
        self.images.last().expect("the born state is there")
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

fn reset(image: &mut Image, last: Position, at: usize) -> LogChange {
    let old = image.snapshot.position;
    let mut position = match at % 3 {
        // Something that the log has, or what the mark is already.
        0 | 1 => image
            .entries
            .get(at % (image.entries.len() + 1))
            .map_or(old, |entry| entry.position),
        // Something that it lacks.
        _ => Position {
            term: Term(last.term.0 + 1),
            index: Index(last.index.0 + 3),
        },
    };
    if at.is_multiple_of(7) && position.index > image.commit {
        // A place that it has, with another term.
        position.term = Term(last.term.0 + 1);
    }
    let agrees = position == old || image.entries.iter().any(|entry| entry.position == position);
    image
        .entries
        .retain(|entry| agrees && entry.position.index > position.index);
    image.commit = image.commit.max(position.index);
    image.snapshot.position = position;
    LogChange::Reset(Box::new(image.snapshot.clone()))
}
