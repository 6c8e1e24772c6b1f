//! All versions of one key.

use bytes::Bytes;
use imbl::Vector;

use crate::store::fingerprint::{Kind, Row};
use crate::store::query::{KeyValue, Revision};

/// What one command left of a key.
#[derive(Clone, Debug)]
pub(super) struct Version {
    /// The command's revision.
    pub(super) modified: Revision,
    /// What the key holds from then on; None if it was deleted.
    pub(super) life: Option<Life>,
}

/// What a key that is there holds.
#[derive(Clone, Debug)]
pub(super) struct Life {
    /// The revision that made the key; a key that was deleted and put again is made again.
    pub(super) created: Revision,
    /// How many puts since then; 1 after the first.
    pub(super) version: u64,
    /// The value.
    pub(super) value: Bytes,
}

impl Version {
    /// The bytes of the value.
    pub(super) fn bytes(&self) -> usize {
        self.life.as_ref().map_or(0, |life| life.value.len())
    }

    /// The hash of this version's row.
    pub(super) fn row(&self, key: &[u8]) -> u64 {
        let row = Row::new(Kind::Version).bytes(key).number(self.modified.0);
        match &self.life {
            None => row.hash(),
            Some(life) => row
                .number(life.created.0)
                .number(life.version)
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
        }
    }
}

/// The versions of a key, each newer than the one before. The newest stands by itself: most reads want it, and most
/// keys have no other.
#[derive(Clone, Debug)]
pub(super) struct History {
    newest: Version,
    older: Vector<Version>,
}

impl History {
    /// A history of one version.
    pub(super) fn new(first: Version) -> History {
        History {
            newest: first,
            older: Vector::new(),
        }
    }

    /// Adds a version newer than all others.
    pub(super) fn push(&mut self, version: Version) {
        debug_assert!(version.modified > self.newest.modified, "revisions go up");
        self.older.push_back(std::mem::replace(&mut self.newest, version));
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
        let after = match self
            .older
            .binary_search_by(|version| version.modified.cmp(&revision))
        {
            Ok(found) => found + 1,
            Err(after) => after,
        };
        self.older.get(after.checked_sub(1)?)
    }

    /// All versions, the oldest first.
    #[cfg(test)]
    pub(super) fn versions(&self) -> impl Iterator<Item = &Version> {
        self.older.iter().chain(std::iter::once(&self.newest))
    }
}
