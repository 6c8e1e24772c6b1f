//! The v3 keyspace and its leases, plainly.

use std::collections::BTreeMap;

use bytes::Bytes;
use storage::store::command::{Failure, Put};
use storage::store::query::{Found, KeyRange, KeyValue, LeaseId, RangeQuery, Revision};

/// Every version of every key.
#[derive(Clone, Debug)]
pub struct Keyspace {
    /// Of the last write.
    pub revision: u64,
    /// The oldest that can be read.
    pub floor: u64,
    /// By key: from which revision on it held what.
    keys: BTreeMap<Bytes, Vec<(u64, Option<KeyValue>)>>,
    /// In force, with their seconds.
    pub leases: BTreeMap<LeaseId, u64>,
}

impl Default for Keyspace {
    fn default() -> Keyspace {
        Keyspace {
            revision: 1,
            floor: 0,
            keys: BTreeMap::new(),
            leases: BTreeMap::new(),
        }
    }
}

impl Keyspace {
    /// Carries out a write at the next revision, which it takes if it changed anything.
    pub(super) fn write<T>(
        &mut self,
        write: impl FnOnce(&mut Keyspace) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let done = write(self);
        let next = self.revision + 1;
        // What is written at the next revision makes it.
        let made =
            |versions: &Vec<(u64, Option<KeyValue>)>| versions.last().is_some_and(|(at, _)| *at == next);
        if self.keys.values().any(made) {
            self.revision = next;
        }
        done
    }

    /// What a key held as of a revision.
    #[must_use]
    pub fn get(&self, key: &[u8], at: u64) -> Option<&KeyValue> {
        let versions = self.keys.get(key)?;
        versions.iter().rev().find(|(from, _)| *from <= at)?.1.as_ref()
    }

    /// What a range held as of a revision, by key.
    pub fn range(&self, range: &KeyRange, at: u64) -> impl Iterator<Item = &KeyValue> {
        let keys = self.keys.keys().filter(|key| range.holds(key));
        keys.filter_map(move |key| self.get(key, at))
    }

    /// What a range query finds if the last write was at `now` and nothing before `floor` can be read.
    ///
    /// # Errors
    /// If its revision cannot be read.
    pub fn find(&self, query: &RangeQuery, now: u64, floor: u64) -> Result<Found, Failure> {
        let at = query.revision.map_or(now, |revision| revision.0);
        if at > now {
            return Err(Failure::FutureRevision);
        }
        if at < floor {
            return Err(Failure::Compacted(Revision(floor)));
        }
        Ok(self.read(query, at))
    }

    pub(super) fn read(&self, query: &RangeQuery, at: u64) -> Found {
        let mut keys: Vec<KeyValue> = self.range(&query.range, at).cloned().collect();
        let count = keys.len() as u64;
        if query.count_only {
            return Found::Range {
                keys: Vec::new(),
                more: false,
                count,
            };
        }
        if let Some(limit) = query.limit {
            keys.truncate(usize::try_from(limit).expect("a small limit"));
        }
        if query.keys_only {
            keys.iter_mut().for_each(|pair| pair.value = Bytes::new());
        }
        let more = (keys.len() as u64) < count;
        Found::Range { keys, more, count }
    }

    pub(super) fn put(&mut self, put: &Put) -> Result<Option<KeyValue>, Failure> {
        let next = self.revision + 1;
        if put.lease != LeaseId::NONE && !self.leases.contains_key(&put.lease) {
            return Err(Failure::LeaseNotFound);
        }
        let before = self.get(&put.key, next).cloned();
        if before.is_none() && (put.ignore_value || put.ignore_lease) {
            return Err(Failure::KeyNotFound);
        }
        let old = before.as_ref();
        let now = KeyValue {
            key: put.key.clone(),
            create_revision: old.map_or(Revision(next), |old| old.create_revision),
            mod_revision: Revision(next),
            version: old.map_or(0, |old| old.version) + 1,
            value: match old {
                Some(old) if put.ignore_value => old.value.clone(),
                _ => put.value.clone(),
            },
            lease: match old {
                Some(old) if put.ignore_lease => old.lease,
                _ => put.lease,
            },
        };
        self.keys
            .entry(put.key.clone())
            .or_default()
            .push((next, Some(now)));
        Ok(before.filter(|_| put.previous))
    }

    pub(super) fn delete(&mut self, range: &KeyRange, previous: bool) -> (u64, Vec<KeyValue>) {
        let next = self.revision + 1;
        let gone: Vec<KeyValue> = self.range(range, next).cloned().collect();
        for pair in &gone {
            self.gone(&pair.key);
        }
        (gone.len() as u64, if previous { gone } else { Vec::new() })
    }

    fn gone(&mut self, key: &Bytes) {
        let next = self.revision + 1;
        self.keys.entry(key.clone()).or_default().push((next, None));
    }

    /// Nothing of the next revision is written after all.
    pub(super) fn undo(&mut self) {
        let revision = self.revision;
        for versions in self.keys.values_mut() {
            while versions.pop_if(|(at, _)| *at > revision).is_some() {}
        }
        self.keys.retain(|_, versions| !versions.is_empty());
    }

    pub(super) fn compact(&mut self, revision: u64) -> Result<(), Failure> {
        if revision > self.revision {
            return Err(Failure::FutureRevision);
        }
        if self.floor > 0 && revision <= self.floor {
            return Err(Failure::Compacted(Revision(self.floor)));
        }
        self.floor = revision;
        Ok(())
    }

    pub(super) fn grant(&mut self, id: LeaseId, ttl: u64) -> Result<(), Failure> {
        if self.leases.contains_key(&id) {
            return Err(Failure::LeaseExists);
        }
        self.leases.insert(id, ttl);
        Ok(())
    }

    /// The keys on a lease, as of a revision.
    pub fn on_lease(&self, id: LeaseId, at: u64) -> impl Iterator<Item = &Bytes> {
        let pairs = self.keys.keys().filter_map(move |key| self.get(key, at));
        pairs.filter(move |pair| pair.lease == id).map(|pair| &pair.key)
    }

    pub(super) fn revoke(&mut self, id: LeaseId) -> Result<(), Failure> {
        self.leases.remove(&id).ok_or(Failure::LeaseNotFound)?;
        self.write(|keyspace| {
            let keys: Vec<Bytes> = keyspace.on_lease(id, keyspace.revision).cloned().collect();
            keys.iter().for_each(|key| keyspace.gone(key));
            Ok(())
        })
    }
}
