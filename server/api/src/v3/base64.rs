//! Base64 as Go decodes it: padded, standard alphabet, line ends passed over, spare bits in the last symbol let through.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;

const ENGINE: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireCanonical),
);

/// Decodes a text; if it is malformed, says at which byte Go would say it is.
pub(super) fn decode(text: &[u8]) -> Result<Bytes, usize> {
    let decoded = match ENGINE.decode(text) {
        Ok(decoded) => decoded,
        Err(_) => {
            if let Some(at) = fault(text) {
                return Err(at);
            }
            let joined: Vec<u8> = text.iter().copied().filter(|&byte| !is_line_end(byte)).collect();
            ENGINE.decode(joined).map_err(|_| text.len())?
        }
    };
    // To exact size: a boxed slice becomes `Bytes` without a second allocation.
    Ok(Bytes::from(decoded.into_boxed_slice()))
}

/// Appends the base64 of some bytes.
pub(super) fn encode(out: &mut Vec<u8>, bytes: &[u8]) {
    let start = out.len();
    out.resize(start + bytes.len().div_ceil(3) * 4, 0);
    let written = ENGINE.encode_slice(bytes, &mut out[start..]);
    debug_assert_eq!(written, Ok(out.len() - start));
}

fn is_line_end(byte: u8) -> bool {
    matches!(byte, b'\r' | b'\n')
}

fn is_symbol(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/')
}

/// Where Go's decoder stops: at the offending byte, or, if the text ends too early, so many bytes before its end as the
/// last group has; None if there is no fault.
fn fault(text: &[u8]) -> Option<usize> {
    let mut meaningful = text
        .iter()
        .copied()
        .enumerate()
        .filter(|&(_, byte)| !is_line_end(byte));
    // Symbols in the group of four that is being read.
    let mut held = 0;
    while let Some((at, byte)) = meaningful.next() {
        if is_symbol(byte) {
            held = (held + 1) % 4;
            continue;
        }
        if byte != b'=' || held < 2 {
            return Some(at);
        }
        if held == 2 {
            match meaningful.next() {
                None => return Some(text.len()),
                Some((_, b'=')) => {}
                Some((at, _)) => return Some(at),
            }
        }
        // Nothing may follow the padding.
        return meaningful.next().map(|(at, _)| at);
    }
    (held != 0).then(|| text.len() - held)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn texts_are_decoded_as_go_decodes_them() {
        let rows: [(&str, Result<&[u8], usize>); 20] = [
            ("", Ok(b"")),
            ("Zm9v", Ok(b"foo")),
            ("AA==", Ok(b"\0")),
            ("+/+/", Ok(b"\xfb\xff\xbf")),
            ("Zm\r\n9v\n", Ok(b"foo")),
            ("Zg=\n=\r\n", Ok(b"f")),
            // Bits to spare in the last symbol.
            ("Zh==", Ok(b"f")),
            ("Zm9=", Ok(b"fo")),
            // The other alphabet.
            ("-_-_", Err(0)),
            ("Zm9_", Err(3)),
            // Padding left out.
            ("Zg", Err(0)),
            ("Zm9vZm8", Err(4)),
            ("Z", Err(0)),
            ("Zg=", Err(3)),
            // Padding in the wrong place.
            ("=", Err(0)),
            ("Z===", Err(1)),
            ("Zg=v", Err(3)),
            ("Zg==Zg==", Err(4)),
            ("Zm9v=", Err(4)),
            ("Zm 9v", Err(2)),
        ];
        for (text, decoded) in rows {
            assert_eq!(
                decode(text.as_bytes()),
                decoded.map(Bytes::from_static),
                "{text:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(bytes in any::<Vec<u8>>()) {
            let mut text = b"before".to_vec();
            encode(&mut text, &bytes);
            prop_assert_eq!(decode(&text[6..]), Ok(Bytes::from(bytes)));
        }

        #[test]
        fn a_fault_is_found_exactly_in_what_the_engine_refuses(text in "[A-Za-z+/=_\r\n]{0,12}|[A-Za-z]{4}[A-Z]{1,3}={0,3}[\n]?") {
            let joined: String = text.chars().filter(|c| !"\r\n".contains(*c)).collect();
            match ENGINE.decode(&joined) {
                Ok(decoded) => prop_assert_eq!(decode(text.as_bytes()), Ok(Bytes::from(decoded))),
                Err(_) => {
                    let at = fault(text.as_bytes());
                    prop_assert!(at.is_some_and(|at| at <= text.len()));
                    prop_assert_eq!(decode(text.as_bytes()), Err(at.unwrap()));
                }
            }
        }
    }
}
