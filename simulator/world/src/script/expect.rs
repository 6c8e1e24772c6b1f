//! What `expect` can ask: each predicate is a function from the cluster to a value, written as a script writes it.

use std::fmt;

use raft_core::{Membership, NodeId};

use super::arguments::{Arguments, node};
use super::cluster::Cluster;
use super::error::Problem;
use super::print;

/// Of the cluster, of one node, or of one node about another.
#[derive(Clone, Copy)]
enum Value {
    Cluster(fn(&Cluster) -> Result<String, Problem>),
    Node(fn(&Cluster, NodeId) -> Result<String, Problem>),
}

/// What each predicate asks for, and how it is written.
const PREDICATES: &[(&str, &str, Value)] = &[
    ("leader", "leader=I|none", Value::Cluster(leader)),
    (
        "config",
        "config={1,2}&{1,3}+{4}: the leader's; voters & outgoing + learners",
        Value::Cluster(leaders_config),
    ),
    (
        "term",
        "term(I)=T",
        Value::Node(|cluster, id| Ok(cluster.raft(id)?.term().to_string())),
    ),
    (
        "role",
        "role(I)=leader|candidate|pre-candidate|follower|down",
        Value::Node(role),
    ),
    ("vote", "vote(I)=J|none", Value::Node(vote)),
    (
        "log",
        "log(I)=t,t|none: the terms of its entries in memory",
        Value::Node(log),
    ),
    (
        "commit",
        "commit(I)=K",
        Value::Node(|cluster, id| Ok(cluster.raft(id)?.commit_index().to_string())),
    ),
    (
        "applied",
        "applied(I)=K",
        Value::Node(|cluster, id| Ok(cluster.raft(id)?.last_applied().to_string())),
    ),
    (
        "last",
        "last(I)=K",
        Value::Node(|cluster, id| Ok(cluster.raft(id)?.last().index.to_string())),
    ),
    (
        "durable",
        "durable(I)=K",
        Value::Node(|cluster, id| Ok(cluster.raft(id)?.durable_index().to_string())),
    ),
    (
        "mark",
        "mark(I)=K@T: what its log in memory begins after",
        Value::Node(|cluster, id| Ok(cluster.raft(id)?.mark().position.to_string())),
    ),
    (
        "disk",
        "disk(I)=t,t|none: the terms of the entries in its journal",
        Value::Node(disk),
    ),
    (
        "snapshot",
        "snapshot(I)=K@T: the snapshot on its disk",
        Value::Node(|cluster, id| Ok(cluster.member(id)?.disk.snapshot_position().to_string())),
    ),
    (
        "state",
        "state(I)=DIGEST: of all that it has applied",
        Value::Node(|cluster, id| Ok(format!("{:08x}", cluster.member(id)?.state.digest()))),
    ),
    (
        "reads",
        "reads(I)=7,8|none: the reads that it may answer",
        Value::Node(reads),
    ),
    (
        "config",
        "config(I)={1,2,3}",
        Value::Node(|cluster, id| Ok(config(cluster.raft(id)?.log_membership()))),
    ),
    (
        "removed",
        "removed(I)=yes|no",
        Value::Node(|cluster, id| Ok(if cluster.member(id)?.removed { "yes" } else { "no" }.to_owned())),
    ),
];

/// A statement about the cluster that holds or not: `commit(1)>=3`.
#[derive(Clone)]
pub(crate) struct Predicate {
    text: String,
    value: Value,
    nodes: Vec<NodeId>,
    operator: Operator,
    expected: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    AtLeast,
    AtMost,
}

/// In the order in which they are looked for.
const OPERATORS: [(&str, Operator); 4] = [
    (">=", Operator::AtLeast),
    ("<=", Operator::AtMost),
    ("!=", Operator::NotEqual),
    ("=", Operator::Equal),
];

impl Predicate {
    /// Reads one.
    pub(crate) fn parse(text: &str, arguments: &Arguments<'_>) -> Result<Predicate, Problem> {
        let unexpected = || Problem::NoSuchPredicate {
            found: text.to_owned(),
            known: PREDICATES
                .iter()
                .map(|(_, usage, _)| *usage)
                .collect::<Vec<_>>()
                .join("; "),
        };
        let split = |(sign, operator)| {
            text.split_once(sign)
                .map(|(subject, value)| (subject, operator, value))
        };
        let (subject, operator, expected) = OPERATORS.into_iter().find_map(split).ok_or_else(unexpected)?;
        let (name, nodes) = match subject.split_once('(') {
            Some((name, rest)) => {
                let inner = rest.strip_suffix(')').ok_or_else(unexpected)?;
                let nodes: Option<Vec<NodeId>> = inner.split(',').map(node).collect();
                (name, nodes.ok_or_else(unexpected)?)
            }
            None => (subject, Vec::new()),
        };
        let fits = |value: &Value| match value {
            Value::Cluster(_) => nodes.is_empty(),
            Value::Node(_) => nodes.len() == 1,
        };
        let row = PREDICATES
            .iter()
            .find(|(known, _, value)| *known == name && fits(value));
        let (_, _, value) = row.ok_or_else(unexpected)?;
        if matches!(operator, Operator::AtLeast | Operator::AtMost) {
            arguments.number_in(expected, "a number to compare with")?;
        }
        Ok(Predicate {
            text: text.to_owned(),
            value: *value,
            nodes,
            operator,
            expected: expected.to_owned(),
        })
    }

    /// All that is left of a line, one at least.
    pub(crate) fn parse_all(arguments: &mut Arguments<'_>) -> Result<Vec<Predicate>, Problem> {
        let mut predicates = Vec::new();
        while predicates.is_empty() || !arguments.is_empty() {
            let word = arguments.word("a predicate, such as commit(1)=2")?;
            predicates.push(Predicate::parse(word, arguments)?);
        }
        Ok(predicates)
    }

    /// Whether it holds; of a node that is down only what can be said of such a one does.
    pub(crate) fn holds(&self, cluster: &Cluster) -> bool {
        self.found(cluster).is_ok_and(|found| self.accepts(&found))
    }

    /// # Errors
    /// What holds instead.
    pub(crate) fn check(&self, cluster: &Cluster) -> Result<(), Problem> {
        let found = self.found(cluster)?;
        if self.accepts(&found) {
            return Ok(());
        }
        Err(Problem::Unmet {
            expected: self.text.clone(),
            found,
        })
    }

    fn found(&self, cluster: &Cluster) -> Result<String, Problem> {
        match (self.value, self.nodes.as_slice()) {
            (Value::Cluster(value), _) => value(cluster),
            (Value::Node(value), &[id, ..]) => value(cluster, id),
            (Value::Node(_), []) => unreachable!("a predicate of a node names it"),
        }
    }

    fn accepts(&self, found: &str) -> bool {
        let compared = || {
            Some(
                found
                    .parse::<u64>()
                    .ok()?
                    .cmp(&self.expected.parse::<u64>().ok()?),
            )
        };
        match self.operator {
            Operator::Equal => found == self.expected,
            Operator::NotEqual => found != self.expected,
            Operator::AtLeast => compared().is_some_and(std::cmp::Ordering::is_ge),
            Operator::AtMost => compared().is_some_and(std::cmp::Ordering::is_le),
        }
    }
}

impl fmt::Display for Predicate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Predicate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Predicate({})", self.text)
    }
}

/// Who leads the highest term that is led, or `none`.
fn leader(cluster: &Cluster) -> Result<String, Problem> {
    Ok(cluster.leader().map_or("none".to_owned(), |id| id.to_string()))
}

fn leaders_config(cluster: &Cluster) -> Result<String, Problem> {
    match cluster.leader() {
        Some(id) => Ok(config(cluster.raft(id)?.log_membership())),
        None => Ok("none".to_owned()),
    }
}

/// `{1,2,3}`, `{1,2}&{1,3}` while joint, `{1,2,3}+{4}` with learners.
fn config(membership: &Membership) -> String {
    let set = |ids: &std::collections::BTreeSet<NodeId>| {
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

fn log(cluster: &Cluster, id: NodeId) -> Result<String, Problem> {
    Ok(list(cluster.raft(id)?.entries().map(|entry| entry.position.term)))
}

fn disk(cluster: &Cluster, id: NodeId) -> Result<String, Problem> {
    let entries = &cluster.member(id)?.disk.image.entries;
    Ok(list(entries.iter().map(|entry| entry.position.term)))
}

fn reads(cluster: &Cluster, id: NodeId) -> Result<String, Problem> {
    Ok(list(cluster.member(id)?.reads.iter()))
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
