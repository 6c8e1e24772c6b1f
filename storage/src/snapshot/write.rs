//! Writing a snapshot's file: under a name of its own, until it is whole and durable; then it takes its place at once.
//!
//! Nothing depends on a snapshot before that, so one that cannot be written is given up and the member goes on. Only a
//! failed sync of the directory is more: other files' names are in it too.

use std::io;

use raft_core::{Index, SnapshotMark};
use thiserror::Error;

use super::encode::Encoder;
use super::name::{self, INCOMING, MAKING};
use crate::disk::{Disk, is_out_of_space};

/// Bytes that are written at a time, at the most.
const PIECE_BYTES: usize = 256 << 10;
/// So many bytes are synced at a time: one sync of a whole snapshot would keep the disk from the short syncs of Saves for
/// as long as it takes.
const SYNC_BYTES: u64 = 4 << 20;

/// Why a snapshot is not on disk.
#[derive(Debug, Error)]
pub enum WriteError {
    /// The file could not be written, perhaps for want of space. It is given up; what was there before stands.
    #[error("cannot {action} {file}: {source}")]
    File {
        /// What was tried.
        action: &'static str,
        /// On which file.
        file: String,
        /// What the disk said.
        source: io::Error,
    },
    /// The names in the data directory may be lost, those of the journal among them: the member must stop.
    #[error("cannot sync the data directory for {file}: {source}")]
    Directory {
        /// The file that was named.
        file: String,
        /// What the disk said.
        source: io::Error,
    },
    /// It was given up before.
    #[error("{file} was given up before")]
    GivenUp {
        /// The file.
        file: &'static str,
    },
}

impl WriteError {
    /// Whether the disk can no longer be trusted with anything.
    #[must_use]
    pub fn is_fatal(&self) -> bool {
        matches!(self, WriteError::Directory { .. })
    }

    /// Whether there was no space.
    #[must_use]
    pub fn is_out_of_space(&self) -> bool {
        matches!(self, WriteError::File { source, .. } if is_out_of_space(source))
    }
}

/// A snapshot of the member's own, on its way to the disk. There is one at a time in a data directory.
#[derive(Debug)]
pub struct Making<D: Disk> {
    draft: Draft<D>,
    encoder: Encoder,
}

impl<D: Disk> Making<D> {
    /// Begins a file for the whole of a stream.
    ///
    /// # Errors
    /// See [`WriteError`].
    ///
    /// # Panics
    /// If the stream is not at its beginning.
    pub fn begin(disk: D, encoder: Encoder) -> Result<Making<D>, WriteError> {
        assert_eq!(encoder.offset(), 0, "a file holds all of the stream");
        let draft = Draft::begin(disk, MAKING)?;
        Ok(Making { draft, encoder })
    }

    /// Writes some more. Yields the mark once the snapshot is whole, durable, and in its place; not to be called after
    /// that.
    ///
    /// # Errors
    /// See [`WriteError`]; any gives the snapshot up.
    pub fn step(&mut self) -> Result<Option<SnapshotMark>, WriteError> {
        let piece = self.encoder.next_piece(PIECE_BYTES);
        self.encoder.forget_encoded();
        self.draft.append(&piece.data)?;
        if !piece.last {
            return Ok(None);
        }
        let mark = self.encoder.mark().clone();
        self.draft.publish(mark.position.index)?;
        Ok(Some(mark))
    }

    /// Gives the snapshot up.
    pub fn abandon(mut self) {
        self.draft.abandon();
    }
}

/// Writes a whole snapshot, makes it durable and puts it in its place.
///
/// # Errors
/// See [`WriteError`].
///
/// # Panics
/// If the stream is not at its beginning.
pub fn save<D: Disk>(disk: D, encoder: Encoder) -> Result<SnapshotMark, WriteError> {
    let mut making = Making::begin(disk, encoder)?;
    loop {
        if let Some(mark) = making.step()? {
            return Ok(mark);
        }
    }
}

/// A snapshot that comes from another member. There is one at a time in a data directory. Whoever decodes its bytes
/// says whether it is sound; here they are only kept.
#[derive(Debug)]
pub struct Incoming<D: Disk> {
    draft: Draft<D>,
}

impl<D: Disk> Incoming<D> {
    /// Begins a file, in place of one that was given up.
    ///
    /// # Errors
    /// See [`WriteError`].
    pub fn begin(disk: D) -> Result<Incoming<D>, WriteError> {
        Ok(Incoming {
            draft: Draft::begin(disk, INCOMING)?,
        })
    }

    /// Bytes taken so far.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.draft.length
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    /// See [`WriteError`]; any gives the snapshot up.
    pub fn append(&mut self, piece: &[u8]) -> Result<(), WriteError> {
        self.draft.append(piece)
    }

    /// Makes it durable and puts it in its place, once it is whole and known to be the sound snapshot at an index.
    ///
    /// # Errors
    /// See [`WriteError`]; any gives the snapshot up.
    pub fn publish(mut self, index: Index) -> Result<(), WriteError> {
        self.draft.publish(index)
    }

    /// Gives the snapshot up.
    pub fn abandon(mut self) {
        self.draft.abandon();
    }
}

/// Removes the snapshots before an index: the older of those that are kept.
///
/// # Errors
/// [`WriteError::File`] if one cannot be removed; that does no harm.
pub fn drop_before<D: Disk>(disk: &D, index: Index) -> Result<(), WriteError> {
    remove_all(disk, |name| {
        name::index_of(name).is_some_and(|found| found < index)
    })
}

/// Removes what a former life left of snapshots that are not whole.
///
/// # Errors
/// [`WriteError::File`] if one cannot be removed.
pub fn clear_leftovers<D: Disk>(disk: &D) -> Result<(), WriteError> {
    remove_all(disk, name::is_leftover)
}

fn remove_all<D: Disk>(disk: &D, doomed: impl Fn(&str) -> bool) -> Result<(), WriteError> {
    let names = disk.list().map_err(failed("list", "the data directory"))?;
    for name in names.iter().filter(|name| doomed(name)) {
        disk.remove(name).map_err(failed("remove", name))?;
    }
    Ok(())
}

/// A file that is not in its place yet.
#[derive(Debug)]
struct Draft<D: Disk> {
    disk: D,
    name: &'static str,
    /// None once it is in its place, or given up.
    file: Option<D::File>,
    length: u64,
    unsynced: u64,
}

impl<D: Disk> Draft<D> {
    fn begin(disk: D, name: &'static str) -> Result<Draft<D>, WriteError> {
        match disk.remove(name) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(failed("remove", name)(error));
            }
            _ => {}
        }
        let file = disk.create(name, 0).map_err(|error| {
            // Something may stand there all the same.
            let _ = disk.remove(name);
            failed("make", name)(error)
        })?;
        Ok(Draft {
            disk,
            name,
            file: Some(file),
            length: 0,
            unsynced: 0,
        })
    }

    fn append(&mut self, bytes: &[u8]) -> Result<(), WriteError> {
        let offset = self.length;
        self.attempt("write", |disk, file| disk.write_at(file, offset, bytes))?;
        self.length += bytes.len() as u64;
        self.unsynced += bytes.len() as u64;
        if self.unsynced >= SYNC_BYTES {
            self.sync()?;
        }
        Ok(())
    }

    fn sync(&mut self) -> Result<(), WriteError> {
        self.unsynced = 0;
        self.attempt("sync", |disk, file| disk.sync_data(file))
    }

    fn publish(&mut self, index: Index) -> Result<(), WriteError> {
        self.sync()?;
        let (from, to) = (self.name, name::file_name(index));
        self.attempt("name", |disk, _| disk.rename(from, &to))?;
        self.file = None;
        let synced = self.disk.sync_directory();
        synced.map_err(|source| WriteError::Directory { file: to, source })
    }

    /// Does something with the file; gives it up if that fails.
    fn attempt(
        &mut self,
        action: &'static str,
        attempt: impl FnOnce(&D, &D::File) -> io::Result<()>,
    ) -> Result<(), WriteError> {
        let Some(file) = &self.file else {
            return Err(WriteError::GivenUp { file: self.name });
        };
        let result = attempt(&self.disk, file).map_err(failed(action, self.name));
        if result.is_err() {
            self.abandon();
        }
        result
    }

    /// Gives the space back, if the disk will have it: if not, the next one or the next boot does.
    fn abandon(&mut self) {
        if self.file.take().is_some() {
            let _ = self.disk.remove(self.name);
        }
    }
}

fn failed(action: &'static str, file: &str) -> impl FnOnce(io::Error) -> WriteError {
    let file = file.to_owned();
    move |source| WriteError::File { action, file, source }
}

#[cfg(test)]
mod tests;
