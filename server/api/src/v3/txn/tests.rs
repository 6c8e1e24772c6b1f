use super::*;
use bytes::Bytes;
use node::Answer;
use storage::store::command::Outcome;
use storage::store::query::{Found, KeyRange, RangeEnd};
use storage::store::transaction::{Chosen, OperationResult};

use crate::tests::{rendered, text};
use crate::v3::json;

fn request(body: &str) -> Result<Request, String> {
    let read: Result<TxnRequest, Refusal> = json::read(body.as_bytes());
    read.and_then(TxnRequest::into_request)
        .map_err(|refusal| format!("{refusal:?}"))
}

fn transaction(body: &str) -> Transaction {
    match request(body) {
        Ok(Request::Write(Command::Transaction(transaction))) => transaction,
        Ok(Request::Read {
            query: Query::Transaction(transaction),
            ..
        }) => transaction,
        other => panic!("{other:?}"),
    }
}

fn refused(body: &str, with: &str) {
    let message = request(body).expect_err("it is refused");
    assert!(message.contains(with), "{message} to {body}");
}

#[test]
fn all_fields_are_read_under_both_names() {
    let snake = r#"{"compare":[{"target":"MOD","result":"GREATER","key":"YQ==","range_end":"Yg==","mod_revision":"7"}],
        "success":[{"request_put":{"key":"YQ==","value":"Yg==","prev_kv":true,"lease":"5"}},
                   {"request_delete_range":{"key":"Yg==","range_end":"AA=="}}],
        "failure":[{"request_range":{"key":"YQ==","count_only":true}}]}"#;
    let camel = snake
        .replace("range_end", "rangeEnd")
        .replace("mod_revision", "modRevision")
        .replace("prev_kv", "prevKv")
        .replace("request_put", "requestPut")
        .replace("request_delete_range", "requestDeleteRange")
        .replace("request_range", "requestRange")
        .replace("count_only", "countOnly");
    let read = transaction(snake);
    assert_eq!(read, transaction(&camel));
    let [choice] = &read.choices[..] else {
        panic!("{read:?}")
    };
    let comparison = Comparison {
        range: KeyRange {
            start: Bytes::from("a"),
            end: RangeEnd::Before(Bytes::from("b")),
        },
        operand: Operand::Mod(Revision(7)),
        relation: Relation::Greater,
    };
    assert_eq!(choice.comparisons, [comparison]);
    assert!(matches!(&choice.success[..], [
        Operation::Put(put),
        Operation::DeleteRange { range: KeyRange { end: RangeEnd::Unbounded, .. }, previous: false },
    ] if put.lease == LeaseId(5) && put.previous));
    assert!(matches!(&choice.failure[..], [Operation::Range(range)] if range.count_only));
}

#[test]
fn what_is_not_given_is_compared_with_nothing() {
    let compared = |fields: &str| {
        let body = format!(r#"{{"compare":[{{"key":"YQ==",{fields}}}]}}"#);
        let choice = transaction(&body).choices.remove(0);
        let comparison = &choice.comparisons[0];
        (comparison.operand.clone(), comparison.relation)
    };
    assert_eq!(compared(r#""target":0"#), (Operand::Version(0), Relation::Equal));
    // Of another kind than the target.
    assert_eq!(
        compared(r#""target":"VALUE","version":"3","result":3"#),
        (Operand::Value(Bytes::new()), Relation::NotEqual)
    );
    assert_eq!(
        compared(r#""target":"LEASE","lease":-4"#),
        (Operand::Lease(LeaseId(-4)), Relation::Equal)
    );
    // No version is below 0.
    for (result, expected) in [
        ("LESS", (Operand::Version(0), Relation::Less)),
        ("EQUAL", (Operand::Version(0), Relation::Less)),
        ("GREATER", (Operand::Version(u64::MAX), Relation::NotEqual)),
        ("NOT_EQUAL", (Operand::Version(u64::MAX), Relation::NotEqual)),
    ] {
        assert_eq!(
            compared(&format!(r#""version":-1,"result":"{result}""#)),
            expected
        );
    }
}

#[test]
fn transactions_in_transactions_come_after_the_one_they_are_in() {
    let put = |key: &str| format!(r#"{{"request_put":{{"key":"{key}"}}}}"#);
    let inner = format!(r#"{{"request_txn":{{"success":[{}]}}}}"#, put("Yg=="));
    let middle = format!(
        r#"{{"request_txn":{{"success":[{inner}],"failure":[{}]}}}}"#,
        put("Yw==")
    );
    let body = format!(r#"{{"success":[{middle},{}]}}"#, put("YQ=="));
    let read = transaction(&body);
    assert_eq!(read.choices.len(), 3);
    assert_eq!(read.choices[0].success[0], Operation::Choice(1));
    assert_eq!(read.choices[1].success, [Operation::Choice(2)]);
    assert!(matches!(&read.choices[2].success[..], [Operation::Put(put)] if put.key == "b"));
}

#[test]
fn what_only_reads_is_read_and_may_be_stale_if_nothing_in_it_minds() {
    let is_linearizable = |body: &str| match request(body) {
        Ok(Request::Read { linearizable, .. }) => linearizable,
        other => panic!("{other:?}"),
    };
    let stale = r#"{"request_range":{"key":"YQ==","serializable":true}}"#;
    assert!(!is_linearizable("{}"));
    assert!(!is_linearizable(&format!(r#"{{"success":[{stale}]}}"#)));
    assert!(is_linearizable(&format!(
        r#"{{"success":[{stale}],"failure":[{{"request_range":{{"key":"YQ=="}}}}]}}"#
    )));
    assert!(is_linearizable(
        r#"{"success":[{"request_txn":{"failure":[{"request_range":{"key":"YQ=="}}]}}]}"#
    ));
}

#[test]
fn bad_requests_are_refused_with_etcds_words() {
    let put = r#"{"request_put":{"key":"YQ=="}}"#;
    refused(r#"{"compare":[{}]}"#, "etcdserver: key is not provided");
    refused(r#"{"success":[{}]}"#, "etcdserver: key not found");
    refused(
        r#"{"success":[{"request_range":{}}]}"#,
        "etcdserver: key is not provided",
    );
    refused(
        r#"{"success":[{"request_put":{"key":"YQ==","lease":1,"ignore_lease":true}}]}"#,
        "etcdserver: lease is provided",
    );
    refused(
        &format!(r#"{{"success":[{put},{put}]}}"#),
        "etcdserver: duplicate key given in txn request",
    );
    refused(
        r#"{"success":[{"request_put":{"key":"YQ=="},"request_range":{"key":"YQ=="}}]}"#,
        "one request_ field",
    );
    refused(r#"{"compare":[{"key":"YQ==","target":9}]}"#, "the field target");
    refused(r#"{"compare":[{"key":"YQ==","result":9}]}"#, "the field result");
    let many = vec![r#"{"key":"YQ=="}"#; 129].join(",");
    refused(
        &format!(r#"{{"compare":[{many}]}}"#),
        "etcdserver: too many operations in txn request",
    );
    let half = vec![r#"{"key":"YQ=="}"#; 64].join(",");
    let within = format!(r#"{{"request_txn":{{"compare":[{half}]}}}}"#);
    assert!(request(&format!(r#"{{"compare":[{half}],"success":[{within}]}}"#)).is_ok());
    refused(
        &format!(r#"{{"compare":[{half},{{"key":"YQ=="}}],"success":[{within}]}}"#),
        "etcdserver: too many operations in txn request",
    );
    let very_many = vec!["{}"; 10_001].join(",");
    refused(
        &format!(r#"{{"compare":[{very_many}]}}"#),
        "field compare: more than 10000 messages in one",
    );
    let large = "AAAA".repeat(1 << 19);
    refused(
        &format!(r#"{{"success":[{{"request_put":{{"key":"YQ==","value":"{large}"}}}}]}}"#),
        "etcdserver: request is too large",
    );
}

#[test]
fn a_wrong_type_names_the_field_with_those_around_it() {
    refused(
        r#"{"success":[{"request_put":{"key":1}}]}"#,
        "field success.request_put.key: ",
    );
    refused(
        r#"{"compare":[{"key":"YQ==","version":true}]}"#,
        "field compare.version: ",
    );
    refused(r#"{"compare":{}}"#, "field compare: ");
    refused(
        r#"{"success":[{"request_txn":[]}]}"#,
        "field success.request_txn: ",
    );
    // Deeper than anybody goes.
    let deep = r#"{"success":[{"request_txn":"#.repeat(100) + "{}" + &"}]}".repeat(100);
    refused(&deep, "recursion limit");
    assert!(
        request(r#"{"compare":null,"success":[null],"failure":[]}"#).is_err(),
        "an empty operation"
    );
    assert!(request(r#"{"compare":null,"success":null}"#).is_ok());
}

fn answered(result: Answer) -> String {
    text(&rendered("POST", "/v3/kv/txn", Ok(result)).body)
}

#[test]
fn each_operation_tells_the_revision_that_it_saw() {
    let found = || {
        OperationResult::Range(Found::Range {
            keys: vec![],
            more: false,
            count: 2,
        })
    };
    let inner = Chosen {
        succeeded: false,
        results: vec![OperationResult::Put { previous: None }],
    };
    let deleted = |count| OperationResult::Deleted {
        count,
        previous: vec![],
    };
    let chosen = Chosen {
        succeeded: true,
        results: vec![
            deleted(0),
            found(),
            OperationResult::Choice(inner),
            found(),
            deleted(3),
        ],
    };
    let header = r#"{"header":{"cluster_id":"193","member_id":"7","revision":"5","raft_term":"2"}"#;
    assert_eq!(
        answered(Answer::Done(Outcome::Transaction(chosen))),
        [
            header,
            r#","succeeded":true,"responses":[{"response_delete_range":{"header":{"revision":"4"}}},"#,
            r#"{"response_range":{"header":{"revision":"4"},"count":"2"}},"#,
            r#"{"response_txn":{"header":{},"responses":[{"response_put":{"header":{"revision":"5"}}}]}},"#,
            r#"{"response_range":{"header":{"revision":"5"},"count":"2"}},"#,
            r#"{"response_delete_range":{"header":{"revision":"5"},"deleted":"3"}}]}"#,
        ]
        .concat()
    );
    let read = Chosen {
        succeeded: false,
        results: vec![found()],
    };
    assert_eq!(
        answered(Answer::Found(Found::Transaction(read))),
        [
            header,
            r#","responses":[{"response_range":{"header":{"revision":"5"},"count":"2"}}]}"#
        ]
        .concat()
    );
    let nothing = Chosen {
        succeeded: false,
        results: vec![],
    };
    assert_eq!(
        answered(Answer::Found(Found::Transaction(nothing))),
        format!("{header}}}")
    );
}

#[test]
fn what_says_nothing_takes_little() {
    assert!(size_of::<super::RequestOp>() <= 32);
}
