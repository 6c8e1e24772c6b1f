//! Reading one segment, and the one judgement that recovery makes: is what stands at the end the trace of a write that
//! was interrupted, or is it damage?
//!
//! A crash may interrupt the write of the last record only, since each is synced before the next is written, and what
//! it leaves is known: behind the record before it stand zeros, and each sector either still has those or has the new
//! bytes. So the bytes are *torn* if all of this holds:
//!
//! * the segment is the newest;
//! * nothing stands after them: no byte beyond the record's extent or, if its header is unreadable too, no valid
//!   record;
//! * something is missing from them: a sector's share of the record is zero, or its end is.
//!
//! Everything else is damage; but a part of the record that closes a segment, if the next one has no record yet, is looked
//! at by [`super::close`]. The last condition is what tells a record that was acknowledged and has rotted since
//! from one that was never finished, as far as that can be told.

use std::ops::Range;

use raft_core::{Position, Save};
use thiserror::Error;

use super::record::{self, Flaw, Place, Record};
use super::segment::{BLOCK, Header};
use crate::disk::SECTOR;

/// What is wrong with a journal's bytes, other than an interrupted last write.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Damage {
    /// Too short, or something else.
    #[error("it does not begin with a segment header")]
    NoHeader,
    /// A later release wrote it. Not damage as such.
    #[error("it has format version {found}, which a later release wrote")]
    Newer {
        /// The version found.
        found: u32,
    },
    /// The header's checksum or what follows it.
    #[error("the segment header does not match its checksum")]
    Header,
    /// The segment's header names another cluster, member or directory.
    #[error(
        "it belongs to another data directory: cluster {cluster_id:x}, member {member_id:x}, data id {data_id:x}"
    )]
    OtherDirectory {
        /// The cluster it names.
        cluster_id: u64,
        /// The member it names.
        member_id: u64,
        /// The directory it names.
        data_id: u64,
    },
    /// The segment is another one than its name says.
    #[error("it is segment {found} under another's name")]
    Misnamed {
        /// The sequence number in the header.
        found: u64,
    },
    /// The file was cut or has grown.
    #[error("the file has {found} bytes and was made with {made}")]
    Length {
        /// The file's length.
        found: u64,
        /// The header's word for it.
        made: u64,
    },
    /// The next segment is sound and follows something that does not stand here.
    #[error("the end of this file, which {next} follows, is missing or is another one")]
    EndLost {
        /// The next segment's file.
        next: String,
    },
    /// A record does not follow the one before it.
    #[error("the record does not follow the one before it")]
    RecordChain,
    /// A record's header, with evidence that it was once whole.
    #[error("the record's header does not match its checksum")]
    RecordHeader,
    /// A record's body or trailer, and it is no interrupted write.
    #[error("the record does not match its checksum")]
    RecordSum,
    /// A bad record with something after it.
    #[error("the record does not match its checksum, and more was written after it, at offset {after}")]
    NotLast {
        /// Where something stands.
        after: u64,
    },
    /// A kind of record that this release does not know.
    #[error("the record is of unknown kind {0}")]
    Kind(u32),
    /// A Seal or a closing record that does not repeat what stands before it.
    #[error("the record seals another end than this")]
    Seal,
    /// The newest segment is gone: the one before it says that it was there.
    #[error("file {next}, which follows this one, is missing")]
    NextLost {
        /// The segment's file.
        next: String,
    },
    /// Something behind the record that closes a segment.
    #[error("something stands behind the record that closes the segment")]
    BehindClose,
    /// The body is not a Save.
    #[error("the record's body cannot be decoded")]
    Body,
    /// The journal's first record is not the state a member is born with.
    #[error("the journal does not begin with a snapshot mark")]
    NotBorn,
    /// The first record was durable once.
    #[error("the journal's first record is gone")]
    BirthLost,
    /// Entries that do not follow the log.
    #[error("the record's entries leave a gap in the log")]
    Gap,
    /// A ballot of an earlier term than the one before.
    #[error("the record's ballot is of an earlier term than one before it")]
    BallotBack,
    /// A mark before the one before.
    #[error("the record's snapshot mark is before an earlier one")]
    MarkBack,
}

/// Damage and its offset in the segment.
pub(super) type DamageAt = (u64, Damage);

/// What a segment holds.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Scanned {
    /// Where the last valid record ends.
    pub(super) end: usize,
    /// What the next record names as the one before it.
    pub(super) chain: u32,
    /// Where the last valid record stands, if there is any.
    pub(super) last: Option<Range<usize>>,
    /// It is a Seal.
    pub(super) sealed: bool,
    /// It closes the segment.
    pub(super) closed: bool,
    /// What stands behind it, if anything but zeros does.
    pub(super) rest: Option<Rest>,
}

/// Bytes that are no record: all that are not zero behind the last one.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Rest {
    /// From the first that is not zero to the last.
    pub(super) range: Range<usize>,
    flaw: Flaw,
}

/// Reads all records of `segment`, whose header was read already, and hands each to `visit`, with its offset.
pub(super) fn scan(
    segment: &[u8],
    header: &Header,
    header_sum: u32,
    mut visit: impl FnMut(u64, Said) -> Result<(), Damage>,
) -> Result<Scanned, DamageAt> {
    let mut scanned = Scanned {
        end: BLOCK,
        chain: header_sum,
        last: None,
        sealed: false,
        closed: false,
        rest: None,
    };
    let flaw = loop {
        let (offset, record) = match next(segment, header, scanned.end) {
            Ok(found) => found,
            Err(flaw) => break flaw,
        };
        let damaged = |damage| (offset as u64, damage);
        if record.previous != scanned.chain {
            return Err(damaged(Damage::RecordChain));
        }
        let said = Said::read(&record).map_err(damaged)?;
        scanned.sealed = matches!(said, Said::Seal(_));
        scanned.closed = matches!(said, Said::Close { .. });
        visit(offset as u64, said).map_err(damaged)?;
        scanned.end = offset + record.extent;
        scanned.chain = record.sum;
        scanned.last = Some(offset..scanned.end);
        if scanned.closed {
            break Flaw::Header;
        }
    };
    let tail = &segment[scanned.end..];
    if !is_zero(tail) {
        let is_something = |byte: &u8| *byte != 0;
        let start = tail.iter().position(is_something).unwrap_or(0);
        let end = tail.iter().rposition(is_something).map_or(0, |last| last + 1);
        if scanned.closed {
            return Err(((scanned.end + start) as u64, Damage::BehindClose));
        }
        scanned.rest = Some(Rest {
            range: scanned.end + start..scanned.end + end,
            flaw,
        });
    }
    Ok(scanned)
}

/// The bytes of an interrupted write, if there are any behind what was `scanned`: from its end to the last that is not zero.
pub(super) fn torn(
    segment: &[u8],
    header: &Header,
    newest: bool,
    scanned: &Scanned,
) -> Result<Option<Range<usize>>, DamageAt> {
    let Some(rest) = &scanned.rest else {
        return Ok(None);
    };
    judge(segment, header, newest, scanned.end, &rest.flaw).map_err(|damage| (scanned.end as u64, damage))?;
    Ok(Some(scanned.end..rest.range.end))
}

/// What a record says.
#[derive(Debug)]
pub(super) enum Said {
    Save(Box<Save>),
    /// Everything before it was durable before it was written, and this is the log's last entry.
    Seal(Position),
    /// As a Seal, and the journal goes on in another segment.
    Close {
        last: Position,
        /// That segment's number.
        next: u64,
    },
}

impl Said {
    fn read(record: &Record<'_>) -> Result<Said, Damage> {
        match record.kind {
            record::SAVE => match postcard::take_from_bytes(record.body) {
                Ok((save, [])) => Ok(Said::Save(Box::new(save))),
                _ => Err(Damage::Body),
            },
            record::SEAL => record::sealed(record.body).map(Said::Seal).ok_or(Damage::Body),
            record::CLOSE => record::closed(record.body)
                .map(|(last, next)| Said::Close { last, next })
                .ok_or(Damage::Body),
            other => Err(Damage::Kind(other)),
        }
    }
}

/// The record at `end`, or the Seal or closing record that begins the next sector if there are zeros before it.
fn next<'a>(segment: &'a [u8], header: &Header, end: usize) -> Result<(usize, Record<'a>), Flaw> {
    let at = |offset: usize| {
        record::decode(place(header, offset), &segment[offset..]).map(|record| (offset, record))
    };
    at(end).or_else(|flaw| {
        let sector = segment.len().min(end.next_multiple_of(SECTOR));
        match at(sector) {
            Ok(found)
                if matches!(found.1.kind, record::SEAL | record::CLOSE) && is_zero(&segment[end..sector]) =>
            {
                Ok(found)
            }
            _ => Err(flaw),
        }
    })
}

/// Whether the bad record at `offset` is torn; if not, what it is.
fn judge(segment: &[u8], header: &Header, newest: bool, offset: usize, flaw: &Flaw) -> Result<(), Damage> {
    match *flaw {
        Flaw::Body { extent } => {
            let end = offset + extent;
            if let Some(after) = segment[end..].iter().position(|&byte| byte != 0) {
                return Err(Damage::NotLast {
                    after: (end + after) as u64,
                });
            }
            // The trailer's last byte is never zero in a record that was written whole.
            let missing = segment[end - 1] == 0 || misses_a_sector(segment, offset..end);
            if newest && missing {
                Ok(())
            } else {
                Err(Damage::RecordSum)
            }
        }
        Flaw::Header => {
            if let Some(after) = find_record(segment, header, offset + record::ALIGNMENT) {
                return Err(Damage::NotLast { after: after as u64 });
            }
            let end = segment.len().min(offset + record::HEADER);
            let missing = is_zero(&segment[end..]) || misses_a_sector(segment, offset..end);
            if newest && missing {
                Ok(())
            } else {
                Err(Damage::RecordHeader)
            }
        }
    }
}

/// Whether some sector has nothing of what should stand in `range`.
fn misses_a_sector(segment: &[u8], range: Range<usize>) -> bool {
    let mut start = range.start;
    while start < range.end {
        let end = range.end.min((start + 1).next_multiple_of(SECTOR));
        if is_zero(&segment[start..end]) {
            return true;
        }
        start = end;
    }
    false
}

/// The first offset, from `start` on, where a record is valid by itself.
fn find_record(segment: &[u8], header: &Header, start: usize) -> Option<usize> {
    (start..segment.len())
        .step_by(record::ALIGNMENT)
        .filter(|&offset| record::may_begin(&segment[offset..]))
        .find(|&offset| record::decode(place(header, offset), &segment[offset..]).is_ok())
}

pub(super) fn place(header: &Header, offset: usize) -> Place {
    Place {
        data_id: header.identity.data_id,
        sequence: header.sequence,
        offset: offset as u64,
    }
}

pub(super) fn is_zero(bytes: &[u8]) -> bool {
    const ZEROS: [u8; BLOCK] = [0; BLOCK];
    bytes.chunks(BLOCK).all(|chunk| *chunk == ZEROS[..chunk.len()])
}

#[cfg(test)]
pub(super) mod tests_only {
    use super::*;

    /// Where the records of a segment stand, Seals and the closing one included.
    pub(in crate::journal) fn records(segment: &[u8]) -> Vec<Range<usize>> {
        let (header, _) = Header::decode(segment).expect("a sound header");
        let mut ranges = Vec::new();
        let mut end = BLOCK;
        while let Ok((offset, record)) = next(segment, &header, end) {
            end = offset + record.extent;
            ranges.push(offset..end);
        }
        ranges
    }
}
