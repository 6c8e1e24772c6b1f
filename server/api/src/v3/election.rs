//! `/v3/election`: a name is led by one at a time, who tells a value.

use bytes::Bytes;
use node::{Answer, Contest, Ownership, Request, Response};
use serde::de::MapAccess;
use storage::store::command::{Command, Outcome, Put};
use storage::store::query::{
    Found, KeyRange, LeaseId, Query, RangeEnd, RangeQuery, Revision, Sort, SortTarget,
};
use storage::store::transaction::{Choice, Comparison, Operand, Operation, Relation, Transaction};

use super::error::Refusal;
use super::json::{Message, Value};
use super::{ask, error, write};
use crate::answer::HttpAnswer;
use crate::render::Kind;
use crate::route::Call;
use crate::{Parsed, text};

pub(crate) mod observe;

const NOT_LEADER: &str = "election: not leader";
const NO_LEADER: &str = "election: no leader";

/// `POST /v3/election/campaign`: answered once elected.
pub(crate) fn campaign(call: &Call<'_>, answer: &mut HttpAnswer) -> Parsed {
    ask(call, answer, Kind::Campaign, |request: ElectionRequest| {
        Ok(Request::Contend(Contest {
            name: request.name,
            lease: LeaseId(request.lease),
            value: Some(request.value),
        }))
    })
}

/// `POST /v3/election/proclaim`: another value, by who leads.
pub(crate) fn proclaim(call: &Call<'_>, answer: &mut HttpAnswer) -> Parsed {
    ask(call, answer, Kind::Proclaim, |request: ElectionRequest| {
        let leader = request.leader.ok_or_else(no_leader_given)?;
        let put = Operation::Put(Put {
            key: leader.key.clone(),
            value: request.value,
            lease: LeaseId(leader.lease),
            previous: false,
            ignore_value: false,
            ignore_lease: false,
        });
        leader.if_leads(put)
    })
}

/// `POST /v3/election/resign`.
pub(crate) fn resign(call: &Call<'_>, answer: &mut HttpAnswer) -> Parsed {
    ask(call, answer, Kind::Resign, |request: ElectionRequest| {
        let leader = request.leader.ok_or_else(no_leader_given)?;
        let delete = Operation::DeleteRange {
            range: KeyRange::single(leader.key.clone()),
            previous: false,
        };
        leader.if_leads(delete)
    })
}

/// `POST /v3/election/leader`.
pub(crate) fn leader(call: &Call<'_>, answer: &mut HttpAnswer) -> Parsed {
    ask(call, answer, Kind::ElectionLeader, |request: ElectionRequest| {
        Ok(Request::Read {
            query: Query::Range(first_of(&request.name)),
            linearizable: true,
        })
    })
}

/// Who leads: whose key under the name was created first.
fn first_of(name: &[u8]) -> RangeQuery {
    let under = |last: u8| Bytes::from([name, &[last]].concat());
    let range = KeyRange {
        start: under(b'/'),
        end: RangeEnd::Before(under(b'/' + 1)),
    };
    RangeQuery {
        limit: Some(1),
        sort: Some(Sort {
            target: SortTarget::Create,
            descending: false,
        }),
        ..RangeQuery::of(range)
    }
}

fn no_leader_given() -> Refusal {
    Refusal::of_service("\"leader\" field must be provided")
}

/// The fields of all these calls.
#[derive(Default)]
struct ElectionRequest {
    name: Bytes,
    lease: i64,
    value: Bytes,
    leader: Option<LeaderKey>,
}

impl Message for ElectionRequest {
    fn take<'de, A: MapAccess<'de>>(&mut self, name: &str, value: Value<'_, A>) -> Result<(), A::Error> {
        match name {
            "name" => self.name = value.bytes()?,
            "lease" => self.lease = value.int64()?,
            "value" => self.value = value.bytes()?,
            "leader" => self.leader = value.message()?,
            _ => value.pass_over()?,
        }
        Ok(())
    }
}

/// What a campaign was answered with.
#[derive(Default)]
struct LeaderKey {
    key: Bytes,
    revision: i64,
    lease: i64,
}

impl Message for LeaderKey {
    fn take<'de, A: MapAccess<'de>>(&mut self, name: &str, value: Value<'_, A>) -> Result<(), A::Error> {
        match name {
            "key" => self.key = value.bytes()?,
            "rev" => self.revision = value.int64()?,
            "lease" => self.lease = value.int64()?,
            _ => value.pass_over()?,
        }
        Ok(())
    }
}

impl LeaderKey {
    /// Does this if the key is the one that was created then.
    fn if_leads(self, operation: Operation) -> Result<Request, Refusal> {
        if self.key.is_empty() {
            return Err(Refusal::of_service("etcdserver: key is not provided"));
        }
        let choice = Choice {
            comparisons: vec![Comparison {
                range: KeyRange::single(self.key),
                operand: Operand::Create(Revision(u64::try_from(self.revision).unwrap_or(u64::MAX))),
                relation: Relation::Equal,
            }],
            success: vec![operation],
            failure: Vec::new(),
        };
        Ok(Request::Write(Command::Transaction(Transaction {
            choices: vec![choice],
        })))
    }
}

/// Elected: with this key.
pub(crate) fn render_campaign(response: &Response, answer: &mut HttpAnswer) {
    match &response.result {
        Ok(Answer::Owned(owned)) => {
            write::begin(answer, &response.header, true);
            write_leader(&mut answer.body, owned);
            answer.body.push(b'}');
        }
        Ok(other) => unreachable!("{other:?} to a campaign"),
        Err(why) => error::failed_in_service(answer, why),
    }
}

fn write_leader(out: &mut Vec<u8>, owned: &Ownership) {
    text::member(out, "leader");
    out.push(b'{');
    write::bytes(out, "name", &owned.name);
    write::bytes(out, "key", &owned.key);
    write::integer(out, "rev", owned.revision.0);
    write::signed(out, "lease", owned.lease.0);
    out.push(b'}');
}

/// The value is told, if who asked leads.
pub(crate) fn render_proclaim(response: &Response, answer: &mut HttpAnswer) {
    match &response.result {
        Ok(Answer::Done(Outcome::Transaction(chosen))) if !chosen.succeeded => {
            Refusal::of_service(NOT_LEADER).answer(answer);
        }
        _ => render_resign(response, answer),
    }
}

/// Who asked leads no more, if it did.
pub(crate) fn render_resign(response: &Response, answer: &mut HttpAnswer) {
    match &response.result {
        Ok(Answer::Done(Outcome::Transaction(_))) => {
            write::begin(answer, &response.header, true);
            answer.body.push(b'}');
        }
        Ok(other) => unreachable!("{other:?} to a proclamation or resignation"),
        Err(why) => error::failed_in_service(answer, why),
    }
}

/// Who leads.
pub(crate) fn render_leader(response: &Response, answer: &mut HttpAnswer) {
    match &response.result {
        Ok(Answer::Found(Found::Range { keys, .. })) => match keys.first() {
            Some(pair) => {
                write::begin(answer, &response.header, true);
                text::member(&mut answer.body, "kv");
                write::key_value(&mut answer.body, pair);
                answer.body.push(b'}');
            }
            None => Refusal::of_service(NO_LEADER).answer(answer),
        },
        Ok(other) => unreachable!("{other:?} to a question for the leader"),
        Err(why) => error::failed_in_service(answer, why),
    }
}

#[cfg(test)]
mod tests;
