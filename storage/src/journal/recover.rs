//! What a member finds at boot. First everything is read and judged, and damage stops here with nothing changed on
//! disk; then the end is made fit to write on.

use std::io;

use raft_core::{Image, Index, LogChange, Save, SnapshotMark, Stamp};
use thiserror::Error;

use super::SEGMENT_BYTES_MIN;
use super::reader::{Reader, damaged, in_sequence, reading};
use super::replay::Anchored;
use super::scan::Damage;
use super::segment::{self, BLOCK, SPARE};
use super::settle::{Cut, End};
use super::write::{WriteError, Writer, failed, first_segment};
use crate::data_dir::{DataDir, DataDirError};
use crate::disk::Disk;

/// A journal that was read whole and can be written on.
#[derive(Debug)]
pub struct Recovered<D: Disk> {
    /// What it says. All of it is durable.
    pub image: Image,
    /// For the Saves to come.
    pub writer: Writer<D>,
    /// The interrupted write that was cut off, if there was one: for the log.
    pub cut: Option<Cut>,
    /// How many segments there are.
    pub segments: u64,
    /// How many Saves were read; 0 if the journal was born just now.
    pub saves: u64,
}

/// Why a journal cannot be used.
#[derive(Debug, Error)]
pub enum RecoverError {
    /// It is not what was written. Nothing was changed.
    #[error("journal file {file} is damaged at offset {offset}: {reason}")]
    Damaged {
        /// The segment's file.
        file: String,
        /// Bytes from its start.
        offset: u64,
        /// What is wrong there.
        reason: Damage,
    },
    /// A segment is not there, and a later one is. Nothing was changed.
    #[error("journal file {file} is missing")]
    Missing {
        /// The segment's file.
        file: String,
    },
    /// The journal goes on from a snapshot that is not there. Nothing was changed.
    #[error(
        "the journal goes on after entry {after}, and there is no sound snapshot that reaches it (the newest is at {newest})"
    )]
    SnapshotMissing {
        /// What a snapshot must cover.
        after: Index,
        /// What the one given covers; 0 without one.
        newest: Index,
    },
    /// The directory had a journal, and it is gone. Nothing was changed.
    #[error("the journal is missing: the data directory had one, and all of its files are gone")]
    Lost,
    /// The disk could not be read. Nothing was changed.
    #[error("cannot read {file}: {source}")]
    Read {
        /// What was read.
        file: String,
        /// What the disk said.
        source: io::Error,
    },
    /// The end could not be made fit to write on, or the journal could not be made.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// The journal's birth could not be noted.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
}

/// Reads the journal of `data`, or makes it: then its first record, and the Image, is `born`, the state that the
/// cluster begins with. Segments grow to `segment_bytes` each, beyond it if a single Save needs it.
///
/// `snapshot` is the mark of the newest sound snapshot, if the directory has one: the Image begins with it. Entries that
/// it covers are passed over. A log that lacks its last entry goes wholly, and the journal then says so: the snapshot
/// came from the leader, and a crash kept its Reset from the journal.
///
/// # Errors
/// See [`RecoverError`]; damage leaves the disk as it is.
///
/// # Panics
/// If `segment_bytes` is less than [`SEGMENT_BYTES_MIN`].
pub fn recover<D: Disk>(
    data: &mut DataDir<D>,
    segment_bytes: u64,
    born: SnapshotMark,
    snapshot: Option<SnapshotMark>,
) -> Result<Recovered<D>, RecoverError> {
    assert!(
        segment_bytes >= SEGMENT_BYTES_MIN,
        "a segment has room for a record"
    );
    let disk = data.disk().clone();
    let names = disk.list().map_err(reading("the data directory"))?;
    let sequences = in_sequence(&names)?;
    let covered = snapshot.as_ref().map_or(Index(0), |mark| mark.position.index);
    let mut reader = Reader::new(disk.clone(), data.identity(), snapshot, "");
    let newest = reader.read_all(&sequences)?;
    let saves = reader.replay.saves();
    let is_born = saves > 0 || sequences.first().is_some_and(|&first| first > 1);
    if !is_born && data.journal_born() {
        return Err(newest.map_or(RecoverError::Lost, |end: End<D>| {
            damaged(&segment::name(end.segment.sequence))((BLOCK as u64, Damage::BirthLost))
        }));
    }
    let standing = reader.replay.standing();
    let anchored = if is_born {
        let missing = |after| RecoverError::SnapshotMissing {
            after,
            newest: covered,
        };
        reader.replay.finish().map_err(missing)?
    } else {
        Anchored::born(born.clone())
    };

    // From here on the disk is changed. Names are durable as they were read: this boot was counted after any change
    // of them.
    if names.iter().any(|name| name == SPARE) {
        failed("remove", SPARE, disk.remove(SPARE))?;
    }
    let (found, cut) = match newest {
        Some(end) => {
            let cut = end.settle(&disk)?;
            (end.found(reader.older, standing), cut)
        }
        None => (first_segment(&disk, data.identity(), segment_bytes)?, None),
    };
    let mut recovered = Recovered {
        image: anchored.image,
        writer: Writer::resume(disk, data.identity(), segment_bytes, found),
        cut,
        segments: sequences.len().max(1) as u64,
        saves,
    };
    if !is_born || anchored.log_went {
        recovered.reset(is_born)?;
    }
    data.note_journal_born()?;
    Ok(recovered)
}

impl RecoverError {
    /// Whether the journal is lost in part or wholly, to this directory only: then the member can be replaced by a new one.
    /// Not so if the directory was mixed up with another one, is a later release's, or cannot be written.
    #[must_use]
    pub fn is_loss(&self) -> bool {
        /// The kernel could not read what is there.
        const EIO: i32 = 5;
        match self {
            RecoverError::Damaged { reason, .. } => {
                !matches!(reason, Damage::Newer { .. } | Damage::OtherDirectory { .. })
            }
            RecoverError::Missing { .. } | RecoverError::SnapshotMissing { .. } | RecoverError::Lost => true,
            RecoverError::Read { source, .. } => source.raw_os_error() == Some(EIO),
            RecoverError::Write(_) | RecoverError::DataDir(_) => false,
        }
    }
}

impl<D: Disk> Recovered<D> {
    /// Writes that the log is empty and begins after the Image's mark. If there is no space for that, a member that was
    /// born before starts all the same, and promises nothing until there is: what is owed comes before its next Save.
    fn reset(&mut self, may_owe: bool) -> Result<(), RecoverError> {
        let reset = Save {
            stamp: Stamp(0),
            ballot: None,
            commit: self.image.snapshot.position.index,
            log: LogChange::Reset(Box::new(self.image.snapshot.clone())),
        };
        match self.writer.write(&reset) {
            Err(WriteError::OutOfSpace { .. }) if may_owe => self.writer.owe(reset),
            written => written?,
        }
        self.writer.sync()?;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
