//! `/livez` and `/readyz`: one check after the other, as late etcd has them. A check can be asked alone (`/readyz/name`) or
//! be left out (`?exclude=name`); `?verbose` names them all.

use node::{Answer, Checks, Request, Response};

use crate::answer::HttpAnswer;
use crate::render::{Kind, Render};
use crate::route::Call;
use crate::{Parsed, failure, query};

/// The checks, in the order of their names, as they are told.
const NAMES: [&str; 4] = [
    "data_corruption",
    "linearizable_read",
    "non_learner",
    "serializable_read",
];
const DATA_CORRUPTION: u8 = 1;
const LINEARIZABLE_READ: u8 = 1 << 1;
const NON_LEARNER: u8 = 1 << 2;
const SERIALIZABLE_READ: u8 = 1 << 3;
const LIVE: u8 = SERIALIZABLE_READ;
const READY: u8 = DATA_CORRUPTION | LINEARIZABLE_READ | NON_LEARNER | SERIALIZABLE_READ;

/// What is to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    /// Which checks: a bit for each name.
    checks: u8,
    verbose: bool,
}

/// `GET /livez`, and below.
pub(crate) fn live(call: &Call<'_>, _: &mut HttpAnswer) -> Parsed {
    parse(call, LIVE, b"/livez")
}

/// `GET /readyz`, and below.
pub(crate) fn ready(call: &Call<'_>, _: &mut HttpAnswer) -> Parsed {
    parse(call, READY, b"/readyz")
}

fn parse(call: &Call<'_>, all: u8, root: &[u8]) -> Parsed {
    let below = call.path.strip_prefix(root).unwrap_or_default();
    let bit = |name: &[u8]| {
        let at = NAMES.iter().position(|known| known.as_bytes() == name);
        at.map_or(0, |at| 1 << at) & all
    };
    let checks = match below.strip_prefix(b"/") {
        Some(name) => bit(name),
        None => query::pairs(call.query.as_bytes())
            .flatten()
            .filter(|(name, _)| name.as_ref() == b"exclude")
            .fold(all, |checks, (_, name)| checks & !bit(&name)),
    };
    let verbose = query::pairs(call.query.as_bytes())
        .flatten()
        .any(|(name, _)| name.as_ref() == b"verbose");
    let request = Request::Checks {
        linearizable: checks & LINEARIZABLE_READ != 0,
    };
    Parsed::Ask(
        Box::new(request),
        Render::of(Kind::Checks(Asked { checks, verbose })),
    )
}

/// All is well, or what is not.
pub(crate) fn render(response: &Response, asked: Asked, answer: &mut HttpAnswer) {
    let checks = match &response.result {
        Ok(Answer::Checks(checks)) => checks,
        Ok(other) => unreachable!("{other:?} to a question about checks"),
        Err(why) => return answer.text_error(503, failure::text(why)),
    };
    let mut told = String::new();
    let mut well = true;
    for (at, name) in NAMES.iter().enumerate() {
        if asked.checks & 1 << at == 0 {
            continue;
        }
        let line = match fault(checks, 1 << at) {
            None => format!("[+]{name} ok\n"),
            Some(why) => format!("[-]{name} failed: {why}\n"),
        };
        well &= line.starts_with("[+]");
        told.push_str(&line);
    }
    if !well {
        return answer.text_error(503, &told);
    }
    let detail = if asked.verbose { &told } else { "" };
    answer.text_error(200, &format!("{detail}ok"));
}

/// Why a check fails.
fn fault(checks: &Checks, check: u8) -> Option<&'static str> {
    match check {
        DATA_CORRUPTION => checks.corrupt.then_some("alarm activated: CORRUPT"),
        LINEARIZABLE_READ => checks.linearizable.as_ref().map(failure::text),
        NON_LEARNER => checks.learner.then_some("not supported for learner"),
        _ => checks.serializable.as_ref().map(failure::text),
    }
}

#[cfg(test)]
mod tests {
    use node::Failure;

    use super::*;
    use crate::tests::{head, parse_plain, rendered, text};

    const WELL: Checks = Checks {
        corrupt: false,
        learner: false,
        serializable: None,
        linearizable: None,
    };

    fn told(target: &str, checks: Checks) -> (u16, String) {
        let answer = rendered("GET", target, Ok(Answer::Checks(checks)));
        let lines = "Content-Type: text/plain; charset=utf-8\r\nX-Content-Type-Options: nosniff\r\n";
        assert_eq!(head(&answer), lines, "{target}");
        (answer.status, text(&answer.body))
    }

    #[test]
    fn a_quorum_is_asked_only_if_the_check_is_among_them() {
        let rows = [
            ("/livez", false),
            ("/livez?verbose", false),
            ("/livez/serializable_read", false),
            ("/readyz", true),
            ("/readyz?exclude=other&exclude=data_corruption", true),
            ("/readyz?exclude=linearizable_read", false),
            ("/readyz/linearizable_read", true),
            ("/readyz/data_corruption", false),
        ];
        for (target, linearizable) in rows {
            let (Parsed::Ask(request, _), _) = parse_plain("GET", target, "") else {
                panic!("{target} asks nothing");
            };
            assert_eq!(*request, Request::Checks { linearizable }, "{target}");
        }
    }

    #[test]
    fn checks_that_are_not_there_are_not_found() {
        for target in ["/livez/linearizable_read", "/livez/", "/readyz/none", "/readyzx"] {
            let (parsed, answer) = parse_plain("GET", target, "");
            assert_eq!((parsed, answer.status), (Parsed::Answered, 404), "{target}");
        }
        for target in ["/livez", "/readyz/data_corruption"] {
            let (parsed, answer) = parse_plain("POST", target, "");
            assert_eq!((parsed, answer.status), (Parsed::Answered, 405), "{target}");
            assert!(head(&answer).ends_with("Allow: GET\r\n"));
        }
    }

    #[test]
    fn a_member_that_is_well_says_ok() {
        for target in ["/livez", "/readyz", "/readyz/data_corruption"] {
            assert_eq!(told(target, WELL), (200, "ok\n".to_owned()), "{target}");
        }
        let all = "[+]data_corruption ok\n[+]linearizable_read ok\n[+]non_learner ok\n[+]serializable_read ok\nok\n";
        assert_eq!(told("/readyz?verbose", WELL), (200, all.to_owned()));
        let one = "[+]serializable_read ok\nok\n";
        assert_eq!(told("/livez?verbose=", WELL), (200, one.to_owned()));
    }

    #[test]
    fn what_fails_is_told_with_all_else() {
        let ill = Checks {
            corrupt: true,
            learner: true,
            serializable: Some(Failure::Corrupt),
            linearizable: Some(Failure::NoLeader),
        };
        let all = "[-]data_corruption failed: alarm activated: CORRUPT\n\
            [-]linearizable_read failed: etcdserver: no leader\n\
            [-]non_learner failed: not supported for learner\n\
            [-]serializable_read failed: etcdserver: corrupt cluster\n\n";
        assert_eq!(told("/readyz", ill.clone()), (503, all.to_owned()));
        let rest = Checks {
            serializable: None,
            ..ill
        };
        assert_eq!(told("/livez", rest.clone()), (200, "ok\n".to_owned()));
        let target = "/readyz?exclude=linearizable_read&exclude=data_corruption";
        let lines = "[-]non_learner failed: not supported for learner\n[+]serializable_read ok\n\n";
        assert_eq!(told(target, rest), (503, lines.to_owned()));
    }
}
