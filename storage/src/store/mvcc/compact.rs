//! Compaction. The floor rises at once; what only lower revisions showed goes afterwards, in pieces.
//!
//! What is pending is in the state itself: the changes up to the floor that are still in the change list. They are taken
//! from its front one by one. A change of a key supersedes the key's versions before it, which go; if it is a deletion it
//! goes itself. So each change costs at most two versions, however long the key's history is. What is read at the floor
//! or above is never touched.

use bytes::Bytes;

use super::keys::{KEY_WEIGHT, Keyspace, OLDER_WEIGHT};
use crate::store::command::Failure;
use crate::store::query::Revision;

impl Keyspace {
    /// Raises the floor.
    pub(in crate::store) fn compact(&mut self, revision: Revision) -> Result<(), Failure> {
        if revision > self.revision {
            return Err(Failure::FutureRevision);
        }
        if revision <= self.compacted && self.compacted > Revision(0) {
            return Err(Failure::Compacted(self.compacted));
        }
        self.compacted = revision;
        Ok(())
    }

    /// Whether anything is left of what the floor asks for.
    pub(in crate::store) fn has_pending(&self) -> bool {
        self.next_to_tidy().is_some()
    }

    /// Looks at so many changes at most that compaction is not through with.
    pub(in crate::store) fn tidy(&mut self, changes_max: usize) {
        for _ in 0..changes_max {
            let Some(next) = self.next_to_tidy() else { return };
            self.effort += 1;
            match next {
                Next::Settled => self.changes.pop_front(),
                Next::Unsettled(revision, key) => {
                    let is_left = self.supersede(&key, revision);
                    // A watch may still ask for the compacted revision itself: what is left of it stays.
                    let stays = revision == self.compacted && (is_left || self.changes.settled() > 0);
                    if stays {
                        self.changes.settle();
                    } else {
                        self.changes.pop_front();
                    }
                }
            }
        }
    }

    fn next_to_tidy(&self) -> Option<Next> {
        let front = self.changes.front()?;
        if self.changes.settled() > 0 && front.revision() < self.compacted {
            return Some(Next::Settled);
        }
        let next = self.changes.first_unsettled()?;
        (next.revision() <= self.compacted).then(|| Next::Unsettled(next.revision(), next.key()))
    }

    /// Drops the versions of a key before a revision that changed it, and that one too if it is a deletion. Returns
    /// whether that one is left.
    fn supersede(&mut self, key: &Bytes, revision: Revision) -> bool {
        let row = self
            .keys
            .get(key)
            .expect("a change is of a key that has versions");
        let newest = row.newest();
        if newest.modified == revision && newest.life.is_none() {
            let older = row.versions().count() - 1;
            row.versions()
                .for_each(|gone| self.totals.remove(gone.row(key), gone.weight()));
            self.totals.bytes -= (KEY_WEIGHT + key.len() + older * OLDER_WEIGHT) as u64;
            self.keys.remove(key);
            return false;
        }
        let version = row.at(revision).expect("a change leaves a version");
        debug_assert_eq!(version.modified, revision, "a change leaves a version");
        let is_left = version.life.is_some();
        let first_kept = if is_left {
            revision
        } else {
            Revision(revision.0 + 1)
        };
        let superseded = row.versions().take_while(|version| version.modified < first_kept);
        let count = superseded
            .inspect(|gone| self.totals.remove(gone.row(key), gone.weight() + OLDER_WEIGHT))
            .count();
        if count > 0 {
            self.keys.change(key, |history| history.drop_oldest(count));
        }
        is_left
    }
}

/// What compaction has to look at next.
enum Next {
    /// The first change, which it is through with, but which stayed while its revision was the floor.
    Settled,
    /// This one.
    Unsettled(Revision, Bytes),
}
