//! The terms of the log without its entries: enough to know the last Position after any Save, a few words per term.

use raft_core::{Entry, Image, Index, LogChange, Position, Term};

/// What the log on disk looks like from outside.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Outline {
    /// What the log follows.
    mark: Position,
    /// The first entry of each term, in order.
    runs: Vec<Position>,
    /// The last entry; the mark if there is none.
    last: Position,
}

impl Outline {
    pub(super) fn of(image: &Image) -> Outline {
        let mut outline = Outline {
            mark: image.snapshot.position,
            runs: Vec::new(),
            last: image.snapshot.position,
        };
        outline.append(&image.entries);
        outline
    }

    /// The last entry of the log.
    pub(super) fn last(&self) -> Position {
        self.last
    }

    /// Follows a Save. The changes come from raft-core, so a gap is a bug of ours.
    pub(super) fn apply(&mut self, change: &LogChange) {
        match change {
            LogChange::Keep => {}
            LogChange::Append(entries) => self.append(entries),
            LogChange::Reset(mark) => self.reset(mark.position),
        }
    }

    fn append(&mut self, entries: &[Entry]) {
        let Some(first) = entries.first() else { return };
        let first = first.position.index;
        assert!(
            self.mark.index < first && first <= self.last.index.next(),
            "entries from {first} on do not follow {} or replace what follows {}",
            self.last,
            self.mark
        );
        self.runs.retain(|run| run.index < first);
        for entry in entries {
            if self.runs.last().is_none_or(|run| run.term != entry.position.term) {
                self.runs.push(entry.position);
            }
            self.last = entry.position;
        }
    }

    fn reset(&mut self, mark: Position) {
        if self.term_of(mark.index) == Some(mark.term) {
            let next = mark.index.next();
            let begun = self.runs.iter().rposition(|run| run.index <= next).unwrap_or(0);
            self.runs.drain(..begun);
            if let Some(run) = self.runs.first_mut() {
                run.index = run.index.max(next);
            }
            if self.last.index == mark.index {
                self.runs.clear();
            }
        } else {
            self.runs.clear();
            self.last = mark;
        }
        self.mark = mark;
    }

    fn term_of(&self, index: Index) -> Option<Term> {
        if index == self.mark.index {
            return Some(self.mark.term);
        }
        let within = self.mark.index < index && index <= self.last.index;
        within.then(|| {
            self.runs
                .iter()
                .rev()
                .find(|run| run.index <= index)
                .expect("runs begin after the mark")
                .term
        })
    }
}

#[cfg(test)]
mod tests;
