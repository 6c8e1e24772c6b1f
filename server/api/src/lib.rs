//! etcd's HTTP and JSON APIs, v2 and v3, as pure functions of bytes.
//!
//! [`parse`] reads one whole HTTP request. Either the answer is known at once (a route that is not there, a form that
//! is malformed, `/version`) and stands in the [`HttpAnswer`] given, or the node must be asked: then there is a typed
//! [`node::Request`] and a [`Render`], the few bits that must be remembered to write the answer. When the node has
//! answered, [`Render::render`] writes status, header lines and body. Nothing else happens here: no socket, clock,
//! thread or state, so the mio host, both simulated worlds and the golden tests all speak the same JSON.
//!
//! # How to find your way
//!
//! | file | idea |
//! |---|---|
//! | `target.rs` | the request target: decoded, cleaned, redirected |
//! | `route.rs` | the table of paths, methods and handlers |
//! | `access.rs` | pages of which origin may read answers, which hosts are served |
//! | `answer.rs`, `render.rs` | an answer in HTTP's terms; what is remembered between question and answer |
//! | `stream.rs` | requests that are answered piece by piece |
//! | `query.rs`, `text.rs`, `failure.rs` | form pairs in; JSON text out; etcd's words for failures |
//! | `civil.rs` | the calendar |
//! | `v2/` | `/v2/keys`, `/v2/members`, `/v2/machines`, `/v2/stats` |
//! | `v3/` | the gRPC gateway's mapping of kv, watch, lease, cluster and maintenance |
//! | `version.rs`, `health.rs`, `checks.rs`, `metrics.rs`, `vars.rs`, `log_level.rs` | the endpoints that belong to neither |
//!
//! # Invariants
//!
//! * Bytes from outside never cause a panic. A wrong *node* answer (say, a member list to a put) is our own bug and does.
//! * JSON is parsed straight into typed structs and rendered straight into the body: there is no tree of values in
//!   between. Base64 is decoded once, to the exact size, into the `Bytes` that will stand in the log.
//! * What etcd serves and this server does not yet is answered 501 in the API's own error form, by name. An option is
//!   ignored only where etcd ignores it too.
//! * All the work done here is linear in the bytes of the request or of the answer, and rendering uses no recursion: a
//!   path of thousands of components costs no stack.
//!
//! # What is left out
//!
//! HTTP framing, bodies in chunks, `Expect`, limits on sizes and Content-Length belong to `net`; the node decides
//! everything about state. Authentication is not there: etcd with authentication disabled ignores credentials, and so
//! does this crate.
#![forbid(unsafe_code)]

use std::sync::Arc;

mod access;
mod answer;
mod checks;
mod civil;
mod failure;
mod health;
mod log_level;
mod metrics;
mod query;
mod render;
mod route;
mod stream;
mod target;
mod text;
mod v2;
mod v3;
mod vars;
mod version;

#[cfg(test)]
mod tests;

pub use access::Access;
pub use answer::HttpAnswer;
pub use civil::civil_date;
pub use log_level::LogLevel;
pub use metrics::Page;
pub use render::Render;
pub use stream::{Doing, Stream, Telling, Wish};
pub use vars::Vars;
pub use version::{COMPATIBLE_CLUSTER_VERSION, COMPATIBLE_VERSION};

/// The longest body that is answered in the API's own form; a host may answer 413 to a longer one without reading it.
/// It is etcd's limit for v2 forms; v3 requests end at less.
pub const BODY_BYTES_MAX: usize = 10 << 20;

/// A request as HTTP gives it; borrowed from the connection's buffer.
#[derive(Clone, Copy, Debug)]
pub struct HttpRequest<'a> {
    /// `GET`, ...
    pub method: &'a str,
    /// Path and query, as sent.
    pub target: &'a str,
    /// Name and value, as sent; names compare without case.
    pub headers: &'a [(&'a str, &'a [u8])],
    /// The whole body, unchunked.
    pub body: &'a [u8],
}

impl<'a> HttpRequest<'a> {
    /// The first header line of this name.
    fn header(&self, name: &str) -> Option<&'a [u8]> {
        self.headers
            .iter()
            .find(|(found, _)| found.eq_ignore_ascii_case(name))
            .map(|(_, value)| *value)
    }
}

/// Who answers; the same for all requests of a server.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The cluster's id.
    pub cluster_id: u64,
    /// Who may ask.
    pub access: Arc<Access>,
}

/// What a request came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Parsed {
    /// The node must answer; `Render` then knows how.
    Ask(Box<node::Request>, Render),
    /// It is a stream: give it the request's body as it comes, and it asks the node, and writes the answer, piece by
    /// piece.
    Stream(Box<Stream>),
    /// The answer is already in the `HttpAnswer` given.
    Answered,
    /// So it is, and what is lighter than this is to be logged no more.
    LogFrom(LogLevel),
}

/// Whether a request of this method and target is a stream whose body is read as it comes. [`parse`] then takes it
/// without its body.
#[must_use]
pub fn streams(method: &str, target: &str) -> bool {
    route::streams(method, target)
}

/// Reads a request. Whatever is wrong with it is answered in the API's own form. Status, head and body of `answer` are overwritten,
/// whatever they hold, if and only if the outcome is neither [`Parsed::Ask`] nor [`Parsed::Stream`].
pub fn parse(identity: &Identity, request: HttpRequest<'_>, answer: &mut HttpAnswer) -> Parsed {
    if !identity.access.admits(&request, answer) {
        return Parsed::Answered;
    }
    answer.origin = identity.access.origin(&request);
    match route::dispatch(identity, request, answer) {
        Parsed::Ask(request, render) => Parsed::Ask(request, render.for_origin(&answer.origin)),
        Parsed::Stream(stream) => Parsed::Stream(Box::new(stream.for_origin(&answer.origin))),
        other => other,
    }
}
