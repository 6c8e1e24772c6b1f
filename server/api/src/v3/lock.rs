//! `/v3/lock`: a name is owned by one at a time.

use bytes::Bytes;
use node::{Answer, Contest, Request, Response};
use serde::de::MapAccess;
use storage::store::command::{Command, Outcome};
use storage::store::query::{KeyRange, LeaseId};

use super::error::Refusal;
use super::json::{Message, Value};
use super::{ask, error, write};
use crate::Parsed;
use crate::answer::HttpAnswer;
use crate::render::Kind;
use crate::route::Call;

/// `POST /v3/lock/lock`: answered once the name is owned.
pub(crate) fn lock(call: &Call<'_>, answer: &mut HttpAnswer) -> Parsed {
    ask(call, answer, Kind::Lock, |LockRequest { name, lease }| {
        Ok(Request::Contend(Contest {
            name,
            lease: LeaseId(lease),
            value: None,
        }))
    })
}

/// `POST /v3/lock/unlock`.
pub(crate) fn unlock(call: &Call<'_>, answer: &mut HttpAnswer) -> Parsed {
    ask(call, answer, Kind::Unlock, |UnlockRequest { key }| {
        if key.is_empty() {
            return Err(Refusal::of_service("etcdserver: key is not provided"));
        }
        Ok(Request::Write(Command::DeleteRange {
            range: KeyRange::single(key),
            previous: false,
        }))
    })
}

#[derive(Default)]
struct LockRequest {
    name: Bytes,
    lease: i64,
}

impl Message for LockRequest {
    fn take<'de, A: MapAccess<'de>>(&mut self, name: &str, value: Value<'_, A>) -> Result<(), A::Error> {
        match name {
            "name" => self.name = value.bytes()?,
            "lease" => self.lease = value.int64()?,
            _ => value.pass_over()?,
        }
        Ok(())
    }
}

#[derive(Default)]
struct UnlockRequest {
    key: Bytes,
}

impl Message for UnlockRequest {
    fn take<'de, A: MapAccess<'de>>(&mut self, name: &str, value: Value<'_, A>) -> Result<(), A::Error> {
        match name {
            "key" => self.key = value.bytes()?,
            _ => value.pass_over()?,
        }
        Ok(())
    }
}

/// The name is owned: by this key.
pub(crate) fn render_lock(response: &Response, answer: &mut HttpAnswer) {
    match &response.result {
        Ok(Answer::Owned(owned)) => {
            write::begin(answer, &response.header, true);
            write::bytes(&mut answer.body, "key", &owned.key);
            answer.body.push(b'}');
        }
        Ok(other) => unreachable!("{other:?} to a lock"),
        Err(why) => error::failed_in_service(answer, why),
    }
}

/// The key is gone, if it was there.
pub(crate) fn render_unlock(response: &Response, answer: &mut HttpAnswer) {
    match &response.result {
        Ok(Answer::Done(Outcome::Deleted { .. })) => {
            write::begin(answer, &response.header, true);
            answer.body.push(b'}');
        }
        Ok(other) => unreachable!("{other:?} to an unlock"),
        Err(why) => error::failed_in_service(answer, why),
    }
}

#[cfg(test)]
mod tests {
    use node::{Failure, Ownership};
    use storage::store::command::Failure as StoreFailure;
    use storage::store::query::Revision;

    use super::*;
    use crate::tests::{ask, refusal, rendered, text};

    const H: &str = r#""header":{"cluster_id":"193","member_id":"7","revision":"5","raft_term":"2"}"#;

    #[test]
    fn name_and_lease_are_read() {
        let contest = |name: &'static str, lease| {
            Request::Contend(Contest {
                name: name.into(),
                lease: LeaseId(lease),
                value: None,
            })
        };
        assert_eq!(
            ask("/v3/lock/lock", r#"{"name":"bQ==","lease":"100"}"#),
            contest("m", 100)
        );
        assert_eq!(ask("/v3/lock/lock", ""), contest("", 0));
        let delete = Request::Write(Command::DeleteRange {
            range: KeyRange::single("m/64".into()),
            previous: false,
        });
        assert_eq!(ask("/v3/lock/unlock", r#"{"key":"bS82NA=="}"#), delete);
        let message = "etcdserver: key is not provided";
        let body = format!(r#"{{"error":"{message}","code":2,"message":"{message}"}}"#);
        assert_eq!(refusal("/v3/lock/unlock", "{}"), (500, body));
    }

    #[test]
    fn the_key_is_told() {
        let owned = Answer::Owned(Ownership {
            name: "m".into(),
            key: "m/64".into(),
            revision: Revision(4),
            lease: LeaseId(100),
        });
        let answer = rendered("POST", "/v3/lock/lock", Ok(owned));
        assert_eq!(
            (answer.status, text(&answer.body)),
            (200, format!(r#"{{{H},"key":"bS82NA=="}}"#))
        );
        let gone = Outcome::Deleted {
            count: 0,
            previous: Vec::new(),
        };
        let answer = rendered("POST", "/v3/lock/unlock", Ok(Answer::Done(gone)));
        assert_eq!((answer.status, text(&answer.body)), (200, format!("{{{H}}}")));
        for (failure, message) in [
            (
                StoreFailure::LeaseNotFound.into(),
                "etcdserver: requested lease not found",
            ),
            (Failure::SessionExpired, "mutex: session is expired"),
            (Failure::Timeout, "etcdserver: request timed out"),
        ] {
            let answer = rendered("POST", "/v3/lock/lock", Err(failure));
            let body = format!(r#"{{"error":"{message}","code":2,"message":"{message}"}}"#);
            assert_eq!((answer.status, text(&answer.body)), (500, body));
        }
    }
}
