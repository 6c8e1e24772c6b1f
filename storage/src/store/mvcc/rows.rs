//! The keyspace in a snapshot.

use std::ops::Bound::{Excluded, Included, Unbounded};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::changes::ChangeList;
use super::history::History;
use super::keys::{KEY_WEIGHT, Keyspace, OLDER_WEIGHT};
use super::packed;
use super::version::Version;
use crate::store::lease::Leases;
use crate::store::query::{LeaseId, Revision};
use crate::store::rows::{Place, Row, RowFault};

/// The keyspace's counters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyspaceRow {
    /// Its revision.
    pub revision: Revision,
    /// Revisions below this one cannot be read.
    pub compacted: Revision,
    /// So many of the first changes compaction is through with, though they stay.
    pub settled: u64,
    /// How many changes of the first change's revision are gone.
    pub first_place: u64,
    /// How many ids of leases were chosen.
    pub leases_chosen: u64,
}

/// A key that a revision changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeRow {
    /// The revision.
    pub revision: Revision,
    /// The key.
    pub key: Bytes,
}

/// A key with its versions. A long history takes several rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRow {
    /// The key.
    pub key: Bytes,
    /// At least one; the oldest first.
    pub versions: Vec<Version>,
}

/// A row takes the next version while its values have less than so many bytes. Part of the format.
const VALUES_BYTES: usize = 32 << 10;

/// What a version counts besides its value where chunks are cut. Part of the format.
const VERSION_BYTES: usize = 192;

impl KeyRow {
    pub(in crate::store) fn bytes(&self) -> usize {
        let versions = self.versions.iter();
        let versions = versions.map(|version| VERSION_BYTES + version.borrow().value_bytes());
        self.key.len() + versions.sum::<usize>()
    }
}

impl Keyspace {
    /// The counters, unless they were given.
    pub(in crate::store) fn head_row(&self, after: Option<Place>) -> impl Iterator<Item = (Place, Row)> {
        let row = KeyspaceRow {
            revision: self.revision,
            compacted: self.compacted,
            settled: self.changes.settled() as u64,
            first_place: self.changes.first_place(),
            leases_chosen: self.leases.chosen(),
        };
        let row = after.is_none().then(|| (Place::default(), Row::Keyspace(row)));
        row.into_iter()
    }

    /// The keys after a place: that of a key and of the last of its versions that was given.
    pub(in crate::store) fn key_rows(&self, after: Option<Place>) -> impl Iterator<Item = (Place, Row)> {
        let (start, given) = match &after {
            Some(place) => (Included(&place.key[..]), Revision(place.number)),
            None => (Unbounded, Revision(0)),
        };
        let rest = after.as_ref().and_then(|place| self.keys.get(&place.key));
        let rest = rest.map(|row| rows_of(row, given));
        let start = match start {
            Included(key) => Excluded(key),
            other => other,
        };
        let keys = self.keys.range(start, Unbounded);
        let keys = keys.flat_map(|row| rows_of(row, Revision(0)));
        rest.into_iter().flatten().chain(keys)
    }

    /// Lets go of keys before a place, or of all.
    pub(in crate::store) fn forget_keys(&mut self, before: Option<&Place>) {
        match before {
            Some(place) => self.keys.forget_before(&place.key),
            None => self.keys = packed::Map::new(),
        }
    }

    /// The changes after a place: that of how many were given.
    pub(in crate::store) fn change_rows(&self, after: Option<Place>) -> impl Iterator<Item = (Place, Row)> {
        let given = after.map_or(0, |place| place.number);
        let rest = self.changes.skip(usize::try_from(given).unwrap_or(usize::MAX));
        rest.zip(given + 1..).map(|(change, number)| {
            let row = ChangeRow {
                revision: change.revision(),
                key: change.key(),
            };
            (Place::at(number), Row::Change(row))
        })
    }

    /// A keyspace without keys.
    pub(in crate::store) fn load(row: &KeyspaceRow) -> Keyspace {
        Keyspace {
            revision: row.revision,
            compacted: row.compacted,
            changes: ChangeList::loading(row.settled, row.first_place),
            leases: Leases::loading(row.leases_chosen),
            ..Keyspace::new()
        }
    }

    /// Takes the next change.
    pub(in crate::store) fn load_change(&mut self, row: ChangeRow) -> Result<(), RowFault> {
        let is_settled = self.changes.is_settled_next();
        if self.changes.newest().is_some_and(|newest| newest > row.revision) {
            return Err(RowFault::Order);
        }
        let left = self.keys.get(&row.key).is_some_and(|found| {
            let version = found.at(row.revision);
            version.is_some_and(|version| version.modified == row.revision)
        });
        let sound = if is_settled {
            row.revision <= self.compacted
        } else {
            left && row.revision <= self.revision
        };
        if !sound {
            return Err(RowFault::Impossible("a change that changed nothing"));
        }
        self.changes.load(row.revision, &row.key);
        Ok(())
    }

    /// Whether the parts fit each other, once all rows are taken.
    pub(in crate::store) fn check_loaded(&self) -> Result<(), RowFault> {
        if self.compacted > self.revision || self.changes.is_settled_next() {
            return Err(RowFault::Impossible("more is compacted than there was"));
        }
        self.leases.check_loaded()
    }

    /// Takes the next key, or the next versions of the last one.
    pub(in crate::store) fn load_key(&mut self, row: KeyRow) -> Result<(), RowFault> {
        let last = self.keys.last().map(|last| (last.key(), last.newest()));
        let (newest, before) = match last {
            Some((key, _)) if key > row.key => return Err(RowFault::Order),
            Some((key, newest)) if key == row.key => (newest.modified, newest.lease()),
            _ if row.key.is_empty() => return Err(RowFault::Impossible("an empty key")),
            _ => (Revision(0), LeaseId::NONE),
        };
        check(&row.versions, newest, self.revision)?;
        let is_first = newest == Revision(0);
        if is_first {
            self.totals.bytes += (KEY_WEIGHT + row.key.len()) as u64;
        }
        for version in &row.versions {
            self.totals.add(version.row(&row.key), version.weight());
        }
        let older = row.versions.len() - usize::from(is_first);
        self.totals.bytes += (older * OLDER_WEIGHT) as u64;
        let after = row.versions.last().map_or(LeaseId::NONE, lease_of);
        self.leases.attach(&row.key, before, after);
        let mut versions = row.versions.into_iter();
        if is_first {
            let first = versions
                .next()
                .ok_or(RowFault::Impossible("a key without a version"))?;
            self.keys.load(&row.key, first);
        }
        if versions.len() > 0 {
            let push = |history: &mut History| versions.for_each(|version| history.push(version));
            self.keys.change(&row.key, push);
        }
        Ok(())
    }
}

fn lease_of(version: &Version) -> LeaseId {
    version.life.as_ref().map_or(LeaseId::NONE, |life| life.lease)
}

/// The rows of a key with its versions after a revision.
fn rows_of(row: packed::Row<'_>, given: Revision) -> impl Iterator<Item = (Place, Row)> {
    let key = row.key();
    let mut versions = row.after(given).peekable();
    std::iter::from_fn(move || {
        versions.peek()?;
        let mut taken: Vec<Version> = Vec::new();
        let mut bytes = 0;
        while bytes < VALUES_BYTES
            && let Some(version) = versions.next()
        {
            bytes += version.value_bytes();
            taken.push(version.to_version());
        }
        let place = Place {
            key: key.clone(),
            number: taken.last()?.modified.0,
        };
        let row = KeyRow {
            key: key.clone(),
            versions: taken,
        };
        Some((place, Row::Key(row)))
    })
}

/// Whether these can be the versions of a key after one of `before`, at a keyspace's revision.
fn check(versions: &[Version], before: Revision, last: Revision) -> Result<(), RowFault> {
    if versions.is_empty() {
        return Err(RowFault::Impossible("a key without a version"));
    }
    let mut newest = before;
    for version in versions {
        if version.modified <= newest {
            return Err(RowFault::Order);
        }
        newest = version.modified;
        let life = version.life.as_ref();
        if life.is_some_and(|life| life.created > newest || life.version == 0) {
            return Err(RowFault::Impossible("a key that was changed before it was made"));
        }
    }
    if newest > last {
        return Err(RowFault::Impossible(
            "a key that was changed after the last revision",
        ));
    }
    Ok(())
}
