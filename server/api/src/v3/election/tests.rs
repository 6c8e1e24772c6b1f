use node::Failure;
use storage::store::query::KeyValue;
use storage::store::transaction::Chosen;

use super::*;
use crate::tests::{HEADER, ask, refusal, rendered, text};

const H: &str = r#""header":{"cluster_id":"193","member_id":"7","revision":"5","raft_term":"2"}"#;
/// `m/64`, created at 4, on lease 100.
const LEADER: &str = r#"{"leader":{"name":"bQ==","key":"bS82NA==","rev":"4","lease":"100"},"value":"dg=="}"#;

fn unknown(message: &str) -> String {
    let message = message.replace('"', "\\\"");
    format!(r#"{{"error":"{message}","code":2,"message":"{message}"}}"#)
}

#[test]
fn a_campaign_is_a_contest_with_a_value() {
    let body = r#"{"name":"bQ==","lease":"100","value":"dg=="}"#;
    let contest = Contest {
        name: "m".into(),
        lease: LeaseId(100),
        value: Some("v".into()),
    };
    assert_eq!(ask("/v3/election/campaign", body), Request::Contend(contest));
    let owned = Answer::Owned(Ownership {
        name: "m".into(),
        key: "m/64".into(),
        revision: Revision(4),
        lease: LeaseId(100),
    });
    let answer = rendered("POST", "/v3/election/campaign", Ok(owned));
    let leader = r#""leader":{"name":"bQ==","key":"bS82NA==","rev":"4","lease":"100"}"#;
    assert_eq!(
        (answer.status, text(&answer.body)),
        (200, format!("{{{H},{leader}}}"))
    );
}

#[test]
fn only_who_leads_proclaims_or_resigns() {
    let Request::Write(Command::Transaction(proclaim)) = ask("/v3/election/proclaim", LEADER) else {
        panic!("a proclamation is a transaction");
    };
    let choice = &proclaim.choices[0];
    assert_eq!(choice.comparisons[0].operand, Operand::Create(Revision(4)));
    let Operation::Put(put) = &choice.success[0] else {
        panic!("{choice:?}");
    };
    assert_eq!(
        (&put.key[..], &put.value[..], put.lease),
        (&b"m/64"[..], &b"v"[..], LeaseId(100))
    );
    let Request::Write(Command::Transaction(resign)) = ask("/v3/election/resign", LEADER) else {
        panic!("a resignation is a transaction");
    };
    assert_eq!(resign.choices[0].comparisons, choice.comparisons);
    assert!(matches!(
        resign.choices[0].success[..],
        [Operation::DeleteRange { .. }]
    ));
    for path in ["/v3/election/proclaim", "/v3/election/resign"] {
        let missing = unknown("\"leader\" field must be provided");
        assert_eq!(refusal(path, r#"{"value":"dg=="}"#), (500, missing));
        assert_eq!(
            refusal(path, r#"{"leader":{}}"#),
            (500, unknown("etcdserver: key is not provided"))
        );
    }
}

#[test]
fn who_leads_no_more_is_told_by_a_proclamation_only() {
    let render = |kind: Kind, succeeded| {
        let results = Vec::new();
        let done = Outcome::Transaction(Chosen { succeeded, results });
        let response = Response {
            header: HEADER,
            result: Ok(Answer::Done(done)),
        };
        let mut answer = HttpAnswer::default();
        crate::render::Render::of(kind).render(&response, &mut answer);
        (answer.status, text(&answer.body))
    };
    let fine = (200, format!("{{{H}}}"));
    assert_eq!(render(Kind::Proclaim, true), fine);
    assert_eq!(
        render(Kind::Proclaim, false),
        (500, unknown("election: not leader"))
    );
    assert_eq!(render(Kind::Resign, true), fine);
    assert_eq!(render(Kind::Resign, false), fine);
}

#[test]
fn the_leader_is_whose_key_is_the_oldest() {
    let Request::Read {
        query: Query::Range(query),
        linearizable: true,
    } = ask("/v3/election/leader", r#"{"name":"bQ=="}"#)
    else {
        panic!("a linearizable range");
    };
    assert_eq!(
        (&query.range.start[..], query.range.end),
        (&b"m/"[..], RangeEnd::Before("m0".into()))
    );
    let found = |keys| {
        let found = Found::Range {
            keys,
            more: false,
            count: 1,
        };
        let answer = rendered("POST", "/v3/election/leader", Ok(Answer::Found(found)));
        (answer.status, text(&answer.body))
    };
    let pair = KeyValue {
        key: "m/64".into(),
        create_revision: Revision(4),
        mod_revision: Revision(4),
        version: 1,
        value: "v".into(),
        lease: LeaseId(100),
    };
    let kv = r#""kv":{"key":"bS82NA==","create_revision":"4","mod_revision":"4","version":"1","value":"dg==","lease":"100"}"#;
    assert_eq!(found(vec![pair]), (200, format!("{{{H},{kv}}}")));
    assert_eq!(found(vec![]), (500, unknown("election: no leader")));
    let late = rendered("POST", "/v3/election/leader", Err(Failure::Timeout));
    assert_eq!(
        (late.status, text(&late.body)),
        (500, unknown("etcdserver: request timed out"))
    );
}
