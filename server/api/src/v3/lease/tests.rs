use super::*;
use bytes::Bytes;
use node::{Failure, LeaseTime};
use storage::store::command::Failure as StoreFailure;

use crate::tests::{ask, refusal, rendered, text};

const BEGIN: &str = r#"{"header":{"cluster_id":"193","member_id":"7","revision":"5","raft_term":"2"}"#;

fn told(path: &str, result: Result<Answer, Failure>) -> String {
    text(&rendered("POST", path, result).body)
}

#[test]
fn calls_are_read_under_both_paths() {
    let grant = |body| ask("/v3/lease/grant", body);
    let granted = |id, ttl| {
        let id = LeaseId(id);
        Request::Write(Command::LeaseGrant { id, ttl })
    };
    assert_eq!(grant(r#"{"TTL":"60","ID":7}"#), granted(7, 60));
    assert_eq!(grant(r#"{"TTL":-5,"ID":-7}"#), granted(-7, 0));
    assert_eq!(grant(r#"{"ttl":60}"#), granted(0, 0), "the names have capitals");
    for path in ["/v3/lease/revoke", "/v3/kv/lease/revoke", "/v3beta/lease/revoke"] {
        let id = LeaseId(7);
        let revoke = Request::Write(Command::LeaseRevoke { id });
        assert_eq!(ask(path, r#"{"ID":"7"}"#), revoke);
    }
    for path in ["/v3/lease/timetolive", "/v3/kv/lease/timetolive"] {
        let (id, keys) = (LeaseId(7), true);
        let question = Request::LeaseTimeToLive { id, keys };
        assert_eq!(ask(path, r#"{"ID":"7","keys":true}"#), question);
    }
    for path in ["/v3/lease/leases", "/v3/kv/lease/leases"] {
        let (query, linearizable) = (Query::Leases, false);
        assert_eq!(ask(path, "{}"), Request::Read { query, linearizable });
    }
    let (status, wrong) = refusal("/v3/lease/grant", r#"{"TTL":"a"}"#);
    assert!(status == 400 && wrong.contains("field TTL: "), "{wrong}");
}

#[test]
fn answers_are_etcds() {
    let (id, ttl) = (LeaseId(7), 60);
    let granted = Answer::Done(Outcome::LeaseGranted { id, ttl });
    assert_eq!(
        told("/v3/lease/grant", Ok(granted)),
        format!(r#"{BEGIN},"ID":"7","TTL":"60"}}"#)
    );
    let revoked = Answer::Done(Outcome::LeaseRevoked);
    assert_eq!(told("/v3/lease/revoke", Ok(revoked)), format!("{BEGIN}}}"));
    let gone = Failure::Store(StoreFailure::LeaseNotFound);
    assert_eq!(
        told("/v3/lease/revoke", Err(gone)),
        r#"{"error":"etcdserver: requested lease not found","code":5,"message":"etcdserver: requested lease not found"}"#
    );
    let time = LeaseTime {
        granted: 60,
        remaining: 0,
        keys: vec![Bytes::from("a"), Bytes::from("bc")],
    };
    assert_eq!(
        told("/v3/lease/timetolive", Ok(Answer::LeaseTime(Some(time)))),
        format!(r#"{BEGIN},"ID":"7","grantedTTL":"60","keys":["YQ==","YmM="]}}"#)
    );
    assert_eq!(
        told("/v3/lease/timetolive", Ok(Answer::LeaseTime(None))),
        format!(r#"{BEGIN},"ID":"7","TTL":"-1"}}"#)
    );
    let leases = |ids| Ok(Answer::Found(Found::Leases(ids)));
    assert_eq!(told("/v3/lease/leases", leases(vec![])), format!("{BEGIN}}}"));
    assert_eq!(
        told("/v3/lease/leases", leases(vec![LeaseId(-1), id])),
        format!(r#"{BEGIN},"leases":[{{"ID":"-1"}},{{"ID":"7"}}]}}"#)
    );
}
