//! What happened, revision by revision: for watches that begin in the past.

use super::keys::Keyspace;
use crate::store::command::Failure;
use crate::store::query::{Event, Revision};

impl Keyspace {
    /// The changes from a place in a revision on, in order. At the compacted revision itself, those that are left of it.
    pub(in crate::store) fn events(
        &self,
        from: Revision,
        place: u64,
    ) -> Result<impl Iterator<Item = Event> + '_, Failure> {
        if from < self.compacted {
            return Err(Failure::Compacted(self.compacted));
        }
        let changes = self.changes.from(from, place);
        Ok(changes.filter_map(|change| {
            // Of the compacted revision, deletions are gone already.
            let key = change.key();
            let row = self.keys.get(&key)?;
            let version = row.at(change.revision())?;
            if version.modified != change.revision() {
                return None;
            }
            let earlier = Revision(change.revision().0 - 1);
            let before = (earlier >= self.compacted).then(|| row.at(earlier)).flatten();
            Some(Event {
                revision: change.revision(),
                now: version.view(key.clone()),
                before: before.and_then(|before| before.view(key.clone())),
                key,
            })
        }))
    }
}
