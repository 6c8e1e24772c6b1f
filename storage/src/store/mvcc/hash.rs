//! A hash of the keys as of a revision, which operators compare between members.

use super::keys::Keyspace;
use crate::store::command::Failure;
use crate::store::query::{KeysHash, Place, Revision};

/// How many changes a hash may go back: it is taken back over each, and nobody else is to wait for it.
pub(super) const CHANGES_BACK_MAX: usize = 2_000;

impl Keyspace {
    /// The hash of all versions there are up to a revision, the present one if none is named.
    ///
    /// # Errors
    /// `FutureRevision`; `Compacted`; `HashTooFarBack`; `StillCompacting`, since members go through with a compaction bit by
    /// bit, and what it has not come to yet counts in the hash.
    pub(in crate::store) fn hash_at(&self, revision: Option<Revision>) -> Result<KeysHash, Failure> {
        let revision = revision.unwrap_or(self.revision);
        if revision > self.revision {
            return Err(Failure::FutureRevision);
        }
        if revision < self.compacted {
            return Err(Failure::Compacted(self.compacted));
        }
        if self.has_pending() {
            return Err(Failure::StillCompacting);
        }
        let mut hash = self.totals.hash;
        let later = self.changes.from(Place::start_of(Revision(revision.0 + 1)));
        for (count, (place, key)) in later.enumerate() {
            if count == CHANGES_BACK_MAX {
                return Err(Failure::HashTooFarBack);
            }
            let row = self
                .keys
                .get(&key)
                .expect("a change that stays is of a key that stays");
            let version = row.at(place.revision).expect("its version stays as long");
            debug_assert_eq!(version.modified, place.revision);
            hash = hash.wrapping_sub(version.row(&key));
        }
        Ok(KeysHash {
            hash,
            revision,
            compacted: self.compacted,
        })
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::store::command::Put;
    use crate::store::query::LeaseId;

    fn put(keyspace: &mut Keyspace, number: usize) {
        let put = Put {
            key: Bytes::from(format!("k{}", number % 7)),
            value: Bytes::from(number.to_string()),
            lease: LeaseId::NONE,
            previous: false,
            ignore_value: false,
            ignore_lease: false,
        };
        keyspace.put(put).expect("it is put");
    }

    #[test]
    fn a_hash_of_the_past_is_what_it_was_then() {
        let mut keyspace = Keyspace::new();
        let hash_at = |keyspace: &Keyspace, revision| keyspace.hash_at(Some(revision)).expect("a hash").hash;
        let mut past = Vec::new();
        for number in 0..50 {
            past.push((keyspace.revision, keyspace.hash_at(None).expect("a hash").hash));
            put(&mut keyspace, number);
        }
        for (revision, hash) in &past {
            assert_eq!(hash_at(&keyspace, *revision), *hash, "{revision:?}");
        }
        let mut hashes: Vec<u64> = past.iter().map(|(_, hash)| *hash).collect();
        hashes.sort_unstable();
        hashes.dedup();
        assert_eq!(hashes.len(), 50, "each put makes another");
    }

    #[test]
    fn there_is_no_hash_while_a_compaction_goes_on() {
        let mut keyspace = Keyspace::new();
        (0..50).for_each(|number| put(&mut keyspace, number));
        let revision = keyspace.revision;
        keyspace.compact(revision).expect("compacted");
        assert_eq!(keyspace.hash_at(None), Err(Failure::StillCompacting));
        while keyspace.has_pending() {
            keyspace.tidy(1);
        }
        assert!(keyspace.hash_at(Some(revision)).is_ok());
    }

    #[test]
    fn a_hash_goes_back_only_so_far() {
        let mut keyspace = Keyspace::new();
        let future = keyspace.hash_at(Some(Revision(2)));
        assert_eq!(future, Err(Failure::FutureRevision));
        (0..=CHANGES_BACK_MAX).for_each(|number| put(&mut keyspace, number));
        let back = |changes| keyspace.hash_at(Some(Revision(keyspace.revision.0 - changes as u64)));
        assert!(back(CHANGES_BACK_MAX).is_ok());
        assert_eq!(back(CHANGES_BACK_MAX + 1), Err(Failure::HashTooFarBack));
    }
}
