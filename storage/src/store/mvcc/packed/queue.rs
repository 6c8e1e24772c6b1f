//! A queue of keys with revisions, packed in blocks. A clone shares all of them.

use std::sync::Arc;

use bytes::Bytes;
use imbl::Vector;

use super::strings::{common, make_room};
use crate::store::mvcc::version::{number, number_bytes};
use crate::store::query::Revision;

/// So many keys at most stand in one block.
const BLOCK_KEYS: usize = 512;
/// And so many bytes, if it has more than one key: a full one leaves nothing of the memory it has. The newest block is
/// copied when a queue changes that a view shares.
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
    /// What all keys begin with; then of each one how much later it is than the first, and the rest of it.
    bytes: Vec<u8>,
    /// Where each one begins in what follows the common beginning.
    starts: Vec<u16>,
    /// How long the common beginning is.
    prefix: u32,
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
        let (_, rest) = self.block.parts(self.at);
        [self.block.prefix(), rest].concat().into()
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
        if !self.recent.takes(revision, key) {
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
        let all = blocks.flat_map(|block| (0..block.len()).map(move |at| Queued { block, at }));
        all.skip(usize::try_from(given).unwrap_or(usize::MAX))
    }

    /// How many are older than a revision.
    pub(in crate::store::mvcc) fn older_than(&self, revision: Revision) -> usize {
        let block = self.block(self.block_where(|block| block.revision < revision.0));
        let older = (0..block.len()).take_while(|at| block.revision(*at) < revision);
        (block.first + older.count() as u64).saturating_sub(self.begin) as usize
    }

    /// The last block of which this holds, as it does of all before it; or the first block.
    fn block_where(&self, holds: impl Fn(&Block) -> bool) -> usize {
        if self.recent.len() > 0 && holds(&self.recent) {
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
    fn len(&self) -> usize {
        self.starts.len()
    }

    /// The number after its last key's.
    fn end(&self) -> u64 {
        self.first + self.len() as u64
    }

    /// Whether a key of this revision may come to the others.
    fn takes(&self, revision: Revision, key: &[u8]) -> bool {
        if self.len() == 0 {
            return true;
        }
        let later = number_bytes(revision.0 - self.revision).len();
        let common = common(self.prefix(), key);
        let longer = (self.prefix().len() - common) * (self.len() - 1);
        let bytes = self.bytes.len() + longer + later + key.len() - common;
        self.len() < BLOCK_KEYS && bytes <= BLOCK_BYTES
    }

    fn push(&mut self, revision: Revision, key: &[u8]) {
        if self.len() == 0 {
            self.revision = revision.0;
            make_room(&mut self.bytes, key.len());
            self.bytes.extend_from_slice(key);
            self.prefix = u32::try_from(key.len()).expect("a key is far smaller than 4 GiB");
        } else {
            self.shorten_prefix(common(self.prefix(), key));
        }
        let later = number_bytes(revision.0 - self.revision);
        let rest = &key[self.prefix as usize..];
        make_room(&mut self.starts, 1);
        make_room(&mut self.bytes, later.len() + rest.len());
        self.begin_next();
        self.bytes.extend_from_slice(&later);
        self.bytes.extend_from_slice(rest);
    }

    fn begin_next(&mut self) {
        let start = self.bytes.len() - self.prefix as usize;
        self.starts
            .push(u16::try_from(start).expect("what comes before another key is short"));
    }

    /// Less is common from now on: each key gets what is no longer.
    fn shorten_prefix(&mut self, prefix: usize) {
        if prefix == self.prefix as usize {
            return;
        }
        let former = std::mem::take(self);
        let (kept, more) = former.prefix().split_at(prefix);
        self.first = former.first;
        self.revision = former.revision;
        self.prefix = prefix as u32;
        make_room(
            &mut self.bytes,
            former.bytes.len() + more.len() * (former.len() - 1),
        );
        make_room(&mut self.starts, former.len());
        self.bytes.extend_from_slice(kept);
        for at in 0..former.len() {
            let (later, rest) = former.parts(at);
            self.begin_next();
            self.bytes.extend_from_slice(&number_bytes(later));
            self.bytes.extend_from_slice(more);
            self.bytes.extend_from_slice(rest);
        }
    }

    fn revision(&self, at: usize) -> Revision {
        Revision(self.revision + self.parts(at).0)
    }

    fn prefix(&self) -> &[u8] {
        &self.bytes[..self.prefix as usize]
    }

    /// How much later a key is than the first, and what follows of it after the common beginning.
    fn parts(&self, at: usize) -> (u64, &[u8]) {
        let all = &self.bytes[self.prefix as usize..];
        let end = self.starts.get(at + 1).map_or(all.len(), |end| usize::from(*end));
        let mut rest = &all[usize::from(self.starts[at])..end];
        let later = number(&mut rest);
        (later, rest)
    }
}
