//! The record that closes a segment: what is behind it is missed if it is gone, and a crash may keep it from the disk.

use super::*;

/// A journal of two segments, with one Save in the second; and where the first one's closing record stands.
fn two_segments() -> (ModelDisk, History, std::ops::Range<usize>) {
    let (disk, history) = written(&some_shapes(3));
    let second = disk.contents()[&name(2)].clone();
    assert_eq!(records(&second).len(), 1);
    let closing = records(&disk.contents()[&name(1)]).pop().unwrap();
    assert_eq!((closing.start % 512, closing.len()), (0, 512));
    (disk, history, closing)
}

/// As [`two_segments`], before the second one had a record.
fn fresh_second() -> (ModelDisk, History, std::ops::Range<usize>) {
    let (disk, mut history, closing) = two_segments();
    disk.tamper(&name(2), |bytes| bytes[BLOCK..].fill(0));
    history.truncate(3);
    (disk, history, closing)
}

#[test]
fn a_newest_segment_that_is_gone_is_missed() {
    for (disk, _, closing) in [two_segments(), fresh_second()] {
        disk.remove(&name(2)).unwrap();
        assert_eq!(
            refusal(&disk).to_string(),
            format!(
                "journal file {} is damaged at offset {}: file {}, which follows this one, is missing",
                name(1),
                closing.start,
                name(2)
            )
        );
        assert!(refusal(&disk).is_loss());
    }
}

#[test]
fn a_newest_segment_of_zeros_or_of_nothing_is_named() {
    type Change = fn(&mut Vec<u8>);
    let changes: [Change; 3] = [Vec::clear, |bytes| bytes.fill(0), |bytes| bytes.truncate(BLOCK)];
    for (at, change) in changes.into_iter().enumerate() {
        for (disk, _, _) in [two_segments(), fresh_second()] {
            disk.tamper(&name(2), change);
            let error = refusal(&disk);
            assert!(
                matches!(&error, RecoverError::Damaged { file, offset: 0, .. } if *file == name(2)),
                "{at}: {error}"
            );
        }
    }
}

#[test]
fn what_a_crash_left_of_a_closing_record_is_completed() {
    let (whole, history, closing) = fresh_second();
    for kept in 0..512 {
        let disk = whole.copy();
        disk.tamper(&name(1), |bytes| bytes[closing.start + kept..closing.end].fill(0));
        let recovered = open(&disk);
        assert_eq!(&recovered.image, history.image(), "{kept}");
        assert_eq!((recovered.cut, recovered.segments), (None, 2));
        assert_eq!(disk.contents()[&name(1)], whole.contents()[&name(1)], "{kept}");
    }
}

#[test]
fn a_crash_while_a_closing_record_is_completed_leaves_the_same_work() {
    let (whole, history, closing) = fresh_second();
    for (kept, power, seed) in [0, 20, 300]
        .into_iter()
        .flat_map(|kept| (0..8).flat_map(move |power| (0..20).map(move |seed| (kept, power, seed))))
    {
        let disk = whole.copy();
        disk.tamper(&name(1), |bytes| bytes[closing.start + kept..closing.end].fill(0));
        disk.fail_power_after(power, seed);
        let _ = try_open(&disk);
        let tear = if seed % 2 == 0 { Tear::Sectors } else { Tear::Bytes };
        let disk = disk.crash(tear, seed);
        assert_eq!(&open(&disk).image, history.image(), "{kept} {power} {seed}");
        assert_eq!(disk.contents()[&name(1)], whole.contents()[&name(1)]);
    }
}

#[test]
fn a_closing_record_that_may_be_in_memory_only_is_written_again() {
    let (disk, mut history) = written(&some_shapes(2));
    let mut writer = open(&disk).writer;
    // The header, its sync, the name, the directory, the record: its sync fails.
    disk.fail_nth(6, std::io::ErrorKind::Other);
    let save = history.next(&some_shapes(1)[0]);
    let error = writer.write(&save).unwrap_err();
    assert!(
        error.to_string().starts_with(&format!("cannot sync {}", name(1))),
        "{error}"
    );
    history.truncate(3);
    assert_eq!(&open(&disk).image, history.image());
    put(&mut open(&disk).writer, &history.next(&some_shapes(1)[0]));
    for seed in 0..20 {
        assert_eq!(&open(&disk.crash(Tear::Sectors, seed)).image, history.image());
    }
}

fn put(writer: &mut crate::journal::Writer<ModelDisk>, save: &raft_core::Save) {
    writer.write(save).unwrap();
    writer.sync().unwrap();
}

#[test]
fn a_closing_record_that_is_wrong_or_gone_is_named_once_something_follows() {
    let (disk, _, closing) = two_segments();
    let named = |disk: &ModelDisk, at: usize| {
        let error = refusal(disk);
        assert!(
            matches!(&error, RecoverError::Damaged { file, offset, .. } if *file == name(1) && *offset as usize <= at),
            "{error}"
        );
    };
    let gone = disk.copy();
    gone.tamper(&name(1), |bytes| bytes[closing.clone()].fill(0));
    named(&gone, closing.start);
    for at in closing.clone() {
        let flipped = disk.copy();
        flipped.tamper(&name(1), |bytes| bytes[at] ^= 0x10);
        named(&flipped, at);
        // Nor is what nobody wrote taken for what a crash left.
        let (fresh, _, _) = fresh_second();
        fresh.tamper(&name(1), |bytes| bytes[at] ^= 0x10);
        let is_zero_now = fresh.contents()[&name(1)][at] == 0;
        if !is_zero_now {
            named(&fresh, at);
        }
    }
}

#[test]
fn nothing_stands_behind_a_closing_record() {
    for (disk, _, closing) in [two_segments(), fresh_second()] {
        disk.tamper(&name(1), |bytes| bytes[closing.end + 7] = 1);
        let error = refusal(&disk);
        assert!(
            matches!(&error, RecoverError::Damaged { offset, reason: Damage::BehindClose, .. }
                if *offset as usize == closing.end + 7),
            "{error}"
        );
    }
}
