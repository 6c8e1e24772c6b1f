//! The store as a whole: clones, fingerprints, size, members, and commands that nobody should send.

use raft_core::NodeId;

use super::Store;
use super::command::{Attributes, Command, Outcome, Put, TreeChange, TreeContent};
use super::query::Revision;

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

fn publish(member: u64, name: &str, data_id: u64) -> Command {
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
    assert_eq!(store.apply(publish(1, "n1", 7)), Ok(Outcome::Published));
    assert_eq!(store.tree_index(), 3);
}

#[test]
fn publishing_again_takes_the_new_attributes_and_another_index() {
    let mut store = Store::born(1);
    store.apply(publish(1, "n1", 7)).unwrap();
    store.apply(publish(1, "new", 7)).unwrap();
    assert_eq!(store.tree_index(), 4);
    assert_eq!(store.members()[&NodeId(1)].attributes.name, "new");
}

#[test]
fn publishing_another_data_id_changes_nothing() {
    let mut store = Store::born(1);
    store.apply(publish(1, "n1", 7)).unwrap();
    let before = store.clone();
    assert_eq!(store.apply(publish(1, "wiped", 8)), Ok(Outcome::Published));
    assert_eq!(store.fingerprint(), before.fingerprint());
    assert_eq!(store.members()[&NodeId(1)].data_id, 7);
    assert_eq!(store.members()[&NodeId(1)].attributes.name, "n1");
}

#[test]
fn a_clone_does_not_see_later_changes() {
    let mut store = Store::born(1);
    store.apply(put("a", "1")).unwrap();
    store.apply(set("/a", "1")).unwrap();
    let view = store.clone();
    let (fingerprint, size) = (view.fingerprint(), view.size());
    for command in [
        put("a", "2"),
        put("b", "1"),
        set("/a", "2"),
        set("/b/c", "1"),
        publish(1, "n1", 7),
    ] {
        store.apply(command).unwrap();
    }
    assert_ne!(store.fingerprint(), fingerprint);
    assert_eq!((view.fingerprint(), view.size()), (fingerprint, size));
    assert_eq!((view.revision(), view.tree_index()), (Revision(2), 3));
    assert!(view.members().is_empty());
}

#[test]
fn size_counts_keys_once_and_every_version() {
    let mut store = Store::born(1);
    store.apply(put("key", "12")).unwrap();
    store.apply(put("key", "3456")).unwrap();
    assert_eq!(store.size(), 3 + 2 + 4);
    store.apply(set("/d/f", "12")).unwrap();
    store.apply(set("/d/f", "3")).unwrap();
    assert_eq!(store.size(), 9 + "/d".len() as u64 + "/d/f".len() as u64 + 1);
}
