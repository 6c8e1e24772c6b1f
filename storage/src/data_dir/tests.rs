use raft_core::{Boot, NodeId};

use super::{DataDirError, Expected, IDENTITY, IDENTITY_NEXT, Identity, LENGTH, inspect, open_or_create};
use crate::disk::Disk;
use crate::disk::model::{ModelDisk, Tear};

const OURS: Identity = Identity {
    cluster_id: 0xc1,
    member_id: NodeId(0x11),
    data_id: 77,
};

fn open(disk: &ModelDisk) -> Result<super::DataDir<ModelDisk>, DataDirError> {
    open_or_create(disk.clone(), OURS, Expected::default())
}

#[test]
fn each_open_counts_a_boot_and_keeps_the_identity() {
    let disk = ModelDisk::default();
    assert_eq!(inspect(&disk).unwrap(), None);
    assert_eq!(open(&disk).unwrap().boot(), Boot(1));
    let other = Identity { data_id: 78, ..OURS };
    let again = open_or_create(disk.clone(), other, Expected::default()).unwrap();
    assert_eq!(
        (again.boot(), again.identity()),
        (Boot(2), OURS),
        "what is there stays"
    );
    assert_eq!(inspect(&disk).unwrap(), Some(OURS));
    assert_eq!(open(&disk).unwrap().boot(), Boot(3), "looking is not booting");
}

#[test]
fn the_birth_of_the_journal_is_remembered() {
    let disk = ModelDisk::default();
    let mut data = open(&disk).unwrap();
    assert!(!data.journal_born());
    data.note_journal_born().unwrap();
    let data = open(&disk).unwrap();
    assert_eq!((data.journal_born(), data.boot()), (true, Boot(2)));
}

#[test]
fn a_crash_anywhere_keeps_the_identity_and_never_repeats_a_boot() {
    for power in 0..12 {
        for seed in 0..200 {
            let tear = [Tear::Sectors, Tear::Bytes][seed as usize % 2];
            let mut disk = ModelDisk::default();
            let mut returned = Boot(0);
            for life in 0..4 {
                disk.fail_power_after((power + seed * life) % 12, seed + life);
                while let Ok(data) = open(&disk) {
                    assert!(data.boot() > returned, "boot {} again", data.boot());
                    assert_eq!(data.identity(), OURS);
                    returned = data.boot();
                }
                assert!(disk.is_without_power());
                disk = disk.crash(tear, seed * 31 + life);
            }
            assert!(open(&disk).unwrap().boot() > returned);
            assert_eq!(
                disk.contents()[IDENTITY_NEXT],
                vec![0; LENGTH],
                "space for the next boot"
            );
        }
    }
}

#[test]
fn any_changed_byte_is_refused_and_nothing_changes() {
    let disk = ModelDisk::default();
    open(&disk).unwrap();
    for at in 0..disk.contents()[IDENTITY].len() {
        for bit in 0..8 {
            let copy = disk.copy();
            copy.tamper(IDENTITY, |bytes| bytes[at] ^= 1 << bit);
            let before = copy.contents();
            let error = open(&copy).unwrap_err();
            let expected = matches!(error, DataDirError::Damaged { .. } | DataDirError::Newer { .. });
            assert!(expected && error.to_string().contains(IDENTITY), "{error}");
            assert_eq!(copy.contents(), before);
        }
    }
}

#[test]
fn any_other_length_is_refused() {
    let disk = ModelDisk::default();
    open(&disk).unwrap();
    let length = disk.contents()[IDENTITY].len();
    for other in (0..length).chain([length + 1, length + 512]) {
        let copy = disk.copy();
        copy.tamper(IDENTITY, |bytes| bytes.resize(other, 0));
        assert!(matches!(open(&copy).unwrap_err(), DataDirError::Damaged { .. }));
    }
}

#[test]
fn a_newer_format_is_named() {
    let disk = ModelDisk::default();
    open(&disk).unwrap();
    disk.tamper(IDENTITY, |bytes| bytes[8] = 9);
    let error = open(&disk).unwrap_err();
    assert!(matches!(error, DataDirError::Newer { found: 9 }), "{error}");
}

#[test]
fn another_cluster_or_member_is_refused_before_the_boot_counts() {
    let disk = ModelDisk::default();
    open(&disk).unwrap();
    let expect = |cluster, member| {
        let expected = Expected {
            cluster_id: cluster,
            member_id: member,
        };
        open_or_create(disk.clone(), OURS, expected)
    };
    let error = expect(Some(0xc2), None).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the data directory belongs to cluster c1, not to c2"
    );
    let error = expect(Some(0xc1), Some(NodeId(0x12))).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the data directory belongs to member 11, not to 12"
    );
    assert_eq!(expect(Some(0xc1), Some(NodeId(0x11))).unwrap().boot(), Boot(2));
}

#[test]
fn without_an_identity_a_members_files_are_refused() {
    for name in [
        "journal-0000000000000001",
        "spare",
        "snapshot-000000000000002a",
        "snapshot.making",
        "snapshot.incoming",
        "repair",
        "repair.next",
        "damaged-1.journal-0000000000000001",
    ] {
        let disk = ModelDisk::default();
        disk.create(name, 8192).unwrap();
        for error in [open(&disk).unwrap_err(), inspect(&disk).unwrap_err()] {
            assert_eq!(
                error.to_string(),
                format!(
                    "file identity is missing beside {name}: restore it; or, if other members have a quorum, empty the \
                     directory, and they take this member in anew"
                )
            );
        }
        assert_eq!(disk.list().unwrap(), [name]);
    }
    // Files that are not Balsa's, and what a crash amid the first boot leaves, are in nobody's way.
    for name in ["notes.txt", IDENTITY_NEXT] {
        let disk = ModelDisk::default();
        disk.create(name, 10).unwrap();
        assert_eq!(open(&disk).unwrap().boot(), Boot(1));
    }
}

#[test]
fn a_full_disk_keeps_no_member_from_starting() {
    let disk = ModelDisk::default();
    open(&disk).unwrap();
    disk.set_space(0);
    for boot in 2..5 {
        assert_eq!(open(&disk).unwrap().boot(), Boot(boot));
    }
}
