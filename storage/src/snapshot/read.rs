//! Reading snapshots: one of them, or the one to boot from.

use std::io;

use raft_core::Index;
use thiserror::Error;

use super::damage::{Damage, Flaw};
use super::decode::{Decoder, Snapshot};
use super::name;
use super::parse::{End, Parser};
use crate::disk::Disk;
use crate::store::rows::Row;

/// Bytes that are read at a time.
const PIECE_BYTES: usize = 1 << 20;

/// Why a snapshot cannot be read. Nothing was changed.
#[derive(Debug, Error)]
pub enum ReadError {
    /// It is not what was written.
    #[error("snapshot file {file} is {flaw}")]
    Unsound {
        /// The file.
        file: String,
        /// What is wrong, and where.
        flaw: Flaw,
    },
    /// The disk could not be read.
    #[error("cannot read {file} at offset {offset}: {source}")]
    Io {
        /// What was read.
        file: String,
        /// Bytes from its start.
        offset: u64,
        /// What the disk said.
        source: io::Error,
    },
}

impl ReadError {
    /// Whether the file is sound and not for us: no other one may take its place unasked.
    #[must_use]
    pub fn is_foreign(&self) -> bool {
        let ReadError::Unsound { flaw, .. } = self else {
            return false;
        };
        matches!(flaw.reason, Damage::Newer { .. } | Damage::OtherCluster { .. })
    }
}

/// The snapshot to boot from.
#[derive(Debug)]
pub struct Choice {
    /// The newest that is sound; None if there is none. Whether the journal reaches back to it is for the journal's
    /// recovery to say.
    pub snapshot: Option<Snapshot>,
    /// Newer ones that are not sound: for the log. They are left as they are.
    pub passed_over: Vec<ReadError>,
}

/// Reads the newest snapshot that is sound.
///
/// # Errors
/// If the directory cannot be listed; about a snapshot that is another cluster's or a later release's, if no newer one is
/// sound.
pub fn choose<D: Disk>(disk: &D, cluster_id: u64) -> Result<Choice, ReadError> {
    let mut passed_over = Vec::new();
    for index in survey(disk)? {
        match read(disk, cluster_id, index) {
            Ok(snapshot) => {
                return Ok(Choice {
                    snapshot: Some(snapshot),
                    passed_over,
                });
            }
            Err(error) if error.is_foreign() => return Err(error),
            Err(error) => passed_over.push(error),
        }
    }
    Ok(Choice {
        snapshot: None,
        passed_over,
    })
}

/// The snapshots there are, by their names; the newest first.
///
/// # Errors
/// If the directory cannot be listed.
pub fn survey<D: Disk>(disk: &D) -> Result<Vec<Index>, ReadError> {
    let names = disk.list().map_err(reading("the data directory", 0))?;
    let mut found: Vec<Index> = names.iter().filter_map(|name| name::index_of(name)).collect();
    found.sort_unstable_by(|left, right| right.cmp(left));
    Ok(found)
}

/// The bytes of all snapshots there are, whole or not.
///
/// # Errors
/// If the directory cannot be listed, or a file not be opened. One that goes meanwhile is passed over.
pub fn bytes<D: Disk>(disk: &D) -> Result<u64, ReadError> {
    let mut bytes = 0;
    for name in disk.list().map_err(reading("the data directory", 0))? {
        if name::index_of(&name).is_none() && !name::is_leftover(&name) {
            continue;
        }
        let length = disk.open(&name).and_then(|file| disk.length(&file));
        match length {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            length => bytes += length.map_err(reading(&name, 0))?,
        }
    }
    Ok(bytes)
}

/// Reads the snapshot of a cluster at an index.
///
/// # Errors
/// See [`ReadError`].
pub fn read<D: Disk>(disk: &D, cluster_id: u64, index: Index) -> Result<Snapshot, ReadError> {
    read_with(disk, Decoder::of_cluster(cluster_id), index)
}

/// Reads the snapshot at an index, whatever cluster it is of.
///
/// # Errors
/// See [`ReadError`].
pub fn read_any<D: Disk>(disk: &D, index: Index) -> Result<Snapshot, ReadError> {
    read_with(disk, Decoder::of_any_cluster(), index)
}

fn read_with<D: Disk>(disk: &D, mut decoder: Decoder, index: Index) -> Result<Snapshot, ReadError> {
    let name = name::file_name(index);
    read_pieces(disk, &name, &mut |piece| decoder.take(piece))?;
    let snapshot = decoder.finish().map_err(unsound(&name))?;
    let found = snapshot.mark.position.index;
    if found == index {
        Ok(snapshot)
    } else {
        Err(unsound(&name)(Flaw::other_mark(found, index)))
    }
}

/// Reads the rows of a file, whatever cluster it is of, and yields what its header and end say. Whether the rows make a
/// state is not looked into.
///
/// # Errors
/// See [`ReadError`].
pub fn read_rows<D: Disk>(
    disk: &D,
    file_name: &str,
    mut visit: impl FnMut(&Row),
) -> Result<(Parser, End), ReadError> {
    let mut parser = Parser::default();
    let mut visit = |row| {
        visit(&row);
        Ok(())
    };
    read_pieces(disk, file_name, &mut |piece| parser.take(piece, &mut visit))?;
    let end = parser.finish().map_err(unsound(file_name))?;
    Ok((parser, end))
}

fn read_pieces<D: Disk>(
    disk: &D,
    name: &str,
    take: &mut dyn FnMut(&[u8]) -> Result<(), Flaw>,
) -> Result<(), ReadError> {
    let file = disk.open(name).map_err(reading(name, 0))?;
    let length = disk.length(&file).map_err(reading(name, 0))?;
    let mut piece = Vec::new();
    let mut offset = 0;
    while offset < length {
        let left = usize::try_from(length - offset).unwrap_or(usize::MAX);
        piece.resize(left.min(PIECE_BYTES), 0);
        disk.read_at(&file, offset, &mut piece)
            .map_err(reading(name, offset))?;
        take(&piece).map_err(unsound(name))?;
        offset += piece.len() as u64;
    }
    Ok(())
}

fn reading(file: &str, offset: u64) -> impl FnOnce(io::Error) -> ReadError {
    let file = file.to_owned();
    move |source| ReadError::Io { file, offset, source }
}

fn unsound(file: &str) -> impl FnOnce(Flaw) -> ReadError {
    let file = file.to_owned();
    move |flaw| ReadError::Unsound { file, flaw }
}

#[cfg(test)]
mod tests;
