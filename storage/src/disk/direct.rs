//! Files that are written past the page cache, where the file system takes that: a Save and its sync then take a third less time.
//!
//! Such a write is of whole blocks, from memory that begins at one. What of the first and the last block is not written is
//! written again as it stands there; so each file keeps the block that it wrote last.

use std::cell::RefCell;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// What direct writes begin and end with, in the file and in memory: a multiple of what any disk asks for.
pub(super) const BLOCK: usize = 4096;
/// Bytes that go through the memory at a time.
const PIECE: usize = 1 << 20;

/// An open file.
#[derive(Debug)]
pub struct DiskFile {
    /// Reads, syncs, and writes what cannot be written directly.
    pub(super) file: File,
    direct: RefCell<Option<Direct>>,
}

/// A file whose length is a number of blocks and stays so.
#[derive(Debug)]
pub(super) struct Direct {
    /// The same one, opened to be written directly.
    file: File,
    length: u64,
    /// From here on all is zero, as far as is known.
    zero_from: u64,
    /// The block written last, and where it is.
    last: Option<(u64, Vec<u8>)>,
    /// Whole blocks begin somewhere in it. Kept for its memory.
    memory: Vec<u8>,
}

impl DiskFile {
    pub(super) fn new(file: File, direct: Option<Direct>) -> DiskFile {
        DiskFile {
            file,
            direct: RefCell::new(direct),
        }
    }

    pub(super) fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut held = self.direct.borrow_mut();
        let Some(direct) = held.as_mut().filter(|direct| direct.takes(offset, bytes.len())) else {
            *held = None;
            return self.file.write_all_at(bytes, offset);
        };
        let mut written = 0;
        // Every piece but the first begins with a block.
        for piece in pieces(offset, bytes) {
            match direct.write(&self.file, offset + written as u64, piece) {
                Ok(()) => written += piece.len(),
                Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
                    // The file system will not, and has done nothing.
                    *held = None;
                    return self.file.write_all_at(&bytes[written..], offset + written as u64);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// All of it is zero now.
    pub(super) fn is_zero(&self) {
        if let Some(direct) = self.direct.borrow_mut().as_mut() {
            (direct.zero_from, direct.last) = (0, None);
        }
    }
}

fn pieces(offset: u64, bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let within = usize::try_from(offset % BLOCK as u64).expect("less than a block");
    let first = bytes.len().min(PIECE - within);
    let (first, rest) = bytes.split_at(first);
    std::iter::once(first).chain(rest.chunks(PIECE))
}

impl Direct {
    /// `file` is opened to be written directly, and `length` bytes long; None if it cannot be, or if the file system only said
    /// that it would.
    pub(super) fn of(file: File, length: u64) -> Option<Direct> {
        let mut direct = Direct {
            file,
            length,
            zero_from: u64::MAX,
            last: None,
            memory: Vec::new(),
        };
        if length == 0 || !length.is_multiple_of(BLOCK as u64) {
            return None;
        }
        let range = direct.reserve(BLOCK);
        direct.file.read_exact_at(&mut direct.memory[range], 0).ok()?;
        Some(direct)
    }

    fn takes(&self, offset: u64, bytes: usize) -> bool {
        bytes > 0 && offset.saturating_add(bytes as u64) <= self.length
    }

    fn write(&mut self, reader: &File, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let end = offset + bytes.len() as u64;
        let (first, behind) = (offset - offset % BLOCK as u64, end.next_multiple_of(BLOCK as u64));
        let length = usize::try_from(behind - first).expect("a piece and two blocks");
        let range = self.reserve(length);
        if first < offset {
            self.load(reader, first, range.start)?;
        }
        if end < behind && (behind - BLOCK as u64 > first || first == offset) {
            self.load(reader, behind - BLOCK as u64, range.end - BLOCK)?;
        }
        let start = range.start + usize::try_from(offset - first).expect("less than a block");
        self.memory[start..start + bytes.len()].copy_from_slice(bytes);
        let (_, mut last) = self.last.take().unwrap_or_default();
        self.file.write_all_at(&self.memory[range.clone()], first)?;
        last.clear();
        last.extend_from_slice(&self.memory[range.end - BLOCK..range.end]);
        self.last = Some((behind - BLOCK as u64, last));
        if self.zero_from < u64::MAX {
            self.zero_from = self.zero_from.max(behind);
        }
        Ok(())
    }

    /// Puts the block at `block` into the memory at `at`, as it stands in the file.
    fn load(&mut self, reader: &File, block: u64, at: usize) -> io::Result<()> {
        let into = &mut self.memory[at..at + BLOCK];
        match &self.last {
            Some((place, last)) if *place == block => into.copy_from_slice(last),
            _ if self.zero_from <= block => into.fill(0),
            _ => reader.read_exact_at(into, block)?,
        }
        Ok(())
    }

    /// Makes room for so many bytes of whole blocks; where they are in the memory.
    fn reserve(&mut self, bytes: usize) -> std::ops::Range<usize> {
        if self.memory.len() < bytes + BLOCK {
            self.memory = vec![0; bytes + BLOCK];
        }
        let start = self.memory.as_ptr().align_offset(BLOCK);
        start..start + bytes
    }
}

#[cfg(test)]
mod tests;
