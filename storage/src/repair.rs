//! The files' share of the repair of a member whose directory is damaged.
//!
//! A member that lost a part of its journal, or all of it, lost promises: votes, and entries that it acknowledged. With what
//! is left it must never vote again. The others replace it by a new member, which it becomes: same addresses, same name, a new
//! id that has promised nothing yet. Here is what becomes of the directory, once they have agreed to it:
//!
//! 1. the note: who it was and who it is from now on;
//! 2. the journal is set aside under other names, and stays until the end;
//! 3. `identity` is the new member's, and its boots are counted on;
//! 4. a journal is born, with what was sound of the former one ([`crate::journal::salvage`]);
//! 5. at the end, when the new member votes, what was set aside goes, and then the note.
//!
//! [`begin`] does the first three, [`carry_on`] at each boot what a crash left of them, [`finish`] the last. Snapshots stay
//! where they are: they are of the cluster, not of a member.

use std::io;

use raft_core::{Boot, NodeId};
use thiserror::Error;

use crate::FORMAT_VERSION;
use crate::data_dir::{self, DataDirError, Identity};
use crate::disk::Disk;
use crate::fields::{Fields, PutFields};
use crate::journal::is_segment;

/// The file.
const NOTE: &str = "repair";
/// It while it is written.
const NOTE_NEXT: &str = "repair.next";

const MAGIC: [u8; 8] = *b"BALSA-RP";
const LENGTH: usize = 72;
/// Flag: the member is to vote in the end.
const VOTES: u32 = 1;

/// A repair that goes on in a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Note {
    /// Whose it was. Its journal is set aside.
    pub former: Identity,
    /// Whose it is now.
    pub next: Identity,
    /// How many boots the directory had had.
    pub boot: Boot,
    /// How many times this directory was repaired without an end before, and once more.
    pub number: u32,
    /// Whether it voted, and is to vote again.
    pub votes: bool,
}

/// A file that is there for a repair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The note.
    Note,
    /// A note while it is written.
    NextNote,
    /// A segment of a damaged journal, set aside by the repair of this number.
    Aside(u32),
}

/// Why a repair cannot go on.
#[derive(Debug, Error)]
pub enum RepairError {
    /// The note is not what was written.
    #[error("file {NOTE} is damaged ({reason}): the repair of this directory cannot go on")]
    Damaged {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The disk failed.
    #[error("cannot {action} {file}: {source}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// With which file.
        file: String,
        /// What the disk said.
        source: io::Error,
    },
    /// The identity could not be replaced.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
}

/// Who a damaged directory's member becomes. Always the same one, so that a crash before anything is written changes
/// nothing; as random as the directory's data id is.
#[must_use]
pub fn successor(former: Identity) -> Identity {
    let member = mixed(former.data_id ^ mixed(former.member_id.0));
    Identity {
        cluster_id: former.cluster_id,
        member_id: NodeId(member.max(1)),
        data_id: mixed(member ^ former.cluster_id),
    }
}

/// Every bit of it depends on every bit of `number`; no two numbers give the same (Stafford's variant 13).
fn mixed(number: u64) -> u64 {
    let mut bits = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

/// What stands before the names of what repair number `number` set aside.
#[must_use]
pub fn aside(number: u32) -> String {
    format!("damaged-{number}.")
}

/// Makes the directory its next owner's. Whatever a crash leaves of it, [`carry_on`] completes.
///
/// # Errors
/// See [`RepairError`].
pub fn begin<D: Disk>(disk: &D, note: &Note) -> Result<(), RepairError> {
    let names = list(disk)?;
    if names.iter().any(|name| name == NOTE_NEXT) {
        done("remove", NOTE_NEXT, disk.remove(NOTE_NEXT))?;
    }
    let bytes = note.encode();
    let file = done("make", NOTE_NEXT, disk.create(NOTE_NEXT, bytes.len() as u64))?;
    done("write", NOTE_NEXT, disk.write_at(&file, 0, &bytes))?;
    done("sync", NOTE_NEXT, disk.sync_data(&file))?;
    done("make", NOTE, disk.rename(NOTE_NEXT, NOTE))?;
    done("sync the directory of", NOTE, disk.sync_directory())?;
    carry_on(disk).map(|_| ())
}

/// The repair that goes on in this directory, if one does; what a crash left undone of its beginning is done now. To be
/// called at boot before anything else is looked at.
///
/// # Errors
/// See [`RepairError`].
pub fn carry_on<D: Disk>(disk: &D) -> Result<Option<Note>, RepairError> {
    let Some(note) = look(disk)? else {
        return Ok(None);
    };
    if data_dir::inspect(disk)? == Some(note.next) {
        return Ok(Some(note));
    }
    for name in list(disk)?.iter().filter(|name| is_segment(name)) {
        let to = format!("{}{name}", aside(note.number));
        done("set aside", name, disk.rename(name, &to))?;
    }
    // Before the identity: what bears a segment's name from then on is the new member's.
    done("sync the directory of", NOTE, disk.sync_directory())?;
    data_dir::hand_to(disk.clone(), note.next, note.boot)?;
    Ok(Some(note))
}

/// The repair that goes on in this directory, if one does. Changes nothing.
///
/// # Errors
/// If the note cannot be read.
pub fn look<D: Disk>(disk: &D) -> Result<Option<Note>, RepairError> {
    if !list(disk)?.iter().any(|name| name == NOTE) {
        return Ok(None);
    }
    let file = done("open", NOTE, disk.open(NOTE))?;
    let length = done("measure", NOTE, disk.length(&file))?;
    let mut bytes = vec![0; usize::try_from(length).unwrap_or(usize::MAX).min(LENGTH + 1)];
    done("read", NOTE, disk.read_at(&file, 0, &mut bytes))?;
    Note::decode(&bytes).map(Some)
}

/// The new member is all that the former one was: what was set aside goes, and the note last.
///
/// # Errors
/// If a file cannot be removed.
pub fn finish<D: Disk>(disk: &D) -> Result<(), RepairError> {
    for name in list(disk)?.iter().filter(|name| is_aside(name)) {
        done("remove", name, disk.remove(name))?;
    }
    done("sync the directory of", NOTE, disk.sync_directory())?;
    match disk.remove(NOTE) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        removed => done("remove", NOTE, removed)?,
    }
    done("sync the directory of", NOTE, disk.sync_directory())
}

impl Note {
    fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(LENGTH);
        bytes.extend_from_slice(&MAGIC);
        bytes.put_u32(FORMAT_VERSION);
        bytes.put_u32(if self.votes { VOTES } else { 0 });
        bytes.put_u64(self.former.cluster_id);
        bytes.put_u64(self.former.member_id.0);
        bytes.put_u64(self.former.data_id);
        bytes.put_u64(self.next.member_id.0);
        bytes.put_u64(self.next.data_id);
        bytes.put_u64(self.boot.0);
        bytes.put_u32(self.number);
        bytes.put_u32(crc32c::crc32c(&bytes));
        bytes
    }

    fn decode(bytes: &[u8]) -> Result<Note, RepairError> {
        let damaged = |reason| Err(RepairError::Damaged { reason });
        if bytes.len() != LENGTH {
            return damaged("it has another length");
        }
        let (covered, crc) = bytes.split_at(LENGTH - 4);
        let mut fields = Fields::of(covered);
        if fields.take() != MAGIC || crc32c::crc32c(covered) != Fields::of(crc).u32() {
            return damaged("its checksum does not match");
        }
        let (version, flags) = (fields.u32(), fields.u32());
        if version != FORMAT_VERSION || flags & !VOTES != 0 {
            return damaged("it says what this release does not know");
        }
        let cluster_id = fields.u64();
        let mut identity = || Identity {
            cluster_id,
            member_id: NodeId(fields.u64()),
            data_id: fields.u64(),
        };
        let (former, next) = (identity(), identity());
        Ok(Note {
            former,
            next,
            boot: Boot(fields.u64()),
            number: fields.u32(),
            votes: flags & VOTES != 0,
        })
    }
}

/// What a file is to a repair, by its name; None if it is not there for one.
#[must_use]
pub fn part_of(name: &str) -> Option<Part> {
    match name {
        NOTE => Some(Part::Note),
        NOTE_NEXT => Some(Part::NextNote),
        _ => {
            let (number, segment) = name.strip_prefix("damaged-")?.split_once('.')?;
            let number = number.parse().ok()?;
            is_segment(segment).then_some(Part::Aside(number))
        }
    }
}

fn is_aside(name: &str) -> bool {
    matches!(part_of(name), Some(Part::Aside(_)))
}

fn list<D: Disk>(disk: &D) -> Result<Vec<String>, RepairError> {
    done("look for", NOTE, disk.list())
}

fn done<T>(action: &'static str, file: &str, result: io::Result<T>) -> Result<T, RepairError> {
    result.map_err(|source| RepairError::Io {
        action,
        file: file.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests;
