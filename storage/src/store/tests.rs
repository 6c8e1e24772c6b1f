//! The store as a whole: clones, fingerprints, size, members, and commands that nobody should send.

use bytes::Bytes;
use proptest::prelude::*;
use raft_core::NodeId;

use super::alarm::{Alarm, AlarmKind};
use super::command::{
    Applied, Attributes, ClusterTime, Command, Compare, Failure, Outcome, Put, TreeChange, TreeContent,
    TreeWrite,
};
use super::command::{Once, Retriable};
use super::query::{Found, KeyRange, LeaseId, Query, RangeEnd, RangeQuery, Revision};
use super::{Store, TREE_DEPTH_MAX};

/// Carries out a command to its end.
pub(crate) fn apply(store: &mut Store, command: Command) -> Result<Outcome, Failure> {
    // Time passes only while what it ends is looked for.
    let passed = if command == Command::Expire {
        1_500_000_000
    } else {
        0
    };
    let mut applied = store.apply(ClusterTime(store.time().0 + passed), command);
    loop {
        match applied {
            Applied::Done(result) => return result,
            Applied::Working => applied = store.work(),
        }
    }
}

fn put(key: &'static str, value: &'static str) -> Command {
    Command::Put(Put {
        key: key.into(),
        value: value.into(),
        previous: false,
        ignore_value: false,
        ignore_lease: false,
        lease: LeaseId::NONE,
    })
}

fn set(path: &'static str, value: &'static str) -> Command {
    Command::Tree {
        path: path.into(),
        change: TreeChange::Set(TreeContent::File(value.into()).into()),
    }
}

fn publish_of(member: u64, name: &str, data_id: u64) -> Command {
    Command::Publish {
        member: NodeId(member),
        attributes: Attributes {
            name: name.into(),
            client_urls: vec!["http://127.0.0.1:2379".into()],
        },
        data_id,
    }
}

#[test]
fn a_store_is_born_at_revision_1_and_one_index_more_than_members() {
    let store = Store::born(3);
    assert_eq!(
        (store.revision(), store.tree_index(), store.size()),
        (Revision(1), 4, 0)
    );
}

#[test]
fn a_fresh_single_node_shows_index_3_once_it_is_published() {
    let mut store = Store::born(1);
    assert_eq!(apply(&mut store, publish_of(1, "n1", 7)), Ok(Outcome::Published));
    assert_eq!(store.tree_index(), 3);
}

#[test]
fn publishing_again_takes_the_new_attributes_and_another_index() {
    let mut store = Store::born(1);
    apply(&mut store, publish_of(1, "n1", 7)).unwrap();
    apply(&mut store, publish_of(1, "new", 7)).unwrap();
    assert_eq!(store.tree_index(), 4);
    assert_eq!(store.members()[&NodeId(1)].attributes.name, "new");
}

#[test]
fn publishing_another_data_id_changes_nothing() {
    let mut store = Store::born(1);
    apply(&mut store, publish_of(1, "n1", 7)).unwrap();
    let before = store.clone();
    assert_eq!(
        apply(&mut store, publish_of(1, "wiped", 8)),
        Ok(Outcome::Published)
    );
    assert_eq!(store.fingerprint(), before.fingerprint());
    assert_eq!(store.members()[&NodeId(1)].data_id, 7);
    assert_eq!(store.members()[&NodeId(1)].attributes.name, "n1");
}

#[test]
fn a_clone_does_not_see_later_changes() {
    let mut store = Store::born(1);
    apply(&mut store, put("a", "1")).unwrap();
    apply(&mut store, set("/a", "1")).unwrap();
    let view = store.clone();
    let (fingerprint, size) = (view.fingerprint(), view.size());
    for command in [
        put("a", "2"),
        put("b", "1"),
        set("/a", "2"),
        set("/b/c", "1"),
        publish_of(1, "n1", 7),
    ] {
        apply(&mut store, command).unwrap();
    }
    assert_ne!(store.fingerprint(), fingerprint);
    assert_eq!((view.fingerprint(), view.size()), (fingerprint, size));
    assert_eq!((view.revision(), view.tree_index()), (Revision(2), 3));
    assert!(view.members().is_empty());
}

#[test]
fn size_counts_keys_once_and_every_version() {
    let mut store = Store::born(1);
    apply(&mut store, put("key", "12")).unwrap();
    let one = store.size();
    apply(&mut store, put("key", "3456")).unwrap();
    let again = store.size();
    apply(&mut store, put("yek", "3456")).unwrap();
    assert_eq!(
        store.size() - again,
        one + 2,
        "another key takes as much as the first"
    );
    let before = store.size();
    apply(&mut store, put("key", "56")).unwrap();
    assert_eq!(
        store.size() - before,
        again - one - 2,
        "each further version takes as much"
    );
    let before = store.size();
    apply(&mut store, set("/d/f", "12")).unwrap();
    apply(&mut store, set("/d/f", "3")).unwrap();
    let tree = store.size() - before;
    assert!(tree > "/d".len() as u64 + "/d/f".len() as u64);
}

/// What two stores with the same content must agree on, computed afresh.
fn recount(store: &Store) -> (u64, u64) {
    let totals = store
        .keyspace
        .recount()
        .and(store.tree.recount())
        .and(store.members.recount())
        .and(store.alarms.recount())
        .and(store.retries.recount())
        .and(store.counters());
    (totals.hash, totals.bytes)
}

/// Bytes that are short, so that they meet, and as often as not no clean key or path.
fn some_bytes() -> impl Strategy<Value = Bytes> {
    let byte = prop::sample::select(b"//..a_\0\xff".to_vec());
    prop::collection::vec(byte, 0..6).prop_map(Bytes::from)
}

fn key_range() -> impl Strategy<Value = KeyRange> {
    let end = prop_oneof![
        Just(RangeEnd::Single),
        some_bytes().prop_map(RangeEnd::Before),
        Just(RangeEnd::Unbounded)
    ];
    (some_bytes(), end).prop_map(|(start, end)| KeyRange { start, end })
}

fn tree_change() -> impl Strategy<Value = TreeChange> {
    let content = || {
        let content = prop_oneof![
            some_bytes().prop_map(TreeContent::File),
            Just(TreeContent::Directory)
        ];
        let ttl = prop_oneof![3 => 0..5u64, 1 => any::<u64>()];
        (content, prop::option::of(ttl), any::<bool>()).prop_map(|(content, ttl, refresh)| TreeWrite {
            content,
            ttl,
            refresh,
        })
    };
    let compare = || {
        let compare = (prop::option::of(some_bytes()), prop::option::of(any::<u64>()));
        compare.prop_map(|(value, index)| Compare { value, index })
    };
    prop_oneof![
        content().prop_map(TreeChange::Set),
        content().prop_map(TreeChange::Create),
        content().prop_map(TreeChange::CreateInOrder),
        content().prop_map(TreeChange::Update),
        (compare(), content()).prop_map(|(compare, content)| TreeChange::CompareAndSwap(compare, content)),
        any::<(bool, bool)>().prop_map(|(dir, recursive)| TreeChange::Delete { dir, recursive }),
        compare().prop_map(TreeChange::CompareAndDelete),
    ]
}

pub(crate) fn command() -> impl Strategy<Value = Command> {
    let put = (some_bytes(), some_bytes(), any::<[bool; 3]>(), -1i64..3);
    let put = put.prop_map(|(key, value, [previous, ignore_value, ignore_lease], lease)| {
        Command::Put(Put {
            key,
            value,
            previous,
            ignore_value,
            ignore_lease,
            lease: LeaseId(lease),
        })
    });
    let delete = (key_range(), any::<bool>());
    let delete = delete.prop_map(|(range, previous)| Command::DeleteRange { range, previous });
    let tree = (some_bytes(), tree_change()).prop_map(|(path, change)| Command::Tree { path, change });
    let once = ("[a-c]", "/[a-c]", tree_change()).prop_map(|(key, path, change)| {
        let (key, path) = (key.into(), path.into());
        Command::Once(Box::new(Once {
            key,
            write: Retriable::Tree { path, change },
        }))
    });
    let publish = (0u64..3, "[a-c]?", 0u64..2);
    let publish = publish.prop_map(|(member, name, data_id)| publish_of(member, &name, data_id));
    let lease = || (-1i64..3).prop_map(LeaseId);
    let lease = prop_oneof![
        (lease(), any::<u64>()).prop_map(|(id, ttl)| Command::LeaseGrant { id, ttl: ttl >> 20 }),
        lease().prop_map(|id| Command::LeaseRevoke { id }),
        prop::collection::vec(lease(), 0..3).prop_map(|ids| Command::LeaseExpire { ids }),
        prop::collection::vec((lease(), prop::option::of(any::<u64>())), 0..3)
            .prop_map(|remaining| Command::LeaseCheckpoint { remaining }),
    ];
    let more = prop_oneof![
        (0u64..40).prop_map(|revision| Command::Compact {
            revision: Revision(revision)
        }),
        Just(Command::Continue),
        Just(Command::Expire),
    ];
    prop_oneof![4 => put, 1 => delete, 4 => tree, 2 => once, 1 => publish, 2 => lease, 1 => more]
}

proptest! {
    #[test]
    fn any_command_is_answered_and_the_counts_hold(commands in prop::collection::vec(command(), 1..100)) {
        let mut store = Store::born(1);
        for command in commands {
            let before = store.clone();
            let pending = store.has_pending();
            let is_named = matches!(command, Command::Once(_));
            let failed = apply(&mut store, command).is_err();
            prop_assert_eq!((store.fingerprint(), store.size()), recount(&store));
            if pending {
                // Every command does a piece of what is pending, whatever comes of it.
                continue;
            }
            if failed && !is_named {
                prop_assert_eq!(store.fingerprint(), before.fingerprint(), "a failure changes nothing");
            }
            let counters = |store: &Store| (store.revision(), store.tree_index());
            if store.fingerprint() == before.fingerprint() {
                prop_assert_eq!(counters(&store), counters(&before), "what is counted is a change");
            }
        }
    }

    #[test]
    fn whatever_decodes_is_answered(
        commands in prop::collection::vec(command(), 1..20),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8),
        noise in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        let mut store = Store::born(1);
        let mut feed = |bytes: &[u8]| {
            if let Ok(command) = postcard::from_bytes::<Command>(bytes) {
                let _ = apply(&mut store, command);
            }
        };
        for command in commands {
            let mut bytes = postcard::to_stdvec(&command).unwrap();
            feed(&bytes);
            for (place, byte) in &damage {
                let place = place.index(bytes.len());
                bytes[place] = *byte;
                feed(&bytes);
            }
        }
        feed(&noise);
        prop_assert_eq!((store.fingerprint(), store.size()), recount(&store));
    }

    #[test]
    fn any_query_is_answered_and_changes_nothing(
        commands in prop::collection::vec(command(), 1..40),
        paths in prop::collection::vec((some_bytes(), any::<bool>()), 1..10),
        noise in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 1..10),
    ) {
        let mut store = Store::born(1);
        for command in commands {
            let _ = apply(&mut store, command);
        }
        let before = store.fingerprint();
        for (path, recursive) in paths {
            let _ = store.query(&Query::Tree { path, recursive });
        }
        for bytes in noise {
            if let Ok(query) = postcard::from_bytes::<Query>(&bytes) {
                let _ = store.query(&query);
            }
        }
        prop_assert_eq!(store.fingerprint(), before);
    }
}

#[test]
fn the_deepest_path_is_made_listed_and_deleted() {
    let mut store = Store::born(1);
    let deep = Bytes::from("/d".repeat(TREE_DEPTH_MAX));
    let change = |path: &Bytes, change| Command::Tree {
        path: path.clone(),
        change,
    };
    apply(
        &mut store,
        change(&deep, TreeChange::Set(TreeContent::File("v".into()).into())),
    )
    .unwrap();
    let root = Bytes::from_static(b"/");
    let listed = store.query(&Query::Tree {
        path: root,
        recursive: true,
    });
    let Ok(Found::Tree(event)) = listed else {
        panic!("the root is listed")
    };
    let mut depth = 0;
    let mut node = &event.node;
    while let Some(child) = node.nodes.first() {
        (depth, node) = (depth + 1, child);
    }
    assert_eq!((depth, &node.key), (TREE_DEPTH_MAX, &deep));
    let delete = TreeChange::Delete {
        dir: true,
        recursive: true,
    };
    apply(&mut store, change(&Bytes::from_static(b"/d"), delete)).unwrap();
    assert!(
        store
            .query(&Query::Tree {
                path: deep,
                recursive: true
            })
            .is_err()
    );
    assert_eq!((store.fingerprint(), store.size()), recount(&store));
}

/// All that is pending is done.
fn settle(store: &mut Store) {
    while store.has_pending() {
        apply(store, Command::Continue).unwrap();
    }
}

#[test]
fn what_is_compacted_away_takes_no_memory() {
    let mut store = Store::born(1);
    for number in 0..3000 {
        let put = Put {
            key: format!("{}", number % 100).into(),
            value: "value".into(),
            previous: false,
            ignore_value: false,
            ignore_lease: false,
            lease: LeaseId::NONE,
        };
        apply(&mut store, Command::Put(put)).unwrap();
    }
    let full = store.size();
    let compact = Command::Compact {
        revision: store.revision(),
    };
    apply(&mut store, compact).unwrap();
    assert!(store.has_pending());
    settle(&mut store);
    assert!(store.size() < full / 20, "{} of {full} are left", store.size());
    let delete = Command::DeleteRange {
        range: KeyRange {
            start: "0".into(),
            end: RangeEnd::Unbounded,
        },
        previous: false,
    };
    apply(&mut store, delete).unwrap();
    let compact = Command::Compact {
        revision: store.revision(),
    };
    apply(&mut store, compact).unwrap();
    settle(&mut store);
    assert_eq!(store.size(), 0);
    assert_eq!(store.keyspace.recount().bytes, 0);
}

#[test]
fn a_large_command_is_begun_and_changes_nothing_until_it_is_carried_on() {
    let mut store = Store::born(1);
    for number in 0..2000 {
        apply(
            &mut store,
            Command::Put(Put {
                key: format!("{number}").into(),
                value: Bytes::new(),
                previous: false,
                ignore_value: false,
                ignore_lease: false,
                lease: LeaseId::NONE,
            }),
        )
        .unwrap();
    }
    let before = (store.fingerprint(), store.size());
    let delete = Command::DeleteRange {
        range: KeyRange {
            start: "\0".into(),
            end: RangeEnd::Unbounded,
        },
        previous: false,
    };
    assert_eq!(store.apply(ClusterTime(0), delete), Applied::Working);
    let view = store.clone();
    let mut slices = 1;
    let outcome = loop {
        assert_eq!((view.fingerprint(), view.size()), before);
        match store.work() {
            Applied::Done(outcome) => break outcome,
            Applied::Working => slices += 1,
        }
    };
    assert_eq!(
        outcome,
        Ok(Outcome::Deleted {
            count: 2000,
            previous: vec![]
        })
    );
    assert!(slices > 3, "{slices} slices");
    assert_eq!((store.revision().0, view.revision().0), (2002, 2001));
}

#[test]
fn stores_that_came_to_the_same_by_other_ways_have_the_same_fingerprint() {
    let mut one = Store::born(1);
    apply(&mut one, set("/a", "1")).unwrap();
    apply(&mut one, set("/b", "1")).unwrap();
    apply(&mut one, put("a", "1")).unwrap();
    let mut other = Store::born(1);
    apply(&mut other, put("a", "1")).unwrap();
    apply(&mut other, set("/a", "1")).unwrap();
    apply(&mut other, set("/b", "1")).unwrap();
    assert_eq!(one.fingerprint(), other.fingerprint());
    apply(&mut other, set("/b", "1")).unwrap();
    assert_ne!(one.fingerprint(), other.fingerprint());
}

#[test]
fn a_state_begins_another_cluster_without_its_members() {
    let mut store = Store::born(1);
    apply(&mut store, put("a", "1")).unwrap();
    apply(&mut store, set("/b", "1")).unwrap();
    apply(&mut store, publish_of(1, "n1", 7)).unwrap();
    let alarm = Alarm {
        member: NodeId(1),
        kind: AlarmKind::NoSpace,
    };
    apply(&mut store, Command::Alarm { alarm, raised: true }).unwrap();
    let (revision, index) = (store.revision(), store.tree_index());
    let same = store.clone().refounded(0, false).unwrap();
    assert_eq!((same.revision(), same.tree_index()), (revision, index));
    assert!(same.members().is_empty() && same.alarms().is_empty());
    let later = store.clone().refounded(1000, true).unwrap();
    assert_eq!(
        (later.revision(), later.tree_index()),
        (Revision(revision.0 + 1000), index + 1000)
    );
    let read = |revision: u64| {
        later.query(&Query::Range(RangeQuery {
            revision: Some(Revision(revision)),
            count_only: true,
            ..RangeQuery::of(KeyRange::single("a".into()))
        }))
    };
    assert_eq!(
        read(revision.0),
        Err(Failure::Compacted(Revision(revision.0 + 1000)))
    );
    assert!(read(revision.0 + 1000).is_ok());
    assert!(
        later.has_pending(),
        "what cannot be read any more is compacted away"
    );
    assert!(store.clone().refounded(i64::MAX as u64 - 2, false).is_none());
    assert!(store.refounded(u64::MAX, false).is_none());
}
