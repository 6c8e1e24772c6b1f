//! What can be wrong with a stream.

use raft_core::Index;
use thiserror::Error;

use super::header;
use crate::FORMAT_VERSION;
use crate::store::rows::RowFault;

/// What is wrong with a snapshot's bytes, and where.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("damaged at offset {offset}: {reason}")]
pub struct Flaw {
    /// Bytes from the start of the stream.
    pub offset: u64,
    /// What is wrong there.
    pub reason: Damage,
}

impl Flaw {
    /// Of a stream that is sound and another cluster's.
    pub(super) fn other_cluster(found: u64, expected: u64) -> Flaw {
        Flaw {
            offset: header::CLUSTER_ID,
            reason: Damage::OtherCluster { found, expected },
        }
    }

    /// Of a stream that is sound and another index's.
    pub(super) fn other_mark(found: Index, expected: Index) -> Flaw {
        Flaw {
            offset: header::INDEX,
            reason: Damage::OtherMark {
                found: found.0,
                expected: expected.0,
            },
        }
    }
}

/// What is wrong with a snapshot's bytes.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Damage {
    /// Something else, or its beginning is gone.
    #[error("it does not begin as a snapshot")]
    NoSnapshot,
    /// A later release wrote it. Not damage as such.
    #[error("it has format version {found}, and this release reads up to {FORMAT_VERSION}: use a newer one")]
    Newer {
        /// The version found.
        found: u32,
    },
    /// The bytes before the first chunk.
    #[error("the header does not match its checksum")]
    Header,
    /// The stream stops before the header's end, as its length has it.
    #[error("the header is cut off, or its length is damaged")]
    HeaderCut,
    /// The header is what was written and says what cannot be.
    #[error("the header cannot be decoded")]
    Mark,
    /// The header names another cluster.
    #[error("it belongs to cluster {found:x}, not to {expected:x}")]
    OtherCluster {
        /// The cluster it names.
        found: u64,
        /// The cluster it should be of.
        expected: u64,
    },
    /// The mark is not that of the file's name, or not the one announced.
    #[error("it is the snapshot at index {found}, not at {expected}")]
    OtherMark {
        /// The index it names.
        found: u64,
        /// The index it should be of.
        expected: u64,
    },
    /// A chunk's header.
    #[error("the chunk's header does not match its checksum")]
    ChunkHeader,
    /// A chunk's body.
    #[error("the chunk does not match its checksum")]
    ChunkSum,
    /// The chunk is whole and was written behind another one.
    #[error("the chunk does not follow the one before it")]
    ChunkChain,
    /// A kind or a length that no release has written.
    #[error("the chunk is of a kind or length that is never written")]
    ChunkKind,
    /// The body is no LZ4 block of the length named.
    #[error("the chunk cannot be decompressed")]
    Lz4,
    /// A row that cannot be decoded.
    #[error("the chunk ends a row that cannot be decoded")]
    Row,
    /// A row that can, and is none of a state's; or the rows together are not the state that was written.
    #[error("{0}")]
    State(#[from] RowFault),
    /// The end does not say what was there.
    #[error("the end counts other rows, bytes or chunks than there are")]
    Counts,
    /// The stream stops before its end.
    #[error("it is cut off here")]
    Cut,
    /// The stream goes on after its end.
    #[error("something follows the end")]
    Longer,
}
