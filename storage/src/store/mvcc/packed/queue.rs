//! A queue of keys with revisions, packed in blocks. A clone shares all of them.

use std::sync::Arc;

use bytes::Bytes;
use imbl::Vector;

use super::strings::{Strings, make_room};
use crate::store::query::Revision;

/// So many keys at most stand in one block.
const BLOCK_KEYS: usize = 128;
/// And no more once it has so many bytes: the newest block is copied when a queue changes that a view shares.
const BLOCK_BYTES: usize = 4 << 10;

/// Keys with revisions that never go down, the oldest first.
#[derive(Clone, Debug, Default)]
pub(in crate::store::mvcc) struct Queue {
    full: Vector<Arc<Block>>,
    /// Newer than all full blocks.
    recent: Arc<Block>,
    /// The number of the first key.
    begin: u64,
}

#[derive(Clone, Debug, Default)]
struct Block {
    /// The number of its first key. All that ever were in the queue are numbered one after the other.
    first: u64,
    /// The revision of its first key.
    revision: u64,
    /// How much later each one is.
    later: Vec<u32>,
    keys: Strings,
}

/// A key of the queue, where it is kept.
#[derive(Clone, Copy)]
pub(in crate::store::mvcc) struct Queued<'a> {
    block: &'a Block,
    at: usize,
}

impl Queued<'_> {
    pub(in crate::store::mvcc) fn revision(&self) -> Revision {
        self.block.revision(self.at)
    }

    /// The key, copied.
    pub(in crate::store::mvcc) fn key(&self) -> Bytes {
        self.block.keys.get(self.at).into()
    }
}

impl Queue {
    pub(in crate::store::mvcc) fn len(&self) -> usize {
        (self.recent.end() - self.begin) as usize
    }

    pub(in crate::store::mvcc) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(in crate::store::mvcc) fn push(&mut self, revision: Revision, key: &[u8]) {
        if !self.recent.takes(revision) {
            let next = Block {
                first: self.recent.end(),
                ..Block::default()
            };
            let full = std::mem::replace(&mut self.recent, Arc::new(next));
            // All of it may have left the queue meanwhile.
            if full.end() > self.begin {
                self.full.push_back(full);
            }
        }
        Arc::make_mut(&mut self.recent).push(revision, key);
    }

    /// Drops the first, which is there.
    pub(in crate::store::mvcc) fn pop(&mut self) {
        debug_assert!(!self.is_empty(), "there is a first");
        self.begin += 1;
        if self.full.front().is_some_and(|front| front.end() <= self.begin) {
            self.full.pop_front();
        }
        if self.is_empty() {
            let nothing = Block {
                first: self.begin,
                ..Block::default()
            };
            self.recent = Arc::new(nothing);
        }
    }

    pub(in crate::store::mvcc) fn front(&self) -> Option<Queued<'_>> {
        self.get(0)
    }

    pub(in crate::store::mvcc) fn back(&self) -> Option<Queued<'_>> {
        self.get(self.len().checked_sub(1)?)
    }

    /// The one after so many.
    pub(in crate::store::mvcc) fn get(&self, count: usize) -> Option<Queued<'_>> {
        if count >= self.len() {
            return None;
        }
        let number = self.begin + count as u64;
        let block = self.block(self.block_where(|block| block.first <= number));
        Some(Queued {
            block,
            at: (number - block.first) as usize,
        })
    }

    /// All after so many.
    pub(in crate::store::mvcc) fn skip(&self, count: usize) -> impl Iterator<Item = Queued<'_>> {
        let number = self.begin.saturating_add(count as u64);
        let start = self.block_where(|block| block.first <= number);
        let given = number.saturating_sub(self.block(start).first);
        let blocks = (start..=self.full.len()).map(|at| self.block(at));
        let all = blocks.flat_map(|block| (0..block.keys.len()).map(move |at| Queued { block, at }));
        all.skip(usize::try_from(given).unwrap_or(usize::MAX))
    }

    /// How many are older than a revision.
    pub(in crate::store::mvcc) fn older_than(&self, revision: Revision) -> usize {
        let block = self.block(self.block_where(|block| block.revision < revision.0));
        let older = (0..block.keys.len()).take_while(|at| block.revision(*at) < revision);
        (block.first + older.count() as u64).saturating_sub(self.begin) as usize
    }

    /// The last block of which this holds, as it does of all before it; or the first block.
    fn block_where(&self, holds: impl Fn(&Block) -> bool) -> usize {
        if !self.recent.keys.is_empty() && holds(&self.recent) {
            return self.full.len();
        }
        // What is asked for is mostly at one of both ends.
        if self.full.get(1).is_none_or(|second| !holds(second)) {
            return 0;
        }
        let (mut low, mut high) = (2.min(self.full.len()), self.full.len());
        while low < high {
            let middle = low + (high - low) / 2;
            if holds(&self.full[middle]) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low.saturating_sub(1)
    }

    fn block(&self, at: usize) -> &Block {
        self.full.get(at).unwrap_or(&self.recent)
    }
}

impl Block {
    /// The number after its last key's.
    fn end(&self) -> u64 {
        self.first + self.keys.len() as u64
    }

    /// Whether a key of this revision may come to the others.
    fn takes(&self, revision: Revision) -> bool {
        let has_room = self.keys.len() < BLOCK_KEYS && self.keys.bytes() < BLOCK_BYTES;
        self.keys.is_empty() || has_room && u32::try_from(revision.0 - self.revision).is_ok()
    }

    fn push(&mut self, revision: Revision, key: &[u8]) {
        if self.keys.is_empty() {
            self.revision = revision.0;
        }
        make_room(&mut self.later, 1);
        self.later.push((revision.0 - self.revision) as u32);
        self.keys.push(key);
    }

    fn revision(&self, at: usize) -> Revision {
        Revision(self.revision + u64::from(self.later[at]))
    }
}
