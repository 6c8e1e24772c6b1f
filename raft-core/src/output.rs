//! What comes out: things for the host to do, and refusals of what it asked.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::alarm::Alarm;
use crate::membership::Membership;
use crate::message::Envelope;
use crate::types::{Entry, Index, NodeId, Position, ReadId, Save, SnapshotMark, Stamp};
use crate::why::Why;

/// What the host is to do, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Write this, sync it, and then call [`Raft::saved`](crate::Raft::saved). At most one is in flight.
    Save(Save),
    /// Send this; it may be lost, delayed, duplicated or reordered, not changed.
    Send(Envelope),
    /// The entry is committed: apply it. Each once, in order.
    Apply(Entry),
    /// A state that has applied up to `index` may answer the reads `id`.
    ReadReady {
        /// Whose reads.
        id: ReadId,
        /// From which state on.
        index: Index,
    },
    /// The reads `id` are given up, because who leads has changed: ask anew.
    ReadDropped {
        /// Whose reads.
        id: ReadId,
    },
    /// The membership in force changed; be connected to these.
    Peers(Box<Membership>),
    /// A follower needs the state itself: take a view of what is applied, and call
    /// [`Raft::offer_snapshot`](crate::Raft::offer_snapshot). Said again every two heartbeats until then.
    NeedSnapshot {
        /// Which follower.
        peer: NodeId,
    },
    /// Call [`Raft::supply_chunk`](crate::Raft::supply_chunk) with the bytes of the offered snapshot from `offset` on.
    NeedChunk {
        /// For which follower.
        peer: NodeId,
        /// The snapshot offered for it.
        mark: Position,
        /// Bytes before the chunk.
        offset: u64,
        /// How many bytes at most.
        bytes_max: usize,
    },
    /// A piece of a snapshot that the leader sends: put it after the ones before; at offset 0 begin anew. After the last
    /// one verify the whole, make it durable and call [`Raft::snapshot_saved`](crate::Raft::snapshot_saved), or else
    /// [`Raft::snapshot_unusable`](crate::Raft::snapshot_unusable).
    ReceivedChunk {
        /// What the whole snapshot covers.
        mark: Box<SnapshotMark>,
        /// Bytes before the piece.
        offset: u64,
        /// The piece.
        data: Bytes,
        /// Whether it is the last.
        last: bool,
    },
    /// The state machine is to become what the saved snapshot with this mark says; `Apply` goes on after it.
    Restore(Box<SnapshotMark>),
    /// This member was removed for good and takes part no more.
    Removed,
    /// Why something was decided.
    Why(Why),
    /// The protocol is broken; this node takes part no more.
    Alarm(Alarm),
}

/// Why a proposal or a read is not taken. Nothing changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Error)]
pub enum Refusal {
    /// Another is to be asked, if known.
    #[error("not the leader")]
    NotLeader {
        /// Who.
        leader: Option<NodeId>,
    },
    /// Too much is uncommitted, or too many reads wait already; ask again later.
    #[error("too much waits already")]
    Busy,
    /// More than one entry takes.
    #[error("larger than an entry may be")]
    TooLarge,
    /// The lead is on its way to another.
    #[error("leadership is being transferred")]
    Transferring,
    /// No other voter was heard lately.
    #[error("no other voter could take the lead")]
    NoSuccessor,
    /// The change of membership is not possible, or not now.
    #[error(transparent)]
    Change(#[from] ChangeRefusal),
    /// There was an alarm, or this member was removed.
    #[error("takes part no more")]
    Stopped,
}

/// What a host did wrong: a mistake of its program. Nothing changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Misuse {
    /// `saved` of what was not being saved.
    #[error("saved #{stamp} while {in_flight:?} is in flight")]
    NotInFlight {
        /// What was said to be saved.
        stamp: Stamp,
        /// The Save that is.
        in_flight: Option<Stamp>,
    },
    /// Only the last chunk of a snapshot may be empty.
    #[error("an empty chunk at {offset} that is not the last")]
    EmptyChunk {
        /// Where.
        offset: u64,
    },
    /// The checksum of no bytes is 0.
    #[error("a first chunk that follows bytes of checksum {checksum_before:08x}")]
    ChecksumOfNothing {
        /// What it says.
        checksum_before: u32,
    },
}

/// Why a change of membership is not made. Nothing changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Error)]
pub enum ChangeRefusal {
    /// The last change is not committed yet, or not left yet if it is joint (thesis 4.1, 4.3).
    #[error("another change of membership is under way")]
    Pending,
    /// No entry of this leader's own term is committed yet (the bug of 2015 in single-server changes).
    #[error("no entry of this term is committed yet")]
    OwnTerm,
    /// A new voter is no learner that caught up (thesis 4.2.1).
    #[error("{0} is not a learner that caught up")]
    LearnerBehind(NodeId),
    /// The id belonged to a member that was removed, or belongs to one.
    #[error("the id {0} was used before")]
    IdUsed(NodeId),
    /// No such member.
    #[error("{0} is not a member")]
    NotAMember(NodeId),
    /// Nobody would vote.
    #[error("no voter would be left")]
    NoVoters,
    /// Of the new voters no quorum was heard lately.
    #[error("no quorum of the new voters is reachable")]
    NoQuorum,
    /// The same member is named twice, or a setting is out of its range.
    #[error("the change contradicts itself")]
    Contradiction,
    /// All is so already.
    #[error("nothing would change")]
    Nothing,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Outputs are moved several times on their way, so what is large and rare is boxed.
    #[test]
    fn an_output_is_small() {
        assert!(size_of::<Output>() <= 96, "{} bytes", size_of::<Output>());
    }
}
