//! What the tests of all modules share, and properties of the whole.

use bytes::Bytes;
use node::{Answer, Counts, Failure, Header, Request, Response, Status};
use proptest::prelude::*;
use raft_core::{Index, NodeId, Term};
use storage::store::command::{ClusterTime, Command, Outcome, TreeAction, TreeEvent};
use storage::store::query::{Found, Query, Revision, TreeNode};

use super::*;

pub(crate) fn identity() -> Identity {
    Identity {
        cluster_id: 0xc1,
        access: Arc::default(),
    }
}

pub(crate) const HEADER: Header = Header {
    cluster_id: 0xc1,
    member_id: NodeId(7),
    revision: Revision(5),
    tree_index: 30,
    term: Term(2),
    applied: Index(41),
};

/// The CORS lines, which every answer has.
pub(crate) const CORS: &str = "Access-Control-Allow-Headers: accept, content-type, authorization\r\n\
    Access-Control-Allow-Methods: POST, GET, OPTIONS, PUT, DELETE\r\n\
    Access-Control-Allow-Origin: *\r\n";

/// An answer that was used before: nothing of it may be left.
pub(crate) fn used() -> HttpAnswer {
    HttpAnswer {
        status: 999,
        head: b"Old: head\r\n".to_vec(),
        body: b"old body".to_vec(),
        ..HttpAnswer::default()
    }
}

/// Parses a request without header lines.
pub(crate) fn parse_plain(method: &str, target: &str, body: &str) -> (Parsed, HttpAnswer) {
    let mut answer = used();
    let request = HttpRequest {
        method,
        target,
        headers: &[],
        body: body.as_bytes(),
    };
    let parsed = parse(&identity(), request, &mut answer);
    (parsed, answer)
}

/// The question that a v3 call comes to.
pub(crate) fn ask(path: &str, body: &str) -> Request {
    match parse_plain("POST", path, body) {
        (Parsed::Ask(request, _), _) => *request,
        (_, answer) => panic!("{path} {body}: {}", text(&answer.body)),
    }
}

/// Status and body of a v3 call that comes to no question.
pub(crate) fn refusal(path: &str, body: &str) -> (u16, String) {
    match parse_plain("POST", path, body) {
        (Parsed::Ask(request, _), _) => panic!("{path} {body}: {request:?}"),
        (_, answer) => (answer.status, text(&answer.body)),
    }
}

/// What a node's answer to this request is rendered as.
pub(crate) fn rendered(
    method: &str,
    target: &str,
    result: Result<node::Answer, node::Failure>,
) -> HttpAnswer {
    let (Parsed::Ask(_, render), _) = parse_plain(method, target, r#"{"key":"YQ==","ID":"7"}"#) else {
        panic!("{method} {target} asks nothing");
    };
    let mut answer = used();
    render.render(
        &Response {
            header: HEADER,
            result,
        },
        &mut answer,
    );
    answer
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("answers are UTF-8")
}

/// The header lines after CORS's.
pub(crate) fn head(answer: &HttpAnswer) -> String {
    let head = text(&answer.head);
    head.strip_prefix(CORS).expect("CORS lines come first").to_owned()
}

fn send(method: &str, target: &str, headers: &[(&str, &[u8])], body: &[u8]) -> (Parsed, HttpAnswer) {
    let mut answer = used();
    let parsed = parse(
        &identity(),
        HttpRequest {
            method,
            target,
            headers,
            body,
        },
        &mut answer,
    );
    (parsed, answer)
}

#[test]
fn header_lines_that_would_change_a_v3_call_are_refused_and_others_are_not() {
    let body = br#"{"key":"YQ=="}"#;
    let rows: [(&str, &[u8], Option<&str>); 6] = [
        ("grpc-timeout", b"500m", Some("Grpc-Timeout")),
        (
            "Grpc-Metadata-Hasleader",
            b"true",
            Some("Grpc-Metadata-Hasleader"),
        ),
        ("Grpc-Metadata-Hasleader", b"false", None),
        ("Authorization", b"Bearer x", None),
        ("Grpc-Metadata-Token", b"x", None),
        ("Content-Type", b"text/plain", None),
    ];
    for (name, value, refused) in rows {
        let (parsed, answer) = send("POST", "/v3/kv/range", &[(name, value)], body);
        let Some(refused) = refused else {
            assert!(matches!(parsed, Parsed::Ask(..)), "{name}");
            continue;
        };
        let message = format!("the request header {refused} is not served yet");
        let json = format!(r#"{{"error":"{message}","code":12,"message":"{message}"}}"#);
        assert_eq!(
            (parsed, answer.status, text(&answer.body)),
            (Parsed::Answered, 501, json)
        );
    }
}

/// What a node could answer to a request.
fn results(request: &Request) -> Vec<Result<Answer, Failure>> {
    let event = || TreeEvent {
        action: TreeAction::Get,
        time: ClusterTime(0),
        node: TreeNode {
            key: Bytes::from_static(b"/\r\n"),
            value: Some(Bytes::from_static(b"\xff\r\n")),
            dir: false,
            expiration: None,
            nodes: vec![],
            modified_index: 1,
            created_index: 1,
        },
        previous: None,
    };
    let answer = match request {
        Request::Write(Command::Put(_)) => Answer::Done(Outcome::Put { previous: None }),
        Request::Write(Command::DeleteRange { .. }) => Answer::Done(Outcome::Deleted {
            count: 1,
            previous: vec![],
        }),
        Request::Write(Command::Compact { .. }) => Answer::Done(Outcome::Compacted),
        Request::Write(Command::Alarm { .. }) => Answer::Done(Outcome::Alarm { changed: true }),
        Request::Write(_) => Answer::Done(Outcome::Tree(event())),
        Request::Read {
            query: Query::Alarms, ..
        } => Answer::Found(Found::Alarms(vec![])),
        Request::Read {
            query: Query::Range(_),
            ..
        } => Answer::Found(Found::Range {
            keys: vec![],
            more: false,
            count: 1,
        }),
        Request::Read {
            query: Query::Tree { .. },
            ..
        } => Answer::Found(Found::Tree(event())),
        Request::Members { .. } => Answer::Members(vec![]),
        Request::Status => Answer::Status(Status {
            leader: None,
            commit: Index(1),
            size: 1,
            alarms: vec![],
            learner: false,
            counts: Counts::default(),
        }),
        Request::Health { .. } => Answer::Healthy,
        other => panic!("no call asks {other:?}"),
    };
    vec![Ok(answer), Err(Failure::Timeout), Err(Failure::TooLarge)]
}

/// What must hold of every answer.
fn check(answer: &HttpAnswer) {
    check_head(answer);
    if text(&answer.head).contains("Content-Type: application/json") {
        serde_json::from_slice::<serde_json::Value>(&answer.body).unwrap();
    }
    text(&answer.body);
}

/// What must hold of the beginning of every answer.
fn check_head(answer: &HttpAnswer) {
    assert!((200..600).contains(&answer.status));
    let head = text(&answer.head);
    assert!(head.starts_with(CORS) && head.ends_with("\r\n"));
    // No value breaks out of its line, and what is JSON can be read.
    let lines = head.strip_suffix("\r\n").unwrap().split("\r\n");
    assert!(
        lines
            .clone()
            .all(|line| line.contains(": ") && !line.contains(['\r', '\n'])),
        "{head}"
    );
}

fn target() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "/v[23](/(keys|members|kv|put|range|%2[Ff]|%[0-9a-z]{1,2}|[.]{1,2}|a|\u{e9}|\r\n)?){0,5}([?]([a-zA-Z]{1,9}=?[%;0-9a-z\r\n]{0,3}&?){0,3})?",
        "/v2/keys/[a-z/]{0,5}[?](value|dir|prevExist|recursive|wait|quorum|ttl|prevIndex)=(true|5|)(&refresh=1)?",
        Just("/v3/kv/put".to_owned()),
        Just("/v3/watch".to_owned()),
        Just("/v3/kv/range".to_owned()),
        Just("/v3/kv/deleterange".to_owned()),
        Just("/v3/kv/compaction".to_owned()),
        Just("/v3/maintenance/alarm".to_owned()),
        Just("/v3/cluster/member/list".to_owned()),
        Just("/health?serializable=true".to_owned()),
    ]
}

fn method() -> impl Strategy<Value = String> {
    prop_oneof!["GET|HEAD|PUT|POST|DELETE|OPTIONS", "[A-Z]{0,8}", any::<String>()]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn any_request_is_asked_or_answered(
        method in method(),
        target in target(),
        name in "content-type|grpc-timeout|[a-z]{0,5}",
        value in prop_oneof![Just(b"application/x-www-form-urlencoded".to_vec()), any::<Vec<u8>>()],
        body in prop_oneof![
            any::<Vec<u8>>(),
            "[{]\"(key|value|lease|limit|prev_kv)\":(\"[A-Za-z0-9+/]{4}\"|[0-9]{1,20}|true|null)[}]?".prop_map(String::into_bytes),
            "(value|dir|ttl|prevIndex)=[a-z0-9%&=;+]{0,9}".prop_map(String::into_bytes),
        ],
    ) {
        let (parsed, mut answer) = send(&method, &target, &[(&name, &value)], &body);
        match parsed {
            Parsed::Answered | Parsed::LogFrom(_) => check(&answer),
            Parsed::Stream(mut stream) => {
                let mut doing = Doing::default();
                stream.receive(&body, &mut doing);
                stream.body_ended(&mut doing);
                stream.stop(&mut doing);
                stream.begin(&mut answer);
                answer.body = doing.body;
                check_head(&answer);
            }
            Parsed::Ask(request, render) => {
                prop_assert_eq!(&answer, &used(), "touched before the node has answered");
                for result in results(&request) {
                    render.render(&Response { header: HEADER, result }, &mut answer);
                    check(&answer);
                }
            }
        }
    }
}
