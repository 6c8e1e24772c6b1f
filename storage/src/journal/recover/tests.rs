use proptest::prelude::*;
use raft_core::{Boot, Image, NodeId, SnapshotMark};

use super::{Cut, RecoverError, Recovered, recover};
use crate::data_dir::{DataDir, Expected, Identity, open_or_create};
use crate::disk::model::{Chance, ModelDisk, Tear};
use crate::disk::{Disk, FileDisk};
use crate::journal::SEGMENT_BYTES_MIN;
use crate::journal::history::{History, Shape, born, shapes};
use crate::journal::scan::Damage;
use crate::journal::scan::tests_only::records;
use crate::journal::segment::{BLOCK, name};

const OURS: Identity = Identity {
    cluster_id: 1,
    member_id: NodeId(2),
    data_id: 3,
};

type Opened = (DataDir<ModelDisk>, Recovered<ModelDisk>);

fn try_open(disk: &ModelDisk) -> Result<Opened, Box<dyn std::error::Error>> {
    open_with(disk, None)
}

fn open_with(disk: &ModelDisk, snapshot: Option<SnapshotMark>) -> Result<Opened, Box<dyn std::error::Error>> {
    let mut data = open_or_create(disk.clone(), OURS, Expected::default())?;
    let recovered = recover(&mut data, SEGMENT_BYTES_MIN, born(), snapshot)?;
    Ok((data, recovered))
}

fn open(disk: &ModelDisk) -> Recovered<ModelDisk> {
    try_open(disk).expect("a sound journal").1
}

fn refusal(disk: &ModelDisk) -> RecoverError {
    let mut data = open_or_create(disk.clone(), OURS, Expected::default()).unwrap();
    let before = disk.contents();
    let error = recover(&mut data, SEGMENT_BYTES_MIN, born(), None).expect_err("a damaged journal");
    assert_eq!(disk.contents(), before, "nothing was changed");
    error
}

/// A disk with a journal of these Saves, all synced.
fn written(shapes: &[Shape]) -> (ModelDisk, History) {
    let disk = ModelDisk::default();
    let mut history = History::born();
    let mut writer = open(&disk).writer;
    for shape in shapes {
        // These tests have no snapshots.
        let shape = Shape {
            kind: shape.kind.max(3),
            ..shape.clone()
        };
        writer.write(&history.next(&shape)).unwrap();
        writer.sync().unwrap();
    }
    (disk, history)
}

/// The newest segment that holds a record, its bytes, and where the last record stands.
fn last_record(disk: &ModelDisk) -> (String, Vec<u8>, std::ops::Range<usize>) {
    let segments = disk
        .contents()
        .into_iter()
        .filter(|(name, _)| name.starts_with("journal-"));
    segments
        .rev()
        .find_map(|(name, bytes)| records(&bytes).pop().map(|range| (name, bytes, range)))
        .expect("there is a first record")
}

mod closing;
mod lives;
mod past;

#[test]
fn a_new_journal_is_born_and_stays_as_it_was_born() {
    let disk = ModelDisk::default();
    let image = Image {
        snapshot: born(),
        ..Image::default()
    };
    let first = open(&disk);
    assert_eq!((first.image, first.saves, first.segments), (image.clone(), 0, 1));
    let second = open(&disk);
    assert_eq!((second.image, second.saves, second.cut), (image, 1, None));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn a_flipped_bit_before_the_last_save_is_named(shapes in shapes(1..12), pick: u64) {
        let (disk, _) = written(&shapes);
        let (last_file, _, last) = last_record(&disk);
        // All bytes of all segments, but for the last record and the zeros behind it.
        let targets: Vec<_> = disk
            .contents()
            .into_iter()
            .filter(|(name, _)| name.starts_with("journal-"))
            .map(|(name, bytes)| { let end = if name == last_file { last.start } else { bytes.len() }; (name, end) })
            .filter(|(name, _)| *name <= last_file)
            .collect();
        let mut chance = Chance(pick);
        for _ in 0..20 {
            let (file, end) = &targets[chance.below(targets.len())];
            let (at, bit) = (chance.below(*end), chance.below(8));
            let copy = disk.copy();
            copy.tamper(file, |bytes| bytes[at] ^= 1 << bit);
            match refusal(&copy) {
                RecoverError::Damaged { file: named, offset, .. } => {
                    prop_assert_eq!(&named, file);
                    prop_assert!(offset as usize <= at, "{} is beyond {}", offset, at);
                }
                other => prop_assert!(false, "{}", other),
            }
        }
    }

    #[test]
    fn a_flipped_bit_in_the_last_save_is_never_taken_for_the_truth(shapes in shapes(1..6), pick: u64) {
        let (disk, _) = written(&shapes);
        let (file, _, last) = last_record(&disk);
        let mut chance = Chance(pick);
        for _ in 0..20 {
            let copy = disk.copy();
            let at = last.start + chance.below(last.len());
            copy.tamper(&file, |bytes| bytes[at] ^= 1 << chance.below(8));
            // No sector of it is missing, so it was written whole once, and it may have been acknowledged.
            match refusal(&copy) {
                RecoverError::Damaged { offset, .. } => prop_assert_eq!(offset as usize, last.start),
                other => prop_assert!(false, "{}", other),
            }
        }
    }

    #[test]
    fn a_cut_or_grown_segment_is_seen(shapes in shapes(1..8), pick: u64) {
        let (disk, _) = written(&shapes);
        let mut chance = Chance(pick);
        let names: Vec<_> = disk.list().unwrap().into_iter().filter(|name| name.starts_with("journal-")).collect();
        let file = &names[chance.below(names.len())];
        let length = disk.contents()[file].len();
        for other in [chance.below(length), length - 1, length + 1, 0] {
            let copy = disk.copy();
            copy.tamper(file, |bytes| bytes.resize(other, 0));
            let error = refusal(&copy);
            prop_assert!(matches!(&error, RecoverError::Damaged { file: named, .. } if named == file), "{}", error);
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(
        shapes in shapes(0..4),
        at in 0usize..10_000,
        bytes in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        let (disk, _) = written(&shapes);
        let name = disk.list().unwrap().pop().unwrap();
        disk.tamper(&name, |file| {
            let at = at % file.len();
            let end = file.len().min(at + bytes.len());
            file[at..end].copy_from_slice(&bytes[..end - at]);
        });
        let _ = try_open(&disk);
        disk.tamper(&name, |file| *file = bytes);
        let _ = try_open(&disk);
    }
}

fn some_shapes(count: usize) -> Vec<Shape> {
    (0..count)
        .map(|at| Shape {
            kind: 5,
            term: at == 0,
            at: 0,
            entries: 1,
            bytes: 1200,
        })
        .collect()
}

#[test]
fn a_last_save_without_its_end_is_cut_and_reported() {
    let (disk, mut history) = written(&some_shapes(2));
    let (file, _, last) = last_record(&disk);
    disk.tamper(&file, |bytes| bytes[last.start + 700..].fill(0));
    let recovered = open(&disk);
    history.truncate(2);
    assert_eq!(&recovered.image, history.image());
    assert_eq!(
        recovered.cut,
        Some(Cut {
            file: file.clone(),
            offset: last.start as u64,
            bytes: 700
        })
    );
    assert!(
        disk.contents()[&file][last.start..].iter().all(|&byte| byte == 0),
        "it is erased"
    );
    let again = open(&disk);
    assert_eq!((again.cut, &again.image), (None, history.image()));
}

#[test]
fn a_bad_record_with_one_after_it_is_damage_whatever_is_missing() {
    let (disk, _) = written(&some_shapes(3));
    let name = name(1);
    let ranges = records(&disk.contents()[&name]);
    // A sector read as zeros, with and without the header.
    for missing in [ranges[1].clone(), ranges[1].start + 100..ranges[1].end] {
        let copy = disk.copy();
        copy.tamper(&name, |bytes| bytes[missing.clone()].fill(0));
        let error = refusal(&copy);
        assert!(
            matches!(error, RecoverError::Damaged { offset, reason: Damage::NotLast { .. }, .. }
                if offset == ranges[1].start as u64),
            "{error}"
        );
    }
}

#[test]
fn a_last_save_in_an_older_segment_is_never_cut() {
    let (disk, _) = written(&some_shapes(4));
    let first = disk.contents()[&name(1)].clone();
    let ranges = records(&first);
    // The very last one closes the segment.
    let last = ranges[ranges.len() - 2].clone();
    for (start, reason) in [
        (last.start, Damage::EndLost { next: name(2) }),
        (last.start + 700, Damage::RecordSum),
    ] {
        let copy = disk.copy();
        copy.tamper(&name(1), |bytes| bytes[start..].fill(0));
        let expected = RecoverError::Damaged {
            file: name(1),
            offset: last.start as u64,
            reason,
        };
        assert_eq!(refusal(&copy).to_string(), expected.to_string());
    }
}

#[test]
fn what_was_read_is_made_durable_before_it_is_believed() {
    let disk = ModelDisk::default();
    let mut history = History::born();
    let mut writer = open(&disk).writer;
    // Killed between the write and the sync: the page cache has it, the disk does not.
    writer.write(&history.next(&some_shapes(1)[0])).unwrap();
    drop(writer);
    assert_eq!(&open(&disk).image, history.image());
    for seed in 0..20 {
        assert_eq!(&open(&disk.crash(Tear::Sectors, seed)).image, history.image());
    }
}

#[test]
fn a_save_whose_sync_failed_is_made_durable_before_it_is_believed() {
    let disk = ModelDisk::default();
    let mut history = History::born();
    let mut writer = open(&disk).writer;
    disk.fail_nth(1, std::io::ErrorKind::Other);
    writer.write(&history.next(&some_shapes(1)[0])).unwrap();
    writer.sync().unwrap_err();
    assert_eq!(
        &open(&disk).image,
        history.image(),
        "it is still read, although the disk has nothing of it"
    );
    assert_eq!(&open(&disk.crash(Tear::Sectors, 1)).image, history.image());
}

#[test]
fn a_recovery_that_is_interrupted_is_followed_by_one_that_ends() {
    let (disk, mut history) = written(&some_shapes(2));
    let (file, _, last) = last_record(&disk);
    history.truncate(2);
    for kept in [10, 60, 600] {
        let torn = disk.copy();
        torn.tamper(&file, |bytes| bytes[last.start + kept..].fill(0));
        for (power, seed) in (0..12).flat_map(|power| (0..60).map(move |seed| (power, seed))) {
            let attempt = torn.copy();
            attempt.fail_power_after(power, seed);
            let _ = try_open(&attempt);
            let tear = if seed % 3 == 0 { Tear::Sectors } else { Tear::Bytes };
            assert_eq!(
                &open(&attempt.crash(tear, seed)).image,
                history.image(),
                "{kept} {power} {seed}"
            );
        }
    }
}

#[test]
fn a_journal_on_a_file_system_is_found_again() {
    let directory = tempfile::tempdir().unwrap();
    let mut history = History::born();
    for life in 0..3 {
        let disk = FileDisk::open(directory.path()).unwrap();
        let mut data = open_or_create(disk, OURS, Expected::default()).unwrap();
        assert_eq!(data.boot(), Boot(life + 1));
        let recovered = recover(&mut data, SEGMENT_BYTES_MIN, born(), None).unwrap();
        assert_eq!((&recovered.image, recovered.cut), (history.image(), None));
        let mut writer = recovered.writer;
        for shape in some_shapes(5) {
            writer.prepare_next().unwrap();
            writer.write(&history.next(&shape)).unwrap();
            writer.sync().unwrap();
        }
    }
    assert_eq!(history.image().entries.len(), 15);
}
