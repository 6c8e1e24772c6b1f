use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;

use tempfile::TempDir;

use super::{Disk, FileDisk, OpenError};

fn directory() -> (TempDir, FileDisk) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let disk = FileDisk::open(&directory.path().join("a/b")).expect("a new directory");
    (directory, disk)
}

#[test]
fn makes_the_directory_and_files_private() {
    let (_directory, disk) = directory();
    disk.create("one", 5).unwrap();
    let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(disk.path()), 0o700);
    assert_eq!(mode(&disk.path().join("one")), 0o600);
    assert_eq!(mode(&disk.path().join("LOCK")), 0o600);
}

#[test]
fn a_created_file_is_zeros_and_keeps_what_is_written() {
    let (_directory, disk) = directory();
    let bytes = (3 << 20) + 17;
    let file = disk.create("file", bytes).unwrap();
    assert_eq!(disk.length(&file).unwrap(), bytes);
    disk.write_at(&file, bytes - 3, b"abc").unwrap();
    disk.sync_data(&file).unwrap();
    let file = disk.open("file").unwrap();
    let mut read = vec![1; 10];
    disk.read_at(&file, bytes - 10, &mut read).unwrap();
    assert_eq!(read, b"\0\0\0\0\0\0\0abc");
    let error = disk.read_at(&file, bytes - 9, &mut read).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
}

#[test]
fn names_are_taken_moved_and_freed() {
    let (_directory, disk) = directory();
    disk.create("b", 1).unwrap();
    disk.create("a", 2).unwrap();
    assert_eq!(disk.create("a", 0).unwrap_err().kind(), ErrorKind::AlreadyExists);
    assert_eq!(disk.list().unwrap(), ["a", "b"], "in order, without the lock");
    disk.rename("a", "b").unwrap();
    disk.sync_directory().unwrap();
    assert_eq!(
        disk.length(&disk.open("b").unwrap()).unwrap(),
        2,
        "the target is replaced"
    );
    disk.remove("b").unwrap();
    assert_eq!(disk.remove("b").unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(disk.open("b").unwrap_err().kind(), ErrorKind::NotFound);
    assert!(disk.list().unwrap().is_empty());
}

#[test]
fn only_one_handle_holds_the_directory() {
    let (_directory, disk) = directory();
    let path = disk.path().to_owned();
    let clone = disk.clone();
    drop(disk);
    let error = FileDisk::open(&path).unwrap_err();
    assert!(matches!(error, OpenError::Locked { .. }), "{error}");
    assert!(error.to_string().contains("in use"), "{error}");
    drop(clone);
    FileDisk::open(&path).expect("the lock goes with the last clone");
}

#[test]
fn one_opened_to_be_read_is_never_changed() {
    let (_directory, disk) = directory();
    let path = disk.path().to_owned();
    disk.create("one", 5).unwrap();
    let error = FileDisk::open_to_read(&path).unwrap_err();
    assert!(matches!(error, OpenError::Locked { .. }), "{error}");
    drop(disk);
    let disk = FileDisk::open_to_read(&path).unwrap();
    let _other = FileDisk::open_to_read(&path).expect("any number may read");
    assert!(matches!(
        FileDisk::open(&path).unwrap_err(),
        OpenError::Locked { .. }
    ));
    let file = disk.open("one").unwrap();
    let mut read = [1; 5];
    disk.read_at(&file, 0, &mut read).unwrap();
    assert_eq!(read, [0; 5]);
    assert!(disk.write_at(&file, 0, b"x").is_err());
    let refused = [
        disk.create("two", 0).err(),
        disk.rename("one", "two").err(),
        disk.remove("one").err(),
    ];
    for error in refused {
        assert_eq!(error.unwrap().kind(), ErrorKind::ReadOnlyFilesystem);
    }
    assert_eq!(disk.list().unwrap(), ["one"]);
    let missing = path.join("missing");
    let error = FileDisk::open_to_read(&missing).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with(&format!("cannot open {}", missing.display())),
        "{error}"
    );
    assert!(!missing.exists());
}

#[test]
fn a_directory_of_etcd_is_refused_untouched() {
    let directory = tempfile::tempdir().unwrap();
    for inside in ["member/wal", "member/snap"] {
        let path = directory.path().join(inside.replace('/', "-"));
        std::fs::create_dir_all(path.join(inside)).unwrap();
        let error = FileDisk::open(&path).unwrap_err();
        assert!(matches!(error, OpenError::EtcdDirectory { .. }), "{error}");
        assert_eq!(path.read_dir().unwrap().count(), 1, "no lock file was made");
    }
}

#[test]
fn a_file_in_place_of_the_directory_is_an_error_with_its_path() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("file");
    #[allow(clippy::disallowed_methods, reason = "the test stands outside the disk")]
    std::fs::write(&path, "").unwrap();
    let error = FileDisk::open(&path).unwrap_err();
    assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
}
