//! Pairs of a query string or form body, and percent escapes.

use std::borrow::Cow;

use thiserror::Error;

/// What is wrong with an encoded text. The texts are those Go's parser gives, which etcd passes on.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum Malformed {
    /// A `%` without two hexadecimal digits; holds it and what follows, three characters at most.
    #[error("invalid URL escape {}", quoted(.0))]
    Escape(Vec<u8>),
    /// A `;`, once a separator, which two readers of one request may take differently.
    #[error("invalid semicolon separator in query")]
    Semicolon,
}

fn quoted(text: &[u8]) -> String {
    format!("{:?}", String::from_utf8_lossy(text))
}

/// A name and its value, decoded.
pub(crate) type Pair<'a> = (Cow<'a, [u8]>, Cow<'a, [u8]>);

/// The pairs of a query or form, in order. `a` is `a=`.
pub(crate) fn pairs(text: &[u8]) -> impl Iterator<Item = Result<Pair<'_>, Malformed>> {
    text.split(|&byte| byte == b'&')
        .filter(|part| !part.is_empty())
        .map(|part| {
            if part.contains(&b';') {
                return Err(Malformed::Semicolon);
            }
            let end = part.iter().position(|&byte| byte == b'=').unwrap_or(part.len());
            let value = part.get(end + 1..).unwrap_or_default();
            Ok((
                unescape(&part[..end], Plus::Space)?,
                unescape(value, Plus::Space)?,
            ))
        })
}

/// What a `+` stands for: itself in paths, a space in queries and forms.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Plus {
    /// `+`
    Itself,
    /// A space.
    Space,
}

/// Undoes percent escapes. Borrows if there is nothing to undo.
pub(crate) fn unescape(text: &[u8], plus: Plus) -> Result<Cow<'_, [u8]>, Malformed> {
    let special = |&byte: &u8| byte == b'%' || (byte == b'+' && plus == Plus::Space);
    let Some(first) = text.iter().position(special) else {
        return Ok(Cow::Borrowed(text));
    };
    let mut out = Vec::with_capacity(text.len());
    out.extend_from_slice(&text[..first]);
    let mut rest = &text[first..];
    while let [byte, after @ ..] = rest {
        rest = after;
        match byte {
            b'%' => {
                let [high, low, after @ ..] = rest else {
                    return Err(Malformed::Escape([b"%", rest].concat()));
                };
                let (Some(high_bits), Some(low_bits)) = (hex(*high), hex(*low)) else {
                    return Err(Malformed::Escape(vec![b'%', *high, *low]));
                };
                out.push(high_bits << 4 | low_bits);
                rest = after;
            }
            b'+' if plus == Plus::Space => out.push(b' '),
            _ => out.push(*byte),
        }
    }
    Ok(Cow::Owned(out))
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Result<Vec<(String, String)>, String> {
        let text_of = |bytes: Cow<'_, [u8]>| String::from_utf8_lossy(&bytes).into_owned();
        pairs(text.as_bytes())
            .map(|pair| pair.map(|(name, value)| (text_of(name), text_of(value))))
            .collect::<Result<_, _>>()
            .map_err(|error| error.to_string())
    }

    #[test]
    fn pairs_are_split_and_decoded() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(read(""), Ok(vec![]));
        assert_eq!(read("&&"), Ok(vec![]));
        assert_eq!(read("a"), Ok(vec![pair("a", "")]));
        assert_eq!(read("a=1&a=2"), Ok(vec![pair("a", "1"), pair("a", "2")]));
        assert_eq!(read("v=a+b%2Bc=d"), Ok(vec![pair("v", "a b+c=d")]));
        assert_eq!(read("%61=%C3%A9"), Ok(vec![pair("a", "é")]));
    }

    #[test]
    fn what_is_malformed_is_named_as_go_names_it() {
        assert_eq!(read("a=%zz9"), Err(r#"invalid URL escape "%zz""#.to_owned()));
        assert_eq!(read("a=%4"), Err(r#"invalid URL escape "%4""#.to_owned()));
        assert_eq!(read("%=1"), Err(r#"invalid URL escape "%""#.to_owned()));
        assert_eq!(
            read("a=1;b=2"),
            Err("invalid semicolon separator in query".to_owned())
        );
    }

    proptest! {
        #[test]
        fn unescape_undoes_percent_encoding(bytes in any::<Vec<u8>>()) {
            let encoded = percent_encoding::percent_encode(&bytes, percent_encoding::NON_ALPHANUMERIC).to_string();
            for plus in [Plus::Itself, Plus::Space] {
                let decoded = unescape(encoded.as_bytes(), plus).unwrap().into_owned();
                prop_assert_eq!(decoded, bytes.clone());
            }
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in any::<Vec<u8>>()) {
            for pair in pairs(&bytes).flatten() {
                prop_assert!(pair.0.len() + pair.1.len() <= bytes.len());
            }
        }
    }
}
