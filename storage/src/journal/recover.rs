//! What a member finds at boot. First everything is read and judged, and damage stops here with nothing changed on
//! disk; then the end is made fit to write on.

use std::collections::VecDeque;
use std::io;

use raft_core::{Image, Index, LogChange, Save, SnapshotMark, Stamp};
use thiserror::Error;

use super::SEGMENT_BYTES_MIN;
use super::replay::{Anchored, Replay};
use super::scan::{Damage, DamageAt, Said, scan};
use super::segment::{self, BLOCK, Header, SPARE};
use super::settle::{Cut, End};
use super::spare::Older;
use super::standing;
use super::write::{Segment, WriteError, Writer, failed, first_segment};
use crate::data_dir::{DataDir, DataDirError, Identity};
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
        recovered.reset()?;
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
    /// Writes that the log is empty and begins after the Image's mark.
    fn reset(&mut self) -> Result<(), RecoverError> {
        self.writer.write(&Save {
            stamp: Stamp(0),
            ballot: None,
            commit: self.image.snapshot.position.index,
            log: LogChange::Reset(Box::new(self.image.snapshot.clone())),
        })?;
        self.writer.sync()?;
        Ok(())
    }
}

/// The sequence numbers of the segments, without a gap; the first may be any, since old segments go.
pub(super) fn in_sequence(names: &[String]) -> Result<Vec<u64>, RecoverError> {
    let mut present: Vec<u64> = names.iter().filter_map(|name| segment::sequence(name)).collect();
    present.sort_unstable();
    for pair in present.windows(2) {
        if pair[1] != pair[0] + 1 {
            return Err(RecoverError::Missing {
                file: segment::name(pair[0] + 1),
            });
        }
    }
    Ok(present)
}

/// Reads segments in order.
pub(super) struct Reader<D> {
    disk: D,
    /// What stands before the segments' names.
    prefix: String,
    identity: Identity,
    pub(super) replay: Replay,
    /// Segments read, but for the newest.
    older: VecDeque<Older>,
    /// The checksum of the last record so far, and where it ends in its segment; None before the oldest segment, if
    /// others were before it.
    chain: Option<u32>,
    end: u64,
}

impl<D: Disk> Reader<D> {
    pub(super) fn new(
        disk: D,
        identity: Identity,
        snapshot: Option<SnapshotMark>,
        prefix: &str,
    ) -> Reader<D> {
        Reader {
            disk,
            prefix: prefix.to_owned(),
            identity,
            replay: Replay::new(snapshot),
            older: VecDeque::new(),
            chain: None,
            end: 0,
        }
    }

    /// Reads all segments; the newest one's end.
    fn read_all(&mut self, sequences: &[u64]) -> Result<Option<End<D>>, RecoverError> {
        self.begin(sequences);
        let mut newest: Option<End<D>> = None;
        for sequence in sequences {
            let is_newest = Some(sequence) == sequences.last();
            let end = self.read(*sequence, is_newest, &mut |_, _| {})?;
            if let Some(End { segment, .. }) = newest.replace(end) {
                self.older.push_back(Older {
                    sequence: segment.sequence,
                    bytes: segment.bytes,
                    top: segment.top,
                });
            }
        }
        Ok(newest)
    }

    /// The segments to be read are these.
    pub(super) fn begin(&mut self, sequences: &[u64]) {
        if sequences.first() == Some(&1) {
            self.chain = Some(0);
        }
    }

    /// Reads a segment; hands each record to `visit` with its offset.
    pub(super) fn read(
        &mut self,
        sequence: u64,
        newest: bool,
        visit: &mut dyn FnMut(u64, &Said),
    ) -> Result<End<D>, RecoverError> {
        let name = format!("{}{}", self.prefix, segment::name(sequence));
        let file = self.disk.open(&name).map_err(reading(&name))?;
        let length = self.disk.length(&file).map_err(reading(&name))?;
        let mut bytes = vec![0; usize::try_from(length).expect("a file fits the address space")];
        self.disk.read_at(&file, 0, &mut bytes).map_err(reading(&name))?;
        let (header, header_sum) = self
            .header(sequence, &bytes)
            .map_err(|damage| damaged(&name)((0, damage)))?;
        match self.chain {
            None => self.replay.begin_at(header.standing),
            Some(chain) if chain == header.chain && header.standing == self.replay.standing() => {}
            Some(_) => {
                // Its own checksum holds, so it is the end of the one before that is missing or another one.
                let before = segment::name(sequence.saturating_sub(1).max(1));
                return Err(damaged(&before)((self.end, Damage::EndLost { next: name })));
            }
        }
        let mut top = Index(0);
        let scanned = scan(&bytes, &header, header_sum, newest, |offset, said| {
            visit(offset, &said);
            match said {
                Said::Save(save) => {
                    top = top.max(standing::top(&save));
                    self.replay.apply(*save)
                }
                Said::Seal(last) if last == self.replay.standing().last => Ok(()),
                Said::Seal(_) => Err(Damage::Seal),
            }
        })
        .map_err(damaged(&name))?;
        self.chain = Some(scanned.chain);
        self.end = scanned.end as u64;
        let segment = Segment {
            file,
            sequence,
            bytes: length,
            offset: scanned.end as u64,
            top,
        };
        let last = scanned
            .last
            .map(|range| (range.start as u64, bytes[range].to_vec()));
        Ok(End {
            segment,
            chain: scanned.chain,
            sealed: scanned.sealed,
            last,
            torn: scanned.torn,
        })
    }

    /// The header, if it is one that belongs here.
    fn header(&self, sequence: u64, bytes: &[u8]) -> Result<(Header, u32), Damage> {
        let (header, header_sum) = Header::decode(bytes)?;
        let length = bytes.len() as u64;
        let Identity {
            cluster_id,
            member_id,
            data_id,
        } = header.identity;
        if header.identity != self.identity {
            return Err(Damage::OtherDirectory {
                cluster_id,
                member_id: member_id.0,
                data_id,
            });
        }
        if header.sequence != sequence {
            return Err(Damage::Misnamed {
                found: header.sequence,
            });
        }
        if header.bytes != length {
            return Err(Damage::Length {
                found: length,
                made: header.bytes,
            });
        }
        Ok((header, header_sum))
    }
}

pub(super) fn reading(file: &str) -> impl FnOnce(io::Error) -> RecoverError {
    let file = file.to_owned();
    move |source| RecoverError::Read { file, source }
}

pub(super) fn damaged(file: &str) -> impl FnOnce(DamageAt) -> RecoverError {
    let file = file.to_owned();
    move |(offset, reason)| RecoverError::Damaged { file, offset, reason }
}

#[cfg(test)]
mod tests;
