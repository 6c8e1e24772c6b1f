//! Statements about the cluster: what `expect`, `expect-never` and `until` ask.

use std::fmt;

use raft_core::NodeId;

use super::arguments::{Arguments, node};
use super::cluster::Cluster;
use super::error::Problem;
use super::predicates::{PREDICATES, Value};

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
            Value::Pair(_) => nodes.len() == 2,
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
            (Value::Pair(value), &[id, other, ..]) => value(cluster, id, other),
            (Value::Node(_) | Value::Pair(_), _) => unreachable!("a predicate of nodes names them"),
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
