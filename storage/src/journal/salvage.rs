//! What is sound of a journal that is not: the Saves before the first damage. For a member that begins anew, under another
//! id: with such a log the one that wrote it could undo what the cluster acknowledged.

use raft_core::{Ballot, Entry, Image, Index, LogChange, Save, SnapshotMark, Stamp};

use super::reader::Reader;
use super::recover::{RecoverError, Recovered};
use super::segment;
use super::write::WriteError;
use crate::data_dir::Identity;
use crate::disk::Disk;

/// Payload bytes of one Save of what was salvaged, about.
const SAVE_BYTES: usize = 4 << 20;

/// What the journal of `identity` amounts to up to its first damage, with `snapshot` before it if there is one. Its files'
/// names begin with `prefix`. If nothing of the journal can follow the snapshot, that is all there is. None if not even what
/// the log begins after is known. The ballot is left out: it is its writer's, and of no other.
///
/// Changes nothing. What it returns was once durable, or was written in order and is whole; each entry in it came from a
/// leader's log, and what it calls committed is.
pub fn salvage<D: Disk>(
    disk: &D,
    identity: Identity,
    prefix: &str,
    snapshot: Option<SnapshotMark>,
) -> Option<Image> {
    let names = disk.list().ok()?;
    let ours = names.iter().filter_map(|name| name.strip_prefix(prefix));
    let mut sequences: Vec<u64> = ours.filter_map(segment::sequence).collect();
    sequences.sort_unstable();
    let mut reader = Reader::new(disk.clone(), identity, snapshot.clone(), prefix);
    reader.begin(&sequences);
    let first = sequences.first().copied().unwrap_or(0);
    for (&sequence, expected) in sequences.iter().zip(first..) {
        let is_newest = Some(&sequence) == sequences.last();
        if sequence != expected || reader.read(sequence, is_newest, &mut |_, _| {}).is_err() {
            break;
        }
    }
    let alone = |snapshot: SnapshotMark| Image {
        commit: snapshot.position.index,
        snapshot,
        ..Image::default()
    };
    let journal = reader.replay.finish().ok().map(|anchored| anchored.image);
    let mut image = journal.or_else(|| snapshot.map(alone))?;
    image.ballot = Ballot::default();
    Some(image)
}

impl<D: Disk> Recovered<D> {
    /// Begins the log of a journal that was born just now with what was salvaged of another one. After a crash on the way
    /// less of it is there, which does no harm: nobody was told of any.
    ///
    /// # Errors
    /// If it cannot be written.
    ///
    /// # Panics
    /// If the journal has entries, or begins after another mark.
    pub fn sow(&mut self, seed: Image) -> Result<(), RecoverError> {
        assert!(self.image.entries.is_empty(), "a journal is sown before it grows");
        assert_eq!(
            self.image.snapshot.position, seed.snapshot.position,
            "entries follow their mark"
        );
        let mut entries = seed.entries.into_iter().peekable();
        while entries.peek().is_some() {
            let mut some: Vec<Entry> = Vec::new();
            let mut bytes = 0;
            while bytes < SAVE_BYTES
                && let Some(entry) = entries.next()
            {
                bytes += entry.body.weight();
                some.push(entry);
            }
            self.sow_some(some, seed.commit)?;
        }
        self.writer.sync()?;
        Ok(())
    }

    fn sow_some(&mut self, entries: Vec<Entry>, commit: Index) -> Result<(), WriteError> {
        let last = entries.last().expect("some are sown").position.index;
        let commit = commit.min(last);
        self.writer.write(&Save {
            stamp: Stamp(0),
            ballot: None,
            commit,
            log: LogChange::Append(entries.clone()),
        })?;
        self.writer.sync()?;
        self.image.commit = self.image.commit.max(commit);
        self.image.entries.extend(entries);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
