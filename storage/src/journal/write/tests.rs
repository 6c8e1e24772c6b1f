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
    recover(&mut data, SEGMENT_BYTES_MIN, born(), None).unwrap()
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
    for (index, bytes) in [(1, 2500), (2, 2500), (3, 20_000), (4, 10)] {
        put(&mut writer, &append(index, bytes));
    }
    let sizes: Vec<_> = disk
        .contents()
        .into_iter()
        .filter(|(name, _)| name.starts_with("journal-"))
        .map(|(_, bytes)| bytes.len())
        .collect();
    // The third has room for 20,052 bytes and a Seal.
    assert_eq!(sizes, [8192, 8192, 28_672]);
    assert_eq!(open(&disk).image.entries.len(), 4);
}

#[test]
fn segments_grow_to_the_size_asked_for() {
    let disk = ModelDisk::default();
    let mut data = open_or_create(disk.clone(), OURS, Expected::default()).unwrap();
    let mut writer = recover(&mut data, 40 << 20, born(), None).unwrap().writer;
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
    put(&mut writer, &append(2, 2800));
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
    let large = append(3, 2800);
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
        [
            "identity",
            "identity.next",
            "journal-0000000000000001",
            "journal-0000000000000002"
        ]
    );
    assert_eq!(open(&disk).image.entries.len(), 2);
}

#[test]
fn after_any_failure_everything_is_refused() {
    // Making a segment is: create, write, sync, rename, sync of the directory; then the present one is closed by a write and a
    // sync, and the record is written and synced.
    for operation in 0..9 {
        let disk = ModelDisk::default();
        let mut writer = open(&disk).writer;
        put(&mut writer, &append(1, 2800));
        disk.fail_nth(operation, ErrorKind::Other);
        let result = writer.write(&append(2, 2500)).and_then(|()| writer.sync());
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

#[test]
fn a_seal_stands_in_a_sector_of_its_own_and_is_written_once() {
    let disk = ModelDisk::default();
    let mut writer = open(&disk).writer;
    put(&mut writer, &append(1, 100));
    let (writes, syncs) = disk.counts();
    assert!(writer.seal().unwrap());
    assert_eq!(disk.counts(), (writes + 1, syncs + 1));
    assert!(!writer.seal().unwrap(), "there is nothing in doubt");
    let bytes = disk.contents()["journal-0000000000000001"].clone();
    // Birth and entry 1 end in the first sector.
    assert_eq!(bytes[4096 + 512..4096 + 516], *b"BREC");
    assert!(bytes[4096 + 1024..].iter().all(|&byte| byte == 0));
    put(&mut writer, &append(2, 100));
    assert_eq!(
        disk.contents()["journal-0000000000000001"][4096 + 1024..4096 + 1028],
        *b"BREC"
    );
    let mut recovered = open(&disk);
    assert_eq!(recovered.image.entries.len(), 2);
    assert!(recovered.writer.seal().unwrap());
    let mut recovered = open(&disk);
    assert!(!recovered.writer.seal().unwrap(), "recovery finds the Seal");
}

#[test]
fn there_is_always_room_for_a_seal() {
    for bytes in 2400..3700 {
        let disk = ModelDisk::default();
        let mut writer = open(&disk).writer;
        put(&mut writer, &append(1, bytes));
        writer.seal().unwrap();
        let sequences = disk.list().unwrap().len() - 2;
        assert_eq!(
            open(&disk).image.entries.len(),
            1,
            "{sequences} segments, {bytes} bytes"
        );
    }
}

/// Eight entries of 2500 bytes each, one to a segment; the first shares its segment with the birth.
fn eight_segments() -> (ModelDisk, Writer<ModelDisk>) {
    let disk = ModelDisk::default();
    let mut writer = open(&disk).writer;
    for index in 1..=8 {
        put(&mut writer, &append(index, 2500));
    }
    (disk, writer)
}

fn mark(index: u64) -> raft_core::SnapshotMark {
    let mut mark = born();
    mark.position = entry(1, index, 0).position;
    mark
}

fn open_after(disk: &ModelDisk, index: u64) -> Recovered<ModelDisk> {
    let mut data = open_or_create(disk.clone(), OURS, Expected::default()).unwrap();
    recover(&mut data, SEGMENT_BYTES_MIN, born(), Some(mark(index))).unwrap()
}

#[test]
fn old_segments_go_and_one_becomes_the_next() {
    let (disk, mut writer) = eight_segments();
    let before = writer.bytes();
    writer.drop_before(Index(5));
    assert!(writer.prepare_next().unwrap());
    assert_eq!(writer.bytes(), before - 4 * 8192, "one of five became the spare");
    let names = disk.list().unwrap();
    assert_eq!(names[2], "journal-0000000000000006");
    assert_eq!(names.last().unwrap(), "spare");
    assert_eq!(disk.contents()["spare"], vec![0; 8192]);
    disk.set_space(0);
    put(&mut writer, &append(9, 2500));
    let recovered = open_after(&disk.copy(), 5);
    assert_eq!(recovered.image.snapshot, mark(5));
    assert_eq!(recovered.image.entries.len(), 4);
    assert_eq!(open_after(&disk, 7).image.entries.len(), 2);
}

#[test]
fn a_segment_with_one_entry_that_is_needed_stays() {
    let (disk, mut writer) = eight_segments();
    writer.drop_before(Index(0));
    writer.prepare_next().unwrap();
    assert!(disk.contents().contains_key("journal-0000000000000001"));
    writer.drop_before(Index(100));
    writer.prepare_next().unwrap();
    let names = disk.list().unwrap();
    assert_eq!(
        names[2..],
        ["journal-0000000000000008", "spare"],
        "the present one stays"
    );
    assert_eq!(open_after(&disk, 8).image.entries.len(), 0);
}

#[test]
fn a_drop_that_is_interrupted_leaves_a_journal() {
    for (power, seed) in (0..14).flat_map(|power| (0..40).map(move |seed| (power, seed))) {
        let (disk, mut writer) = eight_segments();
        writer.drop_before(Index(5));
        disk.fail_power_after(power, seed);
        let ended = writer.prepare_next().and_then(|_| {
            writer.write(&append(9, 2500))?;
            writer.sync()
        });
        assert!(ended.is_ok() || disk.is_without_power());
        let left = disk.crash(crate::disk::model::Tear::Sectors, seed);
        let found = open_after(&left, 5).image.entries.len();
        assert!(
            found == 4 || (found == 3 && ended.is_err()),
            "{power} {seed}: {found}"
        );
    }
}

#[test]
fn going_on_in_another_segment_costs_one_synced_write_more_than_its_header() {
    let disk = ModelDisk::default();
    let mut writer = open(&disk).writer;
    put(&mut writer, &append(1, 2500));
    writer.prepare_next().unwrap();
    let (writes, syncs) = disk.counts();
    put(&mut writer, &append(2, 2500));
    assert_eq!(
        disk.counts(),
        (writes + 3, syncs + 3),
        "the next one's header, what closes this one, the Save"
    );
    let bytes = &disk.contents()["journal-0000000000000001"];
    let closing = crate::journal::scan::tests_only::records(bytes).pop().unwrap();
    assert_eq!(bytes[closing.start + 4], 3);
    assert_eq!(bytes[closing.start + 36..closing.start + 44], 2u64.to_le_bytes());
}

/// A snapshot from the leader is in its place, and the crash came before the journal could say so.
#[test]
fn a_full_disk_starts_and_says_later_that_the_log_begins_anew() {
    let disk = ModelDisk::default();
    let mut writer = open(&disk).writer;
    disk.set_space(8000);
    let mut index = 1;
    while writer.write(&append(index, 1)).is_ok() {
        writer.sync().unwrap();
        index += 1;
    }
    let Recovered {
        mut writer, image, ..
    } = open_after(&disk, 500);
    assert!(image.snapshot.position.index == Index(500) && image.entries.is_empty());
    let next = append(501, 1);
    for _ in 0..2 {
        assert!(matches!(
            writer.write(&next).unwrap_err(),
            WriteError::OutOfSpace { .. }
        ));
    }
    disk.set_space(100_000);
    put(&mut writer, &next);
    let image = open_after(&disk, 500).image;
    assert_eq!(
        (image.snapshot.position.index, image.entries.len()),
        (Index(500), 1)
    );
}
