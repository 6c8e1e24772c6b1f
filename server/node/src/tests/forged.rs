//! No message makes a node panic, whatever it says and whenever it comes. An alarm may be raised.

use bytes::Bytes;
use proptest::prelude::*;
use raft_core::{
    AppendOutcome, Body, Boot, Entry, Envelope, Index, Message, NodeId, Position, ReadId, Round, Term,
};

use storage::store::query::LeaseId;

use super::cluster::Cluster;
use super::random::{Dice, fault};
use crate::*;

const SIZE: u64 = 3;

/// Small numbers are those of a young cluster; the others are where sums overflow.
fn number() -> impl Strategy<Value = u64> {
    prop_oneof![10 => 0u64..6, 1 => u64::MAX - 2..=u64::MAX, 1 => any::<u64>()]
}

/// Mostly one that is now.
fn term() -> impl Strategy<Value = Term> {
    prop_oneof![8 => 1u64..4, 1 => number()].prop_map(Term)
}

fn position() -> impl Strategy<Value = Position> {
    (number(), number()).prop_map(|(term, index)| Position {
        term: Term(term),
        index: Index(index),
    })
}

/// Raft's own are tried one by one in raft-core; here, what they mean to a node.
fn message() -> impl Strategy<Value = Message> {
    let command = prop_oneof![Just(Bytes::new()), proposal()];
    prop_oneof![
        (position(), command, number()).prop_map(|(prev, command, commit)| Message::AppendEntries {
            prev,
            entries: vec![Entry {
                position: Position {
                    index: Index(prev.index.0.wrapping_add(1)),
                    ..prev
                },
                body: Body::Command(command),
            }],
            commit: Index(commit),
        }),
        number().prop_map(|index| Message::AppendEntriesReply(AppendOutcome::Matched(Index(index)))),
        number().prop_map(|commit| Message::Heartbeat {
            round: Round(0),
            commit: Index(commit),
        }),
        number().prop_map(|round| Message::HeartbeatReply {
            round: Round(round),
            understands: raft_core::Version(0),
            wants_from: None,
            stands_back: false,
        }),
        position().prop_map(|last| Message::RequestVote {
            last,
            transfer: false
        }),
        Just(Message::RequestVoteReply(raft_core::VoteAnswer::Granted)),
        (number(), number()).prop_map(|(boot, id)| Message::ReadIndex {
            boot: Boot(boot),
            id: ReadId(id),
        }),
        (number(), number(), number()).prop_map(|(boot, id, index)| Message::ReadIndexReply {
            boot: Boot(boot),
            id: ReadId(id),
            index: Index(index),
        }),
    ]
}

/// Some are well-formed, in the name of whoever.
fn proposal() -> impl Strategy<Value = Bytes> {
    let publish = (1..=SIZE, number(), number()).prop_map(|(node, boot, ticket)| {
        let origin = Origin {
            node: NodeId(node),
            boot: Boot(boot),
            ticket,
        };
        let command = storage::store::command::Command::Publish {
            member: NodeId(node),
            attributes: Default::default(),
            data_id: ticket,
        };
        Proposal { origin, command }.encode()
    });
    prop_oneof![
        publish,
        prop::collection::vec(any::<u8>(), 0..20).prop_map(Bytes::from)
    ]
}

fn part(from: NodeId, to: NodeId) -> impl Strategy<Value = Part> {
    let proposals = || prop::collection::vec(proposal(), 0..4);
    prop_oneof![
        3 => (term(), message()).prop_map(move |(term, message)| Part::Raft(Envelope {
            from,
            to,
            term,
            message,
        })),
        1 => (term(), number(), proposals()).prop_map(|(term, first, proposals)| Part::Forward(Forward {
            term,
            first,
            proposals,
        })),
        1 => (number(), any::<i64>(), any::<bool>()).prop_map(|(number, id, renew)| Part::LeaseAsk {
            number,
            ask: LeaseAsk { id: LeaseId(id % 4), renew },
        }),
        1 => (number(), number(), prop::option::of((number(), number())), number()).prop_map(
            |(boot, number, time, applied)| Part::LeaseAnswer {
                boot: Boot(boot),
                number,
                says: LeaseSays { time, applied: Index(applied) },
            }
        ),
        1 => (term(), number(), number()).prop_map(|(term, boot, taken)| Part::Forwarded {
            term,
            boot: Boot(boot),
            taken,
        }),
    ]
}

fn peer_message() -> impl Strategy<Value = PeerMessage> {
    let boot = prop_oneof![10 => Just(1u64), 1 => 0u64..4];
    (0..SIZE + 2, 1..=SIZE, boot).prop_flat_map(|(from, to, boot)| {
        let (from, to) = (NodeId(from), NodeId(to));
        prop::collection::vec(part(from, to), 0..5).prop_map(move |parts| PeerMessage {
            from,
            from_boot: Boot(boot),
            to,
            parts,
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_message_makes_a_node_panic(
        seed: u64,
        is_calm_first: bool,
        lies in prop::collection::vec((peer_message(), 0usize..10), 1..20),
    ) {
        let mut cluster = Cluster::new(SIZE, raft_core::Config::new(NodeId(0), 0));
        cluster.honest = false;
        if is_calm_first {
            cluster.calm(3_000_000);
        }
        let mut dice = Dice::of(seed);
        for (lie, faults) in lies {
            cluster.deliver(lie);
            (0..faults).for_each(|_| fault(&mut cluster, &mut dice, 5));
        }
    }
}
