//! What a Save makes of a disk that keeps whole images: the closed clusters' disks, which have no files.

use raft_core::{Image, Index, LogChange, Position, Save, SnapshotMark};

/// The Save is written and synced.
pub(crate) fn write(image: &mut Image, save: Save) {
    if let Some(ballot) = save.ballot {
        image.ballot = ballot;
    }
    match save.log {
        LogChange::Keep => {}
        LogChange::Append(entries) => {
            if let Some(first) = entries.first() {
                image
                    .entries
                    .truncate(after_mark(image, first.position.index.previous()));
            }
            image.entries.extend(entries);
        }
        LogChange::Reset(mark) => reset(image, *mark),
    }
    image.commit = image.commit.max(save.commit);
}

/// A snapshot replaces the log up to its mark, and all of it if the log does not have the mark's entry.
pub(crate) fn reset(image: &mut Image, mark: SnapshotMark) {
    if position_at(image, mark.position.index) == Some(mark.position) {
        let covered = after_mark(image, mark.position.index);
        image.entries.drain(..covered);
    } else {
        image.entries.clear();
    }
    image.commit = image.commit.max(mark.position.index);
    image.snapshot = mark;
}

/// Its last entry, or its mark.
pub(crate) fn last(image: &Image) -> Position {
    image
        .entries
        .last()
        .map_or(image.snapshot.position, |entry| entry.position)
}

/// What stands at `index`, if it is known.
pub(crate) fn position_at(image: &Image, index: Index) -> Option<Position> {
    if index == image.snapshot.position.index {
        return Some(image.snapshot.position);
    }
    let after = index.0.checked_sub(image.snapshot.position.index.0 + 1)?;
    let entry = image.entries.get(usize::try_from(after).ok()?)?;
    Some(entry.position)
}

/// How many entries lie after the mark and not after `index`.
fn after_mark(image: &Image, index: Index) -> usize {
    usize::try_from(index.0.saturating_sub(image.snapshot.position.index.0)).expect("a log in memory")
}

#[cfg(test)]
mod tests {
    use raft_core::{Body, Entry, Stamp, Term};

    use super::*;

    fn at(index: u64, term: u64) -> Position {
        Position {
            term: Term(term),
            index: Index(index),
        }
    }

    fn append(image: &mut Image, positions: &[Position]) {
        let entries = positions.iter().map(|&position| Entry {
            position,
            body: Body::Blank,
        });
        let log = LogChange::Append(entries.collect());
        let save = Save {
            stamp: Stamp(1),
            ballot: None,
            commit: Index(0),
            log,
        };
        write(image, save);
    }

    #[test]
    fn entries_replace_all_at_and_after_the_first() {
        let mut image = Image::default();
        append(&mut image, &[at(1, 1), at(2, 1), at(3, 1)]);
        append(&mut image, &[at(2, 2)]);
        assert_eq!(last(&image), at(2, 2));
        assert_eq!(position_at(&image, Index(1)), Some(at(1, 1)));
        assert_eq!(position_at(&image, Index(3)), None);
    }

    #[test]
    fn a_reset_keeps_the_tail_of_a_log_that_has_the_mark() {
        let mut image = Image::default();
        append(&mut image, &[at(1, 1), at(2, 1), at(3, 1)]);
        let mark = |position| SnapshotMark {
            position,
            ..SnapshotMark::default()
        };
        let mut other = image.clone();
        reset(&mut image, mark(at(2, 1)));
        assert_eq!(last(&image), at(3, 1));
        reset(&mut other, mark(at(2, 2)));
        assert_eq!((last(&other), other.commit), (at(2, 2), Index(2)));
    }
}
