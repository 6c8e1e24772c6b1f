//! The fault matrix: every fault in every place, and what the member does. `FAULTS.md` beside the crate is this test's output.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::ops::Range;

use super::damage::{Outcome, damaged, files, outcome};
use super::run::Run;
use crate::disk::{Disk, SECTOR};
use crate::journal::scan::tests_only::records;

const KEPT: &str = include_str!("../../../FAULTS.md");

/// A place: a file, and bytes of it.
struct Place {
    what: &'static str,
    file: String,
    range: Range<usize>,
}

fn places(run: &Run, sealed: bool) -> Vec<Place> {
    let files = files(run);
    let place = |what, file: &str, range| Place {
        what,
        file: file.to_owned(),
        range,
    };
    let (newest, newest_bytes) = files.last().expect("a journal");
    let older = files.iter().rev().skip(1).find(|(name, bytes)| {
        name.starts_with("journal-") && records(bytes).last().is_some_and(|last| last.end < bytes.len())
    });
    let (older, older_bytes) = older.expect("one with room at its end");
    let mut all = records(newest_bytes);
    let seal = if sealed { all.pop() } else { None };
    let last = all.pop().expect("a Save");
    let mut old = records(older_bytes);
    let close = old.pop().expect("the record that closes it");
    let (first, end) = (old[0].clone(), close.end);
    let mut places = vec![place(
        if sealed {
            "last Save, sealed"
        } else {
            "last Save, not sealed"
        },
        newest,
        last.clone(),
    )];
    if let Some(seal) = seal {
        places.extend([
            place("identity", "identity", 0..56),
            place("header of an older segment", older, 0..104),
            place("Save in an older segment", older, first),
            place("last Save of an older segment", older, old[old.len() - 1].clone()),
            place("record that closes an older segment", older, close),
            place(
                "behind the end of an older segment",
                older,
                end..older_bytes.len(),
            ),
            place("header of the newest segment", newest, 0..104),
            place("Save before the last", newest, all[all.len() - 1].clone()),
            place("Seal", newest, seal.clone()),
            place("behind the end", newest, seal.end..newest_bytes.len()),
        ]);
    }
    places
}

fn words(outcomes: &BTreeSet<Outcome>) -> String {
    let mut words: Vec<&str> = outcomes
        .iter()
        .map(|outcome| match outcome {
            Outcome::Refused { text, loss: true } if text.contains("offset") => {
                "is replaced or stops: file, offset, reason"
            }
            Outcome::Refused { loss: true, .. } => "is replaced or stops: file, reason",
            Outcome::Refused { text, .. } if text.contains("offset") => "stops: file, offset, reason",
            Outcome::Refused { .. } => "stops: file, reason",
            Outcome::Whole { reported: true } => "starts, nothing lost, says what it cut",
            Outcome::Whole { reported: false } => "starts, nothing lost",
            Outcome::LastSaveCut => "starts without the last Save, says so",
            Outcome::Lost => "LOST",
        })
        .collect();
    words.sort_unstable();
    words.dedup();
    if words.is_empty() {
        "cannot be".to_owned()
    } else {
        words.join("; or ")
    }
}

/// What a fault does to the bytes at a place, in all its ways.
type Ways = Vec<Way>;
type Way = Box<dyn FnOnce(&mut Vec<u8>)>;

fn flips(place: &Place, _: &[u8], _: &[u8]) -> Ways {
    let range = place.range.clone();
    range
        .map(|at| -> Way { Box::new(move |bytes| bytes[at] ^= 1 << (at % 8)) })
        .collect()
}

fn sectors(place: &Place) -> impl Iterator<Item = Range<usize>> + use<> {
    let range = place.range.clone();
    (range.start / SECTOR..range.end.div_ceil(SECTOR))
        .map(move |at| range.start.max(at * SECTOR)..range.end.min((at + 1) * SECTOR))
}

/// Of a sector, what belongs to the place; what a sector shares with another place is that one's row.
fn zeros(place: &Place, now: &[u8], _: &[u8]) -> Ways {
    let of_something = sectors(place).filter(|range| now[range.clone()].iter().any(|&byte| byte != 0));
    of_something
        .map(|range| -> Way { Box::new(move |bytes| bytes[range].fill(0)) })
        .collect()
}

fn garbage(place: &Place, _: &[u8], _: &[u8]) -> Ways {
    sectors(place)
        .map(|range| -> Way { Box::new(move |bytes| bytes[range].fill(0xa5)) })
        .collect()
}

fn cuts(place: &Place, _: &[u8], _: &[u8]) -> Ways {
    let range = place.range.clone();
    range
        .map(|at| -> Way { Box::new(move |bytes| bytes.truncate(at)) })
        .collect()
}

/// A write that went astray: the sector holds another one of the journal's.
fn strays(place: &Place, now: &[u8], other: &[u8]) -> Ways {
    let mut ways: Ways = Vec::new();
    for range in sectors(place) {
        for start in (0..other.len()).step_by(SECTOR) {
            let stray = other[start..other.len().min(start + SECTOR)].to_vec();
            let length = range.len().min(stray.len());
            if stray[..length] != now[range.start..range.start + length] {
                let at = range.start;
                ways.push(Box::new(move |bytes| {
                    bytes[at..at + length].copy_from_slice(&stray[..length])
                }));
            }
        }
    }
    ways
}

type Fault = (&'static str, fn(&Place, &[u8], &[u8]) -> Ways);

const FAULTS: &[Fault] = &[
    ("a bit flips", flips),
    ("a sector reads as zeros", zeros),
    ("a sector reads as garbage", garbage),
    ("a sector holds another one", strays),
    ("the file is cut", cuts),
];

fn of_bytes(run: &Run, place: &Place, fault: &Fault) -> BTreeSet<Outcome> {
    let files = files(run);
    let now = &files
        .iter()
        .find(|(name, _)| *name == place.file)
        .expect("its file")
        .1;
    let other = &files
        .iter()
        .rfind(|(name, _)| *name != place.file)
        .expect("another")
        .1;
    (fault.1)(place, now, other)
        .into_iter()
        .map(|way| damaged(run, &place.file, way))
        .collect()
}

fn of_files(table: &mut String, run: &Run) {
    let names: Vec<String> = files(run).into_iter().map(|(name, _)| name).collect();
    let (older, newest) = (&names[names.len() - 2], &names[names.len() - 1]);
    let mut row = |fault: &str, place: &str, change: &dyn Fn(&crate::disk::model::ModelDisk)| {
        let disk = run.disk.copy();
        change(&disk);
        let found = words(&BTreeSet::from([outcome(run, &disk)]));
        writeln!(table, "| {fault} | {place} | {found} |").expect("memory");
    };
    row("the file is missing", "identity", &|disk| {
        disk.remove("identity").unwrap()
    });
    row(
        "the file is missing",
        "a segment between two others, or that no snapshot covers",
        &|disk| {
            disk.remove(older).unwrap();
        },
    );
    row("the file is missing", "newest segment", &|disk| {
        disk.remove(newest).unwrap()
    });
    row("the file is missing", "all segments", &|disk| {
        for name in names.iter().filter(|name| name.starts_with("journal-")) {
            disk.remove(name).unwrap();
        }
    });
    for (place, name) in [
        ("identity", "identity"),
        ("older segment", older),
        ("newest segment", newest),
    ] {
        row("the file is empty", place, &|disk| disk.tamper(name, Vec::clear));
        row("the file reads as zeros", place, &|disk| {
            disk.tamper(name, |bytes| bytes.fill(0))
        });
    }
    row(
        "all files but the snapshots are missing",
        "data directory",
        &|disk| {
            for name in disk.list().unwrap() {
                disk.remove(&name).unwrap();
            }
            disk.create("snapshot-000000000000000a", 100).unwrap();
        },
    );
    row("two files have changed names", "two segments", &|disk| {
        disk.rename(older, "aside").unwrap();
        disk.rename(newest, older).unwrap();
        disk.rename("aside", newest).unwrap();
    });
    row("the file has grown", "newest segment", &|disk| {
        disk.tamper(newest, |bytes| bytes.resize(bytes.len() + 512, 0));
    });
    row("the file is there", "a spare of any content", &|disk| {
        disk.create("spare", 100).unwrap();
    });
}

fn table() -> String {
    let mut table = String::from(
        "# What a member does about damage\n\n\
         Each fault is put everywhere it can be in its place, one at a time, and the member is started: a bit in every byte, every \
         sector, a cut at every offset. \"Stops\" leaves the disk as it is. \"Is replaced\": if the other \
         members have a quorum they take it in under a new id, with a copy of theirs; alone, or without a quorum, it stops. A *Seal* follows the last Save after a second of idleness \
         and at a clean stop. This page is checked by a test, `storage/src/journal/tests/matrix.rs`; `FORMAT.md` has the rules.\n\n\
         | fault | place | what the member does |\n|---|---|---|\n",
    );
    let (unsealed, sealed) = (Run::whole(), Run::sealed());
    for fault in FAULTS {
        for (run, is_sealed) in [(&sealed, true), (&unsealed, false)] {
            for place in places(run, is_sealed) {
                let outcomes = of_bytes(run, &place, fault);
                // What is zero reads as zeros without any fault.
                if !outcomes.is_empty() {
                    let found = words(&outcomes);
                    writeln!(table, "| {} | {} | {found} |", fault.0, place.what).expect("memory");
                }
            }
        }
    }
    of_files(&mut table, &sealed);
    table
}

#[test]
#[allow(clippy::disallowed_methods, reason = "the page is written by hand")]
fn the_fault_matrix_is_that_of_the_document() {
    let table = table();
    println!("{table}");
    if std::env::var_os("REWRITE_GOLDEN").is_some() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("FAULTS.md");
        std::fs::write(path, &table).expect("the document");
        return;
    }
    assert!(!table.contains("LOST"));
    assert_eq!(table, KEPT);
}
