//! What a file holds, in memory and on the disk.

use std::ops::{Range, RangeInclusive};

use storage::disk::SECTOR;

use super::{Content, RECENT};

impl Content {
    pub(super) fn of_zeros(length: usize) -> Content {
        Content {
            bytes: vec![0; length],
            synced_length: length,
            ..Content::default()
        }
    }

    /// The bytes of a sector.
    pub(super) fn extent(&self, sector: usize) -> Range<usize> {
        let start = (sector * SECTOR).min(self.bytes.len());
        start..self.bytes.len().min(start + SECTOR)
    }

    /// A sector is as it was.
    pub(super) fn put_back(&mut self, sector: usize, old: &[u8]) {
        let extent = self.extent(sector);
        let (kept, new) = self.bytes[extent].split_at_mut(old.len());
        kept.copy_from_slice(old);
        new.fill(0);
    }

    /// Sectors are about to be written.
    pub(super) fn touch(&mut self, sectors: RangeInclusive<usize>) {
        for sector in sectors.clone() {
            self.unreadable.remove(&sector);
            if self.unsynced.contains_key(&sector) {
                continue;
            }
            // Of a page that a failed sync dropped, the disk holds what was there before.
            let held = self.lost.remove(&sector);
            let held = held.unwrap_or_else(|| self.bytes[self.extent(sector)].to_vec());
            self.unsynced.insert(sector, held);
        }
        if self.recent.len() == RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(sectors);
    }

    /// All that was written is on the disk.
    pub(super) fn synced(&mut self) {
        // Not `append`, which takes time proportional to all that was ever written.
        self.former.extend(std::mem::take(&mut self.unsynced));
        self.synced_length = self.bytes.len();
    }
}
