use proptest::prelude::*;

use super::*;
use crate::tests::{ask, refusal};

fn put(key: &'static [u8], value: &'static [u8]) -> Put {
    Put {
        key: Bytes::from_static(key),
        value: Bytes::from_static(value),
        previous: false,
        ignore_value: false,
        ignore_lease: false,
        lease: LeaseId::NONE,
    }
}

fn range(start: &'static [u8], end: RangeEnd) -> RangeQuery {
    RangeQuery::of(KeyRange {
        start: Bytes::from_static(start),
        end,
    })
}

fn read(query: RangeQuery) -> Request {
    Request::Read {
        query: Query::Range(query),
        linearizable: true,
    }
}

fn before(end: &'static [u8]) -> RangeEnd {
    RangeEnd::Before(Bytes::from_static(end))
}

#[test]
fn puts_become_commands() {
    let rows = [
        (r#"{"key":"Zm9v","value":"YmFy"}"#, put(b"foo", b"bar")),
        (r#"{"key":"Zm9v"}"#, put(b"foo", b"")),
        (
            r#"{"key":"Zm9v","value":null,"lease":"0","prevKv":false}"#,
            put(b"foo", b""),
        ),
        (
            r#"{"key":"YQ==","prev_kv":true}"#,
            Put {
                previous: true,
                ..put(b"a", b"")
            },
        ),
        (
            r#"{"key":"YQ==","prevKv":true}"#,
            Put {
                previous: true,
                ..put(b"a", b"")
            },
        ),
        (
            r#"{"key":"YQ==","ignore_value":true}"#,
            Put {
                ignore_value: true,
                ..put(b"a", b"")
            },
        ),
        (
            r#"{"key":"YQ==","ignoreLease":true,"lease":0}"#,
            Put {
                ignore_lease: true,
                ..put(b"a", b"")
            },
        ),
        // The last of two holds; what follows the object is not looked at; other fields are passed over.
        (
            r#"{"key":"Zm9v","key":"YQ==","Key":1,"x":[{"y":{}}]} {"key":"#,
            put(b"a", b""),
        ),
        (
            " {\"key\" : \"Y\\nQ=\\r=\", \"\\u0076alue\":\"Y\\u006dFy\"}",
            put(b"a", b"bar"),
        ),
    ];
    for (body, command) in rows {
        assert_eq!(
            ask("/v3/kv/put", body),
            Request::Write(Command::Put(command)),
            "{body}"
        );
    }
}

fn check_ranges(rows: &[(&str, RangeQuery)]) {
    for (body, query) in rows {
        assert_eq!(ask("/v3/kv/range", body), read(query.clone()), "{body}");
    }
}

fn at(revision: u64) -> Option<Revision> {
    Some(Revision(revision))
}

#[test]
fn ranges_become_queries() {
    let a = range(b"a", RangeEnd::Single);
    check_ranges(&[
        (r#"{"key":"YQ=="}"#, a.clone()),
        (r#"{"key":"YQ==","range_end":""}"#, a.clone()),
        (
            r#"{"key":"YQ==","rangeEnd":"AA=="}"#,
            range(b"a", RangeEnd::Unbounded),
        ),
        (
            r#"{"key":"AA==","range_end":"AA=="}"#,
            range(b"\0", RangeEnd::Unbounded),
        ),
        (r#"{"key":"YQ==","range_end":"Yg=="}"#, range(b"a", before(b"b"))),
        (
            r#"{"key":"YQ==","limit":"10","revision":7}"#,
            RangeQuery {
                limit: Some(10),
                revision: at(7),
                ..a.clone()
            },
        ),
        (r#"{"key":"YQ==","limit":-1,"revision":"-7"}"#, a.clone()),
        (
            r#"{"key":"YQ==","keysOnly":true}"#,
            RangeQuery {
                keys_only: true,
                ..a.clone()
            },
        ),
        (
            r#"{"key":"YQ==","count_only":true}"#,
            RangeQuery {
                count_only: true,
                ..a.clone()
            },
        ),
    ]);
    let local = Request::Read {
        query: Query::Range(a),
        linearizable: false,
    };
    assert_eq!(
        ask("/v3/kv/range", r#"{"key":"YQ==","serializable":true}"#),
        local
    );
}

#[test]
fn ranges_are_sorted_by_the_target_unless_that_is_their_order() {
    let a = range(b"a", RangeEnd::Single);
    let sorted = |target, descending| RangeQuery {
        sort: Some(Sort { target, descending }),
        ..a.clone()
    };
    check_ranges(&[
        (
            r#"{"key":"YQ==","sort_order":"NONE","sort_target":"KEY"}"#,
            a.clone(),
        ),
        (
            r#"{"key":"YQ==","sort_order":"ASCEND"}"#,
            sorted(SortTarget::Key, false),
        ),
        (
            r#"{"key":"YQ==","sortOrder":2,"sortTarget":"MOD"}"#,
            sorted(SortTarget::Mod, true),
        ),
        (
            r#"{"key":"YQ==","sort_order":"DESCEND","sort_target":"CREATE"}"#,
            sorted(SortTarget::Create, true),
        ),
        // Without an order a target other than KEY sorts upwards.
        (
            r#"{"key":"YQ==","sort_target":"VALUE"}"#,
            sorted(SortTarget::Value, false),
        ),
        // An order that is none.
        (
            r#"{"key":"YQ==","sort_order":9,"sort_target":"VERSION"}"#,
            a.clone(),
        ),
    ]);
}

#[test]
fn ranges_are_filtered_between_bounds_that_are_not_0() {
    let a = range(b"a", RangeEnd::Single);
    check_ranges(&[
        (
            r#"{"key":"YQ==","min_mod_revision":"2","maxModRevision":3,"minCreateRevision":4,"max_create_revision":"5"}"#,
            RangeQuery {
                mod_revision: Between {
                    min: at(2),
                    max: at(3),
                },
                create_revision: Between {
                    min: at(4),
                    max: at(5),
                },
                ..a.clone()
            },
        ),
        (
            r#"{"key":"YQ==","min_mod_revision":-2,"max_mod_revision":-3,"max_create_revision":0}"#,
            RangeQuery {
                mod_revision: Between {
                    min: None,
                    max: at(0),
                },
                ..a
            },
        ),
    ]);
}

#[test]
fn deletions_become_commands() {
    let rows = [
        (r#"{"key":"YQ=="}"#, RangeEnd::Single, false),
        (r#"{"key":"YQ==","rangeEnd":""}"#, RangeEnd::Single, false),
        (
            r#"{"key":"YQ==","range_end":"Yg==","prev_kv":true}"#,
            before(b"b"),
            true,
        ),
    ];
    for (body, end, previous) in rows {
        let range = KeyRange {
            start: Bytes::from_static(b"a"),
            end,
        };
        let command = Command::DeleteRange { range, previous };
        assert_eq!(ask("/v3/kv/deleterange", body), Request::Write(command), "{body}");
    }
}

#[test]
fn what_a_call_cannot_mean_is_refused() {
    let rows = [
        ("put", "", 400, 3, "etcdserver: key is not provided"),
        ("put", "null", 400, 3, "etcdserver: key is not provided"),
        ("range", "{}", 400, 3, "etcdserver: key is not provided"),
        (
            "deleterange",
            r#"{"key":""}"#,
            400,
            3,
            "etcdserver: key is not provided",
        ),
        (
            "put",
            r#"{"key":"YQ==","value":"YQ==","ignore_value":true}"#,
            400,
            3,
            "etcdserver: value is provided",
        ),
        (
            "put",
            r#"{"key":"YQ==","lease":"1","ignore_lease":true}"#,
            400,
            3,
            "etcdserver: lease is provided",
        ),
        (
            "range",
            r#"{"key":"YQ==","sort_target":5}"#,
            400,
            3,
            "etcdserver: invalid sort option",
        ),
        (
            "range",
            r#"{"key":"YQ==","sort_target":-1}"#,
            400,
            3,
            "etcdserver: invalid sort option",
        ),
    ];
    for (call, body, status, code, message) in rows {
        let expected = (
            status,
            format!(r#"{{"error":"{message}","code":{code},"message":"{message}"}}"#),
        );
        assert_eq!(refusal(&format!("/v3/kv/{call}"), body), expected, "{body}");
    }
}

#[test]
fn what_is_too_large_is_refused() {
    let body = |value_bytes: usize| {
        let mut body = br#"{"key":"YQ==","value":""#.to_vec();
        super::super::base64::encode(&mut body, &vec![b'x'; value_bytes]);
        body.extend_from_slice(b"\"}");
        String::from_utf8(body).unwrap()
    };
    // Beside the value, 3 bytes for the key and 4 for the value's tag and length.
    assert!(matches!(
        ask("/v3/kv/put", &body(1_572_864 - 7)),
        Request::Write(_)
    ));
    let (status, text) = refusal("/v3/kv/put", &body(1_572_864 - 6));
    assert_eq!(
        (
            status,
            text.contains(r#""error":"etcdserver: request is too large","code":3"#)
        ),
        (400, true)
    );
    let (status, text) = refusal("/v3/kv/put", &body(2_097_152 - 6));
    let error = r#""error":"grpc: received message larger than max (2097153 vs. 2097152)","code":8"#;
    assert_eq!((status, text.contains(error)), (429, true));
}

fn base64(bytes: &[u8]) -> String {
    let mut text = Vec::new();
    super::super::base64::encode(&mut text, bytes);
    String::from_utf8(text).unwrap()
}

proptest! {
    #[test]
    fn any_put_is_read_back(
        key in proptest::collection::vec(any::<u8>(), 1..40),
        value in any::<Vec<u8>>(),
        previous in any::<bool>(),
    ) {
        let body = format!(r#"{{"value":"{}","prev_kv":{previous},"key":"{}"}}"#, base64(&value), base64(&key));
        let command = Put { key: key.into(), value: value.into(), previous, ignore_value: false, ignore_lease: false, lease: LeaseId::NONE };
        prop_assert_eq!(ask("/v3/kv/put", &body), Request::Write(Command::Put(command)));
    }

    #[test]
    fn any_range_is_read_back(
        key in proptest::collection::vec(any::<u8>(), 1..40),
        end in proptest::collection::vec(any::<u8>(), 2..40),
        limit in 1..i64::MAX,
        revision in 1..i64::MAX,
        keys_only in any::<bool>(),
    ) {
        let body = format!(
            r#"{{"key":"{}","range_end":"{}","limit":"{limit}","revision":{revision},"keys_only":{keys_only}}}"#,
            base64(&key), base64(&end),
        );
        let query = RangeQuery {
            range: KeyRange { start: key.into(), end: RangeEnd::Before(end.into()) },
            limit: Some(limit.unsigned_abs()),
            revision: Some(Revision(revision.unsigned_abs())),
            keys_only,
            ..range(b"", RangeEnd::Single)
        };
        prop_assert_eq!(ask("/v3/kv/range", &body), read(query));
    }
}

#[test]
fn a_compaction_names_a_revision() {
    const PATH: &str = "/v3/kv/compaction";
    for (body, revision) in [("", 0), (r#"{"revision":"7"}"#, 7)] {
        let revision = Revision(revision);
        assert_eq!(
            ask(PATH, body),
            Request::Write(Command::Compact { revision }),
            "{body}"
        );
    }
    let (status, answer) = refusal(PATH, r#"{"revision":"7","physical":true}"#);
    assert_eq!(status, 501, "{answer}");
    let (status, answer) = refusal(PATH, r#"{"revision":-7}"#);
    assert!(status == 400 && answer.contains("has been compacted"), "{answer}");
}
