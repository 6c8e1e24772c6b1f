//! Deleting keys: those of a range, or those that hang on a lease; in slices, and all in one revision.

use std::ops::Bound::{self, Excluded, Included, Unbounded};

use bytes::Bytes;

use super::history::History;
use super::keys::{Keyspace, OLDER_WEIGHT};
use super::packed::Row;
use super::version::Version;
use crate::store::query::{KeyRange, KeyValue, LeaseId, RangeEnd, Revision};

/// A deletion in the making. What is deleted bears a revision that nobody can read yet.
#[derive(Clone, Debug)]
pub(in crate::store) struct Deleting {
    which: Which,
    /// Whether to tell what was deleted.
    previous: bool,
    /// How many are deleted.
    pub(in crate::store) count: u64,
    /// Which, if it is to be told.
    pub(in crate::store) gone: Vec<KeyValue>,
}

#[derive(Clone, Debug)]
enum Which {
    Range {
        range: KeyRange,
        /// The last key of the range that was looked at.
        after: Option<Bytes>,
    },
    Lease(LeaseId),
}

impl Deleting {
    pub(in crate::store) fn range(range: KeyRange, previous: bool) -> Deleting {
        Deleting {
            which: Which::Range { range, after: None },
            previous,
            count: 0,
            gone: Vec::new(),
        }
    }

    pub(in crate::store) fn keys_of(lease: LeaseId) -> Deleting {
        Deleting {
            which: Which::Lease(lease),
            previous: false,
            count: 0,
            gone: Vec::new(),
        }
    }
}

impl Keyspace {
    /// Deletes the keys of a range to the end.
    #[cfg(test)]
    pub(in crate::store) fn delete_range(
        &mut self,
        range: &KeyRange,
        previous: bool,
    ) -> (u64, Vec<KeyValue>) {
        let mut deleting = Deleting::range(range.clone(), previous);
        let modified = self.next_revision();
        assert!(self.delete_some(&mut deleting, modified, usize::MAX).is_some());
        self.made_if(modified, deleting.count > 0);
        (deleting.count, deleting.gone)
    }

    /// How many rows a deletion has to look at, at most so many.
    pub(in crate::store) fn rows_to_delete(&self, deleting: &Deleting, rows_max: usize) -> usize {
        match &deleting.which {
            Which::Range { range, .. } if range.end == RangeEnd::Single => 1.min(rows_max),
            Which::Range { range, after } => self.span_after(range, after.as_ref()).take(rows_max).count(),
            Which::Lease(lease) => self.leases.keys(*lease).take(rows_max).count(),
        }
    }

    /// Looks at so many rows at most, and deletes what is there to delete. Returns how many rows are left of that
    /// number once the deletion is complete, and None as long as it is not.
    pub(in crate::store) fn delete_some(
        &mut self,
        deleting: &mut Deleting,
        modified: Revision,
        rows_max: usize,
    ) -> Option<usize> {
        let mut looked_at = 0;
        let mut last = None;
        let doomed: Vec<Bytes> = match &deleting.which {
            Which::Range { range, after } => {
                let rows = self.span_after(range, after.as_ref()).take(rows_max);
                let rows = rows.inspect(|row| {
                    looked_at += 1;
                    last = Some(*row);
                });
                let live = rows.filter(|row| row.newest().life.is_some());
                let doomed = live.map(|row| row.key()).collect();
                last = last.filter(|_| range.end != RangeEnd::Single);
                doomed
            }
            Which::Lease(lease) => self.leases.keys(*lease).take(rows_max).cloned().collect(),
        };
        let last = last.map(|row| row.key());
        looked_at = looked_at.max(doomed.len());
        for key in &doomed {
            if deleting.previous {
                let row = self.keys.get(key).expect("it was just found");
                deleting.gone.extend(row.newest().view(key.clone()));
            }
            self.delete_key(key, modified);
        }
        deleting.count += doomed.len() as u64;
        self.effort += looked_at as u64;
        match &mut deleting.which {
            Which::Range { range, .. } if range.end == RangeEnd::Single => Some(rows_max - looked_at),
            Which::Range { after, .. } => {
                if last.is_some() {
                    *after = last;
                }
                (looked_at < rows_max).then(|| rows_max - looked_at)
            }
            Which::Lease(_) => (looked_at < rows_max).then(|| rows_max - looked_at),
        }
    }

    /// The revision in the making is made, if it changed anything.
    pub(in crate::store) fn made_if(&mut self, modified: Revision, changed: bool) {
        if changed {
            self.revision = modified;
        }
    }

    /// Deletes a key that is there.
    fn delete_key(&mut self, key: &Bytes, modified: Revision) {
        let tombstone = Version { modified, life: None };
        self.totals
            .add(tombstone.row(key), tombstone.weight() + OLDER_WEIGHT);
        let push = |history: &mut History| {
            let lease = history.newest().borrow().lease();
            history.push(tombstone);
            lease
        };
        let lease = self.keys.change(key, push).expect("it was just found");
        self.changes.push(modified, key);
        self.leases.attach(key, lease, LeaseId::NONE);
    }

    /// The keys of a range behind one of them, in order, those deleted among them.
    fn span_after<'a>(
        &'a self,
        range: &KeyRange,
        after: Option<&Bytes>,
    ) -> impl Iterator<Item = Row<'a>> + use<'a> {
        let start = match after {
            Some(after) => Excluded(&after[..]),
            None => Included(&range.start[..]),
        };
        self.span(start, range)
    }
}

/// Where a range ends, if it holds anything.
pub(super) fn end_of(range: &KeyRange) -> Option<Bound<Bytes>> {
    match &range.end {
        RangeEnd::Single => Some(Included(range.start.clone())),
        RangeEnd::Before(end) if *end <= range.start => None,
        RangeEnd::Before(end) => Some(Excluded(end.clone())),
        RangeEnd::Unbounded => Some(Unbounded),
    }
}
