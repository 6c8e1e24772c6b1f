//! What `expect` can ask: each predicate is a function from the cluster to a value, written as a script writes it.

use raft_core::NodeId;

use super::arguments::{Arguments, node};
use super::cluster::Cluster;
use super::error::Problem;
use super::print;

/// The value of a predicate, of one node or of the cluster.
type Value = fn(&Cluster, NodeId) -> Result<String, Problem>;

/// Each is written `name(I)=value`; `leader` is the cluster's and has no node.
const PREDICATES: [(&str, Value); 10] = [
    ("leader", leader),
    ("term", |cluster, id| Ok(cluster.raft(id)?.term().to_string())),
    ("role", role),
    ("vote", vote),
    ("log", log),
    ("commit", |cluster, id| {
        Ok(cluster.raft(id)?.commit_index().to_string())
    }),
    ("applied", |cluster, id| {
        Ok(cluster.raft(id)?.last_applied().to_string())
    }),
    ("durable", |cluster, id| {
        Ok(cluster.raft(id)?.durable_index().to_string())
    }),
    ("disk", disk),
    ("reads", reads),
];

/// Checks one `name(I)=value`.
pub(crate) fn expect(cluster: &Cluster, predicate: &str, arguments: &Arguments<'_>) -> Result<(), Problem> {
    const EXPECTED: &str =
        "one of leader=I and term, role, vote, log, commit, applied, durable, disk, reads as name(I)=value";
    let unexpected = || arguments.unexpected(EXPECTED, predicate);
    let (subject, expected) = predicate.split_once('=').ok_or_else(unexpected)?;
    let (name, id) = match subject.split_once('(') {
        Some((name, id)) => (name, id.strip_suffix(')').and_then(node)),
        None => (subject, None),
    };
    let (_, value) = PREDICATES
        .iter()
        .find(|(known, _)| *known == name)
        .ok_or_else(unexpected)?;
    if id.is_some() == (name == "leader") {
        return Err(unexpected());
    }
    let found = value(cluster, id.unwrap_or_default())?;
    if found == expected {
        return Ok(());
    }
    Err(Problem::Unmet {
        expected: predicate.to_owned(),
        found,
    })
}

/// Who leads the highest term that is led, or `none`.
fn leader(cluster: &Cluster, _: NodeId) -> Result<String, Problem> {
    let leaders = cluster.members.iter().filter_map(|(&id, member)| {
        let raft = member.raft.as_ref()?;
        raft.is_leader().then_some((raft.term(), id))
    });
    Ok(leaders.max().map_or("none".to_owned(), |(_, id)| id.to_string()))
}

/// `leader`, `candidate`, `follower` or `down`.
fn role(cluster: &Cluster, id: NodeId) -> Result<String, Problem> {
    let Some(raft) = &cluster.member(id)?.raft else {
        return Ok("down".to_owned());
    };
    let role = print::role(raft);
    Ok(role.split(' ').next().unwrap_or_default().to_owned())
}

fn vote(cluster: &Cluster, id: NodeId) -> Result<String, Problem> {
    let vote = cluster.raft(id)?.ballot().voted_for;
    Ok(vote.map_or("none".to_owned(), |id| id.to_string()))
}

/// The terms of its entries: `1,1,2`, or `none`.
fn log(cluster: &Cluster, id: NodeId) -> Result<String, Problem> {
    Ok(terms(cluster.raft(id)?.entries()))
}

/// The same of what its disk holds, whether it is up or down.
fn disk(cluster: &Cluster, id: NodeId) -> Result<String, Problem> {
    Ok(terms(cluster.member(id)?.image.entries.iter()))
}

fn terms<'a>(entries: impl Iterator<Item = &'a raft_core::Entry>) -> String {
    let terms: Vec<String> = entries.map(|entry| entry.position.term.to_string()).collect();
    if terms.is_empty() {
        "none".to_owned()
    } else {
        terms.join(",")
    }
}

/// The reads that it may answer, in order: `7,8`, or `none`.
fn reads(cluster: &Cluster, id: NodeId) -> Result<String, Problem> {
    let reads: Vec<String> = cluster
        .member(id)?
        .reads
        .iter()
        .map(|read| read.0.to_string())
        .collect();
    Ok(if reads.is_empty() {
        "none".to_owned()
    } else {
        reads.join(",")
    })
}
