//! Locks and elections over HTTP, by clients of several members.

use std::sync::mpsc;
use std::thread;

use serde_json::{Value, json};

use crate::cluster::{Cluster, Http, PATIENCE};

fn ask(http: &mut Http, path: &str, body: &Value) -> Value {
    let answer = http.post(path, &body.to_string()).expect("an answer");
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    answer.json()
}

fn lease(http: &mut Http) -> Value {
    ask(http, "/v3/lease/grant", &json!({"TTL": 600}))["ID"].clone()
}

/// Each of several clients locks, unlocks and tells the key's revision; the leader is killed amid it.
#[test]
fn a_lock_is_held_by_one_at_a_time_though_the_leader_is_killed() {
    let mut cluster = Cluster::start(3, &[]);
    let leader = cluster.wait_leader();
    let first = &mut cluster.a_follower().http();
    let lease_id = lease(first);
    let held = ask(
        first,
        "/v3/lock/lock",
        &json!({"name": "bQ==", "lease": lease_id}),
    );
    let (owned, turns) = mpsc::channel();
    let survivors = (0..3).filter(|at| *at != leader);
    let waiting: Vec<_> = survivors
        .cycle()
        .take(6)
        .map(|at| {
            let (mut http, owned) = (cluster.members[at].http(), owned.clone());
            thread::spawn(move || {
                let lease = lease(&mut http);
                let lock = ask(
                    &mut http,
                    "/v3/lock/lock",
                    &json!({"name": "bQ==", "lease": lease}),
                );
                owned.send(lock["key"].clone()).expect("somebody counts");
                ask(&mut http, "/v3/lock/unlock", &json!({"key": lock["key"]}));
            })
        })
        .collect();
    let keys = json!({"key": "bS8=", "range_end": "bTA=", "keys_only": true});
    crate::cluster::until("all wait", || {
        ask(&mut cluster.a_follower().http(), "/v3/kv/range", &keys)["count"] == "7"
    });
    assert!(turns.try_recv().is_err(), "nobody has it but the first");
    cluster.members[leader].kill();
    let survivor = (leader + 1) % 3;
    ask(
        &mut cluster.members[survivor].http(),
        "/v3/lock/unlock",
        &json!({"key": held["key"]}),
    );
    let mut seen = Vec::new();
    for _ in 0..6 {
        let key = turns.recv_timeout(PATIENCE).expect("the next one's turn");
        assert!(!seen.contains(&key), "{key} twice");
        seen.push(key);
    }
    waiting
        .into_iter()
        .for_each(|thread| thread.join().expect("it unlocks"));
    let left = ask(&mut cluster.members[survivor].http(), "/v3/kv/range", &keys);
    assert_eq!(left["count"], Value::Null, "nobody is left");
}

#[test]
fn who_leads_an_election_proclaims_and_resigns() {
    let cluster = Cluster::start(1, &[]);
    let http = &mut cluster.members[0].http();
    let none = http
        .post("/v3/election/leader", r#"{"name":"ZQ=="}"#)
        .expect("an answer");
    assert!(
        none.status == 500 && none.text().contains("election: no leader"),
        "{}",
        none.text()
    );
    let lease_id = lease(http);
    let campaign = json!({"name": "ZQ==", "lease": lease_id, "value": "YQ=="});
    let leader = ask(http, "/v3/election/campaign", &campaign)["leader"].clone();
    let value =
        |http: &mut Http| ask(http, "/v3/election/leader", &json!({"name": "ZQ=="}))["kv"]["value"].clone();
    assert_eq!(value(http), "YQ==");
    ask(
        http,
        "/v3/election/proclaim",
        &json!({"leader": leader, "value": "Yg=="}),
    );
    assert_eq!(value(http), "Yg==");
    ask(http, "/v3/election/resign", &json!({"leader": leader}));
    let late = http
        .post(
            "/v3/election/proclaim",
            &json!({"leader": leader, "value": "Yw=="}).to_string(),
        )
        .expect("an answer");
    assert!(
        late.status == 500 && late.text().contains("election: not leader"),
        "{}",
        late.text()
    );
}

/// A client that goes away while it waits leaves nothing behind.
#[test]
fn a_client_that_goes_away_contends_no_more() {
    let cluster = Cluster::start(1, &[]);
    let http = &mut cluster.members[0].http();
    let lease_id = lease(http);
    ask(http, "/v3/lock/lock", &json!({"name": "bQ==", "lease": lease_id}));
    let second = lease(http);
    let body = json!({"name": "bQ==", "lease": second}).to_string();
    let count = |http: &mut Http| {
        let keys = json!({"key": "bS8=", "range_end": "bTA=", "count_only": true});
        ask(http, "/v3/kv/range", &keys)["count"].clone()
    };
    let request = format!(
        "POST /v3/lock/lock HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut waiting = std::net::TcpStream::connect(cluster.members[0].client).expect("connected");
    std::io::Write::write_all(&mut waiting, request.as_bytes()).expect("asked");
    crate::cluster::until("it waits", || count(http) == "2");
    drop(waiting);
    crate::cluster::until("its key is gone", || count(http) == "1");
}
