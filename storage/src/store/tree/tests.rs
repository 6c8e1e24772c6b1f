//! The rules of the v2 tree, one by one.

mod expiry;
mod model;
mod slices;
mod window;

use bytes::Bytes;

use super::Tree;
use crate::store::command::{
    ClusterTime, Compare, TreeAction, TreeChange, TreeContent, TreeErrorCode, TreeEvent, TreeFailure,
    TreeWrite,
};
use crate::store::query::TreeNode;

fn bytes(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

fn file(value: &str) -> TreeWrite {
    TreeContent::File(bytes(value)).into()
}

const DIRECTORY: TreeWrite = TreeWrite {
    content: TreeContent::Directory,
    ttl: None,
    refresh: false,
};

/// When what has no time of its own happens.
const NOW: ClusterTime = ClusterTime(5_000_000_000);

fn set(value: &str) -> TreeChange {
    TreeChange::Set(file(value))
}

fn swap(compare: Compare, value: &str) -> TreeChange {
    TreeChange::CompareAndSwap(compare, file(value))
}

fn compare(value: Option<&str>, index: Option<u64>) -> Compare {
    Compare {
        value: value.map(bytes),
        index,
    }
}

const DELETE: TreeChange = TreeChange::Delete {
    dir: false,
    recursive: false,
};
const DELETE_DIR: TreeChange = TreeChange::Delete {
    dir: true,
    recursive: false,
};
const DELETE_ALL: TreeChange = TreeChange::Delete {
    dir: false,
    recursive: true,
};

/// A node without children: of a file with its value, of a directory without.
fn node(key: &str, value: Option<&str>, created: u64, modified: u64) -> TreeNode {
    TreeNode {
        key: bytes(key),
        value: value.map(bytes),
        dir: value.is_none(),
        expiration: None,
        nodes: Vec::new(),
        modified_index: modified,
        created_index: created,
    }
}

/// What is left of a deleted file.
fn remains(key: &str, created: u64, modified: u64) -> TreeNode {
    TreeNode {
        dir: false,
        ..node(key, None, created, modified)
    }
}

fn event(action: TreeAction, node: TreeNode, previous: Option<TreeNode>) -> TreeEvent {
    TreeEvent {
        action,
        time: NOW,
        node,
        previous,
    }
}

/// A tree at index 0 after setting each of these files, so that the n-th has index n.
fn tree(files: &[&str]) -> Tree {
    let mut tree = Tree::new(0);
    for path in files {
        done(&mut tree, path, set("v"));
    }
    tree
}

fn done(tree: &mut Tree, path: &str, change: TreeChange) -> TreeEvent {
    let before = tree.index();
    let event = tree.apply(bytes(path), change, NOW).unwrap();
    assert_eq!(tree.index(), before + 1, "a change takes one index");
    event
}

/// The failure of a change, or of none (a get); it changes nothing.
fn failed(tree: &mut Tree, path: &str, change: TreeChange) -> (TreeErrorCode, String) {
    let (index, totals) = (tree.index(), tree.totals());
    let failure = tree.apply(bytes(path), change, NOW).unwrap_err();
    assert_eq!(
        (tree.index(), tree.totals()),
        (index, totals),
        "a failure changes nothing"
    );
    cause(tree, failure)
}

fn get_failed(tree: &Tree, path: &str) -> (TreeErrorCode, String) {
    cause(tree, tree.get(&bytes(path), false, NOW).unwrap_err())
}

fn cause(tree: &Tree, failure: TreeFailure) -> (TreeErrorCode, String) {
    assert_eq!(failure.index, tree.index(), "a failure tells the index");
    (failure.code, String::from_utf8_lossy(&failure.cause).into_owned())
}

fn is(code: TreeErrorCode, cause: &str) -> (TreeErrorCode, String) {
    (code, cause.to_owned())
}

fn get(tree: &Tree, path: &str) -> TreeNode {
    tree.get(&bytes(path), false, NOW).unwrap().node
}

/// A listing in short: `/a/ [/a/b]` is a directory with a file.
fn listing(tree: &Tree, path: &str, recursive: bool) -> String {
    fn show(node: &TreeNode) -> String {
        let mut shown = String::from_utf8_lossy(&node.key).into_owned();
        if node.dir {
            shown.push('/');
        }
        if !node.nodes.is_empty() {
            let nodes: Vec<String> = node.nodes.iter().map(show).collect();
            shown = format!("{shown} [{}]", nodes.join(" "));
        }
        shown
    }
    show(&tree.get(&bytes(path), recursive, NOW).unwrap().node)
}

#[test]
fn set_makes_a_file_without_previous() {
    let mut tree = Tree::new(3);
    let event_ = done(&mut tree, "/foo", set("bar"));
    assert_eq!(
        event_,
        event(TreeAction::Set, node("/foo", Some("bar"), 4, 4), None)
    );
    assert_eq!(get(&tree, "/foo"), node("/foo", Some("bar"), 4, 4));
}

#[test]
fn set_over_a_file_is_a_new_node_with_previous() {
    let mut tree = tree(&["/foo"]);
    let expected = event(
        TreeAction::Set,
        node("/foo", Some("w"), 2, 2),
        Some(node("/foo", Some("v"), 1, 1)),
    );
    assert_eq!(done(&mut tree, "/foo", set("w")), expected);
}

#[test]
fn set_of_a_directory_replaces_a_file() {
    let mut tree = tree(&["/foo"]);
    let expected = event(
        TreeAction::Set,
        node("/foo", None, 2, 2),
        Some(node("/foo", Some("v"), 1, 1)),
    );
    assert_eq!(done(&mut tree, "/foo", TreeChange::Set(DIRECTORY)), expected);
    assert_eq!(listing(&tree, "/", true), "// [/foo/]");
}

#[test]
fn set_over_a_directory_fails() {
    let mut tree = tree(&["/d/f"]);
    for content in [file("v"), DIRECTORY] {
        let failure = failed(&mut tree, "/d", TreeChange::Set(content));
        assert_eq!(failure, is(TreeErrorCode::NotAFile, "/d"));
    }
}

#[test]
fn directories_on_the_way_are_made_at_the_same_index() {
    let tree = tree(&["/a", "/b/c/d"]);
    assert_eq!(get(&tree, "/b/c").nodes, [node("/b/c/d", Some("v"), 2, 2)]);
    assert_eq!(get(&tree, "/b").nodes, [node("/b/c", None, 2, 2)]);
    assert_eq!(
        (get(&tree, "/b").created_index, get(&tree, "/b").modified_index),
        (2, 2)
    );
}

#[test]
fn what_happens_below_does_not_change_a_directorys_indexes() {
    let mut tree = tree(&["/d/a", "/d/b"]);
    done(&mut tree, "/d/a", DELETE);
    assert_eq!(
        (get(&tree, "/d").created_index, get(&tree, "/d").modified_index),
        (1, 1)
    );
}

#[test]
fn create_makes_what_is_not_there() {
    let mut tree = tree(&["/a"]);
    let created = done(&mut tree, "/f", TreeChange::Create(file("v")));
    assert_eq!(
        created,
        event(TreeAction::Create, node("/f", Some("v"), 2, 2), None)
    );
    let created = done(&mut tree, "/d/e", TreeChange::Create(DIRECTORY));
    assert_eq!(created, event(TreeAction::Create, node("/d/e", None, 3, 3), None));
}

#[test]
fn create_over_anything_fails() {
    let mut tree = tree(&["/d/f"]);
    for path in ["/d", "/d/f"] {
        for content in [file("v"), DIRECTORY] {
            let failure = failed(&mut tree, path, TreeChange::Create(content));
            assert_eq!(failure, is(TreeErrorCode::KeyExists, path));
        }
    }
}

#[test]
fn create_in_order_names_the_child_by_the_next_index_in_20_digits() {
    let mut tree = Tree::new(20);
    let queue = "/queue/00000000000000000021";
    let created = done(&mut tree, "/queue", TreeChange::CreateInOrder(file("J1")));
    assert_eq!(
        created,
        event(TreeAction::Create, node(queue, Some("J1"), 21, 21), None)
    );
    let created = done(&mut tree, "/", TreeChange::CreateInOrder(DIRECTORY));
    assert_eq!(created.node, node("/00000000000000000022", None, 22, 22));
}

#[test]
fn create_in_order_fails_under_a_file_and_where_the_name_is_taken() {
    let mut tree = tree(&["/f", "/q/00000000000000000003"]);
    let failure = failed(&mut tree, "/f", TreeChange::CreateInOrder(file("v")));
    assert_eq!(failure, is(TreeErrorCode::NotADirectory, "/f"));
    let failure = failed(&mut tree, "/q", TreeChange::CreateInOrder(file("v")));
    assert_eq!(failure, is(TreeErrorCode::KeyExists, "/q/00000000000000000003"));
}

#[test]
fn update_keeps_the_created_index() {
    let mut tree = tree(&["/a", "/f"]);
    let expected = event(
        TreeAction::Update,
        node("/f", Some("w"), 2, 3),
        Some(node("/f", Some("v"), 2, 2)),
    );
    assert_eq!(done(&mut tree, "/f", TreeChange::Update(file("w"))), expected);
    assert_eq!(get(&tree, "/f"), expected.node);
}

#[test]
fn update_without_a_value_empties_a_file() {
    let mut tree = tree(&["/f", "/g"]);
    assert_eq!(
        done(&mut tree, "/f", TreeChange::Update(file(""))).node,
        node("/f", Some(""), 1, 3)
    );
    let updated = done(&mut tree, "/g", TreeChange::Update(DIRECTORY));
    assert_eq!(
        updated.node,
        node("/g", Some(""), 2, 4),
        "update does not make a file a directory"
    );
}

#[test]
fn update_of_a_directory_shows_a_new_index_that_the_directory_does_not_keep() {
    let mut tree = tree(&["/d/f"]);
    for (content, index) in [(DIRECTORY, 2), (file(""), 3)] {
        let expected = event(
            TreeAction::Update,
            node("/d", None, 1, index),
            Some(node("/d", None, 1, 1)),
        );
        assert_eq!(done(&mut tree, "/d", TreeChange::Update(content)), expected);
    }
    assert_eq!(get(&tree, "/d").modified_index, 1);
}

#[test]
fn update_of_a_directory_with_a_value_fails() {
    let mut tree = tree(&["/d/f"]);
    let failure = failed(&mut tree, "/d", TreeChange::Update(file("v")));
    assert_eq!(failure, is(TreeErrorCode::NotAFile, "/d"));
}

#[test]
fn compare_and_swap_keeps_the_created_index() {
    for condition in [
        compare(Some("v"), None),
        compare(None, Some(2)),
        compare(Some("v"), Some(2)),
    ] {
        let mut tree = tree(&["/a", "/f"]);
        let expected = event(
            TreeAction::CompareAndSwap,
            node("/f", Some("w"), 2, 3),
            Some(node("/f", Some("v"), 2, 2)),
        );
        assert_eq!(done(&mut tree, "/f", swap(condition, "w")), expected);
        assert_eq!(get(&tree, "/f"), expected.node);
    }
}

#[test]
fn a_failed_comparison_tells_only_what_failed() {
    let mut tree = tree(&["/a", "/f"]);
    for (condition, cause) in [
        (compare(Some("x"), None), "[x != v]"),
        (compare(None, Some(7)), "[7 != 2]"),
        (compare(Some("x"), Some(2)), "[x != v]"),
        (compare(Some("v"), Some(7)), "[7 != 2]"),
        (compare(Some("x"), Some(7)), "[x != v] [7 != 2]"),
    ] {
        let expected = is(TreeErrorCode::CompareFailed, cause);
        assert_eq!(failed(&mut tree, "/f", swap(condition.clone(), "w")), expected);
        let failure = failed(&mut tree, "/f", TreeChange::CompareAndDelete(condition));
        assert_eq!(failure, expected);
    }
}

#[test]
fn comparing_with_a_directory_fails_before_any_comparison() {
    let mut tree = tree(&["/d/f"]);
    for condition in [compare(Some("x"), Some(9)), compare(None, Some(1))] {
        let expected = is(TreeErrorCode::NotAFile, "/d");
        assert_eq!(failed(&mut tree, "/d", swap(condition.clone(), "w")), expected);
        let failure = failed(&mut tree, "/d", TreeChange::CompareAndDelete(condition));
        assert_eq!(failure, expected);
    }
}

#[test]
fn delete_of_a_file_leaves_its_name_and_indexes() {
    for change in [DELETE, DELETE_DIR, DELETE_ALL] {
        let mut tree = tree(&["/a", "/f"]);
        let expected = event(
            TreeAction::Delete,
            remains("/f", 2, 3),
            Some(node("/f", Some("v"), 2, 2)),
        );
        assert_eq!(done(&mut tree, "/f", change), expected);
        assert_eq!(get_failed(&tree, "/f"), is(TreeErrorCode::KeyNotFound, "/f"));
    }
}

#[test]
fn delete_of_a_directory_says_dir_and_shows_no_children() {
    let mut tree = tree(&["/queue/a", "/queue/b"]);
    let expected = event(
        TreeAction::Delete,
        node("/queue", None, 1, 3),
        Some(node("/queue", None, 1, 1)),
    );
    assert_eq!(done(&mut tree, "/queue", DELETE_ALL), expected);
    assert_eq!(listing(&tree, "/", true), "//");
}

#[test]
fn delete_of_a_directory_must_be_meant() {
    let mut tree = tree(&["/d/f", "/_h/_f"]);
    assert_eq!(failed(&mut tree, "/d", DELETE), is(TreeErrorCode::NotAFile, "/d"));
    assert_eq!(
        failed(&mut tree, "/d", DELETE_DIR),
        is(TreeErrorCode::DirectoryNotEmpty, "/d")
    );
    let failure = failed(&mut tree, "/_h", DELETE_DIR);
    assert_eq!(
        failure,
        is(TreeErrorCode::DirectoryNotEmpty, "/_h"),
        "hidden nodes count"
    );
    done(&mut tree, "/d/f", DELETE);
    done(&mut tree, "/d", DELETE_DIR);
    assert_eq!(get_failed(&tree, "/d"), is(TreeErrorCode::KeyNotFound, "/d"));
}

#[test]
fn a_recursive_delete_takes_all_below_and_nothing_beside() {
    let mut tree = tree(&["/a/b/c", "/a/_h/f", "/a-b/c", "/a.b", "/a0", "/aa/b", "/a!"]);
    done(&mut tree, "/a", DELETE_ALL);
    assert_eq!(
        listing(&tree, "/", true),
        "// [/a! /a-b/ [/a-b/c] /a.b /a0 /aa/ [/aa/b]]"
    );
    assert_eq!(tree.recount(), tree.totals());
}

#[test]
fn compare_and_delete_is_a_delete() {
    let mut tree = tree(&["/a", "/f"]);
    let expected = event(
        TreeAction::CompareAndDelete,
        remains("/f", 2, 3),
        Some(node("/f", Some("v"), 2, 2)),
    );
    let change = TreeChange::CompareAndDelete(compare(Some("v"), Some(2)));
    assert_eq!(done(&mut tree, "/f", change), expected);
    assert_eq!(get_failed(&tree, "/f"), is(TreeErrorCode::KeyNotFound, "/f"));
}

#[test]
fn what_is_missing_is_named_by_its_first_missing_component() {
    let mut tree = tree(&["/a/f"]);
    for (path, missing) in [
        ("/a/x/y/z", "/a/x"),
        ("/x/y", "/x"),
        ("/x", "/x"),
        ("/a/x", "/a/x"),
    ] {
        let expected = is(TreeErrorCode::KeyNotFound, missing);
        assert_eq!(get_failed(&tree, path), expected);
        for change in [
            TreeChange::Update(file("")),
            swap(compare(Some("v"), None), ""),
            TreeChange::CompareAndDelete(compare(Some("v"), None)),
            DELETE,
            DELETE_DIR,
            DELETE_ALL,
        ] {
            assert_eq!(failed(&mut tree, path, change), expected);
        }
    }
}

#[test]
fn a_path_through_a_file_is_named_by_the_file() {
    let mut tree = tree(&["/a/f"]);
    let expected = is(TreeErrorCode::NotADirectory, "/a/f");
    for path in ["/a/f/g", "/a/f/g/h"] {
        assert_eq!(get_failed(&tree, path), expected);
        for change in [
            set(""),
            TreeChange::Create(DIRECTORY),
            TreeChange::CreateInOrder(file("")),
            TreeChange::Update(file("")),
            swap(compare(Some("v"), None), ""),
            TreeChange::CompareAndDelete(compare(Some("v"), None)),
            DELETE_ALL,
        ] {
            assert_eq!(failed(&mut tree, path, change), expected);
        }
    }
}

#[test]
fn the_root_cannot_be_written() {
    let mut tree = tree(&["/a"]);
    for change in [
        set(""),
        TreeChange::Set(DIRECTORY),
        TreeChange::Create(DIRECTORY),
        TreeChange::Update(file("")),
        swap(compare(Some("v"), None), ""),
        DELETE,
        DELETE_DIR,
        DELETE_ALL,
    ] {
        assert_eq!(
            failed(&mut tree, "/", change),
            is(TreeErrorCode::RootReadOnly, "/")
        );
    }
}

#[test]
fn compare_and_delete_of_the_root_is_not_a_file_without_cause() {
    let change = TreeChange::CompareAndDelete(compare(Some("v"), None));
    assert_eq!(
        failed(&mut tree(&[]), "/", change),
        is(TreeErrorCode::NotAFile, "")
    );
}

#[test]
fn the_root_is_an_empty_directory_from_the_beginning() {
    assert_eq!(get(&Tree::new(2), "/"), node("/", None, 0, 0));
}

#[test]
fn get_lists_one_level_and_recursive_all() {
    let tree = tree(&["/a/b/c", "/a/d", "/e"]);
    assert_eq!(listing(&tree, "/", false), "// [/a/ /e]");
    assert_eq!(listing(&tree, "/a", false), "/a/ [/a/b/ /a/d]");
    assert_eq!(listing(&tree, "/", true), "// [/a/ [/a/b/ [/a/b/c] /a/d] /e]");
    assert_eq!(listing(&tree, "/a/d", true), "/a/d");
}

#[test]
fn siblings_are_listed_by_name_whatever_lies_below_them() {
    let tree = tree(&["/a/x", "/a-b/x", "/a!", "/a.b/x/y", "/a/-", "/ab", "/a\0"]);
    let expected = "// [/a/ /a\0 /a! /a-b/ /a.b/ /ab]";
    assert_eq!(listing(&tree, "/", false), expected);
    assert_eq!(listing(&tree, "/a", true), "/a/ [/a/- /a/x]");
}

#[test]
fn hidden_nodes_are_listed_only_below_the_hidden_directory_asked_for() {
    let tree = tree(&["/_h/f", "/_h/d/f", "/_h/_g", "/a/_x/y", "/a/z", "/_f"]);
    assert_eq!(listing(&tree, "/", true), "// [/a/ [/a/z]]");
    assert_eq!(listing(&tree, "/", false), "// [/a/]");
    assert_eq!(listing(&tree, "/_h", true), "/_h/ [/_h/d/ [/_h/d/f] /_h/f]");
    assert_eq!(listing(&tree, "/a/_x", false), "/a/_x/ [/a/_x/y]");
    assert_eq!(get(&tree, "/_f"), node("/_f", Some("v"), 6, 6));
}

#[test]
fn an_unclean_path_is_answered_as_if_nothing_were_there() {
    let mut tree = tree(&["/a/b"]);
    let deep = "/a".repeat(1000);
    for path in ["", "a", "/a/", "//", "/a//b", "/a/./b", "/a/../a", deep.as_str()] {
        let expected = is(TreeErrorCode::KeyNotFound, path);
        assert_eq!(get_failed(&tree, path), expected);
        assert_eq!(failed(&mut tree, path, set("")), expected);
        assert_eq!(failed(&mut tree, path, DELETE_ALL), expected);
    }
}

#[test]
fn a_skipped_index_is_used_up() {
    let mut tree = Tree::new(2);
    tree.skip_index();
    assert_eq!(done(&mut tree, "/f", set("")).node.modified_index, 4);
}
