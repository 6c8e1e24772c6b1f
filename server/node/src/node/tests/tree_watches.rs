//! Watches of the v2 tree.

use storage::store::command::{TreeChange, TreeContent, TreeErrorCode};

use super::*;
use crate::{Told, Watch};

fn tree(path: &str, change: TreeChange) -> Request {
    Request::Write(Command::Tree {
        path: Bytes::copy_from_slice(path.as_bytes()),
        change,
    })
}

fn set(path: &str) -> Request {
    tree(path, TreeChange::Set(TreeContent::File("v".into()).into()))
}

fn watch(path: &str, recursive: bool, from: Option<u64>, once: bool) -> Request {
    Request::Watch(Watch::Tree {
        path: Bytes::copy_from_slice(path.as_bytes()),
        recursive,
        from,
        once,
    })
}

impl Cluster {
    fn write(&mut self, id: NodeId, request: Request) {
        let asked = self.ask(id, request);
        self.settle();
        assert!(
            matches!(self.answer(asked), Some(Ok(_))),
            "{:?}",
            self.answer(asked)
        );
    }

    /// The indexes that a watcher was told of.
    fn told(&self, watcher: RequestId) -> Vec<u64> {
        let own = self
            .events
            .iter()
            .filter(|(to, _)| to.contains(&(ClientId(1), watcher)));
        let events = own.flat_map(|(_, events)| match &events.told {
            Told::Tree(events) => events.clone(),
            Told::Keys(_) => panic!("told of keys"),
        });
        events.map(|event| event.index()).collect()
    }
}

#[test]
fn who_watches_one_key_is_told_with_all_the_others_at_once() {
    let mut cluster = Cluster::of(3);
    let leader = cluster.leader();
    let follower = *cluster.nodes.keys().find(|id| **id != leader).unwrap();
    let watchers: Vec<RequestId> = (0..100)
        .map(|_| cluster.ask(follower, watch("/a/b", false, None, true)))
        .collect();
    let other = cluster.ask(follower, watch("/a/c", false, None, true));
    cluster.write(leader, set("/a/b"));
    cluster.settle();
    assert_eq!(cluster.events.len(), 1);
    let index = cluster.nodes[&leader].store().tree_index();
    for watcher in watchers {
        assert_eq!(cluster.told(watcher), [index]);
    }
    assert_eq!(cluster.told(other), [0; 0]);
    assert_eq!(
        cluster.nodes[&follower].watches.tree.len(),
        1,
        "one event ends a watch"
    );
}

#[test]
fn a_stream_from_the_past_goes_on_without_a_gap() {
    let mut cluster = Cluster::of(1);
    let id = NodeId(1);
    let first = cluster.nodes[&id].store().tree_index() + 1;
    for path in ["/d/a", "/e", "/d/b"] {
        cluster.write(id, set(path));
    }
    let once = cluster.ask(id, watch("/d", true, Some(first + 1), true));
    let stream = cluster.ask(id, watch("/d", true, Some(first), false));
    let future = cluster.ask(id, watch("/d", true, Some(first + 4), false));
    for path in ["/d/c", "/d/a"] {
        cluster.write(id, set(path));
    }
    assert_eq!(cluster.told(once), [first + 2]);
    assert_eq!(cluster.told(stream), [first, first + 2, first + 3, first + 4]);
    assert_eq!(cluster.told(future), [first + 4]);
}

#[test]
fn what_is_not_known_any_more_is_refused() {
    let mut cluster = Cluster::of(1);
    let id = NodeId(1);
    for _ in 0..1001 {
        cluster.write(id, set("/a"));
    }
    let asked = cluster.ask(id, watch("/a", false, Some(1), true));
    let Some(Err(Failure::Store(command::Failure::Tree(why)))) = cluster.answer(asked) else {
        panic!("{:?}", cluster.answer(asked));
    };
    assert_eq!(why.code, TreeErrorCode::EventIndexCleared);
    let index = cluster.nodes[&id].store().tree_index();
    let oldest = cluster.ask(id, watch("/a", false, Some(index - 999), true));
    assert_eq!(cluster.told(oldest), [index - 999]);
}

#[test]
fn who_is_gone_or_takes_nothing_is_forgotten_at_once() {
    let mut cluster = Cluster::of(1);
    let id = NodeId(1);
    let count = |cluster: &Cluster| cluster.nodes[&id].watches.tree.len();
    cluster.ask(id, watch("/a", false, None, false));
    cluster.ask(id, watch("/b", true, None, true));
    assert_eq!(count(&cluster), 2);
    cluster.input(id, Input::ClientGone(ClientId(1)));
    assert_eq!(count(&cluster), 0);
    let slow = cluster.ask(id, watch("/a", false, None, false));
    cluster.input(id, Input::Crowded(ClientId(1)));
    assert_eq!(count(&cluster), 0);
    let ended = cluster
        .replies
        .iter()
        .rev()
        .find(|(_, request, _)| *request == slow);
    assert!(matches!(
        ended.map(|(.., response)| &response.result),
        Some(Ok(Answer::WatchEnded { compacted: None }))
    ));
}
