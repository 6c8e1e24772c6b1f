//! One client's connection, from the first byte to the last.

use super::body::{Body, Whole};
use super::chunked::ChunkError;
use super::framing::Framing;
use super::head::{Attempts, RequestHead};
use super::input::Input;
use super::response::CONTINUE;
use super::{LINGER_BYTES_MAX, Limits, Next, Phase, READ_AHEAD_BYTES_MAX, Refusal, Request, Streams};

/// What an HTTP/2 client with prior knowledge sends first (RFC 9113 3.4); as a request it could only be refused.
const HTTP2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n";

/// Line breaks let pass before a request line, in bytes: old clients send one too many after a body (RFC 9112 2.2).
const LEADING_BREAK_BYTES_MAX: usize = 4;

/// The server's side of one connection. See the module's page for how to drive it.
#[derive(Clone, Debug)]
pub struct Connection {
    limits: Limits,
    streams: Streams,
    pub(super) input: Input,
    pub(super) stage: Stage,
    /// Of the request in hand; meaningless in `Stage::Head`.
    pub(super) head: RequestHead,
    pub(super) attempts: Attempts,
    /// Bytes of line breaks skipped before the request in hand.
    pub(super) leading_breaks: usize,
    /// Whether another request may follow the one in hand.
    pub(super) keep_alive: bool,
    /// Whether the request in hand is a HEAD.
    pub(super) is_head: bool,
    /// Whether a request was ever handed out; the HTTP/2 preface comes first or not at all.
    used: bool,
    /// Bytes thrown away since the connection was closed.
    discarded: usize,
}

#[derive(Clone, Debug)]
pub(super) enum Stage {
    /// A head is to come.
    Head,
    /// The head is in hand, the body is to come.
    Body(Body),
    /// The whole request waits for its answer.
    Asked(Whole),
    /// The request waits for its answer, and its body is still to come, or to be read.
    Open(Body),
    /// The answer is under way in pieces.
    Streaming { rest: Rest, pieces: Pieces },
    /// Nothing more will be read or written.
    Closed,
}

/// What is in the input of a request whose answer is under way.
#[derive(Clone, Debug)]
pub(super) enum Rest {
    /// Nothing is to be read of it; what follows it begins here.
    Read(usize),
    /// Its body.
    Body(Body),
}

/// How the pieces of a streamed answer are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pieces {
    /// As chunks.
    Chunked,
    /// As they are, until close: HTTP/1.0 knows no chunks.
    Raw,
    /// Not at all: the answer has no body.
    Dropped,
}

impl Connection {
    /// A connection on which nothing was received yet.
    pub fn new(limits: Limits) -> Connection {
        Connection {
            limits,
            streams: |_, _| false,
            input: Input::default(),
            stage: Stage::Head,
            head: RequestHead::default(),
            attempts: Attempts::default(),
            leading_breaks: 0,
            keep_alive: true,
            is_head: false,
            used: false,
            discarded: 0,
        }
    }

    /// The same, where requests of some methods and targets are handed out before their bodies: see [`Next::Stream`].
    #[must_use]
    pub fn with_streams(self, streams: Streams) -> Connection {
        Connection { streams, ..self }
    }

    /// Takes bytes from the client; call `next_request` afterwards.
    pub fn receive(&mut self, bytes: &[u8]) {
        match self.stage {
            Stage::Closed => self.discarded = self.discarded.saturating_add(bytes.len()),
            _ => self.input.append(bytes),
        }
    }

    /// The next request, if it is whole and the one before it was answered. Writes `100 Continue` and refusals to `out`.
    /// To be called after bytes came and after an answer was given, each time until it says `Wait`.
    pub fn next_request(&mut self, out: &mut Vec<u8>) -> Next<'_> {
        if matches!(self.stage, Stage::Head) && self.is_http2() {
            self.close();
            return Next::Http2;
        }
        match self.advance(out) {
            Ok(true) if matches!(self.stage, Stage::Open(_)) => Next::Stream(self.request_with(&[])),
            Ok(true) => Next::Request(self.request().expect("a request was just completed")),
            Ok(false) => Next::Wait,
            Err(refusal) => {
                self.refuse(out, refusal);
                Next::Refused(refusal)
            }
        }
    }

    /// The request that waits for its answer.
    pub fn request(&self) -> Option<Request<'_>> {
        let Stage::Asked(whole) = self.stage else {
            return None;
        };
        Some(self.request_with(&self.input.unread()[whole.start..whole.end]))
    }

    fn request_with<'a>(&'a self, body: &'a [u8]) -> Request<'a> {
        let unread = self.input.unread();
        let target = self.head.target(unread);
        Request {
            method: self.head.method(unread),
            target: target.path,
            version: self.head.version,
            headers: self.head.headers(unread),
            body,
            authority: target.authority,
        }
    }

    /// Appends what has come of the body of a request that was handed out before it: after [`Next::Stream`], and then
    /// whenever bytes came. Returns whether that is all of it. The request itself is forgotten. The body of a request that
    /// was handed out whole is appended once.
    ///
    /// # Errors
    /// If the body is malformed. If the answer was not begun, the refusal is written; the connection is closed.
    pub fn read_stream(&mut self, into: &mut Vec<u8>, out: &mut Vec<u8>) -> Result<bool, Refusal> {
        if let Stage::Asked(whole) = &mut self.stage {
            into.extend_from_slice(&self.input.unread()[whole.start..whole.end]);
            whole.start = whole.end;
            return Ok(true);
        }
        let (Stage::Open(body)
        | Stage::Streaming {
            rest: Rest::Body(body),
            ..
        }) = &mut self.stage
        else {
            return Ok(true);
        };
        match body.take(&mut self.input, into) {
            Ok(ended) => Ok(ended),
            Err(error) => {
                let refusal = error.into();
                match self.stage {
                    Stage::Open(_) => self.refuse(out, refusal),
                    _ => self.close(),
                }
                Err(refusal)
            }
        }
    }

    /// What the connection is busy with.
    pub fn phase(&self) -> Phase {
        match self.stage {
            Stage::Head if self.input.unread().is_empty() => Phase::Idle,
            Stage::Head | Stage::Body(_) => Phase::Receiving,
            Stage::Asked(_) | Stage::Open(_) => Phase::Answering,
            Stage::Streaming { .. } => Phase::Streaming,
            Stage::Closed => Phase::Closed,
        }
    }

    /// Whether the host should go on reading from the client: not while too much is read ahead of an answer, and not for
    /// ever after a close.
    pub fn wants_input(&self) -> bool {
        let ahead = |next: usize| self.input.unread().len() - next;
        match &self.stage {
            Stage::Head | Stage::Body(_) => true,
            Stage::Asked(whole) => ahead(whole.next) < READ_AHEAD_BYTES_MAX,
            Stage::Streaming {
                rest: Rest::Read(next),
                ..
            } => ahead(*next) < READ_AHEAD_BYTES_MAX,
            // Of a body that has ended, what follows; of one that has not, nothing is left there.
            Stage::Open(_) | Stage::Streaming { .. } => ahead(0) < READ_AHEAD_BYTES_MAX,
            Stage::Closed => self.discarded < LINGER_BYTES_MAX,
        }
    }

    fn is_http2(&self) -> bool {
        self.is_at_start() && self.input.unread().starts_with(HTTP2_PREFACE)
    }

    /// Whether the unread bytes are the first of the connection.
    fn is_at_start(&self) -> bool {
        !self.used && self.leading_breaks == 0
    }

    /// Moves through the stages as far as the bytes go; true when a request is to be handed out.
    fn advance(&mut self, out: &mut Vec<u8>) -> Result<bool, Refusal> {
        if matches!(self.stage, Stage::Head) {
            let Some(framing) = self.read_head()? else {
                return Ok(false);
            };
            let unread = self.input.unread();
            self.is_head = self.head.method(unread) == "HEAD";
            let is_stream = (self.streams)(self.head.method(unread), self.head.target(unread).path);
            // Of a stream no part is kept, so all of it may be as long as it likes.
            let bytes_max = if is_stream {
                usize::MAX
            } else {
                self.limits.body_bytes_max
            };
            let body = Body::new(self.head.len, framing.body, bytes_max);
            self.keep_alive &= framing.keep_alive;
            if is_stream {
                if framing.expects_continue {
                    out.extend_from_slice(CONTINUE);
                }
                self.stage = Stage::Open(body);
                self.used = true;
                return Ok(true);
            }
            self.stage = Stage::Body(body);
            if self.read_body()? {
                return Ok(true);
            }
            if framing.expects_continue {
                out.extend_from_slice(CONTINUE);
            }
            return Ok(false);
        }
        self.read_body()
    }

    fn read_head(&mut self) -> Result<Option<Framing>, Refusal> {
        self.skip_leading_breaks()?;
        let unread = self.input.unread();
        let unclear = unread == b"\r" || self.is_at_start() && HTTP2_PREFACE.starts_with(unread);
        if unclear || !self.attempts.due(unread, self.limits.head_bytes_max) {
            return Ok(None);
        }
        if !self.head.parse(unread, &self.limits)? {
            return Ok(None);
        }
        let method = self.head.method(unread);
        let headers = self.head.headers(unread);
        Framing::of(method, self.head.version, headers, &self.limits).map(Some)
    }

    fn skip_leading_breaks(&mut self) -> Result<(), Refusal> {
        loop {
            let count = match self.input.unread() {
                [b'\n', ..] => 1,
                [b'\r', b'\n', ..] => 2,
                _ => return Ok(()),
            };
            self.leading_breaks += count;
            if self.leading_breaks > LEADING_BREAK_BYTES_MAX {
                return Err(Refusal::RequestLine);
            }
            self.input.consume(count);
        }
    }

    fn read_body(&mut self) -> Result<bool, Refusal> {
        let Stage::Body(body) = &mut self.stage else {
            return Ok(false);
        };
        let Some(whole) = body.read(&mut self.input)? else {
            return Ok(false);
        };
        self.stage = Stage::Asked(whole);
        self.used = true;
        Ok(true)
    }
}

impl From<ChunkError> for Refusal {
    fn from(error: ChunkError) -> Refusal {
        match error {
            ChunkError::Syntax => Refusal::Chunk,
            ChunkError::TooLarge => Refusal::BodyTooLarge,
            ChunkError::TrailersTooLarge => Refusal::TrailersTooLarge,
        }
    }
}

#[cfg(test)]
mod tests;
