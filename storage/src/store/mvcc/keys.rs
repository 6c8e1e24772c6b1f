//! The keyspace and its changes.

use bytes::Bytes;
use imbl::OrdMap;

use super::history::{History, Life, Version};
use crate::store::command::{Failure, Put};
use crate::store::fingerprint::Totals;
use crate::store::query::{KeyRange, KeyValue, Revision};

/// The v3 keyspace at one revision, with all earlier ones in it.
#[derive(Clone, Debug)]
pub(in crate::store) struct Keyspace {
    /// Deleted keys stay here with their histories.
    pub(super) keys: OrdMap<Bytes, History>,
    revision: Revision,
    /// Revisions below this one cannot be read any more.
    pub(super) compacted: Revision,
    /// Each key counts once, and each version's value.
    totals: Totals,
}

impl Keyspace {
    /// Nothing, at revision 1.
    pub(in crate::store) fn new() -> Keyspace {
        Keyspace {
            keys: OrdMap::new(),
            revision: Revision(1),
            compacted: Revision(0),
            totals: Totals::default(),
        }
    }

    /// Sets a key; returns what stood there if that is asked for. An empty key is never there and cannot be set.
    pub(in crate::store) fn put(&mut self, put: Put) -> Result<Option<KeyValue>, Failure> {
        let modified = self.next_revision();
        if let Some(history) = self.keys.get_mut(&put.key) {
            let previous = put_again(history, put, modified, &mut self.totals)?;
            self.revision = modified;
            return Ok(previous);
        }
        if put.key.is_empty() || put.ignore_value || put.ignore_lease {
            return Err(Failure::KeyNotFound);
        }
        let version = Version {
            modified,
            life: Some(Life {
                created: modified,
                version: 1,
                value: put.value,
            }),
        };
        self.totals
            .add(version.row(&put.key), put.key.len() + version.bytes());
        self.keys.insert(put.key, History::new(version));
        self.revision = modified;
        Ok(None)
    }

    /// Deletes the keys of a range, all in one revision; returns how many and, if asked for, which. If there are none,
    /// nothing changes.
    pub(in crate::store) fn delete_range(
        &mut self,
        range: &KeyRange,
        previous: bool,
    ) -> (u64, Vec<KeyValue>) {
        let modified = self.next_revision();
        let live = self
            .span(range)
            .filter(|(_, history)| history.newest().life.is_some());
        let doomed: Vec<Bytes> = live.map(|(key, _)| key.clone()).collect();
        let mut deleted = Vec::with_capacity(if previous { doomed.len() } else { 0 });
        for key in &doomed {
            let history = self.keys.get_mut(key).expect("the span just yielded it");
            let newest = history.newest();
            if let Some(life) = newest.life.as_ref().filter(|_| previous) {
                deleted.push(life.view(key, newest.modified));
            }
            let tombstone = Version { modified, life: None };
            self.totals.add(tombstone.row(key), 0);
            history.push(tombstone);
        }
        if !doomed.is_empty() {
            self.revision = modified;
        }
        (doomed.len() as u64, deleted)
    }

    pub(in crate::store) fn revision(&self) -> Revision {
        self.revision
    }

    pub(in crate::store) fn compacted(&self) -> Revision {
        self.compacted
    }

    pub(in crate::store) fn totals(&self) -> Totals {
        self.totals
    }

    /// The totals, computed afresh.
    #[cfg(test)]
    pub(in crate::store) fn recount(&self) -> Totals {
        let mut totals = Totals::default();
        for (key, history) in &self.keys {
            totals.bytes += key.len() as u64;
            history
                .versions()
                .for_each(|version| totals.add(version.row(key), version.bytes()));
        }
        totals
    }

    fn next_revision(&self) -> Revision {
        Revision(self.revision.0 + 1)
    }
}

/// Puts a key that has a history, though it may be deleted now; returns what stood there if that is asked for.
fn put_again(
    history: &mut History,
    put: Put,
    modified: Revision,
    totals: &mut Totals,
) -> Result<Option<KeyValue>, Failure> {
    let newest = history.newest();
    let life = newest.life.as_ref();
    if life.is_none() && (put.ignore_value || put.ignore_lease) {
        return Err(Failure::KeyNotFound);
    }
    let previous = life.filter(|_| put.previous);
    let previous = previous.map(|life| life.view(&put.key, newest.modified));
    let kept = life.filter(|_| put.ignore_value);
    let version = Version {
        modified,
        life: Some(Life {
            created: life.map_or(modified, |life| life.created),
            version: life.map_or(1, |life| life.version + 1),
            value: kept.map_or(put.value, |life| life.value.clone()),
        }),
    };
    totals.add(version.row(&put.key), version.bytes());
    history.push(version);
    Ok(previous)
}
