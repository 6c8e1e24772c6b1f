//! A state as the beginning of another cluster.

use super::Store;
use super::alarm::Alarms;
use super::members::Members;
use super::query::Revision;

/// Clients know revisions as signed numbers.
const REVISION_MAX: u64 = i64::MAX as u64;

impl Store {
    /// The state as the one that another cluster begins with. What the former members published and
    /// raised goes. Revisions and
    /// indexes go on `bump` later, so that none that clients have seen is ever given to another change; with `compacted`
    /// nothing before the revision now reached can be read or watched, so that a watch from there is told so instead of
    /// missing what was lost. None if there are not so many revisions left.
    #[must_use]
    pub fn refounded(mut self, bump: u64, compacted: bool) -> Option<Store> {
        let revision = self.keyspace.revision().0.checked_add(bump)?;
        let index = self.tree.index().checked_add(bump)?;
        if revision.max(index) > REVISION_MAX {
            return None;
        }
        self.keyspace.refound(Revision(revision), compacted);
        self.tree.refound(index, compacted);
        self.members = Members::default();
        self.alarms = Alarms::default();
        Some(self)
    }
}
