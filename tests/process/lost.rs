//! Files that are gone, empty, or zeros: whatever is lost of a data directory after a second of idleness, the member serves every
//! key that it acknowledged, or it starts no more and says which file is wrong, and where.

use std::collections::BTreeMap;
use std::fs;

use crate::cluster::{Server, get_v3, put_v3, until};

const KEYS: usize = 26;
/// So many of them fill the journal's first segment, of 4 MiB, and begin the second.
const VALUE_BYTES: usize = 200_000;

type Files = BTreeMap<String, Vec<u8>>;

fn value(number: usize) -> String {
    format!("{number:08}").repeat(VALUE_BYTES / 8)
}

fn files(server: &Server) -> Files {
    let entries = fs::read_dir(server.data_dir()).expect("a data directory");
    let paths = entries.map(|entry| entry.expect("a readable directory").path());
    let named = paths.map(|path| {
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        // The writer may have removed it since.
        (name, fs::read(path).unwrap_or_default())
    });
    named.filter(|(name, _)| name != "LOCK").collect()
}

fn put_back(server: &Server, files: &Files) {
    for name in self::files(server)
        .keys()
        .filter(|name| !files.contains_key(*name))
    {
        fs::remove_file(server.data_dir().join(name)).expect("a file can be removed");
    }
    for (name, bytes) in files {
        fs::write(server.data_dir().join(name), bytes).expect("a file can be written");
    }
}

fn is_segment(name: &str) -> bool {
    name.starts_with("journal-")
}

fn is_snapshot(name: &str) -> bool {
    name.starts_with("snapshot-")
}

/// Whether the last record of the newest segment is a Seal.
fn is_sealed(files: &Files) -> bool {
    let Some((_, newest)) = files.iter().rfind(|(name, _)| is_segment(name)) else {
        return false;
    };
    let end = newest.iter().rposition(|&byte| byte != 0).unwrap_or(0) + 1;
    end % 512 == 0 && newest[end - 512..].starts_with(b"BREC\x02\0\0\0")
}

/// A member that was idle for a second and was killed then, with two segments and two snapshots.
fn killed_when_idle() -> (Server, Files) {
    let mut server = Server::new("alone");
    server.args(&["--snapshot-count=8"]).restart();
    for number in 0..KEYS {
        put_v3(&mut server.http(), &format!("k{number}"), &value(number)).expect("a write");
    }
    until("the journal is sealed", || is_sealed(&files(&server)));
    server.kill();
    let files = files(&server);
    let count = |is_one: fn(&str) -> bool| files.keys().filter(|name| is_one(name)).count();
    assert!(count(is_segment) >= 2, "{:?}", files.keys());
    assert_eq!(count(is_snapshot), 2, "{:?}", files.keys());
    (server, files)
}

/// Whether the member starts on what is in its directory; then it has all keys. If it does not, what it says names one of
/// the `lost` files and a place in it, or that it is missing.
fn starts(server: &mut Server, story: &str, lost: &[&str]) -> bool {
    server.spawn();
    if server.log().wait_for_or_end("\"serving\"").is_none() {
        assert_eq!(server.wait_end().code(), Some(1), "{story}");
        let line = server.log().wait_for("\"level\":\"fatal\"");
        let has_place = line.contains("offset ") && lost.iter().any(|name| line.contains(name));
        // An identity is one sector, and has no other place.
        let is_identity = line.contains("file identity is ");
        let is_missing = line.contains("missing") || line.contains("no sound snapshot");
        assert!(has_place || is_identity || is_missing, "{story}: {line}");
        return false;
    }
    server.wait_healthy();
    for number in 0..KEYS {
        let (read, _) = get_v3(&mut server.http(), &format!("k{number}")).expect("a read");
        assert!(read == Some(value(number)), "{story}: k{number} is lost");
    }
    server.kill();
    true
}

#[test]
fn a_file_that_is_lost_costs_no_key_or_is_named() {
    let (mut server, files) = killed_when_idle();
    let newest = |is_one: fn(&str) -> bool| files.keys().rfind(|name| is_one(name)).expect("one");
    let mut outcomes = String::new();
    for name in files.keys() {
        for what in ["gone", "empty", "zeros"] {
            put_back(&server, &files);
            let path = server.data_dir().join(name);
            match what {
                "gone" => fs::remove_file(path),
                "empty" => fs::write(path, b""),
                _ => fs::write(path, vec![0; files[name].len()]),
            }
            .expect("a file can be lost");
            let story = format!("{name} is {what}");
            let starts = starts(&mut server, &story, &[name]);
            outcomes += &format!("{story}: {}\n", if starts { "starts" } else { "stops" });
            // What nothing else has stops it; what something else has does not. The newest snapshot has what an older segment has.
            let is_needed =
                name == "identity" || name == newest(is_segment) || (is_segment(name) && what != "gone");
            let is_spare = name == "identity.next" || is_snapshot(name);
            assert!(!(starts && is_needed) && (starts || !is_spare), "{story}");
        }
    }
    println!("{outcomes}");
    assert!(outcomes.contains(&format!("{} is gone: stops", newest(is_segment))));
}

#[test]
fn many_files_that_are_lost_cost_no_key_or_are_missed() {
    let (mut server, files) = killed_when_idle();
    let newest_segment = files.keys().rfind(|name| is_segment(name)).expect("one");
    let newest_snapshot = files.keys().rfind(|name| is_snapshot(name)).expect("one");
    type Goes<'a> = &'a dyn Fn(&str) -> bool;
    let losses: [(&str, Goes<'_>); 6] = [
        ("all segments", &is_segment),
        ("all snapshots", &is_snapshot),
        ("the newest of both", &|name| {
            name == newest_segment || name == newest_snapshot
        }),
        ("all but the identity", &|name| !name.starts_with("identity")),
        ("all but the snapshots", &|name| !is_snapshot(name)),
        ("all but the segments", &|name| !is_segment(name)),
    ];
    for (story, goes) in losses {
        put_back(&server, &files);
        for name in files.keys().filter(|name| goes(name)) {
            fs::remove_file(server.data_dir().join(name)).expect("a file can be lost");
        }
        let starts = starts(&mut server, story, &[newest_segment]);
        // The journal goes back to its beginning here, unless it goes.
        assert_eq!(starts, story == "all snapshots", "{story}");
    }
}
