//! The parameters of `/v2/keys`: gathered from body and query, then read in etcd's order, so that of two faults the same
//! one is reported.

use std::borrow::Cow;

use bytes::Bytes;

use super::error::{
    INDEX_NOT_A_NUMBER, INVALID_FIELD, INVALID_FORM, Kind, PREV_VALUE_REQUIRED, Refusal, TTL_NOT_A_NUMBER,
    TTL_ON_REFRESH, VALUE_ON_REFRESH,
};
use super::media_type::is_form;
use crate::query::{self, Malformed};
use crate::route::Call;
use crate::{BODY_BYTES_MAX, HttpRequest};

/// The parameters that mean something.
const NAMES: [&str; 14] = [
    "value",
    "dir",
    "ttl",
    "prevExist",
    "prevValue",
    "prevIndex",
    "refresh",
    "recursive",
    "sorted",
    "quorum",
    "wait",
    "waitIndex",
    "stream",
    "noValueOnSuccess",
];

/// The first value of each name; the body's come before the query's.
#[derive(Default)]
struct Form<'a> {
    values: [Option<Cow<'a, [u8]>>; NAMES.len()],
}

impl<'a> Form<'a> {
    fn gather(call: &Call<'a>) -> Result<Form<'a>, Refusal> {
        let mut form = Form::default();
        if has_form_body(&call.request)? {
            form.take(call.request.body).map_err(malformed)?;
        }
        form.take(call.query.as_bytes()).map_err(malformed)?;
        Ok(form)
    }

    fn take(&mut self, text: &'a [u8]) -> Result<(), Malformed> {
        for pair in query::pairs(text) {
            let (name, value) = pair?;
            if let Some(at) = NAMES.iter().position(|known| known.as_bytes() == name.as_ref()) {
                self.values[at].get_or_insert(value);
            }
        }
        Ok(())
    }

    fn get(&self, name: &'static str) -> Option<&[u8]> {
        let at = NAMES.iter().position(|&known| known == name);
        self.values[at.expect("a name of the table")].as_deref()
    }

    fn bytes(&self, name: &'static str) -> Bytes {
        Bytes::copy_from_slice(self.get(name).unwrap_or_default())
    }

    fn boolean(&self, name: &'static str) -> Result<Option<bool>, Refusal> {
        let refusal = || Refusal::new(INVALID_FIELD, format!("invalid value for \"{name}\""));
        self.get(name)
            .map(|text| boolean(text).ok_or_else(refusal))
            .transpose()
    }

    /// Like `boolean`; but of these two names etcd's message leaves the quotes out.
    fn plain_boolean(&self, name: &'static str) -> Result<Option<bool>, Refusal> {
        let refusal = || Refusal::new(INVALID_FIELD, format!("invalid value for {name}"));
        self.get(name)
            .map(|text| boolean(text).ok_or_else(refusal))
            .transpose()
    }

    fn number(&self, name: &'static str, kind: Kind) -> Result<Option<u64>, Refusal> {
        let Some(text) = self.get(name) else {
            return Ok(None);
        };
        match number(text) {
            Some(value) => Ok(Some(value)),
            None => Err(Refusal::new(kind, format!("invalid value for \"{name}\""))),
        }
    }
}

fn malformed(why: Malformed) -> Refusal {
    Refusal::new(INVALID_FORM, why.to_string())
}

/// Whether the body counts: only PUT's and POST's, and only if it says that it is a form.
fn has_form_body(request: &HttpRequest<'_>) -> Result<bool, Refusal> {
    if !matches!(request.method, "PUT" | "POST") {
        return Ok(false);
    }
    let form =
        is_form(request.header("Content-Type")).map_err(|why| Refusal::new(INVALID_FORM, why.to_string()))?;
    if form && request.body.len() > BODY_BYTES_MAX {
        return Err(Refusal::new(INVALID_FORM, "http: POST too large"));
    }
    Ok(form)
}

fn boolean(text: &[u8]) -> Option<bool> {
    match text {
        b"1" | b"t" | b"T" | b"TRUE" | b"true" | b"True" => Some(true),
        b"0" | b"f" | b"F" | b"FALSE" | b"false" | b"False" => Some(false),
        _ => None,
    }
}

/// Unsigned decimal, 64 bits, no sign.
fn number(text: &[u8]) -> Option<u64> {
    let digits = str::from_utf8(text).ok()?;
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    digits.parse().ok()
}

/// The parameters of a request, checked one by one but not yet together with its method.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Options {
    /// `value`
    pub(super) value: Bytes,
    /// `dir`
    pub(super) dir: bool,
    /// `ttl`, in seconds.
    pub(super) ttl: Option<u64>,
    /// `prevExist`
    pub(super) prev_exist: Option<bool>,
    /// `prevValue`, never empty.
    pub(super) prev_value: Option<Bytes>,
    /// `prevIndex`, never 0, which counts as absent.
    pub(super) prev_index: Option<u64>,
    /// `refresh`; never without a `ttl`, nor with a value.
    pub(super) refresh: bool,
    /// `recursive`
    pub(super) recursive: bool,
    /// `quorum`
    pub(super) quorum: bool,
    /// `wait`
    pub(super) wait: bool,
    /// `waitIndex`, never 0, which counts as absent.
    pub(super) wait_index: Option<u64>,
    /// `stream`
    pub(super) stream: bool,
    /// `noValueOnSuccess`
    pub(super) action_only: bool,
}

/// Reads all parameters; the first fault wins.
pub(super) fn options(call: &Call<'_>) -> Result<Options, Refusal> {
    let form = Form::gather(call)?;
    let flag = |name| form.boolean(name).map(Option::unwrap_or_default);
    let prev_index = form.number("prevIndex", INDEX_NOT_A_NUMBER)?;
    let wait_index = form.number("waitIndex", INDEX_NOT_A_NUMBER)?;
    let recursive = flag("recursive")?;
    // Children are always listed in order, asked for or not.
    flag("sorted")?;
    let wait = flag("wait")?;
    let dir = flag("dir")?;
    let quorum = flag("quorum")?;
    let stream = flag("stream")?;
    if wait && call.request.method != "GET" {
        return Err(Refusal::new(
            INVALID_FIELD,
            "\"wait\" can only be used with GET requests",
        ));
    }
    let prev_value = form.get("prevValue").map(Bytes::copy_from_slice);
    if prev_value.as_ref().is_some_and(Bytes::is_empty) {
        return Err(Refusal::new(PREV_VALUE_REQUIRED, "\"prevValue\" cannot be empty"));
    }
    let action_only = flag("noValueOnSuccess")?;
    // An empty TTL counts as absent.
    let ttl = match form.get("ttl") {
        None | Some(b"") => None,
        Some(_) => form.number("ttl", TTL_NOT_A_NUMBER)?,
    };
    let prev_exist = form.plain_boolean("prevExist")?;
    let refresh = form.plain_boolean("refresh")?.unwrap_or_default();
    let value = form.bytes("value");
    if refresh && !value.is_empty() {
        return Err(Refusal::new(
            VALUE_ON_REFRESH,
            "A value was provided on a refresh",
        ));
    }
    if refresh && ttl.is_none() {
        return Err(Refusal::new(TTL_ON_REFRESH, "No TTL value set"));
    }
    Ok(Options {
        value,
        dir,
        ttl,
        prev_exist,
        prev_value,
        prev_index: prev_index.filter(|&index| index != 0),
        refresh,
        recursive,
        quorum,
        wait,
        wait_index: wait_index.filter(|&index| index != 0),
        stream,
        action_only,
    })
}
