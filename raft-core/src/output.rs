//! What comes out: things for the host to do, and refusals of what it asked.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::alarm::Alarm;
use crate::message::Envelope;
use crate::types::{Entry, Index, Membership, NodeId, ReadId, Save};
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
    /// The membership in force changed; be connected to these.
    Peers(Membership),
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
    /// There was an alarm.
    #[error("takes part no more")]
    Stopped,
}
