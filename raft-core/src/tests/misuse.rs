//! What a host asks amiss is refused by name, and changes nothing.

use std::time::Duration;

use bytes::Bytes;

use crate::*;

/// One of two voters.
fn raft(config: Config) -> Raft {
    let membership = Membership::of_voters((1..=2).map(|id| (NodeId(id), vec![])));
    let snapshot = SnapshotMark {
        membership,
        ..SnapshotMark::default()
    };
    let image = Image {
        snapshot,
        ..Image::default()
    };
    Raft::boot(config, image, Time(0))
}

fn outputs(raft: &mut Raft) -> Vec<Output> {
    std::iter::from_fn(|| raft.poll()).collect()
}

/// Goes on to what is due next; returns the Save that this asks for, if any.
fn go_on(raft: &mut Raft) -> Option<Stamp> {
    raft.tick(raft.deadline());
    outputs(raft).into_iter().find_map(|output| match output {
        Output::Save(save) => Some(save.stamp),
        _ => None,
    })
}

#[test]
fn only_the_save_in_flight_is_taken_for_saved() {
    let config = Config {
        pre_vote: false,
        ..Config::new(NodeId(1), 1)
    };
    let mut raft = raft(config);
    let refused = |raft: &mut Raft, stamp, in_flight| {
        let before = raft.fingerprint();
        assert_eq!(raft.saved(stamp), Err(Misuse::NotInFlight { stamp, in_flight }));
        assert_eq!(raft.fingerprint(), before);
    };
    refused(&mut raft, Stamp(0), None);
    refused(&mut raft, Stamp(1), None);
    let stamp = go_on(&mut raft).expect("it votes for itself");
    refused(&mut raft, stamp.next(), Some(stamp));
    assert_eq!(raft.saved(stamp), Ok(()));
    refused(&mut raft, stamp, None);
}

#[test]
fn only_the_last_chunk_is_empty_and_nothing_has_no_checksum() {
    let mut raft = raft(Config::new(NodeId(1), 1));
    let chunk = Chunk {
        offset: 3,
        checksum_before: 7,
        data: Bytes::new(),
        last: false,
    };
    let mut supply = |chunk| raft.supply_chunk(NodeId(2), Position::default(), chunk);
    assert_eq!(supply(chunk.clone()), Err(Misuse::EmptyChunk { offset: 3 }));
    let first = Chunk {
        offset: 0,
        last: true,
        ..chunk.clone()
    };
    let checksum_before = 7;
    assert_eq!(supply(first), Err(Misuse::ChecksumOfNothing { checksum_before }));
    assert_eq!(
        supply(Chunk { last: true, ..chunk }),
        Ok(()),
        "nobody asked, and nobody minds"
    );
}

#[test]
fn time_goes_on_whatever_the_settings() {
    let config = Config {
        heartbeat_interval: Duration::ZERO,
        election_timeout: Duration::ZERO,
        pre_vote: false,
        check_quorum: false,
        ..Config::new(NodeId(1), 1)
    };
    let mut raft = raft(config);
    let stamp = go_on(&mut raft).expect("it votes for itself");
    raft.saved(stamp).expect("it is in flight");
    outputs(&mut raft);
    let vote = Message::RequestVoteReply(VoteAnswer::Granted);
    let envelope = Envelope {
        from: NodeId(2),
        to: NodeId(1),
        term: raft.term(),
        message: vote,
    };
    raft.receive(raft.deadline(), envelope);
    assert!(raft.is_leader());
    outputs(&mut raft);
    for _ in 0..100 {
        let due = raft.deadline();
        raft.tick(due);
        outputs(&mut raft);
        assert!(raft.deadline() > due);
    }
}
