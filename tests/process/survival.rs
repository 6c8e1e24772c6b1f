//! What was acknowledged survives kill -9.

use crate::cluster::{Cluster, Crew, Server, check_promises, get_v3, put_v2, put_v3, write_keys};

#[test]
fn one_node_killed_during_writes_keeps_every_promise() {
    let mut server = Server::start("alone");
    let mut crew = Crew::new();
    for writer in 0..4 {
        let members = [server.client];
        crew.add(move |shift| write_keys(shift, writer, &members));
    }
    for _ in 0..5 {
        crew.wait_done(150);
        server.kill();
        server.restart();
    }
    crew.wait_done(50);
    server.kill();
    let promises = crew.stop();
    server.restart();
    check_promises(&server, &promises);
}

#[test]
fn revisions_go_on_after_a_restart() {
    let mut server = Server::start("alone");
    let revision = put_v3(&mut server.http(), "a", "1").expect("a write");
    let index = put_v2(&mut server.http(), "a", "1").expect("a write");
    for _ in 0..3 {
        server.kill();
        server.restart();
        let (value, read) = get_v3(&mut server.http(), "a").expect("a read");
        assert_eq!(
            (value.as_deref(), read),
            (Some("1"), revision),
            "reading changes nothing"
        );
    }
    assert_eq!(
        put_v3(&mut server.http(), "b", "2").expect("a write"),
        revision + 1
    );
    // Each start publishes the member's name and URLs in v2, as etcd does, and may so use an index.
    assert!(put_v2(&mut server.http(), "b", "2").expect("a write") > index);
    server.stop();
    server.restart();
    assert_eq!(
        get_v3(&mut server.http(), "b").expect("a read"),
        (Some("2".to_owned()), revision + 1)
    );
}

#[test]
fn three_nodes_killed_at_once_keep_every_promise() {
    let mut cluster = Cluster::start(3, &[]);
    let mut crew = Crew::new();
    let members: Vec<_> = cluster.members.iter().map(|member| member.client).collect();
    for writer in 0..4 {
        let members = members.clone();
        crew.add(move |shift| write_keys(shift, writer, &members));
    }
    for _ in 0..2 {
        crew.wait_done(200);
        cluster.kill();
        cluster.spawn();
    }
    crew.wait_done(50);
    cluster.kill();
    let promises = crew.stop();
    cluster.spawn();
    for member in &cluster.members {
        check_promises(member, &promises);
    }
}
