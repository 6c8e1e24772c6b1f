//! JSON text out: the same bytes that Go's encoder writes, since clients and golden tests compare bytes.

/// Writes a JSON string. `<`, `>` and `&` are escaped as Go does for the sake of HTML, U+2028 and U+2029 for the sake of
/// JavaScript; each byte that is not UTF-8 becomes `\ufffd`.
pub(crate) fn string(out: &mut Vec<u8>, text: &[u8]) {
    out.push(b'"');
    for chunk in text.utf8_chunks() {
        escaped(out, chunk.valid().as_bytes());
        for _ in chunk.invalid() {
            out.extend_from_slice(b"\\ufffd");
        }
    }
    out.push(b'"');
}

/// Writes well-formed UTF-8 with the escapes it needs, copying what needs none in runs.
fn escaped(out: &mut Vec<u8>, text: &[u8]) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let mut copied = 0;
    for (at, &byte) in text.iter().enumerate() {
        // U+2028 and U+2029 are e2 80 a8 and e2 80 a9.
        let separator = byte == 0xe2 && text[at + 1] == 0x80 && text[at + 2] | 1 == 0xa9;
        let plain = byte >= 0x20 && !matches!(byte, b'"' | b'\\' | b'<' | b'>' | b'&');
        if plain && !separator {
            continue;
        }
        out.extend_from_slice(&text[copied..at]);
        copied = at + 1;
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0x08 => out.extend_from_slice(b"\\b"),
            0x0c => out.extend_from_slice(b"\\f"),
            0xe2 => {
                out.extend_from_slice(b"\\u202");
                out.push(HEX[usize::from(text[at + 2] & 0xf)]);
                copied = at + 3;
            }
            _ => {
                out.extend_from_slice(b"\\u00");
                out.extend_from_slice(&[HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 0xf)]]);
            }
        }
    }
    out.extend_from_slice(&text[copied..]);
}

/// Writes a number in decimal.
pub(crate) fn number(out: &mut Vec<u8>, mut value: u64) {
    // u64::MAX has 20 digits.
    let mut digits = [0; 20];
    let mut first = digits.len();
    loop {
        first -= 1;
        digits[first] = b'0' + (value % 10) as u8;
        value /= 10;
        if value == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[first..]);
}

/// Writes a comma unless the object or array has only just been opened.
pub(crate) fn separate(out: &mut Vec<u8>) {
    if !matches!(out.last(), Some(b'{' | b'[')) {
        out.push(b',');
    }
}

/// Begins a member of an object: a comma if it is not the first, and its name, which needs no escapes.
pub(crate) fn member(out: &mut Vec<u8>, name: &str) {
    separate(out);
    out.push(b'"');
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\":");
}

/// A member that is a string.
pub(crate) fn string_member(out: &mut Vec<u8>, name: &str, text: &[u8]) {
    member(out, name);
    string(out, text);
}

/// A member that is an id: a string of hexadecimal digits, not padded.
pub(crate) fn hex_member(out: &mut Vec<u8>, name: &str, id: u64) {
    string_member(out, name, format!("{id:x}").as_bytes());
}

/// Writes a finite number as Go does: the shortest that is read back as the same.
pub(crate) fn float(out: &mut Vec<u8>, value: f64) {
    let text = match value.abs() {
        0.0 | 1e-6..1e21 => value.to_string(),
        _ => format!("{value:e}"),
    };
    out.extend_from_slice(text.as_bytes());
}

/// A member that is a list of strings.
pub(crate) fn strings_member(out: &mut Vec<u8>, name: &str, texts: &[String]) {
    member(out, name);
    out.push(b'[');
    for text in texts {
        separate(out);
        string(out, text.as_bytes());
    }
    out.push(b']');
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    fn string(text: &[u8]) -> String {
        let mut out = Vec::new();
        super::string(&mut out, text);
        String::from_utf8(out).expect("JSON is UTF-8")
    }

    #[test]
    fn strings_are_escaped_as_go_escapes_them() {
        let rows: [(&[u8], &str); 8] = [
            (b"", r#""""#),
            (b"a/b'c\x7f", "\"a/b'c\x7f\""),
            (br#"say "\""#, r#""say \"\\\"""#),
            (b"<a&b>", r#""\u003ca\u0026b\u003e""#),
            (b"\n\r\t\x08\x0c\x00\x1f", r#""\n\r\t\b\f\u0000\u001f""#),
            (
                "\u{2027}\u{2028}\u{2029}\u{202a}é😀".as_bytes(),
                "\"\u{2027}\\u2028\\u2029\u{202a}é😀\"",
            ),
            // A cut character and a stray byte: one replacement for each byte, as Go has it.
            (b"a\xe2\x82b\xff", r#""a\ufffd\ufffdb\ufffd""#),
            (b"\xed\xa0\x80", r#""\ufffd\ufffd\ufffd""#),
        ];
        for (text, json) in rows {
            assert_eq!(string(text), json, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn a_json_reader_reads_back_any_text(text in any::<String>()) {
            let read: String = serde_json::from_str(&string(text.as_bytes())).unwrap();
            prop_assert_eq!(read, text);
        }

        #[test]
        fn any_bytes_make_a_json_string(bytes in any::<Vec<u8>>()) {
            serde_json::from_str::<String>(&string(&bytes)).unwrap();
        }

        #[test]
        fn floats_are_read_back(value in any::<f64>()) {
            prop_assume!(value.is_finite());
            let mut out = Vec::new();
            super::float(&mut out, value);
            let text = String::from_utf8(out).unwrap();
            prop_assert_eq!(text.parse::<f64>().unwrap().to_bits(), value.to_bits());
            serde_json::from_str::<f64>(&text).unwrap();
        }

        #[test]
        fn numbers_are_decimal(value in any::<u64>()) {
            for value in [value, value % 100, u64::MAX, 0] {
                let mut out = Vec::new();
                super::number(&mut out, value);
                prop_assert_eq!(out, value.to_string().into_bytes());
            }
        }
    }
}
