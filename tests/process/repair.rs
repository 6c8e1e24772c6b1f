//! Members whose disks are damaged, or gone, in a cluster that still has a quorum: they come back by themselves.

use std::fs;

use crate::cluster::{Cluster, Server, get_v2, get_v3, put_v2, put_v3, until};

const KEYS: usize = 60;
/// So that a member that nobody takes in gives up within seconds.
const QUICK: &[&str] = &["--heartbeat-interval=50", "--election-timeout=500"];

fn value(number: usize) -> String {
    format!("value-number-{number:04}")
}

fn started() -> Cluster {
    let cluster = Cluster::start(3, QUICK);
    let leader = cluster.wait_leader();
    for number in 0..KEYS {
        put_v3(
            &mut cluster.members[leader].http(),
            &format!("k{number}"),
            &value(number),
        )
        .expect("a write");
    }
    cluster
}

/// Flips a bit in the value of a key in the journal of a member that is down; what mends it.
fn damage(server: &Server, number: usize) -> impl FnOnce() + use<> {
    let journal = server.journal().remove(0);
    let mut bytes = fs::read(&journal).expect("a journal");
    let value = value(number);
    let found = bytes
        .windows(value.len())
        .position(|window| window == value.as_bytes());
    let sound = bytes.clone();
    bytes[found.expect("it is in the journal")] ^= 0x10;
    fs::write(&journal, bytes).expect("a journal can be damaged");
    move || fs::write(&journal, sound).expect("a journal can be mended")
}

fn check_keys(server: &Server) {
    for number in 0..KEYS {
        let (read, _) = get_v3(&mut server.http(), &format!("k{number}")).expect("a read");
        assert_eq!(read, Some(value(number)), "k{number}");
    }
}

/// The ids of the members by name, as a member lists them; all are to be voters.
fn ids(server: &Server) -> Vec<(String, String)> {
    let body = server
        .http()
        .post("/v3/cluster/member/list", "{}")
        .expect("a list")
        .text();
    let list: serde_json::Value = serde_json::from_str(&body).expect("JSON");
    let members = list["members"].as_array().expect("members").iter();
    let mut ids: Vec<(String, String)> = members
        .map(|member| {
            assert_ne!(member["isLearner"], true, "{body}");
            let text = |key: &str| member[key].as_str().unwrap_or_default().to_owned();
            (text("name"), text("ID"))
        })
        .collect();
    ids.sort();
    ids
}

/// Waits until a member is repaired, and looks whether it is what it was, under another id.
fn check_repaired(cluster: &Cluster, member: usize, before: &[(String, String)]) {
    let server = &cluster.members[member];
    server.log().wait_for("this member is repaired");
    server.wait_healthy();
    check_keys(server);
    let left = fs::read_dir(server.data_dir()).expect("a directory");
    for file in left {
        let name = file.expect("a file").file_name().to_string_lossy().into_owned();
        assert!(!name.starts_with("damaged") && name != "repair", "{name} is left");
    }
    let after = ids(server);
    assert_eq!(after.len(), 3, "{after:?}");
    for ((name, id), (former_name, former_id)) in after.iter().zip(before) {
        assert_eq!(name, former_name);
        assert_eq!(
            id == former_id,
            *name != server.name,
            "{after:?} after {before:?}"
        );
    }
}

/// A member is worth a vote: it and one other go on without the third.
fn check_votes(cluster: &mut Cluster, member: usize) {
    let other = (member + 1) % 3;
    cluster.members[(member + 2) % 3].kill();
    until("two of three take a write", || {
        put_v2(&mut cluster.members[member].http(), "two", "of three").is_ok()
    });
    let (read, _) = get_v2(&mut cluster.members[other].http(), "two", true).expect("a read");
    assert_eq!(read.as_deref(), Some("of three"));
    cluster.members[(member + 2) % 3].restart();
}

#[test]
fn a_member_with_a_flipped_byte_comes_back_by_itself_with_all_keys() {
    let mut cluster = started();
    let follower = (cluster.wait_leader() + 1) % 3;
    let before = ids(&cluster.members[follower]);
    cluster.members[follower].kill();
    put_v3(&mut cluster.members[(follower + 1) % 3].http(), "meanwhile", "1").expect("a write");
    let _ = damage(&cluster.members[follower], KEYS / 2);
    cluster.members[follower].spawn();
    let line = cluster.members[follower].log().wait_for("lost what it promised");
    assert!(line.contains("is damaged at offset "), "{line}");
    check_repaired(&cluster, follower, &before);
    check_votes(&mut cluster, follower);
    // It is what it is from now on.
    cluster.members[follower].kill();
    cluster.members[follower].restart();
    check_keys(&cluster.members[follower]);
    // And once more, under a third id; this time it may lead.
    let leader = cluster.wait_leader();
    let before = ids(&cluster.members[leader]);
    cluster.members[leader].kill();
    let journal = cluster.members[leader].journal();
    let mut bytes = fs::read(&journal[0]).expect("a journal");
    bytes[4096 + 30] ^= 1;
    fs::write(&journal[0], bytes).expect("a journal can be damaged");
    cluster.members[leader].spawn();
    check_repaired(&cluster, leader, &before);
    check_votes(&mut cluster, leader);
}

#[test]
fn while_nobody_takes_it_in_it_says_why_and_changes_nothing() {
    let mut cluster = started();
    cluster.members.iter_mut().for_each(Server::kill);
    let _ = damage(&cluster.members[0], 3);
    let journal = cluster.members[0].journal().remove(0);
    let found = fs::read(&journal).expect("a journal");
    cluster.members[0].spawn();
    cluster.members[0].log().wait_for("waiting to be taken in");
    let health = cluster.members[0].http().get("/health").expect("an answer");
    assert_eq!(health.status, 503);
    assert!(
        health
            .text()
            .contains("data directory is damaged and being repaired"),
        "{health:?}"
    );
    let refused = put_v3(&mut cluster.members[0].http(), "k", "v").expect_err("it takes no part");
    assert!(format!("{refused:?}").contains("being repaired"), "{refused:?}");
    assert_eq!(cluster.members[0].wait_end().code(), Some(1));
    let line = cluster.members[0].log().wait_for("\"level\":\"fatal\"");
    let file = journal.file_name().expect("a file").to_string_lossy();
    assert!(
        line.contains(&format!("journal file {file} is damaged at offset ")),
        "{line}"
    );
    assert!(line.contains("there is no quorum of them"), "{line}");
    assert!(
        fs::read(&journal).expect("a journal") == found,
        "it changed what is damaged"
    );

    // Two of three damaged: the third alone is no quorum, and nothing is taken for lost.
    let mend = damage(&cluster.members[1], 5);
    cluster.members.iter_mut().for_each(Server::spawn);
    for damaged in 0..2 {
        assert_eq!(cluster.members[damaged].wait_end().code(), Some(1));
    }
    // One of them is mended: the third and it are, and take the other one in.
    mend();
    cluster.members[1].restart();
    let before = ids(&cluster.members[1]);
    cluster.members[0].spawn();
    check_repaired(&cluster, 0, &before);
}

#[test]
fn a_wiped_member_comes_back_as_another_one() {
    let mut cluster = started();
    let leader = cluster.wait_leader();
    let wiped = (leader + 1) % 3;
    for _ in 0..2 {
        let before = ids(&cluster.members[wiped]);
        cluster.members[wiped].stop();
        fs::remove_dir_all(cluster.members[wiped].data_dir()).expect("a directory to wipe");
        cluster.members[wiped].spawn();
        let line = cluster.members[wiped].log().wait_for("lost what it promised");
        assert!(
            line.contains("it is new, and the other members know this one by another directory"),
            "{line}"
        );
        check_repaired(&cluster, wiped, &before);
    }
    check_votes(&mut cluster, wiped);
}
