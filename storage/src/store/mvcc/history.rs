//! All versions of one key.

use std::sync::Arc;

use bytes::Bytes;
use imbl::Vector;
use serde::{Deserialize, Serialize};

use crate::store::fingerprint::{Kind, Row};
use crate::store::query::{KeyValue, LeaseId, Revision};

/// What one command left of a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    /// The command's revision.
    pub modified: Revision,
    /// What the key holds from then on; None if it was deleted.
    pub life: Option<Life>,
}

/// What a key that is there holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Life {
    /// The revision that made the key; a key that was deleted and put again is made again.
    pub created: Revision,
    /// How many puts since then; 1 after the first.
    pub version: u64,
    /// The value.
    pub value: Bytes,
    /// The lease that the key hangs on, or none.
    pub lease: LeaseId,
}

/// The memory that a version takes besides its value, as measured (benches/store/pauses.rs): itself, with the room that
/// maps and blocks leave, and what it takes to share the value.
const VERSION_WEIGHT: usize = size_of::<Version>() + 128;

impl Version {
    /// The memory that it takes.
    pub(super) fn weight(&self) -> usize {
        VERSION_WEIGHT + self.life.as_ref().map_or(0, |life| life.value.len())
    }

    /// The hash of this version's row.
    pub(super) fn row(&self, key: &[u8]) -> u64 {
        let row = Row::new(Kind::Version).bytes(key).number(self.modified.0);
        match &self.life {
            None => row.hash(),
            Some(life) => row
                .number(life.created.0)
                .number(life.version)
                .number(life.lease.0.cast_unsigned())
                .bytes(&life.value)
                .hash(),
        }
    }
}

impl Life {
    /// The life with its key, as clients see it.
    pub(super) fn view(&self, key: &Bytes, modified: Revision) -> KeyValue {
        KeyValue {
            key: key.clone(),
            create_revision: self.created,
            mod_revision: modified,
            version: self.version,
            value: self.value.clone(),
            lease: self.lease,
        }
    }
}

/// The versions of a key, each newer than the one before. The newest stands by itself: most reads want it, and most
/// keys have no other.
#[derive(Clone, Debug)]
pub(super) struct History {
    newest: Version,
    older: Option<Arc<Older>>,
}

/// The versions before the newest, at least one, in blocks of [`BLOCK_VERSIONS`]. An `imbl::Vector` of versions would
/// share as well, but it takes 64 places at once, 3.6 kB for a key with three versions.
#[derive(Clone, Debug, Default)]
struct Older {
    full: Vector<Arc<Vec<Version>>>,
    /// Newer than all full blocks; not empty.
    recent: Vec<Version>,
}

/// So many versions at most are copied when a history changes that a view shares.
const BLOCK_VERSIONS: usize = 16;

impl History {
    /// A history of one version.
    pub(super) fn new(first: Version) -> History {
        History {
            newest: first,
            older: None,
        }
    }

    /// Adds a version newer than all others.
    pub(super) fn push(&mut self, version: Version) {
        debug_assert!(version.modified > self.newest.modified, "revisions go up");
        let before = std::mem::replace(&mut self.newest, version);
        Arc::make_mut(self.older.get_or_insert_default()).push(before);
    }

    /// The newest version.
    pub(super) fn newest(&self) -> &Version {
        &self.newest
    }

    /// The version in force at a revision; None if the key had none yet.
    pub(super) fn at(&self, revision: Revision) -> Option<&Version> {
        if self.newest.modified <= revision {
            return Some(&self.newest);
        }
        self.older.as_ref()?.at(revision)
    }

    /// The oldest version.
    pub(super) fn oldest(&self) -> &Version {
        self.older.as_ref().map_or(&self.newest, |older| older.oldest())
    }

    /// Drops the oldest version, which is not the newest.
    pub(super) fn drop_oldest(&mut self) -> Version {
        let older = self.older.as_mut().expect("there are older versions");
        let older_mut = Arc::make_mut(older);
        let gone = older_mut.pop();
        if older_mut.recent.is_empty() {
            self.older = None;
        }
        gone
    }

    /// All versions, the oldest first.
    pub(super) fn versions(&self) -> impl Iterator<Item = &Version> {
        self.after(Revision(0))
    }

    /// The versions after a revision, the oldest first.
    pub(super) fn after(&self, revision: Revision) -> impl Iterator<Item = &Version> {
        let older = self.older.iter().flat_map(move |older| older.after(revision));
        let newest = std::iter::once(&self.newest);
        older.chain(newest.filter(move |newest| newest.modified > revision))
    }
}

impl Older {
    fn push(&mut self, version: Version) {
        if self.recent.len() == BLOCK_VERSIONS {
            self.full.push_back(Arc::new(std::mem::take(&mut self.recent)));
        }
        if self.recent.len() == self.recent.capacity() {
            // Most keys have few versions: room for as many again at most, where a Vec begins with four.
            self.recent.reserve_exact(self.recent.len().max(1));
        }
        self.recent.push(version);
    }

    fn oldest(&self) -> &Version {
        let block = self.full.front().map_or(&self.recent, |block| &**block);
        &block[0]
    }

    /// Takes the oldest out; afterwards none may be left.
    fn pop(&mut self) -> Version {
        let Some(block) = self.full.front_mut() else {
            let gone = self.recent.remove(0);
            return gone;
        };
        let versions = Arc::make_mut(block);
        let gone = versions.remove(0);
        if versions.is_empty() {
            self.full.pop_front();
        }
        gone
    }

    fn at(&self, revision: Revision) -> Option<&Version> {
        if let Some(version) = last_at(&self.recent, revision) {
            return Some(version);
        }
        last_at(&self.full[self.block_at(revision)?], revision)
    }

    fn after(&self, revision: Revision) -> impl Iterator<Item = &Version> {
        let first = self.block_at(revision).unwrap_or(0);
        let full = (first..self.full.len()).flat_map(|block| self.full[block].iter());
        let versions = full.chain(&self.recent);
        versions.skip_while(move |version| version.modified <= revision)
    }

    /// The last full block that begins no later than a revision.
    fn block_at(&self, revision: Revision) -> Option<usize> {
        match self
            .full
            .binary_search_by_key(&revision, |block| block[0].modified)
        {
            Ok(block) => Some(block),
            Err(after) => after.checked_sub(1),
        }
    }
}

/// The last of these versions that is not newer than a revision.
fn last_at(versions: &[Version], revision: Revision) -> Option<&Version> {
    let after = versions.partition_point(|version| version.modified <= revision);
    versions.get(after.checked_sub(1)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(modified: u64) -> Version {
        Version {
            modified: Revision(modified),
            life: None,
        }
    }

    /// Versions at 10, 20, 30 and so on.
    fn history(versions: u64) -> History {
        let mut history = History::new(version(10));
        (2..=versions).for_each(|number| history.push(version(number * 10)));
        history
    }

    #[test]
    fn the_version_in_force_is_the_last_one_not_newer() {
        for versions in 1..=100 {
            let history = history(versions);
            for revision in 0..=versions * 10 + 10 {
                let found = history.at(Revision(revision)).map(|version| version.modified.0);
                let expected = (revision / 10).min(versions) * 10;
                assert_eq!(
                    found,
                    (expected > 0).then_some(expected),
                    "{versions} versions, at {revision}"
                );
            }
        }
    }

    #[test]
    fn a_clone_does_not_see_later_versions() {
        for versions in 1..=40 {
            let mut history = history(versions);
            let view = history.clone();
            (1..=40).for_each(|number| history.push(version((versions + number) * 10)));
            assert_eq!(view.newest().modified, Revision(versions * 10));
            assert_eq!(view.versions().count() as u64, versions);
            assert_eq!(history.versions().count() as u64, versions + 40);
        }
    }
}
