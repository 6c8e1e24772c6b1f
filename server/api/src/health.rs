//! `/health`, as etcd 3.5 has it.

use node::{Answer, Failure, Request, Response};
use storage::store::alarm::AlarmKind;

use crate::answer::HttpAnswer;
use crate::render::{Kind, Render};
use crate::route::Call;
use crate::v3::alarm::name_of;
use crate::{Parsed, failure, query};

/// `GET /health`; alarms that are named, as in `exclude=NOSPACE`, do not count. Malformed pairs of the query are passed
/// over, as in etcd, and so are alarms that are unknown.
pub(crate) fn parse(call: &Call<'_>, _: &mut HttpAnswer) -> Parsed {
    let pairs = || query::pairs(call.query.as_bytes()).flatten();
    let serializable = pairs()
        .find(|(name, _)| name.as_ref() == b"serializable")
        .is_some_and(|(_, value)| value.as_ref() == b"true");
    let excluded = |kind: &AlarmKind| {
        let alarm = name_of(*kind).as_bytes();
        pairs().any(|(name, value)| name.as_ref() == b"exclude" && value.as_ref() == alarm)
    };
    let all = [AlarmKind::NoSpace, AlarmKind::Corrupt, AlarmKind::ReadOnly];
    let request = Request::Health {
        linearizable: !serializable,
        except: all.into_iter().filter(excluded).collect(),
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
        Err(Failure::Alarm(kind)) => unhealthy(answer, "ALARM ", name_of(*kind)),
        Err(Failure::Repairing) => unhealthy(answer, "REPAIRING:", failure::text(&Failure::Repairing)),
        Err(Failure::Corrupt) => unhealthy(answer, "ALARM CORRUPT", ""),
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
            ("/health", true, vec![]),
            (
                "/health?exclude=CORRUPT&exclude=other",
                true,
                vec![AlarmKind::Corrupt],
            ),
            (
                "/health?exclude=NOSPACE",
                true,
                vec![AlarmKind::NoSpace, AlarmKind::ReadOnly],
            ),
            ("/health?serializable=true", false, vec![]),
            ("/health?serializable=1&serializable=true", true, vec![]),
            ("/health?%zz&serializable=true", false, vec![]),
        ];
        for (target, linearizable, except) in rows {
            let (Parsed::Ask(request, _), _) = parse_plain("GET", target, "") else {
                panic!("{target} asks nothing");
            };
            let health = Request::Health { linearizable, except };
            assert_eq!(*request, health, "{target}");
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
                Err(Failure::Alarm(AlarmKind::ReadOnly)),
                503,
                "{\"health\":\"false\",\"reason\":\"ALARM NOSPACE\"}\n",
            ),
            (
                Err(Failure::Timeout),
                503,
                "{\"health\":\"false\",\"reason\":\"RANGE ERROR:etcdserver: request timed out\"}\n",
            ),
            (
                Err(Failure::Repairing),
                503,
                "{\"health\":\"false\",\"reason\":\"REPAIRING:etcdserver: data directory is damaged and being repaired from \
                 the other members\"}\n",
            ),
        ];
        for (result, status, body) in rows {
            let answer = rendered("GET", "/health", result);
            assert_eq!((answer.status, text(&answer.body).as_str()), (status, body));
            assert!(head(&answer).starts_with("Content-Type: text/plain; charset=utf-8\r\n"));
        }
    }
}
