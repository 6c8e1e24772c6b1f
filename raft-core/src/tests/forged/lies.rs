//! What a liar may say: every message, with fields that make sense or do not.

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;

use super::SIZE_MAX;
use crate::*;

/// Small numbers are those of a young cluster; the others are where sums overflow.
pub(super) fn number() -> impl Strategy<Value = u64> {
    prop_oneof![8 => 0u64..7, 1 => (1u64 << 63) - 2..(1 << 63) + 2, 1 => u64::MAX - 2..=u64::MAX, 1 => any::<u64>()]
}

pub(super) fn position() -> impl Strategy<Value = Position> {
    (number(), number()).prop_map(|(term, index)| Position {
        term: Term(term),
        index: Index(index),
    })
}

/// A member, or one of two that are not.
pub(super) fn anybody() -> impl Strategy<Value = NodeId> {
    (0..SIZE_MAX + 2).prop_map(NodeId)
}

fn body() -> impl Strategy<Value = Body> {
    prop_oneof![
        Just(Body::Blank),
        (0usize..40).prop_map(|len| Body::Command(Bytes::from(vec![b'f'; len]))),
        membership().prop_map(|membership| Body::Change(Box::new(membership))),
    ]
}

/// Mostly without a gap after `prev`, so that they are not refused at first sight.
fn append() -> impl Strategy<Value = (Position, Vec<Entry>)> {
    let entry = (body(), 0u64..3, prop::option::weighted(0.05, position()));
    (position(), prop::collection::vec(entry, 0..4)).prop_map(|(prev, entries)| {
        let mut last = prev;
        let mut place = |(body, later, anywhere): (Body, u64, Option<Position>)| {
            let next = Position {
                term: Term(last.term.0.saturating_add(later / 2)),
                index: Index(last.index.0.wrapping_add(1)),
            };
            last = anywhere.unwrap_or(next);
            Entry { position: last, body }
        };
        (prev, entries.into_iter().map(&mut place).collect())
    })
}

fn vote_answer() -> impl Strategy<Value = VoteAnswer> {
    prop_oneof![
        Just(VoteAnswer::Granted),
        Just(VoteAnswer::Refused),
        position().prop_map(|last| VoteAnswer::Behind { last }),
    ]
}

fn of_elections() -> BoxedStrategy<Message> {
    prop_oneof![
        (position(), any::<bool>()).prop_map(|(last, transfer)| Message::RequestVote { last, transfer }),
        vote_answer().prop_map(Message::RequestVoteReply),
        position().prop_map(|last| Message::RequestPreVote { last }),
        vote_answer().prop_map(Message::RequestPreVoteReply),
        position().prop_map(|after| Message::RequestEntries { after }),
        (append(), prop::option::of(position())).prop_map(|((prev, entries), after)| Message::Entries {
            after: after.unwrap_or(prev),
            prev,
            entries,
        }),
        Just(Message::TimeoutNow),
    ]
    .boxed()
}

fn of_the_log() -> BoxedStrategy<Message> {
    let outcome = prop_oneof![
        number().prop_map(|index| AppendOutcome::Matched(Index(index))),
        (position(), position()).prop_map(|(prev, hint)| AppendOutcome::Rejected { prev, hint }),
    ];
    let append = (append(), number()).prop_map(|((prev, entries), commit)| Message::AppendEntries {
        prev,
        entries,
        commit: Index(commit),
    });
    prop_oneof![2 => append, 1 => outcome.prop_map(Message::AppendEntriesReply)].boxed()
}

fn of_the_lead() -> BoxedStrategy<Message> {
    let version = prop_oneof![2 => 0u64..4, 1 => number()];
    prop_oneof![
        (number(), number()).prop_map(|(round, commit)| Message::Heartbeat {
            round: Round(round),
            commit: Index(commit),
        }),
        (
            number(),
            version,
            proptest::option::weighted(0.2, number()),
            any::<bool>()
        )
            .prop_map(
                |(round, understands, wants_from, stands_back)| Message::HeartbeatReply {
                    round: Round(round),
                    understands: Version(understands),
                    wants_from: wants_from.map(Index),
                    stands_back,
                }
            ),
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
    .boxed()
}

/// Whole snapshots of no entries, pieces of others, and questions; mostly with the right checksum.
fn install() -> impl Strategy<Value = Message> {
    let data = prop_oneof![
        3 => Just(Bytes::from_static(&[0, 0])),
        1 => Just(Bytes::new()),
        1 => (1usize..9).prop_map(|len| vec![b'f'; len].into()),
    ];
    let place = prop_oneof![4 => Just(0), 1 => number()];
    let checksum = prop::option::weighted(0.2, any::<u32>());
    let last = prop::bool::weighted(0.7);
    (position(), membership(), place, data, checksum, last).prop_map(
        |(position, membership, offset, data, checksum, last)| Message::InstallSnapshot {
            mark: Box::new(SnapshotMark { position, membership }),
            offset,
            checksum: checksum.unwrap_or_else(|| crc32c::crc32c(&data)),
            data,
            last,
        },
    )
}

fn of_snapshots() -> BoxedStrategy<Message> {
    let outcome = prop_oneof![
        Just(InstallOutcome::Installed),
        (number(), any::<u32>())
            .prop_map(|(offset, checksum)| InstallOutcome::Receiving { offset, checksum }),
    ];
    let reply =
        (position(), outcome).prop_map(|(mark, outcome)| Message::InstallSnapshotReply { mark, outcome });
    prop_oneof![3 => install(), 1 => reply].boxed()
}

/// The strategies are boxed where they would not fit the stack.
pub(super) fn message() -> BoxedStrategy<Message> {
    prop_oneof![
        6 => of_elections(),
        6 => of_the_log(),
        4 => of_the_lead(),
        6 => of_snapshots(),
        1 => Just(Message::Removed),
    ]
    .boxed()
}

/// Joint or not; every second one such as a leader could make.
fn membership() -> impl Strategy<Value = Membership> {
    let ids = || prop::collection::btree_set(anybody(), 0..4);
    let outgoing = prop_oneof![3 => Just(BTreeSet::new()), 1 => ids()];
    let removed = prop_oneof![2 => Just(BTreeSet::new()), 1 => ids()];
    let sets = (ids(), outgoing, ids(), removed);
    (sets, settings(), any::<bool>()).prop_map(
        |((voters, outgoing, learners, removed), settings, is_sound)| {
            let mut membership = Membership {
                voters,
                outgoing,
                learners,
                removed,
                settings,
                ..Membership::default()
            };
            if is_sound {
                if membership.voters.is_empty() {
                    membership.voters.insert(NodeId(1));
                }
                membership.learners = &membership.learners - &membership.voters;
                membership.removed = &membership.removed - &membership.members();
                assert!(membership.is_sound());
            }
            membership.addresses = membership.members().into_iter().map(|id| (id, vec![])).collect();
            membership
        },
    )
}

fn settings() -> impl Strategy<Value = Settings> {
    let priorities = prop::collection::btree_map(anybody(), any::<u8>(), 0..3);
    let version = prop_oneof![9 => Just(0), 1 => 0u64..3, 1 => number()];
    let epoch = prop_oneof![6 => Just(0), 1 => number()];
    (prop::option::weighted(0.2, lease()), priorities, version, epoch).prop_map(
        |(lease, priorities, version, epoch)| Settings {
            lease,
            priorities,
            version: Version(version),
            epoch: Epoch(epoch),
        },
    )
}

/// Of use, within its bounds, or beyond them.
pub(super) fn lease() -> impl Strategy<Value = Lease> {
    let micros = prop_oneof![1 => Just(800_000), 1 => number()];
    let drift_ppm = prop_oneof![2 => Just(1000), 1 => 999_990u32..1_000_010, 1 => any::<u32>()];
    (micros, drift_ppm).prop_map(|(micros, drift_ppm)| Lease {
        timeout: Duration::from_micros(micros),
        drift_ppm,
    })
}

#[test]
fn a_liar_says_everything() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let mut unsaid: BTreeSet<&str> = Message::NAMES.iter().copied().collect();
    for _ in 0..1000 {
        let message = message().new_tree(&mut runner).expect("a message").current();
        unsaid.remove(message.name());
    }
    assert_eq!(unsaid, BTreeSet::new());
}
