//! What can be done with a data directory while no member runs on it: check it, dump it, make one from a snapshot.

mod check;
mod dump;
mod restore;

use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::path::PathBuf;

use crate::cli::{Arguments, Start};
use crate::exit::Stop;
use crate::help;
use restore::Restoring;

/// What to do.
#[derive(Debug)]
pub(crate) enum Tool {
    /// Say what is in a data directory, and whether it is sound.
    Check(PathBuf),
    /// Say all that is in it.
    Dump(PathBuf),
    /// Make one from a snapshot.
    Restore(Box<Restoring>),
}

/// The tools by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Name {
    Check,
    Dump,
    Restore,
}

impl Tool {
    /// The tool that an argument names, if it is the first one.
    pub(crate) fn named(argument: &OsStr) -> Option<Name> {
        match argument.to_str()? {
            "check" => Some(Name::Check),
            "dump" => Some(Name::Dump),
            "restore" => Some(Name::Restore),
            _ => None,
        }
    }

    /// Does it, and says what there is to say.
    pub(crate) fn run(&self, out: &mut dyn Write) -> Result<(), Stop> {
        match self {
            Tool::Check(dir) => check::check(dir, out),
            Tool::Dump(dir) => dump::dump(dir, out),
            Tool::Restore(restoring) => restoring.run(out),
        }
    }
}

/// Reads the arguments behind a tool's name.
pub(crate) fn parse(name: Name, arguments: impl Iterator<Item = OsString>) -> Result<Start, Stop> {
    let mut arguments = Arguments { rest: arguments };
    match name {
        Name::Restore => restore::parse(&mut arguments),
        Name::Check | Name::Dump => {
            let usage = match name {
                Name::Check => "balsa check DATA_DIR",
                _ => "balsa dump DATA_DIR",
            };
            let dir = match (arguments.rest.next(), arguments.rest.next()) {
                (Some(dir), None) => dir,
                _ => return Err(Stop::Usage(usage)),
            };
            match dir.to_str() {
                Some("-h" | "-help" | "--help") => return Ok(Start::Print(help::help())),
                Some(flag) if flag.starts_with('-') => return Err(Stop::Usage(usage)),
                _ => {}
            }
            let dir = PathBuf::from(dir);
            Ok(Start::Use(match name {
                Name::Check => Tool::Check(dir),
                _ => Tool::Dump(dir),
            }))
        }
    }
}

/// Whether to go on after a write to standard output: nobody is left to read behind `| head`, which is no failure.
fn said(result: io::Result<()>) -> Result<(), Stop> {
    match result {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Stop::Tool(format!("cannot write to standard output: {error}")))
        }
        _ => Ok(()),
    }
}
