//! etcd's own command line with `ETCDCTL_API=2`: what it prints and how it exits.

use std::process::{Command, Stdio};

use crate::cluster::{CALM, Cluster, Server, has, skipped};

/// How a command went.
#[derive(Debug, PartialEq, Eq)]
struct Ran {
    code: Option<i32>,
    out: String,
    err: String,
}

/// Runs etcdctl against a server.
fn etcdctl(server: &Server, args: &[&str]) -> Ran {
    let mut command = Command::new("etcdctl");
    command
        .env("ETCDCTL_API", "2")
        .args(["--endpoints", &server.client_url()])
        // Its own patience is too short for a machine that does much else.
        .args(["--timeout", "20s", "--total-timeout", "60s"])
        .args(args);
    let ran = command.stdin(Stdio::null()).output().expect("etcdctl can be run");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
    Ran {
        code: ran.status.code(),
        out: text(&ran.stdout),
        err: text(&ran.stderr),
    }
}

fn prints(server: &Server, args: &[&str], out: &str) {
    let expected = Ran {
        code: Some(0),
        out: out.to_owned(),
        err: String::new(),
    };
    assert_eq!(etcdctl(server, args), expected, "{args:?}");
}

fn fails(server: &Server, args: &[&str], code: i32, err: &str) {
    let ran = etcdctl(server, args);
    assert!(
        ran.code == Some(code) && ran.err.contains(err),
        "{args:?} is to fail with {code} and {err:?}: {ran:?}"
    );
}

fn is_missing() -> bool {
    let missing = !has("etcdctl", "--version");
    if missing {
        skipped("etcdctl is missing (Debian: etcd-client)");
    }
    missing
}

/// Every command that the server can serve so far.
fn use_it(server: &Server) {
    prints(server, &["set", "/app/a", "1"], "1");
    prints(server, &["get", "/app/a"], "1");
    fails(
        server,
        &["get", "/nothing"],
        4,
        "Error:  100: Key not found (/nothing) [",
    );
    prints(server, &["mk", "/app/b", "2"], "2");
    fails(
        server,
        &["mk", "/app/b", "2"],
        4,
        "Error:  105: Key already exists (/app/b) [",
    );
    prints(server, &["update", "/app/b", "3"], "3");
    fails(
        server,
        &["update", "/app/none", "3"],
        4,
        "Error:  100: Key not found (/app/none) [",
    );
    prints(server, &["set", "--swap-with-value", "3", "/app/b", "4"], "4");
    fails(
        server,
        &["set", "--swap-with-value", "3", "/app/b", "5"],
        4,
        "Error:  101: Compare failed ([3 != 4]) [",
    );
    prints(server, &["mkdir", "/app/d"], "");
    fails(
        server,
        &["mkdir", "/app/d"],
        4,
        "Error:  105: Key already exists (/app/d) [",
    );
    prints(server, &["setdir", "/app/e"], "");
    prints(server, &["set", "/app/e/f", "5"], "5");
    prints(
        server,
        &["ls", "--sort", "/app"],
        "/app/a\n/app/b\n/app/d\n/app/e",
    );
    prints(
        server,
        &["ls", "-r", "-p", "--sort", "/app"],
        "/app/a\n/app/b\n/app/d/\n/app/e/\n/app/e/f",
    );
    fails(server, &["get", "/app"], 1, "/app: is a directory");
    fails(server, &["rm", "/app/e"], 4, "Error:  102: Not a file (/app/e) [");
    fails(
        server,
        &["rmdir", "/app/e"],
        4,
        "Error:  108: Directory not empty (/app/e) [",
    );
    prints(server, &["rmdir", "/app/d"], "");
    prints(server, &["rm", "/app/b"], "PrevNode.Value: 4");
    prints(server, &["rm", "-r", "/app/e"], "");
    fails(
        server,
        &["rm", "/app/b"],
        4,
        "Error:  100: Key not found (/app/b) [",
    );
    show_in_other_forms(server);
}

fn show_in_other_forms(server: &Server) {
    let json = etcdctl(server, &["-o", "json", "get", "/app/a"]);
    let node: serde_json::Value =
        serde_json::from_str(&json.out).unwrap_or_else(|error| panic!("{error}: {json:?}"));
    assert_eq!(
        (&node["action"], &node["node"]["key"]),
        (&"get".into(), &"/app/a".into()),
        "{json:?}"
    );
    let index = node["node"]["createdIndex"].as_u64().expect("an index");
    let extended = etcdctl(server, &["-o", "extended", "get", "/app/a"]);
    let begin = format!("Key: /app/a\nCreated-Index: {index}\nModified-Index: {index}\nTTL: 0\nIndex: ");
    assert!(
        extended.out.starts_with(&begin) && extended.out.ends_with("\n\n1"),
        "{extended:?}"
    );
}

#[test]
fn etcdctl_on_one_node() {
    if is_missing() {
        return;
    }
    let server = Server::start("alone");
    use_it(&server);
    let members = etcdctl(&server, &["member", "list"]);
    let end = format!(
        ": name=alone peerURLs=http://{} clientURLs={} isLeader=true",
        server.peer,
        server.client_url()
    );
    assert!(
        members.code == Some(0) && members.out.ends_with(&end),
        "{members:?} is to end with {end:?}"
    );
    let health = etcdctl(&server, &["cluster-health"]);
    assert!(
        health.code == Some(0) && health.out.ends_with("cluster is healthy"),
        "{health:?}"
    );
    prints(&server, &["get", "/app/a"], "1");
    prints(&server, &["set", "--ttl", "100", "/app/a", "x"], "x");
    prints(&server, &["get", "/app/a"], "x");
}

#[test]
fn etcdctl_on_a_follower() {
    if is_missing() {
        return;
    }
    let mut cluster = Cluster::start(3, CALM);
    use_it(cluster.a_follower());
    let members = etcdctl(cluster.a_follower(), &["member", "list"]);
    let leaders = members
        .out
        .lines()
        .filter(|line| line.ends_with("isLeader=true"))
        .count();
    assert_eq!(
        (members.code, members.out.lines().count(), leaders),
        (Some(0), 3, 1),
        "{members:?}"
    );
    let leader = cluster.wait_leader();
    let mark = format!("name=n{}", leader + 1);
    let line = members
        .out
        .lines()
        .find(|line| line.contains(&mark))
        .expect("a line for each member");
    assert!(line.ends_with("isLeader=true"), "{members:?}");

    let health = etcdctl(cluster.a_follower(), &["cluster-health"]);
    assert!(
        health.code == Some(0) && health.out.ends_with("cluster is healthy"),
        "{health:?}"
    );
    cluster.members[(leader + 1) % 3].kill();
    let health = etcdctl(&cluster.members[leader], &["cluster-health"]);
    assert!(
        health.code == Some(5) && health.out.ends_with("cluster is degraded"),
        "{health:?}"
    );
}
