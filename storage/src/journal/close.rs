//! The closing record: the last one of a segment that another one follows. It stands in a sector of its own and says, as a
//! Seal does, where the log ends, and which segment comes next. So a segment that is gone is missed, also if it was the
//! newest.
//!
//! It is written and synced when the next segment is there under its name, and before that one has a record. So there
//! are three states that a crash can leave: no next segment, and no closing record; the next segment without any record, and
//! all, a part or nothing of the closing record; both. A closing record that names a segment which is not there is damage.
//!
//! Its bytes follow from what stands before it, and the header of the next segment has its checksum. What a crash kept
//! from the disk can therefore be written anew.

use std::ops::Range;

use raft_core::Position;

use super::record::{self, Place, SEAL_EXTENT};
use super::segment;
use super::write::{WriteError, failed};
use crate::disk::{Disk, SECTOR};

/// The record that closes a segment, on the disk or to come.
#[derive(Clone, Debug)]
pub(super) struct Closing {
    /// Where it stands in its segment.
    pub(super) offset: u64,
    /// Its bytes.
    pub(super) record: Vec<u8>,
    /// Its checksum: the header of the next segment names it.
    pub(super) sum: u32,
}

impl Closing {
    /// That of a segment whose last record ends at `end.offset` and has the checksum `chain`.
    pub(super) fn after(end: Place, chain: u32, last: Position) -> Closing {
        let place = Place {
            offset: end.offset.next_multiple_of(SECTOR as u64),
            ..end
        };
        let mut record = Vec::new();
        let sum = record::encode_close(place, chain, last, end.sequence.saturating_add(1), &mut record);
        Closing {
            offset: place.offset,
            record,
            sum,
        }
    }

    /// Whether there is room for it.
    pub(super) fn fits(&self, segment_bytes: u64) -> bool {
        self.offset.saturating_add(SEAL_EXTENT as u64) <= segment_bytes
    }

    /// Whether the bytes of `range`, the only ones behind the last record that are not zero, can be what a crash left of
    /// this record.
    pub(super) fn may_have_left(&self, segment: &[u8], range: &Range<usize>) -> bool {
        let found = &segment[range.clone()];
        let start = (range.start as u64).checked_sub(self.offset);
        let start = start.and_then(|start| usize::try_from(start).ok());
        let ours = start.and_then(|start| self.record.get(start..start + found.len()));
        ours.is_some_and(|ours| {
            let bytes = found.iter().zip(ours);
            bytes
                .into_iter()
                .all(|(found, ours)| *found == 0 || found == ours)
        })
    }

    /// Writes and syncs it.
    pub(super) fn write<D: Disk>(&self, disk: &D, file: &D::File, sequence: u64) -> Result<(), WriteError> {
        let name = segment::name(sequence);
        failed("close", &name, disk.write_at(file, self.offset, &self.record))?;
        failed("sync", &name, disk.sync_data(file))
    }
}
