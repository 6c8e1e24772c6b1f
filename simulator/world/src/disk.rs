//! A disk that keeps the promises of [`storage::disk::Disk`] and nothing beyond them. What was written and not synced is
//! lost in a crash in an arbitrary subset of sectors; names that the directory was not synced for are, each for itself, as
//! they were or as they became. Power can be cut after any number of operations: in the middle of a Save, of making a
//! segment, or of recovery itself.
//!
//! It fails in every way that disks do, when told to: writes and syncs that fail and drop the pages (`errors.rs`), space
//! that runs out at any byte, and, while the member is down, rot in what was synced (`damage.rs`).

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;
use std::ops::{Range, RangeInclusive};
use std::sync::{Arc, Mutex, MutexGuard};

use storage::disk::{Disk, SECTOR};

use crate::choices::{Choices, PerMillion};

mod content;
mod damage;
mod errors;

pub use damage::{ROTS, Rot, Wound};
pub use errors::Failing;
use errors::{Errors, unreadable};

/// One member's disk. A value is a handle: its clones are the same disk.
#[derive(Clone, Debug, Default)]
pub struct SimDisk {
    state: Arc<Mutex<State>>,
}

/// An open file. What was opened before a crash is of no use after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SimFile {
    number: u64,
    /// The life of the disk it was opened in.
    life: u64,
}

#[derive(Debug, Default)]
struct State {
    /// As programs see it.
    names: BTreeMap<String, u64>,
    /// As the last directory sync left it.
    durable_names: BTreeMap<String, u64>,
    files: BTreeMap<u64, Content>,
    next_file: u64,
    life: u64,
    /// Operations until power fails; None for never.
    power: Option<u32>,
    errors: Errors,
}

#[derive(Debug, Default)]
struct Content {
    /// As programs see it.
    bytes: Vec<u8>,
    /// What the disk holds of the sectors that were written and not synced; shorter where the file has grown.
    unsynced: BTreeMap<usize, Vec<u8>>,
    /// How long the file was when it was last synced; not longer than it is.
    synced_length: usize,
    /// What the disk holds of the sectors whose sync has failed: programs see what was written, as long as it stays in
    /// memory, and no later sync writes it.
    lost: BTreeMap<usize, Vec<u8>>,
    /// Sectors that cannot be read until they are written again.
    unreadable: BTreeSet<usize>,
    /// What stood in sectors before they were last written.
    former: BTreeMap<usize, Vec<u8>>,
    /// The sectors of the last few writes, the newest last.
    recent: VecDeque<RangeInclusive<usize>>,
}

/// Writes that are remembered of a file: what recovery writes again and erases, and what was written before.
const RECENT: usize = 4;

impl SimDisk {
    /// From now on `operations` more are carried out, and the next one fails for want of power.
    pub fn cut_power_after(&self, operations: u32) {
        self.state().power = Some(operations);
    }

    /// Power will not fail after all, if it has not yet.
    pub fn keep_power(&self) {
        let power = &mut self.state().power;
        if *power != Some(0) {
            *power = None;
        }
    }

    /// Whether power has failed since the last [`SimDisk::crash`].
    #[must_use]
    pub fn is_without_power(&self) -> bool {
        self.state().power == Some(0)
    }

    /// Whether anything written is not durable yet.
    #[must_use]
    pub fn is_dirty(&self) -> bool {
        self.state().files.values().any(|file| !file.unsynced.is_empty())
    }

    /// The machine stopped: what was not synced is there or not, as chance has it. Open files are closed, power is back.
    pub fn crash(&self, choices: &mut Choices) {
        let state = &mut *self.state();
        // Some crashes lose all that may be lost, some nothing, most a part.
        let likelihood = choices.pick(&[0, 1_000_000, 500_000, 100_000, 900_000]);
        state.evict(choices, PerMillion(1_000_000));
        state.lose_sectors(choices, PerMillion(likelihood));
        state.lose_names(choices, PerMillion(likelihood));
        state.life += 1;
        state.power = None;
        state.errors.over();
    }

    /// The process ended and the machine did not: what was written stays in memory, be it on the disk or not, but for
    /// pages that the system calls clean. Open files are closed.
    pub fn restart(&self, choices: &mut Choices) {
        let state = &mut *self.state();
        let evicted = choices.pick(&[0, 1_000_000, 500_000]);
        state.evict(choices, PerMillion(evicted));
        state.life += 1;
        state.power = None;
        state.errors.over();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no operation panics half-way")
    }

    /// The state for one operation, if there is power for it.
    fn operate(&self) -> io::Result<MutexGuard<'_, State>> {
        let mut state = self.state();
        match &mut state.power {
            None => {}
            Some(0) => return Err(io::Error::other("the power is off")),
            Some(1) => {
                state.power = Some(0);
                return Err(io::Error::other("the power failed"));
            }
            Some(left) => *left -= 1,
        }
        Ok(state)
    }
}

impl State {
    fn lose_sectors(&mut self, choices: &mut Choices, kept: PerMillion) {
        for file in self.files.values_mut() {
            let mut length = file.synced_length;
            for (sector, old) in std::mem::take(&mut file.unsynced) {
                let start = sector * SECTOR;
                let end = file.bytes.len().min(start + SECTOR);
                if choices.happens(kept) {
                    length = length.max(end);
                } else {
                    file.put_back(sector, &old);
                }
            }
            file.bytes.truncate(length);
            file.synced_length = length;
        }
    }

    /// Pages that are not on the disk although they are called clean leave memory, each for itself.
    fn evict(&mut self, choices: &mut Choices, share: PerMillion) {
        for file in self.files.values_mut() {
            for (sector, old) in std::mem::take(&mut file.lost) {
                if choices.happens(share) {
                    file.put_back(sector, &old);
                } else {
                    file.lost.insert(sector, old);
                }
            }
        }
    }

    fn lose_names(&mut self, choices: &mut Choices, kept: PerMillion) {
        let all: BTreeSet<String> = self
            .names
            .keys()
            .chain(self.durable_names.keys())
            .cloned()
            .collect();
        for name in all {
            let (old, new) = (self.durable_names.get(&name), self.names.get(&name));
            if old == new || choices.happens(kept) {
                continue;
            }
            match old.copied() {
                Some(file) => self.names.insert(name, file),
                None => self.names.remove(&name),
            };
        }
        self.durable_names = self.names.clone();
        self.forget_nameless();
    }

    /// Files without a name, and which no name can come back to, are gone for good.
    fn forget_nameless(&mut self) {
        let named: BTreeSet<u64> = self
            .names
            .values()
            .chain(self.durable_names.values())
            .copied()
            .collect();
        self.files.retain(|number, _| named.contains(number));
    }

    fn content(&mut self, file: SimFile) -> &mut Content {
        assert_eq!(file.life, self.life, "a file does not outlive a crash");
        self.files
            .get_mut(&file.number)
            .expect("an open file has content")
    }

    fn opened(&self, number: u64) -> SimFile {
        SimFile {
            number,
            life: self.life,
        }
    }

    fn named(&self, name: &str) -> io::Result<u64> {
        self.names
            .get(name)
            .copied()
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

/// The part of a file from `offset` on that is `length` long, if the file reaches so far.
fn range(bytes: &[u8], offset: u64, length: usize) -> io::Result<std::ops::Range<usize>> {
    let start = usize::try_from(offset).map_err(io::Error::other)?;
    match start.checked_add(length) {
        Some(end) if end <= bytes.len() => Ok(start..end),
        _ => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

/// The sectors in which bytes lie; at least one byte.
fn sectors(bytes: &Range<usize>) -> RangeInclusive<usize> {
    bytes.start / SECTOR..=bytes.end.max(bytes.start + 1).div_ceil(SECTOR) - 1
}

impl Disk for SimDisk {
    type File = SimFile;

    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.operate()?.names.keys().cloned().collect())
    }

    fn create(&self, name: &str, bytes: u64) -> io::Result<SimFile> {
        let mut state = self.operate()?;
        if state.names.contains_key(name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let (failure, room) = (state.errors.write(), state.room());
        let number = state.next_file;
        state.next_file += 1;
        state.names.insert(name.to_owned(), number);
        // As much of it as there is room for stays.
        let length = usize::try_from(bytes.min(room)).map_err(io::Error::other)?;
        state.files.insert(number, Content::of_zeros(length));
        failure?;
        state.errors.grow(bytes, room)?;
        Ok(state.opened(number))
    }

    fn open(&self, name: &str) -> io::Result<SimFile> {
        let state = self.operate()?;
        Ok(state.opened(state.named(name)?))
    }

    fn length(&self, file: &SimFile) -> io::Result<u64> {
        Ok(self.operate()?.content(*file).bytes.len() as u64)
    }

    fn read_at(&self, file: &SimFile, offset: u64, into: &mut [u8]) -> io::Result<()> {
        let mut state = self.operate()?;
        let content = state.content(*file);
        let range = range(&content.bytes, offset, into.len())?;
        if content.unreadable.range(sectors(&range)).next().is_some() {
            return Err(unreadable());
        }
        into.copy_from_slice(&content.bytes[range]);
        Ok(())
    }

    fn write_at(&self, file: &SimFile, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.operate()?;
        if bytes.is_empty() {
            return Ok(());
        }
        let start = usize::try_from(offset).map_err(io::Error::other)?;
        let mut range = start
            ..start
                .checked_add(bytes.len())
                .ok_or(io::ErrorKind::FileTooLarge)?;
        let growth = range.end.saturating_sub(state.content(*file).bytes.len());
        let room = state.room();
        state.errors.grow(growth as u64, room)?;
        let failure = state.errors.write();
        if failure.is_err() {
            // Nobody knows how much of it was written.
            range.end = range.start + bytes.len() / 2;
        }
        let content = state.content(*file);
        if range.is_empty() {
            return failure;
        }
        if content.bytes.len() < range.end {
            // Sectors between the end and where it goes on are new too.
            let first = range.start.min(content.bytes.len());
            content.touch(sectors(&(first..range.end)));
            content.bytes.resize(range.end, 0);
        } else {
            content.touch(sectors(&range));
        }
        let written = range.len();
        content.bytes[range].copy_from_slice(&bytes[..written]);
        failure
    }

    fn zero(&self, file: &SimFile, bytes: u64) -> io::Result<()> {
        let zeros = vec![0; usize::try_from(bytes).map_err(io::Error::other)?];
        self.write_at(file, 0, &zeros)?;
        self.sync_data(file)
    }

    fn sync_data(&self, file: &SimFile) -> io::Result<()> {
        let mut state = self.operate()?;
        match state.errors.sync() {
            Ok(()) => {
                state.content(*file).synced();
                Ok(())
            }
            Err((dropped, error)) => {
                state.content(*file).drop_pages(dropped);
                error.map_or(Ok(()), Err)
            }
        }
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut state = self.operate()?;
        let number = state.named(from)?;
        state.names.remove(from);
        state.names.insert(to.to_owned(), number);
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut state = self.operate()?;
        state.named(name)?;
        state.names.remove(name);
        Ok(())
    }

    fn sync_directory(&self) -> io::Result<()> {
        let mut state = self.operate()?;
        if let Err((_, error)) = state.errors.sync() {
            return error.map_or(Ok(()), Err);
        }
        state.durable_names = state.names.clone();
        Ok(())
    }
}

#[cfg(test)]
mod tests;
