//! What callers were told is what the state had at that place in the log, and places follow time: whoever asks after another
//! has its answer is told of a later state, or of the same one. Together this is linearizability of all that the stores do,
//! transactions with the keys they are about, without a search.

use node::{Answer, Request};
use raft_core::Index;
use storage::store::command::{Command, Failure, Outcome};
use storage::store::query::{Found, Query};

use super::model::Model;
use crate::call::{Call, Told};
use crate::probes::{Probe, Probes};

/// Judges all calls.
///
/// # Errors
/// The first answer that cannot be, in words.
pub fn check(calls: &[Call], model: &Model, probes: &mut Probes) -> Result<(), String> {
    for call in calls {
        let wrong = |why: String| format!("{why}\n  {call}");
        if let Some((index, answer)) = call.answer() {
            match &call.request {
                Request::Write(command) => {
                    written(command, index, answer, model, probes).map_err(wrong)?;
                }
                Request::Read { query, .. } => read(query, index, answer, model, probes).map_err(wrong)?,
                _ => {}
            }
        }
        if let Told::Response(response) = &call.told
            && let Some(done) = model.at(response.header.applied)
            && done.revision != response.header.revision.0
        {
            return Err(wrong(format!("the revision there is {}", done.revision)));
        }
    }
    in_order_of_time(calls)
}

type Heard<'a> = Result<&'a Answer, &'a Failure>;

fn written(
    command: &Command,
    index: Index,
    answer: Heard<'_>,
    model: &Model,
    probes: &mut Probes,
) -> Result<(), String> {
    let done = model.at(index);
    let is_there = done.is_some_and(|done| is_same(command, done.command.as_ref()));
    if !is_there {
        // A member without space refuses by itself.
        if answer == Err(&Failure::NoSpace) && command.takes_space() {
            probes.met(Probe::RefusedForSpace);
            return Ok(());
        }
        return Err(format!(
            "at {index} stands {:?}",
            done.and_then(|done| done.command.as_ref())
        ));
    }
    let done = done.expect("it is there");
    match (command, answer) {
        (Command::Tree { path, .. }, Ok(Answer::Done(Outcome::Tree(event)))) => {
            if let Some(ends) = model.temporary.at(path, index) {
                let told = event.node.expiration.map(|time| time.0);
                if told != ends {
                    return Err(format!("the file lives until {ends:?}"));
                }
            }
            Ok(())
        }
        (Command::Tree { .. }, _) => Ok(()),
        _ => {
            let told = answer.map(|answer| match answer {
                Answer::Done(outcome) => Some(outcome),
                _ => None,
            });
            let expected = match &done.result {
                Some(Ok(outcome)) => Ok(Some(outcome)),
                Some(Err(failure)) => Err(failure),
                None => return Ok(()),
            };
            count(expected, probes);
            let frees = matches!(expected, Ok(Some(Outcome::Deleted { .. } | Outcome::Compacted)));
            if frees && done.lacks_space {
                probes.met(Probe::FreedUnderAlarm);
            }
            match told == expected {
                true => Ok(()),
                false => Err(format!("{expected:?} is right")),
            }
        }
    }
}

/// Whether it is the command that was asked for; a lease may be granted for longer.
fn is_same(asked: &Command, found: Option<&Command>) -> bool {
    match (asked, found) {
        (
            Command::LeaseGrant { id, ttl },
            Some(Command::LeaseGrant {
                id: found,
                ttl: granted,
            }),
        ) => id == found && ttl <= granted,
        (asked, Some(found)) => asked == found,
        (_, None) => false,
    }
}

fn count(expected: Result<Option<&Outcome>, &Failure>, probes: &mut Probes) {
    probes.met(match expected {
        Ok(Some(Outcome::Transaction(chosen))) if chosen.succeeded => Probe::TransactionHeld,
        Ok(Some(Outcome::Transaction(_))) => Probe::TransactionElse,
        Ok(Some(Outcome::Deleted { count, .. })) if *count > 1 => Probe::RangeDeleted,
        Ok(Some(Outcome::Compacted)) => Probe::Compacted,
        Ok(Some(Outcome::LeaseGranted { .. })) => Probe::LeaseGranted,
        Ok(Some(Outcome::LeaseRevoked)) => Probe::LeaseRevoked,
        Err(Failure::Compacted(_)) => Probe::CompactedAgain,
        Err(Failure::LeaseNotFound) => Probe::LeaseNotFound,
        _ => return,
    });
}

fn read(
    query: &Query,
    index: Index,
    answer: Heard<'_>,
    model: &Model,
    probes: &mut Probes,
) -> Result<(), String> {
    let Some(done) = model.at(index) else {
        return Ok(());
    };
    let keyspace = &model.keyspace;
    let expected = match query {
        Query::Range(range) => {
            let found = keyspace.find(range, done.revision, done.floor);
            match &found {
                Ok(_) if range.revision.is_some_and(|at| at.0 < done.revision) => probes.met(Probe::OldRead),
                Err(Failure::Compacted(_)) => probes.met(Probe::CompactedRead),
                Err(Failure::FutureRevision) => probes.met(Probe::FutureRead),
                _ => {}
            }
            found
        }
        Query::Transaction(transaction) => keyspace
            .look(transaction, done.revision, done.floor)
            .map(Found::Transaction),
        Query::Tree { path, .. } => return tree(path, index, answer, model, probes),
        _ => return Ok(()),
    };
    let told = answer.map(|answer| match answer {
        Answer::Found(found) => Some(found),
        _ => None,
    });
    match told == expected.as_ref().map(Some) {
        true => Ok(()),
        false => Err(format!("{expected:?} is right")),
    }
}

/// A file with a time to live is there as long as it lives; a queue lists what is not hidden, in order.
fn tree(
    path: &[u8],
    index: Index,
    answer: Heard<'_>,
    model: &Model,
    probes: &mut Probes,
) -> Result<(), String> {
    let event = match answer {
        Ok(Answer::Found(Found::Tree(event))) => Some(event),
        _ => None,
    };
    if let Some(ends) = model.temporary.at(path, index) {
        let told = event.and_then(|event| event.node.expiration).map(|time| time.0);
        if told != ends {
            return Err(format!("the file lives until {ends:?}"));
        }
        probes.met(if ends.is_some() {
            Probe::FileAlive
        } else {
            Probe::FileGone
        });
    }
    let Some(event) = event.filter(|event| event.node.dir) else {
        return Ok(());
    };
    let names: Vec<&[u8]> = event.node.nodes.iter().map(|node| &node.key[..]).collect();
    if !names.is_sorted() || names.iter().any(|name| name.starts_with(b"/queue/_")) {
        return Err("a directory lists what is not hidden, in order".to_owned());
    }
    for node in &event.node.nodes {
        let number = node.key.strip_prefix(b"/queue/");
        let number: Option<u64> = number.and_then(|text| str::from_utf8(text).ok()?.parse().ok());
        if number != Some(node.created_index) {
            return Err("a child made in order is named for its index".to_owned());
        }
    }
    if names.len() > 1 {
        probes.met(Probe::InOrder);
    }
    Ok(())
}

/// Places in the log follow time.
fn in_order_of_time(calls: &[Call]) -> Result<(), String> {
    let placed = calls.iter().filter_map(|call| {
        let (index, answer) = call.answer()?;
        let (bound, own) = match &call.request {
            Request::Write(_) => (answer != Err(&Failure::NoSpace), true),
            Request::Read { linearizable, .. } => (*linearizable, false),
            _ => (false, false),
        };
        bound.then_some((call, index, own))
    });
    let mut called: Vec<(&Call, Index, bool)> = placed.collect();
    let mut returned = called.clone();
    called.sort_by_key(|(call, ..)| call.called);
    returned.sort_by_key(|(call, ..)| call.returned);
    let mut returned = returned.into_iter().peekable();
    let mut newest: Option<(&Call, Index)> = None;
    for (call, index, own) in called {
        while let Some((earlier, at, _)) = returned.next_if(|(earlier, ..)| earlier.returned < call.called) {
            if newest.is_none_or(|(_, newest)| newest < at) {
                newest = Some((earlier, at));
            }
        }
        if let Some((earlier, at)) = newest
            && (at > index || (own && at == index))
        {
            return Err(format!(
                "a later one is placed before an earlier one:\n  {earlier}\n  {call}"
            ));
        }
    }
    Ok(())
}
