use std::fs::OpenOptions;
use std::io;

use proptest::prelude::*;
use tempfile::TempDir;

use super::{BLOCK, Direct, DiskFile, PIECE};
use crate::disk::{Disk, FileDisk};

/// A directory on a file system that takes direct writes, if that of temporary files does.
fn directory() -> (TempDir, FileDisk) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let disk = FileDisk::open(&directory.path().join("disk")).expect("a new directory");
    (directory, disk)
}

fn content(disk: &FileDisk, name: &str) -> Vec<u8> {
    let file = disk.open(name).expect("a file");
    let mut bytes = vec![0; usize::try_from(disk.length(&file).expect("a length")).expect("a small file")];
    disk.read_at(&file, 0, &mut bytes).expect("a file");
    bytes
}

fn is_direct(file: &DiskFile) -> bool {
    file.direct.borrow().is_some()
}

fn writes() -> impl Strategy<Value = Vec<(usize, usize, u8)>> {
    let length = prop_oneof![6 => 0usize..3000, 3 => 0usize..20_000, 1 => PIECE - 5000..PIECE + 5000];
    proptest::collection::vec((0usize..40_000, length, 1u8..), 1..12)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// Whatever is written where, the file is what it would be in memory; also after it was opened again or made zeros.
    #[test]
    fn a_file_is_what_was_written(writes in writes(), opens in proptest::collection::vec(0usize..12, 0..3)) {
        let (_directory, disk) = directory();
        let length = 40_960 + PIECE + 8192;
        let mut file = disk.create("file", length as u64).unwrap();
        let mut expected = vec![0; length];
        for (at, (offset, bytes, value)) in writes.into_iter().enumerate() {
            if opens.contains(&at) {
                file = disk.open("file").unwrap();
            }
            disk.write_at(&file, offset as u64, &vec![value; bytes]).unwrap();
            expected[offset..offset + bytes].fill(value);
            let mut seen = vec![0; length];
            disk.read_at(&file, 0, &mut seen).unwrap();
            prop_assert!(seen == expected);
        }
        disk.sync_data(&file).unwrap();
        prop_assert!(content(&disk, "file") == expected);
        disk.zero(&file, length as u64).unwrap();
        disk.write_at(&file, 5000, b"once more").unwrap();
        expected.fill(0);
        expected[5000..5009].copy_from_slice(b"once more");
        prop_assert!(content(&disk, "file") == expected);
    }
}

#[test]
fn records_one_behind_the_other_stay_whole() {
    let (_directory, disk) = directory();
    let file = disk.create("file", 1 << 20).unwrap();
    let mut expected = Vec::new();
    for number in 1..400u32 {
        let record: Vec<u8> = (0..number * 13 % 5000)
            .map(|at| (at + number) as u8 | 1)
            .collect();
        disk.write_at(&file, expected.len() as u64, &record).unwrap();
        disk.sync_data(&file).unwrap();
        expected.extend(record);
        if expected.len() > 900_000 {
            break;
        }
    }
    expected.resize(1 << 20, 0);
    assert!(content(&disk, "file") == expected);
}

#[test]
fn a_file_that_is_no_number_of_blocks_or_grows_is_written_as_ever() {
    let (_directory, disk) = directory();
    let odd = disk.create("odd", 5000).unwrap();
    assert!(!is_direct(&odd));
    disk.write_at(&odd, 4990, b"0123456789").unwrap();
    assert_eq!(content(&disk, "odd")[4990..], *b"0123456789");
    let file = disk.create("file", 2 * BLOCK as u64).unwrap();
    disk.write_at(&file, 8000, &[7; 500]).unwrap();
    assert!(!is_direct(&file), "it is longer now");
    disk.write_at(&file, 8400, &[8; 500]).unwrap();
    let content = content(&disk, "file");
    assert_eq!(content.len(), 8900);
    assert_eq!(
        (&content[8000..8400], &content[8400..]),
        (&[7; 400][..], &[8; 500][..])
    );
}

#[test]
#[cfg(target_os = "linux")]
#[allow(clippy::disallowed_methods, reason = "the disk has no such file")]
fn a_file_system_that_will_not_is_written_as_ever() {
    let (_directory, disk) = directory();
    let file = disk.create("file", 4 * BLOCK as u64).unwrap();
    // The kernel takes nothing but a number here, and says so as a file system says that it writes nothing directly.
    let refuses = OpenOptions::new().write(true).open("/proc/self/oom_score_adj");
    *file.direct.borrow_mut() = Some(Direct {
        file: refuses.unwrap(),
        length: 4 * BLOCK as u64,
        zero_from: 0,
        last: None,
        memory: Vec::new(),
    });
    disk.write_at(&file, 100, &[7; 5000]).unwrap();
    assert!(!is_direct(&file));
    let content = content(&disk, "file");
    assert_eq!(content.iter().filter(|&&byte| byte == 7).count(), 5000);
    assert_eq!(content[100..5100], [7; 5000]);
}

#[test]
fn a_directory_that_is_only_read_is_not_written() {
    let (_directory, disk) = directory();
    disk.create("file", BLOCK as u64).unwrap();
    let path = disk.path().to_owned();
    drop(disk);
    let disk = FileDisk::open_to_read(&path).unwrap();
    let file = disk.open("file").unwrap();
    assert!(!is_direct(&file));
    let error: io::Error = disk.write_at(&file, 0, b"x").unwrap_err();
    assert_eq!(error.raw_os_error(), Some(9), "it is not open for writing");
}
