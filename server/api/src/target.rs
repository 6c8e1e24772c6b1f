//! The request target: its path decoded and clean, or a redirect to the clean one.

use std::borrow::Cow;
use std::fmt::{self, Display};

use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, percent_encode, utf8_percent_encode};

use crate::answer::HttpAnswer;
use crate::query::{Malformed, Plus, unescape};

/// What is escaped in the path of a `Location`: all but what RFC 3986 leaves alone and `$&+,/:;=@`.
const PATH: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b',')
    .remove(b'/')
    .remove(b':')
    .remove(b';')
    .remove(b'=')
    .remove(b'@');

/// A request target, taken apart.
pub(crate) struct Target<'a> {
    /// Decoded; may be unclean.
    pub(crate) path: Cow<'a, [u8]>,
    /// As sent, without the `?`.
    pub(crate) query: &'a str,
}

/// Why a target is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadTarget {
    /// It is neither a path nor a URL.
    #[error("the request target must be a path that starts with a slash")]
    NoPath,
    /// Its path cannot be decoded.
    #[error("{0}")]
    Escape(Malformed),
}

/// Takes a target apart: a path with a query, or a URL, as proxies send it.
pub(crate) fn split(target: &str) -> Result<Target<'_>, BadTarget> {
    let target = ["http://", "https://"]
        .iter()
        .find_map(|scheme| target.strip_prefix(scheme))
        .map_or(target, |rest| {
            &rest[rest.find(['/', '?']).unwrap_or(rest.len())..]
        });
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    if !path.starts_with('/') {
        return Err(BadTarget::NoPath);
    }
    let path = unescape(path.as_bytes(), Plus::Itself).map_err(BadTarget::Escape)?;
    Ok(Target { path, query })
}

/// The path without empty, `.` and `..` components, if it has any. A slash at the end stays.
pub(crate) fn cleaned(path: &[u8]) -> Option<Vec<u8>> {
    let inner = path.strip_prefix(b"/").unwrap_or(path);
    let (inner, slash) = match inner.strip_suffix(b"/") {
        Some(inner) => (inner, true),
        None => (inner, false),
    };
    let components = || inner.split(|&byte| byte == b'/');
    // The root alone has an inner part that is empty and yet clean.
    if path == b"/" || components().all(|component| !matches!(component, b"" | b"." | b"..")) {
        return None;
    }
    let mut kept: Vec<&[u8]> = Vec::new();
    for component in components() {
        match component {
            b"" | b"." => {}
            b".." => drop(kept.pop()),
            _ => kept.push(component),
        }
    }
    let mut clean = Vec::with_capacity(path.len());
    for component in &kept {
        clean.push(b'/');
        clean.extend_from_slice(component);
    }
    if slash || kept.is_empty() {
        clean.push(b'/');
    }
    Some(clean)
}

/// Sends the client to a path. GET gets a page that says so, for people.
pub(crate) fn redirect(method: &str, path: &[u8], query: &str, answer: &mut HttpAnswer) {
    let mut location = percent_encode(path, PATH).to_string();
    if !query.is_empty() {
        location.push('?');
        location.extend(utf8_percent_encode(query, CONTROLS));
    }
    answer.begin(301);
    if matches!(method, "GET" | "HEAD") {
        answer.header("Content-Type", "text/html; charset=utf-8");
    }
    answer.header("Location", &location);
    if method == "GET" {
        let page = format!("<a href=\"{}\">Moved Permanently</a>.\n\n", Html(&location));
        answer.body.extend_from_slice(page.as_bytes());
    }
}

/// A text as it stands in HTML.
struct Html<'a>(&'a str);

impl Display for Html<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in self.0.split_inclusive(['&', '<', '>', '"', '\'']) {
            let escape = match part.as_bytes().last() {
                Some(b'&') => "&amp;",
                Some(b'<') => "&lt;",
                Some(b'>') => "&gt;",
                Some(b'"') => "&#34;",
                Some(b'\'') => "&#39;",
                _ => {
                    f.write_str(part)?;
                    continue;
                }
            };
            f.write_str(&part[..part.len() - 1])?;
            f.write_str(escape)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn unclean_paths_are_cleaned() {
        let rows = [
            ("/", None),
            ("/v2/keys", None),
            ("/v2/keys/", None),
            ("/v2/keys/...", None),
            ("//", Some("/")),
            ("/.", Some("/")),
            ("/../", Some("/")),
            ("/v2//keys", Some("/v2/keys")),
            ("/v2/keys//", Some("/v2/keys/")),
            ("/v2/./keys/.", Some("/v2/keys")),
            ("/v2/keys/a/../b/", Some("/v2/keys/b/")),
            ("/../../v2", Some("/v2")),
        ];
        for (path, clean) in rows {
            assert_eq!(
                cleaned(path.as_bytes()),
                clean.map(|clean| clean.as_bytes().to_vec()),
                "{path}"
            );
        }
    }

    #[test]
    fn targets_are_taken_apart() {
        let rows: [(&str, &[u8], &str); 3] = [
            ("/a%2Fb+c?q=%zz", b"/a/b+c", "q=%zz"),
            ("/%FF?", b"/\xff", ""),
            ("http://host:1/v2?a", b"/v2", "a"),
        ];
        for (target, path, query) in rows {
            let found = split(target).unwrap();
            assert_eq!((found.path.as_ref(), found.query), (path, query), "{target}");
        }
    }

    #[test]
    fn targets_without_a_path_are_refused() {
        for target in ["*", "", "v2", "http://host"] {
            assert_eq!(split(target).err(), Some(BadTarget::NoPath), "{target}");
        }
        let escape = BadTarget::Escape(Malformed::Escape(b"%4".to_vec()));
        assert_eq!(split("/%4").err(), Some(escape));
    }

    proptest! {
        #[test]
        fn cleaning_once_is_enough(path in "/[a./]{0,12}") {
            let clean = cleaned(path.as_bytes()).unwrap_or(path.into_bytes());
            prop_assert_eq!(clean.first(), Some(&b'/'));
            prop_assert_eq!(cleaned(&clean), None);
        }
    }
}
