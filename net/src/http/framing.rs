//! Where a request's body ends and whether the connection outlives it. A request that two servers in a row could cut in two
//! different places is refused: that is how requests are smuggled (RFC 9112 11.2).

use super::headers::{Headers, lists};
use super::{Limits, Refusal, Version};

/// How the end of a body is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BodyLength {
    /// It has this many bytes.
    Known(usize),
    /// Its chunks say so.
    Chunked,
}

/// What the headers say about the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Framing {
    pub(super) body: BodyLength,
    /// Whether another request may follow.
    pub(super) keep_alive: bool,
    /// Whether the client waits for `100 Continue` before it sends the body.
    pub(super) expects_continue: bool,
}

/// Everything the headers say that concerns framing, gathered in one pass.
#[derive(Default)]
struct Seen {
    length: Option<u64>,
    encoding: bool,
    host: bool,
    close: bool,
    keep_alive: bool,
    expects_continue: bool,
}

impl Framing {
    /// Reads the framing of a request, or says why it is refused.
    pub(super) fn of(
        method: &str,
        version: Version,
        headers: Headers<'_>,
        limits: &Limits,
    ) -> Result<Framing, Refusal> {
        let mut seen = Seen::default();
        for (name, value) in headers.iter() {
            seen.note(name, value, version)?;
        }
        if version == Version::Http11 && !seen.host {
            return Err(Refusal::HostMissing);
        }
        let body = seen.body_length(method, version, limits)?;
        Ok(Framing {
            body,
            keep_alive: !seen.close && (version == Version::Http11 || seen.keep_alive),
            expects_continue: seen.expects_continue && body != BodyLength::Known(0),
        })
    }
}

impl Seen {
    fn note(&mut self, name: &str, value: &[u8], version: Version) -> Result<(), Refusal> {
        // The length tells nearly every header apart before any letter is compared.
        match name.len() {
            4 if name.eq_ignore_ascii_case("host") => {
                if self.host {
                    return Err(Refusal::HostRepeated);
                }
                if !value.iter().all(is_in_host) {
                    return Err(Refusal::HostMalformed);
                }
                self.host = true;
            }
            6 if name.eq_ignore_ascii_case("expect") && version == Version::Http11 => {
                if !value.eq_ignore_ascii_case(b"100-continue") {
                    return Err(Refusal::Expectation);
                }
                self.expects_continue = true;
            }
            10 if name.eq_ignore_ascii_case("connection") => {
                self.close |= lists(value, "close");
                self.keep_alive |= lists(value, "keep-alive");
            }
            14 if name.eq_ignore_ascii_case("content-length") => {
                let length = decimal(value).ok_or(Refusal::LengthMalformed)?;
                if self.length.is_some_and(|before| before != length) {
                    return Err(Refusal::LengthsDiffer);
                }
                self.length = Some(length);
            }
            17 if name.eq_ignore_ascii_case("transfer-encoding") => {
                // A second line would add an encoding: "chunked, chunked" is as unknown as "gzip, chunked".
                if self.encoding || !value.eq_ignore_ascii_case(b"chunked") {
                    return Err(Refusal::Encoding);
                }
                self.encoding = true;
            }
            _ => {}
        }
        Ok(())
    }

    fn body_length(&self, method: &str, version: Version, limits: &Limits) -> Result<BodyLength, Refusal> {
        match (self.encoding, self.length) {
            (true, Some(_)) => Err(Refusal::LengthAndEncoding),
            (true, None) if version == Version::Http10 => Err(Refusal::EncodingBeforeHttp11),
            (true, None) => Ok(BodyLength::Chunked),
            (false, Some(length)) => match usize::try_from(length) {
                Ok(length) if length <= limits.body_bytes_max => Ok(BodyLength::Known(length)),
                _ => Err(Refusal::BodyTooLarge),
            },
            // RFC 9112 6.3: without either header there is no body. HTTP/1.0 clients may mean "until I close", which
            // cannot be told from a lost connection.
            (false, None) if version == Version::Http10 && matches!(method, "POST" | "PUT" | "PATCH") => {
                Err(Refusal::LengthRequired)
            }
            (false, None) => Ok(BodyLength::Known(0)),
        }
    }
}

/// Whether a host and port may hold this byte (RFC 3986 3.2.2). RFC 9112 3.2 wants any other refused.
fn is_in_host(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=%:[]".contains(byte)
}

/// Digits and nothing else; a number beyond u64 is as good as its largest.
pub(super) fn decimal(value: &[u8]) -> Option<u64> {
    if value.is_empty() {
        return None;
    }
    value.iter().try_fold(0_u64, |number, &byte| {
        byte.is_ascii_digit()
            .then(|| number.saturating_mul(10).saturating_add(u64::from(byte - b'0')))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_digits_only() {
        assert_eq!(decimal(b"0"), Some(0));
        assert_eq!(decimal(b"007"), Some(7));
        assert_eq!(decimal(b"99999999999999999999999"), Some(u64::MAX));
        for malformed in [&b""[..], b"+1", b"-1", b"1 ", b"0x1", b"1,1", b"1.0"] {
            assert_eq!(decimal(malformed), None, "{malformed:?}");
        }
    }
}
