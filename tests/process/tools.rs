//! `balsa check`, `dump` and `restore` on directories as members leave them, and on what nobody left.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use raft_core::{Index, Membership, NodeId, Position, SnapshotMark, Term};
use storage::data_dir;
use storage::disk::FileDisk;
use storage::repair::{self, Note};
use storage::snapshot::Encoder;
use storage::store::Store;
use storage::store::command::{Applied, ClusterTime, Command, Put, TreeChange, TreeContent};
use storage::store::query::LeaseId;

use crate::cluster::{Server, get_v3, put_v2, put_v3, run_in};

/// All files of a directory.
fn contents(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = dir.read_dir().expect("a directory");
    let files = entries.map(|entry| entry.expect("a readable directory").path());
    let named = files.map(|path| {
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        (name, fs::read(&path).expect("a readable file"))
    });
    named.collect()
}

/// A file with the state of another cluster at entry 42.
fn write_snapshot(home: &Path) {
    let mut store = Store::born(1);
    for number in 0..100 {
        let put = Put {
            key: format!("key-{number:02}").into(),
            value: format!("value {number}\n").into(),
            previous: false,
            ignore_value: false,
            ignore_lease: false,
            lease: LeaseId::NONE,
        };
        let done = store.apply(ClusterTime(0), Command::Put(put));
        assert!(matches!(done, Applied::Done(Ok(_))), "{done:?}");
    }
    let change = TreeChange::Set(TreeContent::File("of v2".into()).into());
    let path = "/dir/file".into();
    let done = store.apply(ClusterTime(0), Command::Tree { path, change });
    assert!(matches!(done, Applied::Done(Ok(_))), "{done:?}");
    let mark = SnapshotMark {
        position: Position {
            term: Term(7),
            index: Index(42),
        },
        membership: Membership::of_voters([(NodeId(1), vec!["http://127.0.0.1:1".to_owned()])]),
    };
    let mut encoder = Encoder::new(0xabc, mark, store);
    let piece = encoder.next_piece(usize::MAX);
    assert!(piece.last, "a small state is one piece");
    fs::write(home.join("backup"), &piece.data).expect("a file");
}

const CLUSTER: &str = "--initial-cluster=n1=http://127.0.0.1:1,n2=http://127.0.0.1:2,n3=http://127.0.0.1:3";

#[test]
fn check_and_dump_say_what_a_member_left() {
    let mut server = Server::start("alone");
    put_v3(&mut server.http(), "some-key", "some-value").expect("a write");
    put_v2(&mut server.http(), "a/file", "other-value").expect("a write");
    let dir = server.data_dir();
    let dir = dir.to_str().expect("UTF-8");
    for tool in ["check", "dump"] {
        let ended = run_in(server.home(), &[tool, dir], &[]);
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(ended.stderr.contains("is in use"), "{ended:?}");
    }
    server.kill();
    let before = contents(&server.data_dir());
    let checked = run_in(server.home(), &["check", dir], &[]);
    assert_eq!(
        (checked.code, checked.stderr.as_str()),
        (Some(0), ""),
        "{checked:?}"
    );
    for said in [
        "identity: cluster ",
        "booted 1 times",
        "journal-0000000000000001: sound, 4194304 bytes, ",
        "members: voter ",
    ] {
        assert!(checked.stdout.contains(said), "{said}: {}", checked.stdout);
    }
    assert_eq!(checked.stdout.lines().last(), Some("sound"));
    let dumped = run_in(server.home(), &["dump", dir], &[]);
    assert_eq!((dumped.code, dumped.stderr.as_str()), (Some(0), ""), "{dumped:?}");
    let line = dumped.stdout.lines().find(|line| line.contains("some-value"));
    let line = line.unwrap_or_else(|| panic!("the entry is not there: {}", dumped.stdout));
    assert!(
        line.starts_with("journal-0000000000000001: ") && line.contains(": entry "),
        "{line}"
    );
    assert!(line.contains("some-key"), "{line}");
    assert!(dumped.stdout.contains("other-value"), "{}", dumped.stdout);
    assert!(contents(&server.data_dir()) == before, "nothing is changed");
    server.restart();
}

#[test]
fn check_says_that_a_repair_goes_on() {
    let mut server = Server::start("alone");
    server.kill();
    let disk = FileDisk::open(&server.data_dir()).expect("a directory");
    let found = data_dir::look(&disk).expect("an identity").expect("an identity");
    let note = Note {
        former: found.identity,
        next: repair::successor(found.identity),
        boot: found.boot,
        number: 3,
        votes: true,
    };
    repair::begin(&disk, &note).expect("a disk");
    drop(disk);
    let checked = run_in(
        server.home(),
        &["check", server.data_dir().to_str().expect("UTF-8")],
        &[],
    );
    assert_eq!(checked.code, Some(0), "{checked:?}");
    for said in [
        &format!(
            "repair 3: member {} was damaged and comes back as {}, to vote; its damaged journal is set aside until then\n",
            note.former.member_id, note.next.member_id
        ),
        "damaged-3.journal-0000000000000001: 4194304 bytes, of the damaged journal; removed at the end of the repair\n",
        "repair: 72 bytes, the note of the repair\n",
        "journal: nothing in it yet\n",
    ] {
        assert!(checked.stdout.contains(said), "{said}: {}", checked.stdout);
    }
}

#[test]
fn check_names_the_file_and_offset_of_damage_and_changes_nothing() {
    let mut server = Server::start("alone");
    put_v3(&mut server.http(), "k", "value-to-be-damaged").expect("a write");
    put_v3(&mut server.http(), "l", "another").expect("a write");
    server.kill();
    let journal = server.journal().remove(0);
    let mut bytes = fs::read(&journal).expect("a journal");
    let value = b"value-to-be-damaged";
    let at = bytes.windows(value.len()).position(|window| window == value);
    bytes[at.expect("the write is there")] ^= 1;
    fs::write(&journal, &bytes).expect("a journal can be damaged");
    let before = contents(&server.data_dir());
    let dir = server.data_dir();
    for tool in ["check", "dump"] {
        let ended = run_in(server.home(), &[tool, dir.to_str().expect("UTF-8")], &[]);
        assert_eq!(ended.code, Some(1), "{ended:?}");
        let said = "is not sound: journal file journal-0000000000000001 is damaged at offset ";
        assert!(ended.stderr.contains(said), "{ended:?}");
        assert!(!ended.stdout.contains("\nsound"), "{ended:?}");
    }
    assert!(contents(&dir) == before, "nothing is changed");
}

#[test]
fn what_is_no_data_directory_is_said_in_one_line_and_left_alone() {
    let home = tempfile::tempdir().expect("a temporary directory");
    fs::create_dir_all(home.path().join("etcd/member/wal")).expect("a directory");
    fs::create_dir(home.path().join("empty")).expect("a directory");
    for (args, code, said) in [
        (&["check"][..], 2, "usage: balsa check DATA_DIR"),
        (&["dump", "a", "b"], 2, "usage: balsa dump DATA_DIR"),
        (&["check", "--name=n1"], 2, "usage: balsa check DATA_DIR"),
        (&["check", "nowhere"], 1, "cannot open nowhere"),
        (&["check", "empty"], 1, "holds no file named identity"),
        (&["dump", "etcd"], 1, "data of etcd"),
    ] {
        let ended = run_in(home.path(), args, &[]);
        assert_eq!(ended.code, Some(code), "{ended:?}");
        assert!(
            ended.stderr.contains(said) && ended.stderr.lines().count() == 1,
            "{ended:?}"
        );
    }
    assert!(!home.path().join("nowhere").exists());
    let empty = home.path().join("empty").read_dir().expect("a directory").count();
    assert_eq!(empty, 0, "nothing is made");
}

/// Restores the member of this number, and checks and dumps what was made; the line about its snapshot.
fn restore(home: &Path, number: usize) -> String {
    let name = format!("--name=n{number}");
    let url = format!("--initial-advertise-peer-urls=http://127.0.0.1:{number}");
    let args = ["restore", "--snapshot=backup", &name, CLUSTER, &url];
    let further = [
        "--initial-cluster-token",
        "new",
        "--bump-revision=1000",
        "--mark-compacted",
    ];
    let ended = run_in(home, &[&args[..], &further].concat(), &[]);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{ended:?}");
    for said in [
        "cluster abc at revision 101, entry 42@7",
        "begins at revision 1101",
    ] {
        assert!(ended.stdout.contains(said), "{said}: {ended:?}");
    }
    let dir = format!("n{number}.balsa");
    let checked = run_in(home, &["check", &dir], &[]);
    assert_eq!(checked.code, Some(0), "{checked:?}");
    let journal = "state after entry 42@7, entries up to 42@7, committed up to 42";
    assert!(checked.stdout.contains(journal), "{checked:?}");
    assert_eq!(checked.stdout.matches("voter ").count(), 3, "{checked:?}");
    let dumped = run_in(home, &["dump", &dir], &[]);
    assert_eq!(dumped.code, Some(0), "{dumped:?}");
    for said in [
        "key \"key-07\" | revision 9 created 9 version 1 value \"value 7\\n\"",
        "node \"/dir/file\" created 3 modified 3 value \"of v2\"",
    ] {
        assert!(dumped.stdout.contains(said), "{said}: {dumped:?}");
    }
    let mut lines = checked.stdout.lines();
    let line = lines.find(|line| line.starts_with("snapshot-000000000000002a: "));
    let line = line.expect("the snapshot is there");
    assert!(line.contains("revision 1101, v2 index 1003"), "{line}");
    line.to_owned()
}

#[test]
fn a_snapshot_becomes_directories_for_each_member() {
    let home = tempfile::tempdir().expect("a temporary directory");
    write_snapshot(home.path());
    let first = restore(home.path(), 1);
    assert_eq!(restore(home.path(), 2), first);
    assert_eq!(restore(home.path(), 3), first);
    let again = run_in(home.path(), &["restore", "--snapshot=backup", "--name=n1"], &[]);
    assert_eq!(again.code, Some(1));
    let said = "n1.balsa holds something: nothing is restored over it";
    assert!(again.stderr.contains(said), "{again:?}");
    let names = contents_names(home.path());
    assert_eq!(
        names,
        ["backup", "n1.balsa", "n2.balsa", "n3.balsa"],
        "nothing else is left"
    );
}

#[test]
fn a_restored_cluster_of_three_starts_and_serves() {
    let mut members: Vec<Server> = (1..=3).map(|number| Server::new(&format!("n{number}"))).collect();
    let all: Vec<String> = members.iter().map(Server::as_initial).collect();
    let all = format!("--initial-cluster={}", all.join(","));
    for member in &mut members {
        write_snapshot(member.home());
        let own = member.as_initial();
        let (name, url) = own.split_once('=').expect("a name and a URL");
        let (name, url) = (
            format!("--name={name}"),
            format!("--initial-advertise-peer-urls={url}"),
        );
        let args = [
            "restore",
            "--snapshot=backup",
            &name,
            &all,
            &url,
            "--bump-revision=1000",
            "--mark-compacted",
        ];
        let ended = run_in(member.home(), &args, &[]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        member.args(&[&all]).spawn();
    }
    for member in &members {
        member.wait_healthy();
        let (read, _) = get_v3(&mut member.http(), "key-07").expect("a read");
        assert_eq!(read.as_deref(), Some("value 7\n"));
    }
    let revision = put_v3(&mut members[1].http(), "after", "1").expect("a write");
    assert!(
        revision > 1101,
        "{revision} comes after all that anybody saw of the former cluster"
    );
    let (read, _) = get_v3(&mut members[2].http(), "after").expect("a read");
    assert_eq!(read.as_deref(), Some("1"));
}

fn contents_names(dir: &Path) -> Vec<String> {
    let entries = dir.read_dir().expect("a directory");
    let names = entries.map(|entry| entry.expect("a readable directory").file_name());
    let mut names: Vec<String> = names.map(|name| name.to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn a_restore_that_cannot_be_makes_nothing() {
    let home = tempfile::tempdir().expect("a temporary directory");
    write_snapshot(home.path());
    let sound = fs::read(home.path().join("backup")).expect("a file");
    let write = |name: &str, change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = sound.clone();
        change(&mut bytes);
        fs::write(home.path().join(name), bytes).expect("a file");
    };
    write("flipped", &|bytes| bytes[500] ^= 1);
    write("cut", &|bytes| bytes.truncate(sound.len() - 1));
    write("newer", &|bytes| bytes[8] = 2);
    write("other", &|bytes| bytes[0] = b'X');
    let files = contents_names(home.path());
    for (file, further, code, said) in [
        ("flipped", "", 1, "snapshot file flipped is damaged at offset "),
        ("cut", "", 1, "is damaged at offset "),
        (
            "newer",
            "",
            1,
            "it has format version 2, and this release reads up to 1: use a newer one",
        ),
        ("other", "", 1, "it does not begin as a snapshot"),
        ("missing", "", 1, "cannot open missing: "),
        ("backup", "--bump-revision=5", 1, "go together"),
        ("backup", "--mark-compacted", 1, "go together"),
        (
            "backup",
            "--initial-cluster=x=http://127.0.0.1:1",
            1,
            "--initial-cluster",
        ),
        ("backup", "--bump-revision=many", 2, "--bump-revision"),
        ("backup", "--pre-vote", 2, "--pre-vote"),
        ("", "", 2, "usage: balsa restore --snapshot FILE"),
    ] {
        let file = format!("--snapshot={file}");
        let mut args = vec!["restore", "--name=n1", &file];
        args.extend(Some(further).filter(|further| !further.is_empty()));
        let ended = run_in(home.path(), &args, &[]);
        assert_eq!(ended.code, Some(code), "{ended:?}");
        assert!(
            ended.stderr.contains(said) && ended.stderr.lines().count() == 1,
            "{ended:?}"
        );
        assert_eq!(contents_names(home.path()), files, "{ended:?}");
    }
    let ended = run_in(home.path(), &["restore", "--help"], &[]);
    assert_eq!(ended.code, Some(0));
    assert!(ended.stdout.contains("--bump-revision") && ended.stdout.contains("--initial-cluster-token"));
}
