//! A write that a caller has named is done once, however often it is asked: whoever asks again is told the very same.

use std::collections::BTreeMap;

use bytes::Bytes;
use node::{Answer, Request};
use storage::store::RETRIES_SECONDS_MAX;
use storage::store::command::{Command, Failure};

use super::model::Model;
use crate::call::Call;
use crate::probes::{Probe, Probes};

/// What was told of a name first, and at which time of the cluster the first entry that bears it was applied.
struct First<'a> {
    call: &'a Call,
    answer: Result<&'a Answer, &'a Failure>,
    time: u64,
}

/// Judges all calls. Fewer are made than the state remembers, so only time makes it forget.
///
/// # Errors
/// Two calls that were told otherwise, in words.
pub fn check(calls: &[Call], model: &Model, probes: &mut Probes) -> Result<(), String> {
    let mut told: BTreeMap<&Bytes, First<'_>> = BTreeMap::new();
    for call in calls {
        let (Request::Write(Command::Once(once)), Some((index, answer))) = (&call.request, call.answer())
        else {
            continue;
        };
        // Not done, and not remembered.
        let Some(done) = model.at(index).filter(|_| answer != Err(&Failure::NoSpace)) else {
            continue;
        };
        let Some(first) = told.get(&once.key) else {
            let time = model.first_named(&once.key).unwrap_or(done.time);
            told.insert(&once.key, First { call, answer, time });
            continue;
        };
        if first.time.abs_diff(done.time) > RETRIES_SECONDS_MAX * 1_000_000_000 {
            continue;
        }
        if first.answer != answer {
            return Err(format!(
                "the same write is told in two ways:\n  {}\n  {call}",
                first.call
            ));
        }
        probes.met(Probe::AskedAgain);
    }
    Ok(())
}
