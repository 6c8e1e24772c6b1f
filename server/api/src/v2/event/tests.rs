use bytes::Bytes;
use node::Failure;
use storage::store::command::{ClusterTime, Failure as StoreFailure, TreeErrorCode, TreeFailure};

use super::*;
use crate::tests::{head, rendered, text};

const NOW: ClusterTime = ClusterTime(1_795_325_910_500_000_000);

fn file(key: &'static str, value: Option<&'static [u8]>, modified: u64, created: u64) -> TreeNode {
    TreeNode {
        key: Bytes::from_static(key.as_bytes()),
        value: value.map(Bytes::from_static),
        dir: false,
        expiration: None,
        nodes: vec![],
        modified_index: modified,
        created_index: created,
    }
}

fn dir(key: &'static str, index: u64, nodes: Vec<TreeNode>) -> TreeNode {
    TreeNode {
        dir: true,
        nodes,
        ..file(key, None, index, index)
    }
}

fn done(action: TreeAction, node: TreeNode, previous: Option<TreeNode>) -> Result<Answer, Failure> {
    let event = TreeEvent {
        action,
        time: NOW,
        node,
        previous,
    };
    Ok(match action {
        TreeAction::Get => Answer::Found(Found::Tree(event)),
        _ => Answer::Done(Outcome::Tree(event)),
    })
}

const OLD: &str = r#""prevNode":{"key":"/foo","value":"bar","modifiedIndex":4,"createdIndex":4}"#;

#[test]
fn events_are_rendered_with_their_status() {
    use TreeAction as Action;
    let foo = |value, modified, created| file("/foo", value, modified, created);
    let old = || Some(foo(Some(b"bar"), 4, 4));
    let new = |value: &str, created: u64| {
        format!(r#""node":{{"key":"/foo",{value}"modifiedIndex":5,"createdIndex":{created}}}"#)
    };
    let baz = r#""value":"baz","#;
    let rows = [
        (
            Action::Set,
            foo(Some(b"baz"), 5, 5),
            None,
            201,
            format!(r#"{{"action":"set",{}}}"#, new(baz, 5)),
        ),
        (
            Action::Set,
            foo(Some(b"baz"), 5, 5),
            old(),
            200,
            format!(r#"{{"action":"set",{},{OLD}}}"#, new(baz, 5)),
        ),
        (
            Action::Create,
            foo(Some(b""), 5, 5),
            None,
            201,
            format!(r#"{{"action":"create",{}}}"#, new(r#""value":"","#, 5)),
        ),
        (
            Action::Update,
            foo(Some(b"baz"), 5, 4),
            old(),
            200,
            format!(r#"{{"action":"update",{},{OLD}}}"#, new(baz, 4)),
        ),
        (
            Action::CompareAndSwap,
            foo(Some(b"baz"), 5, 4),
            old(),
            200,
            format!(r#"{{"action":"compareAndSwap",{},{OLD}}}"#, new(baz, 4)),
        ),
        (
            Action::Delete,
            foo(None, 5, 4),
            old(),
            200,
            format!(r#"{{"action":"delete",{},{OLD}}}"#, new("", 4)),
        ),
        (
            Action::CompareAndDelete,
            foo(None, 5, 4),
            old(),
            200,
            format!(r#"{{"action":"compareAndDelete",{},{OLD}}}"#, new("", 4)),
        ),
    ];
    for (action, node, previous, status, json) in rows {
        let answer = rendered("PUT", "/v2/keys/foo", done(action, node, previous));
        assert_eq!((answer.status, text(&answer.body)), (status, json + "\n"));
        let lines = "Content-Type: application/json\r\nX-Etcd-Cluster-Id: c1\r\nX-Etcd-Index: 5\r\nX-Raft-Index: 41\r\nX-Raft-Term: 2\r\n";
        assert_eq!(head(&answer), lines);
    }
}

#[test]
fn directories_are_rendered_with_their_children() {
    let leaf = file("/a/b/c", Some(b"one"), 43, 43);
    let rows = [
        (dir("/", 0, vec![]), r#"{"dir":true}"#.to_owned()),
        (
            dir("/", 0, vec![dir("/a", 43, vec![]), file("/b", Some(b"<\xff>"), 44, 44)]),
            r#"{"dir":true,"nodes":[{"key":"/a","dir":true,"modifiedIndex":43,"createdIndex":43},{"key":"/b","value":"\u003c\ufffd\u003e","modifiedIndex":44,"createdIndex":44}]}"#.to_owned(),
        ),
        (
            dir("/a", 43, vec![dir("/a/b", 43, vec![leaf])]),
            r#"{"key":"/a","dir":true,"nodes":[{"key":"/a/b","dir":true,"nodes":[{"key":"/a/b/c","value":"one","modifiedIndex":43,"createdIndex":43}],"modifiedIndex":43,"createdIndex":43}],"modifiedIndex":43,"createdIndex":43}"#.to_owned(),
        ),
    ];
    for (node, json) in rows {
        let answer = rendered("GET", "/v2/keys", done(TreeAction::Get, node, None));
        assert_eq!(
            (answer.status, text(&answer.body)),
            (200, format!("{{\"action\":\"get\",\"node\":{json}}}\n"))
        );
    }
}

#[test]
fn writes_can_answer_with_their_action_only() {
    let node = || file("/foo", Some(b"x"), 5, 5);
    let get = r#"{"action":"get","node":{"key":"/foo","value":"x","modifiedIndex":5,"createdIndex":5}}"#;
    let delete =
        r#"{"action":"delete","node":{"key":"/foo","value":"x","modifiedIndex":5,"createdIndex":5}}"#;
    let rows = [
        (TreeAction::Set, 201, r#"{"action":"set"}"#),
        (TreeAction::Create, 201, r#"{"action":"create"}"#),
        (TreeAction::Update, 200, r#"{"action":"update"}"#),
        (TreeAction::CompareAndSwap, 200, r#"{"action":"compareAndSwap"}"#),
        (TreeAction::Get, 200, get),
        (TreeAction::Delete, 200, delete),
    ];
    for (action, status, json) in rows {
        let answer = rendered(
            "PUT",
            "/v2/keys/foo?noValueOnSuccess=true",
            done(action, node(), None),
        );
        assert_eq!((answer.status, text(&answer.body)), (status, format!("{json}\n")));
    }
}

#[test]
fn failures_of_the_tree_have_their_number_and_index() {
    use TreeErrorCode as Code;
    let rows: [(_, &[u8], _, _); 9] = [
        (
            Code::KeyNotFound,
            b"/nope",
            404,
            r#"100,"message":"Key not found","cause":"/nope""#,
        ),
        (
            Code::CompareFailed,
            b"[a != b]",
            412,
            r#"101,"message":"Compare failed","cause":"[a != b]""#,
        ),
        (
            Code::NotAFile,
            b"/d",
            403,
            r#"102,"message":"Not a file","cause":"/d""#,
        ),
        (Code::NotAFile, b"", 403, r#"102,"message":"Not a file""#),
        (
            Code::NotADirectory,
            b"/a\xff",
            400,
            r#"104,"message":"Not a directory","cause":"/a\ufffd""#,
        ),
        (
            Code::KeyExists,
            b"/a",
            412,
            r#"105,"message":"Key already exists","cause":"/a""#,
        ),
        (
            Code::RootReadOnly,
            b"/",
            400,
            r#"107,"message":"Root is read only","cause":"/""#,
        ),
        (
            Code::DirectoryNotEmpty,
            b"/d",
            403,
            r#"108,"message":"Directory not empty","cause":"/d""#,
        ),
        (
            Code::KeyNotFound,
            b"<",
            404,
            r#"100,"message":"Key not found","cause":"\u003c""#,
        ),
    ];
    for (code, cause, status, json) in rows {
        let tree = TreeFailure {
            code,
            cause: Bytes::from_static(cause),
            index: 29,
        };
        let answer = rendered("GET", "/v2/keys/a", Err(Failure::Store(StoreFailure::Tree(tree))));
        assert_eq!(
            (answer.status, text(&answer.body)),
            (status, format!("{{\"errorCode\":{json},\"index\":29}}\n"))
        );
        let lines = "Content-Type: application/json\r\nX-Etcd-Cluster-Id: c1\r\nX-Etcd-Index: 29\r\n";
        assert_eq!(head(&answer), lines);
    }
}

#[test]
fn other_failures_are_internal() {
    let rows = [
        (Failure::Timeout, "etcdserver: request timed out"),
        (Failure::NoLeader, "etcdserver: no leader"),
        (Failure::TooLarge, "etcdserver: request is too large"),
        (Failure::TooManyRequests, "etcdserver: too many requests"),
        (Failure::Stopped, "etcdserver: server stopped"),
    ];
    for (failure, cause) in rows {
        let answer = rendered("PUT", "/v2/keys/a", Err(failure));
        let json =
            format!(r#"{{"errorCode":300,"message":"Raft Internal Error","cause":"{cause}","index":0}}"#);
        assert_eq!((answer.status, text(&answer.body)), (500, json + "\n"));
        assert!(head(&answer).ends_with("X-Etcd-Index: 0\r\n"));
    }
}

#[test]
fn a_tree_of_any_depth_is_rendered() {
    let mut node = dir("/x", 1, vec![]);
    for _ in 0..20_000 {
        node = dir("/x", 1, vec![node]);
    }
    let mut out = Vec::new();
    super::node(&mut out, &node, NOW);
    assert_eq!(out.iter().filter(|&&byte| byte == b'[').count(), 20_000);
    // Dropping the nested vectors would recurse: take them apart instead.
    while let Some(child) = node.nodes.pop() {
        node = child;
    }
}

fn shown_as(result: Result<Answer, Failure>) -> (u16, String) {
    let answer = rendered("GET", "/v2/keys/f", result);
    (answer.status, text(&answer.body))
}

#[test]
fn what_ends_shows_when_and_what_is_left() {
    let second = 1_000_000_000;
    let ending = |end: u64| TreeNode {
        expiration: Some(ClusterTime(end)),
        ..file("/f", Some(b"v"), 5, 5)
    };
    for (end, shown) in [
        (
            NOW.0 + 5 * second,
            r#""expiration":"2026-11-22T05:38:35.5Z","ttl":5,"#,
        ),
        (
            NOW.0 + 5 * second + 1,
            r#""expiration":"2026-11-22T05:38:35.500000001Z","ttl":6,"#,
        ),
        (NOW.0, r#""expiration":"2026-11-22T05:38:30.5Z","#),
        (
            NOW.0 - 2 * second,
            r#""expiration":"2026-11-22T05:38:28.5Z","ttl":-2,"#,
        ),
    ] {
        let (status, body) = shown_as(done(TreeAction::Get, ending(end), None));
        let node = format!(r#"{{"key":"/f","value":"v",{shown}"modifiedIndex":5,"createdIndex":5}}"#);
        assert_eq!(
            (status, body),
            (200, format!("{{\"action\":\"get\",\"node\":{node}}}\n"))
        );
    }
    let directory = TreeNode {
        expiration: Some(ClusterTime(NOW.0 + second)),
        ..dir("/d", 5, vec![file("/d/f", Some(b""), 6, 6)])
    };
    let (_, body) = shown_as(done(TreeAction::Get, directory, None));
    let order = r#""dir":true,"expiration":"2026-11-22T05:38:31.5Z","ttl":1,"nodes":[{"#;
    assert!(body.contains(order), "{body}");
    let event = TreeEvent {
        action: TreeAction::Expire,
        time: NOW,
        node: file("/f", None, 6, 5),
        previous: Some(ending(NOW.0)),
    };
    let (_, body) = shown_as(Ok(Answer::Done(Outcome::Tree(event))));
    assert!(
        body.starts_with(r#"{"action":"expire","node":{"key":"/f","modifiedIndex":6,"createdIndex":5}"#),
        "{body}"
    );
}

#[test]
fn history_that_is_gone_is_told_by_its_own_number() {
    let tree = TreeFailure {
        code: TreeErrorCode::EventIndexCleared,
        cause: Bytes::from_static(b"the requested history has been cleared [8/7]"),
        index: 1007,
    };
    let (status, body) = shown_as(Err(Failure::Store(StoreFailure::Tree(tree))));
    let json = r#"{"errorCode":401,"message":"The event in requested index is outdated and cleared","cause":"the requested history has been cleared [8/7]","index":1007}"#;
    assert_eq!((status, body), (400, format!("{json}\n")));
}
