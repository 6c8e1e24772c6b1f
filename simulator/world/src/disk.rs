//! A disk that keeps the promises of [`storage::disk::Disk`] and nothing beyond them. What was written and not synced is
//! lost in a crash in an arbitrary subset of sectors; names that the directory was not synced for are, each for itself, as
//! they were or as they became. Power can be cut after any number of operations: in the middle of a Save, of making a
//! segment, or of recovery itself.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use storage::disk::{Disk, SECTOR};

use crate::choices::{Choices, PerMillion};

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
}

#[derive(Debug, Default)]
struct Content {
    /// As programs see it.
    bytes: Vec<u8>,
    /// What the disk holds of the sectors that were written and not synced; shorter where the file has grown.
    unsynced: BTreeMap<usize, Vec<u8>>,
    /// How long the file was when it was last synced; not longer than it is.
    synced_length: usize,
}

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
        state.lose_sectors(choices, PerMillion(likelihood));
        state.lose_names(choices, PerMillion(likelihood));
        state.life += 1;
        state.power = None;
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
                    file.bytes[start..start + old.len()].copy_from_slice(&old);
                    file.bytes[start + old.len()..end].fill(0);
                }
            }
            file.bytes.truncate(length);
            file.synced_length = length;
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
        let number = state.next_file;
        state.next_file += 1;
        state.names.insert(name.to_owned(), number);
        let length = usize::try_from(bytes).map_err(io::Error::other)?;
        let content = Content {
            bytes: vec![0; length],
            unsynced: BTreeMap::new(),
            synced_length: length,
        };
        state.files.insert(number, content);
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
        into.copy_from_slice(&content.bytes[range]);
        Ok(())
    }

    fn write_at(&self, file: &SimFile, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.operate()?;
        let content = state.content(*file);
        if bytes.is_empty() {
            return Ok(());
        }
        let start = usize::try_from(offset).map_err(io::Error::other)?;
        let range = start
            ..start
                .checked_add(bytes.len())
                .ok_or(io::ErrorKind::FileTooLarge)?;
        // Sectors between the end and where it goes on are new too.
        let first = range.start.min(content.bytes.len());
        for sector in first / SECTOR..=(range.end - 1) / SECTOR {
            let end = content.bytes.len().min((sector + 1) * SECTOR);
            content.unsynced.entry(sector).or_insert_with(|| {
                content
                    .bytes
                    .get(sector * SECTOR..end)
                    .unwrap_or_default()
                    .to_vec()
            });
        }
        if content.bytes.len() < range.end {
            content.bytes.resize(range.end, 0);
        }
        content.bytes[range].copy_from_slice(bytes);
        Ok(())
    }

    fn zero(&self, file: &SimFile, bytes: u64) -> io::Result<()> {
        let zeros = vec![0; usize::try_from(bytes).map_err(io::Error::other)?];
        self.write_at(file, 0, &zeros)?;
        self.sync_data(file)
    }

    fn sync_data(&self, file: &SimFile) -> io::Result<()> {
        let mut state = self.operate()?;
        let content = state.content(*file);
        content.unsynced.clear();
        content.synced_length = content.bytes.len();
        Ok(())
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
        state.durable_names = state.names.clone();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contents(disk: &SimDisk, name: &str) -> Vec<u8> {
        let file = disk.open(name).unwrap();
        let mut bytes = vec![0; usize::try_from(disk.length(&file).unwrap()).unwrap()];
        disk.read_at(&file, 0, &mut bytes).unwrap();
        bytes
    }

    #[test]
    fn a_crash_leaves_a_file_that_grew_at_any_length() {
        let mut lengths = BTreeSet::new();
        for seed in 0..200 {
            let disk = SimDisk::default();
            let file = disk.create("a", 0).unwrap();
            disk.sync_directory().unwrap();
            disk.write_at(&file, 0, &[1; 100]).unwrap();
            disk.sync_data(&file).unwrap();
            disk.write_at(&file, 100, &[2; 2 * SECTOR]).unwrap();
            disk.crash(&mut Choices::of_seed(seed));
            let bytes = contents(&disk, "a");
            assert_eq!(bytes[..100], [1; 100]);
            for (at, byte) in bytes.iter().enumerate().skip(100) {
                let sector = at / SECTOR;
                let same = bytes.iter().enumerate().skip(100);
                let mut same = same.filter(|(at, _)| at / SECTOR == sector);
                assert!(same.all(|(_, other)| other == byte), "a sector is not torn");
            }
            lengths.insert(bytes.len());
        }
        assert_eq!(
            lengths,
            BTreeSet::from([100, SECTOR, 2 * SECTOR, 100 + 2 * SECTOR])
        );
    }

    #[test]
    fn a_crash_keeps_what_was_synced_and_any_sectors_of_the_rest() {
        let mut seen = BTreeSet::new();
        for seed in 0..200 {
            let disk = SimDisk::default();
            let file = disk.create("a", 3 * SECTOR as u64).unwrap();
            disk.sync_directory().unwrap();
            disk.write_at(&file, 0, &[1; 3 * SECTOR]).unwrap();
            disk.sync_data(&file).unwrap();
            disk.write_at(&file, SECTOR as u64 - 1, &[2; SECTOR + 2]).unwrap();
            disk.crash(&mut Choices::of_seed(seed));
            let bytes = contents(&disk, "a");
            assert_eq!(bytes[..SECTOR - 1], [1; SECTOR - 1]);
            assert_eq!(bytes[2 * SECTOR + 1..], [1; SECTOR - 1]);
            let middle = &bytes[SECTOR..2 * SECTOR];
            assert!(
                middle == [1; SECTOR] || middle == [2; SECTOR],
                "a sector is not torn"
            );
            seen.insert((bytes[SECTOR - 1], bytes[SECTOR], bytes[2 * SECTOR]));
        }
        assert_eq!(seen.len(), 8, "every subset of three sectors comes up");
    }

    #[test]
    fn names_wait_for_the_directory_each_for_itself() {
        let mut seen = BTreeSet::new();
        for seed in 0..200 {
            let disk = SimDisk::default();
            for name in ["a", "b"] {
                disk.create(name, 1).unwrap();
            }
            disk.sync_directory().unwrap();
            disk.create("c", 1).unwrap();
            disk.rename("a", "d").unwrap();
            disk.remove("b").unwrap();
            disk.crash(&mut Choices::of_seed(seed));
            seen.insert(disk.list().unwrap().concat());
        }
        assert_eq!(
            seen.len(),
            16,
            "every combination of four names comes up: {seen:?}"
        );
    }

    #[test]
    fn power_fails_when_told_and_comes_back_with_the_crash() {
        let disk = SimDisk::default();
        disk.cut_power_after(2);
        disk.create("a", 1).unwrap();
        assert!(disk.sync_directory().is_err());
        assert!(disk.is_without_power());
        assert!(disk.list().is_err());
        disk.crash(&mut Choices::of_list(vec![1]));
        assert_eq!(disk.list().unwrap(), ["a"]);
    }
}
