//! Bits flip, sectors are lost, files are cut: everywhere.

use std::collections::BTreeMap;

use super::run::Run;
use crate::disk::model::ModelDisk;
use crate::disk::{Disk, SECTOR};
use crate::journal::RecoverError;
use crate::journal::scan::tests_only::records;

/// What came of damage.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Outcome {
    /// The member stops. What it says names the file, and where in it.
    Refused {
        /// What it says.
        text: String,
        /// Whether the others, if there is a quorum of them, may take it in as a new member.
        loss: bool,
    },
    /// The member starts with all that was promised.
    Whole {
        /// Something was cut, and it says so.
        reported: bool,
    },
    /// The member starts with all but the last Save, and says that it cut one.
    LastSaveCut,
    /// The worst: a member that does not know what it lost.
    Lost,
}

/// What a member does that finds `disk`, after `run`.
pub(super) fn outcome(run: &Run, disk: &ModelDisk) -> Outcome {
    let before = disk.contents();
    match run.open_disk(disk) {
        Err(error) => {
            // The boot was counted, if the identity was sound. Nothing else was touched.
            let others = |contents: BTreeMap<String, Vec<u8>>| {
                let mut contents = contents;
                contents.retain(|name, _| !name.starts_with("identity"));
                contents
            };
            assert_eq!(others(disk.contents()), others(before), "{error}");
            let loss = error
                .downcast_ref::<RecoverError>()
                .is_some_and(RecoverError::is_loss);
            Outcome::Refused {
                text: error.to_string(),
                loss,
            }
        }
        Ok(recovered) if recovered.image == run.image_of(run.history.len()) => Outcome::Whole {
            reported: recovered.cut.is_some(),
        },
        Ok(recovered)
            if recovered.cut.is_some() && recovered.image == run.image_of(run.history.len() - 1) =>
        {
            Outcome::LastSaveCut
        }
        Ok(_) => Outcome::Lost,
    }
}

/// The files that hold something, and their bytes.
pub(super) fn files(run: &Run) -> Vec<(String, Vec<u8>)> {
    let files = run.disk.contents().into_iter();
    files
        .filter(|(name, _)| name.starts_with("journal-") || name == "identity")
        .collect()
}

pub(super) fn damaged(run: &Run, name: &str, change: impl FnOnce(&mut Vec<u8>)) -> Outcome {
    let disk = run.disk.copy();
    disk.tamper(name, change);
    outcome(run, &disk)
}

fn names(outcome: &Outcome, file: &str) -> bool {
    matches!(outcome, Outcome::Refused { text, .. } if text.contains(file))
}

#[test]
fn a_bit_flipped_at_any_offset_is_seen_or_inside_the_last_unsealed_save() {
    let run = Run::whole();
    let (last_file, last_bytes) = files(&run).pop().unwrap();
    let last = records(&last_bytes).pop().unwrap();
    for (name, bytes) in files(&run) {
        for at in 0..bytes.len() {
            let outcome = damaged(&run, &name, |bytes| bytes[at] ^= 1 << (at % 8));
            let in_last = name == last_file && last.contains(&at);
            let behind = name == last_file && at >= last.end;
            match &outcome {
                Outcome::Refused { .. } => assert!(names(&outcome, &name), "{name} {at}: {outcome:?}"),
                Outcome::LastSaveCut => assert!(in_last, "{name} {at}"),
                Outcome::Whole { reported: true } => assert!(behind, "{name} {at}"),
                _ => panic!("{name} {at}: {outcome:?}"),
            }
        }
    }
}

#[test]
fn after_a_seal_a_bit_flipped_at_any_offset_costs_nothing() {
    let run = Run::sealed();
    for (name, bytes) in files(&run) {
        for at in 0..bytes.len() {
            let outcome = damaged(&run, &name, |bytes| bytes[at] ^= 1 << (at % 8));
            assert!(
                names(&outcome, &name) || outcome == Outcome::Whole { reported: true },
                "{name} {at}: {outcome:?}"
            );
        }
    }
}

#[test]
fn after_a_seal_a_file_cut_at_any_offset_is_named() {
    let run = Run::sealed();
    for (name, bytes) in files(&run) {
        for length in 0..bytes.len() {
            let outcome = damaged(&run, &name, |bytes| bytes.truncate(length));
            assert!(names(&outcome, &name), "{name} {length}: {outcome:?}");
        }
    }
}

#[test]
fn after_a_seal_a_zeroed_sector_costs_nothing() {
    let run = Run::sealed();
    for (name, bytes) in files(&run) {
        for start in (0..bytes.len()).step_by(SECTOR) {
            let end = bytes.len().min(start + SECTOR);
            let outcome = damaged(&run, &name, |bytes| bytes[start..end].fill(0));
            let was_zero = bytes[start..end].iter().all(|&byte| byte == 0);
            // A Seal that is lost leaves the journal as it was before it was sealed.
            let is_seal = name.starts_with("journal-")
                && records(&bytes)
                    .iter()
                    .any(|record| record.start == start && record.end == end);
            assert!(
                names(&outcome, &name) || ((was_zero || is_seal) && matches!(outcome, Outcome::Whole { .. })),
                "{name} {start}: {outcome:?}"
            );
        }
    }
}

#[test]
fn a_file_that_is_gone_empty_or_zeros_is_missed_at_any_time() {
    type Change = fn(&mut Vec<u8>);
    let changes: [Option<Change>; 3] = [None, Some(Vec::clear), Some(|bytes| bytes.fill(0))];
    let (mut missed, mut needless) = (0, 0);
    let mut look = |run: &Run| {
        for (name, _) in files(run) {
            for (at, change) in changes.iter().enumerate() {
                let disk = run.disk.copy();
                match change {
                    Some(change) => disk.tamper(&name, change),
                    None => disk.remove(&name).unwrap(),
                }
                match outcome(run, &disk) {
                    Outcome::Refused { .. } => missed += 1,
                    // A snapshot that is kept has what was in it.
                    Outcome::Whole { reported: false } if at == 0 && name != "identity" => needless += 1,
                    other => panic!("{name} {at}: {other:?}"),
                }
            }
        }
    };
    let mut run = Run::new();
    run.go_watched(&mut look).unwrap();
    look(&run);
    assert!(missed > 200 && needless > 0, "{missed} {needless}");
}

#[test]
fn after_a_seal_a_sector_that_is_as_it_was_before_costs_nothing() {
    let mut run = Run::new();
    let mut pasts = Vec::new();
    run.go_watched(|run| pasts.push(run.disk.contents())).unwrap();
    pasts.push(run.disk.contents());
    run.open().unwrap().writer.seal().unwrap();
    let mut tried = 0;
    for (name, now) in files(&run).into_iter().filter(|(name, _)| name != "identity") {
        for past in pasts.iter().filter_map(|past| past.get(&name)) {
            for start in (0..now.len()).step_by(SECTOR) {
                let range = start..start + SECTOR;
                if past[range.clone()] == now[range.clone()] {
                    continue;
                }
                tried += 1;
                let outcome = damaged(&run, &name, |bytes| {
                    bytes[range.clone()].copy_from_slice(&past[range.clone()]);
                });
                assert!(
                    names(&outcome, &name) || matches!(outcome, Outcome::Whole { .. }),
                    "{name} {start}: {outcome:?}"
                );
            }
        }
    }
    assert!(tried > 30, "{tried}");
}
