//! What a host does about the journal, as the server's disk thread does it: one Save at a time, one write and one sync
//! each; a Seal when there is nothing to do; and, where space runs out, patience.

use std::time::Duration;

use raft_core::{Save, Stamp, Time};
use storage::journal::{Idle, WriteError, Writer};

use crate::disk::SimDisk;

/// How long a Save, or the next segment, waits for space before it is tried again.
const SPACE_RETRY_AFTER: Duration = Duration::from_secs(1);

/// A member's journal. All times are by the member's clock.
#[derive(Debug)]
pub(super) struct Journal {
    writer: Writer<SimDisk>,
    disk: SimDisk,
    /// The Save that is to be written, or written and not synced.
    saving: Option<Stamp>,
    /// It is to be written, and there is no space: when to try again.
    waiting: Option<(Save, Time)>,
    /// There is no space for the next segment: when to try again.
    prepare_at: Option<Time>,
    /// When to seal.
    idle: Idle,
}

impl Journal {
    pub(super) fn new(writer: Writer<SimDisk>, disk: SimDisk, now: Time) -> Journal {
        Journal {
            writer,
            disk,
            saving: None,
            waiting: None,
            prepare_at: None,
            idle: Idle::since(now),
        }
    }

    pub(super) fn writer(&mut self) -> &mut Writer<SimDisk> {
        &mut self.writer
    }

    /// The bytes of its files.
    pub(super) fn bytes(&self) -> u64 {
        self.writer.bytes()
    }

    /// Whether a Save is in flight.
    pub(super) fn is_saving(&self) -> bool {
        self.saving.is_some()
    }

    /// Whether there is no space for what comes next.
    pub(super) fn is_out_of_space(&self) -> bool {
        self.waiting.is_some() || self.prepare_at.is_some()
    }

    /// Whether a Save waits for space.
    pub(super) fn is_waiting(&self) -> bool {
        self.waiting.is_some()
    }

    /// When there is something to do.
    pub(super) fn deadline(&self) -> Time {
        let seal = match self.saving {
            // The sync comes first.
            Some(_) => Time::NEVER,
            None => self.idle.deadline(),
        };
        let retry = self.waiting.as_ref().map(|(_, at)| *at);
        let retries = retry.into_iter().chain(self.prepare_at);
        retries.fold(seal, Time::min)
    }

    /// Writes a Save. Whether it is written; if not, it waits for space.
    pub(super) fn write(&mut self, save: &Save, now: Time) -> Result<bool, WriteError> {
        self.saving = Some(save.stamp);
        match self.writer.write(save) {
            Ok(()) => Ok(true),
            Err(WriteError::OutOfSpace { .. }) if self.disk.was_full() => {
                self.waiting = Some((save.clone(), now.after(SPACE_RETRY_AFTER)));
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// The Save whose time to be tried again has come.
    pub(super) fn take_waiting(&mut self, now: Time) -> Option<Save> {
        self.waiting.take_if(|(_, at)| *at <= now).map(|(save, _)| save)
    }

    /// Syncs what is written. The stamp of what is durable then.
    pub(super) fn sync(&mut self, now: Time) -> Result<Option<Stamp>, WriteError> {
        self.writer.sync()?;
        self.idle.saved(now);
        self.prepare_next(now)?;
        Ok(self.saving.take())
    }

    /// Does what is due by now, but for a Save that waits.
    pub(super) fn tick(&mut self, now: Time) -> Result<(), WriteError> {
        if self.saving.is_none() && self.idle.is_due(now) && self.writer.seal()? {
            self.disk.is_sealed();
        }
        if self.prepare_at.is_some() {
            self.prepare_next(now)?;
        }
        Ok(())
    }

    /// Makes the next segment ahead of need, as the server does between Saves.
    fn prepare_next(&mut self, now: Time) -> Result<(), WriteError> {
        if self.prepare_at.is_some_and(|at| now < at) {
            return Ok(());
        }
        self.prepare_at = match self.writer.prepare_next() {
            Ok(_) => None,
            Err(WriteError::OutOfSpace { .. }) if self.disk.was_full() => Some(now.after(SPACE_RETRY_AFTER)),
            Err(error) => return Err(error),
        };
        Ok(())
    }
}
