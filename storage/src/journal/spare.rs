//! The next segment's file, made ahead of need: by the writer itself, or by another thread while the writer goes on.

use std::io;

use super::segment::{BLOCK, SPARE};
use super::write::{WriteError, failed};
use crate::disk::{Disk, is_out_of_space};

/// A file of zeros under the name [`SPARE`].
#[derive(Debug)]
pub(super) struct Spare<F> {
    pub(super) file: F,
    pub(super) bytes: u64,
}

/// Where the next segment's file stands.
#[derive(Debug)]
pub(super) enum Next<F> {
    /// Nobody has begun it.
    Unmade,
    /// There is a [`SpareOrder`]: the name is another's, and the writer must not touch it.
    Ordered,
    Made(Spare<F>),
}

/// The making of the next segment's file, for any thread to do; see [`Writer::order_next`](super::Writer::order_next).
#[derive(Debug)]
#[must_use = "until it is filled and handed to the writer, the journal cannot go beyond the present segment"]
pub struct SpareOrder<D> {
    pub(super) disk: D,
    pub(super) bytes: u64,
}

/// What came of a [`SpareOrder`]; belongs to the writer that gave the order.
#[derive(Debug)]
#[must_use = "it belongs to the writer that gave the order"]
pub struct FilledOrder<F>(pub(super) Result<Spare<F>, WriteError>);

impl<D: Disk> SpareOrder<D> {
    /// Makes the file; takes as long as writing that many zeros.
    pub fn fill(self) -> FilledOrder<D::File> {
        FilledOrder(make(&self.disk, self.bytes))
    }
}

/// A segment's size: as configured, or what one record of `needed` bytes takes; whole pages.
pub(super) fn size_for(needed: usize, segment_bytes: u64) -> u64 {
    segment_bytes
        .max((BLOCK + needed) as u64)
        .next_multiple_of(BLOCK as u64)
}

pub(super) fn make<D: Disk>(disk: &D, bytes: u64) -> Result<Spare<D::File>, WriteError> {
    match disk.create(SPARE, bytes) {
        Ok(file) => Ok(Spare { file, bytes }),
        Err(source) if is_out_of_space(&source) => {
            match disk.remove(SPARE) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => failed("remove", SPARE, Err(error))?,
                _ => {}
            }
            Err(WriteError::OutOfSpace { bytes, source })
        }
        Err(source) => failed("make", SPARE, Err(source)),
    }
}
