//! The answer of `/v2/keys`: an event, which is what was done, the node after it and the node before.

use std::slice;

use node::{Answer, Response};
use storage::store::command::{ClusterTime, Outcome, TreeAction, TreeEvent};
use storage::store::query::{Found, TreeNode};

use super::{cluster_id, error};
use crate::answer::HttpAnswer;
use crate::{civil, text};

/// Renders the node's answer; with `action_only`, a write's success tells its action and nothing else.
pub(crate) fn render(response: &Response, action_only: bool, answer: &mut HttpAnswer) {
    let header = &response.header;
    let (event, index) = match &response.result {
        // Told again, it is told as of then.
        Ok(Answer::Done(Outcome::Tree(event))) => (event, event.index()),
        Ok(Answer::Found(Found::Tree(event))) => (event, header.tree_index),
        Ok(other) => unreachable!("{other:?} to a question about the v2 tree"),
        Err(why) => return error::failed(answer, header.cluster_id, why),
    };
    answer.begin_json(if creates(event) { 201 } else { 200 });
    cluster_id(answer, header.cluster_id);
    answer.header("X-Etcd-Index", index);
    answer.header("X-Raft-Index", header.applied);
    answer.header("X-Raft-Term", header.term);
    write(&mut answer.body, event, action_only);
}

/// Events as watchers get them: one a line.
pub(crate) fn lines(events: &[TreeEvent]) -> Vec<u8> {
    let mut lines = Vec::new();
    for event in events {
        write(&mut lines, event, false);
    }
    lines
}

fn write(body: &mut Vec<u8>, event: &TreeEvent, action_only: bool) {
    body.push(b'{');
    text::string_member(body, "action", name(event.action).as_bytes());
    if !(action_only && stores_a_value(event.action)) {
        text::member(body, "node");
        node(body, &event.node, event.time);
        if let Some(previous) = &event.previous {
            text::member(body, "prevNode");
            node(body, previous, event.time);
        }
    }
    body.extend_from_slice(b"}\n");
}

/// Whether something is there that was not there before.
fn creates(event: &TreeEvent) -> bool {
    match event.action {
        TreeAction::Create => true,
        TreeAction::Set => event.previous.is_none(),
        _ => false,
    }
}

fn stores_a_value(action: TreeAction) -> bool {
    use TreeAction::{CompareAndSwap, Create, Set, Update};
    matches!(action, Set | Create | Update | CompareAndSwap)
}

fn name(action: TreeAction) -> &'static str {
    match action {
        TreeAction::Get => "get",
        TreeAction::Set => "set",
        TreeAction::Create => "create",
        TreeAction::Update => "update",
        TreeAction::CompareAndSwap => "compareAndSwap",
        TreeAction::Delete => "delete",
        TreeAction::CompareAndDelete => "compareAndDelete",
        TreeAction::Expire => "expire",
    }
}

/// Writes a node and all below it. Not recursive: the depth of the tree is up to clients.
fn node<'a>(out: &mut Vec<u8>, root: &'a TreeNode, now: ClusterTime) {
    let mut open: Vec<(&'a TreeNode, slice::Iter<'a, TreeNode>)> = vec![begin(out, root, now)];
    while let Some((parent, children)) = open.last_mut() {
        if let Some(child) = children.next() {
            text::separate(out);
            let child = begin(out, child, now);
            open.push(child);
        } else {
            end(out, parent);
            open.pop();
        }
    }
}

/// Writes what stands before the children.
fn begin<'a>(
    out: &mut Vec<u8>,
    node: &'a TreeNode,
    now: ClusterTime,
) -> (&'a TreeNode, slice::Iter<'a, TreeNode>) {
    out.push(b'{');
    // The root has neither a name nor indexes.
    if node.key.as_ref() != b"/" {
        text::string_member(out, "key", &node.key);
    }
    if let Some(value) = &node.value {
        text::string_member(out, "value", value);
    }
    if node.dir {
        text::member(out, "dir");
        out.extend_from_slice(b"true");
    }
    if let Some(expiration) = node.expiration {
        text::string_member(out, "expiration", civil::rfc3339(expiration.0).as_bytes());
    }
    if let Some(ttl) = node.ttl(now).filter(|ttl| *ttl != 0) {
        text::member(out, "ttl");
        if ttl < 0 {
            out.push(b'-');
        }
        text::number(out, ttl.unsigned_abs());
    }
    if !node.nodes.is_empty() {
        text::member(out, "nodes");
        out.push(b'[');
    }
    (node, node.nodes.iter())
}

/// Writes what stands after the children.
fn end(out: &mut Vec<u8>, node: &TreeNode) {
    if !node.nodes.is_empty() {
        out.push(b']');
    }
    for (name, index) in [
        ("modifiedIndex", node.modified_index),
        ("createdIndex", node.created_index),
    ] {
        if index != 0 {
            text::member(out, name);
            text::number(out, index);
        }
    }
    out.push(b'}');
}

#[cfg(test)]
mod tests;
