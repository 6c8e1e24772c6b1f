//! `/v3/kv/txn`: answers.

use node::{Answer, Response};
use storage::store::command::Outcome;
use storage::store::query::Found;
use storage::store::transaction::{Chosen, OperationResult};

use super::kv_answer::{write_deleted, write_put, write_range};
use super::{error, write};
use crate::answer::HttpAnswer;
use crate::text;

/// The answer to a transaction, whether it went through the log or not.
pub(crate) fn txn(response: &Response, answer: &mut HttpAnswer) {
    let chosen = match &response.result {
        Ok(Answer::Done(Outcome::Transaction(chosen)) | Answer::Found(Found::Transaction(chosen))) => chosen,
        Ok(other) => unreachable!("{other:?} to a transaction"),
        Err(why) => return error::failed(answer, why),
    };
    write::begin(answer, &response.header, true);
    let after = response.header.revision.0;
    // The whole of it adds one revision, or none.
    let mut revisions = Revisions {
        before: after - u64::from(chosen.results.iter().any(changes)),
        changed: false,
    };
    write_chosen(&mut answer.body, chosen, &mut revisions);
    answer.body.push(b'}');
}

/// The revision that each operation saw: what comes after the first change sees the transaction's own.
struct Revisions {
    before: u64,
    changed: bool,
}

impl Revisions {
    fn now(&self) -> u64 {
        self.before + u64::from(self.changed)
    }
}

fn changes(result: &OperationResult) -> bool {
    match result {
        OperationResult::Range(_) => false,
        OperationResult::Put { .. } => true,
        OperationResult::Deleted { count, .. } => *count > 0,
        OperationResult::Choice(chosen) => chosen.results.iter().any(changes),
    }
}

fn write_chosen(out: &mut Vec<u8>, chosen: &Chosen, revisions: &mut Revisions) {
    write::boolean(out, "succeeded", chosen.succeeded);
    write::list(out, "responses", &chosen.results, |out, result| {
        out.push(b'{');
        text::member(out, name(result));
        out.push(b'{');
        write_result(out, result, revisions);
        out.extend_from_slice(b"}}");
    });
}

fn name(result: &OperationResult) -> &'static str {
    match result {
        OperationResult::Range(_) => "response_range",
        OperationResult::Put { .. } => "response_put",
        OperationResult::Deleted { .. } => "response_delete_range",
        OperationResult::Choice(_) => "response_txn",
    }
}

fn write_result(out: &mut Vec<u8>, result: &OperationResult, revisions: &mut Revisions) {
    text::member(out, "header");
    out.push(b'{');
    if let OperationResult::Choice(chosen) = result {
        out.push(b'}');
        return write_chosen(out, chosen, revisions);
    }
    revisions.changed |= changes(result);
    write::integer(out, "revision", revisions.now());
    out.push(b'}');
    match result {
        OperationResult::Range(found) => write_range(out, found),
        OperationResult::Put { previous } => write_put(out, previous.as_ref()),
        OperationResult::Deleted { count, previous } => write_deleted(out, *count, previous),
        OperationResult::Choice(_) => unreachable!("it is written above"),
    }
}
