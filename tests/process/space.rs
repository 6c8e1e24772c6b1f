//! Quotas and full disks, as an operator sees them: what is refused, what is said, and how it ends.

use std::process::Command;

use serde_json::{Value, json};

use crate::cluster::{Answer, CALM, Cluster, Server, get_v3, has, put_v3, skipped, until};

const EXCEEDED: &str = "etcdserver: mvcc: database space exceeded";

impl Server {
    fn call(&self, path: &str, request: &Value) -> Answer {
        self.http()
            .post(path, &request.to_string())
            .expect("a member that runs answers")
    }

    /// The alarms, as member and name.
    fn alarms(&self) -> Vec<(String, String)> {
        let answer = self
            .call("/v3/maintenance/alarm", &json!({"action": "GET"}))
            .json();
        let alarms = answer["alarms"].as_array().cloned().unwrap_or_default();
        let text = |value: &Value| value.as_str().expect("a string").to_owned();
        alarms
            .iter()
            .map(|alarm| (text(&alarm["memberID"]), text(&alarm["alarm"])))
            .collect()
    }

    fn member_id(&self) -> String {
        let status = self.call("/v3/maintenance/status", &json!({})).json();
        status["header"]["member_id"].as_str().expect("an id").to_owned()
    }

    /// Puts until it is refused, which must come before so many values of 64 KiB; then how it is refused.
    fn fill(&self, values_max: usize) -> Answer {
        // In base64 as it stands.
        let value = "x".repeat(87_384);
        for number in 0..values_max {
            let key = format!("key{number:05}");
            let answer = self.call("/v3/kv/put", &json!({"key": key, "value": value}));
            if answer.status != 200 {
                return answer;
            }
        }
        panic!("{values_max} values of 64 KiB were taken");
    }

    /// Deletes all that `fill` put, and compacts.
    fn make_room(&self) {
        let range = json!({"key": "AA==", "range_end": "AA=="});
        let deleted = self.call("/v3/kv/deleterange", &range);
        assert_eq!(deleted.status, 200, "{}", deleted.text());
        let revision = &deleted.json()["header"]["revision"];
        let compacted = self.call("/v3/kv/compaction", &json!({"revision": revision}));
        assert_eq!(compacted.status, 200, "{}", compacted.text());
    }

    fn takes_writes(&self) -> bool {
        put_v3(&mut self.http(), "after", "1").is_ok()
    }
}

fn check_refusal(answer: &Answer) {
    assert_eq!(answer.status, 429, "{}", answer.text());
    assert_eq!(
        answer.json(),
        json!({"error": EXCEEDED, "code": 8, "message": EXCEEDED})
    );
}

#[test]
fn at_the_quota_writes_are_refused_until_there_is_room() {
    let mut server = Server::new("alone");
    server.args(&["--quota-backend-bytes=4000000"]);
    server.restart();
    put_v3(&mut server.http(), "kept", "1").expect("a write");
    check_refusal(&server.fill(100));
    let own = server.member_id();
    assert_eq!(server.alarms(), [(own.clone(), "NOSPACE".to_owned())]);
    let v2 = server
        .http()
        .put_form("/v2/keys/a", "value=1")
        .expect("an answer");
    assert_eq!(v2.status, 500);
    let error = v2.json();
    assert_eq!(
        (&error["errorCode"], &error["cause"]),
        (&json!(300), &json!(EXCEEDED))
    );
    // It says so wherever an operator looks, and everything else goes on.
    let health = server.http().get("/health").expect("an answer");
    assert_eq!(health.status, 503);
    assert_eq!(
        health.json(),
        json!({"health": "false", "reason": "ALARM NOSPACE"})
    );
    let excused = server.http().get("/health?exclude=NOSPACE").expect("an answer");
    assert_eq!(excused.status, 200);
    let status = server.call("/v3/maintenance/status", &json!({})).json();
    assert_eq!(
        status["errors"],
        json!([format!("memberID:{own} alarm:NOSPACE ")])
    );
    let (value, _) = get_v3(&mut server.http(), "kept").expect("a read");
    assert_eq!(value.as_deref(), Some("1"));
    server.kill();
    server.restart();
    check_refusal(&server.fill(1));
    server.make_room();
    until("the alarm has ended", || server.takes_writes());
    assert_eq!(server.alarms(), []);
    assert_eq!(server.http().get("/health").expect("an answer").status, 200);
}

#[test]
fn history_goes_without_being_asked() {
    let mut server = Server::new("alone");
    server.args(&["--auto-compaction-retention=1s"]);
    server.restart();
    for value in ["1", "2", "3"] {
        put_v3(&mut server.http(), "key", value).expect("a write");
    }
    let before = json!({"key": "a2V5", "revision": "2"});
    assert_eq!(server.call("/v3/kv/range", &before).status, 200);
    until("the oldest revision is compacted", || {
        server.call("/v3/kv/range", &before).status != 200
    });
    let compacted = server.call("/v3/kv/range", &before).json();
    let error = "etcdserver: mvcc: required revision has been compacted";
    assert_eq!(compacted["error"], error);
    let (value, _) = get_v3(&mut server.http(), "key").expect("a read");
    assert_eq!(value.as_deref(), Some("3"));
}

#[test]
fn an_operator_makes_a_cluster_read_only() {
    let cluster = Cluster::start(3, CALM);
    let [one, other, _] = &cluster.members[..] else {
        panic!("three members")
    };
    let own = one.member_id();
    let order = |action: &str| json!({"action": action, "memberID": own, "alarm": "NOSPACE"});
    let told = one.call("/v3/maintenance/alarm", &order("ACTIVATE")).json();
    assert_eq!(told["alarms"], json!([{"memberID": own, "alarm": "NOSPACE"}]));
    until("the other knows it", || !other.takes_writes());
    assert_eq!(other.alarms(), [(own.clone(), "NOSPACE".to_owned())]);
    let told = other.call("/v3/maintenance/alarm", &order("DEACTIVATE")).json();
    assert_eq!(told["alarms"], json!([{"memberID": own, "alarm": "NOSPACE"}]));
    let told = other.call("/v3/maintenance/alarm", &order("DEACTIVATE")).json();
    assert_eq!(told.get("alarms"), None);
    until("it is over", || one.takes_writes());
}

/// A write beyond the limit is to fail, not to end the process.
const NO_SIGNAL: &str = "trap '' XFSZ";

/// Lets no file of a running member grow beyond so many bytes: as near to a full disk as a test comes without being the
/// machine's master. The journal's first segment has 4 MiB, the next one 16.
fn limit_files(server: &Server, bytes: &str) {
    let id = server.id().to_string();
    let limit = format!("--fsize={bytes}:unlimited");
    let done = Command::new("prlimit").args(["--pid", &id, &limit]).status();
    assert!(done.is_ok_and(|status| status.success()), "prlimit {id}");
}

const NO_ROOM: &str = "8000000";

/// Three members of which one's disk is full, from the next segment on.
fn with_full_disk(of_leader: bool) -> Option<(Cluster, usize)> {
    if !has("prlimit", "--version") {
        skipped("there is no prlimit");
        return None;
    }
    let cluster = Cluster::start_after(Some(NO_SIGNAL), 3, CALM);
    let full = (cluster.wait_leader() + usize::from(!of_leader)) % 3;
    limit_files(&cluster.members[full], NO_ROOM);
    Some((cluster, full))
}

#[test]
fn one_full_disk_stops_the_writes_of_all_until_it_has_room() {
    let Some((cluster, full)) = with_full_disk(false) else {
        return;
    };
    let own = cluster.members[full].member_id();
    let healthy = &cluster.members[(full + 1) % 3];
    check_refusal(&healthy.fill(200));
    assert_eq!(healthy.alarms(), [(own, "NOSPACE".to_owned())]);
    healthy.make_room();
    assert!(
        !healthy.takes_writes(),
        "there is room in memory, and none on that disk"
    );
    limit_files(&cluster.members[full], "unlimited");
    until("the alarm has ended", || healthy.takes_writes());
    assert_eq!(healthy.alarms(), []);
}

#[test]
fn a_leader_without_any_room_hands_over_and_the_others_go_on() {
    let Some((mut cluster, full)) = with_full_disk(true) else {
        return;
    };
    check_refusal(&cluster.members[full].fill(200));
    let healthy = &cluster.members[(full + 1) % 3];
    // Deletions use up the rest of its segment, which was kept for such things.
    let delete = json!({"key": "y".repeat(1_000_000)}).to_string();
    until("another leads", || {
        // Whoever asks in between may have to wait for the new leader.
        let _ = healthy.http().post("/v3/kv/deleterange", &delete);
        cluster.wait_leader() != full
    });
    cluster.members[full]
        .log()
        .wait_for("this member waits for space");
    healthy.make_room();
    assert!(!healthy.takes_writes(), "one of three has no room");
    cluster.members[full].kill();
    cluster.members[full].restart();
    let healthy = &cluster.members[(full + 1) % 3];
    until("the alarm has ended", || healthy.takes_writes());
    assert_eq!(healthy.alarms(), []);
    until("it has caught up", || {
        get_v3(&mut cluster.members[full].http(), "after").is_ok_and(|(value, _)| value.is_some())
    });
}
