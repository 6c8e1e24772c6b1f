//! Every register is linearizable: its operations took effect one after another, each at some moment between its call and
//! its return (Herlihy and Wing). The search is Wing and Gong's with Lowe's memory of states seen, one register at a time.
//!
//! A write without an answer may have happened at any time since, or never: it is free to be left out. Four observations keep
//! the search short, and forbid nothing:
//!
//! - A read that fits where the search stands is taken at once, since it changes nothing.
//! - Values are written once. A write without an answer whose value was seen did happen, before the first who saw it
//!   returned.
//! - Values that nobody ever saw or expected are alike, so they count as one.
//! - Of several writes without an answer that do the same, the one called first may as well be taken first.

use std::collections::{BTreeMap, BTreeSet};

use raft_core::Time;

use crate::operation::{Action, Key, Operation, Outcome, Value};

/// States visited in one register before the search gives up. Never reached by a correct run.
const VISITS_MAX: usize = 2_000_000;

/// Why a register's history is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotLinearizable {
    /// Which register.
    pub key: Key,
    /// Whether the search ended; otherwise it gave up undecided.
    pub decided: bool,
    /// The operations that no order found a place for, and those near them in time, in the order of their calls.
    pub around: Vec<Operation>,
}

/// Judges a whole history.
///
/// # Errors
/// The first register whose operations fit no order.
pub fn check(history: &[Operation]) -> Result<(), NotLinearizable> {
    let mut registers: BTreeMap<Key, Vec<Operation>> = BTreeMap::new();
    for operation in history {
        if counts(operation) {
            registers.entry(operation.key).or_default().push(*operation);
        }
    }
    for (key, mut operations) in registers {
        operations.sort_by_key(|operation| operation.called);
        Search::new(&prepare(&operations))
            .run()
            .map_err(|(decided, furthest)| NotLinearizable {
                key,
                decided,
                around: around(&operations, furthest),
            })?;
    }
    Ok(())
}

/// Whether it says or may have done anything.
fn counts(operation: &Operation) -> bool {
    match operation.outcome {
        Outcome::Refused | Outcome::NoSpace => false,
        Outcome::Unknown => !operation.action.is_read(),
        _ => operation.is_linearizable(),
    }
}

/// Stands for every value that nobody saw.
const UNSEEN: Value = Value(u32::MAX);

/// Uses what is known of values that are written once.
fn prepare(operations: &[Operation]) -> Vec<Operation> {
    // For each value that was seen or expected: when the first who saw it returned.
    let mut seen: BTreeMap<Value, Time> = BTreeMap::new();
    for operation in operations {
        let saw = match operation.outcome {
            Outcome::Found(found) => found,
            Outcome::Done { previous } => previous.flatten(),
            _ => None,
        };
        if let Action::CompareAndSwap { expected, .. } = operation.action {
            let returned = match operation.outcome {
                Outcome::Done { .. } => operation.returned,
                _ => Time::NEVER,
            };
            let first = seen.entry(expected).or_insert(returned);
            *first = returned.min(*first);
        }
        if let Some(value) = saw {
            let first = seen.entry(value).or_insert(operation.returned);
            *first = operation.returned.min(*first);
        }
    }
    operations
        .iter()
        .map(|operation| prepared(*operation, &seen))
        .collect()
}

fn prepared(mut operation: Operation, seen: &BTreeMap<Value, Time>) -> Operation {
    match operation.action.writes().map(|value| seen.get(&value)) {
        None => {}
        Some(None) => {
            operation.action = match operation.action {
                Action::Put { previous, .. } => Action::Put {
                    value: UNSEEN,
                    previous,
                },
                Action::Create { .. } => Action::Create { value: UNSEEN },
                Action::CompareAndSwap { expected, .. } => Action::CompareAndSwap {
                    expected,
                    value: UNSEEN,
                },
                other => other,
            }
        }
        Some(Some(&returned)) if operation.outcome == Outcome::Unknown && returned != Time::NEVER => {
            operation.outcome = Outcome::Done { previous: None };
            operation.returned = returned;
        }
        Some(Some(_)) => {}
    }
    operation
}

/// The operation that the search never got past, with what was concurrent with it or next to it.
fn around(operations: &[Operation], stuck: usize) -> Vec<Operation> {
    let stuck = operations[stuck];
    let before = operations
        .iter()
        .filter(|operation| operation.returned < stuck.called && operation.succeeded())
        .map(|operation| operation.returned)
        .max();
    operations
        .iter()
        .filter(|operation| {
            let returned = if operation.succeeded() {
                operation.returned
            } else {
                Time::NEVER
            };
            operation.called <= stuck.returned && returned >= before.unwrap_or_default()
        })
        .copied()
        .collect()
}

/// What a register holds after `action` with `outcome` on `state`; None if it cannot have been so.
fn effect(state: Option<Value>, action: Action, outcome: Outcome) -> Option<Option<Value>> {
    let unknown = outcome == Outcome::Unknown;
    match (action, outcome) {
        (Action::Get { .. }, Outcome::Found(found)) => (found == state).then_some(state),
        (Action::Put { value, .. }, Outcome::Unknown | Outcome::Done { previous: None }) => Some(Some(value)),
        (
            Action::Put { value, .. },
            Outcome::Done {
                previous: Some(previous),
            },
        ) => (previous == state).then_some(Some(value)),
        (Action::Delete, Outcome::Unknown) => Some(None),
        (Action::Delete, Outcome::Deleted(count)) => (count == u64::from(state.is_some())).then_some(None),
        (Action::Delete, Outcome::Done { previous }) => {
            (state.is_some() && previous.is_none_or(|previous| previous == state)).then_some(None)
        }
        (_, Outcome::NotFound) => state.is_none().then_some(None),
        (Action::Create { .. }, Outcome::Exists) => state.is_some().then_some(state),
        (Action::Create { value }, _) => (state.is_none() || unknown).then_some(state.or(Some(value))),
        (Action::CompareAndSwap { expected, .. }, Outcome::Differs) => {
            state.is_some_and(|held| held != expected).then_some(state)
        }
        (Action::CompareAndSwap { expected, value }, _) => {
            let swaps = state == Some(expected);
            (swaps || unknown).then_some(if swaps { Some(value) } else { state })
        }
        _ => None,
    }
}

struct Search<'a> {
    operations: &'a [Operation],
    taken: Vec<bool>,
    /// Definite operations not taken yet.
    left: usize,
    /// The sets of taken operations and the states after them that lead nowhere or were looked at, by their hash.
    seen: BTreeSet<(u128, Option<Value>)>,
    /// The least operation that stopped the search in the longest order found, and how many that order had.
    furthest: (usize, usize),
}

/// A choice that can be taken back.
struct Step {
    operation: usize,
    before: Option<Value>,
    /// Taken at once and without alternative.
    forced: bool,
}

impl<'a> Search<'a> {
    fn new(operations: &'a [Operation]) -> Search<'a> {
        Search {
            operations,
            taken: vec![false; operations.len()],
            left: operations
                .iter()
                .filter(|operation| operation.succeeded())
                .count(),
            seen: BTreeSet::new(),
            furthest: (0, 0),
        }
    }

    /// Whether an order was found; if not, whether the search ended, and where it stuck.
    fn run(mut self) -> Result<(), (bool, usize)> {
        let mut state = None;
        let mut steps: Vec<Step> = Vec::new();
        let mut hash = 0u128;
        // The next candidate to try; 0 starts afresh after each step.
        let mut from = 0;
        while self.left > 0 {
            if self.seen.len() > VISITS_MAX {
                return Err((false, self.furthest.0));
            }
            if let Some((operation, after, forced)) = self.next(state, from, hash) {
                hash ^= mark(operation);
                self.take(operation, true);
                steps.push(Step {
                    operation,
                    before: state,
                    forced,
                });
                state = after;
                from = 0;
                continue;
            }
            // Nothing fits here: take back the last choice that had alternatives.
            loop {
                let Some(step) = steps.pop() else {
                    return Err((true, self.furthest.0));
                };
                hash ^= mark(step.operation);
                self.take(step.operation, false);
                state = step.before;
                if !step.forced {
                    from = self.rank(step.operation) + 1;
                    break;
                }
            }
        }
        Ok(())
    }

    fn take(&mut self, operation: usize, taken: bool) {
        self.taken[operation] = taken;
        if self.operations[operation].succeeded() {
            if taken {
                self.left -= 1;
            } else {
                self.left += 1;
            }
        }
    }

    /// The place of an operation among all candidates: definite ones first, each kind in the order of calls.
    fn rank(&self, operation: usize) -> usize {
        if self.operations[operation].succeeded() {
            operation
        } else {
            self.operations.len() + operation
        }
    }

    /// The next operation, from rank `from` on, that may come next and leads to where the search has not been.
    fn next(
        &mut self,
        state: Option<Value>,
        from: usize,
        hash: u128,
    ) -> Option<(usize, Option<Value>, bool)> {
        let deadline = self.deadline();
        if from == 0
            && let Some(read) = self.fitting_read(state, deadline)
        {
            return Some((read, state, true));
        }
        let total = self.operations.len();
        for rank in from..2 * total {
            let (operation, definite) = if rank < total {
                (rank, true)
            } else {
                (rank - total, false)
            };
            let candidate = &self.operations[operation];
            if self.taken[operation] || candidate.succeeded() != definite || candidate.called > deadline {
                continue;
            }
            let Some(after) = effect(state, candidate.action, candidate.outcome) else {
                continue;
            };
            // An uncertain write that changes nothing need not be taken, nor one that might be another just like it.
            if !definite && (after == state || self.has_twin(operation)) {
                continue;
            }
            if self.seen.insert((hash ^ mark(operation), after)) {
                return Some((operation, after, false));
            }
        }
        None
    }

    /// Whether an uncertain write that does the same was called before and is not taken.
    fn has_twin(&self, operation: usize) -> bool {
        let own = self.operations[operation].action;
        self.operations[..operation]
            .iter()
            .zip(&self.taken)
            .any(|(other, &taken)| !taken && !other.succeeded() && other.action == own)
    }

    /// The earliest return among definite operations not taken: none that was called later can come first.
    fn deadline(&mut self) -> Time {
        let mut deadline = Time::NEVER;
        let mut stuck = 0;
        for (number, operation) in self.operations.iter().enumerate() {
            if operation.called > deadline {
                break;
            }
            if !self.taken[number] && operation.succeeded() && operation.returned < deadline {
                deadline = operation.returned;
                stuck = number;
            }
        }
        let found = self.operations.len() - self.left;
        if found >= self.furthest.1 {
            self.furthest = (stuck, found);
        }
        deadline
    }

    fn fitting_read(&self, state: Option<Value>, deadline: Time) -> Option<usize> {
        self.operations
            .iter()
            .enumerate()
            .take_while(|(_, operation)| operation.called <= deadline)
            .find(|&(number, operation)| {
                !self.taken[number]
                    && operation.succeeded()
                    && !changes(operation)
                    && effect(state, operation.action, operation.outcome) == Some(state)
            })
            .map(|(number, _)| number)
    }
}

/// Whether an operation with this answer can have changed anything, on whatever state.
fn changes(operation: &Operation) -> bool {
    matches!(
        operation.outcome,
        Outcome::Done { .. } | Outcome::Unknown | Outcome::Deleted(1..)
    )
}

/// A random-looking number for each operation; the exclusive or of several stands for their set.
fn mark(operation: usize) -> u128 {
    let half = |salt: u64| {
        let mut mixed = (operation as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ salt;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    };
    (u128::from(half(0x1234_5678_9abc_def1)) << 64) | u128::from(half(0xfedc_ba98_7654_3211))
}

#[cfg(test)]
mod tests;
