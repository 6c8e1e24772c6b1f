use proptest::prelude::*;
use raft_core::NodeId;

use super::*;
use crate::data_dir::{Expected, Identity, look, open_or_create};
use crate::disk::model::ModelDisk;
use crate::journal::history::{History, Shape, born, shapes};
use crate::journal::{SEGMENT_BYTES_MIN, recover};

const OURS: Identity = Identity {
    cluster_id: 1,
    member_id: NodeId(2),
    data_id: 3,
};

fn written(shapes: &[Shape], sealed: bool) -> ModelDisk {
    let disk = ModelDisk::default();
    let mut data = open_or_create(disk.clone(), OURS, Expected::default()).unwrap();
    let mut writer = recover(&mut data, SEGMENT_BYTES_MIN, born(), None)
        .unwrap()
        .writer;
    let mut history = History::born();
    for shape in shapes {
        // These tests have no snapshots.
        let kind = shape.kind.max(3);
        writer
            .write(&history.next(&Shape {
                kind,
                ..shape.clone()
            }))
            .unwrap();
        writer.sync().unwrap();
    }
    if sealed {
        writer.seal().unwrap();
    }
    disk
}

proptest! {
    #[test]
    fn it_says_what_recovery_does_and_changes_nothing(
        shapes in shapes(0..12), sealed in any::<bool>(), file in any::<prop::sample::Index>(),
        flip in prop::option::of(any::<prop::sample::Index>()), zeroed in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let disk = written(&shapes, sealed);
        let names: Vec<String> = disk.list().unwrap().into_iter().filter(|name| name.starts_with("journal")).collect();
        let name = &names[file.index(names.len())];
        disk.tamper(name, |bytes| {
            let used = bytes.iter().rposition(|byte| *byte != 0).map_or(1, |last| last + 1);
            if let Some(at) = flip {
                bytes[at.index(used)] ^= 4;
            }
            if let Some(from) = zeroed {
                bytes[from.index(used)..used].fill(0);
            }
        });
        let before = disk.contents();
        let found = look(&disk).unwrap().unwrap();
        let mut records = 0;
        let inspected = inspect(&disk, &found, None, &mut |_| records += 1);
        prop_assert_eq!(&disk.contents(), &before);
        let mut data = open_or_create(disk.clone(), OURS, Expected::default()).unwrap();
        match (inspected, recover(&mut data, SEGMENT_BYTES_MIN, born(), None)) {
            (Ok(inspected), Ok(recovered)) => {
                prop_assert_eq!(inspected.image, Some(recovered.image));
                prop_assert_eq!(inspected.torn, recovered.cut);
                prop_assert_eq!(inspected.segments.len() as u64, recovered.segments);
                prop_assert_eq!(inspected.segments.iter().map(|segment| segment.records).sum::<u64>(), records);
                prop_assert!(records >= recovered.saves);
            }
            (Err(inspected), Err(recovered)) => prop_assert_eq!(inspected.to_string(), recovered.to_string()),
            (inspected, recovered) => prop_assert!(false, "{:?} and {:?}", inspected, recovered.map(|it| it.image)),
        }
    }
}

#[test]
fn a_directory_without_a_journal_has_none_yet_or_has_lost_it() {
    let disk = ModelDisk::default();
    open_or_create(disk.clone(), OURS, Expected::default()).unwrap();
    let found = look(&disk).unwrap().unwrap();
    let inspected = inspect(&disk, &found, None, &mut |_| {}).unwrap();
    assert!(inspected.image.is_none() && inspected.segments.is_empty());
    let disk = written(&[], false);
    disk.remove("journal-0000000000000001").unwrap();
    let found = look(&disk).unwrap().unwrap();
    let error = inspect(&disk, &found, None, &mut |_| {}).unwrap_err();
    assert!(matches!(error, RecoverError::Lost), "{error}");
}
