//! No message makes a core panic, whatever it says and whenever it comes. An alarm may be raised: that is its answer to
//! a lie that can be proved.

use bytes::Bytes;
use proptest::prelude::*;

use super::cluster::Cluster;
use crate::*;

const SIZE: u64 = 3;

#[derive(Clone, Debug)]
enum Step {
    Forge(Envelope),
    Deliver(usize),
    Repeat(usize),
    Lose(usize),
    Saved(NodeId),
    Tick(NodeId),
    Propose(NodeId, usize),
    Read(NodeId),
    Serve(NodeId),
    Offer(NodeId, NodeId, Position),
    Supply(NodeId, NodeId, Position, Chunk),
    BeginSnapshot(NodeId),
    EndSnapshot(NodeId),
    Compact(NodeId, Index),
    Unusable(NodeId, Position),
    Restart(NodeId, bool),
}

/// Small numbers are those of a young cluster; the others are where sums overflow.
fn number() -> impl Strategy<Value = u64> {
    prop_oneof![8 => 0u64..7, 1 => (1u64 << 63) - 2..(1 << 63) + 2, 1 => u64::MAX - 2..=u64::MAX, 1 => any::<u64>()]
}

fn position() -> impl Strategy<Value = Position> {
    (number(), number()).prop_map(|(term, index)| Position {
        term: Term(term),
        index: Index(index),
    })
}

fn body() -> impl Strategy<Value = Body> {
    prop_oneof![
        Just(Body::Blank),
        (0usize..40).prop_map(|len| Body::Command(Bytes::from(vec![b'f'; len]))),
        prop::collection::btree_set((0u64..5).prop_map(NodeId), 0..4).prop_map(|voters| Body::Change(
            Box::new(Membership::of_voters(voters.into_iter().map(|id| (id, vec![]))))
        )),
    ]
}

/// Mostly without a gap after `prev`, so that they are not refused at first sight.
fn append() -> impl Strategy<Value = Message> {
    let entry = (body(), 0u64..3, prop::option::weighted(0.05, position()));
    (position(), prop::collection::vec(entry, 0..4), number()).prop_map(|(prev, entries, commit)| {
        let mut last = prev;
        let mut place = |(body, later, anywhere): (Body, u64, Option<Position>)| {
            let next = Position {
                term: Term(last.term.0.saturating_add(later / 2)),
                index: Index(last.index.0.wrapping_add(1)),
            };
            last = anywhere.unwrap_or(next);
            Entry { position: last, body }
        };
        Message::AppendEntries {
            prev,
            entries: entries.into_iter().map(&mut place).collect(),
            commit: Index(commit),
        }
    })
}

fn vote_answer() -> impl Strategy<Value = VoteAnswer> {
    prop_oneof![
        Just(VoteAnswer::Granted),
        Just(VoteAnswer::Refused),
        position().prop_map(|last| VoteAnswer::Behind { last }),
    ]
}

fn message() -> impl Strategy<Value = Message> {
    let outcome = prop_oneof![
        number().prop_map(|index| AppendOutcome::Matched(Index(index))),
        (position(), position()).prop_map(|(prev, hint)| AppendOutcome::Rejected { prev, hint }),
    ];
    prop_oneof![
        (position(), any::<bool>()).prop_map(|(last, transfer)| Message::RequestVote { last, transfer }),
        vote_answer().prop_map(Message::RequestVoteReply),
        position().prop_map(|last| Message::RequestPreVote { last }),
        vote_answer().prop_map(Message::RequestPreVoteReply),
        position().prop_map(|after| Message::RequestEntries { after }),
        (append(), prop::option::of(position())).prop_map(|(append, after)| match append {
            Message::AppendEntries { prev, entries, .. } => Message::Entries {
                after: after.unwrap_or(prev),
                prev,
                entries
            },
            other => other,
        }),
        Just(Message::TimeoutNow),
        append(),
        outcome.prop_map(Message::AppendEntriesReply),
        snapshot_reply(),
        (number(), number()).prop_map(|(round, commit)| Message::Heartbeat {
            round: Round(round),
            commit: Index(commit),
        }),
        number().prop_map(|round| Message::HeartbeatReply {
            round: Round(round),
            understands: Version(0)
        }),
        (number(), number()).prop_map(|(boot, id)| Message::ReadIndex {
            boot: Boot(boot),
            id: ReadId(id)
        }),
        (number(), number(), number()).prop_map(|(boot, id, index)| Message::ReadIndexReply {
            boot: Boot(boot),
            id: ReadId(id),
            index: Index(index),
        }),
    ]
}

fn voters() -> impl Strategy<Value = Membership> {
    let ids = prop::collection::btree_set((0u64..5).prop_map(NodeId), 0..4);
    ids.prop_map(|ids| Membership::of_voters(ids.into_iter().map(|id| (id, vec![]))))
}

/// Whole snapshots of no entries, pieces of others, and questions; mostly with the right checksum.
fn snapshot() -> impl Strategy<Value = Message> {
    let data = prop_oneof![
        3 => Just(Bytes::from_static(&[0, 0])),
        1 => Just(Bytes::new()),
        1 => (1usize..9).prop_map(|len| vec![b'f'; len].into()),
    ];
    let place = prop_oneof![4 => Just(0), 1 => number()];
    let checksum = prop::option::weighted(0.2, any::<u32>());
    let last = prop::bool::weighted(0.7);
    (position(), voters(), place, data, checksum, last).prop_map(
        |(position, membership, offset, data, checksum, last)| Message::InstallSnapshot {
            mark: Box::new(SnapshotMark { position, membership }),
            offset,
            checksum: checksum.unwrap_or_else(|| crc32c::crc32c(&data)),
            data,
            last,
        },
    )
}

fn snapshot_reply() -> impl Strategy<Value = Message> {
    let outcome = prop_oneof![
        Just(InstallOutcome::Installed),
        (number(), any::<u32>())
            .prop_map(|(offset, checksum)| InstallOutcome::Receiving { offset, checksum }),
    ];
    (position(), outcome).prop_map(|(mark, outcome)| Message::InstallSnapshotReply { mark, outcome })
}

fn chunk() -> impl Strategy<Value = Chunk> {
    (number(), any::<u32>(), 0usize..9).prop_map(|(offset, checksum, len)| Chunk {
        offset,
        checksum_before: if offset == 0 { 0 } else { checksum },
        data: vec![b's'; len].into(),
        last: len == 0,
    })
}

fn envelope() -> impl Strategy<Value = Envelope> {
    (
        0..SIZE + 2,
        1..=SIZE,
        number(),
        prop_oneof![3 => message(), 1 => snapshot()],
    )
        .prop_map(|(from, to, term, message)| Envelope {
            from: NodeId(from),
            to: NodeId(to),
            term: Term(term),
            message,
        })
}

fn step() -> impl Strategy<Value = Step> {
    let id = || (1..=SIZE).prop_map(NodeId);
    prop_oneof![
        4 => envelope().prop_map(Step::Forge),
        8 => any::<usize>().prop_map(Step::Deliver),
        1 => any::<usize>().prop_map(Step::Repeat),
        1 => any::<usize>().prop_map(Step::Lose),
        4 => id().prop_map(Step::Saved),
        2 => id().prop_map(Step::Tick),
        2 => (id(), 0usize..60).prop_map(|(id, len)| Step::Propose(id, len)),
        1 => id().prop_map(Step::Read),
        2 => id().prop_map(Step::Serve),
        1 => (id(), id(), position()).prop_map(|(id, peer, mark)| Step::Offer(id, peer, mark)),
        1 => (id(), id(), position(), chunk()).prop_map(|(id, peer, mark, chunk)| Step::Supply(id, peer, mark, chunk)),
        1 => id().prop_map(Step::BeginSnapshot),
        4 => id().prop_map(Step::EndSnapshot),
        2 => (id(), number()).prop_map(|(id, through)| Step::Compact(id, Index(through))),
        1 => (id(), position()).prop_map(|(id, mark)| Step::Unusable(id, mark)),
        1 => (id(), any::<bool>()).prop_map(|(id, kept)| Step::Restart(id, kept)),
    ]
}

fn take(cluster: &mut Cluster, step: Step) {
    let at = |cluster: &Cluster, n: usize| n.checked_rem(cluster.wire.len());
    match step {
        Step::Forge(envelope) => cluster.deliver(envelope),
        Step::Deliver(n) => {
            if let Some(at) = at(cluster, n) {
                let envelope = cluster.wire.remove(at);
                cluster.deliver(envelope);
            }
        }
        Step::Repeat(n) => {
            if let Some(at) = at(cluster, n) {
                let envelope = cluster.wire[at].clone();
                cluster.deliver(envelope);
            }
        }
        Step::Lose(n) => {
            if let Some(at) = at(cluster, n) {
                cluster.wire.remove(at);
            }
        }
        Step::Saved(id) => cluster.saved(id),
        Step::Tick(id) => cluster.tick(id),
        Step::Propose(id, len) => drop(cluster.propose(id, Bytes::from(vec![b'p'; len]))),
        Step::Read(id) => drop(cluster.read(id)),
        Step::Serve(id) => cluster.serve(id),
        Step::Offer(id, peer, mark) => {
            cluster.input(id, |raft, _| raft.offer_snapshot(peer, mark));
        }
        Step::Supply(id, peer, mark, chunk) => {
            cluster.input(id, |raft, _| raft.supply_chunk(peer, mark, chunk));
        }
        Step::BeginSnapshot(id) => cluster.begin_snapshot(id),
        Step::EndSnapshot(id) => cluster.end_snapshot(id),
        Step::Compact(id, through) => {
            cluster.input(id, |raft, _| raft.compact(through));
        }
        Step::Unusable(id, mark) => {
            cluster.input(id, |raft, _| raft.snapshot_unusable(mark));
        }
        Step::Restart(id, save_is_kept) => {
            cluster.crash(id, save_is_kept, save_is_kept);
            cluster.boot(id);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 5000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_message_makes_a_core_panic(is_calm_first: bool, steps in prop::collection::vec(step(), 1..60)) {
        let config = Config {
            limits: Limits { append_bytes_max: 30, inflight_messages_max: 3, ..Limits::default() },
            ..Config::new(NodeId(0), 0)
        };
        let mut cluster = Cluster::new(SIZE, config);
        cluster.honest = false;
        if is_calm_first {
            cluster.calm(3_000_000);
        }
        for step in steps {
            take(&mut cluster, step);
        }
    }
}
