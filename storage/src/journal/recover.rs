//! What a member finds at boot. First everything is read and judged, and damage stops here with nothing changed on
//! disk; then the end is made fit to write on.

use std::io;

use raft_core::{Image, Index, LogChange, Save, SnapshotMark, Stamp};
use thiserror::Error;

use super::SEGMENT_BYTES_MIN;
use super::outline::Outline;
use super::replay::Replay;
use super::scan::{Damage, DamageAt, scan};
use super::segment::{self, BLOCK, Header, SPARE};
use super::settle::{Cut, End};
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
/// # Errors
/// See [`RecoverError`]; damage leaves the disk as it is.
///
/// # Panics
/// If `segment_bytes` is less than [`SEGMENT_BYTES_MIN`].
pub fn recover<D: Disk>(
    data: &mut DataDir<D>,
    segment_bytes: u64,
    born: SnapshotMark,
) -> Result<Recovered<D>, RecoverError> {
    assert!(
        segment_bytes >= SEGMENT_BYTES_MIN,
        "a segment has room for a record"
    );
    let disk = data.disk().clone();
    let names = disk.list().map_err(reading("the data directory"))?;
    let segments = in_sequence(&names)?;
    let mut reader = Reader {
        disk: disk.clone(),
        identity: data.identity(),
        replay: Replay::default(),
        chain: 0,
        end: 0,
    };
    let mut newest = None;
    for sequence in 1..=segments {
        newest = Some(reader.read(sequence, sequence == segments)?);
    }
    let saves = reader.replay.saves();
    if saves == 0 && data.journal_born() {
        return Err(newest.map_or(RecoverError::Lost, |end: End<D>| {
            damaged(&segment::name(end.segment.sequence))((BLOCK as u64, Damage::BirthLost))
        }));
    }

    // From here on the disk is changed. Names are durable as they were read: this boot was counted after any change
    // of them.
    if names.iter().any(|name| name == SPARE) {
        failed("remove", SPARE, disk.remove(SPARE))?;
    }
    let (segment, chain, cut) = match newest {
        Some(end) => {
            let cut = end.settle(&disk)?;
            (end.segment, end.chain, cut)
        }
        None => {
            let (segment, chain) = first_segment(&disk, data.identity(), segment_bytes)?;
            (segment, chain, None)
        }
    };
    let image = reader.replay.finish();
    let outline = Outline::of(&image);
    let writer = Writer::resume(disk, data.identity(), segment_bytes, segment, chain, outline);
    let mut recovered = Recovered {
        image,
        writer,
        cut,
        segments: segments.max(1),
        saves,
    };
    if saves == 0 {
        recovered.bear(born)?;
    }
    data.note_journal_born()?;
    Ok(recovered)
}

impl<D: Disk> Recovered<D> {
    /// Writes the first record.
    fn bear(&mut self, born: SnapshotMark) -> Result<(), RecoverError> {
        self.image.snapshot = born.clone();
        self.image.commit = born.position.index;
        let log = LogChange::Reset(Box::new(born));
        self.writer.write(&Save {
            stamp: Stamp(0),
            ballot: None,
            commit: Index(0),
            log,
        })?;
        self.writer.sync()?;
        Ok(())
    }
}

/// How many segments there are: those from 1 on, without a gap.
fn in_sequence(names: &[String]) -> Result<u64, RecoverError> {
    let mut present: Vec<u64> = names.iter().filter_map(|name| segment::sequence(name)).collect();
    present.sort_unstable();
    for (&sequence, expected) in present.iter().zip(1..) {
        if sequence != expected {
            return Err(RecoverError::Missing {
                file: segment::name(expected),
            });
        }
    }
    Ok(present.len() as u64)
}

/// Reads segments in order.
struct Reader<D> {
    disk: D,
    identity: Identity,
    replay: Replay,
    /// The checksum of the last record so far, and where it ends in its segment.
    chain: u32,
    end: u64,
}

impl<D: Disk> Reader<D> {
    fn read(&mut self, sequence: u64, newest: bool) -> Result<End<D>, RecoverError> {
        let name = segment::name(sequence);
        let file = self.disk.open(&name).map_err(reading(&name))?;
        let length = self.disk.length(&file).map_err(reading(&name))?;
        let mut bytes = vec![0; usize::try_from(length).expect("a file fits the address space")];
        self.disk.read_at(&file, 0, &mut bytes).map_err(reading(&name))?;
        let (header, header_sum) = self
            .header(sequence, &bytes)
            .map_err(|damage| damaged(&name)((0, damage)))?;
        if header.chain != self.chain || header.last != self.replay.last() {
            // Its own checksum holds, so it is the end of the one before that is missing or another one.
            let before = segment::name(sequence.saturating_sub(1).max(1));
            return Err(damaged(&before)((self.end, Damage::EndLost { next: name })));
        }
        let scanned = scan(&bytes, &header, header_sum, newest, |save| {
            self.replay.apply(save)
        })
        .map_err(damaged(&name))?;
        self.chain = scanned.chain;
        self.end = scanned.end as u64;
        let segment = Segment {
            file,
            sequence,
            bytes: length,
            offset: scanned.end as u64,
        };
        let last = scanned
            .last
            .map(|range| (range.start as u64, bytes[range].to_vec()));
        Ok(End {
            segment,
            chain: scanned.chain,
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

fn reading(file: &str) -> impl FnOnce(io::Error) -> RecoverError {
    let file = file.to_owned();
    move |source| RecoverError::Read { file, source }
}

fn damaged(file: &str) -> impl FnOnce(DamageAt) -> RecoverError {
    let file = file.to_owned();
    move |(offset, reason)| RecoverError::Damaged { file, offset, reason }
}

#[cfg(test)]
mod tests;
