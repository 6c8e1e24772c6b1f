//! The log in memory: what follows the snapshot mark, without a gap.

use std::collections::VecDeque;

use crate::types::{Entry, Index, Position, SnapshotMark, Term};

/// Entries after the mark. Terms never fall from one entry to the next.
#[derive(Clone, Debug)]
pub(crate) struct Log {
    mark: SnapshotMark,
    entries: VecDeque<Entry>,
}

impl Log {
    /// # Panics
    /// If the entries do not follow the mark: the disk layer never hands out such an image.
    pub(crate) fn new(mark: SnapshotMark, entries: Vec<Entry>) -> Log {
        let mut log = Log {
            mark,
            entries: VecDeque::with_capacity(entries.len()),
        };
        for entry in entries {
            log.append(entry);
        }
        log
    }

    pub(crate) fn mark(&self) -> &SnapshotMark {
        &self.mark
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
        self.entries.push_back(entry);
    }

    /// Removes everything after `index`.
    pub(crate) fn truncate_after(&mut self, index: Index) {
        assert!(
            index >= self.mark.position.index,
            "what a snapshot covers is never truncated"
        );
        let keep = index.0 - self.mark.position.index.0;
        self.entries
            .truncate(usize::try_from(keep).expect("a log in memory fits usize"));
    }

    /// Entries from `first` on: at least one if there is one, then as many as `bytes_max` of payload takes.
    pub(crate) fn slice(&self, first: Index, bytes_max: usize) -> Vec<Entry> {
        let Some(slot) = self.slot(first) else {
            return Vec::new();
        };
        let mut bytes = 0;
        let mut taken = Vec::new();
        for entry in self.entries.range(slot.min(self.entries.len())..) {
            bytes += entry.body.weight();
            if bytes > bytes_max && !taken.is_empty() {
                break;
            }
            taken.push(entry.clone());
        }
        taken
    }

    /// The last position at or before `limit` whose term is at most limit's: two logs, one of which has `limit` and
    /// the other not, cannot agree after it. Skips a whole term at a step (Raft 5.3, the optional optimisation).
    pub(crate) fn last_agreeable(&self, limit: Position) -> Position {
        let mut index = limit.index.min(self.last().index);
        while let Some(term) = self.term_at(index) {
            if term <= limit.term {
                return Position { term, index };
            }
            index = index.previous();
        }
        self.mark.position
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }

    fn slot(&self, index: Index) -> Option<usize> {
        let after = index.0.checked_sub(self.mark.position.index.0 + 1)?;
        usize::try_from(after).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Body;
    use proptest::prelude::*;

    fn position(term: u64, index: u64) -> Position {
        Position {
            term: Term(term),
            index: Index(index),
        }
    }

    fn log_of(terms: &[u64]) -> Log {
        let entries = terms
            .iter()
            .zip(1..)
            .map(|(&term, index)| Entry {
                position: position(term, index),
                body: Body::Blank,
            })
            .collect();
        Log::new(SnapshotMark::default(), entries)
    }

    #[test]
    fn the_hint_skips_a_whole_term() {
        // Figure 7 (f) seen by a leader whose entry at 9 is of term 5.
        let log = log_of(&[1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3]);
        assert_eq!(log.last_agreeable(position(5, 9)), position(3, 9));
        assert_eq!(log.last_agreeable(position(2, 9)), position(2, 6));
        assert_eq!(log.last_agreeable(position(5, 40)), position(3, 11));
        assert_eq!(log.last_agreeable(position(0, 4)), position(0, 0));
    }

    #[test]
    fn nothing_is_known_before_the_mark() {
        let mark = SnapshotMark {
            position: position(4, 10),
            ..SnapshotMark::default()
        };
        let log = Log::new(
            mark,
            vec![Entry {
                position: position(5, 11),
                body: Body::Blank,
            }],
        );
        assert_eq!(log.term_at(Index(9)), None);
        assert_eq!(log.term_at(Index(10)), Some(Term(4)));
        assert_eq!(log.term_at(Index(11)), Some(Term(5)));
        assert_eq!(log.term_at(Index(12)), None);
    }

    proptest! {
        /// The log against a plain vector.
        #[test]
        fn behaves_like_a_vector(terms in prop::collection::vec(1u64..6, 0..30), keep in 0usize..30, from in 0u64..40) {
            let mut terms = terms;
            terms.sort_unstable();
            let mut log = log_of(&terms);
            let keep = keep.min(terms.len());
            log.truncate_after(Index(keep as u64));
            terms.truncate(keep);
            prop_assert_eq!(log.last().index, Index(keep as u64));
            prop_assert_eq!(log.last().term, Term(terms.last().copied().unwrap_or(0)));
            let slice = log.slice(Index(from), usize::MAX);
            let expected = if from == 0 { 0 } else { keep.saturating_sub(from as usize - 1) };
            prop_assert_eq!(slice.len(), expected);
            for (index, term) in (1..).zip(&terms) {
                prop_assert_eq!(log.term_at(Index(index)), Some(Term(*term)));
            }
        }
    }
}
