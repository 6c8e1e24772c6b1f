//! From a view of the state to the stream. Nothing is made before it is asked for, and each call does a bounded amount
//! of work, so that the node can make pieces on its own thread.

use std::mem;

use bytes::Bytes;
use raft_core::SnapshotMark;

use super::chunk::{self, PLAIN, Place};
use super::header::Header;
use super::parse::End;
use crate::fields::PutFields;
use crate::store::Store;
use crate::store::rows::{Cursor, Row};

/// So many chunks are made in one call: 128 KiB of rows, about half a millisecond's work.
const CHUNKS_PER_CALL: usize = 2;

/// The stream of one snapshot, from its beginning. A clone goes on by itself and shares the view.
#[derive(Clone, Debug)]
pub struct Encoder {
    header: Header,
    view: Store,
    /// The rows not encoded yet; None if all are.
    cursor: Option<Cursor>,
    /// Rows that are in no chunk yet, from `plain_taken` on.
    plain: Vec<u8>,
    plain_taken: usize,
    /// Made and not given, from `ready_given` on.
    ready: Vec<u8>,
    ready_given: usize,
    /// Bytes made.
    made: u64,
    /// The checksum of the last chunk made, or of the header.
    chain: u32,
    counts: End,
    is_ended: bool,
    /// Bytes given, and their CRC32C.
    given: u64,
    checksum: u32,
    /// The last piece given, if it may be asked for again.
    again: Option<Piece>,
}

/// Some bytes of the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Bytes of the stream before these.
    pub offset: u64,
    /// CRC32C of the bytes before; 0 if there are none.
    pub checksum_before: u32,
    /// The bytes; empty only at the end.
    pub data: Bytes,
    /// Nothing follows.
    pub last: bool,
}

/// What comes of asking for bytes from an offset on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// Here they are. Of an offset beyond the end: none, as the last ones.
    Piece(Piece),
    /// It takes longer to get there: ask again.
    Working,
    /// They were given before the last piece, and a new encoder is needed.
    Behind,
}

impl Encoder {
    /// The stream of the state that `view` holds, which is that of the cluster as of the mark.
    ///
    /// # Panics
    /// If the membership takes more than 16 MiB.
    #[must_use]
    pub fn new(cluster_id: u64, mark: SnapshotMark, view: Store) -> Encoder {
        let header = Header { cluster_id, mark };
        let (ready, chain) = header.encode();
        Encoder {
            header,
            view,
            cursor: Some(Cursor::default()),
            plain: Vec::new(),
            plain_taken: 0,
            made: ready.len() as u64,
            ready,
            ready_given: 0,
            chain,
            counts: End::default(),
            is_ended: false,
            given: 0,
            checksum: 0,
            again: None,
        }
    }

    /// The same stream, from its beginning again.
    #[must_use]
    pub fn anew(&self) -> Encoder {
        Encoder::new(
            self.header.cluster_id,
            self.header.mark.clone(),
            self.view.clone(),
        )
    }

    /// What it is a snapshot of.
    #[must_use]
    pub fn mark(&self) -> &SnapshotMark {
        &self.header.mark
    }

    /// Bytes given so far.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.given
    }

    /// Lets go of what is encoded: it cannot be begun anew from now on. As long as a view shares them, leaves of the map
    /// are copied when they change, and the copies leave holes in memory once it is gone.
    pub(super) fn forget_encoded(&mut self) {
        if let Some(cursor) = &self.cursor {
            self.view.forget_before(cursor);
        }
    }

    /// The next bytes: at most `bytes_max`, at least one before the end, and fewer if more would take too long.
    pub fn next_piece(&mut self, bytes_max: usize) -> Piece {
        let mut chunks = CHUNKS_PER_CALL;
        while self.waiting() < bytes_max && !self.is_ended && chunks > 0 {
            self.make_chunk();
            chunks -= 1;
        }
        let (offset, checksum_before) = (self.given, self.checksum);
        let piece = Piece {
            offset,
            checksum_before,
            data: self.give(bytes_max.max(1)),
            last: self.is_ended && self.waiting() == 0,
        };
        self.again = Some(piece.clone());
        piece
    }

    /// The bytes from `offset` on: the next ones, the last ones again, or later ones after passing over what comes
    /// before, which takes several calls.
    pub fn piece_at(&mut self, offset: u64, bytes_max: usize) -> Asked {
        if let Some(piece) = self.again.as_ref().filter(|again| again.offset == offset) {
            return Asked::Piece(piece.clone());
        }
        if offset < self.given {
            return Asked::Behind;
        }
        for _ in 0..CHUNKS_PER_CALL {
            let ahead = usize::try_from(offset - self.given).unwrap_or(usize::MAX);
            self.again = None;
            self.give(ahead);
            if self.given == offset {
                return Asked::Piece(self.next_piece(bytes_max));
            }
            if self.is_ended {
                return Asked::Piece(Piece {
                    offset,
                    checksum_before: self.checksum,
                    data: Bytes::new(),
                    last: true,
                });
            }
            self.make_chunk();
        }
        Asked::Working
    }

    /// Bytes made and not given.
    fn waiting(&self) -> usize {
        self.ready.len() - self.ready_given
    }

    /// Gives what is ready, at most so many bytes.
    fn give(&mut self, bytes_max: usize) -> Bytes {
        let end = self.ready_given + bytes_max.min(self.waiting());
        let data = Bytes::copy_from_slice(&self.ready[self.ready_given..end]);
        self.ready_given = end;
        if self.waiting() == 0 {
            self.ready.clear();
            self.ready_given = 0;
        }
        self.given += data.len() as u64;
        self.checksum = crc32c::crc32c_append(self.checksum, &data);
        data
    }

    /// Makes the next chunk, or the end.
    fn make_chunk(&mut self) {
        while self.plain.len() - self.plain_taken < PLAIN
            && let Some(cursor) = self.cursor.take()
        {
            let (rows, next) = self.view.rows(&cursor, PLAIN);
            rows.iter().for_each(|row| self.encode_row(row));
            self.cursor = next;
        }
        let place = Place {
            cluster_id: self.header.cluster_id,
            mark: self.header.mark.position,
            offset: self.made,
        };
        let before = self.ready.len();
        let end = self.plain.len().min(self.plain_taken + PLAIN);
        let rows = &self.plain[self.plain_taken..end];
        if rows.is_empty() {
            self.counts.fingerprint = self.view.fingerprint();
            chunk::encode_end(place, self.chain, &self.counts.encode(), &mut self.ready);
            self.is_ended = true;
        } else {
            self.counts.chunks += 1;
            self.counts.bytes += rows.len() as u64;
            self.chain = chunk::encode_rows(place, self.chain, rows, &mut self.ready);
            self.plain_taken = end;
            self.drop_taken();
        }
        self.made += (self.ready.len() - before) as u64;
    }

    fn encode_row(&mut self, row: &Row) {
        let start = self.plain.len();
        self.plain.put_u32(0);
        self.plain = postcard::to_extend(row, mem::take(&mut self.plain)).expect("memory takes any row");
        let length = self.plain.len() - start - 4;
        let length = u32::try_from(length).expect("a row holds one entry's values at the most");
        self.plain[start..start + 4].copy_from_slice(&length.to_le_bytes());
        self.counts.rows += 1;
    }

    /// Forgets rows that are in chunks once they are most of what is there, so that each byte is moved at most once.
    fn drop_taken(&mut self) {
        if self.plain_taken * 2 >= self.plain.len() {
            self.plain.drain(..self.plain_taken);
            self.plain_taken = 0;
        }
    }
}
