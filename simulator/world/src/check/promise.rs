//! What a message promises to be on its sender's disk (Figure 2: "updated on stable storage before responding to RPCs").

use raft_core::{
    AppendOutcome, Ballot, Envelope, Index, InstallOutcome, Message, NodeId, Position, VoteAnswer,
};

/// A promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Promise {
    /// None.
    Nothing,
    /// The sender never goes back behind the message's term.
    Term,
    /// Nor gives another this term's vote.
    Vote(NodeId),
    /// Nor loses the entries up to here, be it in its log or in a snapshot.
    Entries(Index),
    /// Nor the snapshot of the state there.
    Snapshot(Position),
}

impl Promise {
    /// What this message promises.
    #[must_use]
    pub fn of(envelope: &Envelope) -> Promise {
        match &envelope.message {
            Message::RequestPreVote { .. }
            | Message::ReadIndex { .. }
            | Message::ReadIndexReply { .. }
            | Message::Removed => Promise::Nothing,
            Message::RequestVote { .. } => Promise::Vote(envelope.from),
            Message::RequestVoteReply(VoteAnswer::Granted) => Promise::Vote(envelope.to),
            Message::AppendEntriesReply(AppendOutcome::Matched(index)) => Promise::Entries(*index),
            Message::InstallSnapshotReply {
                mark,
                outcome: InstallOutcome::Installed,
            } => Promise::Snapshot(*mark),
            _ => Promise::Term,
        }
    }

    /// Whether a disk with this ballot and entries up to `last` keeps it.
    #[must_use]
    pub fn is_kept(self, term: raft_core::Term, ballot: Ballot, last: Index) -> bool {
        let kept = match self {
            Promise::Nothing => return true,
            Promise::Term => true,
            Promise::Vote(candidate) => {
                ballot
                    == Ballot {
                        term,
                        voted_for: Some(candidate),
                    }
            }
            Promise::Entries(index) => last >= index,
            Promise::Snapshot(mark) => last >= mark.index,
        };
        kept && ballot.term >= term
    }
}
