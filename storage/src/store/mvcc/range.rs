//! Reading the keyspace.

use std::cmp::Ordering;
use std::ops::Bound::{self, Excluded, Included, Unbounded};

use bytes::Bytes;

use super::history::{History, Life};
use super::keys::Keyspace;
use crate::store::command::Failure;
use crate::store::query::{
    Between, Found, KeyRange, KeyValue, RangeEnd, RangeQuery, Revision, Sort, SortTarget,
};

impl Keyspace {
    /// The keys of a range as of a revision.
    pub(in crate::store) fn range(&self, query: &RangeQuery) -> Result<Found, Failure> {
        let at = self.readable(query.revision)?;
        let rows = self.span(&query.range).filter_map(|(key, history)| {
            let version = history.at(at)?;
            let life = version.life.as_ref()?;
            Some(Hit {
                key,
                modified: version.modified,
                life,
            })
        });
        if query.count_only {
            return Ok(Found::Range {
                keys: Vec::new(),
                more: false,
                count: rows.count() as u64,
            });
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
            gathered.sort_by(|a, b| a.compare(b, sort));
            gathered.truncate(limit);
        }
        let more = wanted > gathered.len();
        let keys = gathered.iter().map(|row| row.view(query.keys_only)).collect();
        Ok(Found::Range { keys, more, count })
    }

    /// The keys of a range in order, those deleted among them.
    pub(super) fn span(&self, range: &KeyRange) -> impl Iterator<Item = (&Bytes, &History)> {
        let start = &range.start[..];
        let end: Bound<&[u8]> = match &range.end {
            RangeEnd::Single => Included(start),
            RangeEnd::Before(end) if end[..] <= *start => Excluded(start),
            RangeEnd::Before(end) => Excluded(end),
            RangeEnd::Unbounded => Unbounded,
        };
        // A single key is found without the cost of an iterator; a range that ends before it starts holds nothing.
        let single = matches!(range.end, RangeEnd::Single);
        let found = single.then(|| self.keys.get_key_value(start)).flatten();
        let several = !single && end != Excluded(start);
        let several = several.then(|| self.keys.range::<_, [u8]>((Included(start), end)));
        found.into_iter().chain(several.into_iter().flatten())
    }

    /// The revision to read at, if it can be read.
    fn readable(&self, asked: Option<Revision>) -> Result<Revision, Failure> {
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
    key: &'a Bytes,
    modified: Revision,
    life: &'a Life,
}

impl Hit<'_> {
    fn is_wanted(&self, query: &RangeQuery) -> bool {
        query.mod_revision.holds(self.modified) && query.create_revision.holds(self.life.created)
    }

    fn compare(&self, other: &Self, sort: Sort) -> Ordering {
        let ascending = match sort.target {
            SortTarget::Key => self.key.cmp(other.key),
            SortTarget::Version => self.life.version.cmp(&other.life.version),
            SortTarget::Create => self.life.created.cmp(&other.life.created),
            SortTarget::Mod => self.modified.cmp(&other.modified),
            SortTarget::Value => self.life.value.cmp(&other.life.value),
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
            self.life.value.clone()
        };
        KeyValue {
            key: self.key.clone(),
            create_revision: self.life.created,
            mod_revision: self.modified,
            version: self.life.version,
            value,
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
