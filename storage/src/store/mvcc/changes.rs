//! Which keys each revision changed, in order: for the replay of watches, and for compaction.

use bytes::Bytes;

use super::packed::{Queue, Queued};
use crate::store::fingerprint::{Kind, Row, Totals};
use crate::store::query::{Place, Revision};

/// The memory that a change takes besides its key, as measured: its place in a block, with the room that this leaves.
const CHANGE_WEIGHT: usize = 16;

/// The changes that are not compacted away, the oldest first. Each key changes at most once in a revision.
#[derive(Clone, Debug, Default)]
pub(super) struct ChangeList {
    list: Queue,
    /// How many changes of its revision come before the first.
    first_place: u64,
    /// How many changes of its revision come before the last.
    last_place: u64,
    /// So many at the front compaction is through with, though they stay: those of the compacted revision itself.
    settled: usize,
    totals: Totals,
}

impl ChangeList {
    /// An empty list with what compaction has left of one.
    pub(super) fn loading(settled: u64, first_place: u64) -> ChangeList {
        ChangeList {
            first_place,
            settled: usize::try_from(settled).unwrap_or(usize::MAX),
            ..ChangeList::default()
        }
    }

    /// Takes the next change of a list that is loaded.
    pub(super) fn load(&mut self, revision: Revision, key: &[u8]) {
        let first_place = self.first_place;
        if self.list.is_empty() && first_place > 0 {
            self.add(revision, key, first_place);
        } else {
            self.push(revision, key);
        }
    }

    /// Of a list that is loaded: whether compaction was through with the change to come.
    pub(super) fn is_settled_next(&self) -> bool {
        self.list.len() < self.settled
    }

    /// The last revision that changed anything.
    pub(super) fn newest(&self) -> Option<Revision> {
        self.list.back().map(|last| last.revision())
    }

    /// The changes after so many.
    pub(super) fn skip(&self, count: usize) -> impl Iterator<Item = Queued<'_>> {
        self.list.skip(count)
    }

    pub(super) fn push(&mut self, revision: Revision, key: &[u8]) {
        let last = self.newest();
        let place = if last == Some(revision) {
            self.last_place + 1
        } else {
            0
        };
        if last.is_none() {
            self.first_place = 0;
        }
        self.add(revision, key, place);
    }

    fn add(&mut self, revision: Revision, key: &[u8], place: u64) {
        self.last_place = place;
        self.totals.add(row(revision, place, key), weight(key));
        self.list.push(revision, key);
    }

    /// Drops the first, which is there.
    pub(super) fn pop_front(&mut self) {
        let gone = self.list.front().expect("there is a first change");
        let (revision, key) = (gone.revision(), gone.key());
        let hash = row(revision, self.first_place, &key);
        self.totals.remove(hash, weight(&key));
        self.list.pop();
        let next = self.list.front().map(|next| next.revision());
        self.first_place = if next == Some(revision) {
            self.first_place + 1
        } else {
            0
        };
        self.settled = self.settled.saturating_sub(1);
    }

    pub(super) fn front(&self) -> Option<Queued<'_>> {
        self.list.front()
    }

    /// The first that compaction is not through with.
    pub(super) fn first_unsettled(&self) -> Option<Queued<'_>> {
        self.list.get(self.settled)
    }

    pub(super) fn settled(&self) -> usize {
        self.settled
    }

    /// Compaction is through with the first that it was not through with; it stays.
    pub(super) fn settle(&mut self) {
        self.settled += 1;
    }

    /// The changes from a place on, each with its own.
    pub(super) fn from(&self, from: Place) -> impl Iterator<Item = (Place, Bytes)> {
        let Place { revision, after } = from;
        let first = self.list.older_than(revision);
        let front = self.list.front().map(|front| front.revision());
        let dropped = if front == Some(revision) {
            self.first_place
        } else {
            0
        };
        let skipped = after.saturating_sub(dropped);
        // A place behind the revision's last is where the next one begins.
        let end = self.list.older_than(Revision(revision.0.saturating_add(1)));
        let start = usize::try_from(skipped).map_or(end, |skipped| first.saturating_add(skipped).min(end));
        let mut place = Place {
            revision,
            after: after.max(dropped),
        };
        self.list.skip(start).map(move |change| {
            if change.revision() != place.revision {
                place = Place::start_of(change.revision());
            }
            let at = place;
            place.after += 1;
            (at, change.key())
        })
    }

    pub(super) fn totals(&self) -> Totals {
        self.totals
    }

    /// How many of the first revision's changes are gone.
    pub(super) fn first_place(&self) -> u64 {
        self.first_place
    }

    /// The totals, computed afresh.
    #[cfg(test)]
    pub(super) fn recount(&self) -> Totals {
        let mut totals = Totals::default();
        let mut before: Option<(Revision, u64)> = None;
        for change in self.list.skip(0) {
            let revision = change.revision();
            let place = match before {
                None => self.first_place,
                Some((before, place)) if before == revision => place + 1,
                Some(_) => 0,
            };
            totals.add(row(revision, place, &change.key()), weight(&change.key()));
            before = Some((revision, place));
        }
        totals
    }
}

/// The hash of a change's row.
fn row(revision: Revision, place: u64, key: &[u8]) -> u64 {
    let row = Row::new(Kind::Change).number(revision.0).number(place);
    row.bytes(key).hash()
}

fn weight(key: &[u8]) -> usize {
    CHANGE_WEIGHT + key.len()
}
