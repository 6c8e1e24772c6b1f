use raft_core::{Index, Position, SnapshotMark, Term};

use super::*;
use crate::disk::model::{ModelDisk, Tear};
use crate::snapshot::tests::{CLUSTER, small_store};
use crate::snapshot::{choose, survey};

fn mark(index: u64) -> SnapshotMark {
    let position = Position {
        term: Term(1),
        index: Index(index),
    };
    SnapshotMark {
        position,
        membership: Default::default(),
    }
}

fn encoder(index: u64) -> Encoder {
    Encoder::new(CLUSTER, mark(index), small_store(index))
}

fn stream(index: u64) -> Vec<u8> {
    encoder(index).next_piece(usize::MAX).data.to_vec()
}

/// A member that has a snapshot and makes another one, in both ways in turn.
fn live(disk: &ModelDisk, index: u64) -> Result<(), WriteError> {
    if index.is_multiple_of(2) {
        let mut incoming = Incoming::begin(disk.clone())?;
        for piece in stream(index).chunks(600) {
            incoming.append(piece)?;
        }
        incoming.publish(Index(index))?;
    } else {
        save(disk.clone(), encoder(index))?;
    }
    drop_before(disk, Index(index - 1))
}

/// The disk in every way in which the next boot may find it, if at most twelve things are unsynced; otherwise in as many
/// ways.
fn crashes(disk: &ModelDisk) -> Vec<ModelDisk> {
    const UNSYNCED_MAX: u32 = 12;
    let unsynced = disk.unsynced();
    if unsynced > UNSYNCED_MAX {
        let seeds = 0..1 << UNSYNCED_MAX;
        return seeds.map(|seed| disk.crash(Tear::Sectors, seed)).collect();
    }
    let ways = (0..1u32 << unsynced).map(|bits| {
        let mut place = 0;
        disk.crash_keeping(|| {
            place += 1;
            bits >> (place - 1) & 1 == 1
        })
    });
    ways.collect()
}

/// The index of the snapshot that a boot finds; all that it says is checked.
fn boot(disk: &ModelDisk) -> u64 {
    let choice = choose(disk, CLUSTER).unwrap();
    assert!(choice.passed_over.is_empty(), "{:?}", choice.passed_over);
    let Some(snapshot) = choice.snapshot else { return 0 };
    let index = snapshot.mark.position.index.0;
    assert_eq!(snapshot.mark, mark(index));
    assert_eq!(snapshot.store.fingerprint(), small_store(index).fingerprint());
    index
}

#[test]
fn the_last_two_are_kept_and_leftovers_go() {
    let disk = ModelDisk::default();
    for index in 1..=5 {
        live(&disk, index).unwrap();
        assert_eq!(boot(&disk), index);
    }
    assert_eq!(survey(&disk).unwrap(), [Index(5), Index(4)]);
    Making::begin(disk.clone(), encoder(7)).unwrap().step().unwrap();
    Incoming::begin(disk.clone()).unwrap().append(b"part").unwrap();
    assert_eq!(
        disk.list().unwrap().len(),
        4,
        "the one that is incoming and the one that was published"
    );
    Incoming::begin(disk.clone()).unwrap().append(b"another").unwrap();
    clear_leftovers(&disk).unwrap();
    assert_eq!(
        disk.list().unwrap(),
        [
            "snapshot-0000000000000004",
            "snapshot-0000000000000005",
            "snapshot-0000000000000007"
        ]
    );
}

#[test]
fn what_is_given_up_leaves_nothing() {
    let disk = ModelDisk::default();
    Incoming::begin(disk.clone()).unwrap().abandon();
    Making::begin(disk.clone(), encoder(1)).unwrap().abandon();
    assert_eq!(disk.list().unwrap(), [""; 0]);
}

#[test]
fn a_crash_anywhere_leaves_the_old_one_or_the_new_one() {
    for index in [2, 3] {
        let mut operations = 0;
        loop {
            let disk = ModelDisk::default();
            live(&disk, 1).unwrap();
            disk.fail_power_after(operations, 0);
            let done = live(&disk, index).is_ok();
            for found in crashes(&disk) {
                let booted = boot(&found);
                assert!(
                    booted == index || (booted == 1 && !done),
                    "{booted} after {operations}"
                );
                clear_leftovers(&found).unwrap();
                live(&found, 5).unwrap();
                assert_eq!(boot(&found), 5, "the next life goes on");
            }
            if done {
                break;
            }
            operations += 1;
        }
        assert!(operations >= 5, "there were {operations} operations");
    }
}

#[test]
fn an_error_anywhere_gives_up_the_new_one_and_keeps_the_old() {
    for kind in [io::ErrorKind::StorageFull, io::ErrorKind::Other] {
        for index in [2, 3] {
            let mut count = 0;
            loop {
                let disk = ModelDisk::default();
                live(&disk, 1).unwrap();
                disk.fail_nth(count, kind);
                let Err(error) = live(&disk, index) else { break };
                let whole = ["sync the data", "name", "remove snapshot-"];
                let whole = whole
                    .iter()
                    .any(|action| error.to_string().starts_with(&format!("cannot {action}")));
                assert_eq!(
                    error.is_out_of_space(),
                    kind == io::ErrorKind::StorageFull && !error.is_fatal()
                );
                assert_eq!(boot(&disk), if whole { index } else { 1 }, "{error}");
                let names = disk.list().unwrap();
                assert_eq!(
                    names.iter().filter(|name| name::is_leftover(name)).count(),
                    0,
                    "{error}"
                );
                live(&disk, 4).unwrap();
                live(&disk, 5).unwrap();
                assert_eq!(boot(&disk), 5);
                count += 1;
            }
            assert!(count > 4, "{count} operations can fail");
        }
    }
}

#[test]
fn a_full_disk_at_any_byte_gives_up_the_new_one() {
    let shorter = stream(2).len().min(stream(3).len());
    for space in 0..shorter as u64 {
        let disk = ModelDisk::default();
        live(&disk, 1).unwrap();
        disk.set_space(space);
        for index in [2, 3] {
            let error = live(&disk, index).unwrap_err();
            assert!(error.is_out_of_space() && !error.is_fatal(), "{error}");
        }
        assert_eq!((boot(&disk), disk.list().unwrap().len()), (1, 1));
    }
}

#[test]
fn what_was_given_up_takes_nothing_more() {
    let disk = ModelDisk::default();
    let mut incoming = Incoming::begin(disk.clone()).unwrap();
    disk.fail_nth(0, io::ErrorKind::Other);
    let error = incoming.append(b"bytes").unwrap_err();
    assert_eq!(error.to_string(), "cannot write snapshot.incoming: other error");
    assert!(matches!(
        incoming.append(b"bytes"),
        Err(WriteError::GivenUp { .. })
    ));
    let error = incoming.publish(Index(1)).unwrap_err();
    assert_eq!(error.to_string(), "snapshot.incoming was given up before");
}

#[test]
fn a_long_snapshot_is_synced_in_parts() {
    let disk = ModelDisk::default();
    let mut incoming = Incoming::begin(disk.clone()).unwrap();
    for _ in 0..10 {
        incoming.append(&vec![1; 1 << 20]).unwrap();
    }
    assert_eq!(disk.counts(), (10, 2));
}
