//! The v3 transaction: what it says, and whether it may be said.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::command::{Failure, Put};
use super::query::{Found, KeyRange, KeyValue, LeaseId, RangeQuery, Revision};

mod touched;

use touched::Touched;

/// How deep choices may nest. Outcomes nest as deep, and what nests is walked on the stack.
pub const TRANSACTION_DEPTH_MAX: usize = 128;

/// Looks at keys, and carries out one list of operations or the other, all in one revision or not at all.
///
/// The first choice is the transaction itself; operations of a choice may hold others that come later in the list, each
/// at most once. So it is no deeper in memory than any other command, whoever encoded it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transaction {
    /// At least one.
    pub choices: Vec<Choice>,
}

/// A condition and what follows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// All of them must hold; they are looked at in the state before the transaction.
    pub comparisons: Vec<Comparison>,
    /// Carried out in this order if they hold.
    pub success: Vec<Operation>,
    /// Carried out in this order if they do not.
    pub failure: Vec<Operation>,
}

impl Choice {
    fn operations(&self) -> impl Iterator<Item = &Operation> {
        self.success.iter().chain(&self.failure)
    }
}

/// One operation; it sees what those before it did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Operation {
    /// Reads.
    Range(RangeQuery),
    /// Sets a key.
    Put(Put),
    /// Deletes keys.
    DeleteRange {
        /// Which keys.
        range: KeyRange,
        /// Whether to answer with what was deleted.
        previous: bool,
    },
    /// The choice with this number.
    Choice(u32),
}

/// What must hold of every key of a range. Of a range without any key, and of a key that is not there, all numbers are 0,
/// and no comparison of the value holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comparison {
    /// Which keys. The start is not empty.
    pub range: KeyRange,
    /// What is compared, with what.
    pub operand: Operand,
    /// How the key's must be to that.
    pub relation: Relation,
}

/// What is compared with the key's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Operand {
    /// The version.
    Version(u64),
    /// The create_revision.
    Create(Revision),
    /// The mod_revision.
    Mod(Revision),
    /// The value.
    Value(Bytes),
    /// The lease.
    Lease(LeaseId),
}

/// How the key's is to the operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Relation {
    /// The same.
    Equal,
    /// Greater.
    Greater,
    /// Less.
    Less,
    /// Not the same.
    NotEqual,
}

/// What a transaction, or a choice in it, did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chosen {
    /// Whether the comparisons held.
    pub succeeded: bool,
    /// What the operations did, in their order.
    pub results: Vec<OperationResult>,
}

/// What an operation did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OperationResult {
    /// The keys are read.
    Range(Found),
    /// The key is set.
    Put {
        /// What stood there, if asked for and there was something.
        previous: Option<KeyValue>,
    },
    /// The keys are deleted.
    Deleted {
        /// How many.
        count: u64,
        /// Which, if asked for, in key order.
        previous: Vec<KeyValue>,
    },
    /// The choice is made.
    Choice(Chosen),
}

impl Transaction {
    /// Whether it may be carried out at all, by etcd's rules: so many operations at most (of the longest list; choices in
    /// it share what is left), every key given, no key set twice, and none both set and deleted. The two lists of a choice
    /// never meet, so they are apart.
    ///
    /// # Errors
    /// `TooManyOperations`, `EmptyKey`, `DuplicateKey`; `IllFormed` for choices that are not as said above.
    pub fn check(&self, operations_max: usize) -> Result<(), Failure> {
        if self.choices.is_empty() {
            return Err(Failure::IllFormed);
        }
        let mut met = vec![false; self.choices.len()];
        self.check_choice(0, 0, operations_max, &mut met).map(drop)
    }

    /// Whether it changes nothing, whatever is chosen: it need not stand in the log.
    #[must_use]
    pub fn only_reads(&self) -> bool {
        let mut operations = self.choices.iter().flat_map(Choice::operations);
        operations.all(|operation| matches!(operation, Operation::Range(_) | Operation::Choice(_)))
    }

    /// Whether any list of it sets a key.
    #[must_use]
    pub fn may_put(&self) -> bool {
        let mut operations = self.choices.iter().flat_map(Choice::operations);
        operations.any(|operation| matches!(operation, Operation::Put(_)))
    }

    fn check_choice<'a>(
        &'a self,
        number: usize,
        depth: usize,
        operations_max: usize,
        met: &mut [bool],
    ) -> Result<Touched<'a>, Failure> {
        let choice = self.choices.get(number).ok_or(Failure::IllFormed)?;
        if depth > TRANSACTION_DEPTH_MAX || std::mem::replace(&mut met[number], true) {
            return Err(Failure::IllFormed);
        }
        let lists = [&choice.success, &choice.failure];
        let operations = choice.comparisons.len().max(lists[0].len()).max(lists[1].len());
        let left = operations_max
            .checked_sub(operations)
            .ok_or(Failure::TooManyOperations)?;
        if choice
            .comparisons
            .iter()
            .any(|comparison| comparison.range.start.is_empty())
        {
            return Err(Failure::EmptyKey);
        }
        let [success, failure] = lists.map(|list| self.check_list(list, (number, depth, left), met));
        Ok(success?.or(failure?))
    }

    /// One list of the choice with this number, at this depth, in which so many operations are left for each choice.
    fn check_list<'a>(
        &'a self,
        list: &'a [Operation],
        (number, depth, left): (usize, usize, usize),
        met: &mut [bool],
    ) -> Result<Touched<'a>, Failure> {
        let (mut touched, mut inner, mut put) = (Touched::default(), vec![], vec![]);
        for operation in list {
            match operation {
                Operation::Range(query) if query.range.start.is_empty() => return Err(Failure::EmptyKey),
                Operation::Range(_) => {}
                Operation::Put(put) if put.key.is_empty() => return Err(Failure::EmptyKey),
                Operation::Put(operation) => put.push(&operation.key),
                Operation::DeleteRange { range, .. } if range.start.is_empty() => {
                    return Err(Failure::EmptyKey);
                }
                Operation::DeleteRange { range, .. } => touched.delete(range),
                Operation::Choice(number_inside) => {
                    let inside = usize::try_from(*number_inside).map_err(|_| Failure::IllFormed)?;
                    if inside <= number {
                        return Err(Failure::IllFormed);
                    }
                    inner.push(self.check_choice(inside, depth + 1, left, met)?);
                }
            }
        }
        // No key changes twice in a revision. (etcd lets a choice delete what a choice before it sets.)
        for inner in inner {
            if !touched.goes_with(&inner) {
                return Err(Failure::DuplicateKey);
            }
            touched = touched.or(inner);
        }
        for key in put {
            if !touched.put(key) {
                return Err(Failure::DuplicateKey);
            }
        }
        Ok(touched)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::query::RangeEnd;

    fn put(key: &'static str) -> Operation {
        Operation::Put(Put {
            key: key.into(),
            value: Bytes::new(),
            previous: false,
            ignore_value: false,
            ignore_lease: false,
            lease: LeaseId::NONE,
        })
    }

    fn delete(start: &'static str, end: &'static str) -> Operation {
        Operation::DeleteRange {
            range: KeyRange {
                start: start.into(),
                end: RangeEnd::Before(end.into()),
            },
            previous: false,
        }
    }

    /// Each list of two is a choice's lists.
    fn check<const N: usize>(
        choices: [[Vec<Operation>; 2]; N],
        operations_max: usize,
    ) -> Result<(), Failure> {
        let choices = choices.map(|[success, failure]| Choice {
            comparisons: vec![],
            success,
            failure,
        });
        Transaction {
            choices: choices.into(),
        }
        .check(operations_max)
    }

    #[test]
    fn a_key_is_put_once_on_every_way() {
        let duplicate = Err(Failure::DuplicateKey);
        assert_eq!(check([[vec![put("a"), put("a")], vec![]]], 9), duplicate);
        assert_eq!(check([[vec![put("a")], vec![put("a")]]], 9), Ok(()));
        let nested = || vec![put("a"), Operation::Choice(1)];
        assert_eq!(
            check([[nested(), vec![]], [vec![put("a")], vec![]]], 9),
            duplicate
        );
        assert_eq!(
            check([[nested(), vec![]], [vec![], vec![put("a")]]], 9),
            duplicate
        );
        let only_nested = || vec![Operation::Choice(1)];
        assert_eq!(
            check([[only_nested(), vec![]], [vec![put("a")], vec![put("a")]]], 9),
            Ok(())
        );
    }

    #[test]
    fn a_key_is_not_both_put_and_deleted_though_deletions_may_overlap() {
        let duplicate = Err(Failure::DuplicateKey);
        assert_eq!(check([[vec![put("b"), delete("a", "c")], vec![]]], 9), duplicate);
        assert_eq!(check([[vec![put("c"), delete("a", "c")], vec![]]], 9), Ok(()));
        assert_eq!(check([[vec![put("b")], vec![delete("a", "c")]]], 9), Ok(()));
        assert_eq!(
            check([[vec![delete("a", "c"), delete("b", "d")], vec![]]], 9),
            Ok(())
        );
        // Whichever way the inner one goes, it does not both.
        let inner_or = || [vec![put("b")], vec![delete("a", "c")]];
        let inner = || vec![Operation::Choice(1)];
        assert_eq!(check([[inner(), vec![]], inner_or()], 9), Ok(()));
        let and_put = vec![Operation::Choice(1), put("b")];
        assert_eq!(check([[and_put, vec![]], inner_or()], 9), duplicate);
        let and_delete = vec![delete("b", "c"), Operation::Choice(1)];
        assert_eq!(check([[and_delete, vec![]], inner_or()], 9), duplicate);
        let siblings = vec![Operation::Choice(1), Operation::Choice(2)];
        let choices = |first, second| {
            [
                [siblings.clone(), vec![]],
                [vec![first], vec![]],
                [vec![second], vec![]],
            ]
        };
        assert_eq!(check(choices(delete("a", "c"), put("b")), 9), duplicate);
        assert_eq!(check(choices(put("b"), delete("a", "c")), 9), duplicate);
    }

    #[test]
    fn the_longest_list_counts_and_choices_in_it_share_what_is_left() {
        let many = Err(Failure::TooManyOperations);
        assert_eq!(check([[vec![put("a"), put("b")], vec![put("c")]]], 2), Ok(()));
        assert_eq!(check([[vec![put("a"), put("b")], vec![put("c")]]], 1), many);
        let nested = || {
            [
                [vec![Operation::Choice(1)], vec![]],
                [vec![put("a"), put("b")], vec![]],
            ]
        };
        assert_eq!(check(nested(), 3), Ok(()));
        assert_eq!(check(nested(), 2), many);
    }

    #[test]
    fn choices_are_met_once_and_never_in_a_circle() {
        let ill_formed = Err(Failure::IllFormed);
        assert_eq!(check::<0>([], 9), ill_formed);
        assert_eq!(check([[vec![Operation::Choice(0)], vec![]]], 9), ill_formed);
        assert_eq!(check([[vec![Operation::Choice(1)], vec![]]], 9), ill_formed);
        let twice = vec![Operation::Choice(1), Operation::Choice(1)];
        assert_eq!(check([[twice, vec![]], [vec![], vec![]]], 9), ill_formed);
        let deep = (1..=200).map(|next| Choice {
            success: vec![Operation::Choice(next)],
            ..Choice::default()
        });
        let deep = Transaction {
            choices: deep.chain([Choice::default()]).collect(),
        };
        assert_eq!(deep.check(usize::MAX), ill_formed);
    }

    #[test]
    fn a_long_transaction_is_looked_at_in_no_time() {
        let keys: Vec<Bytes> = (0..40_000u32)
            .map(|key| key.to_be_bytes().to_vec().into())
            .collect();
        let put = |key: &Bytes| match put("a") {
            Operation::Put(put) => Operation::Put(Put {
                key: key.clone(),
                ..put
            }),
            other => other,
        };
        // Half of a thousand choices set 80 keys each, the other half delete as often.
        let mut choices = vec![Choice::default(); 34];
        choices[0].success = (1..=33).map(Operation::Choice).collect();
        for outer in 1..=33 {
            let first = u32::try_from(choices.len()).expect("few");
            choices[outer].success = (first..first + 30).map(Operation::Choice).collect();
            for inner in 0..30 {
                let number = (outer - 1) * 15 + inner / 2;
                let some = keys[number * 80..(number + 1) * 80].iter();
                choices.push(Choice {
                    success: match inner % 2 {
                        0 => some.map(put).collect(),
                        _ => some.map(|_| delete("x", "y")).collect(),
                    },
                    ..Choice::default()
                });
            }
        }
        let long = Transaction { choices };
        // Were each put looked at beside each deletion, this would take half a minute.
        assert_eq!(long.check(30 + 33 + 80), Ok(()));
    }
}
