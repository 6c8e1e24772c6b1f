//! Which keys each revision changed, in order: for the replay of watches, and for compaction.

use bytes::Bytes;
use imbl::Vector;

use crate::store::fingerprint::{Kind, Row, Totals};
use crate::store::query::Revision;

/// The memory that a change takes; the key's bytes are shared with the keyspace.
const CHANGE_WEIGHT: usize = 42;

/// A key that a revision changed.
#[derive(Clone, Debug)]
pub(super) struct Change {
    pub(super) revision: Revision,
    pub(super) key: Bytes,
}

/// The changes that are not compacted away, the oldest first. Each key changes at most once in a revision.
#[derive(Clone, Debug, Default)]
pub(super) struct ChangeList {
    list: Vector<Change>,
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
    pub(super) fn load(&mut self, revision: Revision, key: Bytes) {
        let first_place = self.first_place;
        if self.list.is_empty() && first_place > 0 {
            self.last_place = first_place;
            let change = Change { revision, key };
            self.totals.add(change.row(first_place), CHANGE_WEIGHT);
            self.list.push_back(change);
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
        self.list.back().map(|last| last.revision)
    }

    /// The changes after so many.
    pub(super) fn skip(&self, count: usize) -> impl Iterator<Item = &Change> {
        (count..self.list.len()).filter_map(|at| self.list.get(at))
    }

    pub(super) fn push(&mut self, revision: Revision, key: Bytes) {
        let last = self.list.back().map(|last| last.revision);
        self.last_place = if last == Some(revision) {
            self.last_place + 1
        } else {
            0
        };
        if last.is_none() {
            self.first_place = 0;
        }
        let change = Change { revision, key };
        self.totals.add(change.row(self.last_place), CHANGE_WEIGHT);
        self.list.push_back(change);
    }

    /// Drops the first, which is there.
    pub(super) fn pop_front(&mut self) {
        let gone = self.list.pop_front().expect("there is a first change");
        self.totals.remove(gone.row(self.first_place), CHANGE_WEIGHT);
        let next = self.list.front().map(|next| next.revision);
        self.first_place = if next == Some(gone.revision) {
            self.first_place + 1
        } else {
            0
        };
        self.settled = self.settled.saturating_sub(1);
    }

    pub(super) fn front(&self) -> Option<&Change> {
        self.list.front()
    }

    /// The first that compaction is not through with.
    pub(super) fn first_unsettled(&self) -> Option<&Change> {
        self.list.get(self.settled)
    }

    pub(super) fn settled(&self) -> usize {
        self.settled
    }

    /// Compaction is through with the first that it was not through with; it stays.
    pub(super) fn settle(&mut self) {
        self.settled += 1;
    }

    /// The changes from the one on that stands at this place of this revision.
    pub(super) fn from(&self, revision: Revision, place: u64) -> impl Iterator<Item = &Change> {
        let first = self.partition_point(revision);
        let front = self.list.front().map(|front| front.revision);
        let dropped = if front == Some(revision) {
            self.first_place
        } else {
            0
        };
        let skipped = place.saturating_sub(dropped);
        // A place behind the revision's last is where the next one begins.
        let end = self.partition_point(Revision(revision.0.saturating_add(1)));
        let start = usize::try_from(skipped).map_or(end, |skipped| first.saturating_add(skipped).min(end));
        (start..self.list.len()).filter_map(|at| self.list.get(at))
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
        for change in &self.list {
            let place = match before {
                None => self.first_place,
                Some((revision, place)) if revision == change.revision => place + 1,
                Some(_) => 0,
            };
            totals.add(change.row(place), CHANGE_WEIGHT);
            before = Some((change.revision, place));
        }
        totals
    }

    /// How many changes are older than a revision.
    fn partition_point(&self, revision: Revision) -> usize {
        let (mut low, mut high) = (0, self.list.len());
        while low < high {
            let middle = low + (high - low) / 2;
            if self.list[middle].revision < revision {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }
}

impl Change {
    fn row(&self, place: u64) -> u64 {
        let row = Row::new(Kind::Change).number(self.revision.0).number(place);
        row.bytes(&self.key).hash()
    }
}
