//! What stands in the log: who asked for which command, and when the leader took it.

use bytes::{BufMut, Bytes, BytesMut};
use raft_core::{Boot, NodeId};
use serde::{Deserialize, Serialize};
use storage::store::command::{ClusterTime, Command};

/// Who asked for a command: the member and its life, and its ticket there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Origin {
    /// The member.
    pub node: NodeId,
    /// Its life.
    pub boot: Boot,
    /// Counts up within that life.
    pub ticket: u64,
}

/// What a member asks the leader to put into the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposal {
    /// Who asked.
    pub origin: Origin,
    /// For what.
    pub command: Command,
}

/// The bytes that a stamp adds to a proposal.
pub(crate) const STAMP_BYTES: usize = size_of::<u64>();

impl Proposal {
    /// The form in which it is forwarded: postcard.
    pub(crate) fn encode(&self) -> Bytes {
        postcard::to_stdvec(self)
            .expect("a proposal always has a postcard form")
            .into()
    }

    /// What a command entry of the log holds, read.
    ///
    /// # Errors
    /// If the bytes are not a stamped proposal.
    pub fn decode(bytes: &[u8]) -> Result<(ClusterTime, Proposal), postcard::Error> {
        let (time, proposal) = bytes
            .split_first_chunk()
            .ok_or(postcard::Error::DeserializeUnexpectedEnd)?;
        Ok((
            ClusterTime(u64::from_le_bytes(*time)),
            postcard::from_bytes(proposal)?,
        ))
    }
}

/// What a command entry of the log holds: the time by the wall clock of the leader that took it, 8 bytes little-endian,
/// and the proposal as it was forwarded. Only the leader stamps, so one clock counts for all of a term.
pub(crate) fn stamped(time: ClusterTime, encoded: &[u8]) -> Bytes {
    let mut entry = BytesMut::with_capacity(STAMP_BYTES + encoded.len());
    entry.put_u64_le(time.0);
    entry.put_slice(encoded);
    entry.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_the_time_and_the_proposal_as_forwarded() {
        let proposal = Proposal {
            origin: Origin {
                node: NodeId(1),
                boot: Boot(2),
                ticket: 3,
            },
            command: Command::Publish {
                member: NodeId(1),
                attributes: Default::default(),
                data_id: 7,
            },
        };
        let entry = stamped(ClusterTime(0x0102), &proposal.encode());
        assert_eq!(entry[..8], [2, 1, 0, 0, 0, 0, 0, 0]);
        assert_eq!(Proposal::decode(&entry), Ok((ClusterTime(0x0102), proposal)));
        assert!(Proposal::decode(&entry[..7]).is_err());
    }
}
