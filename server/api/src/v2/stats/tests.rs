use std::collections::BTreeMap;

use node::{Failure, Pace, TreeCounts, WallTime};
use raft_core::{Index, NodeId};

use super::*;
use crate::tests::{head, rendered, text};

const SECOND: u64 = 1_000_000_000;

/// A leader with one follower, an hour and a bit after it began.
pub(crate) fn leading() -> MemberStats {
    let own = FollowerStats {
        latency: Latency::default(),
        failed: 0,
        matched: Index(41),
        next: Index(42),
        pace: Pace::Pipeline,
    };
    let follower = FollowerStats {
        latency: Latency {
            count: 2,
            current: 500,
            least: 500,
            most: 1500,
            sum: 2000,
            squares: 2_500_000,
        },
        failed: 1,
        pace: Pace::Probe,
        ..own
    };
    MemberStats {
        name: "c3".to_owned(),
        role: Role::Leader,
        started: WallTime(SECOND),
        told: WallTime(3_723_500_000_000),
        leader: Some((NodeId(7), WallTime(2 * SECOND))),
        voted_for: Some(NodeId(7)),
        commit: Index(41),
        transferring: None,
        received: Traffic::default(),
        sent: Traffic {
            count: 10,
            lately: 5,
            bytes: 250,
            over: Duration::from_secs(2),
        },
        followers: BTreeMap::from([(NodeId(7), own), (NodeId(0xab), follower)]),
        tree: TreeCounts {
            gets: Tally { done: 1, refused: 2 },
            swaps: Tally { done: 0, refused: 3 },
            expired: 4,
            watchers: 5,
            ..TreeCounts::default()
        },
    }
}

fn told(target: &str, stats: MemberStats) -> (u16, String) {
    let answer = rendered("GET", target, Ok(Answer::Stats(Box::new(stats))));
    assert_eq!(head(&answer), "Content-Type: application/json\r\n");
    (answer.status, text(&answer.body))
}

#[test]
fn a_member_tells_of_itself() {
    let expected = concat!(
        r#"{"name":"c3","id":"7","state":"StateLeader","startTime":"1970-01-01T00:00:01Z","#,
        r#""leaderInfo":{"leader":"7","uptime":"1h2m1.5s","startTime":"1970-01-01T00:00:02Z"},"#,
        r#""recvAppendRequestCnt":0,"sendAppendRequestCnt":10,"sendPkgRate":2.5,"sendBandwidthRate":125}"#,
    );
    assert_eq!(told("/v2/stats/self", leading()), (200, expected.to_owned()));
}

#[test]
fn a_member_without_a_leader_says_so() {
    let stats = MemberStats {
        role: Role::Candidate,
        leader: None,
        ..leading()
    };
    let (_, body) = told("/v2/stats/self", stats);
    let leader = r#""leaderInfo":{"leader":"","uptime":"0s","startTime":"0001-01-01T00:00:00Z"}"#;
    assert!(
        body.contains(leader) && body.contains(r#""state":"StateCandidate""#),
        "{body}"
    );
}

#[test]
fn a_leader_tells_of_its_followers() {
    let expected = concat!(
        r#"{"leader":"7","followers":{"ab":{"latency":{"current":0.5,"average":1,"standardDeviation":0.5,"#,
        r#""minimum":0.5,"maximum":1.5},"counts":{"fail":1,"success":2}}}}"#,
    );
    assert_eq!(told("/v2/stats/leader", leading()), (200, expected.to_owned()));
    let alone = MemberStats {
        followers: BTreeMap::new(),
        ..leading()
    };
    let expected = r#"{"leader":"7","followers":{}}"#;
    assert_eq!(told("/v2/stats/leader", alone), (200, expected.to_owned()));
}

#[test]
fn who_does_not_lead_has_no_followers() {
    let stats = MemberStats {
        role: Role::Follower,
        ..leading()
    };
    let expected = r#"{"message":"not current leader"}"#;
    assert_eq!(told("/v2/stats/leader", stats), (403, expected.to_owned()));
}

#[test]
fn the_trees_tallies_stand_in_etcds_order() {
    let expected = concat!(
        r#"{"getsSuccess":1,"getsFail":2,"setsSuccess":0,"setsFail":0,"deleteSuccess":0,"deleteFail":0,"#,
        r#""updateSuccess":0,"updateFail":0,"createSuccess":0,"createFail":0,"#,
        r#""compareAndSwapSuccess":0,"compareAndSwapFail":3,"compareAndDeleteSuccess":0,"compareAndDeleteFail":0,"#,
        r#""expireCount":4,"watchers":5}"#,
    );
    assert_eq!(told("/v2/stats/store", leading()), (200, expected.to_owned()));
}

#[test]
fn a_member_that_takes_no_part_says_why() {
    for target in ["/v2/stats/self", "/v2/stats/leader", "/v2/stats/store"] {
        let answer = rendered("GET", target, Err(Failure::Stopped));
        let body = r#"{"message":"etcdserver: server stopped"}"#;
        assert_eq!((answer.status, text(&answer.body).as_str()), (503, body));
    }
}

#[test]
fn lengths_of_time_are_gos() {
    let rows = [
        (0, "0s"),
        (999, "999ns"),
        (1_500, "1.5µs"),
        (2_000_000, "2ms"),
        (1_829_387_433, "1.829387433s"),
        (60_000_000_000, "1m0s"),
        (3_600_000_000_000, "1h0m0s"),
        (90_061_000_000_000, "25h1m1s"),
    ];
    for (nanos, expected) in rows {
        assert_eq!(go_duration(Duration::from_nanos(nanos)), expected);
    }
}
