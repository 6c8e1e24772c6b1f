//! Times to live: how they are given, kept, taken away, and what becomes of nodes whose time is over.

use super::*;
use crate::store::tree::{Expiring, Tree};

const SECOND: u64 = 1_000_000_000;

fn at(seconds: u64) -> ClusterTime {
    ClusterTime(NOW.0 + seconds * SECOND)
}

fn for_seconds(write: TreeWrite, ttl: u64) -> TreeWrite {
    TreeWrite {
        ttl: Some(ttl),
        ..write
    }
}

fn refresh(ttl: u64) -> TreeWrite {
    TreeWrite {
        refresh: true,
        ..for_seconds(file(""), ttl)
    }
}

/// What happened, in short.
fn expire(tree: &mut Tree, time: ClusterTime) -> Vec<String> {
    let from = tree.index() + 1;
    assert!(tree.expire_some(&mut Expiring::new(), time, usize::MAX));
    assert_eq!(tree.recount(), tree.totals());
    let events = tree.events(from).unwrap().map(|event| {
        assert_eq!(event.action, TreeAction::Expire);
        assert_eq!((&event.node.value, event.node.expiration), (&None, None));
        let previous = event.previous.as_ref().expect("there was something");
        assert_eq!((&previous.key, previous.dir), (&event.node.key, event.node.dir));
        assert!(previous.expiration.is_some_and(|end| end <= time));
        format!("{} {}", event.index(), String::from_utf8_lossy(&event.node.key))
    });
    events.collect()
}

#[test]
fn a_time_to_live_counts_from_the_command_and_is_shown() {
    let mut tree = Tree::new(3);
    let made = done(&mut tree, "/f", TreeChange::Set(for_seconds(file("v"), 5)));
    assert_eq!((made.node.expiration, made.node.ttl(NOW)), (Some(at(5)), Some(5)));
    assert_eq!(get(&tree, "/f").expiration, Some(at(5)));
    assert_eq!(get(&tree, "/").nodes[0].expiration, Some(at(5)));
    let far = done(
        &mut tree,
        "/g",
        TreeChange::Create(for_seconds(DIRECTORY, u64::MAX)),
    );
    assert_eq!(far.node.expiration, Some(ClusterTime(u64::MAX)));
    let none = done(
        &mut tree,
        "/h",
        TreeChange::CreateInOrder(for_seconds(file(""), 0)),
    );
    assert_eq!((none.node.expiration, none.node.ttl(NOW)), (Some(NOW), Some(0)));
}

#[test]
fn what_is_left_is_told_in_begun_seconds() {
    let node = TreeNode {
        expiration: Some(ClusterTime(10 * SECOND)),
        ..node("/f", Some(""), 1, 1)
    };
    let left = |time| node.ttl(ClusterTime(time));
    assert_eq!(left(10 * SECOND - 1), Some(1));
    assert_eq!(left(9 * SECOND), Some(1));
    assert_eq!(left(9 * SECOND - 1), Some(2));
    assert_eq!(left(10 * SECOND), Some(0));
    assert_eq!(left(11 * SECOND - 1), Some(0), "not a whole second over");
    assert_eq!(left(12 * SECOND), Some(-2));
    assert_eq!(
        TreeNode {
            expiration: None,
            ..node.clone()
        }
        .ttl(NOW),
        None
    );
}

#[test]
fn set_update_and_swap_without_a_time_to_live_make_it_stay() {
    let changes = [
        set("w"),
        TreeChange::Update(file("w")),
        swap(compare(Some("v"), None), "w"),
    ];
    for change in changes {
        let mut tree = Tree::new(1);
        done(&mut tree, "/f", TreeChange::Set(for_seconds(file("v"), 5)));
        let event = done(&mut tree, "/f", change);
        assert_eq!(event.node.expiration, None);
        assert_eq!(event.previous.unwrap().expiration, Some(at(5)));
        assert_eq!(expire(&mut tree, at(100)), [""; 0]);
    }
}

#[test]
fn an_update_gives_a_directory_a_time_and_takes_it_away() {
    let mut tree = tree(&["/d/f"]);
    let event = done(&mut tree, "/d", TreeChange::Update(for_seconds(file(""), 5)));
    assert_eq!(
        (event.node.expiration, event.node.modified_index),
        (Some(at(5)), 2)
    );
    let kept = get(&tree, "/d");
    assert_eq!((kept.expiration, kept.modified_index), (Some(at(5)), 1));
    done(&mut tree, "/d", TreeChange::Update(file("")));
    assert_eq!(get(&tree, "/d").expiration, None);
    assert_eq!(tree.next_expiration(), None);
}

#[test]
fn a_refresh_keeps_the_value_and_no_watcher_is_told() {
    for (change, created) in [
        (TreeChange::Set(refresh(9)), 2),
        (TreeChange::Update(refresh(9)), 1),
        (TreeChange::CompareAndSwap(compare(None, Some(1)), refresh(9)), 1),
    ] {
        let mut tree = Tree::new(0);
        done(&mut tree, "/f", TreeChange::Set(for_seconds(file("v"), 5)));
        let event = done(&mut tree, "/f", change);
        let expected = TreeNode {
            expiration: Some(at(9)),
            ..node("/f", Some("v"), created, 2)
        };
        assert_eq!(event.node, expected);
        assert_eq!(event.previous.unwrap().value, Some(bytes("v")));
        assert_eq!(get(&tree, "/f"), expected);
        assert_eq!(tree.events(2).unwrap().count(), 0);
        done(&mut tree, "/f", DELETE);
        assert_eq!(
            tree.events(2).unwrap().map(TreeEvent::index).collect::<Vec<_>>(),
            [3]
        );
    }
}

#[test]
fn a_refresh_of_what_is_not_there_fails_and_of_a_directory_only_updates() {
    let mut tree = tree(&["/d/f"]);
    for change in [
        TreeChange::Set(refresh(9)),
        TreeChange::Update(refresh(9)),
        TreeChange::CompareAndSwap(compare(None, Some(1)), refresh(9)),
    ] {
        assert_eq!(
            failed(&mut tree, "/x/y", change.clone()),
            is(TreeErrorCode::KeyNotFound, "/x")
        );
        if !matches!(change, TreeChange::Update(_)) {
            assert_eq!(failed(&mut tree, "/d", change), is(TreeErrorCode::NotAFile, "/d"));
        }
    }
    done(&mut tree, "/d", TreeChange::Update(refresh(9)));
    assert_eq!(get(&tree, "/d").expiration, Some(at(9)));
    let created = done(&mut tree, "/new", TreeChange::Create(refresh(9)));
    assert_eq!(created.node.value, Some(bytes("")));
    assert_eq!(tree.events(3).unwrap().count(), 1, "what is created is told");
    let directory = TreeWrite {
        refresh: true,
        ..for_seconds(DIRECTORY, 9)
    };
    assert!(done(&mut tree, "/new", TreeChange::Set(directory)).node.dir);
}

#[test]
fn what_is_over_goes_in_order_each_at_its_own_index() {
    let mut tree = Tree::new(0);
    for (path, ttl) in [("/c", 2), ("/a-b", 1), ("/a/b", 1), ("/z", 3), ("/_h", 1)] {
        done(&mut tree, path, TreeChange::Set(for_seconds(file("v"), ttl)));
    }
    assert_eq!(tree.next_expiration(), Some(at(1)));
    assert_eq!(expire(&mut tree, ClusterTime(at(1).0 - 1)), [""; 0]);
    assert_eq!(expire(&mut tree, at(2)), ["6 /_h", "7 /a/b", "8 /a-b", "9 /c"]);
    assert_eq!(
        listing(&tree, "/", true),
        "// [/a/ /z]",
        "directories on the way stay"
    );
    assert_eq!(tree.index(), 9);
}

#[test]
fn a_directory_goes_with_all_in_it_by_one_event() {
    let mut tree = Tree::new(0);
    done(&mut tree, "/d/f", TreeChange::Set(for_seconds(file("v"), 9)));
    done(&mut tree, "/d/g/_h", set("v"));
    done(&mut tree, "/d", TreeChange::Update(for_seconds(file(""), 1)));
    assert_eq!(expire(&mut tree, at(1)), ["4 /d"]);
    assert_eq!(listing(&tree, "/", true), "//");
    assert_eq!(tree.next_expiration(), None, "what was in it does not end again");
}

#[test]
fn a_command_ends_a_bounded_number_of_nodes() {
    let mut tree = Tree::new(0);
    for number in 0..600 {
        done(
            &mut tree,
            &format!("/{number}"),
            TreeChange::Set(for_seconds(file(""), 1)),
        );
    }
    let counts = [0; 4].map(|_| expire(&mut tree, at(1)).len());
    assert_eq!(counts, [250, 250, 100, 0]);
}
