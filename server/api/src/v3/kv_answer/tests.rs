use bytes::Bytes;
use node::{Answer, Failure};
use storage::store::command::{self, Outcome};
use storage::store::query::{Found, KeyValue, LeaseId, Revision};

use crate::tests::{head, rendered, text};

const H: &str = r#""header":{"cluster_id":"193","member_id":"7","revision":"5","raft_term":"2"}"#;

fn pair(key: &'static [u8], value: &'static [u8]) -> KeyValue {
    KeyValue {
        key: Bytes::from_static(key),
        create_revision: Revision(2),
        mod_revision: Revision(4),
        version: 3,
        value: Bytes::from_static(value),
        lease: LeaseId::NONE,
    }
}

const FOO: &str = r#"{"key":"Zm9v","create_revision":"2","mod_revision":"4","version":"3","value":"YmFy"}"#;
const BARE: &str = r#"{"key":"/w==","create_revision":"2","mod_revision":"4","version":"3"}"#;

/// Status and body.
fn body(call: &str, result: Result<Answer, Failure>) -> (u16, String) {
    let answer = rendered("POST", &format!("/v3/kv/{call}"), result);
    (answer.status, text(&answer.body))
}

#[test]
fn a_lease_is_shown_with_its_sign() {
    for (lease, shown) in [
        (7, r#","lease":"7""#),
        (i64::MIN, r#","lease":"-9223372036854775808""#),
    ] {
        let lease = LeaseId(lease);
        let pair = KeyValue {
            lease,
            ..pair(b"foo", b"bar")
        };
        let (_, body) = body("put", Ok(Answer::Done(Outcome::Put { previous: Some(pair) })));
        assert!(body.contains(&format!(r#""value":"YmFy"{shown}}}"#)), "{body}");
    }
}

#[test]
fn successes_leave_out_what_is_empty() {
    let put = |previous| Answer::Done(Outcome::Put { previous });
    let deleted = |count, previous| Answer::Done(Outcome::Deleted { count, previous });
    let range = |keys, more, count| Answer::Found(Found::Range { keys, more, count });
    let rows = [
        ("put", put(None), format!("{{{H}}}")),
        (
            "put",
            put(Some(pair(b"foo", b"bar"))),
            format!(r#"{{{H},"prev_kv":{FOO}}}"#),
        ),
        ("range", range(vec![], false, 0), format!("{{{H}}}")),
        (
            "range",
            range(vec![pair(b"foo", b"bar")], false, 1),
            format!(r#"{{{H},"kvs":[{FOO}],"count":"1"}}"#),
        ),
        (
            "range",
            range(vec![pair(b"foo", b"bar"), pair(b"\xff", b"")], true, 9),
            format!(r#"{{{H},"kvs":[{FOO},{BARE}],"more":true,"count":"9"}}"#),
        ),
        (
            "range",
            range(vec![], false, 3),
            format!(r#"{{{H},"count":"3"}}"#),
        ),
        ("deleterange", deleted(0, vec![]), format!("{{{H}}}")),
        (
            "deleterange",
            deleted(2, vec![]),
            format!(r#"{{{H},"deleted":"2"}}"#),
        ),
        (
            "deleterange",
            deleted(1, vec![pair(b"foo", b"bar")]),
            format!(r#"{{{H},"deleted":"1","prev_kvs":[{FOO}]}}"#),
        ),
    ];
    for (call, result, json) in rows {
        assert_eq!(body(call, Ok(result)), (200, json), "{call}");
    }
}

#[test]
fn failures_have_etcds_words_and_status() {
    use command::Failure as Store;
    let rows = [
        ("put", Failure::Timeout, 503, 14, "request timed out"),
        ("range", Failure::NoLeader, 503, 14, "no leader"),
        ("deleterange", Failure::Stopped, 503, 14, "server stopped"),
        (
            "put",
            Failure::Store(storage::store::command::Failure::NoSpace),
            429,
            8,
            "mvcc: database space exceeded",
        ),
        ("put", Failure::TooLarge, 400, 3, "request is too large"),
        ("range", Failure::TooManyRequests, 429, 8, "too many requests"),
        ("put", Failure::Store(Store::KeyNotFound), 400, 3, "key not found"),
        (
            "range",
            Failure::Store(Store::FutureRevision),
            400,
            11,
            "mvcc: required revision is a future revision",
        ),
        (
            "range",
            Failure::Store(Store::Compacted(Revision(9))),
            400,
            11,
            "mvcc: required revision has been compacted",
        ),
    ];
    for (call, failure, status, code, message) in rows {
        let json =
            format!(r#"{{"error":"etcdserver: {message}","code":{code},"message":"etcdserver: {message}"}}"#);
        assert_eq!(body(call, Err(failure)), (status, json), "{call}");
    }
}

#[test]
fn a_success_says_that_it_came_from_grpc() {
    let success = rendered(
        "POST",
        "/v3/kv/put",
        Ok(Answer::Done(Outcome::Put { previous: None })),
    );
    let lines = "Content-Type: application/json\r\nGrpc-Metadata-Content-Type: application/grpc\r\n";
    assert_eq!(head(&success), lines);
    let failure = rendered("POST", "/v3/kv/put", Err(Failure::Timeout));
    assert_eq!(head(&failure), "Content-Type: application/json\r\n");
}
