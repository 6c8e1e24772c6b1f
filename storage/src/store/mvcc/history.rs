//! All versions of one key.

use std::sync::Arc;

use imbl::Vector;

use super::version::Version;
use crate::store::query::Revision;

/// The versions of a key, each newer than the one before, taken out of their leaf to be changed. The newest stands by
/// itself: most reads want it, and most keys have no other.
#[derive(Clone, Debug)]
pub(super) struct History {
    newest: Version,
    older: Option<Arc<Older>>,
}

/// The versions before the newest, at least one, in blocks of [`BLOCK_VERSIONS`]. An `imbl::Vector` of versions would
/// share as well, but it takes 64 places at once, 3.6 kB for a key with three versions.
#[derive(Clone, Debug, Default)]
pub(super) struct Older {
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

    /// Drops so many of the oldest versions, none of which is the newest.
    pub(super) fn drop_oldest(&mut self, count: usize) {
        let older = self.older.as_mut().expect("there are older versions");
        let older_mut = Arc::make_mut(older);
        (0..count).for_each(|_| older_mut.pop());
        if older_mut.recent.is_empty() {
            self.older = None;
        }
    }

    /// A history in its parts.
    pub(super) fn of(newest: Version, older: Option<Arc<Older>>) -> History {
        History { newest, older }
    }

    /// Its parts.
    pub(super) fn into_parts(self) -> (Version, Option<Arc<Older>>) {
        (self.newest, self.older)
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

    /// Drops the oldest; afterwards none may be left.
    fn pop(&mut self) {
        let Some(block) = self.full.front_mut() else {
            self.recent.remove(0);
            return;
        };
        let versions = Arc::make_mut(block);
        versions.remove(0);
        if versions.is_empty() {
            self.full.pop_front();
        }
    }

    pub(super) fn at(&self, revision: Revision) -> Option<&Version> {
        if let Some(version) = last_at(&self.recent, revision) {
            return Some(version);
        }
        last_at(&self.full[self.block_at(revision)?], revision)
    }

    pub(super) fn after(&self, revision: Revision) -> impl Iterator<Item = &Version> {
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
    fn older(versions: u64) -> Older {
        let mut older = Older::default();
        (1..=versions).for_each(|number| older.push(version(number * 10)));
        older
    }

    #[test]
    fn the_version_in_force_is_the_last_one_not_newer() {
        for versions in 1..=100 {
            let older = older(versions);
            for revision in 0..=versions * 10 + 10 {
                let found = older.at(Revision(revision)).map(|version| version.modified.0);
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
            let mut older = older(versions);
            let view = older.clone();
            (1..=40).for_each(|number| older.push(version((versions + number) * 10)));
            assert_eq!(view.after(Revision(0)).count() as u64, versions);
            assert_eq!(older.after(Revision(0)).count() as u64, versions + 40);
        }
    }
}
