//! The files of one data directory, as the journal sees them: a handful of operations with stated promises. The
//! server's disk is [`FileDisk`]; the simulator brings its own, which keeps these promises and nothing beyond them.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use direct::Direct;
use open::{make_directory, open_directory, open_file, refuse_etcd, unlocked};

mod direct;
mod open;

pub use direct::DiskFile;
pub use open::OpenError;

/// Bytes of a sector: what a disk writes whole or not at all.
pub const SECTOR: usize = 512;

/// One flat directory of files. A value is a handle: its clones are the same directory.
///
/// **What a crash leaves.** A *name* is durable once [`sync_directory`](Disk::sync_directory) has returned after it was
/// made, renamed or removed; until then a crash leaves it as it was or as it became, each name for itself. *Bytes* are
/// durable once [`sync_data`](Disk::sync_data) has returned after they were written; until then each sector of a write
/// may have reached the disk or not, in any combination, but within a sector all bytes are old or all are new. Bytes
/// that are durable stay so while their sector is written again, unless that write changes them.
///
/// **What an error leaves.** After a failed write or sync nobody knows what is on the disk, and asking again is no
/// answer: a kernel may report a lost page once and call it clean afterwards. The caller stops using the file.
pub trait Disk: Clone {
    /// An open file; it stays valid when the file is renamed or removed.
    type File: std::fmt::Debug;

    /// The names of all files, in order. Directories and the disk's own lock are not among them.
    ///
    /// # Errors
    /// If the directory cannot be read.
    fn list(&self) -> io::Result<Vec<String>>;

    /// Makes a file of `bytes` zeros, its size and zeros durable when this returns; its name is not yet. Space for
    /// all of it is taken, so that overwriting it cannot run out of space.
    ///
    /// # Errors `AlreadyExists` if the name is taken; `StorageFull` or `QuotaExceeded` if there is no space. After an
    /// error, or a crash on the way, a shorter file of zeros may stand under that name.
    fn create(&self, name: &str, bytes: u64) -> io::Result<Self::File>;

    /// Opens a file for reading and writing.
    ///
    /// # Errors
    /// `NotFound` if there is none of that name.
    fn open(&self, name: &str) -> io::Result<Self::File>;

    /// The file's length in bytes.
    ///
    /// # Errors
    /// If the disk will not say.
    fn length(&self, file: &Self::File) -> io::Result<u64>;

    /// Fills `into` from `offset` on. Sees all writes made before it, durable or not.
    ///
    /// # Errors
    /// `UnexpectedEof` if the file ends before `into` is full.
    fn read_at(&self, file: &Self::File, offset: u64, into: &mut [u8]) -> io::Result<()>;

    /// Writes `bytes` at `offset`, in one request. Not durable yet. What ends beyond the file's end makes it longer; a
    /// crash before the sync leaves any length between, with zeros for sectors that are lost.
    ///
    /// # Errors
    /// If any byte could not be written; which were is not known. `StorageFull` or `QuotaExceeded` if there is no space
    /// for a longer file.
    fn write_at(&self, file: &Self::File, offset: u64, bytes: &[u8]) -> io::Result<()>;

    /// Makes the first `bytes` of a file zeros, durable when this returns. After an error, or a crash on the way, any
    /// part of them may be.
    ///
    /// # Errors
    /// If any byte may not be zero on the disk.
    fn zero(&self, file: &Self::File, bytes: u64) -> io::Result<()>;

    /// Makes all bytes written to this file durable (fdatasync).
    ///
    /// # Errors
    /// If any may be lost. Calling it again proves nothing.
    fn sync_data(&self, file: &Self::File) -> io::Result<()>;

    /// Gives a file another name. A file that had that name is replaced at once: the name is never free or half
    /// changed. Durable after [`sync_directory`](Disk::sync_directory).
    ///
    /// # Errors
    /// `NotFound` if there is no file `from`.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a file. Durable after [`sync_directory`](Disk::sync_directory).
    ///
    /// # Errors
    /// `NotFound` if there is none of that name.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// Makes all names durable as they stand now.
    ///
    /// # Errors
    /// If any may be lost. Calling it again proves nothing.
    fn sync_directory(&self) -> io::Result<()>;
}

/// Whether an error of [`Disk::create`] says that there is no room, by the disk, a quota or the process's own limits (of
/// file sizes or of descriptors), rather than that the disk failed.
#[must_use]
pub fn is_out_of_space(error: &io::Error) -> bool {
    const ENFILE: i32 = 23;
    const EMFILE: i32 = 24;
    matches!(error.raw_os_error(), Some(ENFILE | EMFILE))
        || matches!(
            error.kind(),
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge
        )
}

/// A directory of a real file system, locked for as long as any clone of this handle lives.
#[derive(Clone, Debug)]
pub struct FileDisk {
    held: Arc<Held>,
}

#[derive(Debug)]
struct Held {
    path: PathBuf,
    /// For syncing names.
    directory: File,
    /// The lock goes when this is closed, by us or by the end of the process, however it ends. None if there is nothing
    /// to lock, because nothing was ever written.
    _lock: Option<File>,
    to_read: bool,
}

/// The lock file of a [`FileDisk`]; always empty.
const LOCK: &str = "LOCK";

/// How many zeros go into a new file at a time, each piece with a sync of its own: one sync of a whole segment would keep
/// the disk from the short syncs of Saves for as long as it takes.
const ZEROS: usize = 4 << 20;

/// The flag of open(2) for writing past the page cache, where there is one.
#[cfg(target_os = "linux")]
const DIRECT: Option<i32> = Some(rustix::fs::OFlags::DIRECT.bits().cast_signed());
#[cfg(not(target_os = "linux"))]
const DIRECT: Option<i32> = None;

impl FileDisk {
    /// Opens the directory `path`, making it (mode 0700, and its parents) if it is not there, and locks it.
    ///
    /// # Errors
    /// [`OpenError::EtcdDirectory`] before anything is touched, [`OpenError::Locked`] if another process has it,
    /// [`OpenError::Io`] if the file system refuses.
    pub fn open(path: &Path) -> Result<FileDisk, OpenError> {
        let failed = |action, path: &Path| {
            let path = path.to_owned();
            move |source| OpenError::Io { action, path, source }
        };
        refuse_etcd(path)?;
        make_directory(path).map_err(failed("make", path))?;
        let directory = open_directory(path).map_err(failed("open", path))?;
        let lock_path = path.join(LOCK);
        let lock = open_file(OpenOptions::new().read(true).write(true).create(true), &lock_path)
            .map_err(failed("open", &lock_path))?;
        lock.try_lock().map_err(|error| unlocked(path, error))?;
        let held = Held {
            path: path.to_owned(),
            directory,
            _lock: Some(lock),
            to_read: false,
        };
        Ok(FileDisk { held: Arc::new(held) })
    }

    /// Opens the directory `path`, if it is there, to be read only: nothing in it is made or changed, and every operation
    /// that would do so fails. Others may read it too, and nobody may write to it.
    ///
    /// # Errors
    /// As of [`FileDisk::open`].
    pub fn open_to_read(path: &Path) -> Result<FileDisk, OpenError> {
        let failed = |path: &Path| {
            let (action, path) = ("open", path.to_owned());
            move |source| OpenError::Io { action, path, source }
        };
        refuse_etcd(path)?;
        let directory = open_directory(path).map_err(failed(path))?;
        let lock_path = path.join(LOCK);
        let lock = match open_file(OpenOptions::new().read(true), &lock_path) {
            Ok(lock) => Some(lock),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(failed(&lock_path)(error)),
        };
        if let Some(lock) = &lock {
            lock.try_lock_shared().map_err(|error| unlocked(path, error))?;
        }
        let held = Held {
            path: path.to_owned(),
            directory,
            _lock: lock,
            to_read: true,
        };
        Ok(FileDisk { held: Arc::new(held) })
    }

    /// Where the directory is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.held.path
    }

    fn refuse_to_write(&self) -> io::Result<()> {
        if self.held.to_read {
            return Err(io::ErrorKind::ReadOnlyFilesystem.into());
        }
        Ok(())
    }

    /// Opens a file once more, to be written directly, if it can be.
    fn with_direct(&self, name: &str, file: File, length: u64) -> DiskFile {
        let is_whole = length > 0 && length.is_multiple_of(direct::BLOCK as u64);
        let opened = DIRECT
            .filter(|_| is_whole && !self.held.to_read)
            .and_then(|flag| {
                let mut options = OpenOptions::new();
                options.read(true).write(true).custom_flags(flag);
                open_file(&mut options, &self.path_of(name)).ok()
            });
        DiskFile::new(file, opened.and_then(|file| Direct::of(file, length)))
    }

    fn path_of(&self, name: &str) -> PathBuf {
        debug_assert!(!name.contains('/'), "the directory is flat");
        self.held.path.join(name)
    }
}

impl Disk for FileDisk {
    type File = DiskFile;

    fn list(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in self.held.path.read_dir()? {
            let entry = entry?;
            // A name that is not UTF-8 is not one of ours.
            if entry.file_type()?.is_file()
                && let Ok(name) = entry.file_name().into_string()
                && name != LOCK
            {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }

    fn create(&self, name: &str, bytes: u64) -> io::Result<DiskFile> {
        self.refuse_to_write()?;
        let file = open_file(
            OpenOptions::new().read(true).write(true).create_new(true),
            &self.path_of(name),
        )?;
        // Zeros are written rather than allocated: the first write into allocated but unwritten space changes the file
        // system's own records too, which more than doubles the time of each sync.
        let filled = fill(&file, bytes).and_then(|()| file.sync_all());
        match filled {
            Ok(()) => {
                let file = self.with_direct(name, file, bytes);
                file.is_zero();
                Ok(file)
            }
            Err(error) => {
                // The space is given back if that is possible; the error to report is the first one.
                let _ = self.remove(name);
                Err(error)
            }
        }
    }

    fn open(&self, name: &str) -> io::Result<DiskFile> {
        let write = !self.held.to_read;
        let file = open_file(OpenOptions::new().read(true).write(write), &self.path_of(name))?;
        let length = file.metadata()?.len();
        Ok(self.with_direct(name, file, length))
    }

    fn length(&self, file: &DiskFile) -> io::Result<u64> {
        Ok(file.file.metadata()?.len())
    }

    fn read_at(&self, file: &DiskFile, offset: u64, into: &mut [u8]) -> io::Result<()> {
        file.file.read_exact_at(into, offset)
    }

    fn write_at(&self, file: &DiskFile, offset: u64, bytes: &[u8]) -> io::Result<()> {
        file.write_at(offset, bytes)
    }

    fn zero(&self, file: &DiskFile, bytes: u64) -> io::Result<()> {
        fill(&file.file, bytes)?;
        if bytes >= self.length(file)? {
            file.is_zero();
        }
        Ok(())
    }

    fn sync_data(&self, file: &DiskFile) -> io::Result<()> {
        file.file.sync_data()
    }

    #[allow(
        clippy::disallowed_methods,
        reason = "this file is the one that touches files"
    )]
    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.refuse_to_write()?;
        std::fs::rename(self.path_of(from), self.path_of(to))
    }

    #[allow(
        clippy::disallowed_methods,
        reason = "this file is the one that touches files"
    )]
    fn remove(&self, name: &str) -> io::Result<()> {
        self.refuse_to_write()?;
        std::fs::remove_file(self.path_of(name))
    }

    fn sync_directory(&self) -> io::Result<()> {
        self.held.directory.sync_all()
    }
}

fn fill(file: &File, bytes: u64) -> io::Result<()> {
    let zeros = vec![0; ZEROS.min(usize::try_from(bytes).unwrap_or(ZEROS))];
    let mut offset = 0;
    while offset < bytes {
        let left = usize::try_from(bytes - offset).unwrap_or(ZEROS);
        let chunk = &zeros[..left.min(zeros.len())];
        file.write_all_at(chunk, offset)?;
        file.sync_data()?;
        offset += chunk.len() as u64;
    }
    Ok(())
}

#[cfg(test)]
pub(crate) mod model;
#[cfg(test)]
mod tests;
