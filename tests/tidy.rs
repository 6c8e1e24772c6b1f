//! The house itself under test: which crate may know which, how long a file may be, what determinism forbids.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Our crates: name, folder, and which of ours each may know. Arrows run one way.
const CRATES: &[(&str, &str, &[&str])] = &[
    ("raft-core", "raft-core", &[]),
    ("storage", "storage", &["raft-core"]),
    ("net", "net", &[]),
    ("node", "server/node", &["raft-core", "storage"]),
    ("api", "server/api", &["node", "raft-core", "storage"]),
    (
        "server",
        "server",
        &["api", "net", "node", "raft-core", "storage"],
    ),
    (
        "world",
        "simulator/world",
        &["api", "net", "node", "raft-core", "storage"],
    ),
    ("simulator", "simulator", &["world"]),
];

/// Crates whose every result must follow from their inputs alone.
const DETERMINISTIC: &[&str] = &[
    "raft-core",
    "storage",
    "server/node",
    "server/api",
    "simulator/world",
];

/// What none of them may name, and where it may be named all the same.
const FORBIDDEN: &[(&str, &str)] = &[
    ("HashMap", ""),
    ("HashSet", ""),
    ("Instant", ""),
    ("SystemTime", ""),
    ("std::thread", ""),
    ("thread_rng", ""),
    ("std::fs", "storage/src/disk"),
];

const FILE_LINES_MAX: usize = 400;
const ROOMS: &[&str] = &["net", "raft-core", "server", "simulator", "storage", "tests"];
const NAMES_THAT_SAY_NOTHING: &[&str] = &["utils.rs", "util.rs", "helpers.rs", "common.rs", "misc.rs"];

fn root() -> PathBuf {
    let mut root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    root.pop();
    root
}

fn rust_files(below: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let entries = fs::read_dir(below).expect("a folder of the house");
    for entry in entries.map(|entry| entry.expect("a readable folder").path()) {
        if entry.is_dir() {
            if entry.file_name().is_some_and(|name| name != "target") {
                files.extend(rust_files(&entry));
            }
        } else if entry.extension().is_some_and(|extension| extension == "rs") {
            files.push(entry);
        }
    }
    files.sort();
    files
}

fn all_rust_files() -> Vec<(String, String)> {
    let root = root();
    let files = ROOMS.iter().flat_map(|room| rust_files(&root.join(room)));
    files
        .map(|path| {
            let name = path
                .strip_prefix(&root)
                .expect("below the root")
                .display()
                .to_string();
            (name, fs::read_to_string(&path).expect("UTF-8"))
        })
        .collect()
}

/// The part of a file that is not its tests.
fn without_tests(text: &str) -> &str {
    text.split("\n#[cfg(test)]\nmod ")
        .next()
        .expect("split yields at least one part")
}

fn code_lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter(|line| !line.trim_start().starts_with("//"))
}

fn is_test(name: &str) -> bool {
    name.starts_with("tests/")
        || name.ends_with("/tests.rs")
        || name.contains("/tests/")
        || name.contains("/benches/")
}

#[test]
fn arrows_run_one_way() {
    let allowed: BTreeMap<_, BTreeSet<_>> = CRATES
        .iter()
        .map(|(name, _, knows)| (*name, knows.iter().copied().collect()))
        .collect();
    for (name, folder, _) in CRATES {
        let manifest = fs::read_to_string(root().join(folder).join("Cargo.toml")).expect("a manifest");
        let dependencies = manifest.split("[dependencies]").nth(1).unwrap_or_default();
        let dependencies = dependencies
            .split("\n[")
            .next()
            .expect("split yields at least one part");
        for line in dependencies.lines() {
            let dependency = line.split(['.', ' ', '=']).next().unwrap_or_default();
            let is_ours = CRATES.iter().any(|(ours, ..)| *ours == dependency);
            assert!(
                !is_ours || allowed[name].contains(dependency),
                "{name} must not know {dependency}"
            );
        }
    }
}

#[test]
fn every_package_of_the_workspace_is_on_the_map() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).expect("the workspace");
    let members = manifest
        .lines()
        .find(|line| line.starts_with("members"))
        .expect("members on one line");
    let listed: BTreeSet<&str> = members.split('"').skip(1).step_by(2).collect();
    let mapped: BTreeSet<&str> = CRATES.iter().map(|(_, folder, _)| *folder).collect();
    assert_eq!(listed, mapped);
}

#[test]
fn files_hold_one_idea() {
    for (name, text) in all_rust_files() {
        let lines = without_tests(&text).lines().count();
        assert!(
            is_test(&name) || lines <= FILE_LINES_MAX,
            "{name} has {lines} lines: split it by idea"
        );
        let file = name.rsplit('/').next().unwrap_or_default();
        assert!(
            !NAMES_THAT_SAY_NOTHING.contains(&file),
            "{name}: name it for its idea"
        );
    }
}

#[test]
fn deterministic_crates_have_no_source_of_chance() {
    for (name, text) in all_rust_files() {
        if is_test(&name)
            || !DETERMINISTIC
                .iter()
                .any(|folder| name.starts_with(&format!("{folder}/src")))
        {
            continue;
        }
        for line in code_lines(without_tests(&text)) {
            for (word, only_in) in FORBIDDEN {
                let mut tokens = line.split(|c: char| !c.is_alphanumeric() && c != '_' && c != ':');
                let named = tokens.any(|token| {
                    token == *word
                        || token.starts_with(&format!("{word}::"))
                        || token.ends_with(&format!("::{word}"))
                });
                let may = !only_in.is_empty() && name.starts_with(only_in);
                assert!(!named || may, "{name} names {word}: {line}");
            }
        }
    }
}

#[test]
fn one_file_names_the_poll_and_one_is_unsafe() {
    for (name, text) in all_rust_files()
        .into_iter()
        .filter(|(name, _)| name != "tests/tidy.rs")
    {
        let names_poll = code_lines(&text).any(|line| line.contains("mio::") && line.contains("Poll"));
        // A benchmark may measure what can be done without the event loop.
        let may_name_poll = name == "net/src/event_loop.rs" || name.contains("/benches/");
        assert!(!names_poll || may_name_poll, "{name} names mio::Poll");
        let has_unsafe =
            code_lines(&text).any(|line| line.contains("unsafe {") || line.contains("unsafe fn"));
        // The allocator's settings are a C function's; the file argues for it.
        let may_be_unsafe = name == "server/src/memory.rs";
        assert!(!has_unsafe || may_be_unsafe, "{name} has unsafe code");
    }
}

#[test]
fn each_crate_begins_with_an_essay() {
    for (name, folder, _) in CRATES {
        let lib = root().join(folder).join("src/lib.rs");
        let file = if lib.exists() {
            lib
        } else {
            root().join(folder).join("src/main.rs")
        };
        let text = fs::read_to_string(file).expect("a crate's root");
        let essay = text.lines().take_while(|line| line.starts_with("//!")).count();
        assert!(essay >= 10, "{name}: its root says in {essay} lines what it is");
    }
}

#[test]
fn no_other_room_stands_at_the_top() {
    let mut rooms: Vec<String> = Vec::new();
    for entry in fs::read_dir(root()).expect("the root") {
        let entry = entry.expect("a readable root");
        let name = entry.file_name().into_string().expect("UTF-8");
        let is_data = name == "target" || name.ends_with(".balsa");
        if entry.path().is_dir() && !name.starts_with('.') && !is_data {
            rooms.push(name);
        }
    }
    rooms.sort();
    assert_eq!(rooms, ROOMS);
}

#[test]
fn tests_wait_for_conditions_not_for_time() {
    for (name, text) in all_rust_files()
        .into_iter()
        .filter(|(name, _)| name != "tests/tidy.rs")
    {
        assert!(
            !text.contains("thread::sleep"),
            "{name} sleeps: wait for a condition"
        );
    }
}
