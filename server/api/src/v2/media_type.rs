//! The Content-Type of a form, read as strictly as Go reads it: a malformed one is an error, not "no form".

use std::collections::BTreeSet;

use thiserror::Error;

/// What is wrong with a Content-Type. The texts are Go's, which etcd passes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(super) enum BadMediaType {
    #[error("mime: no media type")]
    Empty,
    #[error("mime: expected slash after first token")]
    NoSlash,
    #[error("mime: expected token after slash")]
    NoSubtype,
    #[error("mime: unexpected content after media subtype")]
    AfterSubtype,
    #[error("mime: invalid media parameter")]
    Parameter,
    #[error("mime: duplicate parameter name")]
    DuplicateParameter,
}

/// Whether this is the type of a form. An absent or empty one is none.
pub(super) fn is_form(content_type: Option<&[u8]>) -> Result<bool, BadMediaType> {
    let Some(text) = content_type.filter(|text| !text.is_empty()) else {
        return Ok(false);
    };
    let end = text.iter().position(|&byte| byte == b';').unwrap_or(text.len());
    let (essence, parameters) = text.split_at(end);
    let essence = essence.trim_ascii();
    check_essence(essence)?;
    check_parameters(parameters)?;
    Ok(essence.eq_ignore_ascii_case(b"application/x-www-form-urlencoded"))
}

/// `type` or `type/subtype`.
fn check_essence(essence: &[u8]) -> Result<(), BadMediaType> {
    let (kind, rest) = token(essence);
    if kind.is_empty() {
        return Err(BadMediaType::Empty);
    }
    if rest.is_empty() {
        return Ok(());
    }
    let rest = rest.strip_prefix(b"/").ok_or(BadMediaType::NoSlash)?;
    let (subtype, rest) = token(rest);
    if subtype.is_empty() {
        return Err(BadMediaType::NoSubtype);
    }
    if rest.is_empty() {
        Ok(())
    } else {
        Err(BadMediaType::AfterSubtype)
    }
}

/// `;name=value` any number of times, each name once; a lone `;` may end it.
fn check_parameters(parameters: &[u8]) -> Result<(), BadMediaType> {
    let mut names = BTreeSet::new();
    let mut rest = parameters.trim_ascii();
    while !rest.is_empty() && rest != b";" {
        let (name, after) = parameter(rest).ok_or(BadMediaType::Parameter)?;
        if !names.insert(name.to_ascii_lowercase()) {
            return Err(BadMediaType::DuplicateParameter);
        }
        rest = after.trim_ascii();
    }
    Ok(())
}

/// The name of the first parameter, and what follows it.
fn parameter(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let (name, rest) = token(text.strip_prefix(b";")?.trim_ascii_start());
    let rest = rest.trim_ascii_start().strip_prefix(b"=")?.trim_ascii_start();
    if name.is_empty() {
        return None;
    }
    if let Some(quoted) = rest.strip_prefix(b"\"") {
        return Some((name, after_quote(quoted)?));
    }
    let (value, rest) = token(rest);
    (!value.is_empty()).then_some((name, rest))
}

/// What follows the quote that ends this string; a backslash hides the byte after it.
fn after_quote(text: &[u8]) -> Option<&[u8]> {
    let mut hidden = false;
    let end = text.iter().position(|&byte| {
        let ends = byte == b'"' && !hidden;
        hidden = byte == b'\\' && !hidden;
        ends
    })?;
    text.get(end + 1..)
}

/// Splits off the token (RFC 2045) at the start.
fn token(text: &[u8]) -> (&[u8], &[u8]) {
    let is_token = |byte: &u8| byte.is_ascii_graphic() && !b"()<>@,;:\\\"/[]?=".contains(byte);
    text.split_at(text.iter().position(|byte| !is_token(byte)).unwrap_or(text.len()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_the_type_of_forms_is_a_form() {
        let rows: [(Option<&str>, Result<bool, BadMediaType>); 18] = [
            (None, Ok(false)),
            (Some(""), Ok(false)),
            (Some("application/x-www-form-urlencoded"), Ok(true)),
            (
                Some("Application/X-WWW-Form-Urlencoded ; charset=UTF-8"),
                Ok(true),
            ),
            (Some("application/x-www-form-urlencoded;"), Ok(true)),
            (
                Some("application/x-www-form-urlencoded; a=\"b;\\\"c\"; d = e"),
                Ok(true),
            ),
            (Some("application/json"), Ok(false)),
            (Some("text"), Ok(false)),
            (Some("multipart/form-data; boundary=x"), Ok(false)),
            (Some("foo bar"), Err(BadMediaType::NoSlash)),
            (Some("a/b c"), Err(BadMediaType::AfterSubtype)),
            (Some("a/"), Err(BadMediaType::NoSubtype)),
            (Some("; a=b"), Err(BadMediaType::Empty)),
            (
                Some("application/x-www-form-urlencoded; a"),
                Err(BadMediaType::Parameter),
            ),
            (Some("a/b; c=\"d"), Err(BadMediaType::Parameter)),
            // Even if the values are equal.
            (Some("a/b; c=d; C=d"), Err(BadMediaType::DuplicateParameter)),
            (
                Some("a/b; c=\"d\"; e=f; c=g"),
                Err(BadMediaType::DuplicateParameter),
            ),
            (Some("a/b; =d"), Err(BadMediaType::Parameter)),
        ];
        for (text, form) in rows {
            assert_eq!(is_form(text.map(str::as_bytes)), form, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in any::<Vec<u8>>(), text in "a/b; *[a=\"\\\\; ]{0,12}") {
            let _ = is_form(Some(&bytes));
            let _ = is_form(Some(text.as_bytes()));
        }
    }
}
