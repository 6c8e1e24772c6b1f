//! `balsa dump`: all that is in a data directory, a line for each record of the journal, each entry and each row of a
//! snapshot, as far as it is sound.

use std::fmt::{self, Display};
use std::io::Write;
use std::path::Path;

use node::Proposal;
use raft_core::{Body, Entry, LogChange, Save};
use storage::journal::{self, Line};
use storage::snapshot;
use storage::store::command::TreeContent;
use storage::store::rows::Row;

use super::check::{identity, open, unsound};
use super::said;
use crate::exit::Stop;

/// Says all that is there, and fails if some of it cannot be read.
pub(super) fn dump(dir: &Path, out: &mut dyn Write) -> Result<(), Stop> {
    let disk = open(dir)?;
    let found = identity(dir, &disk, out)?;
    let mut wrong = None;
    let mut newest = None;
    for index in snapshot::survey(&disk).map_err(|error| unsound(dir, &error))? {
        let name = snapshot::file_name(index);
        let mut told = Ok(());
        let read = snapshot::read_rows(&disk, &name, |row| {
            if told.is_ok() {
                told = writeln!(out, "{name}: {}", Shown(row));
            }
        });
        said(told)?;
        match read {
            Ok((parser, end)) => {
                let mark = parser.mark().cloned();
                said(writeln!(
                    out,
                    "{name}: end: the state after entry {}, {} rows, {} bytes before compression, fingerprint {:016x}",
                    mark.as_ref().map_or(Default::default(), |mark| mark.position),
                    end.rows,
                    end.bytes,
                    end.fingerprint
                ))?;
                newest = newest.or(mark);
            }
            Err(error) => {
                said(writeln!(out, "{name}: NOT SOUND: {error}"))?;
                wrong.get_or_insert(unsound(dir, &error));
            }
        }
    }
    let mut told = Ok(());
    let journal = journal::inspect(&disk, &found, newest, &mut |line| {
        if told.is_ok() {
            told = say(out, line);
        }
    });
    said(told)?;
    match (journal, wrong) {
        (Err(error), _) => Err(unsound(dir, &error)),
        (_, Some(wrong)) => Err(wrong),
        (Ok(_), None) => Ok(()),
    }
}

/// A record: a line, and one for each entry in it.
fn say(out: &mut dyn Write, line: Line<'_>) -> std::io::Result<()> {
    match line {
        Line::Seal { file, offset, last } => writeln!(out, "{file}: {offset}: seal after entry {last}"),
        Line::Close {
            file,
            offset,
            last,
            next,
        } => writeln!(
            out,
            "{file}: {offset}: close after entry {last}, segment {next:x} follows"
        ),
        Line::Save { file, offset, save } => {
            writeln!(out, "{file}: {offset}: {}", Shown(save))?;
            let entries: &[Entry] = match &save.log {
                LogChange::Append(entries) => entries,
                _ => &[],
            };
            entries.iter().try_for_each(|entry| {
                writeln!(
                    out,
                    "{file}: {offset}: entry {} {}",
                    entry.position,
                    Shown(&entry.body)
                )
            })
        }
    }
}

/// Something as a line.
struct Shown<'a, T>(&'a T);

impl Display for Shown<'_, Save> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "save")?;
        if let Some(ballot) = &self.0.ballot {
            write!(f, " term {}", ballot.term)?;
            if let Some(id) = ballot.voted_for {
                write!(f, " vote {id}")?;
            }
        }
        write!(f, " commit {}", self.0.commit)?;
        match &self.0.log {
            LogChange::Keep => Ok(()),
            LogChange::Append(entries) => write!(f, " appends {}", entries.len()),
            LogChange::Reset(mark) => {
                write!(f, " reset to {} {:?}", mark.position, mark.membership)
            }
        }
    }
}

impl Display for Shown<'_, Body> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Body::Blank => write!(f, "blank"),
            Body::Change(membership) => write!(f, "change {membership:?}"),
            Body::Command(bytes) => match Proposal::decode(bytes) {
                Ok((time, proposal)) => write!(f, "at {} ns {proposal:?}", time.0),
                Err(_) => write!(f, "unknown command \"{}\"", bytes.escape_ascii()),
            },
        }
    }
}

impl Display for Shown<'_, Row> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Row::Key(row) => {
                write!(f, "key \"{}\"", row.key.escape_ascii())?;
                for version in &row.versions {
                    write!(f, " | revision {}", version.modified.0)?;
                    match &version.life {
                        None => write!(f, " deleted")?,
                        Some(life) => write!(
                            f,
                            " created {} version {} value \"{}\"",
                            life.created.0,
                            life.version,
                            life.value.escape_ascii()
                        )?,
                    }
                }
                Ok(())
            }
            Row::Node(row) => {
                write!(
                    f,
                    "node \"{}\" created {} modified {}",
                    row.path.escape_ascii(),
                    row.created,
                    row.modified
                )?;
                if let Some(end) = row.expiration {
                    write!(f, " until {} ns", end.0)?;
                }
                match &row.content {
                    TreeContent::Directory => write!(f, " directory"),
                    TreeContent::File(value) => write!(f, " value \"{}\"", value.escape_ascii()),
                }
            }
            // What else there is has no long values.
            other => write!(f, "{other:?}"),
        }
    }
}
