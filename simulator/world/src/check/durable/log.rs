//! What a disk holds of a log: the term of each entry, as a list of Saves leaves it.

use raft_core::{Ballot, Image, Index, LogChange, Position, Save, Term};

/// What a Save changes.
#[derive(Clone, Debug)]
pub(super) struct Change {
    pub(super) ballot: Option<Ballot>,
    pub(super) commit: Index,
    pub(super) log: Logged,
}

/// What a Save changes of the log.
#[derive(Clone, Debug)]
pub(super) enum Logged {
    Nothing,
    /// So many of the entries before stay, and these follow.
    Entries(usize, Vec<Term>),
    /// A snapshot of what is committed takes its place.
    Snapshot(Position),
}

/// The state that a list of Saves amounts to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Log {
    pub(super) ballot: Ballot,
    pub(super) commit: Index,
    /// The term of each entry, from index 1.
    pub(super) terms: Vec<Term>,
}

impl Log {
    pub(super) fn apply(&mut self, change: Change, committed: &[Term]) {
        self.ballot = change.ballot.unwrap_or(self.ballot);
        self.commit = self.commit.max(change.commit);
        match change.log {
            Logged::Nothing => {}
            Logged::Entries(kept, terms) => {
                self.terms.truncate(kept);
                self.terms.extend(terms);
            }
            Logged::Snapshot(mark) => self.terms = covered(mark, committed),
        }
    }

    /// A snapshot covers what is committed up to its mark.
    pub(super) fn of(image: &Image, committed: &[Term]) -> Log {
        let mut terms = covered(image.snapshot.position, committed);
        terms.extend(image.entries.iter().map(|entry| entry.position.term));
        Log {
            ballot: image.ballot,
            commit: image.commit,
            terms,
        }
    }

    /// What a member finds that boots from a snapshot: its log, unless that disagrees.
    pub(super) fn behind(mut self, mark: Position, committed: &[Term]) -> Log {
        if mark.index > Index(0) && !self.has(mark) {
            self.terms = covered(mark, committed);
        }
        self.commit = self.commit.max(mark.index).min(self.last());
        self
    }

    /// Whether a member that finds this finds what stood there. Of what was committed it may know less, down to `least`: it
    /// may have read more in the mark of a snapshot that cannot be read any more.
    pub(super) fn is(&self, held: &Log, least: Index) -> bool {
        let known = least.min(held.commit)..=held.commit;
        self.ballot == held.ballot && self.terms == held.terms && known.contains(&self.commit)
    }

    /// What a member boots with: no vote in the term of an entry that a leader of that term once sent to another.
    pub(super) fn ballot(&self) -> Ballot {
        let term = self.terms.last().copied().unwrap_or_default();
        match term > self.ballot.term {
            true => Ballot {
                term,
                voted_for: None,
            },
            false => self.ballot,
        }
    }

    pub(super) fn last(&self) -> Index {
        Index(self.terms.len() as u64)
    }

    pub(super) fn has(&self, position: Position) -> bool {
        self.terms.get(place(position.index)) == Some(&position.term)
    }

    pub(super) fn shown(&self) -> String {
        let last = self.terms.last().copied().unwrap_or_default();
        let (ballot, commit, entries) = (self.ballot, self.commit, self.terms.len());
        format!("{ballot:?}, commit {commit}, {entries} entries up to term {last}")
    }
}

impl Change {
    pub(super) fn of(save: &Save) -> Change {
        let log = match &save.log {
            LogChange::Keep => Logged::Nothing,
            LogChange::Append(entries) => entries.first().map_or(Logged::Nothing, |first| {
                let terms = entries.iter().map(|entry| entry.position.term);
                Logged::Entries(place(first.position.index), terms.collect())
            }),
            LogChange::Reset(mark) => Logged::Snapshot(mark.position),
        };
        Change {
            ballot: save.ballot,
            commit: save.commit,
            log,
        }
    }
}

/// The terms of what a snapshot covers. One that is not of what is committed covers nothing that was ever on a disk.
pub(super) fn covered(mark: Position, committed: &[Term]) -> Vec<Term> {
    let Some(place) = mark.index.0.checked_sub(1) else {
        return Vec::new();
    };
    let upto = usize::try_from(place).expect("a log in memory");
    match committed.get(..=upto) {
        Some(terms) if terms[upto] == mark.term => terms.to_vec(),
        _ => Vec::new(),
    }
}

/// Where the entry with this index stands in a list of all entries.
pub(super) fn place(index: Index) -> usize {
    usize::try_from(index.previous().0).expect("a log in memory")
}
