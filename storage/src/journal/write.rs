//! The writer: one write and one sync per Save.

use std::collections::VecDeque;
use std::io;
use std::mem;

use raft_core::{Index, Save};
use thiserror::Error;

use super::record::{self, Place, SEAL_EXTENT};
use super::segment::{self, BLOCK, Header, SPARE};
use super::spare::{self, FilledOrder, Older, Spare, SpareOrder};
use super::standing::{self, Standing};
use super::{FIRST_SEGMENT_BYTES, SEGMENT_GROWTH};
use crate::data_dir::Identity;
use crate::disk::{Disk, SECTOR};

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

    /// From now on nothing is needed of what says nothing about entries after `index`: a kept snapshot covers them.
    /// Segments of which that is true go with the next order, oldest first.
    pub fn drop_before(&mut self, index: Index) {
        self.needless = self.needless.max(index);
    }

    /// The bytes of all segments there are, without a spare.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.older.iter().map(|older| older.bytes).sum::<u64>() + self.segment.bytes
    }

    /// Makes the next segment's file, if the present one is more than half full and that was not done yet, so that no
    /// Save has to wait for it, and drops old segments; takes as long as writing a segment of zeros. Whether it did
    /// anything.
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
        if self.ordered != Ordered::Nothing || self.state == State::Failed {
            return None;
        }
        let needless = self.needless;
        // The first segment has the membership that the cluster was born with: it goes for a snapshot only.
        let goes = |older: &&Older| needless > Index(0) && older.top <= needless;
        let going = self.older.iter().take_while(goes).count();
        let drops: Vec<Older> = self.older.drain(..going).collect();
        let due = self.segment.offset > self.segment.bytes / 2;
        let recycles = drops.iter().any(|older| older.bytes == self.next_bytes());
        let makes = self.spare.is_none() && (due || recycles);
        if !makes && drops.is_empty() {
            return None;
        }
        self.ordered = if makes { Ordered::Spare } else { Ordered::Drops };
        Some(SpareOrder {
            disk: self.disk.clone(),
            drops,
            bytes: makes.then(|| self.next_bytes()),
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
        assert!(self.ordered != Ordered::Nothing, "nothing was ordered");
        self.ordered = Ordered::Nothing;
        if let Some(spare) = self.close_unless_full(filled.0)? {
            self.spare = Some(spare);
        }
        Ok(())
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

    /// Whether the record in the buffer fits, with a Seal behind it.
    fn has_room(&self) -> bool {
        let end = self.segment.offset + self.buffer.len() as u64;
        end.next_multiple_of(SECTOR as u64) + SEAL_EXTENT as u64 <= self.segment.bytes
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

    /// Goes on in a new segment that has room for a record of `needed` bytes and a Seal.
    fn roll(&mut self, needed: usize) -> Result<(), WriteError> {
        let bytes = spare::size_for(needed.next_multiple_of(SECTOR) + SEAL_EXTENT, self.next_bytes());
        if self.ordered == Ordered::Spare {
            return Err(WriteError::NextOrdered);
        }
        let spare = match self.spare.take() {
            Some(spare) if spare.bytes >= bytes => spare,
            Some(_) => {
                let removed = self.disk.remove(SPARE);
                self.close_on(failed("remove", SPARE, removed))?;
                self.make_spare(bytes)?
            }
            None => self.make_spare(bytes)?,
        };
        let header = Header {
            identity: self.identity,
            sequence: self.segment.sequence + 1,
            bytes: spare.bytes,
            standing: self.standing,
            chain: self.chain,
        };
        let begun = begin(&self.disk, spare, &header);
        let (next, chain) = self.close_on(begun)?;
        let former = mem::replace(&mut self.segment, next);
        self.older.push_back(Older {
            sequence: former.sequence,
            bytes: former.bytes,
            top: former.top,
        });
        self.chain = chain;
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
) -> Result<Found<D::File>, WriteError> {
    let bytes = segment_bytes.min(FIRST_SEGMENT_BYTES);
    let spare = spare::make(disk, spare::size_for(0, bytes))?;
    let header = Header {
        identity,
        sequence: 1,
        bytes: spare.bytes,
        standing: Standing::default(),
        chain: 0,
    };
    let (segment, chain) = begin(disk, spare, &header)?;
    Ok(Found {
        older: VecDeque::new(),
        segment,
        chain,
        standing: Standing::default(),
        sealed: false,
    })
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
        top: Index(0),
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
