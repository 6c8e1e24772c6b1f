use node::{Answer, Counts, Failure, Request, Status};
use raft_core::{Index, NodeId};
use storage::store::alarm::{Alarm, AlarmKind};

use crate::tests::{ask, rendered, text};

const PATH: &str = "/v3/maintenance/status";
const H: &str = r#""header":{"cluster_id":"193","member_id":"7","revision":"5","raft_term":"2"}"#;

#[test]
fn the_status_is_asked() {
    for body in ["", "{}", "null", r#"{"x":1}"#] {
        assert_eq!(ask(PATH, body), Request::Status);
    }
}

#[test]
fn the_status_is_told() {
    let alarms = [AlarmKind::NoSpace, AlarmKind::Corrupt, AlarmKind::ReadOnly].map(|kind| Alarm {
        member: NodeId(9),
        kind,
    });
    let status = |leader, size, learner| {
        Answer::Status(Status {
            leader,
            commit: Index(42),
            size,
            alarms: if learner { alarms.to_vec() } else { vec![] },
            learner,
            counts: Counts::default(),
        })
    };
    let rows = [
        (
            status(Some(NodeId(7)), 20480, false),
            r#""dbSize":"20480","leader":"7","raftIndex":"42","raftTerm":"2","raftAppliedIndex":"41","dbSizeInUse":"20480""#,
        ),
        (
            status(None, 0, true),
            r#""raftIndex":"42","raftTerm":"2","raftAppliedIndex":"41","errors":["etcdserver: no leader","memberID:9 alarm:NOSPACE ","memberID:9 alarm:CORRUPT "],"isLearner":true"#,
        ),
    ];
    for (result, json) in rows {
        let answer = rendered("POST", PATH, Ok(result));
        assert_eq!(
            (answer.status, text(&answer.body)),
            (200, format!(r#"{{{H},"version":"3.5.21",{json}}}"#))
        );
    }
    assert_eq!(rendered("POST", PATH, Err(Failure::Stopped)).status, 503);
}
