//! One record: a Save, a Seal or a closing record between a header that vouches for its own length and a trailer that vouches for
//! everything.
//!
//! The header has a checksum of its own, so that a damaged body still has a known extent. The trailer ends in a mark
//! that is not zero, so that a record whose end was never written is known from one that was written and has rotted.
//! Both checksums cover the directory's id, the segment's sequence number and the offset: a record is valid in one
//! place only.

use std::mem;

use raft_core::{Index, Position, Save, Term};

use crate::disk::SECTOR;
use crate::fields::{Fields, PutFields};

/// The longest body, in bytes. The writer refuses what the reader would: a longer Save is a bug of whoever let so much
/// gather, since the limits on proposals and on messages in flight are far below.
pub const BODY_MAX: usize = 1 << 30;

/// Records begin at multiples of this, so that one can be looked for.
pub(super) const ALIGNMENT: usize = 8;
/// Bytes before the body.
pub(super) const HEADER: usize = 20;
/// Bytes after the body and its padding.
const TRAILER: usize = 8;

const MAGIC: [u8; 4] = *b"BREC";
const END: [u8; 4] = *b"!END";
/// The body is a Save.
pub(super) const SAVE: u32 = 1;
/// The body is a Seal: it repeats the log's last Position, after everything before it was synced.
pub(super) const SEAL: u32 = 2;
/// The body closes the segment: as a Seal, and another segment follows.
pub(super) const CLOSE: u32 = 3;
/// The length on disk of a Seal and of a closing record: a sector of its own, so that nothing written before or after it
/// touches its bytes, and it touches nobody's.
pub(super) const SEAL_EXTENT: usize = SECTOR;
/// Bytes that stay free behind each Save, from the next sector on: for a Seal and a closing record.
pub(super) const RESERVE: usize = 2 * SEAL_EXTENT;

/// Where a record stands; no two records ever stand in the same place, but for one that was cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// The directory.
    pub(super) data_id: u64,
    /// The segment's number.
    pub(super) sequence: u64,
    /// Bytes from the segment's start.
    pub(super) offset: u64,
}

/// A record that is what was written there, whatever stands before it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Record<'a> {
    /// The checksum of the record before it, or of the segment's header.
    pub(super) previous: u32,
    /// What the body is.
    pub(super) kind: u32,
    /// The body.
    pub(super) body: &'a [u8],
    /// Its own checksum: what the next one names.
    pub(super) sum: u32,
    /// Its length on disk.
    pub(super) extent: usize,
}

/// What is wrong with bytes that are not a record.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    /// The header; so the extent is not known.
    Header,
    /// Something after a sound header.
    Body {
        /// The record's length on disk.
        extent: usize,
    },
}

impl Place {
    /// Checksums begin with this.
    fn seed(self) -> u32 {
        let mut bytes = Vec::with_capacity(24);
        bytes.put_u64(self.data_id);
        bytes.put_u64(self.sequence);
        bytes.put_u64(self.offset);
        crc32c::crc32c(&bytes)
    }
}

/// Puts the record of `save` into `buffer`, in place of what was there; its checksum.
pub(super) fn encode(place: Place, previous: u32, save: &Save, buffer: &mut Vec<u8>) -> u32 {
    buffer.clear();
    buffer.resize(HEADER, 0);
    *buffer = postcard::to_extend(save, mem::take(buffer)).expect("memory takes any Save");
    finish(place, previous, SAVE, buffer)
}

/// As [`encode`], of a Seal.
pub(super) fn encode_seal(place: Place, previous: u32, last: Position, buffer: &mut Vec<u8>) -> u32 {
    fill_sector(place, &[last.term.0, last.index.0], buffer);
    finish(place, previous, SEAL, buffer)
}

/// As [`encode`], of the record that closes a segment; `next` is the number of the segment that follows.
pub(super) fn encode_close(
    place: Place,
    previous: u32,
    last: Position,
    next: u64,
    buffer: &mut Vec<u8>,
) -> u32 {
    fill_sector(place, &[last.term.0, last.index.0, next], buffer);
    finish(place, previous, CLOSE, buffer)
}

/// What a Seal repeats; None if it is none that was ever written.
pub(super) fn sealed(body: &[u8]) -> Option<Position> {
    let [term, index] = filled_sector(body)?;
    Some(Position {
        term: Term(term),
        index: Index(index),
    })
}

/// What a closing record repeats, and the segment that follows; None if it is none that was ever written.
pub(super) fn closed(body: &[u8]) -> Option<(Position, u64)> {
    let [term, index, next] = filled_sector(body)?;
    let last = Position {
        term: Term(term),
        index: Index(index),
    };
    Some((last, next))
}

/// Makes the body of a record that has a sector of its own.
fn fill_sector(place: Place, numbers: &[u64], buffer: &mut Vec<u8>) {
    debug_assert!(
        place.offset.is_multiple_of(SECTOR as u64),
        "in a sector of its own"
    );
    buffer.clear();
    buffer.resize(HEADER, 0);
    for number in numbers {
        buffer.put_u64(*number);
    }
    buffer.resize(SEAL_EXTENT - TRAILER, 0);
}

/// The numbers at the start of such a body; the rest of it is zero.
fn filled_sector<const COUNT: usize>(body: &[u8]) -> Option<[u64; COUNT]> {
    let (numbers, zeros) = body.split_at_checked(8 * COUNT)?;
    let mut fields = Fields::of(numbers);
    let numbers = std::array::from_fn(|_| fields.u64());
    let whole = body.len() == SEAL_EXTENT - HEADER - TRAILER && zeros.iter().all(|&byte| byte == 0);
    whole.then_some(numbers)
}

/// Writes the header before the body that is in `buffer`, and the trailer behind it.
pub(super) fn finish(place: Place, previous: u32, kind: u32, buffer: &mut Vec<u8>) -> u32 {
    let length = buffer.len() - HEADER;
    let seed = place.seed();
    let mut header = Vec::with_capacity(HEADER);
    header.extend_from_slice(&MAGIC);
    header.put_u32(kind);
    header.put_u32(length_field(length));
    header.put_u32(previous);
    header.put_u32(crc32c::crc32c_append(seed, &header));
    buffer[..HEADER].copy_from_slice(&header);
    buffer.resize(extent_of(length) - TRAILER, 0);
    let sum = sum_of(seed, buffer);
    buffer.put_u32(sum);
    buffer.extend_from_slice(&END);
    sum
}

/// Reads the record at the start of `bytes`, which go on to the segment's end.
pub(super) fn decode(place: Place, bytes: &[u8]) -> Result<Record<'_>, Flaw> {
    if bytes.len() < extent_of(0) || bytes[..4] != MAGIC {
        return Err(Flaw::Header);
    }
    let seed = place.seed();
    let mut fields = Fields::of(&bytes[4..HEADER]);
    let (kind, length, previous, header_crc) = (fields.u32(), fields.u32(), fields.u32(), fields.u32());
    let length = length as usize;
    if crc32c::crc32c_append(seed, &bytes[..HEADER - 4]) != header_crc
        || length > BODY_MAX
        || extent_of(length) > bytes.len()
    {
        return Err(Flaw::Header);
    }
    let extent = extent_of(length);
    let (covered, trailer) = bytes[..extent].split_at(extent - TRAILER);
    let sum = Fields::of(trailer).u32();
    if trailer[4..] != END || sum_of(seed, covered) != sum {
        return Err(Flaw::Body { extent });
    }
    Ok(Record {
        previous,
        kind,
        body: &covered[HEADER..HEADER + length],
        sum,
        extent,
    })
}

/// Whether a record could begin here; costs less than trying.
pub(super) fn may_begin(bytes: &[u8]) -> bool {
    bytes.starts_with(&MAGIC)
}

/// Covers everything but the header's own checksum: a CRC that runs over bytes and then over their CRC forgets them,
/// and with them the chain.
fn sum_of(seed: u32, covered: &[u8]) -> u32 {
    let header = crc32c::crc32c_append(seed, &covered[..HEADER - 4]);
    crc32c::crc32c_append(header, &covered[HEADER..])
}

/// The reader's limit is the writer's.
fn length_field(length: usize) -> u32 {
    assert!(
        length <= BODY_MAX,
        "a Save of {length} bytes is beyond the limit of {BODY_MAX}"
    );
    u32::try_from(length).expect("the limit is below 4 GiB")
}

fn extent_of(length: usize) -> usize {
    (HEADER + length + TRAILER).next_multiple_of(ALIGNMENT)
}

#[cfg(test)]
mod tests;
