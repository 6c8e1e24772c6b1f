//! The writer: one write and one sync per Save.

use std::io;
use std::mem;

use raft_core::Save;
use thiserror::Error;

use super::outline::Outline;
use super::record::{self, Place};
use super::segment::{self, BLOCK, Header, SPARE};
use super::spare::{self, FilledOrder, Next, Spare, SpareOrder};
use super::{FIRST_SEGMENT_BYTES, SEGMENT_GROWTH};
use crate::data_dir::Identity;
use crate::disk::Disk;

/// Appends Saves to the journal. Its caller writes a Save, syncs it, and only then tells raft-core `saved(stamp)`.
///
/// Always true: everything before `segment.offset` is valid and, unless `state` is `Written`, durable; everything from
/// there on is zero.
#[derive(Debug)]
pub struct Writer<D: Disk> {
    disk: D,
    identity: Identity,
    /// The size of segments to come, once they have grown to it.
    segment_bytes: u64,
    segment: Segment<D::File>,
    next: Next<D::File>,
    /// What the next record names as the one before it.
    chain: u32,
    outline: Outline,
    state: State,
    /// Kept for its memory.
    buffer: Vec<u8>,
}

/// The segment that is written to.
#[derive(Debug)]
pub(super) struct Segment<F> {
    pub(super) file: F,
    pub(super) sequence: u64,
    /// The file's length.
    pub(super) bytes: u64,
    /// Where the next record goes.
    pub(super) offset: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// All that was written is durable.
    Synced,
    /// The last record is not.
    Written,
    /// Nobody knows.
    Failed,
}

/// Why a Save is not on disk.
#[derive(Debug, Error)]
pub enum WriteError {
    /// There is no space for another segment. Nothing was written and nothing is lost: the same call may be made
    /// again once there is space, and meanwhile the member can serve what it has.
    #[error("no space left for a journal segment of {bytes} bytes: {source}")]
    OutOfSpace {
        /// The size of the segment that could not be made.
        bytes: u64,
        /// What the disk said.
        source: io::Error,
    },
    /// Another segment is needed, and its file is still being made as ordered. Nothing was written: the same call is to
    /// be made again after [`Writer::take_next`].
    #[error("the next journal segment is still being made")]
    NextOrdered,
    /// The disk failed. What it holds of the last Save is not known until the next recovery; the writer refuses
    /// everything from now on.
    #[error("cannot {action} {file}: {source}")]
    Failed {
        /// What was tried.
        action: &'static str,
        /// On which file.
        file: String,
        /// What the disk said.
        source: io::Error,
    },
    /// The disk failed before.
    #[error("the journal is closed, because a write or sync failed before")]
    Closed,
}

impl<D: Disk> Writer<D> {
    pub(super) fn resume(
        disk: D,
        identity: Identity,
        segment_bytes: u64,
        segment: Segment<D::File>,
        chain: u32,
        outline: Outline,
    ) -> Writer<D> {
        Writer {
            disk,
            identity,
            segment_bytes,
            segment,
            next: Next::Unmade,
            chain,
            outline,
            state: State::Synced,
            buffer: Vec::new(),
        }
    }

    /// Writes a Save with one disk write, after making a segment for it if the present one has no room. Not durable
    /// yet.
    ///
    /// # Errors
    /// If a segment was needed: [`WriteError::OutOfSpace`] if there is no space, [`WriteError::NextOrdered`] if it is being
    /// made elsewhere. Any other closes the writer.
    ///
    /// # Panics
    /// If the last Save was not synced, if it does not follow the log, or if it is longer than [`super::BODY_MAX`].
    pub fn write(&mut self, save: &Save) -> Result<(), WriteError> {
        self.refuse_if_closed()?;
        assert_eq!(
            self.state,
            State::Synced,
            "a Save is written only after the one before it is synced"
        );
        let mut sum = self.encode(save);
        if self.segment.offset + self.buffer.len() as u64 > self.segment.bytes {
            self.roll(self.buffer.len())?;
            // The record's bytes depend on where it stands.
            sum = self.encode(save);
        }
        // Before the write, so that a Save that cannot follow the log never reaches the disk.
        self.outline.apply(&save.log);
        let written = self
            .disk
            .write_at(&self.segment.file, self.segment.offset, &self.buffer);
        let name = segment::name(self.segment.sequence);
        self.close_on(failed("write", &name, written))?;
        self.segment.offset += self.buffer.len() as u64;
        self.chain = sum;
        self.state = State::Written;
        self.release_memory();
        Ok(())
    }

    /// Makes the last Save durable with one fdatasync. Without one it does nothing.
    ///
    /// # Errors
    /// Any closes the writer.
    pub fn sync(&mut self) -> Result<(), WriteError> {
        self.refuse_if_closed()?;
        if self.state == State::Written {
            let synced = self.disk.sync_data(&self.segment.file);
            let name = segment::name(self.segment.sequence);
            self.close_on(failed("sync", &name, synced))?;
            self.state = State::Synced;
        }
        Ok(())
    }

    /// Makes the next segment's file, if the present one is more than half full and that was not done yet, so that no
    /// Save has to wait for it; takes as long as writing that many zeros. Whether it made one.
    ///
    /// # Errors
    /// [`WriteError::OutOfSpace`] is the early warning: Saves still fit into the present segment. Any other closes the
    /// writer.
    pub fn prepare_next(&mut self) -> Result<bool, WriteError> {
        self.refuse_if_closed()?;
        let Some(order) = self.order_next() else {
            return Ok(false);
        };
        self.take_next(order.fill())?;
        Ok(true)
    }

    /// As [`Writer::prepare_next`], but leaves the work to whoever takes the order, so that Saves go on meanwhile.
    pub fn order_next(&mut self) -> Option<SpareOrder<D>> {
        let due = self.segment.offset > self.segment.bytes / 2 && self.state != State::Failed;
        if !due || !matches!(self.next, Next::Unmade) {
            return None;
        }
        self.next = Next::Ordered;
        Some(SpareOrder {
            disk: self.disk.clone(),
            bytes: self.next_bytes(),
        })
    }

    /// Takes what was ordered.
    ///
    /// # Errors
    /// As of [`Writer::prepare_next`].
    ///
    /// # Panics
    /// If nothing was ordered.
    pub fn take_next(&mut self, filled: FilledOrder<D::File>) -> Result<(), WriteError> {
        assert!(matches!(self.next, Next::Ordered), "nothing was ordered");
        self.next = Next::Unmade;
        self.next = Next::Made(self.close_unless_full(filled.0)?);
        Ok(())
    }

    fn encode(&mut self, save: &Save) -> u32 {
        let place = Place {
            data_id: self.identity.data_id,
            sequence: self.segment.sequence,
            offset: self.segment.offset,
        };
        record::encode(place, self.chain, save, &mut self.buffer)
    }

    /// Goes on in a new segment that has room for a record of `needed` bytes.
    fn roll(&mut self, needed: usize) -> Result<(), WriteError> {
        let bytes = spare::size_for(needed, self.next_bytes());
        let spare = match mem::replace(&mut self.next, Next::Unmade) {
            Next::Ordered => {
                self.next = Next::Ordered;
                return Err(WriteError::NextOrdered);
            }
            Next::Made(spare) if spare.bytes >= bytes => spare,
            Next::Made(_) => {
                let removed = self.disk.remove(SPARE);
                self.close_on(failed("remove", SPARE, removed))?;
                self.make_spare(bytes)?
            }
            Next::Unmade => self.make_spare(bytes)?,
        };
        let header = Header {
            identity: self.identity,
            sequence: self.segment.sequence + 1,
            bytes: spare.bytes,
            last: self.outline.last(),
            chain: self.chain,
        };
        let begun = begin(&self.disk, spare, &header);
        (self.segment, self.chain) = self.close_on(begun)?;
        Ok(())
    }

    /// The size of the next segment, if no record asks for more.
    fn next_bytes(&self) -> u64 {
        self.segment_bytes.min(SEGMENT_GROWTH * self.segment.bytes)
    }

    fn make_spare(&mut self, bytes: u64) -> Result<Spare<D::File>, WriteError> {
        self.close_unless_full(spare::make(&self.disk, bytes))
    }

    /// Want of space fails nothing: everything before it stands.
    fn close_unless_full<T>(&mut self, made: Result<T, WriteError>) -> Result<T, WriteError> {
        match made {
            Err(WriteError::OutOfSpace { .. }) => made,
            _ => self.close_on(made),
        }
    }

    fn refuse_if_closed(&self) -> Result<(), WriteError> {
        if self.state == State::Failed {
            Err(WriteError::Closed)
        } else {
            Ok(())
        }
    }

    fn close_on<T>(&mut self, result: Result<T, WriteError>) -> Result<T, WriteError> {
        if result.is_err() {
            self.state = State::Failed;
        }
        result
    }

    /// One huge Save should not hold its memory for ever.
    fn release_memory(&mut self) {
        const KEPT: usize = 4 << 20;
        if self.buffer.capacity() > KEPT {
            drop(mem::take(&mut self.buffer));
        }
    }
}

/// Makes the journal's first segment.
pub(super) fn first_segment<D: Disk>(
    disk: &D,
    identity: Identity,
    segment_bytes: u64,
) -> Result<(Segment<D::File>, u32), WriteError> {
    let bytes = segment_bytes.min(FIRST_SEGMENT_BYTES);
    let spare = spare::make(disk, spare::size_for(0, bytes))?;
    let header = Header {
        identity,
        sequence: 1,
        bytes: spare.bytes,
        last: Default::default(),
        chain: 0,
    };
    begin(disk, spare, &header)
}

/// Makes a spare file a segment. Only a whole one gets a segment's name, so a crash leaves a segment or none.
fn begin<D: Disk>(
    disk: &D,
    spare: Spare<D::File>,
    header: &Header,
) -> Result<(Segment<D::File>, u32), WriteError> {
    let name = segment::name(header.sequence);
    let (bytes, sum) = header.encode();
    failed("write", SPARE, disk.write_at(&spare.file, 0, &bytes))?;
    failed("sync", SPARE, disk.sync_data(&spare.file))?;
    failed("name", &name, disk.rename(SPARE, &name))?;
    failed("sync the name of", &name, disk.sync_directory())?;
    let segment = Segment {
        file: spare.file,
        sequence: header.sequence,
        bytes: spare.bytes,
        offset: BLOCK as u64,
    };
    Ok((segment, sum))
}

/// Says what failed on which file.
pub(super) fn failed<T>(action: &'static str, file: &str, result: io::Result<T>) -> Result<T, WriteError> {
    result.map_err(|source| WriteError::Failed {
        action,
        file: file.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests;
