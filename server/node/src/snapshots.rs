//! A member's own snapshots, which let its journal begin later, and which of those on its disk are kept.
//!
//! One is due when the entries applied since the last one have more bytes than the state had then, so that of a large
//! state no more is written than of the journal. (Not than it has now: a state that keeps all versions takes more memory
//! than the entries that made it, however many.) It is taken of what is applied, in no time, and saved once the log on
//! disk reaches it: a journal that ends before its snapshot is taken for one whose snapshot came from a leader.
//!
//! If the disk is short of space, one is due as soon as it makes room: when the older of the two kept, and the journal that
//! goes with it and with the next, are larger than it would be itself. So what was deleted and compacted away in memory goes
//! from the disk, too.
//!
//! The last two are kept, and the journal from the older on: if the newer one rots, the older one and the journal still
//! make the state.

use raft_core::{Body, Entry, Index, Mutant, Position, SnapshotMark, Time};
use storage::store::Store;

use crate::config::SnapshotPolicy;
use crate::node::Node;
use crate::request::{Output, Retired, View};

/// After one could not be saved, how long until the next try.
const RETRY_AFTER: std::time::Duration = std::time::Duration::from_secs(10);
/// What an entry counts beside its command: about what the journal writes with it.
const ENTRY_BYTES: u64 = 64;
/// The least that a snapshot makes room for, if it is made for that: the journal goes by whole segments.
const ROOM_BYTES_MIN: u64 = 1 << 20;

/// What is known of the member's own snapshots.
#[derive(Clone, Debug, Default)]
pub(crate) struct Snapshots {
    /// The newest on disk; 0 if there is none.
    newest: Index,
    /// The one before it, if it is known to be there.
    older: Option<Index>,
    /// Applied since the last one was taken.
    entries: u64,
    bytes: u64,
    /// The size of the state then.
    size: u64,
    /// What goes from the disk when another one is saved: the size of the state in the older of two, and the bytes of the
    /// entries between them.
    going: u64,
    /// One that was taken, and waits until the log is durable up to its mark.
    taken: Option<(SnapshotMark, Store)>,
    /// One that the host saves.
    saving: Option<Position>,
    retry_at: Time,
}

impl Snapshots {
    /// Of a member that boots from a snapshot, or from none, at `mark`.
    pub(crate) fn at(mark: Index, store: &Store) -> Snapshots {
        Snapshots {
            newest: mark,
            size: store.size(),
            ..Snapshots::default()
        }
    }

    /// An entry is about to be applied.
    pub(crate) fn count(&mut self, entry: &Entry) {
        let bytes = match &entry.body {
            Body::Command(bytes) => bytes.len() as u64,
            Body::Blank | Body::Change(_) => 0,
        };
        self.entries = self.entries.saturating_add(1);
        self.bytes = self.bytes.saturating_add(bytes + ENTRY_BYTES);
    }

    /// What is applied from here on counts for the next one.
    fn begin_after(&mut self, state: &Store) {
        self.going = self.size.saturating_add(self.bytes);
        (self.entries, self.bytes, self.size) = (0, 0, state.size());
    }

    /// Whether one makes room. Its entries go when the one after it is saved.
    fn makes_room(&self, size: u64) -> bool {
        let cost = size.saturating_mul(2).saturating_add(ROOM_BYTES_MIN);
        self.entries > 0 && self.going.saturating_add(self.bytes) > cost
    }

    fn is_due(&self, policy: SnapshotPolicy) -> bool {
        self.entries >= policy.entries_max || self.bytes > policy.bytes_min.max(self.size)
    }

    /// A snapshot is on disk. Returns the older of the two kept, if that is another one now.
    fn keep(&mut self, index: Index) -> Option<Index> {
        let older = if index > self.newest {
            let former = std::mem::replace(&mut self.newest, index);
            (former > Index(0)).then_some(former)
        } else {
            (index < self.newest).then_some(index)
        };
        let older = older.filter(|&older| self.older.is_none_or(|known| known < older))?;
        self.older = Some(older);
        Some(older)
    }
}

impl Node {
    /// Takes a snapshot if one is due, and has it saved as soon as it may be.
    pub(crate) fn save_if_due(&mut self) {
        if self.stopped || self.snapshots.saving.is_some() {
            return;
        }
        let taken = self.snapshots.taken.take();
        let Some((mark, view)) = taken.or_else(|| self.take_if_due()) else {
            return;
        };
        if mark.position.index > self.raft.durable_index() {
            self.snapshots.taken = Some((mark, view));
            return;
        }
        self.snapshots.saving = Some(mark.position);
        if Mutant::JournalDroppedEarly.is(self.config.raft.mutant) {
            self.outbox.push_back(Output::DropLogBefore(mark.position.index));
        }
        self.outbox.push_back(Output::SaveSnapshot {
            mark: Box::new(mark),
            view: View::of(view),
        });
    }

    fn take_if_due(&mut self) -> Option<(SnapshotMark, Store)> {
        let size = self.store().size();
        let is_due = self.snapshots.is_due(self.config.snapshots)
            || (self.disk_is_short() && self.snapshots.makes_room(size));
        if !is_due || self.is_fenced() || self.now.monotonic < self.snapshots.retry_at {
            return None;
        }
        // Not while a long command leaves what is applied behind what is in memory; nor before it is known who takes part.
        let mark = self.raft.mark_at(self.applied.index)?;
        if mark.membership.voters.is_empty() {
            return None;
        }
        let view = self.store().clone();
        self.snapshots.begin_after(&view);
        Some((mark, view))
    }

    /// A snapshot is on disk: one of its own, or the one that the leader sent.
    pub(crate) fn on_snapshot_saved(&mut self, mark: Position) {
        self.snapshots.saving.take_if(|saving| *saving == mark);
        if let Some(older) = self.snapshots.keep(mark.index) {
            self.outbox.push_back(Output::DropLogBefore(older));
        }
        let before = (self.raft.last_applied(), self.raft.wants_snapshot());
        self.raft.snapshot_saved(mark);
        let is_installed = before != (self.raft.last_applied(), self.raft.wants_snapshot());
        if !is_installed && let Some(store) = self.receiving.forget_whole(mark) {
            self.outbox.push_back(Output::Retired(Retired::of(store)));
        }
    }

    /// A snapshot could not be written and is given up. Nothing depended on it.
    pub(crate) fn on_snapshot_given_up(&mut self, mark: Position) {
        if self.snapshots.saving.take_if(|saving| *saving == mark).is_some() {
            self.snapshots.bytes = u64::MAX;
            self.snapshots.retry_at = self.now.monotonic.after(RETRY_AFTER);
        } else {
            self.forget_incoming();
            self.raft.snapshot_unusable(mark);
        }
    }

    /// The snapshot that the leader sent is on disk and takes the place of the state.
    pub(crate) fn restore(&mut self, mark: &SnapshotMark) {
        let store = self.receiving.forget_whole(mark.position);
        let store = store.expect("what is installed was verified and saved");
        let former = std::mem::replace(&mut self.store, store);
        self.snapshots.begin_after(&self.store);
        let taken = self.snapshots.taken.take().map(|(_, view)| view);
        let views = [Some(former), self.unapplied.jump(), taken];
        for view in views.into_iter().flatten() {
            self.outbox.push_back(Output::Retired(Retired::of(view)));
        }
        self.applied = mark.position;
        self.state_replaced();
        self.give_up_jumped();
        self.answer_confirmed();
        self.propose_unsent();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_journal_goes_back_to_the_older_of_two() {
        let mut snapshots = Snapshots::at(Index(0), &Store::born(1));
        assert_eq!(snapshots.keep(Index(10)), None, "the only one");
        assert_eq!(snapshots.keep(Index(20)), Some(Index(10)));
        assert_eq!(snapshots.keep(Index(40)), Some(Index(20)), "the leader's");
        assert_eq!(
            snapshots.keep(Index(30)),
            Some(Index(30)),
            "its own, which was under way"
        );
        assert_eq!(snapshots.keep(Index(25)), None);
        let mut booted = Snapshots::at(Index(40), &Store::born(1));
        assert_eq!(booted.keep(Index(50)), Some(Index(40)));
    }
}
