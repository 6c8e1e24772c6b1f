//! What nodes say to each other: Raft's messages, and what followers ask of the leader on behalf of their clients.

use bytes::Bytes;
use raft_core::{Boot, Envelope, Membership, NodeId, Term};
use serde::{Deserialize, Serialize};

use crate::divergence::StateHash;
use crate::leases::{LeaseAsk, LeaseSays};
use crate::repair::Plea;

/// All that one node says to another in one turn, on one lane: a client hits a follower two times in three, so
/// forwarding is the hot path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerMessage {
    /// Who says it.
    pub from: NodeId,
    /// The life in which it was said: an answer to a former life is never believed.
    pub from_boot: Boot,
    /// To whom.
    pub to: NodeId,
    /// In order.
    pub parts: Vec<Part>,
}

impl PeerMessage {
    /// Whether it asks for nothing but to be taken in.
    #[must_use]
    pub fn is_plea(&self) -> bool {
        self.parts.iter().all(|part| matches!(part, Part::Plea(_)))
    }
}

/// One thing said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Part {
    /// Raft's.
    Raft(Envelope),
    /// Proposals for the leader.
    Forward(Forward),
    /// The leader of `term` took all forwarded proposals numbered below `taken`.
    Forwarded {
        /// The term they were taken in.
        term: Term,
        /// Of which life of the receiver.
        boot: Boot,
        /// The next number it waits for.
        taken: u64,
    },
    /// The states that the sender held after some entries, for the leader to compare.
    States(Vec<StateHash>),
    /// A client asked about a lease, which only the leader knows.
    LeaseAsk {
        /// The sender's number of the question.
        number: u64,
        /// The question.
        ask: LeaseAsk,
    },
    /// The leader's answer.
    LeaseAnswer {
        /// Of which life of the receiver.
        boot: Boot,
        /// The receiver's number of the question.
        number: u64,
        /// The answer.
        says: LeaseSays,
    },
    /// A member whose directory was damaged asks to be taken in as a new one, or to vote.
    Plea(Plea),
    /// The receiver is a member, for good. The membership, for where the others are.
    TakenIn(Box<Membership>),
}

impl Part {
    /// Which lane it takes: what decides elections and confirms reads goes ahead of entries and proposals.
    pub(crate) fn lane(&self) -> Lane {
        match self {
            Part::Raft(envelope) if envelope.message.is_urgent() => Lane::Urgent,
            Part::Raft(_)
            | Part::Forward(_)
            | Part::States(_)
            | Part::LeaseAsk { .. }
            | Part::LeaseAnswer { .. } => Lane::Bulk,
            Part::Forwarded { .. } | Part::Plea(_) | Part::TakenIn(_) => Lane::Urgent,
        }
    }
}

/// Proposals in the order of one follower's numbering within one term and boot; resent until taken, taken once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forward {
    /// The term of the leader they are meant for; no other leader takes them.
    pub term: Term,
    /// The number of the first.
    pub first: u64,
    /// The proposals, encoded; the leader stamps them with its time.
    pub proposals: Vec<Bytes>,
}

/// Which of the two lanes of a peer link a message takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Lane {
    /// Votes, heartbeats, read rounds: short, and ahead of the rest.
    Urgent,
    /// Entries and proposals.
    Bulk,
}
