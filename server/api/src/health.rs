//! `/health`, as etcd 3.5 has it.

use node::{Answer, Failure, Request, Response};

use crate::answer::HttpAnswer;
use crate::render::{Kind, Render};
use crate::route::Call;
use crate::{Parsed, failure, query};

/// `GET /health`. There are no alarms, so any `exclude=ALARM` is honoured by itself. Malformed pairs of the query are
/// passed over, as in etcd.
pub(crate) fn parse(call: &Call<'_>, _: &mut HttpAnswer) -> Parsed {
    let serializable = query::pairs(call.query.as_bytes())
        .flatten()
        .find(|(name, _)| name.as_ref() == b"serializable")
        .is_some_and(|(_, value)| value.as_ref() == b"true");
    let request = Request::Health {
        linearizable: !serializable,
    };
    Parsed::Ask(Box::new(request), Render::of(Kind::Health))
}

/// Healthy, or why not.
pub(crate) fn render(response: &Response, answer: &mut HttpAnswer) {
    match &response.result {
        Ok(Answer::Healthy) => {
            answer.begin_text(200);
            answer.body.extend_from_slice(br#"{"health":"true","reason":""}"#);
        }
        Ok(other) => unreachable!("{other:?} to a question of health"),
        Err(Failure::NoLeader) => unhealthy(answer, "RAFT NO LEADER", ""),
        Err(other) => unhealthy(answer, "RANGE ERROR:", failure::text(other)),
    }
}

fn unhealthy(answer: &mut HttpAnswer, reason: &str, detail: &str) {
    // Neither text needs JSON's escapes.
    answer.text_error(
        503,
        &format!(r#"{{"health":"false","reason":"{reason}{detail}"}}"#),
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{head, parse_plain, rendered, text};

    #[test]
    fn health_asks_a_quorum_unless_told_not_to() {
        let rows = [
            ("/health", true),
            ("/health?exclude=NOSPACE&exclude=CORRUPT", true),
            ("/health?serializable=true", false),
            ("/health?serializable=1&serializable=true", true),
            ("/health?%zz&serializable=true", false),
        ];
        for (target, linearizable) in rows {
            let (Parsed::Ask(request, _), _) = parse_plain("GET", target, "") else {
                panic!("{target} asks nothing");
            };
            assert_eq!(*request, Request::Health { linearizable }, "{target}");
        }
    }

    #[test]
    fn health_is_told() {
        let rows = [
            (Ok(Answer::Healthy), 200, "{\"health\":\"true\",\"reason\":\"\"}"),
            (
                Err(Failure::NoLeader),
                503,
                "{\"health\":\"false\",\"reason\":\"RAFT NO LEADER\"}\n",
            ),
            (
                Err(Failure::Timeout),
                503,
                "{\"health\":\"false\",\"reason\":\"RANGE ERROR:etcdserver: request timed out\"}\n",
            ),
        ];
        for (result, status, body) in rows {
            let answer = rendered("GET", "/health", result);
            assert_eq!((answer.status, text(&answer.body).as_str()), (status, body));
            assert!(head(&answer).starts_with("Content-Type: text/plain; charset=utf-8\r\n"));
        }
    }
}
