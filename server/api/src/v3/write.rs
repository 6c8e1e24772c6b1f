//! What v3 answers are made of. Fields with their default are left out; 64-bit integers are strings.

use bytes::Bytes;
use node::Header;
use storage::store::query::{KeyValue, Revision};

use super::base64;
use crate::answer::HttpAnswer;
use crate::text;

/// Begins a successful answer with its header, all but the end of the object. Answers about members tell no revision.
pub(super) fn begin(answer: &mut HttpAnswer, header: &Header, with_revision: bool) {
    begin_stream(answer);
    write_header(&mut answer.body, header, with_revision);
}

/// A successful answer with nothing in it, not even a header.
pub(super) fn nothing(answer: &mut HttpAnswer) {
    begin_stream(answer);
    answer.body.extend_from_slice(b"{}");
}

/// Begins the answer of a stream.
pub(super) fn begin_stream(answer: &mut HttpAnswer) {
    answer.begin_json(200);
    answer
        .head
        .extend_from_slice(b"Grpc-Metadata-Content-Type: application/grpc\r\n");
}

/// Begins a message of a stream.
pub(super) fn begin_message(out: &mut Vec<u8>, header: &Header, with_revision: bool) {
    out.extend_from_slice(b"{\"result\":");
    write_header(out, header, with_revision);
}

/// Ends it.
pub(super) fn end_message(out: &mut Vec<u8>) {
    out.extend_from_slice(b"}}\n");
}

/// The beginning of an object that has a header.
fn write_header(out: &mut Vec<u8>, header: &Header, with_revision: bool) {
    out.extend_from_slice(b"{\"header\":{");
    integer(out, "cluster_id", header.cluster_id);
    integer(out, "member_id", header.member_id.0);
    if with_revision {
        integer(out, "revision", header.revision.0);
    }
    integer(out, "raft_term", header.term.0);
    out.push(b'}');
}

/// An integer.
pub(super) fn integer(out: &mut Vec<u8>, name: &str, value: u64) {
    if value != 0 {
        text::member(out, name);
        out.push(b'"');
        text::number(out, value);
        out.push(b'"');
    }
}

/// An integer that may be negative.
pub(super) fn signed(out: &mut Vec<u8>, name: &str, value: i64) {
    if value < 0 {
        text::member(out, name);
        out.extend_from_slice(b"\"-");
        text::number(out, value.unsigned_abs());
        out.push(b'"');
    } else {
        integer(out, name, value.unsigned_abs());
    }
}

/// A flag.
pub(super) fn boolean(out: &mut Vec<u8>, name: &str, value: bool) {
    if value {
        text::member(out, name);
        out.extend_from_slice(b"true");
    }
}

/// A string.
pub(super) fn string(out: &mut Vec<u8>, name: &str, value: &str) {
    if !value.is_empty() {
        text::string_member(out, name, value.as_bytes());
    }
}

/// A list of strings.
pub(super) fn strings(out: &mut Vec<u8>, name: &str, values: &[String]) {
    if !values.is_empty() {
        text::strings_member(out, name, values);
    }
}

/// A key with its value.
pub(super) fn key_value(out: &mut Vec<u8>, pair: &KeyValue) {
    out.push(b'{');
    bytes(out, "key", &pair.key);
    integer(out, "create_revision", pair.create_revision.0);
    integer(out, "mod_revision", pair.mod_revision.0);
    integer(out, "version", pair.version);
    bytes(out, "value", &pair.value);
    signed(out, "lease", pair.lease.0);
    out.push(b'}');
}

/// A key that was deleted in a revision.
pub(super) fn deleted(out: &mut Vec<u8>, key: &[u8], revision: Revision) {
    out.push(b'{');
    bytes(out, "key", key);
    integer(out, "mod_revision", revision.0);
    out.push(b'}');
}

/// A list of keys with their values.
pub(super) fn key_values(out: &mut Vec<u8>, name: &str, pairs: &[KeyValue]) {
    list(out, name, pairs, key_value);
}

/// A list of anything; one without elements is left out.
pub(super) fn list<T>(
    out: &mut Vec<u8>,
    name: &str,
    elements: &[T],
    mut write: impl FnMut(&mut Vec<u8>, &T),
) {
    if elements.is_empty() {
        return;
    }
    text::member(out, name);
    out.push(b'[');
    for element in elements {
        text::separate(out);
        write(out, element);
    }
    out.push(b']');
}

/// Bytes.
pub(super) fn bytes(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    if !value.is_empty() {
        text::member(out, name);
        quoted(out, value);
    }
}

/// A list of byte strings.
pub(super) fn byte_strings(out: &mut Vec<u8>, name: &str, values: &[Bytes]) {
    list(out, name, values, |out, value| quoted(out, value));
}

fn quoted(out: &mut Vec<u8>, value: &[u8]) {
    out.push(b'"');
    base64::encode(out, value);
    out.push(b'"');
}
