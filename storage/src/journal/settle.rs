//! Making the journal's end fit to write on, after all of it was read and judged sound.

use std::collections::VecDeque;
use std::ops::Range;

use super::close::Closing;
use super::record;
use super::segment;
use super::spare::Older;
use super::standing::Standing;
use super::write::{Found, Segment, WriteError, failed};
use crate::disk::Disk;

/// A Save that was being written when the member last stopped. Nobody was ever told that it was durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cut {
    /// The segment's file.
    pub file: String,
    /// Where the Save began.
    pub offset: u64,
    /// How many bytes of it there were, up to the last that is not zero.
    pub bytes: u64,
}

/// The newest segment as it was found.
pub(super) struct End<D: Disk> {
    pub(super) segment: Segment<D::File>,
    pub(super) chain: u32,
    /// The last record is a Seal.
    pub(super) sealed: bool,
    /// The last record and its offset, if there is any.
    pub(super) last: Option<(u64, Vec<u8>)>,
    pub(super) torn: Option<Range<usize>>,
    /// The record that closes the segment, found or to come.
    pub(super) closing: Closing,
    /// The segment before it, and how that one is closed, if this one has no record yet.
    pub(super) before: Option<(Segment<D::File>, Closing)>,
}

impl<D: Disk> End<D> {
    /// Makes what was read durable, and what comes after it zero.
    ///
    /// The last record may be in memory only: its sync may never have been asked for, or have failed, after which the
    /// kernel calls its pages clean. So it is written again before it is synced.
    ///
    /// An interrupted write is erased from behind, in two steps, each of which leaves bytes that are still judged
    /// torn. Were it left there, the record written over it could end before it does, and the rest would be taken for
    /// damage.
    pub(super) fn settle(&self, disk: &D) -> Result<Option<Cut>, WriteError> {
        if let Some((segment, closing)) = &self.before {
            // Nobody knows whether it is durable, and this segment may not have a record before it is.
            closing.write(disk, &segment.file, segment.sequence)?;
        }
        let name = segment::name(self.segment.sequence);
        let file = &self.segment.file;
        let erase = |range: Range<usize>| {
            let zeros = vec![0; range.len()];
            failed(
                "erase the end of",
                &name,
                disk.write_at(file, range.start as u64, &zeros),
            )
        };
        if let Some((offset, record)) = &self.last {
            failed("write", &name, disk.write_at(file, *offset, record))?;
        }
        let mut cut = None;
        if let Some(torn) = self.torn.clone() {
            let header_end = torn.end.min(torn.start + record::HEADER);
            if header_end < torn.end {
                erase(header_end..torn.end)?;
                failed("sync", &name, disk.sync_data(file))?;
            }
            erase(torn.start..header_end)?;
            cut = Some(Cut {
                file: name.clone(),
                offset: torn.start as u64,
                bytes: torn.len() as u64,
            });
        }
        failed("sync", &name, disk.sync_data(file))?;
        Ok(cut)
    }

    /// What the writer goes on from.
    pub(super) fn found(self, older: VecDeque<Older>, standing: Standing) -> Found<D::File> {
        Found {
            older,
            segment: self.segment,
            chain: self.chain,
            standing,
            sealed: self.sealed,
        }
    }
}
