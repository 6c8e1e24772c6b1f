//! What a client says on a watch stream.

use bytes::Bytes;
use node::Watch;
use serde::de::MapAccess;
use storage::store::query::{KeyRange, RangeEnd, Revision};

use crate::v3::json::{Message, Value};
use crate::v3::kv::key_range;

/// One message.
#[derive(Debug, Default)]
pub(super) enum WatchRequest {
    Create(CreateRequest),
    /// The watcher that the client knows by this id.
    Cancel(i64),
    Progress,
    /// None of these: it asks for nothing.
    #[default]
    None,
}

impl Message for WatchRequest {
    fn take<'de, A: MapAccess<'de>>(&mut self, name: &str, value: Value<'_, A>) -> Result<(), A::Error> {
        match name {
            "create_request" | "createRequest" => {
                if let Some(create) = value.message()? {
                    *self = WatchRequest::Create(create);
                }
            }
            "cancel_request" | "cancelRequest" => {
                if let Some(CancelRequest { watch_id }) = value.message()? {
                    *self = WatchRequest::Cancel(watch_id);
                }
            }
            "progress_request" | "progressRequest" => {
                if let Some(ProgressRequest) = value.message()? {
                    *self = WatchRequest::Progress;
                }
            }
            _ => value.pass_over()?,
        }
        Ok(())
    }
}

const FILTERS: &[&str] = &["NOPUT", "NODELETE"];

#[derive(Debug, Default)]
pub(super) struct CreateRequest {
    key: Bytes,
    range_end: Bytes,
    start_revision: i64,
    filters: Vec<i32>,
    prev_kv: bool,
    progress_notify: bool,
    pub(super) watch_id: i64,
    pub(super) fragment: bool,
}

impl Message for CreateRequest {
    fn take<'de, A: MapAccess<'de>>(&mut self, name: &str, value: Value<'_, A>) -> Result<(), A::Error> {
        match name {
            "key" => self.key = value.bytes()?,
            "range_end" | "rangeEnd" => self.range_end = value.bytes()?,
            "start_revision" | "startRevision" => self.start_revision = value.int64()?,
            "filters" => self.filters = value.enumerations(FILTERS)?,
            "prev_kv" | "prevKv" => self.prev_kv = value.boolean()?,
            "progress_notify" | "progressNotify" => self.progress_notify = value.boolean()?,
            "watch_id" | "watchId" => self.watch_id = value.int64()?,
            "fragment" => self.fragment = value.boolean()?,
            _ => value.pass_over()?,
        }
        Ok(())
    }
}

impl CreateRequest {
    fn range(&self) -> KeyRange {
        let start = match self.key.is_empty() {
            true => Bytes::from_static(b"\0"),
            false => self.key.clone(),
        };
        key_range(start, self.range_end.clone())
    }

    /// Whether no key can be in its range.
    pub(super) fn is_empty(&self) -> bool {
        let range = self.range();
        matches!(range.end, RangeEnd::Before(end) if end <= range.start)
    }

    pub(super) fn into_watch(self) -> Watch {
        Watch::Keys {
            range: self.range(),
            from: match self.start_revision {
                0 => None,
                // Before the first there is nothing.
                start => Some(Revision(u64::try_from(start).unwrap_or_default())),
            },
            puts: !self.filters.contains(&0),
            deletions: !self.filters.contains(&1),
            previous: self.prev_kv,
            progress: self.progress_notify,
        }
    }
}

#[derive(Default)]
struct CancelRequest {
    watch_id: i64,
}

impl Message for CancelRequest {
    fn take<'de, A: MapAccess<'de>>(&mut self, name: &str, value: Value<'_, A>) -> Result<(), A::Error> {
        match name {
            "watch_id" | "watchId" => self.watch_id = value.int64()?,
            _ => value.pass_over()?,
        }
        Ok(())
    }
}

#[derive(Default)]
struct ProgressRequest;

impl Message for ProgressRequest {
    fn take<'de, A: MapAccess<'de>>(&mut self, _: &str, value: Value<'_, A>) -> Result<(), A::Error> {
        value.pass_over()
    }
}
