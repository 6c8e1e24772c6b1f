//! The v3 transaction, plainly: what it decides is decided before it changes anything.

use std::cmp::Ordering;

use storage::store::TRANSACTION_OPERATIONS_MAX;
use storage::store::command::Failure;
use storage::store::query::{LeaseId, Revision};
use storage::store::transaction::{
    Chosen, Comparison, Operand, Operation, OperationResult, Relation, Transaction,
};

use super::keyspace::Keyspace;

impl Keyspace {
    /// Carries it out at the next revision.
    pub(super) fn transact(&mut self, transaction: &Transaction) -> Result<Chosen, Failure> {
        transaction.check(TRANSACTION_OPERATIONS_MAX)?;
        let now = self.revision;
        let chosen = self.choose(transaction, 0, now, now, self.floor);
        if chosen.is_err() {
            self.undo();
        }
        chosen
    }

    /// What one finds that only reads, as of a revision.
    ///
    /// # Errors
    /// If it cannot be carried out.
    pub fn look(&self, transaction: &Transaction, now: u64, floor: u64) -> Result<Chosen, Failure> {
        transaction.check(TRANSACTION_OPERATIONS_MAX)?;
        self.clone().choose(transaction, 0, now, now, floor)
    }

    /// Comparisons see the state `before`; operations see what those before them did.
    fn choose(
        &mut self,
        transaction: &Transaction,
        number: usize,
        before: u64,
        now: u64,
        floor: u64,
    ) -> Result<Chosen, Failure> {
        let choice = &transaction.choices[number];
        let holds = |comparison: &Comparison| self.holds(comparison, before);
        let succeeded = choice.comparisons.iter().all(holds);
        let list = if succeeded {
            &choice.success
        } else {
            &choice.failure
        };
        let mut results = Vec::new();
        for operation in list {
            results.push(match operation {
                Operation::Range(query) => match query.revision {
                    Some(_) => OperationResult::Range(self.find(query, before, floor)?),
                    None => {
                        let seen = if now == self.revision { now + 1 } else { now };
                        OperationResult::Range(self.read(query, seen))
                    }
                },
                Operation::Put(put) => OperationResult::Put {
                    previous: self.put(put)?,
                },
                Operation::DeleteRange { range, previous } => {
                    let (count, previous) = self.delete(range, *previous);
                    OperationResult::Deleted { count, previous }
                }
                Operation::Choice(inner) => {
                    OperationResult::Choice(self.choose(transaction, *inner as usize, before, now, floor)?)
                }
            });
        }
        Ok(Chosen { succeeded, results })
    }

    fn holds(&self, comparison: &Comparison, at: u64) -> bool {
        let relation = |ordering: Ordering| match comparison.relation {
            Relation::Equal => ordering == Ordering::Equal,
            Relation::NotEqual => ordering != Ordering::Equal,
            Relation::Greater => ordering == Ordering::Greater,
            Relation::Less => ordering == Ordering::Less,
        };
        let mut pairs = self.range(&comparison.range, at).peekable();
        if pairs.peek().is_none() {
            return match &comparison.operand {
                Operand::Version(operand) => relation(0.cmp(operand)),
                Operand::Create(operand) | Operand::Mod(operand) => relation(Revision(0).cmp(operand)),
                Operand::Lease(operand) => relation(LeaseId::NONE.cmp(operand)),
                Operand::Value(_) => false,
            };
        }
        pairs.all(|pair| {
            relation(match &comparison.operand {
                Operand::Version(operand) => pair.version.cmp(operand),
                Operand::Create(operand) => pair.create_revision.cmp(operand),
                Operand::Mod(operand) => pair.mod_revision.cmp(operand),
                Operand::Lease(operand) => pair.lease.cmp(operand),
                Operand::Value(operand) => pair.value.cmp(operand),
            })
        })
    }
}
