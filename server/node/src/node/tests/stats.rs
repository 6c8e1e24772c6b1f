//! What members tell of themselves.

use storage::store::command::{TreeChange, TreeContent};

use super::*;
use crate::{Checks, MemberStats, Role};

fn change(path: &'static str, change: TreeChange) -> Request {
    let path = path.into();
    Request::Write(Command::Tree { path, change })
}

fn set(path: &'static str) -> Request {
    change(path, TreeChange::Set(TreeContent::File("v".into()).into()))
}

impl Cluster {
    fn stats(&mut self, id: NodeId) -> MemberStats {
        let asked = self.ask(id, Request::Stats);
        match self.answer(asked) {
            Some(Ok(Answer::Stats(stats))) => *stats.clone(),
            other => panic!("{other:?}"),
        }
    }

    fn checks(&mut self, id: NodeId, linearizable: bool) -> Checks {
        let asked = self.ask(id, Request::Checks { linearizable });
        self.settle();
        if self.answer(asked).is_none() {
            self.pass(Duration::from_millis(1100));
        }
        match self.answer(asked) {
            Some(Ok(Answer::Checks(checks))) => checks.clone(),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn changes_of_the_tree_are_counted_everywhere_and_reads_where_they_are_asked() {
    let mut cluster = Cluster::of(3);
    let leader = cluster.leader();
    let follower = *cluster.nodes.keys().find(|id| **id != leader).unwrap();
    let delete = TreeChange::Delete {
        dir: false,
        recursive: false,
    };
    for request in [set("/a"), set("/b"), set("/a/x"), change("/b", delete)] {
        cluster.ask(leader, request);
        cluster.settle();
    }
    let query = Query::Tree {
        path: "/none".into(),
        recursive: false,
    };
    cluster.ask(
        follower,
        Request::Read {
            query,
            linearizable: true,
        },
    );
    cluster.settle();
    for (id, refused) in [(leader, 0), (follower, 1)] {
        let tree = cluster.stats(id).tree;
        assert_eq!((tree.sets.done, tree.sets.refused), (2, 1));
        assert_eq!((tree.deletes.done, tree.gets.refused), (1, refused));
    }
}

#[test]
fn a_leader_knows_its_followers_and_a_follower_its_leader() {
    let mut cluster = Cluster::of(3);
    let leader = cluster.leader();
    cluster.ask(leader, set("/a"));
    cluster.settle();
    let led = cluster.stats(leader);
    assert_eq!((led.role, led.name), (Role::Leader, format!("n{}", leader.0)));
    assert_eq!(led.followers.len(), 3);
    for (id, stats) in &led.followers {
        assert_eq!((stats.matched, stats.failed), (led.commit, 0));
        assert_eq!(stats.latency.count > 0, *id != leader);
    }
    assert!(led.sent.count > 0 && led.sent.bytes > 0);
    let follower = *led.followers.keys().find(|id| **id != leader).unwrap();
    let follows = cluster.stats(follower);
    assert_eq!(follows.leader.map(|(leader, _)| leader), Some(leader));
    assert_eq!(follows.role, Role::Follower);
    assert!(follows.received.count > 0 && follows.followers.is_empty());
}

#[test]
fn who_has_no_quorum_is_alive_and_not_ready() {
    let mut cluster = Cluster::of(3);
    let leader = cluster.leader();
    let well = Checks {
        corrupt: false,
        learner: false,
        serializable: None,
        linearizable: None,
    };
    assert_eq!(cluster.checks(leader, true), well);
    cluster.unreachable = cluster.nodes.keys().copied().filter(|id| *id != leader).collect();
    let alone = cluster.checks(leader, true);
    assert_eq!(
        alone,
        Checks {
            linearizable: Some(Failure::Timeout),
            ..well.clone()
        }
    );
    assert_eq!(cluster.checks(leader, false), well);
    cluster.pass(Duration::from_secs(3));
    let leaderless = cluster.checks(leader, true);
    assert_eq!(leaderless.linearizable, Some(Failure::NoLeader));
}
