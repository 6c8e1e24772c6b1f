//! Lies that are brought so near to what the receiver knows that they are not refused at first sight.

use crate::*;

/// The message as if its sender knew the receiver's term and log, or nearly so.
pub(super) fn near(raft: &Raft, mut envelope: Envelope) -> Envelope {
    let term = envelope.term.0;
    envelope.term = Term(raft.term().0.saturating_add(u64::from(term % 3 == 1)));
    if let Some(leader) = raft.leader().filter(|_| term.is_multiple_of(2)) {
        // In the name of whom it listens to.
        envelope.from = leader;
    }
    let truth = Truth { raft };
    let term = envelope.term;
    match &mut envelope.message {
        Message::AppendEntries {
            prev,
            entries,
            commit,
        } => {
            truth.place(prev);
            follow(*prev, entries, term);
            truth.index(commit);
        }
        Message::Entries { after, prev, entries } => {
            truth.place(after);
            truth.place(prev);
            follow(*prev, entries, term);
        }
        Message::RequestVote { last, .. } | Message::RequestPreVote { last } => truth.beyond(last, term),
        Message::RequestVoteReply(VoteAnswer::Behind { last })
        | Message::RequestPreVoteReply(VoteAnswer::Behind { last }) => truth.beyond(last, term),
        Message::RequestEntries { after } => truth.place(after),
        Message::AppendEntriesReply(AppendOutcome::Matched(index)) => truth.index(index),
        Message::AppendEntriesReply(AppendOutcome::Rejected { prev, hint }) => {
            truth.place(prev);
            truth.place(hint);
        }
        Message::InstallSnapshot { mark, .. } => truth.beyond(&mut mark.position, term),
        Message::InstallSnapshotReply { mark, .. } => truth.place(mark),
        Message::Heartbeat { commit, .. } => truth.index(commit),
        Message::ReadIndexReply { boot, index, .. } => {
            boot.0 %= 3;
            truth.index(index);
        }
        _ => {}
    }
    envelope
}

/// The receiver's log.
struct Truth<'a> {
    raft: &'a Raft,
}

impl Truth<'_> {
    /// One of its last places, as it is.
    fn place(&self, position: &mut Position) {
        let back = position.index.0 % 4;
        let index = Index(self.raft.last().index.0.saturating_sub(back));
        let known = self.raft.mark_at(index).map(|mark| mark.position);
        *position = known.unwrap_or(self.raft.last());
    }

    /// The next place or the one after, or one of the last; in a term that can be.
    fn beyond(&self, position: &mut Position, term: Term) {
        let last = self.raft.last();
        let ahead = position.index.0 % 4;
        if ahead == 3 {
            return self.place(position);
        }
        *position = Position {
            term: Term(last.term.0.saturating_add(position.term.0 % 2)).min(term),
            index: Index(last.index.0.saturating_add(ahead)),
        };
    }

    /// At most one beyond the last, now and then.
    fn index(&self, index: &mut Index) {
        index.0 %= self.raft.last().index.0.saturating_add(2);
    }
}

/// The entries without a gap after `prev`, in terms that do not fall.
fn follow(prev: Position, entries: &mut [Entry], term: Term) {
    let mut before = prev;
    for Entry { position, .. } in entries {
        let later = Term(before.term.0.saturating_add(position.term.0 % 2));
        *position = Position {
            term: later.min(term).max(before.term),
            index: Index(before.index.0.saturating_add(1)),
        };
        before = *position;
    }
}
