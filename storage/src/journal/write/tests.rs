use std::io::ErrorKind;

use raft_core::{Index, LogChange, NodeId, Save, Stamp};

use super::{WriteError, Writer};
use crate::data_dir::{Expected, Identity, open_or_create};
use crate::disk::Disk;
use crate::disk::model::ModelDisk;
use crate::journal::history::{born, entry};
use crate::journal::{Recovered, SEGMENT_BYTES_MIN, recover};

const OURS: Identity = Identity {
    cluster_id: 1,
    member_id: NodeId(2),
    data_id: 3,
};

fn open(disk: &ModelDisk) -> Recovered<ModelDisk> {
    let mut data = open_or_create(disk.clone(), OURS, Expected::default()).unwrap();
    recover(&mut data, SEGMENT_BYTES_MIN, born()).unwrap()
}

fn keep() -> Save {
    Save {
        stamp: Stamp(1),
        ballot: None,
        commit: Index(0),
        log: LogChange::Keep,
    }
}

/// The entry `index`, in a record of a bit more than `bytes`.
fn append(index: u64, bytes: usize) -> Save {
    Save {
        log: LogChange::Append(vec![entry(1, index, bytes)]),
        ..keep()
    }
}

fn put(writer: &mut Writer<ModelDisk>, save: &Save) {
    writer.write(save).unwrap();
    writer.sync().unwrap();
}

#[test]
fn a_save_is_one_write_and_one_sync() {
    let disk = ModelDisk::default();
    let mut writer = open(&disk).writer;
    for index in 1..5 {
        let (writes, syncs) = disk.counts();
        writer.write(&append(index, 600)).unwrap();
        assert_eq!(disk.counts(), (writes + 1, syncs));
        writer.sync().unwrap();
        assert_eq!(disk.counts(), (writes + 1, syncs + 1));
        writer.sync().unwrap();
        assert_eq!(disk.counts(), (writes + 1, syncs + 1), "nothing to sync");
    }
}

#[test]
#[should_panic(expected = "only after the one before it is synced")]
fn two_writes_without_a_sync_are_a_bug_of_the_caller() {
    let mut writer = open(&ModelDisk::default()).writer;
    writer.write(&keep()).unwrap();
    let _ = writer.write(&keep());
}

#[test]
fn a_segment_is_made_when_the_record_does_not_fit_and_as_large_as_it_needs() {
    let disk = ModelDisk::default();
    let mut writer = open(&disk).writer;
    for (index, bytes) in [(1, 3000), (2, 3000), (3, 20_000), (4, 10)] {
        put(&mut writer, &append(index, bytes));
    }
    let sizes: Vec<_> = disk
        .contents()
        .into_iter()
        .filter(|(name, _)| name.starts_with("journal-"))
        .map(|(_, bytes)| bytes.len())
        .collect();
    assert_eq!(sizes, [8192, 8192, 24_576]);
    assert_eq!(open(&disk).image.entries.len(), 4);
}

#[test]
fn segments_grow_to_the_size_asked_for() {
    let disk = ModelDisk::default();
    let mut data = open_or_create(disk.clone(), OURS, Expected::default()).unwrap();
    let mut writer = recover(&mut data, 40 << 20, born()).unwrap().writer;
    for index in 1..=16 {
        put(&mut writer, &append(index, 4 << 20));
    }
    let contents = disk.contents();
    let sizes = contents.iter().filter(|(name, _)| name.starts_with("journal-"));
    let sizes: Vec<_> = sizes.map(|(_, bytes)| bytes.len() >> 20).collect();
    assert_eq!(sizes, [4, 16, 40, 40]);
}

#[test]
fn the_next_segment_is_made_ahead_once_the_present_is_half_full() {
    let disk = ModelDisk::default();
    let mut writer = open(&disk).writer;
    assert!(!disk.contents().contains_key("spare"));
    put(&mut writer, &append(1, 1000));
    assert!(writer.prepare_next().unwrap());
    assert!(!writer.prepare_next().unwrap(), "one is enough");
    disk.set_space(0);
    put(&mut writer, &append(2, 3500));
    assert!(
        !disk.contents().contains_key("spare"),
        "it is the second segment now"
    );
    assert_eq!(open(&disk.copy()).segments, 2);
}

#[test]
fn saves_go_on_while_the_next_segment_is_made_elsewhere() {
    let disk = ModelDisk::default();
    let mut writer = open(&disk).writer;
    put(&mut writer, &append(1, 1000));
    let order = writer.order_next().expect("it is half full");
    assert!(writer.order_next().is_none(), "one is enough");
    put(&mut writer, &append(2, 100));
    let large = append(3, 3500);
    let before = disk.contents();
    assert!(matches!(
        writer.write(&large).unwrap_err(),
        WriteError::NextOrdered
    ));
    assert_eq!(disk.contents(), before, "nothing was written");
    writer.take_next(order.fill()).unwrap();
    put(&mut writer, &large);
    assert_eq!(open(&disk).image.entries.len(), 3);
}

#[test]
fn an_order_that_finds_no_space_may_be_given_again() {
    let disk = ModelDisk::default();
    let mut writer = open(&disk).writer;
    put(&mut writer, &append(1, 1000));
    disk.set_space(8000);
    let filled = writer.order_next().expect("it is half full").fill();
    assert!(matches!(
        writer.take_next(filled).unwrap_err(),
        WriteError::OutOfSpace { .. }
    ));
    put(&mut writer, &append(2, 100));
    disk.set_space(100_000);
    let filled = writer.order_next().expect("it is still to be made").fill();
    writer.take_next(filled).unwrap();
    assert!(disk.contents().contains_key("spare"));
}

#[test]
fn no_space_is_no_failure() {
    let disk = ModelDisk::default();
    let mut writer = open(&disk).writer;
    put(&mut writer, &append(1, 100));
    disk.set_space(8000);
    let error = writer.prepare_next().unwrap_err();
    assert!(
        matches!(error, WriteError::OutOfSpace { bytes: 8192, .. }),
        "{error}"
    );
    assert!(
        !disk.contents().contains_key("spare"),
        "what was made of it is given back"
    );
    put(&mut writer, &append(2, 100));
    let big = append(3, 5000);
    for _ in 0..2 {
        assert!(matches!(
            writer.write(&big).unwrap_err(),
            WriteError::OutOfSpace { .. }
        ));
    }
    put(&mut writer, &append(3, 100));
    disk.set_space(100_000);
    put(&mut writer, &append(4, 5000));
    assert_eq!(open(&disk).image.entries.len(), 4);
}

#[test]
fn a_spare_that_is_too_small_makes_way() {
    let disk = ModelDisk::default();
    let mut writer = open(&disk).writer;
    put(&mut writer, &append(1, 1000));
    assert!(writer.prepare_next().unwrap());
    put(&mut writer, &append(2, 10_000));
    assert_eq!(
        disk.list().unwrap(),
        ["identity", "journal-0000000000000001", "journal-0000000000000002"]
    );
    assert_eq!(open(&disk).image.entries.len(), 2);
}

#[test]
fn after_any_failure_everything_is_refused() {
    // Making a segment is: create, write, sync, rename, sync of the directory; then come the record's write and sync.
    for operation in 0..7 {
        let disk = ModelDisk::default();
        let mut writer = open(&disk).writer;
        put(&mut writer, &append(1, 3500));
        disk.fail_nth(operation, ErrorKind::Other);
        let result = writer.write(&append(2, 3000)).and_then(|()| writer.sync());
        assert!(
            matches!(result.unwrap_err(), WriteError::Failed { .. }),
            "operation {operation}"
        );
        let before = disk.contents();
        assert!(matches!(
            writer.write(&append(2, 1)).unwrap_err(),
            WriteError::Closed
        ));
        assert!(matches!(writer.sync().unwrap_err(), WriteError::Closed));
        assert!(matches!(writer.prepare_next().unwrap_err(), WriteError::Closed));
        assert_eq!(disk.contents(), before);
        let recovered = open(&disk);
        assert!([1, 2].contains(&recovered.image.entries.len()));
    }
}

#[test]
fn a_file_that_cannot_be_written_is_named() {
    let disk = ModelDisk::default();
    let mut writer = open(&disk).writer;
    disk.fail_nth(1, ErrorKind::Other);
    writer.write(&keep()).unwrap();
    let error = writer.sync().unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("cannot sync journal-0000000000000001: "),
        "{error}"
    );
}
