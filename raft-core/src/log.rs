//! The log in memory: what follows the snapshot mark, without a gap.

use std::collections::{VecDeque, vec_deque};

use crate::fingerprint::canonical;
use crate::types::{Body, Entry, Index, Position, SnapshotMark, Term};

/// So many places for entries stay, however few there are.
const PLACES_MIN: usize = 1024;

/// Entries after the mark. Terms never fall from one entry to the next.
#[derive(Clone, Debug)]
pub(crate) struct Log {
    mark: SnapshotMark,
    entries: VecDeque<Entry>,
    /// What the entries weigh.
    bytes: usize,
}

canonical!(struct Log { mark, entries, bytes });

impl Log {
    /// # Panics
    /// If the entries do not follow the mark: the disk layer never hands out such an image.
    pub(crate) fn new(mark: SnapshotMark, entries: Vec<Entry>) -> Log {
        let mut log = Log {
            mark,
            entries: VecDeque::with_capacity(entries.len()),
            bytes: 0,
        };
        for entry in entries {
            log.append(entry);
        }
        log
    }

    /// What the log in memory begins after: everything up to there is applied, or in a snapshot that was installed.
    pub(crate) fn mark(&self) -> &SnapshotMark {
        &self.mark
    }

    /// What the entries take in memory, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The first entry in memory.
    pub(crate) fn first(&self) -> Option<&Entry> {
        self.entries.front()
    }

    /// The last entry's position, or the mark's.
    pub(crate) fn last(&self) -> Position {
        self.entries
            .back()
            .map_or(self.mark.position, |entry| entry.position)
    }

    /// The entry at `index`; None at and before the mark and after the end.
    pub(crate) fn get(&self, index: Index) -> Option<&Entry> {
        self.slot(index).and_then(|slot| self.entries.get(slot))
    }

    /// The term at `index`; known from the mark to the end. There is no silent zero for what is compacted away.
    pub(crate) fn term_at(&self, index: Index) -> Option<Term> {
        if index == self.mark.position.index {
            return Some(self.mark.position.term);
        }
        self.get(index).map(|entry| entry.position.term)
    }

    /// Adds one entry at the end.
    pub(crate) fn append(&mut self, entry: Entry) {
        let last = self.last();
        assert_eq!(entry.position.index, last.index.next(), "the log has no gaps");
        assert!(entry.position.term >= last.term, "terms never fall along a log");
        self.bytes += entry.bytes();
        self.entries.push_back(entry);
    }

    /// Forgets the first entry: the mark moves onto it, and takes its membership if it has one.
    pub(crate) fn drop_first(&mut self) {
        let entry = self.entries.pop_front().expect("there is a first entry");
        self.bytes -= entry.bytes();
        self.mark.position = entry.position;
        self.give_back();
        if let Body::Change(membership) = entry.body {
            self.mark.membership = *membership;
        }
    }

    /// Gives places back of which hardly any are used: after a restart the log may begin with a million entries, and keep
    /// few of them.
    fn give_back(&mut self) {
        let (used, all) = (self.entries.len(), self.entries.capacity());
        if all > PLACES_MIN && used < all / 4 {
            self.entries.shrink_to((used + used / 4).max(PLACES_MIN));
        }
    }

    /// The last index that must go if entries up to `through` are to take at most `bytes_max`.
    pub(crate) fn tail_begins_after(&self, through: Index, bytes_max: usize) -> Index {
        let mut kept = 0;
        let upto = self.slot(through.next()).unwrap_or(0).min(self.entries.len());
        for entry in self.entries.range(..upto).rev() {
            kept += entry.bytes();
            if kept > bytes_max {
                return entry.position.index;
            }
        }
        self.mark.position.index
    }

    /// Removes everything after `index`.
    pub(crate) fn truncate_after(&mut self, index: Index) {
        assert!(
            index >= self.mark.position.index,
            "what a snapshot covers is never truncated"
        );
        let keep = index.0 - self.mark.position.index.0;
        let keep = usize::try_from(keep).expect("a log in memory fits usize");
        while self.entries.len() > keep {
            let entry = self.entries.pop_back().expect("there is a last entry");
            self.bytes -= entry.bytes();
        }
    }

    /// Entries from `first` on: at least one if there is one, then as many as `bytes_max` takes.
    pub(crate) fn slice(&self, first: Index, bytes_max: usize) -> Vec<Entry> {
        let entries = self.range(first);
        // Counted first, so that the vector is as large as it must be.
        let count = if self.bytes <= bytes_max {
            entries.len()
        } else {
            let mut bytes = 0;
            let fits = |entry: &&Entry| {
                bytes += entry.bytes();
                bytes <= bytes_max
            };
            entries.clone().take_while(fits).count().max(1)
        };
        entries.take(count).cloned().collect()
    }

    /// What the entries after `after` up to `through` weigh.
    pub(crate) fn weight(&self, after: Index, through: Index) -> usize {
        let upto = through.0.saturating_sub(after.0);
        let entries = self
            .range(after.next())
            .take(usize::try_from(upto).unwrap_or(usize::MAX));
        entries.map(Entry::bytes).sum()
    }

    /// The last position at or before `limit` whose term is at most limit's: two logs, one of which has `limit` and
    /// the other not, cannot agree after it. Skips a whole term at a step (Raft 5.3, the optional optimisation). None
    /// if it lies before the mark, where nothing is known any more.
    pub(crate) fn last_agreeable(&self, limit: Position) -> Option<Position> {
        let mark = self.mark.position;
        let upto = self.slot(limit.index.min(self.last().index).next())?;
        if mark.term > limit.term {
            return None;
        }
        // Terms never fall along a log, so those that are low enough come first.
        let agreeable = self
            .entries
            .partition_point(|entry| entry.position.term <= limit.term);
        Some(match agreeable.min(upto).checked_sub(1) {
            Some(last) => self.entries[last].position,
            None => mark,
        })
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }

    /// The entries from `first` on; none if it is not after the mark.
    fn range(&self, first: Index) -> vec_deque::Iter<'_, Entry> {
        let end = self.entries.len();
        let begin = self.slot(first).map_or(end, |slot| slot.min(end));
        self.entries.range(begin..)
    }

    fn slot(&self, index: Index) -> Option<usize> {
        let after = index.0.checked_sub(self.mark.position.index.0 + 1)?;
        usize::try_from(after).ok()
    }
}

#[cfg(test)]
mod tests;
