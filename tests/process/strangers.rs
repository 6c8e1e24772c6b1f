//! Whom a member does not listen to: members of other clusters, a member whose disk was wiped, and noise.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::process::Command;
use std::time::Duration;

use crate::cluster::{CALM, Cluster, Server, get_v2, get_v3, header_of, put_v2, put_v3, until};

/// Three members of one cluster by their flags, not started.
fn three() -> [Server; 3] {
    let mut servers = ["n1", "n2", "n3"].map(Server::new);
    let all: Vec<String> = servers.iter().map(Server::as_initial).collect();
    for server in &mut servers {
        server.args(&["--initial-cluster", &all.join(",")]);
    }
    servers
}

#[test]
fn a_member_with_another_token_is_refused_by_name() {
    let [mut first, mut second, mut stray] = three();
    first.spawn();
    second.spawn();
    first.wait_healthy();
    second.wait_healthy();
    put_v3(&mut first.http(), "a", "1").expect("a write");
    stray.args(&["--initial-cluster-token=another"]).spawn();
    stray.log().wait_for("\"serving\"");
    let cluster_of = |server: &Server| {
        let members = server.http().get("/v2/members").expect("an answer");
        members.header("x-etcd-cluster-id").expect("a cluster").to_owned()
    };
    let (ours, theirs) = (cluster_of(&first), cluster_of(&stray));
    assert_ne!(ours, theirs);
    // Each side dials the other, so each is told and tells.
    let said = |sender: &str, receiver: &str| {
        format!("the sender belongs to cluster {sender}, the receiver to cluster {receiver}")
    };
    for server in [&first, &second] {
        server.log().wait_for(&said(&theirs, &ours));
    }
    stray.log().wait_for(&said(&ours, &theirs));
    // It does no harm, and gets nothing.
    assert_eq!(
        get_v3(&mut second.http(), "a").expect("a read").0.as_deref(),
        Some("1")
    );
    let health = stray.http().get("/health").expect("an answer");
    assert_eq!(health.status, 503, "{health:?}");
}

#[test]
fn a_wiped_member_is_refused_and_has_no_vote() {
    let mut cluster = Cluster::start(3, &[]);
    for number in 0..20 {
        put_v2(&mut cluster.members[0].http(), &format!("k{number}"), "kept").expect("a write");
    }
    let leader = cluster.wait_leader();
    let (wiped, other) = ((leader + 1) % 3, (leader + 2) % 3);
    // The other two know by now whose directory is whose: each member has published it.
    cluster.members[wiped].stop();
    put_v2(&mut cluster.members[leader].http(), "more", "kept").expect("two of three go on");
    cluster.members[leader].stop();
    std::fs::remove_dir_all(cluster.members[wiped].data_dir()).expect("a directory to wipe");

    // With one sound member and the wiped one there is no quorum: had the wiped one a vote, it could elect anybody.
    cluster.members[wiped].spawn();
    for refused in [other, wiped] {
        cluster.members[refused]
            .log()
            .wait_for("its data directory is known as");
    }
    cluster.members[wiped].log().wait_for("waiting to be taken in");
    let refused = put_v2(&mut cluster.members[other].http(), "unsafe", "x");
    assert!(refused.is_err(), "one of three accepts a write");
    let read = get_v2(&mut cluster.members[wiped].http(), "k1", false);
    assert!(read.is_err(), "the wiped one was given something: {read:?}");

    // With the leader there is one, and the wiped one comes back as a new member.
    cluster.members[wiped].kill();
    cluster.members[leader].restart();
    cluster.members[wiped].spawn();
    cluster.members[wiped].log().wait_for("this member is repaired");
    for member in [leader, other, wiped] {
        let mut http = cluster.members[member].http();
        for key in (0..20)
            .map(|number| format!("k{number}"))
            .chain(["more".to_owned()])
        {
            assert_eq!(
                get_v2(&mut http, &key, true).expect("a read").0.as_deref(),
                Some("kept"),
                "{key}"
            );
        }
    }
}

#[test]
fn an_old_copy_of_a_directory_is_refused_by_name() {
    let mut cluster = Cluster::start(3, &[]);
    let leader = cluster.wait_leader();
    let follower = (leader + 1) % 3;
    let home = cluster.members[follower].home().to_owned();
    let copy = |from: &str, to: &str| {
        let copied = Command::new("cp")
            .arg("-r")
            .args([home.join(from), home.join(to)])
            .status();
        assert!(copied.expect("cp can be run").success());
    };
    let data = format!("{}.balsa", cluster.members[follower].name);
    cluster.members[follower].stop();
    copy(&data, "copy");
    // The others meet two later lives of it, in which it may promise anything.
    for _ in 0..2 {
        cluster.members[follower].restart();
        put_v2(&mut cluster.members[follower].http(), "promised", "1").expect("a write");
        cluster.members[follower].stop();
    }
    std::fs::remove_dir_all(home.join(&data)).expect("a directory");
    copy("copy", &data);
    cluster.members[follower].spawn();
    for server in [&cluster.members[leader], &cluster.members[follower]] {
        server
            .log()
            .wait_for("an old copy of its data directory is running");
    }
    put_v2(&mut cluster.members[leader].http(), "more", "1").expect("two of three go on");
}

#[test]
fn noise_on_the_peers_port_disturbs_nobody() {
    let cluster = Cluster::start(3, CALM);
    let leader = &cluster.members[cluster.wait_leader()];
    let noises: [&[u8]; 5] = [
        b"GET / HTTP/1.1\r\nHost: balsa\r\n\r\n",
        // The longest frame that a length can say.
        &[0xff; 4096],
        // Empty frames.
        &[0; 4096],
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"BalsaLnkBalsaLnkBalsaLnk",
    ];
    let mut open = Vec::new();
    for _ in 0..20 {
        for noise in noises {
            let mut stream = TcpStream::connect(leader.peer).expect("a connection");
            // It may be closed at the first byte.
            let _ = stream.write_all(noise);
            let _ = stream.shutdown(Shutdown::Write);
            open.push(stream);
        }
    }
    let term_before = term(leader);
    for number in 0..50 {
        put_v2(&mut leader.http(), &format!("k{number}"), "1").expect("a write");
    }
    for mut stream in open {
        // Whatever it says, it ends.
        stream
            .set_read_timeout(Some(crate::cluster::PATIENCE))
            .expect("a timeout");
        let mut said = Vec::new();
        if let Err(error) = stream.read_to_end(&mut said) {
            assert_eq!(
                error.kind(),
                std::io::ErrorKind::ConnectionReset,
                "noise is not hung up on"
            );
        }
    }
    until("all members have the writes", || {
        cluster
            .members
            .iter()
            .all(|member| get_v2(&mut member.http(), "k49", false).is_ok_and(|(value, _)| value.is_some()))
    });
    assert_eq!(term(leader), term_before, "noise made an election");
}

fn term(server: &Server) -> u64 {
    header_of(&server.http().get("/v2/keys/").expect("an answer"), "x-raft-term")
}

#[test]
fn silent_strangers_make_room_for_each_other() {
    let server = Server::start("alone");
    let connect = |_| TcpStream::connect(server.peer).expect("a connection");
    let mut silent: Vec<TcpStream> = (0..100).map(connect).collect();
    // Before the five seconds that a connection may be silent are over.
    let first = &mut silent[0];
    first
        .set_read_timeout(Some(Duration::from_secs(4)))
        .expect("a timeout");
    let ended = first.read(&mut [0]);
    assert!(
        matches!(ended, Ok(0)),
        "the first of a hundred is still there: {ended:?}"
    );
    put_v2(&mut server.http(), "a", "1").expect("a write");
}
