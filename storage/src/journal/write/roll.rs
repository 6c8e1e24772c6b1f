//! From one segment to the next: its file made ahead of need, old ones dropped.

use std::collections::VecDeque;
use std::mem;

use raft_core::Index;

use super::{Found, Ordered, Segment, State, WriteError, Writer, failed};
use crate::data_dir::Identity;
use crate::disk::{Disk, SECTOR};
use crate::journal::close::Closing;
use crate::journal::record::RESERVE;
use crate::journal::segment::{self, BLOCK, Header, SPARE};
use crate::journal::spare::{self, FilledOrder, Older, Spare, SpareOrder};
use crate::journal::standing::Standing;
use crate::journal::{FIRST_SEGMENT_BYTES, SEGMENT_GROWTH};

impl<D: Disk> Writer<D> {
    /// From now on nothing is needed of what says nothing about entries after `index`: a kept snapshot covers them.
    /// Segments of which that is true go with the next order, oldest first.
    pub fn drop_before(&mut self, index: Index) {
        self.needless = self.needless.max(index);
    }

    /// The bytes of all segments there are, with a spare; one that is being made is not there yet.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let spare = self.spare.as_ref().map_or(0, |spare| spare.bytes);
        self.older.iter().map(|older| older.bytes).sum::<u64>() + self.segment.bytes + spare
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

    /// Goes on in a new segment that has room for a record of `needed` bytes. First it is there under its name, then the
    /// present one says so: see [`crate::journal::close`].
    pub(super) fn roll(&mut self, needed: usize) -> Result<(), WriteError> {
        let bytes = spare::size_for(needed.next_multiple_of(SECTOR) + RESERVE, self.next_bytes());
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
        let closing = Closing::after(self.place(self.segment.offset), self.chain, self.standing.last);
        let header = Header {
            identity: self.identity,
            sequence: self.segment.sequence + 1,
            bytes: spare.bytes,
            standing: self.standing,
            chain: closing.sum,
        };
        let begun = begin(&self.disk, spare, &header);
        let (next, chain) = self.close_on(begun)?;
        let closed = closing.write(&self.disk, &self.segment.file, self.segment.sequence);
        self.close_on(closed)?;
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
}

/// Makes the journal's first segment.
pub(in crate::journal) fn first_segment<D: Disk>(
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
