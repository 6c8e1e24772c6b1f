//! Writes that are asked again under the same `Idempotency-Key`: done once, whoever is asked, whatever happened meanwhile.

use crate::cluster::{Answer, Cluster, Server, until};

fn post(server: &Server, key: &str, value: &str) -> Answer {
    let lines = format!("Idempotency-Key: {key}\r\nContent-Type: application/x-www-form-urlencoded\r\n");
    let form = format!("value={value}");
    let mut answer = None;
    until("the write is answered", || {
        answer = server
            .http()
            .ask("POST", "/v2/keys/queue", &lines, form.as_bytes())
            .ok()
            .filter(|answer| answer.status != 500);
        answer.is_some()
    });
    answer.expect("an answer")
}

#[test]
fn a_write_asked_again_is_answered_as_the_first_time_by_another_leader() {
    let mut cluster = Cluster::start(3, &[]);
    let leader = cluster.wait_leader();
    let first = post(&cluster.members[leader], "job-1", "a");
    assert_eq!(first.status, 201);
    post(&cluster.members[leader], "job-2", "b");
    cluster.members[leader].kill();
    let other = &cluster.members[(leader + 1) % 3];
    let again = post(other, "job-1", "a");
    assert_eq!((again.status, again.text()), (201, first.text()));
    assert_eq!(again.header("x-etcd-index"), first.header("x-etcd-index"));
    let queue = other
        .http()
        .get("/v2/keys/queue?quorum=true")
        .expect("an answer")
        .json();
    assert_eq!(queue["node"]["nodes"].as_array().expect("children").len(), 2);
    let refused = post(other, "job-1", "another");
    assert_eq!((refused.status, &refused.json()["errorCode"]), (422, &209.into()));
}
