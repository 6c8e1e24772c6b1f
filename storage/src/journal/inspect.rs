//! Reading a journal as a boot would, and changing nothing.

use raft_core::{Image, Index, Position, Save, SnapshotMark};

use super::reader::{Reader, damaged, in_sequence, reading};
use super::recover::RecoverError;
use super::scan::{Damage, Said};
use super::segment::{self, BLOCK};
use super::settle::Cut;
use crate::data_dir::Found;
use crate::disk::Disk;

/// A record, and where it stands.
#[derive(Clone, Copy, Debug)]
pub enum Line<'a> {
    /// A Save.
    Save {
        /// The segment's file.
        file: &'a str,
        /// Bytes from its start.
        offset: u64,
        /// What it says.
        save: &'a Save,
    },
    /// A Seal: everything before it was durable.
    Seal {
        /// The segment's file.
        file: &'a str,
        /// Bytes from its start.
        offset: u64,
        /// The log's last entry.
        last: Position,
    },
    /// The last record of a segment that another one follows.
    Close {
        /// The segment's file.
        file: &'a str,
        /// Bytes from its start.
        offset: u64,
        /// The log's last entry.
        last: Position,
        /// The number of the segment that follows.
        next: u64,
    },
}

/// A segment that is sound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentFound {
    /// Its file.
    pub file: String,
    /// The file's length.
    pub bytes: u64,
    /// How many records it holds.
    pub records: u64,
    /// Where the last one ends.
    pub end: u64,
}

/// A journal that is sound.
#[derive(Clone, Debug)]
pub struct Inspected {
    /// What a boot would begin with; None if the journal has no record yet.
    pub image: Option<Image>,
    /// The oldest first.
    pub segments: Vec<SegmentFound>,
    /// An interrupted write, which a boot would cut off.
    pub torn: Option<Cut>,
    /// Nothing is in doubt: the last record is a Seal.
    pub sealed: bool,
}

/// Reads the journal of a directory as [`recover`](super::recover()) would with this snapshot, hands each record to `visit` as far
/// as the journal is sound, and changes nothing.
///
/// # Errors
/// See [`RecoverError`].
pub fn inspect<D: Disk>(
    disk: &D,
    found: &Found,
    snapshot: Option<SnapshotMark>,
    visit: &mut dyn FnMut(Line<'_>),
) -> Result<Inspected, RecoverError> {
    let names = disk.list().map_err(reading("the data directory"))?;
    let sequences = in_sequence(&names)?;
    let covered = snapshot.as_ref().map_or(Index(0), |mark| mark.position.index);
    let mut reader = Reader::new(disk.clone(), found.identity, snapshot, "");
    reader.begin(&sequences);
    let mut inspected = Inspected {
        image: None,
        segments: Vec::new(),
        torn: None,
        sealed: false,
    };
    for sequence in &sequences {
        let file = segment::name(*sequence);
        let mut records = 0;
        let mut count = |offset, said: &Said| {
            records += 1;
            visit(match said {
                Said::Save(save) => Line::Save {
                    file: &file,
                    offset,
                    save,
                },
                Said::Seal(last) => Line::Seal {
                    file: &file,
                    offset,
                    last: *last,
                },
                Said::Close { last, next } => Line::Close {
                    file: &file,
                    offset,
                    last: *last,
                    next: *next,
                },
            });
        };
        let end = reader.read(*sequence, Some(sequence) == sequences.last(), &mut count)?;
        inspected.sealed = end.sealed;
        inspected.torn = end.torn.map(|torn| Cut {
            file: file.clone(),
            offset: torn.start as u64,
            bytes: torn.len() as u64,
        });
        inspected.segments.push(SegmentFound {
            file,
            bytes: end.segment.bytes,
            records,
            end: end.segment.offset,
        });
    }
    let is_born = reader.replay.saves() > 0 || sequences.first().is_some_and(|&first| first > 1);
    if is_born {
        let missing = |after| RecoverError::SnapshotMissing {
            after,
            newest: covered,
        };
        inspected.image = Some(reader.replay.finish().map_err(missing)?.image);
    } else if found.journal_born {
        return Err(match inspected.segments.pop() {
            Some(newest) => damaged(&newest.file)((BLOCK as u64, Damage::BirthLost)),
            None => RecoverError::Lost,
        });
    }
    Ok(inspected)
}

#[cfg(test)]
mod tests;
