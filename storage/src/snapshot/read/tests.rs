use raft_core::{Index, Position, SnapshotMark, Term};

use super::*;
use crate::disk::model::ModelDisk;
use crate::snapshot::tests::{CLUSTER, small_store};
use crate::snapshot::{Encoder, file_name, save};

fn disk_with(indexes: &[u64]) -> ModelDisk {
    let disk = ModelDisk::default();
    for &index in indexes {
        let position = Position {
            term: Term(2),
            index: Index(index),
        };
        let mark = SnapshotMark {
            position,
            membership: Default::default(),
        };
        save(disk.clone(), Encoder::new(CLUSTER, mark, small_store(index))).unwrap();
    }
    disk
}

fn chosen(disk: &ModelDisk) -> (Option<u64>, Vec<String>) {
    let choice = choose(disk, CLUSTER).unwrap();
    let passed_over = choice.passed_over.iter().map(ToString::to_string);
    (
        choice.snapshot.map(|snapshot| snapshot.mark.position.index.0),
        passed_over.collect(),
    )
}

fn damage(disk: &ModelDisk, index: u64) {
    disk.tamper(&file_name(Index(index)), |bytes| bytes[50] ^= 1);
}

#[test]
fn the_newest_sound_one_is_chosen() {
    let disk = disk_with(&[5, 9]);
    assert_eq!(chosen(&disk), (Some(9), vec![]));
    damage(&disk, 9);
    let message = "snapshot file snapshot-0000000000000009 is damaged at offset 0: the header does not match its \
                   checksum";
    assert_eq!(chosen(&disk), (Some(5), vec![message.to_owned()]));
    damage(&disk, 5);
    let before = disk.contents();
    let (none, passed_over) = chosen(&disk);
    assert_eq!((none, passed_over.len()), (None, 2));
    assert_eq!(passed_over[0], message, "the newest first");
    assert_eq!(disk.contents(), before, "nothing is changed");
    assert_eq!(chosen(&ModelDisk::default()), (None, vec![]));
}

#[test]
fn one_that_is_foreign_is_refused_by_name() {
    let disk = disk_with(&[5, 9]);
    let error = choose(&disk, 0xbad).unwrap_err();
    let message = "snapshot file snapshot-0000000000000009 is damaged at offset 16: it belongs to cluster c1, not to bad";
    assert_eq!(error.to_string(), message);
    disk.tamper(&file_name(Index(9)), |bytes| bytes[8] = 7);
    let error = choose(&disk, CLUSTER).unwrap_err();
    let message = "snapshot file snapshot-0000000000000009 is damaged at offset 0: it has format version 7, and this \
                   release reads up to 1: use a newer one";
    assert_eq!(error.to_string(), message);
}

#[test]
fn one_under_anothers_name_is_passed_over() {
    let disk = disk_with(&[5, 9]);
    disk.rename(&file_name(Index(9)), &file_name(Index(10))).unwrap();
    let message = "snapshot file snapshot-000000000000000a is damaged at offset 32: it is the snapshot at index 9, not \
                   at 10";
    assert_eq!(chosen(&disk), (Some(5), vec![message.to_owned()]));
}

#[test]
fn rows_are_read_whatever_the_cluster() {
    let disk = disk_with(&[5]);
    let mut count = 0;
    let (parser, end) = read_rows(&disk, &file_name(Index(5)), |_| count += 1).unwrap();
    assert_eq!((parser.cluster_id(), end.rows), (Some(CLUSTER), count));
    assert_eq!(end.fingerprint, small_store(5).fingerprint());
    let error = read_rows(&disk, "snapshot-x", |_| {}).unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot read snapshot-x at offset 0: entity not found"
    );
}
