//! A request as the layers above see it.

use super::{Headers, Version};

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
