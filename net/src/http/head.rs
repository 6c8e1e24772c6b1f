//! The head of a request: found, parsed by httparse, and kept as places in the buffer.

use super::headers::{HEADERS_MAX, HeaderSpan, Headers, Span, note};
use super::{Limits, Refusal};
use std::mem::MaybeUninit;

/// The version a request claims.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Version {
    /// HTTP/1.0: one request per connection unless the client asks otherwise.
    Http10,
    /// HTTP/1.1.
    #[default]
    Http11,
}

/// A parsed request head; its spans are offsets from its first byte.
#[derive(Clone, Debug, Default)]
pub(super) struct RequestHead {
    method: Span,
    target: Span,
    headers: Vec<HeaderSpan>,
    pub(super) version: Version,
    /// Length in bytes, up to and with the empty line.
    pub(super) len: usize,
}

impl RequestHead {
    /// Parses the head at the front of `unread`. `Ok(false)` means that it is not all there.
    pub(super) fn parse(&mut self, unread: &[u8], limits: &Limits) -> Result<bool, Refusal> {
        // Never look beyond the limit: so it cannot matter how much else happens to have arrived.
        let head = &unread[..unread.len().min(limits.head_bytes_max)];
        let mut slots = [const { MaybeUninit::uninit() }; HEADERS_MAX];
        let mut parsed = httparse::Request::new(&mut []);
        let status = parsed
            .parse_with_uninit_headers(head, &mut slots)
            .map_err(|error| refusal_for(error, head))?;
        let target_too_long = |target: &str| target.len() > limits.target_bytes_max;
        let httparse::Status::Complete(len) = status else {
            return match parsed.path {
                _ if unread.len() < limits.head_bytes_max => Ok(false),
                Some(target) if !target_too_long(target) => Err(Refusal::HeadTooLarge),
                _ => Err(Refusal::TargetTooLong),
            };
        };
        let method = parsed.method.expect("a complete head has a method");
        let target = parsed.path.expect("a complete head has a target");
        if target_too_long(target) {
            return Err(Refusal::TargetTooLong);
        }
        if split_target(target).is_none_or(|parts| parts.path == "*" && method != "OPTIONS") {
            return Err(Refusal::Target);
        }
        self.len = len;
        self.version = if parsed.version == Some(0) {
            Version::Http10
        } else {
            Version::Http11
        };
        self.method = Span::of(method.as_bytes(), head);
        self.target = Span::of(target.as_bytes(), head);
        note(&mut self.headers, parsed.headers, head);
        Ok(true)
    }

    pub(super) fn method<'a>(&self, unread: &'a [u8]) -> &'a str {
        self.method.text(unread)
    }

    pub(super) fn target<'a>(&self, unread: &'a [u8]) -> Target<'a> {
        split_target(self.target.text(unread)).expect("checked when the head was parsed")
    }

    pub(super) fn headers<'a>(&'a self, unread: &'a [u8]) -> Headers<'a> {
        Headers::new(&unread[..self.len], &self.headers)
    }
}

/// A request target taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Target<'a> {
    /// The host and port of an absolute URL.
    pub(super) authority: Option<&'a str>,
    /// Path and query.
    pub(super) path: &'a str,
}

/// RFC 9112 3.2: a server takes a path, `*`, and also a whole URL, as proxies send it.
fn split_target(target: &str) -> Option<Target<'_>> {
    if target.starts_with('/') || target == "*" {
        return Some(Target {
            authority: None,
            path: target,
        });
    }
    let scheme = ["http://", "https://"].into_iter().find(|scheme| {
        target
            .get(..scheme.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    })?;
    let rest = &target[scheme.len()..];
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    if authority.is_empty() || authority.contains(['?', '#']) {
        return None;
    }
    Some(Target {
        authority: Some(authority),
        path: if path.is_empty() { "/" } else { path },
    })
}

fn refusal_for(error: httparse::Error, head: &[u8]) -> Refusal {
    match error {
        httparse::Error::HeaderName => Refusal::HeaderName,
        httparse::Error::HeaderValue => Refusal::HeaderValue,
        httparse::Error::NewLine => Refusal::LineEnd,
        httparse::Error::TooManyHeaders => Refusal::TooManyHeaders,
        httparse::Error::Version if names_other_version(head) => Refusal::Version,
        _ => Refusal::RequestLine,
    }
}

/// Whether the request line's third word is another version of HTTP, rather than no version at all.
fn names_other_version(head: &[u8]) -> bool {
    let Some(word) = head.splitn(3, |&byte| byte == b' ').nth(2) else {
        return false;
    };
    let Some(version) = word.strip_prefix(b"HTTP/") else {
        return false;
    };
    match version {
        [b'1', b'.', minor, ..] => minor.is_ascii_digit(),
        [major, ..] => major.is_ascii_digit() && *major != b'1',
        [] => false,
    }
}

/// Says when parsing a head is worth the work, so that a head that arrives byte by byte costs no more than twice its
/// length: at its first bytes, at its end, at the limit, and in between whenever it has doubled, which finds nonsense early.
#[derive(Clone, Debug, Default)]
pub(super) struct Attempts {
    seen: usize,
    tried: usize,
}

impl Attempts {
    /// Whether to parse `unread` now.
    pub(super) fn due(&mut self, unread: &[u8], bytes_max: usize) -> bool {
        let len = unread.len();
        if len == self.seen {
            return false;
        }
        // An end that straddles the last look began at most two bytes before it: "\n" "\r" | "\n".
        let fresh = &unread[self.seen.saturating_sub(2)..];
        let due = self.tried == 0 || len >= 2 * self.tried || len >= bytes_max || has_empty_line(fresh);
        self.seen = len;
        if due {
            self.tried = len;
        }
        due
    }
}

fn has_empty_line(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    while let Some(end) = rest.iter().position(|&byte| byte == b'\n') {
        rest = &rest[end + 1..];
        if rest.starts_with(b"\n") || rest.starts_with(b"\r\n") {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_come_as_paths_urls_or_a_star() {
        let parts = |target| split_target(target).map(|target| (target.authority, target.path));
        assert_eq!(
            parts("/v2/keys/a?b=http://c"),
            Some((None, "/v2/keys/a?b=http://c"))
        );
        assert_eq!(parts("//a"), Some((None, "//a")));
        assert_eq!(parts("*"), Some((None, "*")));
        assert_eq!(parts("HTTP://h:1/a?b"), Some((Some("h:1"), "/a?b")));
        assert_eq!(parts("https://h"), Some((Some("h"), "/")));
        assert_eq!(parts("http:///a"), None);
        assert_eq!(parts("http://h?a"), None);
        assert_eq!(parts("h:1"), None);
        assert_eq!(parts("ftp://h/"), None);
    }

    #[test]
    fn another_version_differs_from_no_version() {
        for other in [
            "GET / HTTP/2",
            "GET / HTTP/2.0\r\n",
            "GET / HTTP/0.9\r\n",
            "GET / HTTP/1.2\r\n",
        ] {
            assert!(names_other_version(other.as_bytes()), "{other}");
        }
        for none in [
            "GET / HTTP/",
            "GET / HTTP/x",
            "GET / HTTP/1x",
            "GET / http/2.0\r\n",
            "GET /\r\n",
        ] {
            assert!(!names_other_version(none.as_bytes()), "{none}");
        }
    }

    #[test]
    fn a_head_that_comes_byte_by_byte_is_parsed_seldom() {
        let head = b"GET / HTTP/1.1\r\nHost: a\r\nLong: 0123456789012345678901234567890123456789\r\n\r\n";
        let mut attempts = Attempts::default();
        let due: Vec<usize> = (1..=head.len())
            .filter(|&len| attempts.due(&head[..len], 4096))
            .collect();
        assert_eq!(due, [1, 2, 4, 8, 16, 32, 64, head.len()]);
    }

    #[test]
    fn the_end_of_a_head_is_found_across_any_cut() {
        for head in [
            &b"GET / HTTP/1.0\r\n\r\n"[..],
            b"GET / HTTP/1.0\n\n",
            b"GET / HTTP/1.0\n\r\n",
        ] {
            for cut in 1..head.len() {
                let mut attempts = Attempts::default();
                assert!(attempts.due(&head[..cut], 4096));
                assert!(!attempts.due(&head[..cut], 4096), "nothing new");
                assert!(attempts.due(head, 4096), "cut at {cut}");
            }
        }
    }
}
