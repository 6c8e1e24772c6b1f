//! Carrying out a transaction: first all comparisons on the way that is taken, then whether each operation there can be
//! carried out, and only then the operations, in slices where they delete much.

use std::cmp::Ordering;
use std::collections::VecDeque;
use std::ops::Bound;

use super::delete::Deleting;
use super::keys::Keyspace;
use crate::store::command::{Failure, Put};
use crate::store::query::{KeyRange, LeaseId, RangeQuery, Revision};
use crate::store::transaction::{
    Chosen, Comparison, Operand, Operation, OperationResult, Relation, Transaction,
};

/// A transaction in the making. What it changes bears a revision that nobody else can read yet.
#[derive(Clone, Debug)]
pub(in crate::store) struct Transacting {
    steps: VecDeque<Step>,
    /// The choices that are open, the outermost first.
    open: Vec<Chosen>,
    /// The deletion that is going on.
    deleting: Option<Deleting>,
    /// Whether anything changed.
    pub(in crate::store) changed: bool,
}

#[derive(Clone, Debug)]
enum Step {
    /// A choice begins; its comparisons held, or not.
    Open(bool),
    Range(Box<RangeQuery>),
    Put(Box<Put>),
    DeleteRange(KeyRange, bool),
    /// The innermost choice ends.
    Close,
}

impl Keyspace {
    /// Looks at all comparisons, and whether every operation on the way can be carried out.
    pub(in crate::store) fn begin_transaction(
        &self,
        mut transaction: Transaction,
    ) -> Result<Transacting, Failure> {
        let mut steps = VecDeque::new();
        let mut reading = Reading { left: ROWS_READ_MAX };
        self.choose(&mut transaction, 0, &mut steps, &mut reading)?;
        steps
            .iter()
            .try_for_each(|step| self.check_step(step, &mut reading))?;
        Ok(Transacting {
            steps,
            open: Vec::new(),
            deleting: None,
            changed: false,
        })
    }

    /// What a transaction that only reads finds.
    pub(in crate::store) fn look(&self, transaction: Transaction) -> Result<Chosen, Failure> {
        let mut transacting = self.begin_transaction(transaction)?;
        while let Some(step) = transacting.steps.pop_front() {
            let result = match step {
                Step::Range(query) => Some(self.read(&query, self.revision())),
                Step::Open(succeeded) => {
                    transacting.open(succeeded);
                    None
                }
                Step::Close => match transacting.close() {
                    Some(chosen) => return Ok(chosen),
                    None => None,
                },
                Step::Put(_) | Step::DeleteRange(..) => return Err(Failure::IllFormed),
            };
            transacting.add(result);
        }
        unreachable!("the outermost choice ends")
    }

    /// How many rows a transaction changes or deletes, at most so many.
    pub(in crate::store) fn rows_of_transaction(&self, transacting: &Transacting, rows_max: usize) -> usize {
        transacting.steps.iter().fold(0, |rows: usize, step| match step {
            _ if rows >= rows_max => rows,
            Step::DeleteRange(range, previous) => {
                let deleting = Deleting::range(range.clone(), *previous);
                rows + self.rows_to_delete(&deleting, rows_max - rows)
            }
            Step::Range(_) | Step::Put(_) | Step::Open(_) | Step::Close => rows + 1,
        })
    }

    /// Carries out about so many rows of it; returns what it did once it is complete.
    pub(in crate::store) fn transact(
        &mut self,
        transacting: &mut Transacting,
        modified: Revision,
        rows_max: usize,
    ) -> Option<Chosen> {
        let mut rows_left = rows_max;
        loop {
            if let Some(deleting) = &mut transacting.deleting {
                rows_left = self.delete_some(deleting, modified, rows_left.max(1))?;
                transacting.deleted();
            }
            if rows_left == 0 {
                return None;
            }
            rows_left -= 1;
            let step = transacting.steps.pop_front().expect("the outermost choice ends");
            let result = match step {
                Step::Open(succeeded) => {
                    transacting.open(succeeded);
                    None
                }
                Step::Range(query) => Some(self.read(&query, modified)),
                Step::Put(put) => {
                    let previous = self.put_at(*put, modified).expect("it was looked at before");
                    transacting.changed = true;
                    Some(OperationResult::Put { previous })
                }
                Step::DeleteRange(range, previous) => {
                    transacting.deleting = Some(Deleting::range(range, previous));
                    None
                }
                Step::Close => match transacting.close() {
                    Some(chosen) => return Some(chosen),
                    None => None,
                },
            };
            transacting.add(result);
        }
    }

    /// Takes the steps of a choice out of the transaction, as its comparisons and those in it say.
    fn choose(
        &self,
        transaction: &mut Transaction,
        number: usize,
        steps: &mut VecDeque<Step>,
        reading: &mut Reading,
    ) -> Result<(), Failure> {
        let choice = std::mem::take(&mut transaction.choices[number]);
        let mut succeeded = true;
        for comparison in &choice.comparisons {
            succeeded = succeeded && self.compare(comparison, reading)?;
        }
        steps.push_back(Step::Open(succeeded));
        let list = if succeeded { choice.success } else { choice.failure };
        for operation in list {
            match operation {
                Operation::Range(query) => steps.push_back(Step::Range(Box::new(query))),
                Operation::Put(put) => steps.push_back(Step::Put(Box::new(put))),
                Operation::DeleteRange { range, previous } => {
                    steps.push_back(Step::DeleteRange(range, previous));
                }
                Operation::Choice(inner) => self.choose(transaction, inner as usize, steps, reading)?,
            }
        }
        steps.push_back(Step::Close);
        Ok(())
    }

    /// Whether a step can be carried out. A key that is set is not touched by any step before, so the state before the
    /// transaction decides.
    fn check_step(&self, step: &Step, reading: &mut Reading) -> Result<(), Failure> {
        match step {
            Step::Range(query) => {
                self.readable(query.revision)?;
                let start = Bound::Included(&query.range.start[..]);
                let mut rows = self.span(start, &query.range);
                rows.try_for_each(|_| reading.row())
            }
            Step::Put(put) if put.lease != LeaseId::NONE && self.leases.get(put.lease).is_none() => {
                Err(Failure::LeaseNotFound)
            }
            Step::Put(put) if put.ignore_value || put.ignore_lease => {
                let life = self.keys.get(&put.key).and_then(|row| row.newest().life);
                life.map(drop).ok_or(Failure::KeyNotFound)
            }
            Step::Put(_) | Step::DeleteRange(..) | Step::Open(_) | Step::Close => Ok(()),
        }
    }

    fn read(&self, query: &RangeQuery, now: Revision) -> OperationResult {
        let at = query.revision.unwrap_or(now);
        OperationResult::Range(self.range_at(query, at))
    }

    fn compare(&self, comparison: &Comparison, reading: &mut Reading) -> Result<bool, Failure> {
        let Comparison {
            range,
            operand,
            relation,
        } = comparison;
        let mut is_empty = true;
        for row in self.span(Bound::Included(&range.start[..]), range) {
            reading.row()?;
            let newest = row.newest();
            let (modified, Some(life)) = (newest.modified, newest.life) else {
                continue;
            };
            is_empty = false;
            let ordering = match operand {
                Operand::Version(operand) => life.version.cmp(operand),
                Operand::Create(operand) => life.created.cmp(operand),
                Operand::Mod(operand) => modified.cmp(operand),
                Operand::Value(operand) => life.value.as_slice().cmp(operand),
                Operand::Lease(operand) => life.lease.cmp(operand),
            };
            if !relation.holds(ordering) {
                return Ok(false);
            }
        }
        // Where nothing is every number is 0, and no value is anything.
        let nothing = match operand {
            Operand::Version(operand) => 0.cmp(operand),
            Operand::Create(operand) | Operand::Mod(operand) => Revision(0).cmp(operand),
            Operand::Lease(operand) => LeaseId::NONE.cmp(operand),
            Operand::Value(_) => return Ok(!is_empty),
        };
        Ok(!is_empty || relation.holds(nothing))
    }
}

/// How many keys a transaction may look at, in all its comparisons and ranges: it does so in one turn, on every member.
const ROWS_READ_MAX: usize = 1 << 18;

/// How many of those are left.
struct Reading {
    left: usize,
}

impl Reading {
    /// One key is looked at.
    fn row(&mut self) -> Result<(), Failure> {
        self.left = self.left.checked_sub(1).ok_or(Failure::TooManyOperations)?;
        Ok(())
    }
}

impl Transacting {
    fn open(&mut self, succeeded: bool) {
        self.open.push(Chosen {
            succeeded,
            results: Vec::new(),
        });
    }

    /// Ends the innermost choice. Its result belongs to the next outer one; of the outermost it is returned.
    fn close(&mut self) -> Option<Chosen> {
        let chosen = self.open.pop().expect("what ends has begun");
        let Some(outer) = self.open.last_mut() else {
            return Some(chosen);
        };
        outer.results.push(OperationResult::Choice(chosen));
        None
    }

    fn add(&mut self, result: Option<OperationResult>) {
        if let Some(open) = self.open.last_mut() {
            open.results.extend(result);
        }
    }

    /// The deletion that was going on is complete.
    fn deleted(&mut self) {
        let Some(Deleting { count, gone, .. }) = self.deleting.take() else {
            return;
        };
        self.changed |= count > 0;
        self.add(Some(OperationResult::Deleted {
            count,
            previous: gone,
        }));
    }
}

impl Relation {
    fn holds(self, ordering: Ordering) -> bool {
        match self {
            Relation::Equal => ordering.is_eq(),
            Relation::Greater => ordering.is_gt(),
            Relation::Less => ordering.is_lt(),
            Relation::NotEqual => ordering.is_ne(),
        }
    }
}
