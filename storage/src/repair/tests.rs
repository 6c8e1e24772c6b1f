use raft_core::{Image, SnapshotMark};

use super::*;
use crate::data_dir::{Expected, open_or_create};
use crate::disk::model::{ModelDisk, Tear};
use crate::journal::{SEGMENT_BYTES_MIN, recover, salvage};

const OURS: Identity = Identity {
    cluster_id: 1,
    member_id: NodeId(2),
    data_id: 3,
};

fn note(disk: &ModelDisk) -> Note {
    let found = data_dir::look(disk).unwrap().expect("it has an owner");
    Note {
        former: found.identity,
        next: successor(found.identity),
        boot: found.boot,
        number: 1,
        votes: true,
    }
}

/// A directory that was booted once, with a journal of one record.
fn booted() -> ModelDisk {
    let disk = ModelDisk::default();
    let mut data = open_or_create(disk.clone(), OURS, Expected::default()).unwrap();
    recover(&mut data, SEGMENT_BYTES_MIN, SnapshotMark::default(), None).unwrap();
    disk
}

/// What a host does at boot; the image.
fn boot(disk: &ModelDisk) -> Result<(Identity, Boot, Image), Box<dyn std::error::Error>> {
    let note = carry_on(disk)?;
    let mut data = open_or_create(disk.clone(), OURS, Expected::default())?;
    let is_new = !data.journal_born();
    let seed = note.and_then(|note| salvage(disk, note.former, &aside(note.number), None));
    let mark = seed
        .as_ref()
        .map(|seed| seed.snapshot.clone())
        .unwrap_or_default();
    let mut recovered = recover(&mut data, SEGMENT_BYTES_MIN, mark, None)?;
    if let Some(seed) = seed.filter(|_| is_new) {
        recovered.sow(seed)?;
    }
    Ok((data.identity(), data.boot(), recovered.image))
}

#[test]
fn a_successor_is_another_one_and_always_the_same() {
    let next = successor(OURS);
    assert_eq!(next, successor(OURS));
    assert_eq!(next.cluster_id, OURS.cluster_id);
    let all = [
        OURS,
        next,
        successor(next),
        successor(Identity { data_id: 4, ..OURS }),
    ];
    for (at, one) in all.iter().enumerate() {
        for other in &all[at + 1..] {
            assert_ne!(one.member_id, other.member_id);
            assert_ne!(one.data_id, other.data_id);
        }
    }
}

#[test]
fn a_note_survives_its_bytes_and_no_flipped_bit() {
    let note = note(&booted());
    let bytes = note.encode();
    assert_eq!(bytes.len(), LENGTH);
    assert_eq!(Note::decode(&bytes).unwrap(), note);
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(Note::decode(&flipped).is_err(), "bit {bit}");
    }
    assert!(Note::decode(&bytes[1..]).is_err());
}

#[test]
fn a_directory_changes_hands_and_is_cleared_in_the_end() {
    let disk = booted();
    let note = note(&disk);
    begin(&disk, &note).unwrap();
    let segment = crate::snapshot::file_name(raft_core::Index(0)).replace("snapshot", "journal");
    let first = segment.replace("0000000000000000", "0000000000000001");
    let names = disk.list().unwrap();
    assert!(names.contains(&format!("damaged-1.{first}")), "{names:?}");
    assert!(!names.contains(&first), "{names:?}");
    let (identity, boot_number, _) = boot(&disk).unwrap();
    assert_eq!((identity, boot_number), (note.next, Boot(2)));
    assert_eq!(carry_on(&disk).unwrap(), Some(note));
    finish(&disk).unwrap();
    assert_eq!(carry_on(&disk).unwrap(), None);
    let names = disk.list().unwrap();
    assert!(
        names
            .iter()
            .all(|name| !name.starts_with("damaged") && name != NOTE),
        "{names:?}"
    );
    // Once more is no mistake.
    finish(&disk).unwrap();
    assert_eq!(boot(&disk).unwrap().0, note.next);
}

/// Power fails at each operation of the hand-over, of the boot after it and of its end: whoever boots next is the former
/// member before the note, the next one from then on, and never both.
#[test]
fn a_crash_at_any_operation_leaves_one_owner() {
    let mut seen_former = false;
    let mut seen_next = false;
    for operations in 0..80 {
        for seed in 0..8 {
            let disk = booted();
            let note = note(&disk);
            disk.fail_power_after(operations, seed);
            let done = begin(&disk, &note)
                .map_err(Into::into)
                .and_then(|()| boot(&disk).map(|_| ()))
                .and_then(|()| finish(&disk).map_err(Into::into));
            assert!(done.is_ok() || disk.is_without_power(), "{done:?}");
            let disk = disk.crash(Tear::Sectors, seed);
            let (identity, _, image) = boot(&disk).unwrap_or_else(|error| {
                panic!("power failed after {operations} operations, seed {seed}: {error}")
            });
            assert!(identity == note.former || identity == note.next);
            let is_noted = look(&disk).unwrap().is_some();
            assert!(identity == note.next || !is_noted, "a note and its former owner");
            assert_eq!(image.entries, []);
            seen_former |= identity == note.former;
            seen_next |= identity == note.next;
            // And once it is there it stays.
            assert_eq!(boot(&disk).unwrap().0, identity);
        }
    }
    assert!(seen_former && seen_next);
}

#[test]
fn what_is_damaged_again_is_set_aside_again() {
    let disk = booted();
    let first = note(&disk);
    begin(&disk, &first).unwrap();
    boot(&disk).unwrap();
    let second = Note {
        number: 2,
        ..note(&disk)
    };
    assert_eq!(second.former, first.next);
    begin(&disk, &second).unwrap();
    assert_eq!(boot(&disk).unwrap().0, second.next);
    let names = disk.list().unwrap();
    for prefix in ["damaged-1.", "damaged-2."] {
        assert!(names.iter().any(|name| name.starts_with(prefix)), "{names:?}");
    }
    finish(&disk).unwrap();
    assert!(
        disk.list()
            .unwrap()
            .iter()
            .all(|name| !name.starts_with("damaged"))
    );
}
