//! The keyspace and the put.

#[cfg(test)]
use std::ops::Bound;

use super::changes::ChangeList;
use super::packed::Map;
use super::version::{Life, Version};
use crate::store::command::{Failure, Put};
use crate::store::fingerprint::{Kind, Row, Totals};
use crate::store::lease::Leases;
use crate::store::query::{KeyValue, LeaseId, Revision};

/// The v3 keyspace at one revision, with all earlier ones in it that are not compacted away.
#[derive(Clone, Debug)]
pub(in crate::store) struct Keyspace {
    /// Deleted keys stay here with their histories until those are compacted away.
    pub(super) keys: Map,
    pub(super) changes: ChangeList,
    pub(in crate::store) leases: Leases,
    pub(super) revision: Revision,
    /// Revisions below this one cannot be read any more.
    pub(super) compacted: Revision,
    /// Of the keys and their versions.
    pub(super) totals: Totals,
    /// Rows of anything that were touched since it was made; not part of the state.
    pub(super) effort: u64,
}

/// The memory that a key takes besides its bytes and its versions, as measured: its place in the map. What keys have in
/// common is counted for each of them, though it is written once a leaf.
pub(super) const KEY_WEIGHT: usize = 16;
/// The memory that a version takes besides what it took as the newest, once it is not: from then on it stands by itself.
pub(super) const OLDER_WEIGHT: usize = 72;

impl Keyspace {
    /// Nothing, at revision 1.
    pub(in crate::store) fn new() -> Keyspace {
        Keyspace {
            keys: Map::new(),
            changes: ChangeList::default(),
            leases: Leases::default(),
            revision: Revision(1),
            compacted: Revision(0),
            totals: Totals::default(),
            effort: 0,
        }
    }

    /// Sets a key; returns what stood there if that is asked for. An empty key is never there and cannot be set.
    pub(in crate::store) fn put(&mut self, put: Put) -> Result<Option<KeyValue>, Failure> {
        let modified = self.next_revision();
        let previous = self.put_at(put, modified)?;
        self.revision = modified;
        Ok(previous)
    }

    /// Sets a key at the revision in the making.
    pub(super) fn put_at(&mut self, put: Put, modified: Revision) -> Result<Option<KeyValue>, Failure> {
        // etcd looks for the lease before it looks for the key.
        if put.lease != LeaseId::NONE && self.leases.get(put.lease).is_none() {
            return Err(Failure::LeaseNotFound);
        }
        self.effort += 1;
        let Put { key, value, .. } = put;
        let (mut previous, mut lease_before) = (None, LeaseId::NONE);
        let (totals, leases) = (&mut self.totals, &mut self.leases);
        self.keys.put(&key, |row| {
            let newest = row.map(|row| row.newest());
            let life = newest.and_then(|newest| newest.life);
            if key.is_empty() || life.is_none() && (put.ignore_value || put.ignore_lease) {
                return Err(Failure::KeyNotFound);
            }
            if put.previous {
                previous = newest.and_then(|newest| newest.view(key.clone()));
            }
            lease_before = life.map_or(LeaseId::NONE, |life| life.lease);
            let lease = if put.ignore_lease { lease_before } else { put.lease };
            let kept = life.filter(|_| put.ignore_value);
            let version = Version {
                modified,
                life: Some(Life {
                    created: life.map_or(modified, |life| life.created),
                    version: life.map_or(1, |life| life.version + 1),
                    value: kept.map_or(value, |life| life.value.to_bytes()),
                    lease,
                }),
            };
            let more = if newest.is_some() {
                OLDER_WEIGHT
            } else {
                KEY_WEIGHT + key.len()
            };
            totals.add(version.row(&key), version.weight() + more);
            leases.attach(&key, lease_before, lease);
            Ok(version)
        })?;
        self.changes.push(modified, &key);
        Ok(previous)
    }

    /// Goes on at a revision, not before the present one; if `compacted`, nothing before it can be read.
    pub(in crate::store) fn refound(&mut self, revision: Revision, compacted: bool) {
        debug_assert!(revision >= self.revision, "revisions go up");
        self.revision = revision;
        if compacted {
            self.compacted = revision;
        }
    }

    pub(in crate::store) fn revision(&self) -> Revision {
        self.revision
    }

    pub(in crate::store) fn compacted(&self) -> Revision {
        self.compacted
    }

    /// The rows that were touched so far, of anything.
    pub(in crate::store) fn effort(&self) -> u64 {
        self.effort
    }

    pub(in crate::store) fn totals(&self) -> Totals {
        self.totals
            .and(self.changes.totals())
            .and(self.leases.totals())
            .and(self.counters())
    }

    /// The totals, computed afresh.
    #[cfg(test)]
    pub(in crate::store) fn recount(&self) -> Totals {
        let mut totals = Totals::default();
        for row in self.keys.range(Bound::Unbounded, Bound::Unbounded) {
            let key = row.key();
            let older = row.versions().count() - 1;
            totals.bytes += (KEY_WEIGHT + key.len() + older * OLDER_WEIGHT) as u64;
            row.versions()
                .for_each(|version| totals.add(version.row(&key), version.weight()));
        }
        totals
            .and(self.changes.recount())
            .and(self.leases.recount())
            .and(self.counters())
    }

    /// What is state and stands in no row.
    fn counters(&self) -> Totals {
        let row = Row::new(Kind::Counters)
            .number(self.revision.0)
            .number(self.compacted.0)
            .number(self.changes.settled() as u64)
            .number(self.changes.first_place())
            .number(self.leases.chosen());
        let mut totals = Totals::default();
        totals.add(row.hash(), 0);
        totals
    }

    pub(super) fn next_revision(&self) -> Revision {
        Revision(self.revision.0 + 1)
    }
}
