//! `/v3/maintenance/transfer-leadership`.

use node::{Answer, Request, Response};
use raft_core::NodeId;
use serde::de::MapAccess;

use super::json::{Message, Value};
use super::{ask, error, write};
use crate::Parsed;
use crate::answer::HttpAnswer;
use crate::render::Kind;
use crate::route::Call;

/// `POST /v3/maintenance/transfer-leadership`.
pub(crate) fn transfer(call: &Call<'_>, answer: &mut HttpAnswer) -> Parsed {
    ask(call, answer, Kind::Transfer, |TransferRequest { target }| {
        Ok(Request::Transfer { to: NodeId(target) })
    })
}

#[derive(Default)]
struct TransferRequest {
    target: u64,
}

impl Message for TransferRequest {
    fn take<'de, A: MapAccess<'de>>(&mut self, name: &str, value: Value<'_, A>) -> Result<(), A::Error> {
        match name {
            "targetID" => self.target = value.uint64()?,
            _ => value.pass_over()?,
        }
        Ok(())
    }
}

/// The other one leads.
pub(crate) fn render(response: &Response, answer: &mut HttpAnswer) {
    match &response.result {
        Ok(Answer::Transferred) => write::nothing(answer),
        Ok(other) => unreachable!("{other:?} to a transfer"),
        Err(why) => error::failed(answer, why),
    }
}

#[cfg(test)]
mod tests {
    use node::Failure;

    use super::*;
    use crate::tests::{ask, rendered, text};

    const PATH: &str = "/v3/maintenance/transfer-leadership";

    #[test]
    fn the_target_is_read() {
        let to = |id| Request::Transfer { to: NodeId(id) };
        assert_eq!(ask(PATH, r#"{"targetID":"7"}"#), to(7));
        assert_eq!(ask(PATH, r#"{"targetID":18446744073709551615}"#), to(u64::MAX));
        assert_eq!(ask(PATH, ""), to(0), "which is nobody");
    }

    #[test]
    fn what_came_of_it_is_told_as_etcd_does() {
        let done = rendered("POST", PATH, Ok(Answer::Transferred));
        assert_eq!((done.status, text(&done.body)), (200, "{}".to_owned()));
        for (failure, message) in [
            (Failure::NotLeader, "etcdserver: not leader"),
            (Failure::BadTransferee, "etcdserver: bad leader transferee"),
        ] {
            let refused = rendered("POST", PATH, Err(failure));
            let body = format!(r#"{{"error":"{message}","code":9,"message":"{message}"}}"#);
            assert_eq!((refused.status, text(&refused.body)), (400, body));
        }
    }
}
