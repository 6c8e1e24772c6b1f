use node::Failure;
use storage::store::command::Failure as StoreFailure;

use super::*;
use crate::tests::{ask, parse_plain, refusal, text};

const PATH: &str = "/v3/maintenance/alarm";
const H: &str = r#""header":{"cluster_id":"193","member_id":"7","revision":"5","raft_term":"2"}"#;
const MEMBER: NodeId = NodeId(u64::MAX);

fn alarm_of(kind: AlarmKind) -> Alarm {
    Alarm { member: MEMBER, kind }
}

fn rendered(body: &str, result: Result<Answer, Failure>) -> (u16, String) {
    let (Parsed::Ask(_, render), mut answer) = parse_plain("POST", PATH, body) else {
        panic!("{body} asks nothing");
    };
    let header = crate::tests::HEADER;
    render.render(&Response { header, result }, &mut answer);
    (answer.status, text(&answer.body))
}

#[test]
fn what_asks_for_no_change_only_looks() {
    let look = Request::Read {
        query: Query::Alarms,
        linearizable: true,
    };
    for body in [
        "",
        r#"{"action":"GET"}"#,
        r#"{"action":0,"alarm":"NOSPACE","memberID":"1"}"#,
        r#"{"action":"ACTIVATE","memberID":"1"}"#,
        r#"{"action":2,"alarm":0}"#,
    ] {
        assert_eq!(ask(PATH, body), look, "{body}");
    }
}

#[test]
fn changes_are_written() {
    let rows = [
        (
            r#"{"action":"ACTIVATE","memberID":"18446744073709551615","alarm":"NOSPACE"}"#,
            AlarmKind::ReadOnly,
            true,
        ),
        (
            r#"{"action":"DEACTIVATE","memberID":18446744073709551615,"alarm":1}"#,
            AlarmKind::ReadOnly,
            false,
        ),
        (
            r#"{"action":2,"memberID":"18446744073709551615","alarm":"CORRUPT"}"#,
            AlarmKind::Corrupt,
            false,
        ),
    ];
    for (body, kind, raised) in rows {
        let alarm = alarm_of(kind);
        assert_eq!(
            ask(PATH, body),
            Request::Write(Command::Alarm { alarm, raised }),
            "{body}"
        );
    }
}

#[test]
fn what_is_unknown_is_refused() {
    for body in [
        r#"{"action":3}"#,
        r#"{"action":"get"}"#,
        r#"{"action":1,"alarm":3}"#,
        r#"{"memberID":-1}"#,
        r#"{"memberID":"18446744073709551616"}"#,
    ] {
        let (status, answer) = refusal(PATH, body);
        assert_eq!(status, 400, "{body}");
        assert!(answer.contains(r#""code":3"#), "{answer}");
    }
}

#[test]
fn the_alarms_are_told_once_by_their_names() {
    let all = [AlarmKind::NoSpace, AlarmKind::Corrupt, AlarmKind::ReadOnly].map(alarm_of);
    let found = || Ok(Answer::Found(Found::Alarms(all.to_vec())));
    let one = |name: &str| format!(r#"{{"memberID":"18446744073709551615","alarm":"{name}"}}"#);
    let (space, corrupt) = (one("NOSPACE"), one("CORRUPT"));
    let rows = [
        ("{}", format!(r#"{{{H},"alarms":[{space},{corrupt}]}}"#)),
        (r#"{"alarm":"NOSPACE"}"#, format!(r#"{{{H},"alarms":[{space}]}}"#)),
        (
            r#"{"alarm":"CORRUPT"}"#,
            format!(r#"{{{H},"alarms":[{corrupt}]}}"#),
        ),
        (r#"{"action":"ACTIVATE"}"#, format!("{{{H}}}")),
    ];
    for (body, json) in rows {
        assert_eq!(rendered(body, found()), (200, json), "{body}");
    }
    let only = vec![alarm_of(AlarmKind::ReadOnly)];
    let found = Ok(Answer::Found(Found::Alarms(only)));
    assert_eq!(
        rendered("{}", found),
        (200, format!(r#"{{{H},"alarms":[{space}]}}"#))
    );
}

#[test]
fn changes_are_told_and_an_alarm_that_was_not_there_is_not() {
    let member = r#""memberID":"18446744073709551615","alarm":"NOSPACE""#;
    let done = |changed| Ok(Answer::Done(Outcome::Alarm { changed }));
    let told = format!(r#"{{{H},"alarms":[{{{member}}}]}}"#);
    for (action, changed, json) in [
        ("ACTIVATE", true, &told),
        ("ACTIVATE", false, &told),
        ("DEACTIVATE", true, &told),
        ("DEACTIVATE", false, &format!("{{{H}}}")),
    ] {
        let body = format!(r#"{{"action":"{action}",{member}}}"#);
        assert_eq!(
            rendered(&body, done(changed)),
            (200, json.clone()),
            "{action} {changed}"
        );
    }
    let (status, answer) = rendered("{}", Err(Failure::Store(StoreFailure::NoSpace)));
    assert_eq!(
        (status, answer.as_str()),
        (
            429,
            r#"{"error":"etcdserver: mvcc: database space exceeded","code":8,"message":"etcdserver: mvcc: database space exceeded"}"#
        )
    );
}
