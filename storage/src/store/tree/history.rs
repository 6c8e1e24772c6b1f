//! What happened in the tree last: the window that a watch from an earlier index is served from.

use imbl::Vector;
use serde::{Deserialize, Serialize};

use super::path;
use crate::store::command::{TreeAction, TreeEvent};
use crate::store::fingerprint::{Kind, Row, Totals};
use crate::store::query::TreeNode;
use crate::store::rows::RowFault;

/// As many indexes lie in the window. Those that were used up elsewhere count too, as in etcd.
pub(super) const INDEXES_MAX: u64 = 1000;
/// The memory that the window may take, in bytes: values that are long leave it sooner.
pub(super) const BYTES_MAX: u64 = 64 << 20;

/// The memory that an event takes beside its values, in bytes, with the room that the list leaves. What leaves the window
/// depends on it, so it is the same in every build.
const EVENT_WEIGHT: usize = 320;

/// An event of the tree with what only the history knows of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventRow {
    /// What happened; its index is the `modified_index` of its node.
    pub event: TreeEvent,
    /// Only a time to live began anew: no watcher is told.
    pub refresh: bool,
}

impl EventRow {
    /// The index that the event took.
    pub(in crate::store) fn index(&self) -> u64 {
        self.event.node.modified_index
    }

    /// The memory that it takes; what is shared with the tree counts again, since the tree may drop it at any time.
    pub(in crate::store) fn bytes(&self) -> usize {
        let value = |node: &TreeNode| node.value.as_ref().map_or(0, bytes::Bytes::len);
        let previous = self.event.previous.as_ref().map_or(0, value);
        EVENT_WEIGHT + self.event.node.key.len() + value(&self.event.node) + previous
    }

    fn row(&self) -> u64 {
        let event = &self.event;
        let row = Row::new(Kind::TreeEvent)
            .number(event.action as u64)
            .number(event.time.0)
            .number(u64::from(self.refresh) << 1 | u64::from(event.previous.is_some()));
        let row = hashed(row, &event.node);
        match &event.previous {
            None => row.hash(),
            Some(previous) => hashed(row, previous).hash(),
        }
    }
}

fn hashed(row: Row, node: &TreeNode) -> Row {
    let row = row
        .bytes(&node.key)
        .number(u64::from(node.value.is_some()) << 1 | u64::from(node.dir))
        .number(node.created_index)
        .number(node.modified_index)
        .optional(node.expiration.map(|time| time.0));
    node.value.iter().fold(row, |row, value| row.bytes(value))
}

/// An event with the hash of its row, which is needed again when it leaves.
#[derive(Clone, Debug)]
struct Happened {
    row: EventRow,
    hash: u64,
}

/// The newest events, by index.
#[derive(Clone, Debug, Default)]
pub(super) struct History {
    events: Vector<Happened>,
    /// Nothing is known of events up to this index.
    cleared: u64,
    totals: Totals,
}

impl History {
    /// Without events yet, and never with any up to an index.
    pub(super) fn loading(cleared: u64) -> History {
        History {
            cleared,
            ..History::default()
        }
    }

    /// An event took the newest index.
    pub(super) fn push(&mut self, row: EventRow) {
        let index = row.index();
        let hash = row.row();
        self.totals.add(hash, row.bytes());
        self.events.push_back(Happened { row, hash });
        self.trim(index);
        while self.totals.bytes > BYTES_MAX
            && let Some(gone) = self.pop()
        {
            self.cleared = gone;
        }
    }

    /// The tree's newest index is this one: what lies too far behind it goes.
    pub(super) fn trim(&mut self, index: u64) {
        let too_old = |first: &Happened| first.row.index() + INDEXES_MAX <= index;
        while self.events.front().is_some_and(too_old) {
            self.pop();
        }
    }

    /// Forgets all up to an index.
    pub(super) fn clear(&mut self, index: u64) {
        *self = History::loading(index);
    }

    fn pop(&mut self) -> Option<u64> {
        let gone = self.events.pop_front()?;
        self.totals.remove(gone.hash, gone.row.bytes());
        Some(gone.row.index())
    }

    /// The first index that a watch can begin with, if the tree is at this one.
    pub(super) fn oldest(&self, index: u64) -> u64 {
        (index + 1).saturating_sub(INDEXES_MAX).max(self.cleared + 1)
    }

    /// The events from an index on, in order.
    pub(super) fn from(&self, index: u64) -> impl Iterator<Item = &EventRow> {
        let place = self
            .events
            .binary_search_by_key(&index, |event| event.row.index());
        let place = place.unwrap_or_else(|place| place);
        self.events
            .focus()
            .narrow(place..)
            .into_iter()
            .map(|event| &event.row)
    }

    /// Takes the next event of a snapshot of a tree at this index.
    pub(super) fn load(&mut self, row: EventRow, index: u64) -> Result<(), RowFault> {
        if self
            .events
            .back()
            .is_some_and(|last| last.row.index() >= row.index())
        {
            return Err(RowFault::Order);
        }
        if row.index() < self.oldest(index) || row.index() > index {
            return Err(RowFault::Impossible("an event outside the window"));
        }
        self.push(row);
        Ok(())
    }

    pub(super) fn cleared(&self) -> u64 {
        self.cleared
    }

    pub(super) fn totals(&self) -> Totals {
        self.totals
    }

    /// The totals, computed afresh.
    #[cfg(test)]
    pub(super) fn recount(&self) -> Totals {
        let mut totals = Totals::default();
        for event in &self.events {
            totals.add(event.row.row(), event.row.bytes());
        }
        totals
    }
}

impl TreeEvent {
    /// The index that it took; of a `get` and of the root it says nothing.
    #[must_use]
    pub fn index(&self) -> u64 {
        self.node.modified_index
    }

    /// Whether a watch on a path is told: of what happens there, of what happens below if the watch is recursive and
    /// nothing on the way down is hidden, and of a directory above that goes with all in it. The path must be clean, as
    /// in [`Command::Tree`](crate::store::command::Command::Tree).
    #[must_use]
    pub fn concerns(&self, path: &[u8], recursive: bool) -> bool {
        let key = &self.node.key;
        let goes = matches!(self.action, TreeAction::Delete | TreeAction::Expire) && self.node.dir;
        path == &key[..]
            || goes && path::below(key, path).is_some()
            || recursive && path::below(path, key).is_some_and(|below| !path::has_hidden(below))
    }
}
