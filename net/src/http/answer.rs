//! Answers on a connection: whole, in pieces, or a refusal.

use super::Refusal;
use super::connection::{Connection, Pieces, Rest, Stage};
use super::head::{Attempts, Version};
use super::response::{self, LAST_CHUNK, Length, Persistence};

/// Header lines of a refusal.
const REFUSAL_HEAD: &[u8] = b"Content-Type: text/plain; charset=utf-8\r\nX-Content-Type-Options: nosniff\r\n";

impl Connection {
    /// Writes the whole answer to the request in hand. `head_lines` are header lines, each ended by CRLF, all but
    /// Content-Length, Transfer-Encoding and Connection, which are this machine's to write. The body is left out, though not
    /// its length, when the request was a HEAD; 204 and 304 have neither.
    pub fn respond(&mut self, out: &mut Vec<u8>, status: u16, head_lines: &[u8], body: &[u8]) {
        let rest = self.rest();
        if let Rest::Body(body) = &rest {
            // What is left of it would be taken for the next request.
            self.keep_alive &= body.is_taken();
        }
        let bodiless = response::is_bodiless(status);
        let length = if bodiless {
            Length::Unsaid
        } else {
            Length::Known(body.len())
        };
        response::head(out, status, head_lines, length, self.persistence());
        if !bodiless && !self.is_head {
            out.extend_from_slice(body);
        }
        self.answered(&rest);
    }

    /// Begins an answer whose length is not known yet; `head_lines` as for `respond`.
    pub fn start_stream(&mut self, out: &mut Vec<u8>, status: u16, head_lines: &[u8]) {
        let rest = self.rest();
        let bodiless = response::is_bodiless(status);
        let chunks_known = self.head.version == Version::Http11;
        // Without chunks only the end of the connection can end the body.
        self.keep_alive &= chunks_known || bodiless;
        let length = if chunks_known && !bodiless {
            Length::Chunked
        } else {
            Length::Unsaid
        };
        response::head(out, status, head_lines, length, self.persistence());
        let pieces = match length {
            _ if bodiless || self.is_head => Pieces::Dropped,
            Length::Chunked => Pieces::Chunked,
            _ => Pieces::Raw,
        };
        self.stage = Stage::Streaming { rest, pieces };
    }

    /// Writes the next piece of a streamed answer.
    pub fn stream(&mut self, out: &mut Vec<u8>, bytes: &[u8]) {
        let Stage::Streaming { pieces, .. } = self.stage else {
            panic!("no answer is being streamed")
        };
        match pieces {
            Pieces::Chunked => response::chunk(out, bytes),
            Pieces::Raw => out.extend_from_slice(bytes),
            Pieces::Dropped => {}
        }
    }

    /// Ends a streamed answer.
    pub fn finish_stream(&mut self, out: &mut Vec<u8>) {
        let Stage::Streaming { rest, pieces } = &self.stage else {
            panic!("no answer is being streamed")
        };
        if *pieces == Pieces::Chunked {
            out.extend_from_slice(LAST_CHUNK);
        }
        let rest = rest.clone();
        self.answered(&rest);
    }

    /// Answers a request that has not wholly arrived with a refusal, and closes. The host needs this for
    /// [`Refusal::TimedOut`] only.
    pub fn refuse(&mut self, out: &mut Vec<u8>, refusal: Refusal) {
        assert!(
            matches!(self.stage, Stage::Head | Stage::Body(_) | Stage::Open(_)),
            "a request in hand is answered, not refused"
        );
        let body = format!("{refusal}\n");
        let length = Length::Known(body.len());
        response::head(out, refusal.status(), REFUSAL_HEAD, length, Persistence::Close);
        // Even to a HEAD, whose method may not have been read: nothing follows that the sentence could be mistaken for.
        out.extend_from_slice(body.as_bytes());
        self.close();
    }

    /// Makes the answer to the request in hand, or to the next, the last one: for a server that is shutting down.
    pub fn close_after_answer(&mut self) {
        self.keep_alive = false;
    }

    /// Ends the connection where it stands; a streamed answer stays visibly unfinished.
    pub fn close(&mut self) {
        self.stage = Stage::Closed;
        self.input.clear();
    }

    /// What is left of the request in hand.
    fn rest(&self) -> Rest {
        match &self.stage {
            Stage::Asked(whole) => Rest::Read(whole.next),
            Stage::Open(body) => Rest::Body(body.clone()),
            _ => panic!("there is no request to answer"),
        }
    }

    fn persistence(&self) -> Persistence {
        match (self.keep_alive, self.head.version) {
            (false, _) => Persistence::Close,
            (true, Version::Http10) => Persistence::KeepAlive,
            (true, Version::Http11) => Persistence::Unsaid,
        }
    }

    fn answered(&mut self, rest: &Rest) {
        let next = match rest {
            Rest::Read(next) => Some(*next),
            Rest::Body(body) => body.is_taken().then_some(0),
        };
        let (true, Some(next)) = (self.keep_alive, next) else {
            return self.close();
        };
        self.input.consume(next);
        self.stage = Stage::Head;
        self.attempts = Attempts::default();
        self.leading_breaks = 0;
    }
}
