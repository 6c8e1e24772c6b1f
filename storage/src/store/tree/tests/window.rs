//! The window of the last events, and who is told of them.

use super::*;
use crate::store::tree::Tree;
use crate::store::tree::history::BYTES_MAX;

fn indexes(tree: &Tree, from: u64) -> Vec<u64> {
    tree.events(from).unwrap().map(TreeEvent::index).collect()
}

fn cleared(tree: &Tree, from: u64) -> (TreeErrorCode, String) {
    cause(tree, tree.events(from).err().expect("it is cleared"))
}

#[test]
fn the_last_1000_indexes_are_there() {
    let mut tree = Tree::new(2);
    assert_eq!(indexes(&tree, 1), []);
    assert_eq!(
        cleared(&tree, 0),
        is(
            TreeErrorCode::EventIndexCleared,
            "the requested history has been cleared [1/0]"
        )
    );
    for _ in 0..998 {
        done(&mut tree, "/f", set("v"));
    }
    assert_eq!(tree.index(), 1000);
    assert_eq!(indexes(&tree, 1), (3..=1000).collect::<Vec<_>>());
    for _ in 0..2 {
        tree.skip_index();
    }
    done(&mut tree, "/f", set("v"));
    assert_eq!(indexes(&tree, 4), (4..=1000).chain([1003]).collect::<Vec<_>>());
    assert_eq!(
        cleared(&tree, 3),
        is(
            TreeErrorCode::EventIndexCleared,
            "the requested history has been cleared [4/3]"
        )
    );
    assert_eq!(indexes(&tree, 1001), [1003]);
    assert_eq!(indexes(&tree, 1004), [], "yet to come");
    assert_eq!(tree.recount(), tree.totals());
}

#[test]
fn long_values_leave_the_window_sooner() {
    let mut tree = Tree::new(0);
    let value = "v".repeat(BYTES_MAX as usize / 4);
    for _ in 0..4 {
        done(&mut tree, "/f", set(&value));
    }
    // Each but the first tells of two values.
    assert_eq!(indexes(&tree, 4), [4]);
    assert_eq!(
        cleared(&tree, 3),
        is(
            TreeErrorCode::EventIndexCleared,
            "the requested history has been cleared [4/3]"
        )
    );
    assert_eq!(tree.recount(), tree.totals());
}

#[test]
fn another_beginning_may_clear_what_was() {
    let mut tree = tree(&["/a", "/b"]);
    tree.refound(5, false);
    assert_eq!(indexes(&tree, 1), [1, 2]);
    tree.refound(6, true);
    assert_eq!(indexes(&tree, 7), []);
    assert_eq!(cleared(&tree, 6).0, TreeErrorCode::EventIndexCleared);
    done(&mut tree, "/f", set("v"));
    assert_eq!(indexes(&tree, 7), [7]);
    assert_eq!(tree.recount(), tree.totals());
}

#[test]
fn a_watch_is_told_of_its_path_and_of_what_takes_it_away() {
    let mut tree = Tree::new(0);
    let event = done(&mut tree, "/a/b", set("v"));
    for (path, plainly, recursively) in [
        ("/a/b", true, true),
        ("/a", false, true),
        ("/", false, true),
        ("/a/b/c", false, false),
        ("/a/", false, false),
        ("/a/bc", false, false),
        ("/b", false, false),
    ] {
        let told = (
            event.concerns(path.as_bytes(), false),
            event.concerns(path.as_bytes(), true),
        );
        assert_eq!(told, (plainly, recursively), "{path}");
    }
    let gone = done(&mut tree, "/a", DELETE_ALL);
    for (path, told) in [
        ("/a", true),
        ("/a/b", true),
        ("/a/x/y", true),
        ("/ab", false),
        ("/", false),
    ] {
        assert_eq!(gone.concerns(path.as_bytes(), false), told, "{path}");
    }
    let file = done(&mut tree, "/f", set("v"));
    let gone = done(&mut tree, "/f", DELETE);
    assert!(
        !file.concerns(b"/f/x", true) && !gone.concerns(b"/f/x", true),
        "nothing is in a file"
    );
}

#[test]
fn what_is_hidden_is_told_only_from_within() {
    let mut tree = Tree::new(0);
    let event = done(&mut tree, "/a/_h/f", set("v"));
    for (path, told) in [("/", false), ("/a", false), ("/a/_h", true), ("/a/_h/f", true)] {
        assert_eq!(event.concerns(path.as_bytes(), true), told, "{path}");
    }
    let gone = done(&mut tree, "/a/_h", DELETE_ALL);
    assert!(gone.concerns(b"/a/_h/f", false) && !gone.concerns(b"/a", true));
}
