//! The other side of the wire: requests out, answers in. The simulated clients and the tests use it, so that what they
//! believe about HTTP is in one place; like the server's side it knows no socket and no clock.

use super::body::{Body, Whole};
use super::chunked::ChunkError;
use super::framing::{BodyLength, decimal};
use super::head::Attempts;
use super::headers::{HEADERS_MAX, HeaderSpan, Headers, lists, note};
use super::input::Input;
use super::response::{is_bodiless, push_decimal};
use std::collections::VecDeque;
use std::mem::MaybeUninit;

/// Longest head of an answer, in bytes.
const HEAD_BYTES_MAX: usize = 64 * 1024;

/// A client's connection. Requests may be sent ahead; the answers come in their order.
#[derive(Clone, Debug)]
pub struct Client {
    host: String,
    input: Input,
    stage: Stage,
    head: ResponseHead,
    attempts: Attempts,
    /// For each request without its answer: whether it was a HEAD.
    awaited: VecDeque<bool>,
    /// Whether the server has closed its side.
    closed: bool,
}

#[derive(Clone, Debug)]
enum Stage {
    Head,
    Body(Body),
    /// The answer was handed out; its bytes go at the next call.
    Taken(Whole),
}

#[derive(Clone, Debug, Default)]
struct ResponseHead {
    status: u16,
    len: usize,
    headers: Vec<HeaderSpan>,
    last: bool,
}

/// What to ask for.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// `GET`, ...
    pub method: &'a str,
    /// Path and query.
    pub target: &'a str,
    /// Header lines, each ended by CRLF, all but Host and Content-Length.
    pub head_lines: &'a [u8],
    /// The body; empty for none.
    pub body: &'a [u8],
}

/// An answer, borrowed from its connection.
#[derive(Clone, Copy, Debug)]
pub struct Response<'a> {
    /// The status code.
    pub status: u16,
    /// In the order sent.
    pub headers: Headers<'a>,
    /// The body, chunks joined.
    pub body: &'a [u8],
    /// Whether the server ends the connection after this answer.
    pub last: bool,
}

/// An answer that is not HTTP/1.x, or was cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadResponse {
    /// The head is malformed, too long, or has too many headers.
    #[error("the head of the answer is malformed")]
    Head,
    /// The length of the body is malformed, or stated in two ways.
    #[error("the length of the answer is malformed")]
    Length,
    /// The body's chunks are malformed.
    #[error("the chunks of the answer are malformed")]
    Chunk,
    /// The server closed in the middle of an answer.
    #[error("the answer was cut off")]
    CutOff,
    /// An answer came that nobody had asked for.
    #[error("an answer came that was not asked for")]
    Unasked,
}

impl Client {
    /// A client's connection to a host (and port, if it is not the scheme's), which each request names.
    pub fn new(host: &str) -> Client {
        Client {
            host: host.to_owned(),
            input: Input::default(),
            stage: Stage::Head,
            head: ResponseHead::default(),
            attempts: Attempts::default(),
            awaited: VecDeque::new(),
            closed: false,
        }
    }

    /// Writes a request.
    pub fn request(&mut self, out: &mut Vec<u8>, ask: Ask<'_>) {
        for part in [
            ask.method,
            " ",
            ask.target,
            " HTTP/1.1\r\nHost: ",
            &self.host,
            "\r\n",
        ] {
            out.extend_from_slice(part.as_bytes());
        }
        out.extend_from_slice(ask.head_lines);
        if !ask.body.is_empty() || matches!(ask.method, "POST" | "PUT" | "PATCH") {
            out.extend_from_slice(b"Content-Length: ");
            push_decimal(out, ask.body.len());
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(ask.body);
        self.awaited.push_back(ask.method == "HEAD");
    }

    /// Takes bytes from the server; call `next_response` afterwards until it says `None`.
    pub fn receive(&mut self, bytes: &[u8]) {
        self.input.append(bytes);
    }

    /// Notes that the server has closed.
    pub fn end_of_input(&mut self) {
        self.closed = true;
    }

    /// The next answer, once it is whole; `None` until then. After an error the connection is of no more use.
    pub fn next_response(&mut self) -> Result<Option<Response<'_>>, BadResponse> {
        if let Stage::Taken(whole) = self.stage {
            self.input.consume(whole.next);
            self.stage = Stage::Head;
            self.attempts = Attempts::default();
        }
        if matches!(self.stage, Stage::Head) && !self.read_head()? {
            let awaited = !self.awaited.is_empty();
            return if self.closed && awaited {
                Err(BadResponse::CutOff)
            } else {
                Ok(None)
            };
        }
        let Stage::Body(body) = &mut self.stage else {
            unreachable!("a head was just read")
        };
        let whole = match body.read(&mut self.input)? {
            None if self.closed => body.closed().ok_or(BadResponse::CutOff)?,
            None => return Ok(None),
            Some(whole) => whole,
        };
        self.stage = Stage::Taken(whole);
        self.awaited.pop_front();
        Ok(Some(self.response(&self.input.unread()[whole.start..whole.end])))
    }

    /// The answer under way, with as much of its body as `next_response` has seen: for streams, which have no end.
    pub fn so_far(&self) -> Option<Response<'_>> {
        let Stage::Body(body) = &self.stage else {
            return None;
        };
        Some(self.response(body.so_far(self.input.unread())))
    }

    fn response<'a>(&'a self, body: &'a [u8]) -> Response<'a> {
        let headers = Headers::new(&self.input.unread()[..self.head.len], &self.head.headers);
        Response {
            status: self.head.status,
            headers,
            body,
            last: self.head.last,
        }
    }

    /// Reads a head, past any interim answers. False when it is not all there.
    fn read_head(&mut self) -> Result<bool, BadResponse> {
        loop {
            let unread = self.input.unread();
            if !self.attempts.due(unread, HEAD_BYTES_MAX) {
                return Ok(false);
            }
            let Some(&asked_head) = self.awaited.front() else {
                return Err(BadResponse::Unasked);
            };
            if !self.head.parse(unread)? {
                return Ok(false);
            }
            if !matches!(self.head.status, 100..=199) {
                self.stage = Stage::Body(self.head.body(unread, asked_head)?);
                return Ok(true);
            }
            self.input.consume(self.head.len);
            self.attempts = Attempts::default();
        }
    }
}

impl ResponseHead {
    /// False when it is not all there.
    fn parse(&mut self, unread: &[u8]) -> Result<bool, BadResponse> {
        let mut slots = [const { MaybeUninit::uninit() }; HEADERS_MAX];
        let mut parsed = httparse::Response::new(&mut []);
        let head = &unread[..unread.len().min(HEAD_BYTES_MAX)];
        let status = httparse::ParserConfig::default()
            .parse_response_with_uninit_headers(&mut parsed, head, &mut slots)
            .map_err(|_| BadResponse::Head)?;
        let httparse::Status::Complete(len) = status else {
            return if unread.len() < HEAD_BYTES_MAX {
                Ok(false)
            } else {
                Err(BadResponse::Head)
            };
        };
        self.status = parsed.code.expect("a complete head has a status");
        self.len = len;
        let connection = |token| {
            parsed
                .headers
                .iter()
                .any(|header| header.name.eq_ignore_ascii_case("connection") && lists(header.value, token))
        };
        self.last = connection("close") || parsed.version == Some(0) && !connection("keep-alive");
        note(&mut self.headers, parsed.headers, head);
        Ok(true)
    }

    /// RFC 9112 6.3: where the body of this answer ends.
    fn body(&mut self, unread: &[u8], asked_head: bool) -> Result<Body, BadResponse> {
        let headers = Headers::new(&unread[..self.len], &self.headers);
        let known = |length| Ok(Body::new(self.len, length, usize::MAX));
        if asked_head || is_bodiless(self.status) {
            return known(BodyLength::Known(0));
        }
        match (headers.get("transfer-encoding"), headers.get("content-length")) {
            (Some(_), Some(_)) => Err(BadResponse::Length),
            (Some(encoding), None) if encoding.eq_ignore_ascii_case(b"chunked") => known(BodyLength::Chunked),
            (Some(_), None) => Err(BadResponse::Length),
            (None, Some(length)) => {
                let length = decimal(length).and_then(|length| usize::try_from(length).ok());
                known(BodyLength::Known(length.ok_or(BadResponse::Length)?))
            }
            (None, None) => {
                self.last = true;
                Ok(Body::until_close(self.len))
            }
        }
    }
}

impl From<ChunkError> for BadResponse {
    fn from(_: ChunkError) -> BadResponse {
        BadResponse::Chunk
    }
}

#[cfg(test)]
mod tests;
