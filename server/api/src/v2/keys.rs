//! `/v2/keys`: which operation a request means.

use bytes::Bytes;
use node::{Request, Watch};
use storage::store::RETRY_KEY_BYTES_MAX;
use storage::store::command::{Command, Compare, Once, Retriable, TreeChange, TreeContent, TreeWrite};
use storage::store::query::Query;

use super::error::{INVALID_FIELD, Refusal};
use super::form::{self, Options};
use super::watch::Watching;
use crate::Parsed;
use crate::answer::HttpAnswer;
use crate::render::{Kind, Render};
use crate::route::Call;
use crate::stream::{self, Stream};

/// Any request to `/v2/keys`.
pub(crate) fn parse(call: &Call<'_>, answer: &mut HttpAnswer) -> Parsed {
    match read(call) {
        Ok(parsed) => parsed,
        Err(refusal) => {
            refusal.answer(call.identity.cluster_id, answer);
            Parsed::Answered
        }
    }
}

fn read(call: &Call<'_>) -> Result<Parsed, Refusal> {
    let options = form::options(call)?;
    let method = call.request.method;
    let key = idempotency_key(call)?;
    let path = path(call.path);
    // With `quorum` it is a plain get.
    if options.wait && !options.quorum {
        return Ok(watch(path, &options));
    }
    let render = Render::of(Kind::Keys {
        action_only: options.action_only,
    });
    let request = if matches!(method, "GET" | "HEAD") {
        Request::Read {
            query: Query::Tree {
                path,
                recursive: options.recursive,
            },
            linearizable: options.quorum,
        }
    } else {
        let change = change(method, options);
        Request::Write(match key {
            Some(key) => Command::Once(Box::new(Once {
                key,
                write: Retriable::Tree { path, change },
            })),
            None => Command::Tree { path, change },
        })
    };
    Ok(Parsed::Ask(Box::new(request), render))
}

/// Form and method let only GET come here.
fn watch(path: Bytes, options: &Options) -> Parsed {
    let once = !options.stream;
    let watch = Watch::Tree {
        path,
        recursive: options.recursive,
        from: options.wait_index,
        once,
    };
    Parsed::Stream(Box::new(Stream::of(stream::Kind::Wait(Watching::of(
        watch, once,
    )))))
}

/// The client's name for a write, by which it is done once however often it is asked. Reads need none.
fn idempotency_key(call: &Call<'_>) -> Result<Option<Bytes>, Refusal> {
    match call.request.header("Idempotency-Key") {
        Some(key) if (1..=RETRY_KEY_BYTES_MAX).contains(&key.len()) => Ok(Some(Bytes::copy_from_slice(key))),
        Some(_) => Err(Refusal::new(
            INVALID_FIELD,
            "invalid value for \"Idempotency-Key\"",
        )),
        None => Ok(None),
    }
}

/// The path within the tree, without the slash that may end it.
fn path(path: &[u8]) -> Bytes {
    let inner = path.strip_prefix(PREFIX).unwrap_or_default();
    let inner = inner.strip_suffix(b"/").unwrap_or(inner);
    Bytes::copy_from_slice(if inner.is_empty() { b"/" } else { inner })
}

const PREFIX: &[u8] = b"/v2/keys";

fn change(method: &str, options: Options) -> TreeChange {
    match method {
        "PUT" => put(options),
        "POST" => TreeChange::CreateInOrder(write(options)),
        "DELETE" => delete(options),
        other => unreachable!("the table lets no {other} through"),
    }
}

fn put(mut options: Options) -> TreeChange {
    if options.prev_exist == Some(false) {
        return TreeChange::Create(write(options));
    }
    let compare = compare(&mut options);
    if compare.is_none() && options.prev_exist.is_none() {
        return TreeChange::Set(write(options));
    }
    // `dir` says nothing here: what stands there decides.
    options.dir = false;
    match compare {
        Some(compare) => TreeChange::CompareAndSwap(compare, write(options)),
        None => TreeChange::Update(write(options)),
    }
}

fn delete(mut options: Options) -> TreeChange {
    match compare(&mut options) {
        Some(compare) => TreeChange::CompareAndDelete(compare),
        None => TreeChange::Delete {
            dir: options.dir,
            recursive: options.recursive,
        },
    }
}

fn write(options: Options) -> TreeWrite {
    TreeWrite {
        content: if options.dir {
            TreeContent::Directory
        } else {
            TreeContent::File(options.value)
        },
        ttl: options.ttl,
        refresh: options.refresh,
    }
}

/// The condition, if there is one.
fn compare(options: &mut Options) -> Option<Compare> {
    let compare = Compare {
        value: options.prev_value.take(),
        index: options.prev_index,
    };
    (compare.value.is_some() || compare.index.is_some()).then_some(compare)
}

#[cfg(test)]
mod tests;
