//! Power, the disk and its space fail at every operation of the run.

use std::io::ErrorKind;

use super::run::Run;
use crate::disk::model::{Chance, ModelDisk, Tear};
use crate::journal::history::Shape;

/// Up to so many things that a crash may keep or lose, every subset of them is tried.
const EXHAUSTIVE_MAX: u32 = 12;
/// Above that, so many subsets.
const SAMPLES: u64 = 300;

/// All operations of the run, and one more.
const OPERATIONS_MAX: u64 = 1000;

/// The run until power fails in its operation number `operation`; None if it has fewer.
fn cut_short(operation: u64) -> Option<Run> {
    let mut run = Run::new();
    run.disk.fail_power_after(operation, operation);
    let ended = run.go();
    if ended.is_ok() {
        return None;
    }
    assert!(run.disk.is_without_power(), "{ended:?}");
    Some(run)
}

/// The disk is enough to boot with all that was promised, and to go on.
fn check(run: &Run, disk: &ModelDisk, story: &dyn std::fmt::Debug) {
    let recovered = run
        .open_disk(disk)
        .unwrap_or_else(|error| panic!("{story:?}: {error}"));
    assert!(run.allows(&recovered.image), "{story:?}: {:?}", recovered.image);
    let mut writer = recovered.writer;
    let shape = Shape {
        kind: 5,
        term: true,
        at: 0,
        entries: 1,
        bytes: 100,
    };
    let mut history = crate::journal::history::History::at(recovered.image);
    writer.write(&history.next(&shape)).unwrap();
    writer.sync().unwrap();
    let again = run
        .open_disk(disk)
        .unwrap_or_else(|error| panic!("{story:?}, and once more: {error}"));
    assert_eq!(&again.image, history.image(), "{story:?}");
    assert_eq!(again.cut, None, "{story:?}");
}

#[test]
fn a_crash_at_every_operation_with_every_subset_of_what_was_not_synced() {
    let (mut exhausted, mut sampled) = (0, 0);
    for operation in 0..OPERATIONS_MAX {
        let Some(run) = cut_short(operation) else {
            println!("{operation} operations, {exhausted} with every subset, {sampled} with samples");
            assert!(operation > 60 && exhausted > 50, "the run is long enough");
            return;
        };
        let count = run.disk.unsynced();
        if count <= EXHAUSTIVE_MAX {
            exhausted += 1;
            for subset in 0..1u32 << count {
                let mut at = 0;
                let disk = run.disk.crash_keeping(|| {
                    at += 1;
                    subset >> (at - 1) & 1 == 1
                });
                check(&run, &disk, &(operation, subset));
            }
        } else {
            sampled += 1;
            for seed in 0..SAMPLES {
                check(&run, &run.disk.crash(Tear::Sectors, seed), &(operation, seed));
            }
        }
        // Some disks tear within a sector.
        for seed in 0..10 {
            check(
                &run,
                &run.disk.crash(Tear::Bytes, seed),
                &(operation, "bytes", seed),
            );
        }
    }
    panic!("the run never ended");
}

#[test]
fn a_crash_at_every_operation_of_the_recovery_from_a_crash() {
    let mut chance = Chance(1);
    for operation in 0..OPERATIONS_MAX {
        let Some(run) = cut_short(operation) else { return };
        for power in 0..12 {
            let disk = run.disk.crash(Tear::Sectors, chance.below(1000) as u64);
            disk.fail_power_after(power, power);
            let _ = run.open_disk(&disk);
            for seed in 0..4 {
                check(&run, &disk.crash(Tear::Sectors, seed), &(operation, power, seed));
            }
        }
    }
}

/// The run with one operation that fails, as it went on from there.
fn with_failure(operation: u64, kind: ErrorKind) -> (Run, bool) {
    let mut run = Run::new();
    run.disk.fail_nth(operation, kind);
    let ended = run.go().is_ok();
    (run, ended)
}

#[test]
fn an_error_at_every_operation_ends_the_run_and_loses_nothing() {
    for operation in 0..OPERATIONS_MAX {
        let (run, ended) = with_failure(operation, ErrorKind::Other);
        if ended {
            assert!(operation > 60);
            return;
        }
        // The process ends and starts again; or the machine does.
        for seed in 0..6 {
            check(&run, &run.disk.crash(Tear::Sectors, seed), &(operation, seed));
        }
        check(&run, &run.disk, &operation);
    }
}

#[test]
fn no_space_at_any_operation_loses_nothing_and_stops_no_member_when_a_file_is_made() {
    let (mut went_on, mut stopped) = (0, 0);
    for operation in 0..OPERATIONS_MAX {
        let (run, ended) = with_failure(operation, ErrorKind::StorageFull);
        if run.disk.keeps_working() {
            break;
        }
        if ended {
            went_on += 1;
        } else {
            stopped += 1;
        }
        for seed in 0..3 {
            check(&run, &run.disk.crash(Tear::Sectors, seed), &(operation, seed));
        }
        check(&run, &run.disk, &operation);
    }
    assert!(went_on > 3 && stopped > 50, "{went_on} {stopped}");
}

#[test]
fn a_full_disk_lets_a_member_restart_vote_and_drop_what_it_needs_no_more() {
    let run = Run::whole();
    run.disk.set_space(0);
    for _ in 0..3 {
        let recovered = run.open().expect("a boot needs no space");
        let mut writer = recovered.writer;
        let mut history = crate::journal::history::History::at(recovered.image);
        let vote = Shape {
            kind: 0,
            term: true,
            at: 2,
            entries: 0,
            bytes: 0,
        };
        writer
            .write(&history.next(&vote))
            .expect("there is room for a vote");
        writer.sync().unwrap();
        writer.drop_before(run.snapshots[1].position.index);
        writer
            .prepare_next()
            .expect("an old segment's space is the next one's");
    }
}
