//! `balsa check`: what is in a data directory, and whether a member would start on it.

use std::fmt::Display;
use std::io::Write;
use std::path::Path;

use raft_core::SnapshotMark;
use storage::data_dir::{self, Found};
use storage::disk::{Disk, FileDisk};
use storage::journal::{self, Cut, Inspected, RecoverError};
use storage::repair::{self, Part};
use storage::snapshot::{self, ReadError};

use super::said;
use crate::data_dir::refuse_etcd;
use crate::exit::Stop;

/// Says what is there, file by file, and fails with the first reason for which a member would not start.
pub(super) fn check(dir: &Path, out: &mut dyn Write) -> Result<(), Stop> {
    let disk = open(dir)?;
    let found = identity(dir, &disk, out)?;
    repairing(dir, &disk, &found, out)?;
    let snapshots = snapshots(dir, &disk, &found, out)?;
    let journal = journal::inspect(&disk, &found, snapshots.newest, &mut |_| {});
    let journal = match (journal, &snapshots.damaged) {
        (Ok(journal), _) => journal,
        (Err(RecoverError::SnapshotMissing { .. }), Some(damage)) => return Err(unsound(dir, damage)),
        (Err(error), _) => return Err(unsound(dir, &error)),
    };
    say_journal(&journal, out)?;
    others(&disk, out)?;
    match snapshots.damaged {
        None => said(writeln!(out, "sound")),
        Some(damage) => Err(unsound(
            dir,
            &format!("{damage}; a member starts on it all the same"),
        )),
    }
}

/// Opens a data directory that holds something of ours, without changing anything.
pub(super) fn open(dir: &Path) -> Result<FileDisk, Stop> {
    refuse_etcd(dir)?;
    FileDisk::open_to_read(dir).map_err(|error| Stop::Tool(error.to_string()))
}

/// Says whose directory it is.
pub(super) fn identity(dir: &Path, disk: &FileDisk, out: &mut dyn Write) -> Result<Found, Stop> {
    let found = data_dir::look(disk).map_err(|error| unsound(dir, &error))?;
    let Some(found) = found else {
        let why = "it holds no file named identity, so it is no data directory of Balsa, or a new one";
        return Err(unsound(dir, &why));
    };
    let identity = found.identity;
    said(writeln!(
        out,
        "identity: cluster {:x}, member {}, data id {:x}, booted {} times{}",
        identity.cluster_id,
        identity.member_id,
        identity.data_id,
        found.boot,
        if found.journal_born {
            ""
        } else {
            ", without a journal yet"
        }
    ))?;
    Ok(found)
}

/// Says whether a damaged member comes back here as another one.
fn repairing(dir: &Path, disk: &FileDisk, found: &Found, out: &mut dyn Write) -> Result<(), Stop> {
    let Some(note) = repair::look(disk).map_err(|error| unsound(dir, &error))? else {
        return Ok(());
    };
    let is_done = found.identity == note.next;
    said(writeln!(
        out,
        "repair {}: member {} was damaged and comes back as {}, to {}; {}",
        note.number,
        note.former.member_id,
        note.next.member_id,
        if note.votes { "vote" } else { "learn" },
        if is_done {
            "its damaged journal is set aside until then"
        } else {
            "a start sets its damaged journal aside"
        }
    ))
}

/// What is known of the snapshots.
struct Snapshots {
    /// The newest sound one: what a boot takes.
    newest: Option<SnapshotMark>,
    /// What is wrong with the newest one that is not.
    damaged: Option<ReadError>,
}

fn snapshots(dir: &Path, disk: &FileDisk, found: &Found, out: &mut dyn Write) -> Result<Snapshots, Stop> {
    let mut known = Snapshots {
        newest: None,
        damaged: None,
    };
    for index in snapshot::survey(disk).map_err(|error| unsound(dir, &error))? {
        let name = snapshot::file_name(index);
        match snapshot::read(disk, found.identity.cluster_id, index) {
            Ok(read) => {
                said(writeln!(
                    out,
                    "{name}: sound, {} bytes, the state after entry {}, revision {}, v2 index {}, fingerprint {:016x}",
                    length(disk, &name),
                    read.mark.position,
                    read.store.revision().0,
                    read.store.tree_index(),
                    read.store.fingerprint()
                ))?;
                known.newest.get_or_insert(read.mark);
            }
            Err(error) => {
                said(writeln!(out, "{name}: NOT SOUND: {error}"))?;
                if error.is_foreign() && known.newest.is_none() {
                    return Err(unsound(dir, &error));
                }
                known.damaged.get_or_insert(error);
            }
        }
    }
    Ok(known)
}

/// Says what is in the segments and what a boot makes of them.
fn say_journal(journal: &Inspected, out: &mut dyn Write) -> Result<(), Stop> {
    for segment in &journal.segments {
        said(writeln!(
            out,
            "{}: sound, {} bytes, {} records, the last one ends at offset {}",
            segment.file, segment.bytes, segment.records, segment.end
        ))?;
    }
    if let Some(Cut { file, offset, bytes }) = &journal.torn {
        said(writeln!(
            out,
            "{file}: an interrupted write at offset {offset}, {bytes} bytes: a start cuts it; nobody was told that it \
             was durable"
        ))?;
    }
    let Some(image) = &journal.image else {
        return said(writeln!(out, "journal: nothing in it yet"));
    };
    let mark = image.snapshot.position;
    let last = image.entries.last().map_or(mark, |entry| entry.position);
    let vote = image.ballot.voted_for.map(|id| format!(", vote for {id}"));
    said(writeln!(
        out,
        "journal: term {}{}, state after entry {mark}, entries up to {last}, committed up to {}, {}",
        image.ballot.term,
        vote.unwrap_or_default(),
        image.commit,
        if journal.sealed { "sealed" } else { "not sealed" }
    ))?;
    let membership = image.membership();
    let members = membership.members();
    let members = members.iter().map(|id| {
        let kind = if membership.is_voter(*id) {
            "voter"
        } else {
            "learner"
        };
        let urls = membership.addresses.get(id).map(|urls| urls.join(","));
        format!("{kind} {id} at {}", urls.unwrap_or_default())
    });
    let members: Vec<String> = members.collect();
    said(writeln!(out, "members: {}", members.join("; ")))
}

/// Says which other files there are.
fn others(disk: &FileDisk, out: &mut dyn Write) -> Result<(), Stop> {
    for name in disk.list().map_err(|error| Stop::Tool(error.to_string()))? {
        let known = name == "identity" || name.starts_with("journal-") || snapshot::index_of(&name).is_some();
        let what = match (name.as_str(), repair::part_of(&name)) {
            _ if known => continue,
            ("identity.next", _) => "space for the next start",
            ("spare", _) => "left from making a file; a start removes it",
            _ if snapshot::is_leftover(&name) => "left from a snapshot that is not whole; a start removes it",
            (_, Some(Part::Note)) => "the note of the repair",
            (_, Some(Part::NextNote)) => "left from making a file; of no use",
            (_, Some(Part::Aside(_))) => "of the damaged journal; removed at the end of the repair",
            _ => "not Balsa's; left alone",
        };
        said(writeln!(out, "{name}: {} bytes, {what}", length(disk, &name)))?;
    }
    Ok(())
}

/// A file's length, for information.
fn length(disk: &FileDisk, name: &str) -> u64 {
    disk.open(name).and_then(|file| disk.length(&file)).unwrap_or(0)
}

/// What the command ends with if the directory is not sound.
pub(super) fn unsound(dir: &Path, error: &dyn Display) -> Stop {
    Stop::Tool(format!("data directory {} is not sound: {error}", dir.display()))
}
