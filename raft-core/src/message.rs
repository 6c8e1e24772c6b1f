//! What members say to each other: one variant per RPC of the paper, and Heartbeat apart from AppendEntries.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::types::{Body, Boot, Entry, Index, NodeId, Position, ReadId, Round, SnapshotMark, Term, Version};

/// A message with its addresses and the sender's term.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    /// Who says it.
    pub from: NodeId,
    /// To whom.
    pub to: NodeId,
    /// The sender's term when it was said (Raft 5.1).
    pub term: Term,
    /// What is said.
    pub message: Message,
}

/// The RPCs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Message {
    /// Who would vote for the sender in the next term (thesis 9.6)? The envelope's term is the sender's present one.
    RequestPreVote {
        /// The sender's last entry.
        last: Position,
    },
    /// The answer to RequestPreVote. Promises nothing.
    RequestPreVoteReply(VoteAnswer),
    /// A candidate asks for a vote (Figure 2, RequestVote RPC).
    RequestVote {
        /// The candidate's last entry.
        last: Position,
        /// The leader asked it to stand, so whoever hears that leader may vote all the same (thesis 3.10, 4.2.3).
        transfer: bool,
    },
    /// The answer to RequestVote.
    RequestVoteReply(VoteAnswer),
    /// A candidate whose log is behind the receiver's asks for what it lacks.
    RequestEntries {
        /// The candidate's last entry, or one before where the logs may agree.
        after: Position,
    },
    /// The answer to RequestEntries: a log only, without a claim to lead.
    Entries {
        /// What was asked for.
        after: Position,
        /// The entry before the first of `entries`; before what was asked for if the logs differ there.
        prev: Position,
        /// Entries without a gap; empty if the logs differ at what was asked for.
        entries: Vec<Entry>,
    },
    /// The leader replicates entries (Figure 2, AppendEntries RPC).
    AppendEntries {
        /// The entry before the first of `entries`.
        prev: Position,
        /// Entries without a gap; may be empty when the leader looks for where the logs agree.
        entries: Vec<Entry>,
        /// The leader's commit index.
        commit: Index,
    },
    /// The answer to AppendEntries. Promises durability.
    AppendEntriesReply(AppendOutcome),
    /// The leader is alive. Says nothing about the log, and its answer acknowledges nothing of the log.
    Heartbeat {
        /// The newest read round; its acknowledgement confirms this round and all before (thesis 6.4).
        round: Round,
        /// min(commit index, the receiver's match index), so that it never names an entry the receiver may lack.
        commit: Index,
    },
    /// The answer to Heartbeat. Waits only for the ballot.
    HeartbeatReply {
        /// The round acknowledged.
        round: Round,
        /// The newest state machine version the sender understands.
        understands: Version,
        /// Its state is not to be trusted: it wishes for the state as of this entry, or later. Says nothing about the
        /// log.
        wants_from: Option<Index>,
        /// It would stand for no election, whoever asks: its state is not to be trusted yet.
        stands_back: bool,
    },
    /// A piece of the state at `mark`, for a follower that the log no longer reaches (Figure 13, InstallSnapshot RPC).
    InstallSnapshot {
        /// What the whole snapshot covers.
        mark: Box<SnapshotMark>,
        /// Bytes of the snapshot before `data`.
        offset: u64,
        /// The piece; may be empty to ask how much is there already.
        data: Bytes,
        /// CRC32C of the snapshot up to and with `data`.
        checksum: u32,
        /// Nothing follows `data`.
        last: bool,
    },
    /// The answer to InstallSnapshot.
    InstallSnapshotReply {
        /// Of which snapshot.
        mark: Position,
        /// How far.
        outcome: InstallOutcome,
    },
    /// The leader wants the receiver to lead, and to stand for election at once (thesis 3.10).
    TimeoutNow,
    /// A follower asks the leader to confirm a batch of reads (thesis 6.4).
    ReadIndex {
        /// The follower's life.
        boot: Boot,
        /// The batch, unique within that life.
        id: ReadId,
    },
    /// The answer to ReadIndex: a state that has applied up to `index` may answer the batch.
    ReadIndexReply {
        /// The life of the follower that asked.
        boot: Boot,
        /// The batch.
        id: ReadId,
        /// From which state on.
        index: Index,
    },
    /// The receiver was removed from the cluster, and that is committed.
    Removed,
}

/// What becomes of a candidate's question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum VoteAnswer {
    /// The vote is, or would be, the candidate's.
    Granted,
    /// There is a leader, or another candidate got the vote, or the term is over.
    Refused,
    /// Only the candidate's log stands against it.
    Behind {
        /// The sender's last entry.
        last: Position,
    },
}

/// How far a snapshot got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum InstallOutcome {
    /// So much of it was received in this life; nothing of it need be durable.
    Receiving {
        /// Bytes from its beginning.
        offset: u64,
        /// Their CRC32C.
        checksum: u32,
    },
    /// The log covers all of it, durably.
    Installed,
}

/// What became of an AppendEntries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AppendOutcome {
    /// The logs agree up to here, and it is durable.
    Matched(Index),
    /// There is no entry at `prev`, or one of another term.
    Rejected {
        /// The `prev` that was refused, so that the leader can tell an old refusal from a new one.
        prev: Position,
        /// The receiver's last entry at or before `prev` whose term is at most prev's: the logs cannot agree after it.
        hint: Position,
    },
}

impl Message {
    /// Whether it goes ahead of entries on the way to a peer: votes and heartbeats do, so that a long append never
    /// costs an election.
    #[must_use]
    pub fn is_urgent(&self) -> bool {
        !matches!(
            self,
            Message::AppendEntries { .. }
                | Message::AppendEntriesReply(_)
                | Message::Entries { .. }
                | Message::InstallSnapshot { .. }
                | Message::InstallSnapshotReply { .. }
        )
    }

    /// Whether it answers what the sender was asked, and only members are asked that.
    pub(crate) fn is_reply(&self) -> bool {
        matches!(
            self,
            Message::RequestPreVoteReply(_)
                | Message::RequestVoteReply(_)
                | Message::Entries { .. }
                | Message::AppendEntriesReply(_)
                | Message::HeartbeatReply { .. }
                | Message::InstallSnapshotReply { .. }
                | Message::Removed
        )
    }

    /// Whether its sender wants to lead without the leader's wish (thesis 4.2.3).
    pub(crate) fn asks_unbidden_to_lead(&self) -> bool {
        matches!(
            self,
            Message::RequestPreVote { .. } | Message::RequestVote { transfer: false, .. }
        )
    }

    /// Whether only a member that follows the receiver says it. Who asks for votes may be heard and hear nothing: a
    /// leader that took it for a follower could go on for ever, leading nobody (OmniPaxos, on one-way links).
    pub(crate) fn follows(&self) -> bool {
        matches!(
            self,
            Message::AppendEntriesReply(_)
                | Message::HeartbeatReply { .. }
                | Message::InstallSnapshotReply { .. }
                | Message::ReadIndex { .. }
        )
    }

    /// Whether an honest sender in `term` could say it: what it knows of is of its own term or before, and entries
    /// follow each other without a gap, in terms that never fall.
    pub(crate) fn is_well_formed(&self, term: Term) -> bool {
        if term > Term::MAX {
            return false;
        }
        match self {
            Message::RequestVote { last, .. } | Message::RequestPreVote { last } => last.term <= term,
            Message::RequestEntries { after } => after.term <= term,
            Message::AppendEntries { prev, entries, .. } => follow_each_other(*prev, entries, term),
            Message::Entries { after, prev, entries } => {
                after.term <= term && follow_each_other(*prev, entries, term)
            }
            Message::RequestVoteReply(VoteAnswer::Behind { last })
            | Message::RequestPreVoteReply(VoteAnswer::Behind { last }) => last.term <= term,
            Message::InstallSnapshot {
                mark, offset, data, ..
            } => {
                mark.position.term <= term
                    && mark.position.index <= Index::MAX
                    && mark.membership.is_sound()
                    && offset.checked_add(data.len() as u64).is_some()
            }
            Message::InstallSnapshotReply { mark, .. } => mark.term <= term,
            _ => true,
        }
    }
}

/// Makes the names from the variants, so that neither list can lack one.
macro_rules! names {
    ($($rpc:ident)+) => {
        impl Message {
            /// The names of all RPCs, in the order above.
            pub const NAMES: &[&str] = &[$(stringify!($rpc)),+];

            /// The RPC's name in the paper.
            #[must_use]
            pub fn name(&self) -> &'static str {
                match self {
                    $(Message::$rpc { .. } => stringify!($rpc),)+
                }
            }
        }
    };
}

names! {
    RequestPreVote RequestPreVoteReply RequestVote RequestVoteReply RequestEntries Entries AppendEntries
    AppendEntriesReply Heartbeat HeartbeatReply InstallSnapshot InstallSnapshotReply TimeoutNow ReadIndex
    ReadIndexReply Removed
}

fn follow_each_other(prev: Position, entries: &[Entry], term: Term) -> bool {
    let mut before = prev;
    for entry in entries {
        let at = entry.position;
        if Some(at.index.0) != before.index.0.checked_add(1) || at.term < before.term {
            return false;
        }
        if matches!(&entry.body, Body::Change(membership) if !membership.is_sound()) {
            return false;
        }
        before = at;
    }
    before.term <= term
}
