//! What a connection shows to its host: requests, other outcomes, and what it is busy with.

use super::{Headers, Refusal, Version};

/// A whole request, borrowed from its connection.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// `GET`, ...; any token.
    pub method: &'a str,
    /// Path and query as sent, or `*`. Of an absolute URL only path and query are left here.
    pub target: &'a str,
    /// The version the client speaks. Answers need not care.
    pub version: Version,
    /// In the order sent.
    pub headers: Headers<'a>,
    /// The body, chunks joined.
    pub body: &'a [u8],
    pub(super) authority: Option<&'a str>,
}

impl<'a> Request<'a> {
    /// The host, and port if given, that the client believes to talk to: from an absolute target, else from the Host header;
    /// empty if there is neither.
    pub fn host(&self) -> &'a [u8] {
        match self.authority {
            Some(authority) => authority.as_bytes(),
            None => self.headers.get("host").unwrap_or_default(),
        }
    }
}

/// What [`Connection::next_request`](super::Connection::next_request) found.
#[derive(Debug)]
pub enum Next<'a> {
    /// Nothing to do until bytes arrive or the last request is answered; [`Connection::phase`](super::Connection::phase) tells which.
    Wait,
    /// A request. Answer it with `respond` or `start_stream`.
    Request(Request<'a>),
    /// The head of a request that is a stream itself: take its body with
    /// [`Connection::read_stream`](super::Connection::read_stream) as it comes, and answer it meanwhile. If it is answered
    /// before its body has ended, the connection closes.
    Stream(Request<'a>),
    /// The client made a mistake. The answer is written; the connection is closed.
    Refused(Refusal),
    /// The client speaks HTTP/2 (gRPC). Nothing is written: it could not read it. The connection is closed.
    Http2,
}

/// Of which method and target requests are streams.
pub type Streams = fn(method: &str, target: &str) -> bool;

/// What a connection is busy with; a host's deadlines depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Between requests.
    Idle,
    /// In the middle of a request: the client is to be quick.
    Receiving,
    /// A request waits for its answer: we are to be quick.
    Answering,
    /// A streamed answer is under way, for as long as it takes.
    Streaming,
    /// Over. Write what is left, then close as the module's page says.
    Closed,
}
