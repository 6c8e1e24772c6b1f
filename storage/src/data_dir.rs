//! Whose data directory this is. A member's files are worth nothing to another one, and a member whose directory was
//! wiped or swapped must not be taken for its former self: the directory therefore names its cluster, its member, a
//! random id of its own, and how many times it has been booted.

use std::io;

use raft_core::{Boot, NodeId};
use thiserror::Error;

use crate::FORMAT_VERSION;
use crate::disk::{Disk, is_out_of_space};
use crate::fields::{Fields, PutFields};
use crate::{journal, repair, snapshot};

/// The file.
pub(crate) const IDENTITY: &str = "identity";
/// Its next state, while it is written; and between boots a file of zeros that has the space for it, so that a full disk
/// keeps no member from starting.
const IDENTITY_NEXT: &str = "identity.next";

const MAGIC: [u8; 8] = *b"BALSA-ID";
const LENGTH: usize = 56;
/// Flag: the journal has its first record, so a directory without a journal has lost it.
const JOURNAL_BORN: u32 = 1;

/// Who owns a data directory. Never changes once made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The cluster.
    pub cluster_id: u64,
    /// The member.
    pub member_id: NodeId,
    /// The directory itself: random, chosen when it was made.
    pub data_id: u64,
}

/// Which identity is acceptable; None accepts any.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Expected {
    /// The cluster.
    pub cluster_id: Option<u64>,
    /// The member.
    pub member_id: Option<NodeId>,
}

/// What a data directory says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// Whose it is.
    pub identity: Identity,
    /// How many times it has been booted.
    pub boot: Boot,
    /// Whether the journal has its first record.
    pub journal_born: bool,
}

/// A data directory that is open for one boot.
#[derive(Clone, Debug)]
pub struct DataDir<D> {
    disk: D,
    identity: Identity,
    boot: Boot,
    journal_born: bool,
}

/// Why a data directory is refused. Nothing in it was changed, but for `Io`.
#[derive(Debug, Error)]
pub enum DataDirError {
    /// The identity file is not what was written.
    #[error(
        "file {IDENTITY} is damaged ({reason}): restore it; or, if other members have a quorum, empty the directory, and they \
         take this member in anew"
    )]
    Damaged {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A later release wrote it.
    #[error(
        "file {IDENTITY} has format version {found}, and this release reads up to {FORMAT_VERSION}: use a newer one"
    )]
    Newer {
        /// The version found.
        found: u32,
    },
    /// There are files of a member, and nothing says whose.
    #[error(
        "file {IDENTITY} is missing beside {beside}: restore it; or, if other members have a quorum, empty the directory, \
         and they take this member in anew"
    )]
    Missing {
        /// One of those files.
        beside: String,
    },
    /// It belongs to another cluster.
    #[error("the data directory belongs to cluster {found:x}, not to {expected:x}")]
    OtherCluster {
        /// Whose it is.
        found: u64,
        /// Whose it should be.
        expected: u64,
    },
    /// It belongs to another member.
    #[error("the data directory belongs to member {:x}, not to {:x}", .found.0, .expected.0)]
    OtherMember {
        /// Whose it is.
        found: NodeId,
        /// Whose it should be.
        expected: NodeId,
    },
    /// The disk failed.
    #[error("cannot {action} file {IDENTITY}: {source}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// What the disk said.
        source: io::Error,
    },
}

/// Opens a data directory for one more boot, or makes it `born`'s if it is empty. When this returns, the directory
/// durably counts this boot: no earlier life of it had the same number.
///
/// # Errors
/// See [`DataDirError`].
pub fn open_or_create<D: Disk>(
    disk: D,
    born: Identity,
    expected: Expected,
) -> Result<DataDir<D>, DataDirError> {
    let found = look(&disk)?.unwrap_or(Found {
        identity: born,
        boot: Boot(0),
        journal_born: false,
    });
    expected.check(found.identity)?;
    let data = DataDir {
        disk,
        identity: found.identity,
        boot: Boot(found.boot.0 + 1),
        journal_born: found.journal_born,
    };
    data.store()?;
    Ok(data)
}

/// Whose the data directory is, without counting a boot; None if it is nobody's yet.
///
/// # Errors
/// See [`DataDirError`].
pub fn inspect<D: Disk>(disk: &D) -> Result<Option<Identity>, DataDirError> {
    Ok(look(disk)?.map(|found| found.identity))
}

/// All that the data directory says of itself, without counting a boot; None if it is nobody's yet.
///
/// # Errors
/// See [`DataDirError`].
pub fn look<D: Disk>(disk: &D) -> Result<Option<Found>, DataDirError> {
    let names = disk.list().map_err(failed("look for"))?;
    if names.iter().any(|name| name == IDENTITY) {
        return read(disk).map(Some);
    }
    // It is the first file that a directory gets, and never goes.
    match names.into_iter().find(|name| is_a_members(name)) {
        Some(beside) => Err(DataDirError::Missing { beside }),
        None => Ok(None),
    }
}

/// Whether a file is one of a member that has, or had, an identity.
fn is_a_members(name: &str) -> bool {
    journal::is_file(name) || snapshot::is_file(name) || repair::part_of(name).is_some()
}

/// The directory becomes another member's: the identity is replaced, and what journal there is, is none of its own. `boot`
/// is counted on from.
pub(crate) fn hand_to<D: Disk>(disk: D, identity: Identity, boot: Boot) -> Result<(), DataDirError> {
    DataDir {
        disk,
        identity,
        boot,
        journal_born: false,
    }
    .store()
}

impl Expected {
    fn check(self, identity: Identity) -> Result<(), DataDirError> {
        if let Some(expected) = self.cluster_id
            && expected != identity.cluster_id
        {
            return Err(DataDirError::OtherCluster {
                found: identity.cluster_id,
                expected,
            });
        }
        if let Some(expected) = self.member_id
            && expected != identity.member_id
        {
            return Err(DataDirError::OtherMember {
                found: identity.member_id,
                expected,
            });
        }
        Ok(())
    }
}

impl<D: Disk> DataDir<D> {
    /// The files.
    #[must_use]
    pub fn disk(&self) -> &D {
        &self.disk
    }

    /// Whose it is. May differ from what `open_or_create` was given, if it was made before.
    #[must_use]
    pub fn identity(&self) -> Identity {
        self.identity
    }

    /// Which boot of this directory this is, from 1.
    #[must_use]
    pub fn boot(&self) -> Boot {
        self.boot
    }

    /// Whether the journal had its first record when this boot began.
    #[must_use]
    pub fn journal_born(&self) -> bool {
        self.journal_born
    }

    /// From now on a missing journal is a lost one. Called once the journal's first record is durable.
    pub(crate) fn note_journal_born(&mut self) -> Result<(), DataDirError> {
        if !self.journal_born {
            self.journal_born = true;
            self.store()?;
        }
        Ok(())
    }

    /// Writes the file anew beside the old one and puts it in its place; and makes the file for the next time.
    fn store(&self) -> Result<(), DataDirError> {
        let bytes = encode(self.identity, self.boot, self.journal_born);
        let disk = &self.disk;
        let file = self.next_file()?;
        disk.write_at(&file, 0, &bytes).map_err(failed("write"))?;
        disk.sync_data(&file).map_err(failed("sync"))?;
        disk.rename(IDENTITY_NEXT, IDENTITY).map_err(failed("replace"))?;
        if !self.make_next()? {
            // The space of the file that was replaced is free only now.
            disk.sync_directory().map_err(failed("sync the directory of"))?;
            self.make_next()?;
        }
        disk.sync_directory().map_err(failed("sync the directory of"))
    }

    /// Makes the file for the next time; whether there is space for it.
    fn make_next(&self) -> Result<bool, DataDirError> {
        match self.disk.create(IDENTITY_NEXT, LENGTH as u64) {
            Ok(_) => Ok(true),
            Err(error) if is_out_of_space(&error) => {
                // What it leaves is of no use. If it stays, the next time it makes way.
                let _ = self.disk.remove(IDENTITY_NEXT);
                Ok(false)
            }
            Err(source) => Err(failed("make the next")(source)),
        }
    }

    /// The file made the last time, if it is whole and was never written to; a new one otherwise. What was written to may
    /// be the very file that is called `identity` now: a crash amid a rename can leave both names.
    fn next_file(&self) -> Result<D::File, DataDirError> {
        let disk = &self.disk;
        match disk.open(IDENTITY_NEXT) {
            Ok(file) if is_untouched(disk, &file)? => return Ok(file),
            Ok(_) => disk.remove(IDENTITY_NEXT).map_err(failed("clear the way for"))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(source) => return Err(failed("open the next")(source)),
        }
        disk.create(IDENTITY_NEXT, LENGTH as u64).map_err(failed("make"))
    }
}

fn failed(action: &'static str) -> impl FnOnce(io::Error) -> DataDirError {
    move |source| DataDirError::Io { action, source }
}

fn is_untouched<D: Disk>(disk: &D, file: &D::File) -> Result<bool, DataDirError> {
    if disk.length(file).map_err(failed("measure"))? != LENGTH as u64 {
        return Ok(false);
    }
    let mut bytes = [0; LENGTH];
    // Nothing stands in it, so nothing is lost if it cannot be read; it only is of no use.
    let read = disk.read_at(file, 0, &mut bytes);
    Ok(read.is_ok() && bytes == [0; LENGTH])
}

fn read<D: Disk>(disk: &D) -> Result<Found, DataDirError> {
    let file = disk.open(IDENTITY).map_err(failed("open"))?;
    let length = disk.length(&file).map_err(failed("measure"))?;
    let mut bytes = vec![0; usize::try_from(length).unwrap_or(usize::MAX).min(LENGTH + 1)];
    disk.read_at(&file, 0, &mut bytes).map_err(failed("read"))?;
    decode(&bytes)
}

fn encode(identity: Identity, boot: Boot, journal_born: bool) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(LENGTH);
    bytes.extend_from_slice(&MAGIC);
    bytes.put_u32(FORMAT_VERSION);
    bytes.put_u32(if journal_born { JOURNAL_BORN } else { 0 });
    bytes.put_u64(identity.cluster_id);
    bytes.put_u64(identity.member_id.0);
    bytes.put_u64(identity.data_id);
    bytes.put_u64(boot.0);
    bytes.put_u32(0);
    bytes.put_u32(crc32c::crc32c(&bytes));
    bytes
}

fn decode(bytes: &[u8]) -> Result<Found, DataDirError> {
    let damaged = |reason| Err(DataDirError::Damaged { reason });
    if bytes.len() < LENGTH {
        return damaged("it is too short");
    }
    let mut fields = Fields::of(bytes);
    if fields.take() != MAGIC {
        return damaged("it does not begin as it should");
    }
    let version = fields.u32();
    if version > FORMAT_VERSION {
        return Err(DataDirError::Newer { found: version });
    }
    if bytes.len() > LENGTH {
        return damaged("it is too long");
    }
    let (covered, crc) = bytes.split_at(LENGTH - 4);
    if crc32c::crc32c(covered) != Fields::of(crc).u32() {
        return damaged("its checksum does not match");
    }
    let flags = fields.u32();
    let identity = Identity {
        cluster_id: fields.u64(),
        member_id: NodeId(fields.u64()),
        data_id: fields.u64(),
    };
    let boot = Boot(fields.u64());
    if version != FORMAT_VERSION || flags & !JOURNAL_BORN != 0 || fields.u32() != 0 {
        return damaged("it says what no release has written");
    }
    Ok(Found {
        identity,
        boot,
        journal_born: flags & JOURNAL_BORN != 0,
    })
}

#[cfg(test)]
mod tests;
