//! Snapshots under kill -9, and members that were away for longer than anybody's log goes back.

use std::path::PathBuf;

use crate::cluster::{Cluster, Crew, Server, check_promises, get_v3, put_v3, write_keys};

/// The snapshots in its directory.
fn snapshots(server: &Server) -> Vec<PathBuf> {
    let names = std::fs::read_dir(server.data_dir()).expect("it has a directory");
    let paths = names.map(|entry| entry.expect("a name").path());
    let is_one = |path: &PathBuf| path.to_string_lossy().contains("snapshot-");
    paths.filter(is_one).collect()
}

#[test]
fn three_nodes_that_snapshot_all_the_time_keep_every_promise() {
    let mut cluster = Cluster::start(3, &["--snapshot-count=20"]);
    let mut crew = Crew::new();
    let members: Vec<_> = cluster.members.iter().map(|member| member.client).collect();
    for writer in 0..4 {
        let members = members.clone();
        crew.add(move |shift| write_keys(shift, writer, &members));
    }
    for round in 0..6 {
        crew.wait_done(100);
        let member = &mut cluster.members[round % 3];
        member.kill();
        member.spawn();
        member.wait_healthy();
    }
    crew.wait_done(100);
    cluster.kill();
    let promises = crew.stop();
    cluster.spawn();
    for member in &cluster.members {
        check_promises(member, &promises);
        let kept = snapshots(member).len();
        assert!((1..=3).contains(&kept), "{kept} snapshots are kept");
    }
}

#[test]
fn who_was_away_catches_up_by_snapshot_and_boots_from_it() {
    let mut cluster = Cluster::start(3, &["--snapshot-count=10"]);
    cluster.members[2].kill();
    // More than the 16 MiB that stay in memory for slow members.
    let large = "x".repeat(1_000_000);
    let mut revision = 0;
    for number in 0..40 {
        let key = format!("large{}", number % 4);
        revision = put_v3(&mut cluster.members[0].http(), &key, &large).expect("a write");
    }
    cluster.members[2].spawn();
    cluster.members[2]
        .log()
        .wait_for("took over the leader's snapshot");
    cluster.members[2].wait_healthy();
    for _ in 0..2 {
        let (value, read) = get_v3(&mut cluster.members[2].http(), "large3").expect("a read");
        assert_eq!((value.as_deref(), read), (Some(large.as_str()), revision));
        cluster.members[2].kill();
        cluster.members[2].spawn();
        cluster.members[2].wait_healthy();
    }
}
