//! etcd's JSON APIs as pure functions of bytes.
#![forbid(unsafe_code)]

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

/// Who answers; the same for all requests of a server.
#[derive(Clone, Copy, Debug)]
pub struct Identity {
    /// The cluster's id.
    pub cluster_id: u64,
}

/// What a request came to.
#[derive(Debug)]
pub enum Parsed {
    /// The node must answer; `Render` then knows how.
    Ask(Box<node::Request>, Render),
    /// The answer is already in the `HttpAnswer` given.
    Answered,
}

/// An answer in HTTP's terms, reused from request to request.
#[derive(Clone, Debug, Default)]
pub struct HttpAnswer {
    /// The status code.
    pub status: u16,
    /// Header lines, each ended by CRLF, all but Content-Length, Date and Connection.
    pub head: Vec<u8>,
    /// The body.
    pub body: Vec<u8>,
}

/// What must be remembered of a request to render its answer.
#[derive(Clone, Debug)]
pub struct Render;

/// Reads a request. Whatever is wrong with it is answered in the API's own form.
pub fn parse(_identity: Identity, _request: HttpRequest<'_>, _answer: &mut HttpAnswer) -> Parsed {
    unimplemented!("written next")
}

impl Render {
    /// Renders the node's answer.
    pub fn render(&self, _response: &node::Response, _answer: &mut HttpAnswer) {}
}
