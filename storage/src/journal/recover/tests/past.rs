//! What belongs to another past, or is not there.

use super::*;

/// Two journals that are the same but for the bodies of some Saves, all of the same length.
fn fork() -> (ModelDisk, ModelDisk) {
    let shapes = some_shapes(6);
    let (ours, _) = written(&shapes);
    let disk = ModelDisk::default();
    let (mut history, mut writer) = (History::born(), open(&disk).writer);
    for (at, shape) in shapes.iter().enumerate() {
        let mut save = history.next(shape);
        if at == 0 {
            save.stamp.0 += 1;
        }
        writer.write(&save).unwrap();
        writer.sync().unwrap();
    }
    (ours, disk)
}

#[test]
fn a_record_of_another_past_is_refused() {
    let (ours, theirs) = fork();
    let foreign = theirs.contents()[&name(1)].clone();
    // The first two are that of birth and the one that differs.
    let third = records(&foreign)[2].clone();
    ours.tamper(&name(1), |bytes| {
        bytes[third.clone()].copy_from_slice(&foreign[third.clone()])
    });
    let error = refusal(&ours);
    let expected = matches!(&error, RecoverError::Damaged { offset, reason: Damage::RecordChain, .. }
        if *offset == third.start as u64);
    assert!(expected, "{error}");
}

#[test]
fn a_segment_of_another_past_is_refused() {
    let (ours, theirs) = fork();
    let foreign = theirs.contents()[&name(2)].clone();
    ours.tamper(&name(2), |bytes| *bytes = foreign);
    let error = refusal(&ours);
    let expected = matches!(&error, RecoverError::Damaged { file, reason: Damage::EndLost { .. }, .. }
        if *file == name(1));
    assert!(expected, "{error}");
}

#[test]
fn missing_and_exchanged_segments_are_named() {
    let (disk, _) = written(&some_shapes(9));
    assert!(
        disk.contents().contains_key(&name(4)),
        "enough segments for this test"
    );
    let copy = disk.copy();
    copy.remove(&name(1)).unwrap();
    assert_eq!(
        refusal(&copy).to_string(),
        "the journal goes on after entry 2, and there is no sound snapshot that reaches it (the newest is at 0)"
    );
    for sequence in 2..4 {
        let copy = disk.copy();
        copy.remove(&name(sequence)).unwrap();
        let error = refusal(&copy);
        assert_eq!(
            error.to_string(),
            format!("journal file {} is missing", name(sequence))
        );
    }
    let copy = disk.copy();
    copy.rename(&name(2), "aside").unwrap();
    copy.rename(&name(3), &name(2)).unwrap();
    copy.rename("aside", &name(3)).unwrap();
    let error = refusal(&copy);
    assert!(
        matches!(
            error,
            RecoverError::Damaged {
                reason: Damage::Misnamed { found: 3 },
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn a_lost_journal_is_not_born_again() {
    let (disk, _) = written(&some_shapes(1));
    let erased = disk.copy();
    erased.tamper(&name(1), |bytes| bytes[BLOCK..].fill(0));
    let error = refusal(&erased);
    assert!(
        matches!(
            error,
            RecoverError::Damaged {
                reason: Damage::BirthLost,
                ..
            }
        ),
        "{error}"
    );
    disk.remove(&name(1)).unwrap();
    assert!(matches!(refusal(&disk), RecoverError::Lost));
}

#[test]
fn a_segment_of_another_directory_is_refused() {
    let (disk, _) = written(&some_shapes(1));
    let other = ModelDisk::default();
    let identity = Identity { data_id: 4, ..OURS };
    let mut data = open_or_create(other.clone(), identity, Expected::default()).unwrap();
    recover(&mut data, SEGMENT_BYTES_MIN, born(), None).unwrap();
    let foreign = other.contents()[&name(1)].clone();
    disk.tamper(&name(1), |bytes| *bytes = foreign);
    let error = refusal(&disk);
    assert!(
        error
            .to_string()
            .contains("another data directory: cluster 1, member 2, data id 4"),
        "{error}"
    );
}
