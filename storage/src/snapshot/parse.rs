//! From the stream to rows, as its pieces come. Nothing is believed before its checksum is, and no length named makes
//! more memory be taken than there are bytes: a chunk is short, and what is kept of a row has come.

use std::mem;

use raft_core::SnapshotMark;

use super::chunk::{self, Kind, Place};
use super::damage::{Damage, Flaw};
use super::header::{self, Header};
use crate::fields::{Fields, PutFields};
use crate::store::rows::Row;

/// The longest row, encoded.
const ROW_MAX: u32 = 1 << 31;
/// Bytes of a row's length.
const ROW_LENGTH: usize = 4;
/// Bytes of the end's body.
const END: usize = 32;

/// Reads a stream whose bytes come in pieces.
#[derive(Clone, Debug, Default)]
pub struct Parser {
    state: State,
    /// Bytes that came and could not be read yet: part of the header or of a chunk.
    waiting: Vec<u8>,
    /// Where `waiting` begins in the stream.
    offset: u64,
    /// Once the stream is known to be unsound.
    flaw: Option<Flaw>,
}

#[derive(Clone, Debug, Default)]
enum State {
    #[default]
    Header,
    Chunks(Box<Chunks>),
    Ended(Box<Header>, End),
}

#[derive(Clone, Debug)]
struct Chunks {
    header: Header,
    chain: u32,
    /// Part of a row.
    plain: Vec<u8>,
    counts: End,
}

/// What the end of a stream says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct End {
    /// How many rows there are.
    pub rows: u64,
    /// Their bytes before compression.
    pub bytes: u64,
    /// How many chunks they are in.
    pub chunks: u64,
    /// The fingerprint of the state.
    pub fingerprint: u64,
}

impl End {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(END);
        bytes.put_u64(self.rows);
        bytes.put_u64(self.bytes);
        bytes.put_u64(self.chunks);
        bytes.put_u64(self.fingerprint);
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<End> {
        let bytes: &[u8; END] = bytes.try_into().ok()?;
        let mut fields = Fields::of(bytes);
        Some(End {
            rows: fields.u64(),
            bytes: fields.u64(),
            chunks: fields.u64(),
            fingerprint: fields.u64(),
        })
    }
}

/// Hands on a row, or says why it is refused.
type Visit<'a> = dyn FnMut(Row) -> Result<(), Damage> + 'a;

impl Parser {
    /// Bytes taken so far.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.offset + self.waiting.len() as u64
    }

    /// What it is a snapshot of, once that is known.
    #[must_use]
    pub fn mark(&self) -> Option<&SnapshotMark> {
        self.header().map(|header| &header.mark)
    }

    /// Whose it is, once that is known.
    #[must_use]
    pub fn cluster_id(&self) -> Option<u64> {
        self.header().map(|header| header.cluster_id)
    }

    /// What the end says, once it is there.
    #[must_use]
    pub fn end(&self) -> Option<&End> {
        match &self.state {
            State::Ended(_, end) => Some(end),
            _ => None,
        }
    }

    /// Takes the next bytes and hands on each row that they complete.
    ///
    /// # Errors
    /// The first [`Flaw`], and the same one ever after.
    pub fn take(
        &mut self,
        piece: &[u8],
        visit: &mut dyn FnMut(Row) -> Result<(), Damage>,
    ) -> Result<(), Flaw> {
        if let Some(flaw) = &self.flaw {
            return Err(flaw.clone());
        }
        self.waiting.extend_from_slice(piece);
        let mut waiting = mem::take(&mut self.waiting);
        let mut read = 0;
        let result = loop {
            match self.read(&waiting[read..], visit) {
                Ok(0) => break Ok(()),
                Ok(bytes) => {
                    read += bytes;
                    self.offset += bytes as u64;
                }
                Err(reason) => break Err(reason),
            }
        };
        waiting.drain(..read);
        self.waiting = waiting;
        let offset = self.offset;
        result.map_err(|reason| self.refuse(Flaw { offset, reason }))
    }

    /// What the end says, if the stream has come to it and nothing follows.
    ///
    /// # Errors
    /// The [`Flaw`].
    pub fn finish(&self) -> Result<End, Flaw> {
        if let Some(flaw) = &self.flaw {
            return Err(flaw.clone());
        }
        let headless = matches!(self.state, State::Header) && self.waiting.len() >= header::FIXED;
        let (offset, reason) = match headless {
            true => (0, Damage::HeaderCut),
            false => (self.offset(), Damage::Cut),
        };
        self.end().copied().ok_or(Flaw { offset, reason })
    }

    /// The stream is of no use, though its bytes are what was written.
    pub(super) fn refuse(&mut self, flaw: Flaw) -> Flaw {
        self.flaw.insert(flaw).clone()
    }

    fn header(&self) -> Option<&Header> {
        match &self.state {
            State::Header => None,
            State::Chunks(chunks) => Some(&chunks.header),
            State::Ended(header, _) => Some(header),
        }
    }

    /// Reads the header or a chunk, if all of it is there; its length, 0 if it is not.
    fn read(&mut self, bytes: &[u8], visit: &mut Visit<'_>) -> Result<usize, Damage> {
        match &mut self.state {
            State::Header => {
                if bytes.len() < header::FIXED {
                    return Ok(0);
                }
                let length = Header::length(bytes)?;
                if bytes.len() < length {
                    return Ok(0);
                }
                let (header, chain) = Header::decode(&bytes[..length])?;
                self.state = State::Chunks(Box::new(Chunks {
                    header,
                    chain,
                    plain: Vec::new(),
                    counts: End::default(),
                }));
                Ok(length)
            }
            State::Chunks(chunks) => {
                let (length, end) = chunks.read(self.offset, bytes, visit)?;
                if let Some(end) = end {
                    self.state = State::Ended(Box::new(chunks.header.clone()), end);
                }
                Ok(length)
            }
            State::Ended(..) if bytes.is_empty() => Ok(0),
            State::Ended(..) => Err(Damage::Longer),
        }
    }
}

impl Chunks {
    /// Reads a chunk, if all of it is there; its length, 0 if it is not, and what it says if it is the end.
    fn read(
        &mut self,
        offset: u64,
        bytes: &[u8],
        visit: &mut Visit<'_>,
    ) -> Result<(usize, Option<End>), Damage> {
        if bytes.len() < chunk::HEADER {
            return Ok((0, None));
        }
        let place = Place {
            cluster_id: self.header.cluster_id,
            mark: self.header.mark.position,
            offset,
        };
        let header = chunk::Header::decode(place, bytes)?;
        if header.previous != self.chain {
            return Err(Damage::ChunkChain);
        }
        if bytes.len() < header.extent() {
            return Ok((0, None));
        }
        let (body, sum) = header.body(place, bytes)?;
        self.chain = sum;
        if header.kind == Kind::Done {
            let end = End::decode(&body).ok_or(Damage::ChunkKind)?;
            self.counts.fingerprint = end.fingerprint;
            if !self.plain.is_empty() || end != self.counts {
                return Err(Damage::Counts);
            }
            return Ok((header.extent(), Some(end)));
        }
        self.counts.chunks += 1;
        self.counts.bytes += body.len() as u64;
        self.take_rows(&body, visit)?;
        Ok((header.extent(), None))
    }

    fn take_rows(&mut self, body: &[u8], visit: &mut Visit<'_>) -> Result<(), Damage> {
        self.plain.extend_from_slice(body);
        let mut read = 0;
        while let Some((start, rest)) = self.plain[read..].split_at_checked(ROW_LENGTH) {
            let length = Fields::of(start).u32();
            if length == 0 || length > ROW_MAX {
                return Err(Damage::Row);
            }
            let Some(row) = rest.get(..length as usize) else {
                break;
            };
            let Ok((row, [])) = postcard::take_from_bytes(row) else {
                return Err(Damage::Row);
            };
            visit(row)?;
            self.counts.rows += 1;
            read += ROW_LENGTH + length as usize;
        }
        self.plain.drain(..read);
        Ok(())
    }
}
