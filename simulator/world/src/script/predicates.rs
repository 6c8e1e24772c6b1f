//! What can be asked of a cluster: each predicate is a function to a value, written as a script writes it.

use std::collections::BTreeSet;
use std::fmt;

use raft_core::{FollowerView, Membership, NodeId, Raft};

use super::cluster::Cluster;
use super::error::Problem;
use super::print;

type Found = Result<String, Problem>;

/// Of the cluster, of one node, or of one node about another.
#[derive(Clone, Copy)]
pub(super) enum Value {
    Cluster(fn(&Cluster) -> Found),
    Node(fn(&Cluster, NodeId) -> Found),
    Pair(fn(&Cluster, NodeId, NodeId) -> Found),
}

/// The name of each, how it is written, and what it asks for.
pub(super) const PREDICATES: &[(&str, &str, Value)] = &[
    ("leader", "leader=I|none", Value::Cluster(leader)),
    (
        "config",
        "config={1,2}&{1,3}+{4}|none: the leader's voters & outgoing voters + learners",
        Value::Cluster(leaders_config),
    ),
    (
        "config",
        "config(I)={1,2,3}: as in I's log",
        Value::Node(config_of),
    ),
    (
        "role",
        "role(I)=leader|candidate|pre-candidate|follower|down",
        Value::Node(role),
    ),
    ("term", "term(I)=T", Value::Node(|c, id| of(c, id, Raft::term))),
    (
        "vote",
        "vote(I)=J|none",
        Value::Node(|c, id| maybe(c, id, |raft| raft.ballot().voted_for)),
    ),
    (
        "log",
        "log(I)=t,t|none: the terms of the entries in memory",
        Value::Node(log),
    ),
    (
        "last",
        "last(I)=K",
        Value::Node(|c, id| of(c, id, |raft| raft.last().index)),
    ),
    (
        "mark",
        "mark(I)=K@T: what the log in memory begins after",
        Value::Node(mark),
    ),
    (
        "commit",
        "commit(I)=K",
        Value::Node(|c, id| of(c, id, Raft::commit_index)),
    ),
    (
        "applied",
        "applied(I)=K",
        Value::Node(|c, id| of(c, id, Raft::last_applied)),
    ),
    (
        "durable",
        "durable(I)=K",
        Value::Node(|c, id| of(c, id, Raft::durable_index)),
    ),
    (
        "version",
        "version(I)=V: in force in I's log",
        Value::Node(version),
    ),
    (
        "state",
        "state(I)=DIGEST: of all that I applied",
        Value::Node(digest),
    ),
    (
        "disk",
        "disk(I)=t,t|none: the terms of the entries in the journal",
        Value::Node(disk),
    ),
    (
        "snapshot",
        "snapshot(I)=K@T: the newest on the disk",
        Value::Node(snapshot),
    ),
    (
        "reads",
        "reads(I)=7,8|none: those that I may answer",
        Value::Node(reads),
    ),
    ("removed", "removed(I)=yes|no", Value::Node(removed)),
    (
        "transferring",
        "transferring(I)=J|none: to whom I hands the lead over",
        Value::Node(|c, id| maybe(c, id, Raft::transferring)),
    ),
    (
        "round",
        "round(I)=R|none: the newest that I, a leader, began",
        Value::Node(|c, id| maybe(c, id, Raft::round)),
    ),
    (
        "round",
        "round(I,J)=R|none: the newest that J acknowledged to I",
        Value::Pair(|c, id, peer| follower(c, id, peer, |view| view.round)),
    ),
    (
        "match",
        "match(I,J)=K|none: what I, a leader, knows J to have",
        Value::Pair(|c, id, peer| follower(c, id, peer, |view| view.match_index)),
    ),
    (
        "next",
        "next(I,J)=K|none: what I, a leader, sends J next",
        Value::Pair(|c, id, peer| follower(c, id, peer, |view| view.next_index)),
    ),
    (
        "state",
        "state(I,J)=probe|pipeline|snapshot|none: how I, a leader, sends to J",
        Value::Pair(|c, id, peer| follower(c, id, peer, |view| view.pace)),
    ),
    (
        "inflight",
        "inflight(I,J)=M|none: AppendEntries from I, a leader, on their way to J",
        Value::Pair(|c, id, peer| follower(c, id, peer, |view| view.inflight.0)),
    ),
];

fn of<T: fmt::Display>(cluster: &Cluster, id: NodeId, value: impl Fn(&Raft) -> T) -> Found {
    Ok(value(cluster.raft(id)?).to_string())
}

fn maybe<T: fmt::Display>(cluster: &Cluster, id: NodeId, value: impl Fn(&Raft) -> Option<T>) -> Found {
    Ok(or_none(value(cluster.raft(id)?)))
}

/// What the leader `id` knows of `peer`.
fn follower<T: fmt::Display>(
    cluster: &Cluster,
    id: NodeId,
    peer: NodeId,
    value: impl Fn(FollowerView) -> T,
) -> Found {
    maybe(cluster, id, |raft| raft.follower(peer).map(&value))
}

/// Who leads the highest term that is led.
fn leader(cluster: &Cluster) -> Found {
    Ok(or_none(cluster.leader()))
}

fn leaders_config(cluster: &Cluster) -> Found {
    match cluster.leader() {
        Some(id) => config_of(cluster, id),
        None => Ok("none".to_owned()),
    }
}

fn config_of(cluster: &Cluster, id: NodeId) -> Found {
    Ok(config(cluster.raft(id)?.log_membership()))
}

/// `{1,2,3}`, `{1,2}&{1,3}` while joint, `{1,2,3}+{4}` with learners.
fn config(membership: &Membership) -> String {
    let set = |ids: &BTreeSet<NodeId>| {
        let ids: Vec<String> = ids.iter().map(NodeId::to_string).collect();
        format!("{{{}}}", ids.join(","))
    };
    let mut text = set(&membership.voters);
    for (sign, ids) in [('&', &membership.outgoing), ('+', &membership.learners)] {
        if !ids.is_empty() {
            text.push(sign);
            text.push_str(&set(ids));
        }
    }
    text
}

fn role(cluster: &Cluster, id: NodeId) -> Found {
    let Some(raft) = &cluster.member(id)?.raft else {
        return Ok("down".to_owned());
    };
    let role = print::role(raft);
    Ok(role.split(' ').next().unwrap_or_default().to_owned())
}

fn log(cluster: &Cluster, id: NodeId) -> Found {
    let entries = cluster.raft(id)?.entries();
    Ok(list(entries.map(|entry| entry.position.term)))
}

fn mark(cluster: &Cluster, id: NodeId) -> Found {
    of(cluster, id, |raft| raft.mark().position)
}

fn version(cluster: &Cluster, id: NodeId) -> Found {
    of(cluster, id, |raft| raft.log_membership().settings.version)
}

fn digest(cluster: &Cluster, id: NodeId) -> Found {
    Ok(format!("{:08x}", cluster.member(id)?.state.digest()))
}

/// Of a node that is up or down.
fn disk(cluster: &Cluster, id: NodeId) -> Found {
    let entries = &cluster.member(id)?.disk.image.entries;
    Ok(list(entries.iter().map(|entry| entry.position.term)))
}

/// Of a node that is up or down.
fn snapshot(cluster: &Cluster, id: NodeId) -> Found {
    Ok(cluster.member(id)?.disk.snapshot().mark.position.to_string())
}

fn reads(cluster: &Cluster, id: NodeId) -> Found {
    Ok(list(cluster.member(id)?.reads.iter()))
}

fn removed(cluster: &Cluster, id: NodeId) -> Found {
    let removed = cluster.member(id)?.removed;
    Ok(if removed { "yes" } else { "no" }.to_owned())
}

fn or_none(value: Option<impl fmt::Display>) -> String {
    value.map_or("none".to_owned(), |value| value.to_string())
}

/// `1,1,2`, or `none`.
fn list(values: impl Iterator<Item = impl fmt::Display>) -> String {
    let values: Vec<String> = values.map(|value| value.to_string()).collect();
    if values.is_empty() {
        "none".to_owned()
    } else {
        values.join(",")
    }
}

/// The language as a page: all commands, all predicates.
#[must_use]
pub fn page() -> String {
    let mut text = super::commands::page();
    text.push_str("# Predicates of `expect`, `expect-never` and `until`\n\n");
    text.push_str("`=` stands for `=`, `!=`, `>=` and `<=`; the last two compare numbers.\n\n");
    for (_, usage, _) in PREDICATES {
        let (written, meaning) = usage.split_once(": ").unwrap_or((usage, ""));
        let colon = if meaning.is_empty() { "" } else { ": " };
        text.push_str(&format!("- `{written}`{colon}{meaning}\n"));
    }
    text
}
