//! One chunk: rows, or the end, between a header that vouches for its own length and a checksum that vouches for
//! everything. Both cover the place in the stream, the mark and the cluster, so a chunk is valid in one place only.

use std::borrow::Cow;

use raft_core::Position;

use super::damage::Damage;
use crate::fields::{Fields, PutFields};

/// Bytes of rows in each chunk but the last.
pub(super) const PLAIN: usize = 64 << 10;
/// Bytes before the body.
pub(super) const HEADER: usize = 20;
/// Bytes after it.
const SUM: usize = 4;

/// What the body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Rows as they are.
    Rows,
    /// Rows as one LZ4 block.
    Lz4,
    /// The end.
    Done,
}

/// Where a chunk stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) cluster_id: u64,
    pub(super) mark: Position,
    /// Bytes from the start of the stream.
    pub(super) offset: u64,
}

/// A header that is what was written there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) kind: Kind,
    length: usize,
    plain: usize,
    pub(super) previous: u32,
}

impl Kind {
    const ALL: [(Kind, [u8; 4]); 3] = [
        (Kind::Rows, *b"ROWS"),
        (Kind::Lz4, *b"LZ4B"),
        (Kind::Done, *b"DONE"),
    ];

    fn tag(self) -> [u8; 4] {
        let found = Kind::ALL.iter().find(|(kind, _)| *kind == self);
        found.expect("all kinds are there").1
    }

    fn of(tag: [u8; 4]) -> Option<Kind> {
        let found = Kind::ALL.iter().find(|(_, its)| *its == tag);
        found.map(|(kind, _)| *kind)
    }
}

impl Place {
    /// Checksums begin with this.
    fn seed(self) -> u32 {
        let mut bytes = Vec::with_capacity(32);
        bytes.put_u64(self.cluster_id);
        bytes.put_u64(self.mark.term.0);
        bytes.put_u64(self.mark.index.0);
        bytes.put_u64(self.offset);
        crc32c::crc32c(&bytes)
    }
}

/// Appends the chunk of these rows, at most [`PLAIN`] bytes of them, to `out`; its checksum.
pub(super) fn encode_rows(place: Place, previous: u32, rows: &[u8], out: &mut Vec<u8>) -> u32 {
    assert!(
        !rows.is_empty() && rows.len() <= PLAIN,
        "a chunk of {} bytes",
        rows.len()
    );
    let compressed = lz4_flex::block::compress(rows);
    if compressed.len() < rows.len() {
        encode(place, Kind::Lz4, rows.len(), previous, &compressed, out)
    } else {
        encode(place, Kind::Rows, rows.len(), previous, rows, out)
    }
}

/// Appends the end to `out`.
pub(super) fn encode_end(place: Place, previous: u32, end: &[u8], out: &mut Vec<u8>) {
    encode(place, Kind::Done, end.len(), previous, end, out);
}

fn encode(place: Place, kind: Kind, plain: usize, previous: u32, body: &[u8], out: &mut Vec<u8>) -> u32 {
    let field = |length: usize| u32::try_from(length).expect("a chunk is short");
    let seed = place.seed();
    let start = out.len();
    out.extend_from_slice(&kind.tag());
    out.put_u32(field(body.len()));
    out.put_u32(field(plain));
    out.put_u32(previous);
    // The checksum of the whole leaves that of the header out: a CRC that runs over bytes and then over their CRC
    // forgets them.
    let header = crc32c::crc32c_append(seed, &out[start..]);
    out.put_u32(header);
    out.extend_from_slice(body);
    let sum = crc32c::crc32c_append(header, body);
    out.put_u32(sum);
    sum
}

impl Header {
    /// Reads the first [`HEADER`] bytes of a chunk.
    pub(super) fn decode(place: Place, bytes: &[u8]) -> Result<Header, Damage> {
        let mut fields = Fields::of(&bytes[..HEADER]);
        let tag = fields.take();
        let (length, plain) = (fields.u32() as usize, fields.u32() as usize);
        let (previous, sum) = (fields.u32(), fields.u32());
        if crc32c::crc32c_append(place.seed(), &bytes[..HEADER - 4]) != sum {
            return Err(Damage::ChunkHeader);
        }
        let kind = Kind::of(tag).ok_or(Damage::ChunkKind)?;
        let fits = match kind {
            Kind::Lz4 => length < plain,
            Kind::Rows | Kind::Done => length == plain,
        };
        if !fits || length == 0 || plain > PLAIN {
            return Err(Damage::ChunkKind);
        }
        Ok(Header {
            kind,
            length,
            plain,
            previous,
        })
    }

    /// The length of the whole chunk.
    pub(super) fn extent(&self) -> usize {
        HEADER + self.length + SUM
    }

    /// The rows or the end in a whole chunk, and its checksum.
    pub(super) fn body<'a>(&self, place: Place, chunk: &'a [u8]) -> Result<(Cow<'a, [u8]>, u32), Damage> {
        let (header, rest) = chunk[..self.extent()].split_at(HEADER);
        let (body, sum) = rest.split_at(self.length);
        let sum = Fields::of(sum).u32();
        let covered = crc32c::crc32c_append(place.seed(), &header[..HEADER - 4]);
        if crc32c::crc32c_append(covered, body) != sum {
            return Err(Damage::ChunkSum);
        }
        if self.kind != Kind::Lz4 {
            return Ok((body.into(), sum));
        }
        let rows = lz4_flex::block::decompress(body, self.plain);
        let rows = rows.ok().filter(|rows| rows.len() == self.plain);
        Ok((rows.ok_or(Damage::Lz4)?.into(), sum))
    }
}
