//! A member's state is changed behind its back: it is named, answers nobody, and gets the others' state.

use super::*;
use crate::Doubt;
use crate::fence::NOBODY;
use storage::store::alarm::{Alarm, AlarmKind};

/// Three with a value, and nothing to do.
fn settled(size: u64) -> (Cluster, NodeId) {
    let mut cluster = Cluster::of(size);
    let leader = cluster.leader();
    let write = cluster.ask(leader, put("a", "right"));
    cluster.pass(Duration::from_secs(1));
    assert!(matches!(cluster.answer(write), Some(Ok(_))));
    (cluster, leader)
}

/// What no log says.
fn flip(cluster: &mut Cluster, id: NodeId) {
    let node = cluster.nodes.get_mut(&id).expect("a node");
    let Request::Write(command) = put("a", "wrong") else {
        panic!("a put is a write");
    };
    let _ = node.store.apply(node.store.time(), command);
}

fn another(cluster: &Cluster, leader: NodeId) -> NodeId {
    let mut ids = cluster.nodes.keys().copied();
    ids.find(|id| *id != leader).expect("a follower")
}

fn alarms(cluster: &Cluster, id: NodeId) -> Vec<Alarm> {
    cluster.nodes[&id].store().alarms().iter().copied().collect()
}

fn health(linearizable: bool) -> Request {
    let except = vec![];
    Request::Health { linearizable, except }
}

fn assert_equal(cluster: &Cluster) {
    let mut states = cluster
        .nodes
        .values()
        .map(|node| (node.applied(), node.store().fingerprint()));
    let first = states.next().expect("a node");
    assert!(states.all(|state| state == first), "all hold the same");
    assert!(cluster.nodes.values().all(|node| !node.is_fenced()));
    assert!(alarms(cluster, NodeId(1)).is_empty());
}

fn was_said(cluster: &Cluster, is: impl Fn(&Doubt) -> bool) -> Vec<NodeId> {
    let said = cluster.doubts.iter().filter(|(_, doubt)| is(doubt));
    said.map(|(id, _)| *id).collect()
}

#[test]
fn nobody_is_named_while_all_is_well() {
    let (mut cluster, leader) = settled(3);
    for _ in 0..600 {
        cluster.ask(leader, put("b", "value"));
        cluster.settle();
    }
    cluster.pass(Duration::from_secs(3));
    assert_eq!(cluster.doubts, []);
    assert_equal(&cluster);
}

#[test]
fn a_follower_that_differs_is_named_and_rebuilt() {
    let (mut cluster, leader) = settled(3);
    let victim = another(&cluster, leader);
    flip(&mut cluster, victim);
    cluster.ask(leader, put("b", "more"));
    cluster.pass(Duration::from_secs(8));
    assert_eq!(
        was_said(
            &cluster,
            |doubt| matches!(doubt, Doubt::Diverged(id, _) if *id == victim)
        ),
        [leader]
    );
    assert_eq!(
        was_said(&cluster, |doubt| matches!(doubt, Doubt::Fenced(_))),
        [victim]
    );
    assert_eq!(
        was_said(&cluster, |doubt| matches!(doubt, Doubt::Rebuilt(_))),
        [victim]
    );
    assert_equal(&cluster);
    let read = cluster.ask(victim, get("a"));
    cluster.pass(Duration::from_secs(1));
    assert!(matches!(cluster.answer(read), Some(Ok(_))));
}

#[test]
fn under_load_a_state_is_compared_every_so_many_entries() {
    let (mut cluster, leader) = settled(3);
    let victim = another(&cluster, leader);
    flip(&mut cluster, victim);
    for _ in 0..400 {
        for _ in 0..3 {
            cluster.ask(leader, put("b", "more"));
        }
        cluster.settle();
        cluster.now += 1000;
    }
    assert!(!was_said(&cluster, |doubt| matches!(doubt, Doubt::Rebuilt(_))).is_empty());
    cluster.pass(Duration::from_secs(2));
    assert_equal(&cluster);
}

#[test]
fn a_leader_that_differs_names_itself_and_hands_over() {
    let (mut cluster, leader) = settled(3);
    flip(&mut cluster, leader);
    cluster.ask(another(&cluster, leader), put("b", "more"));
    cluster.pass(Duration::from_secs(8));
    let namers = was_said(
        &cluster,
        |doubt| matches!(doubt, Doubt::Diverged(id, _) if *id == leader),
    );
    assert_eq!(namers, [leader]);
    assert!(!cluster.nodes[&leader].raft().is_leader());
    assert_equal(&cluster);
}

#[test]
fn who_is_named_answers_nobody_and_does_not_lead() {
    let (mut cluster, leader) = settled(3);
    let victim = another(&cluster, leader);
    flip(&mut cluster, victim);
    // What comes of the leader's state is never on its disk.
    cluster.snapshots_stalled = true;
    cluster.ask(leader, put("b", "more"));
    cluster.pass(Duration::from_secs(7));
    assert!(cluster.nodes[&victim].is_fenced());
    let refused = [get("a"), put("a", "x"), health(false), health(true)];
    for request in refused {
        let asked = cluster.ask(victim, request);
        cluster.settle();
        assert_eq!(cluster.answer(asked), Some(&Err(Failure::Corrupt)));
    }
    let status = cluster.ask(victim, Request::Status);
    cluster.settle();
    let Some(Ok(Answer::Status(status))) = cluster.answer(status) else {
        panic!("its status is told");
    };
    let named = Alarm {
        member: victim,
        kind: AlarmKind::Corrupt,
    };
    assert_eq!(status.alarms, [named]);
    // The others serve.
    let asked = cluster.ask(leader, get("a"));
    cluster.settle();
    assert!(matches!(cluster.answer(asked), Some(Ok(_))));
    // It votes, and does not stand.
    cluster.unreachable = vec![leader];
    cluster.pass(Duration::from_secs(6));
    let successor = cluster.nodes.values().filter(|node| node.raft().is_leader());
    let ids: Vec<NodeId> = successor.map(|node| node.config.raft.id).collect();
    assert!(!ids.contains(&victim));
    assert!(ids.iter().any(|id| *id != leader), "somebody leads with its vote");
}

#[test]
fn of_two_that_differ_nobody_is_named_and_nobody_answers() {
    let (mut cluster, leader) = settled(2);
    let victim = another(&cluster, leader);
    flip(&mut cluster, victim);
    cluster.ask(leader, put("b", "more"));
    cluster.pass(Duration::from_secs(12));
    for id in [leader, victim] {
        let kind = AlarmKind::Corrupt;
        assert_eq!(alarms(&cluster, id), [Alarm { member: NOBODY, kind }]);
        let asked = cluster.ask(id, get("a"));
        cluster.settle();
        assert_eq!(cluster.answer(asked), Some(&Err(Failure::Corrupt)));
    }
    assert!(!was_said(&cluster, |doubt| matches!(doubt, Doubt::NoMajority(_))).is_empty());
}

#[test]
fn with_the_third_back_a_majority_names_who_could_not_be_named() {
    let (mut cluster, leader) = settled(3);
    let victim = another(&cluster, leader);
    let third = cluster
        .nodes
        .keys()
        .copied()
        .find(|id| *id != leader && *id != victim);
    let third = third.expect("three");
    cluster.unreachable = vec![third];
    flip(&mut cluster, victim);
    cluster.ask(leader, put("b", "more"));
    cluster.pass(Duration::from_secs(12));
    assert!(cluster.nodes[&leader].is_fenced(), "nobody can be named");
    cluster.unreachable.clear();
    cluster.pass(Duration::from_secs(12));
    assert_equal(&cluster);
}

#[test]
fn a_wrong_leader_gives_its_state_to_nobody() {
    let (mut cluster, leader) = settled(5);
    let lagging = another(&cluster, leader);
    cluster.unreachable = vec![lagging];
    flip(&mut cluster, leader);
    // The log of memory goes, so that only a snapshot helps.
    let through = cluster.nodes[&leader].applied().index;
    for _ in 0..8 {
        cluster.ask(leader, put("b", "more"));
        cluster.settle();
    }
    let node = cluster.nodes.get_mut(&leader).expect("a node");
    let limits = raft_core::Limits {
        tail_bytes_max: 1,
        log_bytes_max: 1,
        ..raft_core::Limits::default()
    };
    node.raft.set_limits(limits);
    node.raft.compact(raft_core::Index(through.0 + 6));
    cluster.unreachable.clear();
    cluster.pass(Duration::from_secs(15));
    let named = was_said(&cluster, |doubt| matches!(doubt, Doubt::Diverged(..)));
    let who = was_said(
        &cluster,
        |doubt| matches!(doubt, Doubt::Diverged(id, _) if *id == leader),
    );
    assert!(
        !who.is_empty() && who == named,
        "the leader alone is named: {:?}",
        cluster.doubts
    );
    assert_equal(&cluster);
}

#[test]
fn an_alarm_of_a_removed_member_ends() {
    let (mut cluster, leader) = settled(3);
    let gone = another(&cluster, leader);
    let alarm = Alarm {
        member: gone,
        kind: AlarmKind::Corrupt,
    };
    cluster.unreachable = vec![gone];
    cluster.ask(leader, Request::Write(Command::Alarm { alarm, raised: true }));
    cluster.settle();
    assert_eq!(alarms(&cluster, leader), [alarm]);
    let node = cluster.nodes.get_mut(&leader).expect("a node");
    let change = raft_core::Change::Remove(gone);
    node.raft.change(&[change]).expect("it leads");
    cluster.pass(Duration::from_secs(2));
    assert_eq!(alarms(&cluster, leader), []);
}

/// One that boots with a log in which a naming stands that it does not know to be committed.
#[test]
fn a_naming_that_was_never_committed_fences_nobody_for_good() {
    let named = |log: &[u64], member: u64| {
        let mut cluster = Cluster::of(3);
        let node = cluster.nodes.remove(&NodeId(3)).expect("three");
        let proposal = crate::Proposal {
            origin: crate::Origin {
                node: NodeId(1),
                boot: Boot(1),
                ticket: 1,
            },
            command: Command::Alarm {
                alarm: Alarm {
                    member: NodeId(member),
                    kind: AlarmKind::Corrupt,
                },
                raised: true,
            },
        };
        let naming = crate::proposal::stamped(storage::store::command::ClusterTime(1), &proposal.encode());
        let entries = log.iter().zip(1..).map(|(&term, index)| raft_core::Entry {
            position: Position {
                term: Term(term),
                index: Index(index),
            },
            body: match index {
                3 => raft_core::Body::Command(naming.clone()),
                _ => raft_core::Body::Blank,
            },
        });
        let image = Image {
            snapshot: node.raft().mark().clone(),
            entries: entries.collect(),
            ..Image::default()
        };
        Node::boot(node.config, image, None, node.now)
    };
    assert!(!named(&[1, 1], 3).is_fenced());
    assert!(!named(&[1, 1, 1], 2).is_fenced(), "another");
    for member in [3, 0] {
        let mut node = named(&[1, 1, 1], member);
        assert!(node.is_fenced(), "it was, perhaps");
        // Another leader's log is shorter, and differs from the second entry on.
        let position = |term, index| Position {
            term: Term(term),
            index: Index(index),
        };
        let message = raft_core::Message::AppendEntries {
            prev: position(1, 1),
            entries: vec![raft_core::Entry {
                position: position(2, 2),
                body: raft_core::Body::Blank,
            }],
            commit: Index(2),
        };
        let from = NodeId(1);
        let said = raft_core::Envelope {
            from,
            to: NodeId(3),
            term: Term(2),
            message,
        };
        let message = PeerMessage {
            from,
            from_boot: Boot(1),
            to: NodeId(3),
            parts: vec![crate::Part::Raft(said)],
        };
        node.handle(node.now, Input::Message(message));
        while node.poll().is_some() {}
        assert_eq!(node.applied(), position(2, 2));
        assert!(!node.is_fenced(), "it was not");
    }
}
