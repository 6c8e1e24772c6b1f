//! What a member tells of itself and of its process, and what it can be told, over HTTP.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use crate::cluster::{Http, Server};

fn json(http: &mut Http, target: &str) -> serde_json::Value {
    let answer = http.get(target).expect("an answer");
    assert_eq!(answer.status, 200, "{target}");
    answer.json()
}

#[test]
fn a_member_tells_of_itself_and_of_its_process() {
    let server = Server::start("a");
    let http = &mut server.http();
    let stats = json(http, "/v2/stats/self");
    let id = stats["id"].as_str().expect("an id");
    assert_eq!(
        (&stats["name"], &stats["state"]),
        (&"a".into(), &"StateLeader".into())
    );
    assert_eq!(stats["leaderInfo"]["leader"], id);
    assert_eq!(json(http, "/v2/stats/leader")["leader"], id);
    let vars = json(http, "/debug/vars");
    let raft = &vars["raft.status"];
    assert_eq!(raft["id"], id);
    assert_eq!(raft["progress"][id]["state"], "StateReplicate");
    assert_eq!(raft["progress"][id]["match"], raft["commit"]);
    let is_name = |arg: &serde_json::Value| arg == "--name=a";
    assert!(vars["cmdline"].as_array().expect("a list").iter().any(is_name));
    assert!(vars["file_descriptor_limit"].as_u64() > Some(0));
    assert!(vars["memstats"]["Alloc"].as_u64() > Some(1 << 20));
    for (target, lines) in [("/livez", 2), ("/readyz", 5)] {
        let answer = http.get(&format!("{target}?verbose")).expect("an answer");
        assert_eq!((answer.status, answer.text().lines().count()), (200, lines));
    }
}

#[test]
fn the_log_level_is_changed_while_a_member_runs() {
    let mut server = Server::start("a");
    let http = &mut server.http();
    let mut log_from = |level: &str| {
        let body = format!("{{\"Level\":\"{level}\"}}");
        let answer = http.ask("PUT", "/config/local/log", "", body.as_bytes());
        assert_eq!(answer.expect("an answer").status, 204);
    };
    log_from("debug");
    server.log().wait_for("\"log-level\":\"debug\"");
    log_from("E");
    server.log().wait_for("\"log-level\":\"error\"");
    // A clean stop is told of, but not to those who want errors only.
    server.stop();
    assert_eq!(server.log().lines_with("\"stopped\""), Vec::<String>::new());
}

#[test]
fn pages_and_names_of_the_lists_are_let_through() {
    let mut server = Server::new("a");
    server.args(&["--cors=http://page.example:80", "--host-whitelist=127.0.0.1,db"]);
    server.spawn();
    server.log().wait_for("a leader is known");
    let ask = |host: &str, origin: &str| {
        let mut stream = TcpStream::connect(server.client).expect("a connection");
        let lines = format!("Host: {host}\r\nOrigin: {origin}\r\nConnection: close");
        write!(stream, "GET /version HTTP/1.1\r\n{lines}\r\n\r\n").expect("it is heard");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer to its end");
        let status = answer.split(' ').nth(1).expect("a status").to_owned();
        let allowed = answer
            .lines()
            .find_map(|line| line.strip_prefix("Access-Control-Allow-Origin: "));
        (status, allowed.map(str::to_owned))
    };
    let page = "http://page.example:80";
    assert_eq!(ask("db:2379", page), ("200".to_owned(), Some(page.to_owned())));
    assert_eq!(ask("db", "http://other.example:80"), ("200".to_owned(), None));
    assert_eq!(ask("evil.example", page), ("421".to_owned(), None));
}
