//! `/metrics`, as Prometheus reads it.

use std::collections::BTreeMap;

use crate::cluster::{Server, put_v3};

/// Each sample by its name and labels. Fails on a line that is none.
fn samples(text: &str) -> BTreeMap<&str, f64> {
    let lines = text.lines().filter(|line| !line.starts_with("# "));
    let sample = |line| -> (&str, f64) {
        let (name, value) = str::rsplit_once(line, ' ').expect("a name and a value");
        (name, value.parse().expect("a number"))
    };
    lines.map(sample).collect()
}

#[test]
fn the_page_tells_of_raft_and_of_the_disk() {
    let server = Server::start("alone");
    for number in 0..10 {
        put_v3(&mut server.http(), &format!("k{number}"), "1").expect("a write");
    }
    let page = server.http().get("/metrics").expect("an answer");
    assert_eq!(page.status, 200);
    assert_eq!(
        page.header("content-type"),
        Some("text/plain; version=0.0.4; charset=utf-8")
    );
    let text = page.text();
    let samples = samples(&text);
    let is_least = |name: &str, least: f64| {
        let found = samples.get(name).unwrap_or_else(|| panic!("{name} in\n{text}"));
        assert!(*found >= least, "{name} is {found}");
    };
    is_least("etcd_server_has_leader", 1.0);
    is_least("etcd_server_is_leader", 1.0);
    is_least("etcd_server_leader_changes_seen_total", 1.0);
    is_least("etcd_server_proposals_applied_total", 10.0);
    is_least("etcd_debugging_mvcc_current_revision", 11.0);
    is_least("etcd_mvcc_db_total_size_in_bytes", 500.0);
    is_least("etcd_server_quota_backend_bytes", 1e6);
    // One by one, each of them was synced.
    is_least("etcd_disk_wal_fsync_duration_seconds_count", 10.0);
    is_least("etcd_disk_wal_fsync_duration_seconds_bucket{le=\"+Inf\"}", 10.0);
    is_least("balsa_disk_journal_bytes", 4_194_304.0);
    is_least("process_start_time_seconds", 1.7e9);
}
