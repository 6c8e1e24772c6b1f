//! `/v3/lease`, and the same under `/v3/kv/lease`.

use node::{Answer, Request, Response};
use serde::de::MapAccess;
use storage::store::command::{Command, Outcome};
use storage::store::query::{Found, LeaseId, Query};

use super::json::{Message, Value};
use super::{ask, error, write};
use crate::Parsed;
use crate::answer::HttpAnswer;
use crate::render::Kind;
use crate::route::Call;

/// `POST /v3/lease/grant`.
pub(crate) fn grant(call: &Call<'_>, answer: &mut HttpAnswer) -> Parsed {
    ask(call, answer, Kind::LeaseGrant, |GrantRequest { ttl, id }| {
        Ok(Request::Write(Command::LeaseGrant {
            id: LeaseId(id),
            // What is below the least is raised to it.
            ttl: u64::try_from(ttl).unwrap_or_default(),
        }))
    })
}

/// `POST /v3/lease/revoke`.
pub(crate) fn revoke(call: &Call<'_>, answer: &mut HttpAnswer) -> Parsed {
    ask(call, answer, Kind::LeaseRevoke, |LeaseRequest { id, .. }| {
        Ok(Request::Write(Command::LeaseRevoke { id: LeaseId(id) }))
    })
}

/// `POST /v3/lease/timetolive`.
pub(crate) fn time_to_live(call: &Call<'_>, answer: &mut HttpAnswer) -> Parsed {
    super::ask_as(call, answer, |LeaseRequest { id, keys }| {
        let id = LeaseId(id);
        Ok((Request::LeaseTimeToLive { id, keys }, Kind::LeaseTimeToLive(id)))
    })
}

/// `POST /v3/lease/leases`.
pub(crate) fn leases(call: &Call<'_>, answer: &mut HttpAnswer) -> Parsed {
    ask(call, answer, Kind::Leases, |LeaseRequest { .. }| {
        Ok(Request::Read {
            query: Query::Leases,
            linearizable: false,
        })
    })
}

#[derive(Default)]
struct GrantRequest {
    ttl: i64,
    id: i64,
}

impl Message for GrantRequest {
    fn take<'de, A: MapAccess<'de>>(&mut self, name: &str, value: Value<'_, A>) -> Result<(), A::Error> {
        match name {
            "TTL" => self.ttl = value.int64()?,
            "ID" => self.id = value.int64()?,
            _ => value.pass_over()?,
        }
        Ok(())
    }
}

#[derive(Default)]
pub(super) struct LeaseRequest {
    pub(super) id: i64,
    keys: bool,
}

impl Message for LeaseRequest {
    fn take<'de, A: MapAccess<'de>>(&mut self, name: &str, value: Value<'_, A>) -> Result<(), A::Error> {
        match name {
            "ID" => self.id = value.int64()?,
            "keys" => self.keys = value.boolean()?,
            _ => value.pass_over()?,
        }
        Ok(())
    }
}

/// The answer to a grant.
pub(crate) fn render_grant(response: &Response, answer: &mut HttpAnswer) {
    let (id, ttl) = match &response.result {
        Ok(Answer::Done(Outcome::LeaseGranted { id, ttl })) => (*id, *ttl),
        Ok(other) => unreachable!("{other:?} to a grant"),
        Err(why) => return error::failed(answer, why),
    };
    write::begin(answer, &response.header, true);
    write_time(&mut answer.body, id, ttl);
    answer.body.push(b'}');
}

/// The answer to a revocation.
pub(crate) fn render_revoke(response: &Response, answer: &mut HttpAnswer) {
    match &response.result {
        Ok(Answer::Done(Outcome::LeaseRevoked)) => {
            write::begin(answer, &response.header, true);
            answer.body.push(b'}');
        }
        Ok(other) => unreachable!("{other:?} to a revocation"),
        Err(why) => error::failed(answer, why),
    }
}

/// The answer to a question how long a lease lasts.
pub(crate) fn render_time_to_live(response: &Response, id: LeaseId, answer: &mut HttpAnswer) {
    let time = match &response.result {
        Ok(Answer::LeaseTime(time)) => time,
        Ok(other) => unreachable!("{other:?} to a question of time"),
        Err(why) => return error::failed(answer, why),
    };
    write::begin(answer, &response.header, true);
    let out = &mut answer.body;
    write::signed(out, "ID", id.0);
    match time {
        None => write::signed(out, "TTL", -1),
        Some(time) => {
            write::integer(out, "TTL", time.remaining);
            write::integer(out, "grantedTTL", time.granted);
            write::byte_strings(out, "keys", &time.keys);
        }
    }
    out.push(b'}');
}

/// The list of leases.
pub(crate) fn render_leases(response: &Response, answer: &mut HttpAnswer) {
    let leases = match &response.result {
        Ok(Answer::Found(Found::Leases(leases))) => leases,
        Ok(other) => unreachable!("{other:?} to a question for leases"),
        Err(why) => return error::failed(answer, why),
    };
    write::begin(answer, &response.header, true);
    write::list(&mut answer.body, "leases", leases, |out, id| {
        out.push(b'{');
        write::signed(out, "ID", id.0);
        out.push(b'}');
    });
    answer.body.push(b'}');
}

fn write_time(out: &mut Vec<u8>, id: LeaseId, ttl: u64) {
    write::signed(out, "ID", id.0);
    write::integer(out, "TTL", ttl);
}

#[cfg(test)]
mod tests;
