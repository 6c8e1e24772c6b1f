//! Disks that fail: flipped bits, torn writes, missing files, and no room left.

use std::fs;
use std::ops::Range;
use std::path::PathBuf;

use crate::cluster::{Server, get_v2, get_v3, put_v2, put_v3, until};

const KEYS: usize = 20;

fn value(number: usize) -> String {
    format!("value-number-{number:04}")
}

/// A member that was killed after some writes, and its only journal file.
fn killed_after_writes() -> (Server, PathBuf) {
    let mut server = Server::start("alone");
    for number in 0..KEYS {
        put_v3(&mut server.http(), &format!("k{number}"), &value(number)).expect("a write");
    }
    server.kill();
    // The next segment may have been made ahead of need; the writes are in the first.
    let journal = server.journal().remove(0);
    (server, journal)
}

/// Where the value of a key stands in the journal.
fn first_offset_of(journal: &[u8], number: usize) -> usize {
    let value = value(number);
    let mut windows = journal.windows(value.len());
    windows
        .position(|window| window == value.as_bytes())
        .expect("what was acknowledged is in the journal")
}

#[test]
fn a_flipped_bit_in_the_middle_stops_it_with_file_and_offset() {
    let (mut server, journal) = killed_after_writes();
    let mut bytes = fs::read(&journal).expect("a journal");
    let flipped = first_offset_of(&bytes, KEYS / 2);
    bytes[flipped] ^= 0x10;
    fs::write(&journal, &bytes).expect("a journal can be damaged");
    for _ in 0..2 {
        server.spawn();
        assert_eq!(server.wait_end().code(), Some(1));
        let line = server.log().wait_for("\"level\":\"fatal\"");
        let file = journal.file_name().expect("a file").to_string_lossy();
        assert!(
            line.contains(&format!("journal file {file} is damaged at offset ")),
            "{line}"
        );
        let offset: usize = line
            .split("offset ")
            .nth(1)
            .and_then(|rest| rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok())
            .expect("an offset");
        assert!(
            (flipped.saturating_sub(4096)..=flipped).contains(&offset),
            "{line}: {flipped} was flipped"
        );
        assert!(line.contains("does not match its checksum"), "{line}");
        assert!(
            server.log().lines_with("\"serving\"").is_empty(),
            "it served damaged data"
        );
    }
    assert!(
        fs::read(&journal).expect("a journal") == bytes,
        "it changed what is damaged"
    );
    // Mended, it is as before.
    bytes[flipped] ^= 0x10;
    fs::write(&journal, &bytes).expect("a journal can be mended");
    server.restart();
    for number in 0..KEYS {
        let (read, _) = get_v3(&mut server.http(), &format!("k{number}")).expect("a read");
        assert_eq!(read, Some(value(number)));
    }
}

/// What a disk has of a last write when the power fails: sectors of it are there, others are not yet.
fn tear(bytes: &mut [u8], last: Range<usize>, middle: bool) {
    match middle {
        false => bytes[last.start + 40..last.end].fill(0),
        true => {
            let sector = last.start.next_multiple_of(512);
            assert!(sector + 512 < last.end, "the last write has a sector of its own");
            bytes[sector..sector + 512].fill(0);
        }
    }
}

#[test]
fn a_torn_last_write_is_cut_and_said() {
    for middle in [false, true] {
        let (mut server, journal) = killed_after_writes();
        server.restart();
        put_v3(&mut server.http(), "last", &value(KEYS).repeat(200)).expect("a write");
        server.kill();
        let mut bytes = fs::read(&journal).expect("a journal");
        // Where the value begins, and the last byte that was written.
        let begin = first_offset_of(&bytes, KEYS);
        let end = bytes
            .iter()
            .rposition(|&byte| byte != 0)
            .expect("a journal is not empty")
            + 1;
        assert!(end - begin < 4096, "the last write is the last record");
        tear(&mut bytes, begin..end, middle);
        fs::write(&journal, &bytes).expect("a journal can be damaged");
        server.restart();
        let line = server.log().wait_for("cut the write that was interrupted");
        assert!(
            line.contains(&*journal.file_name().expect("a file").to_string_lossy()),
            "{line}"
        );
        for number in 0..KEYS {
            let (read, _) = get_v3(&mut server.http(), &format!("k{number}")).expect("a read");
            assert_eq!(read, Some(value(number)), "k{number}");
        }
        assert_eq!(get_v3(&mut server.http(), "last").expect("a read").0, None);
        // The journal goes on where it was cut.
        put_v3(&mut server.http(), "on", "1").expect("a write");
        server.kill();
        server.restart();
        assert_eq!(
            get_v3(&mut server.http(), "on").expect("a read").0.as_deref(),
            Some("1")
        );
    }
}

#[test]
fn rot_in_the_last_write_is_not_taken_for_a_torn_one() {
    let (mut server, journal) = killed_after_writes();
    let mut bytes = fs::read(&journal).expect("a journal");
    let flipped = first_offset_of(&bytes, KEYS - 1);
    bytes[flipped] ^= 0x10;
    fs::write(&journal, &bytes).expect("a journal can be damaged");
    server.spawn();
    assert_eq!(server.wait_end().code(), Some(1));
    let line = server.log().wait_for("\"level\":\"fatal\"");
    assert!(line.contains("is damaged at offset "), "{line}");
}

#[test]
fn a_missing_journal_is_no_new_member() {
    let (mut server, journal) = killed_after_writes();
    for segment in server.journal() {
        fs::remove_file(segment).expect("a journal can be lost");
    }
    server.spawn();
    assert_eq!(server.wait_end().code(), Some(1));
    let line = server.log().wait_for("\"level\":\"fatal\"");
    assert!(line.contains("the journal is missing"), "{line}");
    assert!(!journal.exists(), "it made a new one");
}

#[test]
fn a_journal_of_another_member_is_refused() {
    let (mut server, journal) = killed_after_writes();
    let (_other, others) = killed_after_writes();
    fs::copy(others, &journal).expect("files can be mixed up");
    server.spawn();
    assert_eq!(server.wait_end().code(), Some(1));
    let line = server.log().wait_for("\"level\":\"fatal\"");
    assert!(line.contains("it belongs to another data directory"), "{line}");
}

/// What the shell does so that no file may grow beyond so many blocks, and writes there fail instead of raising a signal:
/// as near to a full disk as a process comes without being the machine's master. A block has 512 bytes in some shells
/// and 1024 in others.
fn no_room(blocks: usize) -> String {
    format!("trap '' XFSZ; ulimit -f {blocks}")
}

/// A member without room for more, the values it took before it said no, what it said then, and the value of each.
fn fill(blocks: usize) -> (Server, Vec<String>, String, String) {
    let mut server = Server::start("alone");
    put_v2(&mut server.http(), "first", "kept").expect("a write");
    server.stop();
    server.shell(Some(&no_room(blocks))).restart();
    let large = "x".repeat(256 * 1024);
    let mut http = server.http();
    let mut kept = Vec::new();
    for number in 0..200 {
        let key = format!("k{number}");
        match put_v3(&mut http, &key, &large) {
            Ok(_) => kept.push(key),
            Err(error) => {
                assert!(!kept.is_empty(), "there was no room at all");
                return (server, kept, format!("{error:?}"), large);
            }
        }
    }
    panic!("200 large values found room");
}

fn check_kept(server: &Server, kept: &[String], large: &str) {
    let (first, _) = get_v2(&mut server.http(), "first", true).expect("a read");
    assert_eq!(first.as_deref(), Some("kept"));
    for key in kept {
        let (read, _) = get_v3(&mut server.http(), key).expect("a read");
        assert!(read.as_deref() == Some(large), "{key} is lost");
    }
}

#[test]
fn without_room_for_another_segment_it_serves_reads_and_refuses_writes() {
    let (mut server, kept, said, large) = fill(8192);
    // One that came just before the room ran out waits for some.
    let in_time = said.contains("database space exceeded") || said.contains("request timed out");
    assert!(in_time, "{said}");
    server
        .log()
        .wait_for("cannot make the next journal segment ahead of need: writes are refused");
    let refused = put_v3(&mut server.http(), "more", &large).expect_err("there is no room");
    assert!(
        format!("{refused:?}").contains("database space exceeded"),
        "{refused:?}"
    );
    check_kept(&server, &kept, &large);
    // It starts again without room, too.
    server.kill();
    server.restart();
    check_kept(&server, &kept, &large);
    server.kill();
    server.shell(None).restart();
    check_kept(&server, &kept, &large);
    until("the alarm has ended", || {
        put_v3(&mut server.http(), "after", "1").is_ok()
    });
}

#[test]
fn a_failed_write_stops_it_and_keeps_every_promise() {
    let (mut server, kept, _, large) = fill(2048);
    assert_eq!(server.wait_end().code(), Some(1));
    let line = server.log().wait_for("\"level\":\"fatal\"");
    assert!(
        line.contains("nothing may be promised any more") && line.contains("cannot write journal-"),
        "{line}"
    );
    server.shell(None).restart();
    check_kept(&server, &kept, &large);
    put_v3(&mut server.http(), "after", "1").expect("a write");
}

#[test]
fn a_clean_stop_leaves_a_sealed_journal() {
    let mut server = Server::start("alone");
    put_v3(&mut server.http(), "k", &value(1)).expect("a write");
    server.stop();
    server.log().wait_for("sealed the journal");
    let journal = server.journal().remove(0);
    let mut bytes = fs::read(&journal).expect("a journal");
    // All that is in the sectors of the last writes goes: without the Seal it would be a write that never ended.
    let begin = first_offset_of(&bytes, 1) / 512 * 512;
    bytes[begin..begin + 512].fill(0);
    fs::write(&journal, &bytes).expect("a journal can be damaged");
    server.spawn();
    assert_eq!(server.wait_end().code(), Some(1));
    let line = server.log().wait_for("\"level\":\"fatal\"");
    assert!(line.contains("is damaged at offset "), "{line}");
}

#[test]
fn without_room_nothing_is_founded() {
    let mut server = Server::new("alone");
    server.shell(Some(&no_room(2048))).spawn();
    assert_eq!(server.wait_end().code(), Some(1));
    let line = server.log().wait_for("\"level\":\"fatal\"");
    assert!(
        line.contains("data directory alone.balsa: no space left"),
        "{line}"
    );
    // With room, the same directory will do.
    server.shell(None).restart();
    put_v2(&mut server.http(), "now", "1").expect("a write");
}
