//! Disks that fail while they are used: a write or a sync yields an error, once, and what it was about is written in
//! part; space runs out at some byte.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use super::{Content, SimDisk, State};

/// An operation that fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failing {
    /// A write.
    Write,
    /// A sync. The pages that it was to write are clean afterwards, whether they were written or not.
    Sync,
}

/// What goes wrong on a disk.
#[derive(Debug, Default)]
pub(super) struct Errors {
    /// The operation of this kind after so many fails.
    failing: Option<(Failing, u32)>,
    /// Which pages a failed sync drops, as bits, in turn.
    dropped: u64,
    /// Bytes that all files together may have.
    capacity: Option<u64>,
    /// An operation has failed since the process started.
    failed: bool,
    /// Space has run out since the process started.
    full: bool,
    /// A failed sync says that it has not failed: what a caller sees who does not look.
    hidden: bool,
}

impl Errors {
    /// The process ended.
    pub(super) fn over(&mut self) {
        (self.failing, self.failed, self.full) = (None, false, false);
    }

    /// A write begins.
    pub(super) fn write(&mut self) -> io::Result<()> {
        if self.is_due(Failing::Write) {
            return Err(unreadable());
        }
        Ok(())
    }

    /// A sync begins; if it fails, which pages it drops, and what it says.
    pub(super) fn sync(&mut self) -> Result<(), (u64, Option<io::Error>)> {
        if self.is_due(Failing::Sync) {
            return Err((self.dropped, (!self.hidden).then(unreadable)));
        }
        Ok(())
    }

    /// So many bytes more are wanted, and there is so much room.
    pub(super) fn grow(&mut self, bytes: u64, room: u64) -> io::Result<()> {
        if bytes <= room {
            return Ok(());
        }
        self.full = true;
        Err(io::ErrorKind::StorageFull.into())
    }

    fn is_due(&mut self, kind: Failing) -> bool {
        let Some((_, left)) = self.failing.as_mut().filter(|(failing, _)| *failing == kind) else {
            return false;
        };
        if *left > 0 {
            *left -= 1;
            return false;
        }
        self.failing = None;
        self.failed = true;
        true
    }
}

impl State {
    /// The bytes that there is room for.
    pub(super) fn room(&self) -> u64 {
        let Some(capacity) = self.errors.capacity else {
            return u64::MAX;
        };
        capacity.saturating_sub(self.used())
    }

    /// Files that a crash could bring back have their space still.
    fn used(&self) -> u64 {
        let named: BTreeSet<u64> = self
            .names
            .values()
            .chain(self.durable_names.values())
            .copied()
            .collect();
        named
            .iter()
            .map(|number| self.files[number].bytes.len() as u64)
            .sum()
    }
}

impl Content {
    /// A sync has failed: every page is clean, and some are not on the disk.
    pub(super) fn drop_pages(&mut self, dropped: u64) {
        for (place, (sector, old)) in std::mem::take(&mut self.unsynced).into_iter().enumerate() {
            let kept: &mut BTreeMap<usize, Vec<u8>> = match dropped >> (place % 64) & 1 {
                0 => &mut self.former,
                _ => &mut self.lost,
            };
            kept.insert(sector, old);
        }
    }
}

impl SimDisk {
    /// After so many more operations of this kind the next one fails. A failed sync drops pages by the bits of a number.
    pub fn fail_after(&self, kind: Failing, operations: u32, dropped: u64) {
        let errors = &mut self.state().errors;
        errors.failing = Some((kind, operations));
        errors.dropped = dropped;
    }

    /// Nothing will fail after all, if it has not yet.
    pub fn fail_no_more(&self) {
        self.state().errors.failing = None;
    }

    /// There is room for so many bytes more than are taken now; None: for any number.
    pub fn limit(&self, bytes: Option<u64>) {
        let state = &mut *self.state();
        state.errors.capacity = bytes.map(|bytes| state.used() + bytes);
    }

    /// Whether there is a limit.
    #[must_use]
    pub fn is_limited(&self) -> bool {
        self.state().errors.capacity.is_some()
    }

    /// A sync that fails does not say so.
    pub fn hide_failures(&self) {
        self.state().errors.hidden = true;
    }

    /// Whether an operation has failed in this life of the member.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.state().errors.failed
    }

    /// Whether space has run out in this life of the member.
    #[must_use]
    pub fn was_full(&self) -> bool {
        self.state().errors.full
    }
}

/// What a system says of a sector or a page that it cannot read or write.
pub(super) fn unreadable() -> io::Error {
    const EIO: i32 = 5;
    io::Error::from_raw_os_error(EIO)
}
