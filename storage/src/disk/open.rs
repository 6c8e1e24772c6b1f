//! Opening directories and files, and why a directory cannot be used.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::LOCK;

/// Why a directory cannot be used.
#[derive(Debug, Error)]
pub enum OpenError {
    /// It belongs to etcd. Nothing in it was changed.
    #[error("{path} is a data directory of etcd, which cannot be read here; name another one")]
    EtcdDirectory {
        /// The directory.
        path: PathBuf,
    },
    /// Another process has it.
    #[error("{path} is in use: another process holds its lock")]
    Locked {
        /// The directory.
        path: PathBuf,
    },
    /// The file system refused.
    #[error("cannot {action} {path}: {source}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

pub(super) fn refuse_etcd(path: &Path) -> Result<(), OpenError> {
    let member = path.join("member");
    if member.join("wal").is_dir() || member.join("snap").is_dir() {
        let path = path.to_owned();
        return Err(OpenError::EtcdDirectory { path });
    }
    Ok(())
}

pub(super) fn unlocked(path: &Path, error: TryLockError) -> OpenError {
    match error {
        TryLockError::WouldBlock => OpenError::Locked {
            path: path.to_owned(),
        },
        TryLockError::Error(source) => OpenError::Io {
            action: "lock",
            path: path.join(LOCK),
            source,
        },
    }
}

#[allow(
    clippy::disallowed_methods,
    reason = "this file is the one that touches files"
)]
pub(super) fn open_file(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    options.mode(0o600).open(path)
}

#[allow(
    clippy::disallowed_methods,
    reason = "this file is the one that touches files"
)]
pub(super) fn open_directory(path: &Path) -> io::Result<File> {
    File::open(path)
}

/// Makes a directory and what is missing above it, durably: a directory's name lives in its parent.
pub(super) fn make_directory(path: &Path) -> io::Result<()> {
    let missing: Vec<&Path> = path
        .ancestors()
        .take_while(|path| !path.as_os_str().is_empty() && !path.exists())
        .collect();
    DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    for made in missing {
        let parent = made.parent().filter(|parent| !parent.as_os_str().is_empty());
        open_directory(parent.unwrap_or(Path::new(".")))?.sync_all()?;
    }
    Ok(())
}
