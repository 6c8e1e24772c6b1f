//! The first format's bytes, kept: what a member of this release wrote, every later one must read.

use super::run::Run;
use crate::FORMAT_VERSION;
use crate::disk::Disk;
use crate::disk::model::ModelDisk;

/// The files of a data directory after the recorded run, and what they say.
const FILES: &[(&str, &[u8])] = &[
    ("identity", include_bytes!("golden/format-1/identity")),
    (
        "journal-0000000000000002",
        include_bytes!("golden/format-1/journal-0000000000000002"),
    ),
    (
        "journal-0000000000000003",
        include_bytes!("golden/format-1/journal-0000000000000003"),
    ),
    (
        "journal-0000000000000004",
        include_bytes!("golden/format-1/journal-0000000000000004"),
    ),
    (
        "journal-0000000000000005",
        include_bytes!("golden/format-1/journal-0000000000000005"),
    ),
    (
        "journal-0000000000000006",
        include_bytes!("golden/format-1/journal-0000000000000006"),
    ),
    (
        "journal-0000000000000007",
        include_bytes!("golden/format-1/journal-0000000000000007"),
    ),
];
const SAYS: &str = include_str!("golden/format-1/image.txt");

fn says(run: &Run, disk: &ModelDisk) -> String {
    let recovered = run.open_disk(disk).expect("a sound directory");
    format!("{:#?}\n", recovered.image)
}

/// Where the files are written anew when the environment has `REWRITE_GOLDEN`: only while the format may still change.
#[allow(clippy::disallowed_methods, reason = "the golden files are written by hand")]
fn rewrite(run: &Run) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/journal/tests/golden/format-1");
    for (name, bytes) in super::damage::files(run) {
        std::fs::write(path.join(name), bytes).expect("a golden file");
    }
    std::fs::write(path.join("image.txt"), says(run, &run.disk.copy())).expect("a golden file");
}

#[test]
fn this_release_writes_the_bytes_of_its_format() {
    assert_eq!(FORMAT_VERSION, 1, "a later format has golden files of its own");
    let run = Run::sealed();
    if std::env::var_os("REWRITE_GOLDEN").is_some() {
        return rewrite(&run);
    }
    let files = super::damage::files(&run);
    assert_eq!(
        files.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(),
        FILES.iter().map(|(name, _)| *name).collect::<Vec<_>>()
    );
    for ((name, written), (_, kept)) in files.iter().zip(FILES) {
        let differs = written
            .iter()
            .zip(*kept)
            .position(|(written, kept)| written != kept);
        assert_eq!(
            (written.len(), differs),
            (kept.len(), None),
            "{name}: length, and the first byte that differs"
        );
    }
}

#[test]
fn this_release_reads_the_bytes_of_the_first_format() {
    if std::env::var_os("REWRITE_GOLDEN").is_some() {
        return;
    }
    let disk = ModelDisk::default();
    for (name, bytes) in FILES {
        disk.create(name, bytes.len() as u64).unwrap();
        disk.tamper(name, |file| *file = bytes.to_vec());
    }
    assert_eq!(says(&Run::whole(), &disk), SAYS);
}
