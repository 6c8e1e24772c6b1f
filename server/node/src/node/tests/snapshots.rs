//! Own snapshots, and those from a leader.

use super::*;
use raft_core::{Envelope, Message};

/// A cluster that snapshots every ten entries and keeps next to nothing of the log in memory.
fn forgetful(size: u64) -> Cluster {
    Cluster::with(size, |config| {
        config.snapshots.entries_max = 10;
        config.raft.limits.log_bytes_max = 100;
        config.raft.limits.tail_bytes_max = 1;
        config.raft.limits.chunk_bytes_max = 100;
    })
}

fn write_many(cluster: &mut Cluster, through: NodeId, count: usize) {
    for _ in 0..count {
        let write = cluster.ask(through, put("a", "some value"));
        cluster.settle();
        assert!(matches!(cluster.answer(write), Some(Ok(_))));
    }
}

fn marks(cluster: &Cluster, id: NodeId) -> Vec<u64> {
    let snapshots = cluster.snapshots.get(&id).into_iter().flatten();
    snapshots.map(|(mark, _)| mark.index.0).collect()
}

fn another(cluster: &Cluster, leader: NodeId) -> NodeId {
    let mut ids = cluster.nodes.keys().copied();
    ids.find(|id| *id != leader).expect("a follower")
}

fn assert_caught_up(cluster: &Cluster, id: NodeId, leader: NodeId) {
    let (ahead, caught_up) = (&cluster.nodes[&leader], &cluster.nodes[&id]);
    assert_eq!(caught_up.applied(), ahead.applied());
    assert_eq!(caught_up.store().fingerprint(), ahead.store().fingerprint());
    let installed = cluster.snapshots[&id].iter().any(|(_, own)| own.is_none());
    assert!(installed, "by a snapshot");
}

#[test]
fn every_so_many_entries_are_a_snapshot_and_the_last_two_are_kept() {
    let mut cluster = forgetful(1);
    let one = cluster.leader();
    write_many(&mut cluster, one, 8);
    assert_eq!(
        marks(&cluster, one),
        [10],
        "a blank entry, its name, eight writes"
    );
    assert_eq!(cluster.dropped_before.get(&one), None, "the only one may rot");
    write_many(&mut cluster, one, 20);
    assert_eq!(marks(&cluster, one), [10, 20, 30]);
    assert_eq!(cluster.dropped_before[&one], Index(20));
    let (mark, view) = &cluster.snapshots[&one][1];
    let revision = view.as_ref().expect("its own").revision().0;
    assert_eq!(
        (mark.index, revision),
        (Index(20), 19),
        "the state as of its mark"
    );
    assert!(
        cluster.nodes[&one].raft().mark().position.index >= Index(29),
        "memory forgets"
    );
}

#[test]
fn bytes_count_too_and_a_large_state_is_written_less_often() {
    let mut cluster = Cluster::with(1, |config| config.snapshots.bytes_min = 1000);
    let one = cluster.leader();
    write_many(&mut cluster, one, 20);
    let small = marks(&cluster, one).len();
    assert!((1..=3).contains(&small), "{small} of 20 writes");
    let large = Command::Put(Put {
        key: Bytes::from("large"),
        value: Bytes::from(vec![7; 10_000]),
        previous: false,
        ignore_value: false,
        ignore_lease: false,
        lease: LeaseId::NONE,
    });
    cluster.ask(one, Request::Write(large));
    cluster.settle();
    assert_eq!(marks(&cluster, one).len(), small + 1);
    write_many(&mut cluster, one, 40);
    assert_eq!(marks(&cluster, one).len(), small + 1, "less than the state");
    write_many(&mut cluster, one, 200);
    assert_eq!(marks(&cluster, one).len(), small + 2);
}

#[test]
fn one_snapshot_is_on_its_way_at_a_time() {
    let mut cluster = forgetful(1);
    let one = cluster.leader();
    cluster.snapshots_stalled = true;
    write_many(&mut cluster, one, 50);
    assert_eq!(marks(&cluster, one), [10]);
    let (mark, _) = cluster.snapshots[&one][0];
    cluster.input(one, Input::SnapshotSaved(mark));
    assert_eq!(marks(&cluster, one), [10, 52], "the next is of the present state");
}

#[test]
fn a_snapshot_that_could_not_be_saved_is_tried_again_later() {
    let mut cluster = forgetful(1);
    let one = cluster.leader();
    cluster.snapshots_stalled = true;
    write_many(&mut cluster, one, 10);
    let (mark, _) = cluster.snapshots[&one][0];
    cluster.input(one, Input::SnapshotGivenUp(mark));
    write_many(&mut cluster, one, 20);
    assert_eq!(marks(&cluster, one), [10], "the disk is given time");
    cluster.pass(Duration::from_secs(10));
    assert_eq!(marks(&cluster, one), [10, 32]);
}

#[test]
fn a_snapshot_waits_until_the_log_is_durable_up_to_it() {
    let mut cluster = forgetful(3);
    let leader = cluster.leader();
    cluster.pass(Duration::from_secs(1));
    // Its own disk is slow: the others make a quorum, and it applies what it has not saved.
    cluster.stalled = vec![leader];
    write_many(&mut cluster, leader, 20);
    let node = &cluster.nodes[&leader];
    let (applied, durable) = (node.applied().index, node.raft().durable_index());
    assert!(applied > durable);
    let newest = marks(&cluster, leader).last().copied().unwrap_or_default();
    assert!(newest <= durable.0, "{newest} of {durable}");
    cluster.stalled.clear();
    while let Some((id, stamp)) = cluster.stalled_saves.pop() {
        cluster.input(id, Input::Saved(stamp));
    }
    cluster.settle();
    assert!(marks(&cluster, leader).last().copied() > Some(newest));
}

#[test]
fn who_was_away_too_long_gets_a_snapshot_and_tells_its_clients_that_it_does_not_know() {
    let mut cluster = forgetful(3);
    let leader = cluster.leader();
    cluster.pass(Duration::from_secs(1));
    let away = another(&cluster, leader);
    cluster.unreachable = vec![away];
    let unknown = cluster.ask(away, put("b", "perhaps"));
    write_many(&mut cluster, leader, 40);
    let mark = cluster.nodes[&leader].raft().mark().position.index;
    assert!(mark > cluster.nodes[&away].raft().last().index);
    cluster.unreachable.clear();
    cluster.pass(Duration::from_secs(2));
    assert_caught_up(&cluster, away, leader);
    assert_eq!(cluster.answer(unknown), Some(&Err(Failure::Timeout)));
    assert_eq!(cluster.nodes[&away].waiting(), 0);
    // It serves on, and nobody holds a view for it any more.
    write_many(&mut cluster, away, 1);
    assert!(cluster.nodes.values().all(|node| !node.sending.holds_views()));
}

/// Changes a bit of a piece, and its checksum with it: what a leader with bad memory sends.
fn spoil(message: &mut PeerMessage) -> bool {
    for part in &mut message.parts {
        let Part::Raft(Envelope { message, .. }) = part else {
            continue;
        };
        if let Message::InstallSnapshot {
            data,
            checksum,
            offset: 0,
            ..
        } = message
            && !data.is_empty()
        {
            let mut bytes = data.to_vec();
            *bytes.last_mut().expect("it is not empty") ^= 1;
            *checksum = crc32c::crc32c(&bytes);
            *data = bytes.into();
            return true;
        }
    }
    false
}

#[test]
fn a_snapshot_that_is_not_sound_is_refused_and_begins_anew() {
    let mut cluster = forgetful(3);
    for node in cluster.nodes.values_mut() {
        let mut limits = node.raft.limits();
        limits.chunk_bytes_max = PIECE_BYTES_MAX;
        node.raft.set_limits(limits);
    }
    let leader = cluster.leader();
    cluster.pass(Duration::from_secs(1));
    let away = another(&cluster, leader);
    cluster.unreachable = vec![away];
    write_many(&mut cluster, leader, 40);
    cluster.unreachable.clear();
    let mut spoilt = 0;
    for _ in 0..300 {
        cluster.now += 10_000;
        for id in cluster.nodes.keys().copied().collect::<Vec<_>>() {
            cluster.input(id, Input::Tick);
        }
        while let Some(mut message) = cluster.wire.pop_front() {
            spoilt += usize::from(spoilt < 2 && spoil(&mut message));
            cluster.input(message.to, Input::Message(message));
        }
    }
    let refused: Vec<NodeId> = cluster.refused.iter().map(|(id, _)| *id).collect();
    assert_eq!(refused, [away, away]);
    assert!(
        cluster.refused[0].1.contains("checksum"),
        "{}",
        cluster.refused[0].1
    );
    assert_caught_up(&cluster, away, leader);
}

#[test]
fn pieces_that_come_faster_than_the_disk_takes_them_are_not_taken() {
    let mut cluster = forgetful(3);
    let node = cluster.nodes.get_mut(&NodeId(1)).expect("a node");
    let piece = |data: &'static [u8]| Envelope {
        from: NodeId(2),
        to: NodeId(1),
        term: Term(1),
        message: Message::InstallSnapshot {
            mark: Box::default(),
            offset: 0,
            data: Bytes::from_static(data),
            checksum: 0,
            last: false,
        },
    };
    assert!(!node.receiving.is_too_much(&piece(b"x")));
    node.receiving.given(9 << 20);
    assert!(node.receiving.is_too_much(&piece(b"x")));
    assert!(!node.receiving.is_too_much(&piece(b"")), "a question");
    node.handle(node.now, Input::PiecesWritten(2 << 20));
    assert!(!node.receiving.is_too_much(&piece(b"x")));
}

#[test]
fn a_node_boots_from_a_snapshot_and_the_entries_after_it() {
    let mut cluster = forgetful(1);
    let one = cluster.leader();
    write_many(&mut cluster, one, 8);
    let (mark, view) = cluster
        .snapshots
        .get_mut(&one)
        .and_then(Vec::pop)
        .expect("a snapshot");
    let node = &cluster.nodes[&one];
    let image = Image {
        snapshot: node.raft().mark_at(mark.index).expect("its mark"),
        commit: mark.index,
        ..Image::default()
    };
    let booted = Node::boot(node.config.clone(), image, view, node.now);
    assert_eq!(booted.applied(), mark);
    assert_eq!(booted.store().fingerprint(), node.store().fingerprint());
}
