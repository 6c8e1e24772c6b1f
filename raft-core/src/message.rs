//! What members say to each other: one variant per RPC of the paper, and Heartbeat apart from AppendEntries.

use serde::{Deserialize, Serialize};

use crate::types::{Entry, Index, NodeId, Position, Round, Term};

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
    /// A candidate asks for a vote (Figure 2, RequestVote RPC).
    RequestVote {
        /// The candidate's last entry.
        last: Position,
    },
    /// The answer to RequestVote.
    RequestVoteReply {
        /// Whether the vote is the candidate's.
        granted: bool,
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
    },
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
            Message::AppendEntries { .. } | Message::AppendEntriesReply(_)
        )
    }

    /// Whether an honest sender in `term` could say it: what it knows of is of its own term or before, and entries
    /// follow each other without a gap, in terms that never fall.
    pub(crate) fn is_well_formed(&self, term: Term) -> bool {
        if term > Term::MAX {
            return false;
        }
        match self {
            Message::RequestVote { last } => last.term <= term,
            Message::AppendEntries { prev, entries, .. } => {
                let mut before = *prev;
                for entry in entries {
                    let at = entry.position;
                    if Some(at.index.0) != before.index.0.checked_add(1) || at.term < before.term {
                        return false;
                    }
                    before = at;
                }
                before.term <= term
            }
            _ => true,
        }
    }

    /// The RPC's name in the paper.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Message::RequestVote { .. } => "RequestVote",
            Message::RequestVoteReply { .. } => "RequestVoteReply",
            Message::AppendEntries { .. } => "AppendEntries",
            Message::AppendEntriesReply(_) => "AppendEntriesReply",
            Message::Heartbeat { .. } => "Heartbeat",
            Message::HeartbeatReply { .. } => "HeartbeatReply",
        }
    }
}
