//! Reading the keyspace.

use std::cmp::Ordering;
use std::ops::Bound::{self, Included};

use bytes::Bytes;

use super::delete::end_of;
use super::keys::Keyspace;
use super::packed::Row;
use super::version::LifeRef;
use crate::store::command::Failure;
use crate::store::query::{
    Between, Found, KeyRange, KeyValue, RangeEnd, RangeQuery, Revision, Sort, SortTarget,
};

impl Keyspace {
    /// The keys of a range as of a revision.
    pub(in crate::store) fn range(&self, query: &RangeQuery) -> Result<Found, Failure> {
        let at = self.readable(query.revision)?;
        Ok(self.range_at(query, at))
    }

    /// The keys of a range as of a revision that can be read, or of the one in the making.
    pub(super) fn range_at(&self, query: &RangeQuery, at: Revision) -> Found {
        let rows = self
            .span(Included(&query.range.start), &query.range)
            .filter_map(|row| {
                let version = row.at(at)?;
                let life = version.life?;
                Some(Hit {
                    row,
                    modified: version.modified,
                    life,
                })
            });
        if query.count_only {
            return Found::Range {
                keys: Vec::new(),
                more: false,
                count: rows.count() as u64,
            };
        }
        // In key order the limit is known to be reached as soon as it is; any other order must see all rows first.
        let sort = query.sort.filter(|sort| *sort != Sort::BY_KEY);
        let limit = query
            .limit
            .map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
        let gather_max = if sort.is_some() { usize::MAX } else { limit };
        let mut gathered = Vec::new();
        let mut wanted = 0;
        let mut count = 0;
        for row in rows {
            count += 1;
            if !row.is_wanted(query) {
                continue;
            }
            wanted += 1;
            if gathered.len() < gather_max {
                gathered.push(row);
            }
        }
        if let Some(sort) = sort {
            // The sort is stable, so ties stay in the order of their keys.
            match sort.target {
                SortTarget::Key => gathered.reverse(),
                _ => gathered.sort_by(|a, b| a.compare(b, sort)),
            }
            gathered.truncate(limit);
        }
        let more = wanted > gathered.len();
        let keys = gathered.iter().map(|row| row.view(query.keys_only)).collect();
        Found::Range { keys, more, count }
    }

    /// The keys of a range from a bound in it on, in order, those deleted among them.
    pub(super) fn span<'a>(
        &'a self,
        start: Bound<&[u8]>,
        range: &KeyRange,
    ) -> impl Iterator<Item = Row<'a>> + use<'a> {
        // A single key is found without the cost of an iterator; a range that ends before it starts holds nothing.
        let single = matches!(range.end, RangeEnd::Single);
        let found = single.then(|| self.keys.get(&range.start)).flatten();
        let end = end_of(range).filter(|_| !single);
        let several = end.map(|end| self.keys.range(start, end));
        found.into_iter().chain(several.into_iter().flatten())
    }

    /// The revision to read at, if it can be read.
    pub(super) fn readable(&self, asked: Option<Revision>) -> Result<Revision, Failure> {
        let revision = asked.unwrap_or(self.revision());
        if revision > self.revision() {
            return Err(Failure::FutureRevision);
        }
        if revision < self.compacted() {
            return Err(Failure::Compacted(self.compacted()));
        }
        Ok(revision)
    }
}

/// A key that was there at the revision asked for. Nothing is copied until it is known which rows are answered.
#[derive(Clone, Copy)]
struct Hit<'a> {
    row: Row<'a>,
    modified: Revision,
    life: LifeRef<'a>,
}

impl Hit<'_> {
    fn is_wanted(&self, query: &RangeQuery) -> bool {
        query.mod_revision.holds(self.modified) && query.create_revision.holds(self.life.created)
    }

    /// By anything but the key.
    fn compare(&self, other: &Self, sort: Sort) -> Ordering {
        let ascending = match sort.target {
            SortTarget::Key => Ordering::Equal,
            SortTarget::Version => self.life.version.cmp(&other.life.version),
            SortTarget::Create => self.life.created.cmp(&other.life.created),
            SortTarget::Mod => self.modified.cmp(&other.modified),
            SortTarget::Value => self.life.value.as_slice().cmp(other.life.value.as_slice()),
        };
        if sort.descending {
            ascending.reverse()
        } else {
            ascending
        }
    }

    fn view(&self, keys_only: bool) -> KeyValue {
        let value = if keys_only {
            Bytes::new()
        } else {
            self.life.value.to_bytes()
        };
        KeyValue {
            key: self.row.key(),
            create_revision: self.life.created,
            mod_revision: self.modified,
            version: self.life.version,
            value,
            lease: self.life.lease,
        }
    }
}

impl Sort {
    /// The order in which keys are kept.
    const BY_KEY: Sort = Sort {
        target: SortTarget::Key,
        descending: false,
    };
}

impl Between {
    fn holds(self, revision: Revision) -> bool {
        self.min.is_none_or(|min| revision >= min) && self.max.is_none_or(|max| revision <= max)
    }
}
