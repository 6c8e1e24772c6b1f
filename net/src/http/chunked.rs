//! The chunked encoding (RFC 9112 7.1), decoded where it lies: a chunk's bytes are moved down over the size lines before them.
//!
//! One byte at a time outside of data, so that nothing is ever looked at twice however the bytes arrive. Line ends must be CRLF
//! to the letter: here every tolerance is a chance to disagree with the proxy in front.

/// Most bytes of chunk extensions in one body. They mean nothing to us.
const EXTENSION_BYTES_MAX: usize = 16 * 1024;

/// Most bytes of trailers after one body. They are thrown away.
const TRAILER_BYTES_MAX: usize = 16 * 1024;

/// Most digits in a chunk's size, leading zeros included.
const SIZE_DIGITS_MAX: u8 = 16;

/// What is wrong with a chunked body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ChunkError {
    /// The framing is broken.
    Syntax,
    /// The body is longer than allowed.
    TooLarge,
    /// The trailers are longer than allowed.
    TrailersTooLarge,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    SizeStart,
    Size,
    SizePadding,
    Extension,
    SizeLineEnd,
    Data,
    DataReturn,
    DataLineEnd,
    TrailerStart,
    TrailerName,
    TrailerValue,
    TrailerLineEnd,
    LastLineEnd,
    Done,
}

/// Decodes one body.
#[derive(Clone, Debug)]
pub(super) struct Chunked {
    state: State,
    /// Size of the current chunk; in its data, what is still to come.
    left: u64,
    digits: u8,
    extension_bytes: usize,
    trailer_bytes: usize,
    body_bytes_max: usize,
}

/// How far decoding came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Decoded {
    /// End of the decoded bytes.
    pub(super) end: usize,
    /// First byte after the encoded body, once it is whole; until then everything given has been used.
    pub(super) next: Option<usize>,
}

impl Chunked {
    pub(super) fn new(body_bytes_max: usize) -> Chunked {
        Chunked {
            state: State::SizeStart,
            left: 0,
            digits: 0,
            extension_bytes: 0,
            trailer_bytes: 0,
            body_bytes_max,
        }
    }

    /// Decodes the fresh bytes at `bytes[end..]`, where `bytes[start..end]` is what was decoded before.
    pub(super) fn decode(
        &mut self,
        bytes: &mut [u8],
        start: usize,
        mut end: usize,
    ) -> Result<Decoded, ChunkError> {
        let mut at = end;
        while at < bytes.len() {
            if self.state == State::Data {
                let count = usize::try_from(self.left)
                    .unwrap_or(usize::MAX)
                    .min(bytes.len() - at);
                bytes.copy_within(at..at + count, end);
                at += count;
                end += count;
                self.left -= count as u64;
                if self.left == 0 {
                    self.state = State::DataReturn;
                }
                continue;
            }
            self.state = self.step(bytes[at], end - start)?;
            at += 1;
            if self.state == State::Done {
                return Ok(Decoded { end, next: Some(at) });
            }
        }
        Ok(Decoded { end, next: None })
    }

    /// The state after one byte outside of data.
    fn step(&mut self, byte: u8, decoded: usize) -> Result<State, ChunkError> {
        match (self.state, byte) {
            (State::SizeStart, _) if byte.is_ascii_hexdigit() => {
                (self.left, self.digits) = (0, 0);
                self.digit(byte)
            }
            (State::Size, _) if byte.is_ascii_hexdigit() => self.digit(byte),
            (State::Size | State::SizePadding | State::Extension, b'\r') => Ok(State::SizeLineEnd),
            (State::Size | State::SizePadding, b';') => Ok(State::Extension),
            (State::Size | State::SizePadding, b' ' | b'\t') => self.extension(State::SizePadding),
            (State::Extension, _) if is_text(byte) => self.extension(State::Extension),
            (State::SizeLineEnd, b'\n') => self.chunk_starts(decoded),
            (State::DataReturn, b'\r') => Ok(State::DataLineEnd),
            (State::DataLineEnd, b'\n') => Ok(State::SizeStart),
            (State::TrailerStart, b'\r') => Ok(State::LastLineEnd),
            (State::LastLineEnd, b'\n') => Ok(State::Done),
            (State::TrailerStart | State::TrailerName, _) if is_token(byte) => {
                self.trailer(State::TrailerName)
            }
            (State::TrailerName, b':') => self.trailer(State::TrailerValue),
            (State::TrailerValue, b'\r') => Ok(State::TrailerLineEnd),
            (State::TrailerValue, _) if is_text(byte) => self.trailer(State::TrailerValue),
            (State::TrailerLineEnd, b'\n') => Ok(State::TrailerStart),
            _ => Err(ChunkError::Syntax),
        }
    }

    fn digit(&mut self, byte: u8) -> Result<State, ChunkError> {
        self.digits += 1;
        if self.digits > SIZE_DIGITS_MAX {
            return Err(ChunkError::Syntax);
        }
        let value = char::from(byte)
            .to_digit(16)
            .expect("the caller saw a hexadecimal digit");
        self.left = self.left << 4 | u64::from(value);
        Ok(State::Size)
    }

    fn chunk_starts(&self, decoded: usize) -> Result<State, ChunkError> {
        match self.left {
            0 => Ok(State::TrailerStart),
            size if size > self.body_bytes_max.saturating_sub(decoded) as u64 => Err(ChunkError::TooLarge),
            _ => Ok(State::Data),
        }
    }

    fn extension(&mut self, next: State) -> Result<State, ChunkError> {
        self.extension_bytes += 1;
        if self.extension_bytes > EXTENSION_BYTES_MAX {
            Err(ChunkError::Syntax)
        } else {
            Ok(next)
        }
    }

    fn trailer(&mut self, next: State) -> Result<State, ChunkError> {
        self.trailer_bytes += 1;
        if self.trailer_bytes > TRAILER_BYTES_MAX {
            Err(ChunkError::TrailersTooLarge)
        } else {
            Ok(next)
        }
    }
}

/// A byte that may stand in a header's value.
fn is_text(byte: u8) -> bool {
    byte == b'\t' || (byte >= b' ' && byte != 0x7f)
}

/// A byte that may stand in a header's name.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn decode(encoded: &[u8], body_bytes_max: usize) -> Result<(Vec<u8>, Option<usize>), ChunkError> {
        let mut bytes = encoded.to_vec();
        let decoded = Chunked::new(body_bytes_max).decode(&mut bytes, 0, 0)?;
        Ok((bytes[..decoded.end].to_vec(), decoded.next))
    }

    #[test]
    fn chunks_are_joined_and_what_follows_is_left() {
        let encoded = b"4\r\nWiki\r\n6;a=\"b;c\"\r\npedia \r\nE  \r\nin \r\n\r\nchunks.\r\n0\r\n\r\nGET";
        let (body, next) = decode(encoded, 100).unwrap();
        assert_eq!(body, b"Wikipedia in \r\n\r\nchunks.");
        assert_eq!(next, Some(encoded.len() - 3));
        assert_eq!(decode(b"0\r\n\r\n", 0), Ok((vec![], Some(5))));
        assert_eq!(decode(b"000a\r\n0123", 100), Ok((b"0123".to_vec(), None)));
    }

    #[test]
    fn trailers_are_read_over() {
        let encoded = b"1\r\na\r\n0\r\nX-Sum: 1\r\nEmpty:\r\n\r\n";
        let (body, next) = decode(encoded, 100).unwrap();
        assert_eq!((body, next), (b"a".to_vec(), Some(encoded.len())));
    }

    #[test]
    fn broken_framing_is_refused() {
        for broken in [
            &b"\r\n"[..],
            b"x\r\n",
            b"-1\r\n",
            b"0x1\r\n",
            b" 1\r\n",
            b"1\n",
            b"1\rX",
            b"1 2\r\n",
            b"1;a\n",
            b"1;\x00",
            b"1\r\nab",
            b"1\r\na\n",
            b"1\r\na\rX",
            b"00000000000000001\r\n",
            b"0\r\n: a\r\n",
            b"0\r\n a: b\r\n",
            b"0\r\na b\r\n",
            b"0\r\na: b\nc",
            b"0\r\n\n",
            b"0\r\n\rX",
        ] {
            assert_eq!(
                decode(broken, 100),
                Err(ChunkError::Syntax),
                "{:?}",
                broken.escape_ascii().to_string()
            );
        }
    }

    #[test]
    fn sizes_are_bounded_before_their_bytes_come() {
        assert_eq!(decode(b"5\r\n", 4), Err(ChunkError::TooLarge));
        assert_eq!(decode(b"4\r\n0123\r\n1\r\n", 4), Err(ChunkError::TooLarge));
        assert_eq!(
            decode(b"ffffffffffffffff\r\n", usize::MAX - 1),
            Err(ChunkError::TooLarge)
        );
        assert!(decode(b"4\r\n0123\r\n0\r\n\r\n", 4).is_ok());
    }

    #[test]
    fn extensions_and_trailers_are_bounded() {
        let long = "e".repeat(EXTENSION_BYTES_MAX / 2 + 1);
        let twice = format!("1;{long}\r\na\r\n1;{long}\r\n");
        assert_eq!(decode(twice.as_bytes(), 100), Err(ChunkError::Syntax));
        let trailer = format!("0\r\na: {}\r\n", "t".repeat(TRAILER_BYTES_MAX));
        assert_eq!(decode(trailer.as_bytes(), 100), Err(ChunkError::TrailersTooLarge));
    }

    proptest! {
        #[test]
        fn any_pieces_decode_alike(
            chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..40), 0..6),
            piece in 1..9_usize,
        ) {
            let mut encoded = Vec::new();
            for chunk in &chunks {
                encoded.extend_from_slice(format!("{:x};x\r\n", chunk.len()).as_bytes());
                encoded.extend_from_slice(chunk);
                encoded.extend_from_slice(b"\r\n");
            }
            encoded.extend_from_slice(b"0\r\n\r\n");
            let mut decoder = Chunked::new(1000);
            let mut buffer = b"head".to_vec();
            let mut last = None;
            for received in encoded.chunks(piece) {
                prop_assert_eq!(last, None);
                let end = buffer.len();
                buffer.extend_from_slice(received);
                let decoded = decoder.decode(&mut buffer, 4, end).unwrap();
                buffer.truncate(decoded.end);
                last = decoded.next;
            }
            prop_assert!(last.is_some());
            prop_assert_eq!(&buffer[4..], chunks.concat());
        }
    }
}
