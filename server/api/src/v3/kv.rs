//! `/v3/kv`: requests.

use bytes::Bytes;
use node::Request;
use serde::de::MapAccess;
use storage::store::command::{Command, Failure, Put};
use storage::store::query::{
    Between, KeyRange, LeaseId, Query, RangeEnd, RangeQuery, Revision, Sort, SortTarget,
};

use super::ask;
use super::error::{Code, Refusal};
use super::json::{Message, Value};
use super::size::Size;
use crate::Parsed;
use crate::answer::HttpAnswer;
use crate::render::Kind;
use crate::route::Call;

/// `POST /v3/kv/put`.
pub(crate) fn put(call: &Call<'_>, answer: &mut HttpAnswer) -> Parsed {
    ask(call, answer, Kind::Put, PutRequest::into_request)
}

/// `POST /v3/kv/range`.
pub(crate) fn range(call: &Call<'_>, answer: &mut HttpAnswer) -> Parsed {
    ask(call, answer, Kind::Range, RangeRequest::into_request)
}

/// `POST /v3/kv/deleterange`.
pub(crate) fn delete_range(call: &Call<'_>, answer: &mut HttpAnswer) -> Parsed {
    ask(call, answer, Kind::DeleteRange, DeleteRangeRequest::into_request)
}

/// `POST /v3/kv/compaction`.
pub(crate) fn compaction(call: &Call<'_>, answer: &mut HttpAnswer) -> Parsed {
    ask(
        call,
        answer,
        Kind::Compaction,
        |CompactionRequest { revision, physical }| {
            if physical {
                let message =
                    "the field physical is not served yet: what is compacted goes by itself soon after";
                return Err(Refusal::new(Code::Unimplemented, message));
            }
            let compacted = || Refusal::of(&Failure::Compacted(Revision(0)).into());
            let revision = Revision(u64::try_from(revision).map_err(|_| compacted())?);
            Ok(Request::Write(Command::Compact { revision }))
        },
    )
}

#[derive(Default)]
struct CompactionRequest {
    revision: i64,
    physical: bool,
}

impl Message for CompactionRequest {
    fn take<'de, A: MapAccess<'de>>(&mut self, name: &str, value: Value<'_, A>) -> Result<(), A::Error> {
        match name {
            "revision" => self.revision = value.int64()?,
            "physical" => self.physical = value.boolean()?,
            _ => value.pass_over()?,
        }
        Ok(())
    }
}

#[derive(Default)]
pub(super) struct PutRequest {
    key: Bytes,
    value: Bytes,
    lease: i64,
    prev_kv: bool,
    ignore_value: bool,
    ignore_lease: bool,
}

impl Message for PutRequest {
    fn take<'de, A: MapAccess<'de>>(&mut self, name: &str, value: Value<'_, A>) -> Result<(), A::Error> {
        match name {
            "key" => self.key = value.bytes()?,
            "value" => self.value = value.bytes()?,
            "lease" => self.lease = value.int64()?,
            "prev_kv" | "prevKv" => self.prev_kv = value.boolean()?,
            "ignore_value" | "ignoreValue" => self.ignore_value = value.boolean()?,
            "ignore_lease" | "ignoreLease" => self.ignore_lease = value.boolean()?,
            _ => value.pass_over()?,
        }
        Ok(())
    }
}

impl PutRequest {
    fn into_request(self) -> Result<Request, Refusal> {
        let size = self.size();
        size.check_received()?;
        let put = self.into_put()?;
        size.check_replicated()?;
        Ok(Request::Write(Command::Put(put)))
    }

    pub(super) fn into_put(self) -> Result<Put, Refusal> {
        check_key(&self.key)?;
        if self.ignore_value && !self.value.is_empty() {
            return Err(Refusal::invalid("etcdserver: value is provided"));
        }
        if self.ignore_lease && self.lease != 0 {
            return Err(Refusal::invalid("etcdserver: lease is provided"));
        }
        Ok(Put {
            key: self.key,
            value: self.value,
            previous: self.prev_kv,
            ignore_value: self.ignore_value,
            ignore_lease: self.ignore_lease,
            lease: LeaseId(self.lease),
        })
    }

    pub(super) fn size(&self) -> Size {
        Size::default()
            .bytes(&self.key)
            .bytes(&self.value)
            .integer(self.lease)
            .boolean(self.prev_kv)
            .boolean(self.ignore_value)
            .boolean(self.ignore_lease)
    }
}

const SORT_ORDERS: &[&str] = &["NONE", "ASCEND", "DESCEND"];
const SORT_TARGETS: &[&str] = &["KEY", "VERSION", "CREATE", "MOD", "VALUE"];

#[derive(Default)]
pub(super) struct RangeRequest {
    key: Bytes,
    range_end: Bytes,
    limit: i64,
    revision: i64,
    sort_order: i32,
    sort_target: i32,
    serializable: bool,
    keys_only: bool,
    count_only: bool,
    min_mod_revision: i64,
    max_mod_revision: i64,
    min_create_revision: i64,
    max_create_revision: i64,
}

impl Message for RangeRequest {
    fn take<'de, A: MapAccess<'de>>(&mut self, name: &str, value: Value<'_, A>) -> Result<(), A::Error> {
        match name {
            "key" => self.key = value.bytes()?,
            "range_end" | "rangeEnd" => self.range_end = value.bytes()?,
            "limit" => self.limit = value.int64()?,
            "revision" => self.revision = value.int64()?,
            "sort_order" | "sortOrder" => self.sort_order = value.enumeration(SORT_ORDERS)?,
            "sort_target" | "sortTarget" => self.sort_target = value.enumeration(SORT_TARGETS)?,
            "serializable" => self.serializable = value.boolean()?,
            "keys_only" | "keysOnly" => self.keys_only = value.boolean()?,
            "count_only" | "countOnly" => self.count_only = value.boolean()?,
            "min_mod_revision" | "minModRevision" => self.min_mod_revision = value.int64()?,
            "max_mod_revision" | "maxModRevision" => self.max_mod_revision = value.int64()?,
            "min_create_revision" | "minCreateRevision" => self.min_create_revision = value.int64()?,
            "max_create_revision" | "maxCreateRevision" => self.max_create_revision = value.int64()?,
            _ => value.pass_over()?,
        }
        Ok(())
    }
}

impl RangeRequest {
    fn into_request(self) -> Result<Request, Refusal> {
        self.size().check_received()?;
        let linearizable = !self.serializable;
        let query = Query::Range(self.into_query()?);
        Ok(Request::Read { query, linearizable })
    }

    pub(super) fn into_query(self) -> Result<RangeQuery, Refusal> {
        check_key(&self.key)?;
        Ok(RangeQuery {
            sort: sort(self.sort_order, self.sort_target)?,
            range: key_range(self.key, self.range_end),
            revision: positive(self.revision).map(Revision),
            limit: positive(self.limit),
            keys_only: self.keys_only,
            count_only: self.count_only,
            mod_revision: between(self.min_mod_revision, self.max_mod_revision),
            create_revision: between(self.min_create_revision, self.max_create_revision),
        })
    }

    pub(super) fn is_serializable(&self) -> bool {
        self.serializable
    }

    /// The numbers are too few to matter beside two keys.
    pub(super) fn size(&self) -> Size {
        Size::default().bytes(&self.key).bytes(&self.range_end)
    }
}

#[derive(Default)]
pub(super) struct DeleteRangeRequest {
    key: Bytes,
    range_end: Bytes,
    prev_kv: bool,
}

impl Message for DeleteRangeRequest {
    fn take<'de, A: MapAccess<'de>>(&mut self, name: &str, value: Value<'_, A>) -> Result<(), A::Error> {
        match name {
            "key" => self.key = value.bytes()?,
            "range_end" | "rangeEnd" => self.range_end = value.bytes()?,
            "prev_kv" | "prevKv" => self.prev_kv = value.boolean()?,
            _ => value.pass_over()?,
        }
        Ok(())
    }
}

impl DeleteRangeRequest {
    fn into_request(self) -> Result<Request, Refusal> {
        let size = self.size();
        size.check_received()?;
        let (range, previous) = self.into_range()?;
        size.check_replicated()?;
        Ok(Request::Write(Command::DeleteRange { range, previous }))
    }

    /// What is deleted, and whether that is to be told.
    pub(super) fn into_range(self) -> Result<(KeyRange, bool), Refusal> {
        check_key(&self.key)?;
        Ok((key_range(self.key, self.range_end), self.prev_kv))
    }

    pub(super) fn size(&self) -> Size {
        Size::default()
            .bytes(&self.key)
            .bytes(&self.range_end)
            .boolean(self.prev_kv)
    }
}

pub(super) fn check_key(key: &Bytes) -> Result<(), Refusal> {
    if key.is_empty() {
        return Err(Refusal::invalid("etcdserver: key is not provided"));
    }
    Ok(())
}

/// An end of one zero byte means that there is none.
pub(super) fn key_range(start: Bytes, end: Bytes) -> KeyRange {
    let end = match end.as_ref() {
        b"" => RangeEnd::Single,
        b"\0" => RangeEnd::Unbounded,
        _ => RangeEnd::Before(end),
    };
    KeyRange { start, end }
}

/// The order asked for. Without one, keys come by the target, which is by key if that is the target too; an order that
/// does not exist means, as in etcd, no order. A target that does not exist would crash etcd.
fn sort(order: i32, target: i32) -> Result<Option<Sort>, Refusal> {
    let target = match target {
        0 => SortTarget::Key,
        1 => SortTarget::Version,
        2 => SortTarget::Create,
        3 => SortTarget::Mod,
        4 => SortTarget::Value,
        _ => return Err(Refusal::invalid("etcdserver: invalid sort option")),
    };
    Ok(match order {
        0 if target == SortTarget::Key => None,
        0 | 1 => Some(Sort {
            target,
            descending: false,
        }),
        2 => Some(Sort {
            target,
            descending: true,
        }),
        _ => None,
    })
}

fn positive(value: i64) -> Option<u64> {
    u64::try_from(value).ok().filter(|&value| value > 0)
}

/// 0 means no bound. No revision is below a negative minimum, and none is at or below a negative maximum.
fn between(min: i64, max: i64) -> Between {
    Between {
        min: positive(min).map(Revision),
        max: (max != 0).then(|| Revision(positive(max).unwrap_or(0))),
    }
}

#[cfg(test)]
mod tests;
