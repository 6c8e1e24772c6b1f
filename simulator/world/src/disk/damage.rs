//! What becomes of a disk that nobody uses: bits flip, sectors cannot be read any more, hold what they held before or what
//! belongs elsewhere, or a file is gone.
//!
//! One place is spared: the last writes of a file may look as if they had never been finished, if a sector of them is what
//! it was before, or zero. No reader can tell that from a write that power interrupted; that is why a member seals its
//! journal as soon as it has nothing to do. Whatever else befalls the last writes is found.

use storage::disk::SECTOR;

use super::{Content, SimDisk, State};
use crate::choices::{Choices, PerMillion};

/// How a disk rots.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rot {
    /// A bit flips.
    Bit,
    /// A sector cannot be read.
    Unreadable,
    /// A sector is zero.
    Zero,
    /// A sector is as it was before its last write, which went elsewhere or nowhere.
    Stale,
    /// A sector holds what was written for another one.
    Misdirected,
    /// A file is gone.
    Lost,
}

/// All of them.
pub const ROTS: [Rot; 6] = [
    Rot::Bit,
    Rot::Unreadable,
    Rot::Zero,
    Rot::Stale,
    Rot::Misdirected,
    Rot::Lost,
];

/// What rotted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wound {
    /// How.
    pub rot: Rot,
    /// In which file.
    pub file: String,
    /// In which of its sectors.
    pub sector: usize,
}

impl Rot {
    /// Whether it may make what was finished look unfinished.
    fn may_look_torn(self) -> bool {
        matches!(self, Rot::Zero | Rot::Stale | Rot::Misdirected)
    }
}

impl SimDisk {
    /// A sector rots, of any file; None if there is none that can. Only after a crash: all that is there is durable.
    pub fn rot(&self, rot: Rot, choices: &mut Choices) -> Option<Wound> {
        let state = &mut *self.state();
        let names: Vec<(String, u64)> = state
            .names
            .iter()
            .map(|(name, &number)| (name.clone(), number))
            .collect();
        if names.is_empty() {
            return None;
        }
        let (file, number) =
            names[usize::try_from(choices.below(names.len() as u64)).expect("an index")].clone();
        if rot == Rot::Lost {
            return state.lose(choices);
        }
        let sector = state.sector_of(number, rot, choices)?;
        let other = (rot == Rot::Misdirected)
            .then(|| state.any_sector(choices))
            .flatten();
        let content = state.files.get_mut(&number).expect("it has a name");
        content
            .spoil(rot, sector, other, choices)
            .then_some(Wound { rot, file, sector })
    }

    /// Every file is gone, as on a new disk. Only after a crash.
    pub fn wipe(&self) {
        let state = &mut *self.state();
        state.names.clear();
        state.durable_names.clear();
        state.files.clear();
    }

    /// Whether there is a file of this name.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.state().names.contains_key(name)
    }

    /// Nothing of the last writes can be taken for unfinished any more: what follows them says that they are there.
    pub fn is_sealed(&self) {
        self.state()
            .files
            .values_mut()
            .for_each(|file| file.recent.clear());
    }
}

impl State {
    /// A file is gone. The note of a repair is spared: without it nothing says that its member is to vote again, and it
    /// stays a learner until it is promoted (ARCHITECTURE.md).
    fn lose(&mut self, choices: &mut Choices) -> Option<Wound> {
        let names: Vec<&String> = self.names.keys().filter(|name| *name != "repair").collect();
        if names.is_empty() {
            return None;
        }
        let file = names[usize::try_from(choices.below(names.len() as u64)).expect("an index")].clone();
        self.names.remove(&file);
        self.durable_names.remove(&file);
        Some(Wound {
            rot: Rot::Lost,
            file,
            sector: 0,
        })
    }

    /// A sector of a file that may rot so; mostly one in which there is something.
    fn sector_of(&self, number: u64, rot: Rot, choices: &mut Choices) -> Option<usize> {
        let content = &self.files[&number];
        let spared = |sector: &usize| {
            rot.may_look_torn() && content.recent.iter().any(|recent| recent.contains(sector))
        };
        let anywhere = choices.happens(PerMillion(100_000));
        let all = (0..content.bytes.len().div_ceil(SECTOR)).filter(|sector| !spared(sector));
        let sectors: Vec<usize> = match anywhere {
            true => all.collect(),
            false => all.filter(|&sector| content.holds_something(sector)).collect(),
        };
        let count = sectors.len() as u64;
        (count > 0).then(|| sectors[usize::try_from(choices.below(count)).expect("an index")])
    }

    /// What some sector of the disk holds.
    fn any_sector(&self, choices: &mut Choices) -> Option<Vec<u8>> {
        let files: Vec<&Content> = self
            .files
            .values()
            .filter(|file| !file.bytes.is_empty())
            .collect();
        if files.is_empty() {
            return None;
        }
        let file = files[usize::try_from(choices.below(files.len() as u64)).expect("an index")];
        let count = file.bytes.len().div_ceil(SECTOR) as u64;
        let sector = usize::try_from(choices.below(count)).expect("an index");
        Some(file.bytes[file.extent(sector)].to_vec())
    }
}

impl Content {
    fn holds_something(&self, sector: usize) -> bool {
        self.bytes[self.extent(sector)].iter().any(|&byte| byte != 0)
    }

    /// Whether the sector is another one afterwards.
    fn spoil(&mut self, rot: Rot, sector: usize, other: Option<Vec<u8>>, choices: &mut Choices) -> bool {
        let extent = self.extent(sector);
        let before = self.bytes[extent.clone()].to_vec();
        match rot {
            Rot::Bit => {
                let at = usize::try_from(choices.below(before.len() as u64)).expect("an index");
                self.bytes[extent.start + at] ^= 1 << choices.below(8);
            }
            Rot::Unreadable => return self.unreadable.insert(sector),
            Rot::Zero => self.bytes[extent.clone()].fill(0),
            Rot::Stale => {
                if let Some(former) = self.former.get(&sector).cloned() {
                    self.put_back(sector, &former[..former.len().min(before.len())]);
                }
            }
            Rot::Lost => unreachable!("a file is lost, and no sector"),
            Rot::Misdirected => {
                let other = other.unwrap_or_default();
                self.put_back(sector, &other[..other.len().min(before.len())]);
            }
        }
        self.bytes[extent] != before
    }
}
