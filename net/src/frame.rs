//! Peer frames: how a stream of bytes is cut into messages, and damage is noticed.
//!
//! ```text
//! offset  size  field
//!      0     4  length   u32 little-endian: bytes of payload, at most PAYLOAD_BYTES_MAX
//!      4     4  checksum u32 little-endian: CRC32C of the four bytes of length, then the payload
//!      8     n  payload  opaque here; empty is a frame too
//! ```
//!
//! A stream out of step cannot be brought back into step: after an error the connection is closed. TCP's own checksum is 16
//! bits wide and does not cover what network cards and hosts do to the bytes; that is why there is one here.

use thiserror::Error;

use crate::buffer::Buffer;

/// Bytes before the payload.
pub const HEADER_BYTES: usize = 8;

/// The longest payload, in bytes. Longer ones can be neither encoded nor received.
pub const PAYLOAD_BYTES_MAX: usize = 64 << 20;

/// Why bytes are no frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum FrameError {
    /// The payload is longer than this side takes or makes.
    #[error("frame of {bytes} bytes is longer than the {bytes_max} allowed")]
    TooLong {
        /// Its length.
        bytes: usize,
        /// The longest allowed here.
        bytes_max: usize,
    },
    /// The checksum does not fit: damaged on the way, or not a frame at all.
    #[error("frame has a wrong checksum")]
    BadChecksum,
}

/// One frame, encoded whole, ready to be copied into an output buffer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame(Vec<u8>);

impl Frame {
    /// The frame around the payload that `write` appends.
    ///
    /// # Errors
    ///
    /// [`FrameError::TooLong`].
    pub fn with(write: impl FnOnce(&mut Vec<u8>)) -> Result<Frame, FrameError> {
        let mut bytes = Vec::new();
        encode_with(&mut bytes, write)?;
        Ok(Frame(bytes))
    }

    /// Header and payload.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Appends the frame around `payload` to `out`.
///
/// # Errors
///
/// [`FrameError::TooLong`]; `out` is then as it was.
pub fn encode_into(out: &mut Vec<u8>, payload: &[u8]) -> Result<(), FrameError> {
    within(payload.len(), PAYLOAD_BYTES_MAX)?;
    encode_with(out, |out| out.extend_from_slice(payload))
}

/// Appends a frame to `out` whose payload is what `write` appends, written in place.
///
/// # Errors
///
/// [`FrameError::TooLong`]; `out` is then as it was.
///
/// # Panics
///
/// If `write` takes bytes away from `out`.
pub fn encode_with(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) -> Result<(), FrameError> {
    let start = out.len();
    out.extend_from_slice(&[0; HEADER_BYTES]);
    write(out);
    assert!(out.len() >= start + HEADER_BYTES, "a payload is only appended");
    let bytes = out.len() - start - HEADER_BYTES;
    if let Err(error) = within(bytes, PAYLOAD_BYTES_MAX) {
        out.truncate(start);
        return Err(error);
    }
    let length = (bytes as u32).to_le_bytes();
    let checksum = checksum(length, &out[start + HEADER_BYTES..]);
    out[start..start + 4].copy_from_slice(&length);
    out[start + 4..start + HEADER_BYTES].copy_from_slice(&checksum.to_le_bytes());
    Ok(())
}

/// Takes the next whole frame out of `input` and returns its payload; `None` until the rest of it is appended.
///
/// # Errors
///
/// What is wrong with the bytes. `input` stays as it is, and every further call says the same.
pub fn next(input: &mut Buffer) -> Result<Option<&[u8]>, FrameError> {
    next_within(input, PAYLOAD_BYTES_MAX)
}

/// As [`next`], for a place in the stream where payloads are at most `bytes_max` long. A stranger's first bytes are thus
/// refused at once, and not awaited as a long frame.
///
/// # Errors
///
/// As [`next`].
pub fn next_within(input: &mut Buffer, bytes_max: usize) -> Result<Option<&[u8]>, FrameError> {
    Ok(match complete(input.as_slice(), bytes_max)? {
        None => None,
        Some(bytes) => Some(&input.take(HEADER_BYTES + bytes)[HEADER_BYTES..]),
    })
}

/// The length of the payload of the frame that `bytes` begins with, if all of it is there and it is sound.
pub(crate) fn complete(bytes: &[u8], bytes_max: usize) -> Result<Option<usize>, FrameError> {
    let Some((header, rest)) = bytes.split_first_chunk::<HEADER_BYTES>() else {
        return Ok(None);
    };
    let [a, b, c, d, checksum_bytes @ ..] = *header;
    let length = [a, b, c, d];
    let payload_bytes = u32::from_le_bytes(length) as usize;
    within(payload_bytes, bytes_max)?;
    let Some(payload) = rest.get(..payload_bytes) else {
        return Ok(None);
    };
    if checksum(length, payload) != u32::from_le_bytes(checksum_bytes) {
        return Err(FrameError::BadChecksum);
    }
    Ok(Some(payload_bytes))
}

fn within(bytes: usize, bytes_max: usize) -> Result<(), FrameError> {
    if bytes > bytes_max {
        return Err(FrameError::TooLong { bytes, bytes_max });
    }
    Ok(())
}

fn checksum(length: [u8; 4], payload: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&length), payload)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    fn encoded(payloads: &[Vec<u8>]) -> Vec<u8> {
        let mut out = Vec::new();
        for payload in payloads {
            encode_into(&mut out, payload).expect("short");
        }
        out
    }

    #[test]
    fn bytes_are_as_drawn() {
        let frame = Frame::with(|out| out.extend_from_slice(b"56789")).expect("short");
        assert_eq!(&frame.as_bytes()[..4], &[5, 0, 0, 0]);
        let checksum = crc32c::crc32c(b"\x05\x00\x00\x0056789");
        assert_eq!(&frame.as_bytes()[4..8], &checksum.to_le_bytes());
        assert_eq!(&frame.as_bytes()[8..], b"56789");
    }

    #[test]
    fn too_long_is_refused_on_both_sides() {
        let too_long = FrameError::TooLong {
            bytes: PAYLOAD_BYTES_MAX + 1,
            bytes_max: PAYLOAD_BYTES_MAX,
        };
        let payload = vec![0; PAYLOAD_BYTES_MAX + 1];
        let mut out = b"before".to_vec();
        assert_eq!(encode_into(&mut out, &payload), Err(too_long));
        assert_eq!(
            encode_with(&mut out, |out| out.extend_from_slice(&payload)),
            Err(too_long)
        );
        assert_eq!(out, b"before");

        let mut input = Buffer::new();
        input.append(&(PAYLOAD_BYTES_MAX as u32 + 1).to_le_bytes());
        input.append(&[0; 4]);
        assert_eq!(next(&mut input), Err(too_long));
    }

    #[test]
    fn a_stranger_is_refused_at_the_first_eight_bytes() {
        for stranger in [
            &b"GET / HTTP/1.1\r\n"[..],
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03",
        ] {
            let mut input = Buffer::new();
            input.append(stranger);
            assert!(matches!(
                next_within(&mut input, 512),
                Err(FrameError::TooLong { .. })
            ));
        }
    }

    proptest! {
        #[test]
        fn any_split_yields_the_payloads(
            payloads in vec(vec(any::<u8>(), 0..50), 0..8),
            cuts in vec(0usize..500, 0..12),
        ) {
            let bytes = encoded(&payloads);
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let mut input = Buffer::new();
            let mut found = Vec::new();
            for pair in cuts.windows(2) {
                input.append(&bytes[pair[0]..pair[1]]);
                while let Some(payload) = next(&mut input).expect("sound") {
                    found.push(payload.to_vec());
                }
            }
            prop_assert_eq!(found, payloads);
            prop_assert!(input.is_empty());
        }

        #[test]
        fn a_flipped_bit_never_yields_a_payload(payload in vec(any::<u8>(), 0..80), bit in any::<usize>()) {
            let mut bytes = encoded(&[payload]);
            let bit = bit % (bytes.len() * 8);
            bytes[bit / 8] ^= 1 << (bit % 8);
            let mut input = Buffer::new();
            input.append(&bytes);
            // A longer length waits for more; whatever follows, it is not taken for the frame it was.
            if next(&mut input) == Ok(None) {
                input.append(&vec![0; 4096]);
            }
            prop_assert!(!matches!(next(&mut input), Ok(Some(_))));
        }

        #[test]
        fn arbitrary_bytes_never_panic(pieces in vec(vec(any::<u8>(), 0..30), 0..8)) {
            let mut input = Buffer::new();
            for piece in pieces {
                input.append(&piece);
                while let Ok(Some(_)) = next(&mut input) {}
            }
        }
    }
}
