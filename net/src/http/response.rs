//! Answers as bytes. No clock: a `Date` is a header line like any other, rendered by the host once per second.

/// What the client is told of where the body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Length {
    /// After this many bytes.
    Known(usize),
    /// After the last chunk.
    Chunked,
    /// Nothing: there is no body, or it ends with the connection.
    Unsaid,
}

/// What the client is told of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Persistence {
    /// Nothing: it stays, as HTTP/1.1 has it.
    Unsaid,
    /// It stays, which HTTP/1.0 does not take for granted.
    KeepAlive,
    /// This answer is the last.
    Close,
}

/// Sent when the client waits for leave to send its body.
pub(super) const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// The end of a chunked body.
pub(super) const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

/// Writes a status line and headers, the empty line included.
pub(super) fn head(
    out: &mut Vec<u8>,
    status: u16,
    head_lines: &[u8],
    length: Length,
    persistence: Persistence,
) {
    assert!((200..1000).contains(&status), "not a final status: {status}");
    assert!(
        head_lines.is_empty() || head_lines.ends_with(b"\r\n"),
        "header lines end in CRLF"
    );
    out.extend_from_slice(b"HTTP/1.1 ");
    push_decimal(out, usize::from(status));
    out.push(b' ');
    out.extend_from_slice(reason(status).as_bytes());
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(head_lines);
    match length {
        Length::Known(length) => {
            out.extend_from_slice(b"Content-Length: ");
            push_decimal(out, length);
            out.extend_from_slice(b"\r\n");
        }
        Length::Chunked => out.extend_from_slice(b"Transfer-Encoding: chunked\r\n"),
        Length::Unsaid => {}
    }
    match persistence {
        Persistence::Unsaid => {}
        Persistence::KeepAlive => out.extend_from_slice(b"Connection: keep-alive\r\n"),
        Persistence::Close => out.extend_from_slice(b"Connection: close\r\n"),
    }
    out.extend_from_slice(b"\r\n");
}

/// Writes one chunk; an empty one would end the body, so it is left out.
pub(super) fn chunk(out: &mut Vec<u8>, bytes: &[u8]) {
    if bytes.is_empty() {
        return;
    }
    number::<16>(out, bytes.len());
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(bytes);
    out.extend_from_slice(b"\r\n");
}

/// Whether an answer of this status never has a body (RFC 9110 6.4.1).
pub(super) fn is_bodiless(status: u16) -> bool {
    matches!(status, 100..=199 | 204 | 304)
}

/// Writes a decimal number.
pub(super) fn push_decimal(out: &mut Vec<u8>, value: usize) {
    number::<10>(out, value);
}

fn number<const BASE: usize>(out: &mut Vec<u8>, mut value: usize) {
    // u64::MAX has twenty decimal digits.
    let mut digits = [0; 20];
    let mut first = digits.len();
    loop {
        first -= 1;
        digits[first] = b"0123456789abcdef"[value % BASE];
        value /= BASE;
        if value == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[first..]);
}

/// The phrases of Go's server, which clients of etcd have seen all their lives. Empty for a status nobody here sends.
fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        204 => "No Content",
        301 => "Moved Permanently",
        302 => "Found",
        304 => "Not Modified",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        409 => "Conflict",
        411 => "Length Required",
        412 => "Precondition Failed",
        413 => "Request Entity Too Large",
        414 => "Request URI Too Long",
        415 => "Unsupported Media Type",
        417 => "Expectation Failed",
        421 => "Misdirected Request",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        499 => "Client Closed Request",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(write: impl Fn(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn numbers_are_written_in_either_base() {
        assert_eq!(text(|out| push_decimal(out, 0)), "0");
        assert_eq!(text(|out| push_decimal(out, 1024)), "1024");
        assert_eq!(text(|out| push_decimal(out, usize::MAX)), usize::MAX.to_string());
        assert_eq!(text(|out| number::<16>(out, 0xbeef)), "beef");
        assert_eq!(
            text(|out| number::<16>(out, usize::MAX)),
            format!("{:x}", usize::MAX)
        );
    }

    #[test]
    fn a_head_says_what_it_must_and_no_more() {
        assert_eq!(
            text(|out| head(
                out,
                201,
                b"X-Etcd-Index: 7\r\n",
                Length::Known(12),
                Persistence::Close
            )),
            "HTTP/1.1 201 Created\r\nX-Etcd-Index: 7\r\nContent-Length: 12\r\nConnection: close\r\n\r\n"
        );
        assert_eq!(
            text(|out| head(out, 299, b"", Length::Chunked, Persistence::KeepAlive)),
            "HTTP/1.1 299 \r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n"
        );
        assert_eq!(
            text(|out| head(out, 204, b"", Length::Unsaid, Persistence::Unsaid)),
            "HTTP/1.1 204 No Content\r\n\r\n"
        );
    }

    #[test]
    fn an_empty_chunk_does_not_end_the_body() {
        assert_eq!(text(|out| chunk(out, b"")), "");
        assert_eq!(
            text(|out| chunk(out, b"0123456789abcdef")),
            "10\r\n0123456789abcdef\r\n"
        );
    }
}
