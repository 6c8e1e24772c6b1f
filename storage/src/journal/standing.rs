//! What the Saves so far amount to, but for the entries: what a segment's header says of all that came before it, so that
//! what came before can go.

use raft_core::{Ballot, Index, LogChange, Position, Save};

/// Raft's persistent state without the log's entries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Standing {
    /// The log's last entry, or the mark of the snapshot that it begins after.
    pub(super) last: Position,
    /// The last ballot named.
    pub(super) ballot: Ballot,
    /// The highest commit index named; may be beyond `last` only in a journal that no writer made.
    pub(super) commit: Index,
}

impl Standing {
    /// Follows a Save. It comes from raft-core, or was judged before, so a gap is a bug of ours.
    pub(super) fn apply(&mut self, save: &Save) {
        self.ballot = save.ballot.unwrap_or(self.ballot);
        self.commit = self.commit.max(save.commit);
        match &save.log {
            LogChange::Keep => {}
            LogChange::Append(entries) => {
                if let (Some(first), Some(last)) = (entries.first(), entries.last()) {
                    assert!(
                        first.position.index.previous() <= self.last.index,
                        "entries from {} on do not follow {}",
                        first.position.index,
                        self.last
                    );
                    self.last = last.position;
                }
            }
            LogChange::Reset(mark) => self.last = mark.position,
        }
    }
}

/// The highest index that a Save says something about: its segment may go once a snapshot covers it.
pub(super) fn top(save: &Save) -> Index {
    match &save.log {
        LogChange::Keep => Index(0),
        LogChange::Append(entries) => entries.last().map_or(Index(0), |entry| entry.position.index),
        LogChange::Reset(mark) => mark.position.index,
    }
}
