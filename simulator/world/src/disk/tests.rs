use super::*;

fn contents(disk: &SimDisk, name: &str) -> Vec<u8> {
    let file = disk.open(name).unwrap();
    let mut bytes = vec![0; usize::try_from(disk.length(&file).unwrap()).unwrap()];
    disk.read_at(&file, 0, &mut bytes).unwrap();
    bytes
}

#[test]
fn a_crash_leaves_a_file_that_grew_at_any_length() {
    let mut lengths = BTreeSet::new();
    for seed in 0..200 {
        let disk = SimDisk::default();
        let file = disk.create("a", 0).unwrap();
        disk.sync_directory().unwrap();
        disk.write_at(&file, 0, &[1; 100]).unwrap();
        disk.sync_data(&file).unwrap();
        disk.write_at(&file, 100, &[2; 2 * SECTOR]).unwrap();
        disk.crash(&mut Choices::of_seed(seed));
        let bytes = contents(&disk, "a");
        assert_eq!(bytes[..100], [1; 100]);
        for (at, byte) in bytes.iter().enumerate().skip(100) {
            let sector = at / SECTOR;
            let same = bytes.iter().enumerate().skip(100);
            let mut same = same.filter(|(at, _)| at / SECTOR == sector);
            assert!(same.all(|(_, other)| other == byte), "a sector is not torn");
        }
        lengths.insert(bytes.len());
    }
    assert_eq!(
        lengths,
        BTreeSet::from([100, SECTOR, 2 * SECTOR, 100 + 2 * SECTOR])
    );
}

#[test]
fn a_crash_keeps_what_was_synced_and_any_sectors_of_the_rest() {
    let mut seen = BTreeSet::new();
    for seed in 0..200 {
        let disk = SimDisk::default();
        let file = disk.create("a", 3 * SECTOR as u64).unwrap();
        disk.sync_directory().unwrap();
        disk.write_at(&file, 0, &[1; 3 * SECTOR]).unwrap();
        disk.sync_data(&file).unwrap();
        disk.write_at(&file, SECTOR as u64 - 1, &[2; SECTOR + 2]).unwrap();
        disk.crash(&mut Choices::of_seed(seed));
        let bytes = contents(&disk, "a");
        assert_eq!(bytes[..SECTOR - 1], [1; SECTOR - 1]);
        assert_eq!(bytes[2 * SECTOR + 1..], [1; SECTOR - 1]);
        let middle = &bytes[SECTOR..2 * SECTOR];
        assert!(
            middle == [1; SECTOR] || middle == [2; SECTOR],
            "a sector is not torn"
        );
        seen.insert((bytes[SECTOR - 1], bytes[SECTOR], bytes[2 * SECTOR]));
    }
    assert_eq!(seen.len(), 8, "every subset of three sectors comes up");
}

#[test]
fn names_wait_for_the_directory_each_for_itself() {
    let mut seen = BTreeSet::new();
    for seed in 0..200 {
        let disk = SimDisk::default();
        for name in ["a", "b"] {
            disk.create(name, 1).unwrap();
        }
        disk.sync_directory().unwrap();
        disk.create("c", 1).unwrap();
        disk.rename("a", "d").unwrap();
        disk.remove("b").unwrap();
        disk.crash(&mut Choices::of_seed(seed));
        seen.insert(disk.list().unwrap().concat());
    }
    assert_eq!(
        seen.len(),
        16,
        "every combination of four names comes up: {seen:?}"
    );
}

#[test]
fn power_fails_when_told_and_comes_back_with_the_crash() {
    let disk = SimDisk::default();
    disk.cut_power_after(2);
    disk.create("a", 1).unwrap();
    assert!(disk.sync_directory().is_err());
    assert!(disk.is_without_power());
    assert!(disk.list().is_err());
    disk.crash(&mut Choices::of_list(vec![1]));
    assert_eq!(disk.list().unwrap(), ["a"]);
}

#[test]
fn a_failed_sync_drops_pages_that_memory_keeps_for_a_while() {
    let mut seen = BTreeSet::new();
    for seed in 0..100 {
        let mut choices = Choices::of_seed(seed);
        let disk = SimDisk::default();
        let file = disk.create("a", 2 * SECTOR as u64).unwrap();
        disk.sync_directory().unwrap();
        disk.write_at(&file, 0, &[1; 2 * SECTOR]).unwrap();
        disk.fail_after(Failing::Sync, 0, 0b10);
        assert_eq!(disk.sync_data(&file).unwrap_err().raw_os_error(), Some(5));
        assert!(disk.has_failed());
        // Asked again it says what a system says that has forgotten.
        disk.sync_data(&file).unwrap();
        assert_eq!(contents(&disk, "a"), [1; 2 * SECTOR]);
        disk.restart(&mut choices);
        let after = contents(&disk, "a");
        assert_eq!(after[..SECTOR], [1; SECTOR]);
        seen.insert(after[SECTOR]);
        disk.crash(&mut choices);
        assert_eq!(contents(&disk, "a")[SECTOR..], [0; SECTOR]);
    }
    assert_eq!(seen, BTreeSet::from([0, 1]));
}

#[test]
fn what_a_failed_sync_dropped_is_written_when_it_is_written_again() {
    let disk = SimDisk::default();
    let file = disk.create("a", SECTOR as u64).unwrap();
    disk.sync_directory().unwrap();
    disk.write_at(&file, 0, &[1; SECTOR]).unwrap();
    disk.fail_after(Failing::Sync, 0, 1);
    disk.sync_data(&file).unwrap_err();
    disk.write_at(&file, 0, &[1; SECTOR]).unwrap();
    disk.sync_data(&file).unwrap();
    disk.crash(&mut Choices::of_list(vec![]));
    assert_eq!(contents(&disk, "a"), [1; SECTOR]);
}

#[test]
fn space_runs_out_at_a_byte_and_comes_back() {
    let disk = SimDisk::default();
    let file = disk.create("a", 100).unwrap();
    disk.sync_directory().unwrap();
    disk.limit(Some(50));
    disk.write_at(&file, 0, &[1; 150]).unwrap();
    let full = disk.write_at(&file, 100, &[1; 51]).unwrap_err();
    assert_eq!(full.kind(), io::ErrorKind::StorageFull);
    disk.write_at(&file, 0, &[2; 150]).unwrap();
    assert!(disk.create("b", 1).is_err() && disk.was_full());
    // What a crash could bring back takes space.
    disk.remove("a").unwrap();
    assert!(disk.create("c", 100).is_err());
    disk.sync_directory().unwrap();
    disk.create("d", 100).unwrap();
    disk.limit(None);
    disk.create("e", 1_000).unwrap();
}

#[test]
fn every_kind_of_rot_shows_and_spares_what_may_look_unfinished() {
    for (seed, rot) in (0..200).flat_map(|seed| ROTS.map(|rot| (seed, rot))) {
        let mut choices = Choices::of_seed(seed);
        let disk = SimDisk::default();
        let file = disk.create("a", 8 * SECTOR as u64).unwrap();
        disk.sync_directory().unwrap();
        for sector in 0..8 {
            let bytes = [sector as u8 + 1; SECTOR];
            disk.write_at(&file, (sector * SECTOR) as u64, &bytes).unwrap();
            disk.sync_data(&file).unwrap();
        }
        disk.crash(&mut choices);
        let before = contents(&disk, "a");
        let Some(wound) = disk.rot(rot, &mut choices) else {
            continue;
        };
        let read = disk.open("a").and_then(|file| {
            let mut bytes = vec![0; 8 * SECTOR];
            disk.read_at(&file, 0, &mut bytes).map(|()| bytes)
        });
        match rot {
            Rot::Lost => assert_eq!(read.unwrap_err().kind(), io::ErrorKind::NotFound),
            Rot::Unreadable => assert_eq!(read.unwrap_err().raw_os_error(), Some(5)),
            Rot::Bit => assert_ne!(read.unwrap(), before),
            Rot::Zero | Rot::Stale | Rot::Misdirected => {
                assert_ne!(read.unwrap(), before);
                assert!(wound.sector < 4, "the last writes are spared");
            }
        }
    }
}
