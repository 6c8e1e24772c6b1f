//! A segment's header and name.

use raft_core::{Ballot, Index, NodeId, Position, Term};

use super::scan::Damage;
use super::standing::Standing;
use crate::FORMAT_VERSION;
use crate::data_dir::Identity;
use crate::fields::{Fields, PutFields};

/// The header's share of the file: records begin after it. A page, so that no record shares a sector with the header,
/// whatever the disk's sectors are.
pub(super) const BLOCK: usize = 4096;
/// Bytes of the header that say something; the rest of the block is zero.
const LENGTH: usize = 104;

/// Flag: the ballot names a candidate.
const VOTED: u32 = 1;

const MAGIC: [u8; 8] = *b"BALSA-JL";
const PREFIX: &str = "journal-";

/// A file that is being made into a segment. Never part of the journal.
pub(super) const SPARE: &str = "spare";

/// What a segment says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// Whose it is.
    pub(super) identity: Identity,
    /// Its place in the journal, from 1, without a gap.
    pub(super) sequence: u64,
    /// The file's length in bytes.
    pub(super) bytes: u64,
    /// What all segments before it amount to.
    pub(super) standing: Standing,
    /// The checksum of the record that closes the segment before; 0 in the first segment.
    pub(super) chain: u32,
}

impl Header {
    /// The header's bytes and its checksum, which the segment's first record names as the one before it.
    pub(super) fn encode(&self) -> (Vec<u8>, u32) {
        let mut bytes = Vec::with_capacity(LENGTH);
        bytes.extend_from_slice(&MAGIC);
        bytes.put_u32(FORMAT_VERSION);
        bytes.put_u32(self.chain);
        bytes.put_u64(self.identity.cluster_id);
        bytes.put_u64(self.identity.member_id.0);
        bytes.put_u64(self.identity.data_id);
        bytes.put_u64(self.sequence);
        bytes.put_u64(self.bytes);
        let Standing { last, ballot, commit } = self.standing;
        bytes.put_u64(last.term.0);
        bytes.put_u64(last.index.0);
        bytes.put_u64(ballot.term.0);
        bytes.put_u64(ballot.voted_for.map_or(0, |id| id.0));
        bytes.put_u64(commit.0);
        bytes.put_u32(if ballot.voted_for.is_some() { VOTED } else { 0 });
        let sum = crc32c::crc32c(&bytes);
        bytes.put_u32(sum);
        (bytes, sum)
    }

    /// Reads the header of a whole segment; also its checksum.
    pub(super) fn decode(segment: &[u8]) -> Result<(Header, u32), Damage> {
        if segment.len() < BLOCK {
            return Err(Damage::NoHeader);
        }
        let mut fields = Fields::of(&segment[..LENGTH]);
        if fields.take() != MAGIC {
            return Err(Damage::NoHeader);
        }
        let version = fields.u32();
        if version > FORMAT_VERSION {
            return Err(Damage::Newer { found: version });
        }
        let chain = fields.u32();
        let identity = Identity {
            cluster_id: fields.u64(),
            member_id: NodeId(fields.u64()),
            data_id: fields.u64(),
        };
        let (sequence, bytes) = (fields.u64(), fields.u64());
        let last = Position {
            term: Term(fields.u64()),
            index: Index(fields.u64()),
        };
        let (term, voted_for) = (Term(fields.u64()), NodeId(fields.u64()));
        let commit = Index(fields.u64());
        let (flags, sum) = (fields.u32(), fields.u32());
        let voted = flags == VOTED;
        if crc32c::crc32c(&segment[..LENGTH - 4]) != sum
            || version != FORMAT_VERSION
            || flags & !VOTED != 0
            || (!voted && voted_for != NodeId(0))
            || segment[LENGTH..BLOCK].iter().any(|&byte| byte != 0)
        {
            return Err(Damage::Header);
        }
        Ok((
            Header {
                identity,
                sequence,
                bytes,
                standing: Standing {
                    last,
                    ballot: Ballot {
                        term,
                        voted_for: voted.then_some(voted_for),
                    },
                    commit,
                },
                chain,
            },
            sum,
        ))
    }
}

/// The name of a segment.
pub(super) fn name(sequence: u64) -> String {
    format!("{PREFIX}{sequence:016x}")
}

/// The sequence number in a segment's name; None if it is not one.
pub(super) fn sequence(file_name: &str) -> Option<u64> {
    let sequence = u64::from_str_radix(file_name.strip_prefix(PREFIX)?, 16).ok()?;
    // Only the one spelling: `+1` and `1` are numbers too.
    (name(sequence) == file_name).then_some(sequence)
}

/// Whether a file is the journal's, by its name.
pub(crate) fn is_file(file_name: &str) -> bool {
    is_segment(file_name) || file_name == SPARE
}

/// Whether a file is a segment, by its name.
pub(crate) fn is_segment(file_name: &str) -> bool {
    sequence(file_name).is_some()
}

#[cfg(test)]
mod tests;
