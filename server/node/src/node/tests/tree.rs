//! v2 nodes that end when their time is over, over a whole cluster.

use storage::store::command::{TreeAction, TreeChange, TreeContent, TreeEvent, TreeWrite};

use super::*;

fn set(path: &str, ttl: u64) -> Request {
    Request::Write(Command::Tree {
        path: Bytes::copy_from_slice(path.as_bytes()),
        change: TreeChange::Set(TreeWrite {
            content: TreeContent::File("v".into()),
            ttl: Some(ttl),
            refresh: false,
        }),
    })
}

impl Cluster {
    fn tree_done(&mut self, id: NodeId, request: Request) -> TreeEvent {
        let asked = self.ask(id, request);
        self.settle();
        match self.answer(asked) {
            Some(Ok(Answer::Done(Outcome::Tree(event)) | Answer::Found(Found::Tree(event)))) => event.clone(),
            other => panic!("{other:?}"),
        }
    }

    /// The seconds that are left to a file, by a member's own state and clock; None if it is not there.
    fn left(&mut self, id: NodeId, path: &'static str) -> Option<i64> {
        let query = Query::Tree {
            path: path.into(),
            recursive: false,
        };
        let asked = self.ask(
            id,
            Request::Read {
                query,
                linearizable: false,
            },
        );
        match self.answer(asked).expect("it is answered at once") {
            Ok(Answer::Found(Found::Tree(event))) => event.node.ttl(event.time),
            Err(Failure::Store(command::Failure::Tree(_))) => None,
            other => panic!("{other:?}"),
        }
    }

    fn follower(&mut self) -> NodeId {
        let leader = self.leader();
        *self.nodes.keys().find(|id| **id != leader).expect("a follower")
    }
}

#[test]
fn a_node_ends_when_its_time_is_over_on_every_member() {
    let mut cluster = Cluster::of(3);
    let follower = cluster.follower();
    let made = cluster.tree_done(follower, set("/f", 2));
    let end = made.node.expiration.expect("it ends").0 / 1000;
    assert!(end <= cluster.now + 2_000_000);
    let index = made.index();
    for (id, left) in [(1, 2), (2, 2), (3, 2)] {
        assert_eq!(cluster.left(NodeId(id), "/f"), Some(left));
    }
    cluster.pass(Duration::from_millis(1200));
    assert_eq!(
        cluster.left(follower, "/f"),
        Some(1),
        "time goes on while nobody writes"
    );
    cluster.pass(Duration::from_micros(end - 10_000 - cluster.now));
    assert_eq!(cluster.left(follower, "/f"), Some(1));
    let leader = cluster.leader();
    let deadline = cluster.nodes[&leader].deadline();
    assert!(deadline <= Time(end), "the leader wakes up for it");
    cluster.pass(Duration::from_millis(100));
    for id in [1, 2, 3].map(NodeId) {
        assert_eq!(cluster.left(id, "/f"), None);
        let store = cluster.nodes[&id].store();
        assert_eq!(store.tree_index(), index + 1);
        let event = store.tree_event(index + 1, b"/f", false).unwrap();
        assert_eq!(event.map(|event| event.action), Some(TreeAction::Expire));
    }
}

#[test]
fn nothing_is_proposed_before_its_time_and_nothing_twice() {
    let mut cluster = Cluster::of(1);
    let only = cluster.leader();
    cluster.tree_done(only, set("/f", 10));
    let last = cluster.nodes[&only].raft().last();
    cluster.pass(Duration::from_secs(9));
    assert_eq!(cluster.nodes[&only].raft().last(), last);
    cluster.stalled = vec![only];
    cluster.pass(Duration::from_secs(3));
    assert_eq!(
        cluster.nodes[&only].raft().last().index.0,
        last.index.0 + 1,
        "once, though the disk takes its time"
    );
    assert!(cluster.nodes[&only].store().tree_expiration().is_some());
}

#[test]
fn a_new_leader_ends_what_is_over() {
    let mut cluster = Cluster::of(3);
    let old = cluster.leader();
    cluster.tree_done(old, set("/f", 1));
    cluster.tree_done(old, set("/g", 30));
    cluster.unreachable = vec![old];
    cluster.pass(Duration::from_secs(5));
    let new = cluster.leader();
    assert_eq!(cluster.left(new, "/f"), None);
    assert!(
        cluster.left(old, "/f").is_some_and(|left| left < 0),
        "it has no quorum"
    );
    cluster.unreachable.clear();
    cluster.pass(Duration::from_secs(1));
    assert_eq!(cluster.left(old, "/f"), None);
    let newer = cluster.follower();
    cluster.pass(Duration::from_secs(30));
    assert_eq!(cluster.left(newer, "/g"), None, "and goes on doing so");
}

#[test]
fn very_many_that_end_at_once_go_by_and_by() {
    let mut cluster = Cluster::of(3);
    let leader = cluster.leader();
    for number in 0..3000 {
        cluster.ask(leader, set(&format!("/dir/{number}"), 5));
    }
    cluster.settle();
    let index = cluster.nodes[&leader].store().tree_index();
    cluster.pass(Duration::from_secs(4));
    assert_eq!(cluster.nodes[&leader].store().tree_index(), index);
    let asked = {
        cluster.pass(Duration::from_millis(990));
        cluster.ask(leader, set("/other", 100))
    };
    cluster.pass(Duration::from_secs(1));
    assert!(matches!(cluster.answer(asked), Some(Ok(_))));
    let fingerprints: Vec<u64> = cluster.nodes.values().map(|n| n.store().fingerprint()).collect();
    for node in cluster.nodes.values() {
        assert_eq!(node.store().tree_index(), index + 3001);
        assert_eq!(node.store().fingerprint(), fingerprints[0]);
    }
}
