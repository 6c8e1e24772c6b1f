use proptest::prelude::*;
use raft_core::NodeId;

use super::*;
use crate::data_dir::{Expected, open_or_create};
use crate::disk::model::ModelDisk;
use crate::journal::history::{History, Shape, born, shapes};
use crate::journal::{SEGMENT_BYTES_MIN, recover};

const OURS: Identity = Identity {
    cluster_id: 1,
    member_id: NodeId(2),
    data_id: 3,
};

const NEXT: Identity = Identity {
    cluster_id: 1,
    member_id: NodeId(4),
    data_id: 5,
};

/// A disk with a journal of these Saves, all synced, without snapshots.
fn written(shapes: &[Shape]) -> (ModelDisk, History) {
    let disk = ModelDisk::default();
    let mut history = History::born();
    let mut data = open_or_create(disk.clone(), OURS, Expected::default()).unwrap();
    let mut writer = recover(&mut data, SEGMENT_BYTES_MIN, born(), None)
        .unwrap()
        .writer;
    for shape in shapes {
        let kind = shape.kind.max(3);
        let shape = Shape {
            kind,
            ..shape.clone()
        };
        writer.write(&history.next(&shape)).unwrap();
        writer.sync().unwrap();
    }
    (disk, history)
}

/// Whether the journal once said this, but for the ballot.
fn was_said(history: &History, image: &Image) -> bool {
    history.images().iter().any(|then| {
        (then.commit, &then.entries, &then.snapshot) == (image.commit, &image.entries, &image.snapshot)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever byte of whatever segment is damaged, what is salvaged is what the journal said at one time; and without
    /// damage it is all of it.
    #[test]
    fn what_is_salvaged_was_said_once(shapes in shapes(1..20), at in any::<usize>(), bit in 0u8..8) {
        let (disk, history) = written(&shapes);
        let whole = salvage(&disk, OURS, "", None).expect("it was born");
        let last = history.image();
        prop_assert_eq!(&whole.entries, &last.entries);
        prop_assert_eq!(whole.ballot, Ballot::default());

        let segments: Vec<String> = disk.list().unwrap().into_iter()
            .filter(|name| name.starts_with("journal-")).collect();
        let name = &segments[at % segments.len()];
        disk.tamper(name, |bytes| {
            let place = at / segments.len() % bytes.len();
            bytes[place] ^= 1 << bit;
        });
        if let Some(image) = salvage(&disk, OURS, "", None) {
            prop_assert!(was_said(&history, &image), "{:?}", image);
        }
    }

    /// What is sown is what is found at the next boot.
    #[test]
    fn what_is_sown_stays(shapes in shapes(1..12)) {
        let (disk, _) = written(&shapes);
        let seed = salvage(&disk, OURS, "", None).expect("it was born");
        let disk = ModelDisk::default();
        let mut data = open_or_create(disk.clone(), NEXT, Expected::default()).unwrap();
        let mut recovered = recover(&mut data, SEGMENT_BYTES_MIN, seed.snapshot.clone(), None).unwrap();
        recovered.sow(seed.clone()).unwrap();
        prop_assert_eq!(&recovered.image, &seed);
        drop(recovered);
        let again = salvage(&disk, NEXT, "", None).expect("it was born");
        prop_assert_eq!(again, seed);
    }
}

#[test]
fn without_its_first_record_a_journal_is_worth_nothing() {
    let (disk, _) = written(&[]);
    disk.tamper("journal-0000000000000001", |bytes| bytes[20] ^= 1);
    assert_eq!(salvage(&disk, OURS, "", None), None);
    assert_eq!(salvage(&ModelDisk::default(), OURS, "", None), None);
    // Another directory's is none of ours.
    let (disk, _) = written(&[]);
    assert_eq!(salvage(&disk, NEXT, "", None), None);
}
