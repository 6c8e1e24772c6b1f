//! What happened, revision by revision: for watches that begin in the past.

use bytes::Bytes;

use super::keys::Keyspace;
use crate::store::command::Failure;
use crate::store::query::{Event, Place, Revision};

impl Keyspace {
    /// The changes from a place on, in order. At the compacted revision itself, those that are left of it.
    pub(in crate::store) fn events(
        &self,
        from: Revision,
        place: u64,
    ) -> Result<impl Iterator<Item = Event> + '_, Failure> {
        let changed = self.changed(Place {
            revision: from,
            after: place,
        })?;
        Ok(changed.filter_map(|(place, key)| self.event(place.revision, &key)))
    }

    /// Which keys were changed from a place on, and where.
    pub(in crate::store) fn changed(
        &self,
        from: Place,
    ) -> Result<impl Iterator<Item = (Place, Bytes)> + '_, Failure> {
        if from.revision < self.compacted {
            return Err(Failure::Compacted(self.compacted));
        }
        Ok(self.changes.from(from))
    }

    /// What a revision did to a key that it changed; None if that is gone: of the compacted revision, deletions are.
    pub(in crate::store) fn event(&self, revision: Revision, key: &Bytes) -> Option<Event> {
        let row = self.keys.get(key)?;
        let version = row.at(revision)?;
        if version.modified != revision {
            return None;
        }
        let earlier = Revision(revision.0 - 1);
        let before = (earlier >= self.compacted).then(|| row.at(earlier)).flatten();
        Some(Event {
            revision,
            now: version.view(key.clone()),
            before: before.and_then(|before| before.view(key.clone())),
            key: key.clone(),
        })
    }
}
