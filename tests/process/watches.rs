//! v3 watches over real sockets: as they happen, from the past, by clients that read too slowly, and to their end.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;

use serde_json::{Value, json};

use crate::cluster::{PATIENCE, Server, put_v3};

/// The lines of a watch stream. HTTP/1.0, so that they come without chunks.
struct Watch(BufReader<TcpStream>);

impl Watch {
    fn open(server: &Server, body: &str) -> Watch {
        let mut stream = TcpStream::connect(server.client).expect("a connection");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        let length = body.len();
        let request = format!("POST /v3/watch HTTP/1.0\r\nContent-Length: {length}\r\n\r\n{body}");
        stream.write_all(request.as_bytes()).expect("the server takes it");
        let mut watch = Watch(BufReader::new(stream));
        assert_eq!(watch.text(), "HTTP/1.1 200 OK");
        while !watch.text().is_empty() {}
        assert_eq!(watch.line()["result"]["created"], json!(true));
        watch
    }

    fn text(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).expect("a line");
        line.trim_end().to_owned()
    }

    fn line(&mut self) -> Value {
        let line = self.text();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
    }

    /// The revisions of the next message's events.
    fn revisions(&mut self) -> Vec<u64> {
        let line = self.line();
        let events = line["result"]["events"].as_array().expect("events").clone();
        let revision = |event: &Value| event["kv"]["mod_revision"].as_str().expect("a number").parse();
        events
            .iter()
            .map(|event| revision(event).expect("a number"))
            .collect()
    }
}

/// `foo`, and `foo` from its first revision on.
const LIVE: &str = r#"{"create_request":{"key":"Zm9v"}}"#;
const PAST: &str = r#"{"create_request":{"key":"Zm9v","start_revision":"1"}}"#;

#[test]
fn what_happens_is_told_as_it_happens_and_what_happened_too() {
    let server = Server::start("alone");
    let mut http = server.http();
    let mut live = Watch::open(&server, LIVE);
    for value in ["1", "2", "3"] {
        let revision = put_v3(&mut http, "foo", value).expect("a write");
        assert_eq!(live.revisions(), [revision]);
        put_v3(&mut http, "fop", value).expect("a write");
    }
    assert_eq!(Watch::open(&server, PAST).revisions(), [2, 4, 6]);
    drop(live);
}

#[test]
fn a_slow_client_is_told_everything_once_it_reads() {
    const VALUES: u64 = 300;
    let server = Server::start("alone");
    let mut http = server.http();
    let (mut slow, mut quick) = (Watch::open(&server, LIVE), Watch::open(&server, LIVE));
    let value = "v".repeat(100 << 10);
    for number in 0..VALUES {
        put_v3(&mut http, "foo", &value).expect("a write");
        assert_eq!(quick.revisions(), [number + 2]);
    }
    let mut seen = Vec::new();
    while seen.len() < VALUES as usize {
        seen.extend(slow.revisions());
    }
    assert!(seen.into_iter().eq(2..VALUES + 2));
    let revision = put_v3(&mut http, "foo", "last").expect("a write");
    assert_eq!(
        (slow.revisions(), quick.revisions()),
        (vec![revision], vec![revision])
    );
}

#[test]
fn a_server_that_stops_says_so_to_its_watchers() {
    let mut server = Server::start("alone");
    let mut watch = Watch::open(&server, LIVE);
    server.signal("TERM");
    let error = watch.line();
    assert_eq!(error["error"]["grpc_code"], json!(14), "{error}");
    assert_eq!(watch.text(), "", "it is closed");
    assert!(server.wait_end().success());
}
