//! Saves into an Image: what raft-core will find at boot.

use raft_core::{Ballot, Entry, Image, Index, LogChange, Position, Save, SnapshotMark};

use super::scan::Damage;

/// The state after the Saves read so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Replay {
    image: Image,
    saves: u64,
}

impl Replay {
    /// How many Saves were applied.
    pub(super) fn saves(&self) -> u64 {
        self.saves
    }

    /// The last entry of the log so far.
    pub(super) fn last(&self) -> Position {
        self.image
            .entries
            .last()
            .map_or(self.image.snapshot.position, |entry| entry.position)
    }

    /// Applies the next Save. The writer's raft-core made it, so one that does not fit is damage of a kind that
    /// checksums do not see.
    pub(super) fn apply(&mut self, save: Save) -> Result<(), Damage> {
        if self.saves == 0 && !matches!(save.log, LogChange::Reset(_)) {
            return Err(Damage::NotBorn);
        }
        if let Some(ballot) = save.ballot {
            self.take_ballot(ballot)?;
        }
        match save.log {
            LogChange::Keep => {}
            LogChange::Append(entries) => self.append(entries)?,
            LogChange::Reset(mark) => self.reset(*mark)?,
        }
        // Never backward; and clamped to the log in the end only, since a later Save may bring the entries.
        self.image.commit = self.image.commit.max(save.commit);
        self.saves += 1;
        Ok(())
    }

    /// The Image, its commit index within the log.
    pub(super) fn finish(mut self) -> Image {
        let last = self.last().index;
        self.image.commit = self
            .image
            .commit
            .max(self.image.snapshot.position.index)
            .min(last);
        self.image
    }

    fn take_ballot(&mut self, ballot: Ballot) -> Result<(), Damage> {
        if ballot.term < self.image.ballot.term {
            return Err(Damage::BallotBack);
        }
        self.image.ballot = ballot;
        Ok(())
    }

    fn append(&mut self, entries: Vec<Entry>) -> Result<(), Damage> {
        let Some(first) = entries.first() else {
            return Ok(());
        };
        let first = first.position.index;
        let before = self.place_of(first).ok_or(Damage::Gap)?;
        self.image.entries.truncate(before);
        for entry in entries {
            let last = self.last();
            if entry.position.index.0.checked_sub(1) != Some(last.index.0) || entry.position.term < last.term
            {
                return Err(Damage::Gap);
            }
            self.image.entries.push(entry);
        }
        Ok(())
    }

    /// The log after the mark stays only if it agrees with the mark; otherwise all of it goes.
    fn reset(&mut self, mark: SnapshotMark) -> Result<(), Damage> {
        let old = self.image.snapshot.position;
        if mark.position.index < old.index {
            return Err(Damage::MarkBack);
        }
        let covered = (mark.position.index.0 - old.index.0) as usize;
        let agrees = match covered.checked_sub(1) {
            None => old == mark.position,
            Some(at) => self
                .image
                .entries
                .get(at)
                .is_some_and(|entry| entry.position == mark.position),
        };
        if agrees {
            self.image.entries.drain(..covered);
        } else {
            self.image.entries.clear();
        }
        self.image.snapshot = mark;
        Ok(())
    }

    /// How many entries stand before `index`; None if it is not after the mark or leaves a gap.
    fn place_of(&self, index: Index) -> Option<usize> {
        let after_mark = index
            .0
            .checked_sub(self.image.snapshot.position.index.0)?
            .checked_sub(1)?;
        usize::try_from(after_mark)
            .ok()
            .filter(|&place| place <= self.image.entries.len())
    }
}

#[cfg(test)]
mod tests;
