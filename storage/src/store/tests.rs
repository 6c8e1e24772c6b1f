//! The store as a whole: clones, fingerprints, size, members, and commands that nobody should send.

use bytes::Bytes;
use proptest::prelude::*;
use raft_core::NodeId;

use super::command::{
    Applied, Attributes, ClusterTime, Command, Compare, Failure, Outcome, Put, TreeChange, TreeContent,
};
use super::fingerprint::{Kind, Row};
use super::query::{Found, KeyRange, Query, RangeEnd, Revision};
use super::{Store, TREE_DEPTH_MAX};

/// Carries out a command to its end, in no time.
fn apply(store: &mut Store, command: Command) -> Result<Outcome, Failure> {
    let mut applied = store.apply(ClusterTime::default(), command);
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
    })
}

fn set(path: &'static str, value: &'static str) -> Command {
    Command::Tree {
        path: path.into(),
        change: TreeChange::Set(TreeContent::File(value.into())),
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
    apply(&mut store, put("key", "3456")).unwrap();
    assert_eq!(store.size(), 3 + 2 + 4);
    apply(&mut store, set("/d/f", "12")).unwrap();
    apply(&mut store, set("/d/f", "3")).unwrap();
    assert_eq!(store.size(), 9 + "/d".len() as u64 + "/d/f".len() as u64 + 1);
}

/// What two stores with the same content must agree on, computed afresh.
fn recount(store: &Store) -> (u64, u64) {
    let totals = [
        store.keyspace.recount(),
        store.tree.recount(),
        store.members.recount(),
    ];
    let counters = Row::new(Kind::Counters)
        .number(store.revision().0)
        .number(store.keyspace.compacted().0)
        .number(store.tree_index())
        .number(store.time().0);
    let hashes = totals.iter().map(|totals| totals.hash);
    let hash = hashes.fold(counters.hash(), u64::wrapping_add);
    (hash, totals.iter().map(|totals| totals.bytes).sum())
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
        prop_oneof![
            some_bytes().prop_map(TreeContent::File),
            Just(TreeContent::Directory)
        ]
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

fn command() -> impl Strategy<Value = Command> {
    let put = (some_bytes(), some_bytes(), any::<[bool; 3]>());
    let put = put.prop_map(|(key, value, [previous, ignore_value, ignore_lease])| {
        Command::Put(Put {
            key,
            value,
            previous,
            ignore_value,
            ignore_lease,
        })
    });
    let delete = (key_range(), any::<bool>());
    let delete = delete.prop_map(|(range, previous)| Command::DeleteRange { range, previous });
    let tree = (some_bytes(), tree_change()).prop_map(|(path, change)| Command::Tree { path, change });
    let publish = (0u64..3, "[a-c]?", 0u64..2);
    let publish = publish.prop_map(|(member, name, data_id)| publish_of(member, &name, data_id));
    prop_oneof![4 => put, 1 => delete, 4 => tree, 1 => publish]
}

proptest! {
    #[test]
    fn any_command_is_answered_and_the_counts_hold(commands in prop::collection::vec(command(), 1..100)) {
        let mut store = Store::born(1);
        for command in commands {
            let before = store.clone();
            let failed = apply(&mut store, command).is_err();
            prop_assert_eq!((store.fingerprint(), store.size()), recount(&store));
            if failed {
                prop_assert_eq!(store.fingerprint(), before.fingerprint(), "a failure changes nothing");
            }
            let unchanged = store.fingerprint() == before.fingerprint();
            let counters = |store: &Store| (store.revision(), store.tree_index());
            prop_assert_eq!(unchanged, counters(&store) == counters(&before), "every change is counted");
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
        change(&deep, TreeChange::Set(TreeContent::File("v".into()))),
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
    assert_eq!(store.size(), 0);
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
