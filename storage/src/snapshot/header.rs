//! What stands before the first chunk: whose state it is, and of when.

use raft_core::{Index, Position, SnapshotMark, Term};

use super::damage::Damage;
use crate::FORMAT_VERSION;
use crate::fields::{Fields, PutFields};

/// Where the cluster's id stands.
pub(super) const CLUSTER_ID: u64 = 16;
/// Where the mark's index stands.
pub(super) const INDEX: u64 = 32;
/// Bytes before the membership.
pub(super) const FIXED: usize = 40;
/// Bytes after it.
const SUM: usize = 4;
/// The longest membership, encoded.
const MEMBERSHIP_MAX: usize = 1 << 24;

const MAGIC: [u8; 8] = *b"BALSA-SN";

/// Whose state, and of when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) cluster_id: u64,
    pub(super) mark: SnapshotMark,
}

impl Header {
    /// The bytes, and their checksum, which the first chunk names as the one before it.
    pub(super) fn encode(&self) -> (Vec<u8>, u32) {
        let membership = postcard::to_stdvec(&self.mark.membership).expect("memory takes any membership");
        let length = u32::try_from(membership.len()).ok();
        let length = length.filter(|length| *length as usize <= MEMBERSHIP_MAX);
        let length = length.expect("a membership is far below the limit");
        let mut bytes = Vec::with_capacity(FIXED + membership.len() + SUM);
        bytes.extend_from_slice(&MAGIC);
        bytes.put_u32(FORMAT_VERSION);
        bytes.put_u32(length);
        bytes.put_u64(self.cluster_id);
        bytes.put_u64(self.mark.position.term.0);
        bytes.put_u64(self.mark.position.index.0);
        bytes.extend_from_slice(&membership);
        let sum = crc32c::crc32c(&bytes);
        bytes.put_u32(sum);
        (bytes, sum)
    }

    /// How long the header is that begins with these `FIXED` bytes.
    pub(super) fn length(start: &[u8]) -> Result<usize, Damage> {
        let mut fields = Fields::of(&start[..FIXED]);
        if fields.take() != MAGIC {
            return Err(Damage::NoSnapshot);
        }
        let (version, length) = (fields.u32(), fields.u32() as usize);
        if version > FORMAT_VERSION {
            return Err(Damage::Newer { found: version });
        }
        if version != FORMAT_VERSION || length > MEMBERSHIP_MAX {
            return Err(Damage::Header);
        }
        Ok(FIXED + length + SUM)
    }

    /// Reads all of a header; also its checksum.
    pub(super) fn decode(bytes: &[u8]) -> Result<(Header, u32), Damage> {
        let (covered, sum) = bytes.split_at(bytes.len() - SUM);
        let sum = Fields::of(sum).u32();
        if crc32c::crc32c(covered) != sum {
            return Err(Damage::Header);
        }
        let mut fields = Fields::of(&covered[16..FIXED]);
        let cluster_id = fields.u64();
        let position = Position {
            term: Term(fields.u64()),
            index: Index(fields.u64()),
        };
        let Ok((membership, [])) = postcard::take_from_bytes(&covered[FIXED..]) else {
            return Err(Damage::Mark);
        };
        let mark = SnapshotMark { position, membership };
        Ok((Header { cluster_id, mark }, sum))
    }
}
