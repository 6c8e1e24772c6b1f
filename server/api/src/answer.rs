//! An answer in HTTP's terms.

use std::fmt::Display;
use std::io::Write as _;

use crate::access::Origin;

/// On every answer that an origin may read; its name follows.
const CORS: &[u8] = b"Access-Control-Allow-Headers: accept, content-type, authorization\r\n\
    Access-Control-Allow-Methods: POST, GET, OPTIONS, PUT, DELETE\r\n\
    Access-Control-Allow-Origin: ";

/// An answer in HTTP's terms, reused from request to request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HttpAnswer {
    /// The status code.
    pub status: u16,
    /// Header lines, each ended by CRLF, all but Content-Length, Date and Connection.
    pub head: Vec<u8>,
    /// The body; also of a HEAD, where HTTP sends its length only.
    pub body: Vec<u8>,
    /// Which pages may read it.
    pub(crate) origin: Origin,
}

impl HttpAnswer {
    /// Forgets what was there and begins an answer that has no header lines but CORS's, and no body.
    pub(crate) fn begin(&mut self, status: u16) {
        self.status = status;
        self.head.clear();
        let origin = match &self.origin {
            Origin::Any => Some("*"),
            Origin::Asking(origin) => Some(&**origin),
            Origin::Nobody => None,
        };
        if let Some(origin) = origin {
            self.head.extend_from_slice(CORS);
            self.head.extend_from_slice(origin.as_bytes());
            self.head.extend_from_slice(b"\r\n");
        }
        self.body.clear();
    }

    /// Begins an answer in JSON.
    pub(crate) fn begin_json(&mut self, status: u16) {
        self.begin(status);
        self.head.extend_from_slice(b"Content-Type: application/json\r\n");
    }

    /// Begins an answer in plain text.
    pub(crate) fn begin_text(&mut self, status: u16) {
        self.begin(status);
        self.head
            .extend_from_slice(b"Content-Type: text/plain; charset=utf-8\r\n");
    }

    /// Adds a header line. The value must not hold line ends.
    pub(crate) fn header(&mut self, name: &str, value: impl Display) {
        write!(self.head, "{name}: {value}\r\n").expect("a Vec takes every byte");
    }

    /// A whole answer: an error in plain text, which no browser shall take for anything else.
    pub(crate) fn text_error(&mut self, status: u16, message: &str) {
        self.begin_text(status);
        self.header("X-Content-Type-Options", "nosniff");
        self.body.extend_from_slice(message.as_bytes());
        self.body.push(b'\n');
    }
}
