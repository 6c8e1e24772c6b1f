//! What the counters in answers promise: time and revisions run the same way. An operation that began after another had
//! its answer never shows a smaller revision; no two writes share one; a value was written at one revision, whoever tells;
//! and on one connection even reads that may be stale never go back.

use std::collections::BTreeMap;

use raft_core::Time;

use crate::operation::{Counters, Key, Operation, Outcome, Value};

/// Two answers that contradict each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contradiction {
    /// The rule.
    pub rule: &'static str,
    /// The earlier answer.
    pub first: Operation,
    /// The later one.
    pub second: Operation,
}

/// Judges a whole history.
///
/// # Errors
/// Two answers that cannot both be right.
pub fn check(history: &[Operation]) -> Result<(), Box<Contradiction>> {
    let answered: Vec<(&Operation, Counters)> = history
        .iter()
        .filter_map(|operation| Some((operation, operation.counters?)))
        .collect();
    for v3 in [true, false] {
        let of_one: Vec<_> = answered
            .iter()
            .filter(|(operation, _)| matches!(operation.key, Key::V3(_)) == v3)
            .copied()
            .collect();
        in_order_of_time(&of_one)?;
        never_back_on_a_connection(&of_one)?;
        writes_have_their_own(&of_one)?;
    }
    values_have_one(&answered)
}

/// An operation that began after another had its answer shows no smaller revision.
fn in_order_of_time(answered: &[(&Operation, Counters)]) -> Result<(), Box<Contradiction>> {
    let bound = || {
        answered
            .iter()
            .filter(|(operation, _)| operation.is_linearizable())
    };
    let mut calls: Vec<_> = bound().collect();
    let mut returns = calls.clone();
    calls.sort_by_key(|(operation, _)| operation.called);
    returns.sort_by_key(|(operation, _)| operation.returned);
    let mut returns = returns.into_iter().peekable();
    let mut newest: Option<&(&Operation, Counters)> = None;
    for call in calls {
        while let Some(earlier) = returns.next_if(|(earlier, _)| earlier.returned < call.0.called) {
            if newest.is_none_or(|newest| newest.1.revision < earlier.1.revision) {
                newest = Some(earlier);
            }
        }
        if let Some(newest) = newest
            && newest.1.revision > call.1.revision
        {
            return Err(contradiction(
                "a later answer shows a smaller revision",
                newest.0,
                call.0,
            ));
        }
    }
    Ok(())
}

fn never_back_on_a_connection(answered: &[(&Operation, Counters)]) -> Result<(), Box<Contradiction>> {
    let mut last: BTreeMap<u64, (&Operation, u64)> = BTreeMap::new();
    let mut in_order = answered.to_vec();
    in_order.sort_by_key(|(operation, _)| (operation.connection, operation.returned));
    for (operation, counters) in in_order {
        if let Some((earlier, revision)) = last.insert(operation.connection, (operation, counters.revision))
            && revision > counters.revision
        {
            return Err(contradiction(
                "a connection's revision went back",
                earlier,
                operation,
            ));
        }
    }
    Ok(())
}

fn writes_have_their_own(answered: &[(&Operation, Counters)]) -> Result<(), Box<Contradiction>> {
    let mut writers: BTreeMap<u64, &Operation> = BTreeMap::new();
    for (operation, counters) in answered {
        let wrote = matches!(operation.outcome, Outcome::Done { .. } | Outcome::Deleted(1..));
        let at = counters.modified.unwrap_or(counters.revision);
        if wrote && let Some(other) = writers.insert(at, operation) {
            return Err(contradiction("two writes have one revision", other, operation));
        }
    }
    Ok(())
}

/// A value was written at one revision, not before its write was sent, and not after it was seen.
fn values_have_one(answered: &[(&Operation, Counters)]) -> Result<(), Box<Contradiction>> {
    let mut written: BTreeMap<(Key, Value), (&Operation, u64)> = BTreeMap::new();
    for (operation, counters) in answered {
        let value = match operation.outcome {
            Outcome::Found(found) => found,
            Outcome::Done { .. } => operation.action.writes(),
            _ => None,
        };
        let (Some(value), Some(modified)) = (value, counters.modified) else {
            continue;
        };
        if modified > counters.revision {
            return Err(contradiction(
                "a value is newer than the answer that shows it",
                operation,
                operation,
            ));
        }
        let (first, at) = *written
            .entry((operation.key, value))
            .or_insert((operation, modified));
        if at != modified {
            return Err(contradiction("one value has two revisions", first, operation));
        }
    }
    Ok(())
}

/// Every value that was read had been sent by then.
///
/// # Errors
/// A read of what was not written, or not yet.
pub fn check_origins(history: &[Operation]) -> Result<(), Box<Contradiction>> {
    let mut sent: BTreeMap<Value, (Key, Time)> = BTreeMap::new();
    for operation in history {
        if let Some(value) = operation.action.writes() {
            sent.insert(value, (operation.key, operation.called));
        }
    }
    for operation in history {
        if let Outcome::Found(Some(value)) = operation.outcome {
            let origin = sent.get(&value);
            if origin.is_none_or(|&(key, called)| key != operation.key || called > operation.returned) {
                return Err(contradiction(
                    "a value was read that nobody had written",
                    operation,
                    operation,
                ));
            }
        }
    }
    Ok(())
}

fn contradiction(rule: &'static str, first: &Operation, second: &Operation) -> Box<Contradiction> {
    Box::new(Contradiction {
        rule,
        first: *first,
        second: *second,
    })
}

#[cfg(test)]
mod tests {
    use raft_core::NodeId;

    use super::*;
    use crate::operation::Action;

    fn get(called: u64, value: Option<u32>, revision: u64, modified: Option<u64>) -> Operation {
        Operation {
            client: 0,
            connection: called,
            member: NodeId(1),
            key: Key::V3(0),
            action: Action::Get { linearizable: true },
            called: Time(called),
            returned: Time(called + 1),
            outcome: Outcome::Found(value.map(Value)),
            counters: Some(Counters { revision, modified }),
        }
    }

    fn put(called: u64, value: u32, revision: u64) -> Operation {
        Operation {
            action: Action::Put {
                value: Value(value),
                previous: false,
            },
            outcome: Outcome::Done { previous: None },
            ..get(called, None, revision, Some(revision))
        }
    }

    fn broken_rule(history: &[Operation]) -> Option<&'static str> {
        check(history).err().map(|found| found.rule)
    }

    #[test]
    fn time_and_revisions_run_the_same_way() {
        assert_eq!(broken_rule(&[put(1, 1, 2), get(3, Some(1), 2, Some(2))]), None);
        assert_eq!(
            broken_rule(&[put(1, 1, 3), get(3, None, 2, None)]),
            Some("a later answer shows a smaller revision")
        );
        // At the same time either order is possible.
        assert_eq!(broken_rule(&[put(1, 1, 3), get(2, None, 2, None)]), None);
    }

    #[test]
    fn stale_reads_may_lag_but_not_go_back_on_their_connection() {
        let stale = |called, connection, revision| Operation {
            action: Action::Get { linearizable: false },
            connection,
            ..get(called, None, revision, None)
        };
        assert_eq!(broken_rule(&[stale(1, 1, 5), stale(3, 2, 4)]), None);
        assert_eq!(
            broken_rule(&[stale(1, 1, 5), stale(3, 1, 4)]),
            Some("a connection's revision went back")
        );
    }

    #[test]
    fn writes_and_values_have_revisions_of_their_own() {
        assert_eq!(
            broken_rule(&[put(1, 1, 2), put(3, 2, 2)]),
            Some("two writes have one revision")
        );
        assert_eq!(
            broken_rule(&[put(1, 1, 2), get(3, Some(1), 4, Some(3))]),
            Some("one value has two revisions")
        );
        assert_eq!(
            broken_rule(&[get(3, Some(1), 4, Some(5))]),
            Some("a value is newer than the answer that shows it")
        );
    }

    #[test]
    fn a_value_has_an_origin() {
        assert!(check_origins(&[put(1, 1, 2), get(3, Some(1), 2, Some(2))]).is_ok());
        assert!(check_origins(&[get(3, Some(1), 2, Some(2))]).is_err());
        assert!(check_origins(&[get(3, Some(1), 2, Some(2)), put(5, 1, 3)]).is_err());
    }
}
