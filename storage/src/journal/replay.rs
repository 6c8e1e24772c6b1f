//! Saves into an Image: what raft-core will find at boot.

use raft_core::{Ballot, Entry, Image, Index, LogChange, Position, Save, SnapshotMark, Term};

use super::scan::Damage;
use super::standing::Standing;

/// The state after the Saves read so far. Of entries that the snapshot covers, only their having been there is kept.
#[derive(Clone, Debug, Default)]
pub(super) struct Replay {
    /// What the member boots from; the mark the journal was born with if there is none.
    snapshot: Option<SnapshotMark>,
    /// What the last Reset named; None if none was read.
    mark: Option<SnapshotMark>,
    /// What the log that was read begins after: a mark, or where the oldest segment begins.
    floor: Index,
    /// The term of the log's entry that the snapshot ends with, if the log has that one.
    term_at_snapshot: Option<Term>,
    /// The entries after the snapshot and the floor, whichever is later.
    entries: Vec<Entry>,
    standing: Standing,
    saves: u64,
    /// What was before the first Save read is known, though not its entries.
    begun: bool,
}

/// What the journal and the snapshot amount to.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Anchored {
    pub(super) image: Image,
    /// The log disagreed with the snapshot or ended before it: an installed snapshot, and a crash before its Reset. No
    /// entry stays, and the journal does not say so yet.
    pub(super) log_went: bool,
}

impl Anchored {
    /// The state that the cluster begins with. No journal says so yet.
    pub(super) fn born(mark: SnapshotMark) -> Anchored {
        Anchored {
            image: Image {
                commit: mark.position.index,
                snapshot: mark,
                ..Image::default()
            },
            log_went: false,
        }
    }
}

impl Replay {
    pub(super) fn new(snapshot: Option<SnapshotMark>) -> Replay {
        Replay {
            snapshot,
            ..Replay::default()
        }
    }

    /// The oldest segment is not the first: what was before it is what its header says.
    pub(super) fn begin_at(&mut self, standing: Standing) {
        self.begun = true;
        self.standing = standing;
        self.floor = standing.last.index;
        self.note_floor(standing.last);
    }

    /// How many Saves were applied.
    pub(super) fn saves(&self) -> u64 {
        self.saves
    }

    /// What the Saves amount to so far.
    pub(super) fn standing(&self) -> Standing {
        self.standing
    }

    /// Applies the next Save. The writer's raft-core made it, so one that does not fit is damage of a kind that
    /// checksums do not see.
    pub(super) fn apply(&mut self, save: Save) -> Result<(), Damage> {
        if !self.begun && !matches!(save.log, LogChange::Reset(_)) {
            return Err(Damage::NotBorn);
        }
        if let Some(ballot) = save.ballot {
            self.check_ballot(ballot)?;
        }
        match &save.log {
            LogChange::Keep => {}
            LogChange::Append(entries) => self.check_append(entries)?,
            LogChange::Reset(mark) => self.check_reset(mark)?,
        }
        self.standing.apply(&save);
        match save.log {
            LogChange::Keep => {}
            LogChange::Append(entries) => self.append(entries),
            LogChange::Reset(mark) => self.reset(*mark),
        }
        self.saves += 1;
        self.begun = true;
        Ok(())
    }

    /// What a member boots from; or else the index that a snapshot must reach.
    pub(super) fn finish(mut self) -> Result<Anchored, Index> {
        let born = self.mark.filter(|mark| mark.position.index == Index(0));
        let Some(mark) = self.snapshot.or(born) else {
            return Err(self.floor);
        };
        if mark.position.index < self.floor {
            return Err(self.floor);
        }
        let agrees = mark.position.index == Index(0) || self.term_at_snapshot == Some(mark.position.term);
        if !agrees {
            self.entries.clear();
        }
        let last = self.entries.last().map_or(mark.position, |entry| entry.position);
        let image = Image {
            ballot: self.standing.ballot,
            // Clamped to the log in the end only, since a later Save may bring the entries.
            commit: self.standing.commit.max(mark.position.index).min(last.index),
            snapshot: mark,
            entries: self.entries,
        };
        Ok(Anchored {
            image,
            log_went: !agrees,
        })
    }

    fn check_ballot(&self, ballot: Ballot) -> Result<(), Damage> {
        if ballot.term < self.standing.ballot.term {
            return Err(Damage::BallotBack);
        }
        Ok(())
    }

    /// They follow the log or replace its end, without a gap, and terms never fall along the log.
    fn check_append(&self, entries: &[Entry]) -> Result<(), Damage> {
        let Some(first) = entries.first() else {
            return Ok(());
        };
        let below = self.mark.as_ref().map_or(Index(0), |mark| mark.position.index);
        let first = first.position.index;
        if first <= below || first.previous() > self.standing.last.index {
            return Err(Damage::Gap);
        }
        let (mut before, mut term) = (first.previous(), self.term_before(first));
        for entry in entries {
            if entry.position.index.0.checked_sub(1) != Some(before.0) || entry.position.term < term {
                return Err(Damage::Gap);
            }
            (before, term) = (entry.position.index, entry.position.term);
        }
        Ok(())
    }

    /// The term of the entry before `index`, or a lower one if that entry is not known any more.
    fn term_before(&self, index: Index) -> Term {
        let before = index.previous();
        if before == self.standing.last.index {
            return self.standing.last.term;
        }
        let at = self.place_of(before);
        at.and_then(|at| self.entries.get(at))
            .map_or(Term(0), |entry| entry.position.term)
    }

    fn append(&mut self, entries: Vec<Entry>) {
        let Some(first) = entries.first() else { return };
        let first = first.position.index;
        // Entries that were in segments dropped since may be replaced; a mark is never gone behind.
        self.floor = self.floor.min(first.previous());
        let snapshot = self.snapshot_index();
        if first <= snapshot {
            self.term_at_snapshot = None;
        }
        self.entries.truncate(self.place_of(first).unwrap_or(0));
        for entry in entries {
            if entry.position.index == snapshot {
                self.term_at_snapshot = Some(entry.position.term);
            } else if entry.position.index > snapshot {
                self.entries.push(entry);
            }
        }
    }

    fn check_reset(&self, mark: &SnapshotMark) -> Result<(), Damage> {
        let former = self.mark.as_ref().map_or(Index(0), |mark| mark.position.index);
        if mark.position.index < former {
            return Err(Damage::MarkBack);
        }
        Ok(())
    }

    /// The whole log goes: raft-core resets a log only if it lacks the mark's entry.
    fn reset(&mut self, mark: SnapshotMark) {
        self.entries.clear();
        self.floor = mark.position.index;
        self.note_floor(mark.position);
        self.mark = Some(mark);
    }

    fn note_floor(&mut self, at: Position) {
        self.term_at_snapshot = (at.index == self.snapshot_index()).then_some(at.term);
    }

    fn snapshot_index(&self) -> Index {
        self.snapshot
            .as_ref()
            .map_or(Index(0), |mark| mark.position.index)
    }

    /// How many of the entries kept stand before `index`; None if it is not among them or right behind.
    fn place_of(&self, index: Index) -> Option<usize> {
        let after_base = index.0.checked_sub(self.base().0)?.checked_sub(1)?;
        usize::try_from(after_base).ok()
    }

    /// What `entries` follow.
    fn base(&self) -> Index {
        self.floor.max(self.snapshot_index())
    }
}

#[cfg(test)]
mod tests;
