//! `/v3/kv`: answers.

use node::{Answer, Response};
use storage::store::command::Outcome;
use storage::store::query::{Found, KeyValue};

use super::{error, write};
use crate::answer::HttpAnswer;
use crate::text;

/// The answer to a put.
pub(crate) fn put(response: &Response, answer: &mut HttpAnswer) {
    let previous = match &response.result {
        Ok(Answer::Done(Outcome::Put { previous })) => previous,
        Ok(other) => unreachable!("{other:?} to a put"),
        Err(why) => return error::failed(answer, why),
    };
    write::begin(answer, &response.header, true);
    write_put(&mut answer.body, previous.as_ref());
    answer.body.push(b'}');
}

pub(super) fn write_put(out: &mut Vec<u8>, previous: Option<&KeyValue>) {
    if let Some(pair) = previous {
        text::member(out, "prev_kv");
        write::key_value(out, pair);
    }
}

/// The answer to a range.
pub(crate) fn range(response: &Response, answer: &mut HttpAnswer) {
    let found = match &response.result {
        Ok(Answer::Found(found)) => found,
        Ok(other) => unreachable!("{other:?} to a range"),
        Err(why) => return error::failed(answer, why),
    };
    write::begin(answer, &response.header, true);
    write_range(&mut answer.body, found);
    answer.body.push(b'}');
}

pub(super) fn write_range(out: &mut Vec<u8>, found: &Found) {
    let Found::Range { keys, more, count } = found else {
        unreachable!("{found:?} to a range");
    };
    write::key_values(out, "kvs", keys);
    write::boolean(out, "more", *more);
    write::integer(out, "count", *count);
}

/// The answer to a deletion.
pub(crate) fn delete_range(response: &Response, answer: &mut HttpAnswer) {
    let (count, previous) = match &response.result {
        Ok(Answer::Done(Outcome::Deleted { count, previous })) => (*count, previous),
        Ok(other) => unreachable!("{other:?} to a deletion"),
        Err(why) => return error::failed(answer, why),
    };
    write::begin(answer, &response.header, true);
    write_deleted(&mut answer.body, count, previous);
    answer.body.push(b'}');
}

pub(super) fn write_deleted(out: &mut Vec<u8>, count: u64, previous: &[KeyValue]) {
    write::integer(out, "deleted", count);
    write::key_values(out, "prev_kvs", previous);
}

/// The answer to a compaction.
pub(crate) fn compaction(response: &Response, answer: &mut HttpAnswer) {
    match &response.result {
        Ok(Answer::Done(Outcome::Compacted)) => {
            write::begin(answer, &response.header, true);
            answer.body.push(b'}');
        }
        Ok(other) => unreachable!("{other:?} to a compaction"),
        Err(why) => error::failed(answer, why),
    }
}

#[cfg(test)]
mod tests;
