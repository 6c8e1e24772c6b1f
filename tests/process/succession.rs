//! How soon somebody else leads: after a clean stop the lead is handed over, after kill -9 the closed links tell. Neither
//! waits for the election timeout, which is long here.

use std::time::{Duration, Instant};

use crate::cluster::{Cluster, get_v3, put_v3};

/// No follower gives its leader up by itself before.
const ELECTION_TIMEOUT: Duration = Duration::from_millis(6000);

fn cluster() -> Cluster {
    let timeout = format!("--election-timeout={}", ELECTION_TIMEOUT.as_millis());
    Cluster::start(3, &[&timeout])
}

/// Ends the leader and waits until another leads and has committed something. Returns how long that took.
fn depose(cluster: &mut Cluster, how: &str, end: impl FnOnce(&mut Cluster, usize)) -> Duration {
    let former = cluster.wait_leader();
    put_v3(&mut cluster.members[former].http(), how, "1").expect("a write");
    let start = Instant::now();
    end(cluster, former);
    let new = cluster.wait_leader();
    let (value, _) = get_v3(&mut cluster.members[new].http(), how).expect("a linearizable read");
    let took = start.elapsed();
    assert_eq!(value.as_deref(), Some("1"), "{how}");
    println!("{how}: another leads after {took:?}, the election timeout being {ELECTION_TIMEOUT:?}");
    assert!(took < ELECTION_TIMEOUT, "{how}: {took:?} is an election timeout");
    took
}

#[test]
fn a_clean_stop_hands_the_lead_over() {
    let mut cluster = cluster();
    depose(&mut cluster, "SIGTERM", |cluster, leader| {
        cluster.members[leader].stop();
    });
    let asked = |log: &crate::cluster::Log| !log.lines_with("stands for election at once").is_empty();
    let successors = cluster.members.iter().filter(|member| member.is_running());
    assert!(
        successors.filter(|member| asked(member.log())).count() == 1,
        "one was asked to stand"
    );
}

#[test]
fn a_killed_leaders_links_close_and_another_leads() {
    let mut cluster = cluster();
    depose(&mut cluster, "kill -9", |cluster, leader| {
        cluster.members[leader].kill();
    });
    let hinted = |log: &crate::cluster::Log| !log.lines_with("waits no election timeout for it").is_empty();
    let others = cluster.members.iter().filter(|member| member.is_running());
    assert!(
        others.filter(|member| hinted(member.log())).count() == 2,
        "both saw their link to the leader close"
    );
}

#[test]
fn an_operator_moves_the_lead_and_compares_hashes() {
    const TRANSFER: &str = "/v3/maintenance/transfer-leadership";
    let cluster = cluster();
    let former = cluster.wait_leader();
    put_v3(&mut cluster.members[former].http(), "a", "1").expect("a write");
    let ids: Vec<String> = cluster
        .members
        .iter()
        .map(|member| {
            let status = crate::cluster::status(&mut member.http()).expect("a status");
            status["header"]["member_id"].as_str().expect("an id").to_owned()
        })
        .collect();
    let target = (former + 1) % 3;
    let wish = format!(r#"{{"targetID":"{}"}}"#, ids[target]);
    let ask = |at: usize, path: &str, body: &str| {
        let answer = cluster.members[at].http().post(path, body).expect("an answer");
        (answer.status, answer.text())
    };
    let (status, text) = ask(target, TRANSFER, &wish);
    assert!(
        status == 400 && text.contains("etcdserver: not leader"),
        "{status} {text}"
    );
    let (status, text) = ask(former, TRANSFER, r#"{"targetID":"1"}"#);
    assert!(
        status == 400 && text.contains("etcdserver: bad leader transferee"),
        "{status} {text}"
    );
    assert_eq!(ask(former, TRANSFER, &wish), (200, "{}".to_owned()));
    assert_eq!(cluster.wait_leader(), target);

    // A linearizable read first: then all have applied the write.
    let hashes: Vec<serde_json::Value> = (0..3)
        .map(|at| {
            get_v3(&mut cluster.members[at].http(), "a").expect("a read");
            let (_, text) = ask(at, "/v3/maintenance/hashkv", "{}");
            let answer: serde_json::Value = serde_json::from_str(&text).expect("JSON");
            answer["hash"].clone()
        })
        .collect();
    assert!(
        hashes[0].is_u64() && hashes.iter().all(|hash| *hash == hashes[0]),
        "{hashes:?}"
    );
    assert_eq!(ask(0, "/v3/maintenance/defragment", "{}"), (200, "{}".to_owned()));
    cluster.members[0].log().wait_for("never anything to defragment");
}
