//! `/v3/kv/txn`: requests.

use bytes::Bytes;
use node::Request;
use serde::de::MapAccess;
use storage::store::command::{Command, Failure as StoreFailure};
use storage::store::query::{LeaseId, Query, Revision};
use storage::store::transaction::{Choice, Comparison, Operand, Operation, Relation, Transaction};

use super::ask;
use super::error::Refusal;
use super::json::{Message, Value};
use super::kv::{DeleteRangeRequest, PutRequest, RangeRequest, check_key, key_range};
use super::size::Size;
use crate::Parsed;
use crate::answer::HttpAnswer;
use crate::render::Kind;
use crate::route::Call;

/// Operations of the longest list, with those of the transactions in it: etcd's `--max-txn-ops`.
const OPERATIONS_MAX: usize = 128;

const RESULTS: &[&str] = &["EQUAL", "GREATER", "LESS", "NOT_EQUAL"];
const TARGETS: &[&str] = &["VERSION", "CREATE", "MOD", "VALUE", "LEASE"];

/// `POST /v3/kv/txn`.
pub(crate) fn txn(call: &Call<'_>, answer: &mut HttpAnswer) -> Parsed {
    ask(call, answer, Kind::Txn, TxnRequest::into_request)
}

#[derive(Default)]
struct TxnRequest {
    compare: Vec<Compare>,
    success: Vec<RequestOp>,
    failure: Vec<RequestOp>,
}

impl Message for TxnRequest {
    fn take<'de, A: MapAccess<'de>>(&mut self, name: &str, value: Value<'_, A>) -> Result<(), A::Error> {
        match name {
            "compare" => self.compare = value.messages()?,
            "success" => self.success = value.messages()?,
            "failure" => self.failure = value.messages()?,
            _ => value.pass_over()?,
        }
        Ok(())
    }
}

impl TxnRequest {
    fn into_request(self) -> Result<Request, Refusal> {
        let size = self.size();
        size.check_received()?;
        let linearizable = !self.is_serializable();
        let mut choices = Vec::new();
        self.into_choice(OPERATIONS_MAX, &mut choices)?;
        let transaction = Transaction { choices };
        transaction
            .check(OPERATIONS_MAX)
            .map_err(|failure| Refusal::of(&failure.into()))?;
        if transaction.only_reads() {
            let query = Query::Transaction(transaction);
            return Ok(Request::Read { query, linearizable });
        }
        size.check_replicated()?;
        Ok(Request::Write(Command::Transaction(transaction)))
    }

    /// Appends the choice that it is, and then those in it.
    fn into_choice(self, operations_max: usize, choices: &mut Vec<Choice>) -> Result<(), Refusal> {
        let longest = self.success.len().max(self.failure.len());
        let left = operations_max
            .checked_sub(self.compare.len().max(longest))
            .ok_or_else(|| Refusal::of(&StoreFailure::TooManyOperations.into()))?;
        let place = choices.len();
        choices.push(Choice::default());
        let comparisons = self.compare.into_iter().map(Compare::into_comparison);
        let comparisons = comparisons.collect::<Result<_, _>>()?;
        let mut operations = |list: Vec<RequestOp>| {
            let list = list.into_iter();
            list.map(|operation| operation.into_operation(left, choices))
                .collect::<Result<Vec<Operation>, Refusal>>()
        };
        let success = operations(self.success)?;
        let failure = operations(self.failure)?;
        choices[place] = Choice {
            comparisons,
            success,
            failure,
        };
        Ok(())
    }

    fn operations(&self) -> impl Iterator<Item = &RequestOp> {
        self.success.iter().chain(&self.failure)
    }

    /// Whether it may be answered from a state that is not the newest: nothing in it asks for another.
    fn is_serializable(&self) -> bool {
        self.operations().all(|operation| {
            let range = operation.range.as_deref();
            let txn = operation.txn.as_deref();
            range.is_none_or(RangeRequest::is_serializable) && txn.is_none_or(TxnRequest::is_serializable)
        })
    }

    fn size(&self) -> Size {
        let size = Size::default();
        let size = self
            .compare
            .iter()
            .fold(size, |size, compare| size.message(compare.size()));
        self.operations()
            .fold(size, |size, operation| size.message(operation.size()))
    }
}

/// One of them. Small by itself: a list of millions that say nothing has three bytes for each.
#[derive(Default)]
struct RequestOp {
    range: Option<Box<RangeRequest>>,
    put: Option<Box<PutRequest>>,
    delete_range: Option<Box<DeleteRangeRequest>>,
    txn: Option<Box<TxnRequest>>,
}

impl Message for RequestOp {
    fn take<'de, A: MapAccess<'de>>(&mut self, name: &str, value: Value<'_, A>) -> Result<(), A::Error> {
        match name {
            "request_range" | "requestRange" => self.range = value.message()?.map(Box::new),
            "request_put" | "requestPut" => self.put = value.message()?.map(Box::new),
            "request_delete_range" | "requestDeleteRange" => {
                self.delete_range = value.message()?.map(Box::new);
            }
            "request_txn" | "requestTxn" => self.txn = value.message()?.map(Box::new),
            _ => value.pass_over()?,
        }
        Ok(())
    }
}

impl RequestOp {
    fn into_operation(self, operations_max: usize, choices: &mut Vec<Choice>) -> Result<Operation, Refusal> {
        Ok(match (self.range, self.put, self.delete_range, self.txn) {
            (Some(range), None, None, None) => Operation::Range(range.into_query()?),
            (None, Some(put), None, None) => Operation::Put(put.into_put()?),
            (None, None, Some(delete_range), None) => {
                let (range, previous) = delete_range.into_range()?;
                Operation::DeleteRange { range, previous }
            }
            (None, None, None, Some(txn)) => {
                let number = u32::try_from(choices.len()).expect("a request has not so many");
                txn.into_choice(operations_max, choices)?;
                Operation::Choice(number)
            }
            // etcd's word for it.
            (None, None, None, None) => return Err(Refusal::of(&StoreFailure::KeyNotFound.into())),
            _ => {
                return Err(Refusal::invalid(
                    "an operation of a txn request is one request_ field",
                ));
            }
        })
    }

    fn size(&self) -> Size {
        let inner = [
            self.range.as_deref().map(RangeRequest::size),
            self.put.as_deref().map(PutRequest::size),
            self.delete_range.as_deref().map(DeleteRangeRequest::size),
            self.txn.as_deref().map(TxnRequest::size),
        ];
        inner.into_iter().flatten().fold(Size::default(), Size::message)
    }
}

#[derive(Default)]
struct Compare {
    result: i32,
    target: i32,
    key: Bytes,
    range_end: Bytes,
    version: i64,
    create_revision: i64,
    mod_revision: i64,
    value: Bytes,
    lease: i64,
}

impl Message for Compare {
    fn take<'de, A: MapAccess<'de>>(&mut self, name: &str, value: Value<'_, A>) -> Result<(), A::Error> {
        match name {
            "result" => self.result = value.enumeration(RESULTS)?,
            "target" => self.target = value.enumeration(TARGETS)?,
            "key" => self.key = value.bytes()?,
            "range_end" | "rangeEnd" => self.range_end = value.bytes()?,
            "version" => self.version = value.int64()?,
            "create_revision" | "createRevision" => self.create_revision = value.int64()?,
            "mod_revision" | "modRevision" => self.mod_revision = value.int64()?,
            "value" => self.value = value.bytes()?,
            "lease" => self.lease = value.int64()?,
            _ => value.pass_over()?,
        }
        Ok(())
    }
}

impl Compare {
    /// What is not compared is not looked at; what is compared and not given is 0, or empty.
    fn into_comparison(self) -> Result<Comparison, Refusal> {
        check_key(&self.key)?;
        let relation = match self.result {
            0 => Relation::Equal,
            1 => Relation::Greater,
            2 => Relation::Less,
            3 => Relation::NotEqual,
            // etcd takes it for something that always holds.
            _ => return Err(Refusal::invalid("the field result of a comparison is unknown")),
        };
        let (operand, relation) = match self.target {
            0 => number(Operand::Version, self.version, relation),
            1 => number(|at| Operand::Create(Revision(at)), self.create_revision, relation),
            2 => number(|at| Operand::Mod(Revision(at)), self.mod_revision, relation),
            3 => (Operand::Value(self.value), relation),
            4 => (Operand::Lease(LeaseId(self.lease)), relation),
            _ => return Err(Refusal::invalid("the field target of a comparison is unknown")),
        };
        Ok(Comparison {
            range: key_range(self.key, self.range_end),
            operand,
            relation,
        })
    }

    fn size(&self) -> Size {
        Size::default()
            .integer(self.result.into())
            .integer(self.target.into())
            .bytes(&self.key)
            .bytes(&self.range_end)
            .integer(self.version)
            .integer(self.create_revision)
            .integer(self.mod_revision)
            .bytes(&self.value)
            .integer(self.lease)
    }
}

/// A comparison with a number. None that a key has is negative, so with a negative one it always holds or never.
fn number(operand: impl Fn(u64) -> Operand, with: i64, relation: Relation) -> (Operand, Relation) {
    match (u64::try_from(with), relation) {
        (Ok(with), relation) => (operand(with), relation),
        (Err(_), Relation::Equal | Relation::Less) => (operand(0), Relation::Less),
        (Err(_), Relation::Greater | Relation::NotEqual) => (operand(u64::MAX), Relation::NotEqual),
    }
}

#[cfg(test)]
mod tests;
