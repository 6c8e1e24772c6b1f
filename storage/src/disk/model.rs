//! The disk of the tests: keeps exactly what [`Disk`] promises after a crash, and lets everything else go as chance
//! wills.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::rc::Rc;

use super::{Disk, SECTOR};

/// A handle; clones are the same disk.
#[derive(Clone, Debug, Default)]
pub(crate) struct ModelDisk(Rc<RefCell<State>>);

#[derive(Clone, Debug, Default)]
struct State {
    files: Vec<Contents>,
    names: BTreeMap<String, usize>,
    durable_names: BTreeMap<String, usize>,
    /// Power fails in the operation after so many.
    operations_left: Option<u64>,
    /// The operation after so many fails.
    fail: Option<(u64, io::ErrorKind)>,
    space: Option<u64>,
    writes: u64,
    syncs: u64,
    chance: Chance,
}

#[derive(Clone, Debug, Default)]
struct Contents {
    durable: Vec<u8>,
    /// Writes whose sync has failed: still read, never on the disk (a page cache calls such pages clean).
    lost: Vec<(usize, Vec<u8>)>,
    /// Unsynced writes, oldest first.
    pending: Vec<(usize, Vec<u8>)>,
}

/// What becomes of unsynced bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tear {
    /// Any subset of sectors survives.
    Sectors,
    /// The last write survives up to some byte. Not promised to be all that happens, but some disks do it.
    Bytes,
}

/// A small generator, so that a crash is replayed by its seed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Chance(pub(crate) u64);

impl Chance {
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((bits ^ (bits >> 31)) % bound.max(1) as u64) as usize
    }
}

impl Contents {
    fn now(&self) -> Vec<u8> {
        let mut bytes = self.durable.clone();
        for (offset, written) in self.lost.iter().chain(&self.pending) {
            put(&mut bytes, *offset, written);
        }
        bytes
    }

    fn length(&self) -> usize {
        let written = self.lost.iter().chain(&self.pending);
        let ends = written.map(|(offset, written)| offset + written.len());
        ends.fold(self.durable.len(), usize::max)
    }

    fn sync(&mut self) {
        for (offset, written) in std::mem::take(&mut self.pending) {
            put(&mut self.durable, offset, &written);
        }
    }

    fn survive_bytes(&mut self, chance: &mut Chance) {
        self.lost.clear();
        let count = self.pending.len();
        for (at, (offset, written)) in std::mem::take(&mut self.pending).into_iter().enumerate() {
            let kept = if at + 1 == count {
                chance.below(written.len() + 1)
            } else {
                written.len()
            };
            put(&mut self.durable, offset, &written[..kept]);
        }
    }

    /// Each sector of each write survives if `keeps` says so.
    fn survive_sectors(&mut self, keeps: &mut dyn FnMut() -> bool) {
        self.lost.clear();
        for (offset, written) in std::mem::take(&mut self.pending) {
            let mut start = 0;
            while start < written.len() {
                let end = written
                    .len()
                    .min((offset + start + 1).next_multiple_of(SECTOR) - offset);
                if keeps() {
                    put(&mut self.durable, offset + start, &written[start..end]);
                }
                start = end;
            }
        }
    }
}

fn put(bytes: &mut Vec<u8>, offset: usize, written: &[u8]) {
    if bytes.len() < offset + written.len() {
        bytes.resize(offset + written.len(), 0);
    }
    bytes[offset..offset + written.len()].copy_from_slice(written);
}

impl State {
    /// Counts an operation; an error if power fails in it, or failed before.
    fn operate(&mut self) -> io::Result<()> {
        if let Some((left, kind)) = self.fail.take() {
            let Some(left) = left.checked_sub(1) else {
                return Err(kind.into());
            };
            self.fail = Some((left, kind));
        }
        match &mut self.operations_left {
            Some(0) => Err(io::Error::other("no power")),
            Some(left) => {
                *left -= 1;
                if *left == 0 {
                    Err(io::Error::other("no power"))
                } else {
                    Ok(())
                }
            }
            None => Ok(()),
        }
    }

    fn give_back(&mut self, file: usize) {
        let bytes = self.files[file].durable.len() as u64;
        self.space = self.space.map(|space| space + bytes);
    }

    fn number(&self, name: &str) -> io::Result<usize> {
        self.names
            .get(name)
            .copied()
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

impl ModelDisk {
    /// Power fails in the operation after `operations` that change something.
    pub(crate) fn fail_power_after(&self, operations: u64, seed: u64) {
        let mut state = self.0.borrow_mut();
        state.operations_left = Some(operations + 1);
        state.chance = Chance(seed);
    }

    pub(crate) fn is_without_power(&self) -> bool {
        self.0.borrow().operations_left == Some(0)
    }

    /// Of the operations that change something, the one after the next `count` fails; those after it work again.
    pub(crate) fn fail_nth(&self, count: u64, kind: io::ErrorKind) {
        self.0.borrow_mut().fail = Some((count, kind));
    }

    /// Whether the failure asked for is still to come; it will not.
    pub(crate) fn keeps_working(&self) -> bool {
        self.0.borrow_mut().fail.take().is_some()
    }

    /// How many bytes of new files there is space for.
    pub(crate) fn set_space(&self, bytes: u64) {
        self.0.borrow_mut().space = Some(bytes);
    }

    /// How many writes and syncs of files there were.
    pub(crate) fn counts(&self) -> (u64, u64) {
        let state = self.0.borrow();
        (state.writes, state.syncs)
    }

    /// The disk as the next boot finds it.
    pub(crate) fn crash(&self, tear: Tear, seed: u64) -> ModelDisk {
        let mut chance = Chance(seed);
        if tear == Tear::Bytes {
            let mut state = self.0.borrow().clone();
            for file in &mut state.files {
                file.survive_bytes(&mut chance);
            }
            return ModelDisk(Rc::new(RefCell::new(state))).crash_keeping(|| chance.below(2) == 0);
        }
        self.crash_keeping(|| chance.below(2) == 0)
    }

    /// As [`ModelDisk::crash`], but `keeps` is asked, always in the same order, about each unsynced sector and then about
    /// each unsynced change of a name.
    pub(crate) fn crash_keeping(&self, mut keeps: impl FnMut() -> bool) -> ModelDisk {
        let mut state = self.0.borrow().clone();
        for file in &mut state.files {
            file.survive_sectors(&mut keeps);
        }
        let names: BTreeSet<String> = state
            .names
            .keys()
            .chain(state.durable_names.keys())
            .cloned()
            .collect();
        for name in names {
            let (old, new) = (state.durable_names.get(&name), state.names.get(&name));
            if old == new {
                continue;
            }
            match if keeps() { new } else { old }.copied() {
                Some(file) => state.durable_names.insert(name, file),
                None => state.durable_names.remove(&name),
            };
        }
        state.names = state.durable_names.clone();
        state.operations_left = None;
        ModelDisk(Rc::new(RefCell::new(state)))
    }

    /// How many things a crash now may keep or lose, each for itself.
    pub(crate) fn unsynced(&self) -> u32 {
        let mut count = 0;
        self.crash_keeping(|| {
            count += 1;
            true
        });
        count
    }

    /// A disk of its own with the same files, all durable.
    pub(crate) fn copy(&self) -> ModelDisk {
        let mut state = State::default();
        for (name, bytes) in self.contents() {
            state.names.insert(name, state.files.len());
            state.files.push(Contents {
                durable: bytes,
                ..Contents::default()
            });
        }
        state.durable_names = state.names.clone();
        ModelDisk(Rc::new(RefCell::new(state)))
    }

    pub(crate) fn contents(&self) -> BTreeMap<String, Vec<u8>> {
        let state = self.0.borrow();
        state
            .names
            .iter()
            .map(|(name, &file)| (name.clone(), state.files[file].now()))
            .collect()
    }

    /// Changes a file behind everyone's back, durably.
    pub(crate) fn tamper(&self, name: &str, change: impl FnOnce(&mut Vec<u8>)) {
        let mut state = self.0.borrow_mut();
        let file = state.number(name).expect("a file to tamper with");
        let file = &mut state.files[file];
        file.durable = file.now();
        (file.lost, file.pending) = Default::default();
        change(&mut file.durable);
    }
}

impl Disk for ModelDisk {
    type File = usize;

    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.0.borrow().names.keys().cloned().collect())
    }

    fn create(&self, name: &str, bytes: u64) -> io::Result<usize> {
        let mut state = self.0.borrow_mut();
        if state.names.contains_key(name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let power = state.operate();
        let full = state.space.is_some_and(|space| space < bytes);
        let mut length = bytes.min(state.space.unwrap_or(bytes)) as usize;
        if power.is_err() || full {
            length = state.chance.below(length + 1);
        }
        if let Some(space) = &mut state.space {
            *space -= length as u64;
        }
        let number = state.files.len();
        state.files.push(Contents {
            durable: vec![0; length],
            ..Contents::default()
        });
        state.names.insert(name.to_owned(), number);
        power?;
        if full {
            return Err(io::ErrorKind::StorageFull.into());
        }
        Ok(number)
    }

    fn open(&self, name: &str) -> io::Result<usize> {
        self.0.borrow().number(name)
    }

    fn length(&self, file: &usize) -> io::Result<u64> {
        Ok(self.0.borrow().files[*file].now().len() as u64)
    }

    fn read_at(&self, file: &usize, offset: u64, into: &mut [u8]) -> io::Result<()> {
        let bytes = self.0.borrow().files[*file].now();
        let found = bytes.get(offset as usize..offset as usize + into.len());
        into.copy_from_slice(found.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn write_at(&self, file: &usize, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.0.borrow_mut();
        let power = state.operate();
        let end = offset as usize + bytes.len();
        let growth = end.saturating_sub(state.files[*file].length()) as u64;
        if state.space.is_some_and(|space| space < growth) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        if let Some(space) = &mut state.space {
            *space -= growth;
        }
        state.files[*file].pending.push((offset as usize, bytes.to_vec()));
        state.writes += 1;
        power
    }

    fn zero(&self, file: &usize, bytes: u64) -> io::Result<()> {
        self.write_at(file, 0, &vec![0; bytes as usize])?;
        self.sync_data(file)
    }

    fn sync_data(&self, file: &usize) -> io::Result<()> {
        let mut state = self.0.borrow_mut();
        let power = state.operate();
        let dead = state.operations_left == Some(0);
        let file = &mut state.files[*file];
        match power {
            Ok(()) => file.sync(),
            Err(_) if dead => {}
            Err(_) => file.lost.append(&mut file.pending),
        }
        state.syncs += 1;
        power
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut state = self.0.borrow_mut();
        let file = state.number(from)?;
        let power = state.operate();
        state.names.remove(from);
        if let Some(replaced) = state.names.insert(to.to_owned(), file) {
            state.give_back(replaced);
        }
        power
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut state = self.0.borrow_mut();
        let file = state.number(name)?;
        let power = state.operate();
        state.names.remove(name);
        state.give_back(file);
        power
    }

    fn sync_directory(&self) -> io::Result<()> {
        let mut state = self.0.borrow_mut();
        state.operate()?;
        state.durable_names = state.names.clone();
        Ok(())
    }
}
