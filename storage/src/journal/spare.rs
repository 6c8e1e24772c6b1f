//! The next segment's file, made ahead of need, and old segments' files, which go: by the writer itself, or by another
//! thread while the writer goes on.

use std::io;

use super::segment::{self, BLOCK, SPARE};
use super::write::{WriteError, failed};
use crate::disk::{Disk, is_out_of_space};

/// A file of zeros under the name [`SPARE`].
#[derive(Debug)]
pub(super) struct Spare<F> {
    pub(super) file: F,
    pub(super) bytes: u64,
}

/// A segment that is not written to any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Older {
    pub(super) sequence: u64,
    pub(super) bytes: u64,
    /// The highest index that it says something about.
    pub(super) top: raft_core::Index,
}

/// Work on files that the writer does not write to, for any thread to do; see
/// [`Writer::order_next`](super::Writer::order_next).
#[derive(Debug)]
#[must_use = "until it is filled and handed to the writer, the journal cannot go beyond the present segment"]
pub struct SpareOrder<D> {
    pub(super) disk: D,
    /// Segments that go, oldest first.
    pub(super) drops: Vec<Older>,
    /// The spare that is to be there at the end, if any; then nothing has that name yet.
    pub(super) bytes: Option<u64>,
}

/// What came of a [`SpareOrder`]; belongs to the writer that gave the order.
#[derive(Debug)]
#[must_use = "it belongs to the writer that gave the order"]
pub struct FilledOrder<F>(pub(super) Result<Option<Spare<F>>, WriteError>);

impl<D: Disk> SpareOrder<D> {
    /// Does the work; takes as long as writing a segment of zeros.
    pub fn fill(self) -> FilledOrder<D::File> {
        FilledOrder(self.work())
    }

    /// Each name's change is made durable before the next one: a crash may undo one of two and not the other, and a
    /// journal without a segment in its middle is damaged.
    fn work(self) -> Result<Option<Spare<D::File>>, WriteError> {
        let disk = &self.disk;
        let mut recycled = None;
        for older in self.drops {
            let name = segment::name(older.sequence);
            if recycled.is_none() && self.bytes == Some(older.bytes) {
                failed("rename", &name, disk.rename(&name, SPARE))?;
                recycled = self.bytes;
            } else {
                failed("remove", &name, disk.remove(&name))?;
            }
            failed("sync the directory of", &name, disk.sync_directory())?;
        }
        match (self.bytes, recycled) {
            (Some(_), Some(bytes)) => refill(disk, bytes).map(Some),
            (Some(bytes), None) => make(disk, bytes).map(Some),
            (None, _) => Ok(None),
        }
    }
}

/// A segment's size: as configured, or what one record of `needed` bytes takes; whole pages.
pub(super) fn size_for(needed: usize, segment_bytes: u64) -> u64 {
    segment_bytes
        .max((BLOCK + needed) as u64)
        .next_multiple_of(BLOCK as u64)
}

pub(super) fn make<D: Disk>(disk: &D, bytes: u64) -> Result<Spare<D::File>, WriteError> {
    give_back_if_full(disk, bytes, "make", disk.create(SPARE, bytes))
}

/// Makes an old segment's file zeros again, from its header on. Its space is taken already.
fn refill<D: Disk>(disk: &D, bytes: u64) -> Result<Spare<D::File>, WriteError> {
    let refilled = disk.open(SPARE).and_then(|file| {
        disk.zero(&file, bytes)?;
        Ok(file)
    });
    give_back_if_full(disk, bytes, "refill", refilled)
}

fn give_back_if_full<D: Disk>(
    disk: &D,
    bytes: u64,
    action: &'static str,
    made: io::Result<D::File>,
) -> Result<Spare<D::File>, WriteError> {
    match made {
        Ok(file) => Ok(Spare { file, bytes }),
        Err(source) if is_out_of_space(&source) => {
            match disk.remove(SPARE) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => failed("remove", SPARE, Err(error))?,
                _ => {}
            }
            Err(WriteError::OutOfSpace { bytes, source })
        }
        Err(source) => failed(action, SPARE, Err(source)),
    }
}
