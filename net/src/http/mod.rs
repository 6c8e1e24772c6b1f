//! HTTP/1.1 as a pure machine: bytes in, requests out, answers back to bytes.
//!
//! There is no socket, clock or thread in here. The mio host and the simulated world drive the same [`Connection`]:
//!
//! ```
//! use net::http::{Connection, Limits, Next};
//!
//! let mut connection = Connection::new(Limits::default());
//! let mut out = Vec::new();
//! connection.receive(b"GET /version HTTP/1.1\r\nHost: balsa\r\n\r\n");
//! while let Next::Request(request) = connection.next_request(&mut out) {
//!     let body = format!("you asked for {}", request.target);
//!     connection.respond(&mut out, 200, b"Content-Type: text/plain\r\n", body.as_bytes());
//! }
//! assert!(out.starts_with(b"HTTP/1.1 200 OK\r\n"));
//! ```
//!
//! **What is always true.** A request is handed out only when it is whole, its body included, and only when the one before
//! it was answered: answers keep the order of the requests however deep the client pipelines, and an unwanted body can never be
//! mistaken for the next request. The head and body of a request are borrowed from the connection's buffer; chunked bodies are
//! decoded where they lie. A request costs no allocation once the connection's buffers have grown to its size.
//! However the bytes are cut into pieces, the requests and refusals are the same.
//!
//! **What is refused.** Anything two parsers could read in two ways is a 400: both a Content-Length and a
//! Transfer-Encoding, lengths that disagree, a space before a header's colon, folded headers, a bare CR, a chunk not closed
//! by CRLF, more than one Host. [`Refusal`] lists every reason; each answers with one sentence of plain text and closes.
//!
//! **Closing.** A refusal leaves bytes unread, and closing a socket that has unread bytes resets it, which can destroy the
//! answer on its way. So when [`Connection::phase`] says [`Phase::Closed`] the host writes what is in `out`, shuts down its
//! sending half, and goes on reading into [`Connection::receive`] (which now throws the bytes away) until the
//! client closes, [`Connection::wants_input`] says that the client had its share, or a short deadline passes. Then it closes.
//!
//! When the client closes its half, the host decides: an idle connection, or one whose request is incomplete, is simply
//! closed; a request in hand may still be answered.
//!
//! **Left out.** TLS (below this), routing and methods (above this), HTTP/2 (told apart by its preface, not served), upgrades,
//! trailers (checked and thrown away), and time: a host that wants a `Date` header or a deadline for slow clients brings its own
//! ([`Connection::phase`] says what the clock is running on, [`Refusal::TimedOut`] is the answer).

mod answer;
mod body;
mod chunked;
pub mod client;
mod connection;
mod framing;
mod head;
mod headers;
mod input;
mod limits;
mod refusal;
mod request;
mod response;

pub use connection::Connection;
pub use head::Version;
pub use headers::{HEADERS_MAX, Header, Headers, NO_HEADER};
pub use limits::{LINGER_BYTES_MAX, Limits, READ_AHEAD_BYTES_MAX};
pub use refusal::Refusal;
pub use request::{Next, Phase, Request, Streams};
