//! The writer: one write and one sync per Save.

use std::collections::VecDeque;
use std::io;
use std::mem;

use raft_core::{Index, Save};
use thiserror::Error;

use super::record::{self, Place, RESERVE};
use super::segment;
use super::spare::{Older, Spare};
use super::standing::{self, Standing};
use crate::data_dir::Identity;
use crate::disk::{Disk, SECTOR};

mod roll;

pub(super) use roll::first_segment;

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
    /// Those before the present one, oldest first.
    older: VecDeque<Older>,
    segment: Segment<D::File>,
    /// The next one's file, if it is made.
    spare: Option<Spare<D::File>>,
    ordered: Ordered,
    /// What says nothing after this index is needed no more.
    needless: Index,
    /// What the next record names as the one before it.
    chain: u32,
    standing: Standing,
    /// Nothing before `segment.offset` is in doubt: a Seal stands there, or the segment's header does.
    sealed: bool,
    state: State,
    /// Kept for its memory.
    /// What recovery had to write, and had no space for.
    owed: Option<Save>,
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
    /// The highest index that it says something about.
    pub(super) top: Index,
}

/// Whether there is a [`SpareOrder`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ordered {
    Nothing,
    /// Segments are dropped.
    Drops,
    /// The spare is made: its name is another's, and the writer must not touch it.
    Spare,
}

/// What recovery hands to the writer.
#[derive(Debug)]
pub(super) struct Found<F> {
    pub(super) older: VecDeque<Older>,
    pub(super) segment: Segment<F>,
    pub(super) chain: u32,
    pub(super) standing: Standing,
    pub(super) sealed: bool,
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
        found: Found<D::File>,
    ) -> Writer<D> {
        Writer {
            disk,
            identity,
            segment_bytes,
            older: found.older,
            segment: found.segment,
            spare: None,
            ordered: Ordered::Nothing,
            needless: Index(0),
            chain: found.chain,
            standing: found.standing,
            sealed: found.sealed,
            state: State::Synced,
            owed: None,
            buffer: Vec::new(),
        }
    }

    /// A Save that could not be written for want of space comes before the next one.
    pub(super) fn owe(&mut self, save: Save) {
        self.owed = Some(save);
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
        if let Some(owed) = self.owed.take() {
            // Synced first: of two records that are not, a crash may keep only the second.
            if let Err(error) = self.write_one(&owed).and_then(|()| self.sync()) {
                self.owed = Some(owed);
                return Err(error);
            }
        }
        self.write_one(save)
    }

    fn write_one(&mut self, save: &Save) -> Result<(), WriteError> {
        self.refuse_if_closed()?;
        assert_eq!(
            self.state,
            State::Synced,
            "a Save is written only after the one before it is synced"
        );
        let mut sum = self.encode(save);
        if !self.has_room() {
            self.roll(self.buffer.len())?;
            // The record's bytes depend on where it stands.
            sum = self.encode(save);
        }
        // Before the write, so that a Save that cannot follow the log never reaches the disk.
        self.standing.apply(save);
        self.segment.top = self.segment.top.max(standing::top(save));
        self.sealed = false;
        self.write_buffer(self.segment.offset, sum)?;
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

    /// Leaves nothing in doubt: writes and syncs a Seal, a record in a sector of its own that repeats the log's last
    /// Position, unless the end is sealed already. Whether it wrote one. Before it, the last Save could be lost to a
    /// sector that rots into zeros and look as if it had never been finished; after it, that is damage. There is always
    /// room for it.
    ///
    /// # Errors
    /// Any closes the writer.
    ///
    /// # Panics
    /// If the last Save was not synced.
    pub fn seal(&mut self) -> Result<bool, WriteError> {
        self.refuse_if_closed()?;
        assert_eq!(self.state, State::Synced, "what is sealed is synced");
        if self.sealed {
            return Ok(false);
        }
        let offset = self.segment.offset.next_multiple_of(SECTOR as u64);
        let place = self.place(offset);
        let sum = record::encode_seal(place, self.chain, self.standing.last, &mut self.buffer);
        self.write_buffer(offset, sum)?;
        self.state = State::Written;
        self.sync()?;
        self.sealed = true;
        Ok(true)
    }

    fn place(&self, offset: u64) -> Place {
        Place {
            data_id: self.identity.data_id,
            sequence: self.segment.sequence,
            offset,
        }
    }

    fn encode(&mut self, save: &Save) -> u32 {
        record::encode(
            self.place(self.segment.offset),
            self.chain,
            save,
            &mut self.buffer,
        )
    }

    /// Whether the record in the buffer fits, with a Seal and the record that closes the segment behind it.
    fn has_room(&self) -> bool {
        let end = self.segment.offset + self.buffer.len() as u64;
        end.next_multiple_of(SECTOR as u64) + RESERVE as u64 <= self.segment.bytes
    }

    /// Writes the record in the buffer.
    fn write_buffer(&mut self, offset: u64, sum: u32) -> Result<(), WriteError> {
        let written = self.disk.write_at(&self.segment.file, offset, &self.buffer);
        let name = segment::name(self.segment.sequence);
        self.close_on(failed("write", &name, written))?;
        self.segment.offset = offset + self.buffer.len() as u64;
        self.chain = sum;
        Ok(())
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
