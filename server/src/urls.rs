//! The URLs at which members and clients are reached: a scheme, a host and a port, and nothing else.

use std::collections::BTreeSet;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use thiserror::Error;

/// An address as flags give it. Ordered by its text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Url {
    /// As given, with the scheme in lower case and no blanks around: what ids are made of.
    text: String,
    /// What is spoken there.
    scheme: Scheme,
    /// Without brackets; may be empty.
    host: String,
    /// 0 asks the system for a free one. 0 for paths of sockets.
    port: u16,
}

/// The schemes that etcd knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Scheme {
    /// In clear.
    Http,
    /// Over TLS.
    Https,
    /// A socket in the file system.
    Unix,
    /// The same over TLS.
    Unixs,
}

/// What is wrong with a URL.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum UrlError {
    /// Nothing between the commas.
    #[error("want at least one URL")]
    Missing,
    /// None of the four schemes.
    #[error("URL scheme must be http, https, unix, or unixs: {0}")]
    Scheme(String),
    /// No port, or more than host and port.
    #[error("URL address does not have the form \"host:port\": {0}")]
    HostPort(String),
    /// A port out of range.
    #[error("port must be a number from 0 to 65535: {0}")]
    Port(String),
    /// Something behind the port.
    #[error("URL must not contain a path: {0}")]
    Path(String),
}

impl Url {
    /// Reads one URL; blanks around it do not count.
    pub(crate) fn parse(given: &str) -> Result<Url, UrlError> {
        let given = given.trim();
        let bad_scheme = || UrlError::Scheme(given.to_owned());
        let (scheme, rest) = given.split_once("://").ok_or_else(bad_scheme)?;
        let scheme = scheme.to_ascii_lowercase();
        let text = format!("{scheme}://{rest}");
        let scheme = match scheme.as_str() {
            "http" => Scheme::Http,
            "https" => Scheme::Https,
            "unix" => Scheme::Unix,
            "unixs" => Scheme::Unixs,
            _ => return Err(bad_scheme()),
        };
        let (host, port) = match scheme {
            Scheme::Http | Scheme::Https => host_and_port(given, rest)?,
            Scheme::Unix | Scheme::Unixs => (rest.to_owned(), 0),
        };
        Ok(Url {
            text,
            scheme,
            host,
            port,
        })
    }

    /// What is spoken there.
    pub(crate) fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// As given; what ids are made of and what clients and members are told.
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// The host without brackets; may be empty.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// The port; 0 asks the system for a free one.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The address it names without asking anybody; `localhost` is 127.0.0.1. None for other names.
    pub(crate) fn socket_address(&self) -> Option<SocketAddr> {
        let ip = match self.host.as_str() {
            "localhost" => IpAddr::V4(Ipv4Addr::LOCALHOST),
            host => host.parse().ok()?,
        };
        Some(SocketAddr::new(ip, self.port))
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Reads URLs with commas between: sorted, none twice, at least one.
pub(crate) fn parse_list(text: &str) -> Result<Vec<Url>, UrlError> {
    if text.trim().is_empty() {
        return Err(UrlError::Missing);
    }
    let urls: BTreeSet<Url> = text.split(',').map(Url::parse).collect::<Result<_, _>>()?;
    Ok(urls.into_iter().collect())
}

/// The URLs with commas between, as flags give them.
pub(crate) fn joined<'a>(urls: impl IntoIterator<Item = &'a Url>) -> String {
    let texts: Vec<&str> = urls.into_iter().map(Url::as_str).collect();
    texts.join(",")
}

/// Splits what follows the scheme.
fn host_and_port(given: &str, rest: &str) -> Result<(String, u16), UrlError> {
    let authority_len = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, tail) = rest.split_at(authority_len);
    let bad_form = || UrlError::HostPort(given.to_owned());
    let (host, port) = authority.rsplit_once(':').ok_or_else(bad_form)?;
    let host = match host.strip_prefix('[') {
        Some(v6) => v6
            .strip_suffix(']')
            .filter(|v6| v6.contains(':'))
            .ok_or_else(bad_form)?,
        None => host,
    };
    let of_names = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    let of_v6 = |c: char| c.is_ascii_hexdigit() || matches!(c, ':' | '.');
    let bracketed = authority.starts_with('[');
    if !host
        .chars()
        .all(|c| if bracketed { of_v6(c) } else { of_names(c) })
    {
        return Err(bad_form());
    }
    // `u16::from_str` would take a sign.
    let port = Some(port)
        .filter(|port| port.bytes().all(|b| b.is_ascii_digit()))
        .and_then(|port| port.parse().ok())
        .ok_or_else(|| UrlError::Port(given.to_owned()))?;
    match tail {
        "" => Ok((host.to_owned(), port)),
        _ => Err(UrlError::Path(given.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_urls_are_taken_apart() {
        let cases = [
            ("http://127.0.0.1:2379", Scheme::Http, "127.0.0.1", 2379),
            (" HTTP://Example.org:80 ", Scheme::Http, "Example.org", 80),
            ("https://[::1]:2380", Scheme::Https, "::1", 2380),
            ("http://a_b-c.d:0", Scheme::Http, "a_b-c.d", 0),
            ("http://:2379", Scheme::Http, "", 2379),
            ("unix:///run/balsa.sock", Scheme::Unix, "/run/balsa.sock", 0),
            ("unixs://localhost:1", Scheme::Unixs, "localhost:1", 0),
        ];
        for (text, scheme, host, port) in cases {
            let url = Url::parse(text).unwrap();
            assert_eq!(
                (url.scheme(), url.host(), url.port()),
                (scheme, host, port),
                "{text}"
            );
        }
        assert_eq!(Url::parse(" HTTP://A:1").unwrap().as_str(), "http://A:1");
    }

    #[test]
    fn bad_urls_say_what_is_wrong() {
        type Wrong = fn(String) -> UrlError;
        let cases: [(&str, Wrong); 20] = [
            ("", UrlError::Scheme),
            ("foo", UrlError::Scheme),
            ("foo://a:1", UrlError::Scheme),
            ("127.0.0.1:2379", UrlError::Scheme),
            ("http://", UrlError::HostPort),
            ("http://127.0.0.1", UrlError::HostPort),
            ("http://foo/bar", UrlError::HostPort),
            ("http://::1:2379", UrlError::HostPort),
            ("http://[::1]", UrlError::HostPort),
            ("http://[::1:2379", UrlError::HostPort),
            ("http://[host]:2379", UrlError::HostPort),
            ("http://user@host:1", UrlError::HostPort),
            ("http://a b:1", UrlError::HostPort),
            ("http://[fe80::1%eth0]:1", UrlError::HostPort),
            ("http://a:", UrlError::Port),
            ("http://a:65536", UrlError::Port),
            ("http://a:+1", UrlError::Port),
            ("http://a:1/", UrlError::Path),
            ("http://a:1/v2", UrlError::Path),
            ("http://a:1?x", UrlError::Path),
        ];
        for (text, error) in cases {
            assert_eq!(Url::parse(text), Err(error(text.to_owned())), "{text}");
        }
    }

    #[test]
    fn lists_are_sorted_and_without_duplicates() {
        let urls = parse_list("http://b:1, http://a:1,http://b:1").unwrap();
        assert_eq!(joined(&urls), "http://a:1,http://b:1");
        assert_eq!(parse_list(" "), Err(UrlError::Missing));
        assert_eq!(parse_list("http://a:1,"), Err(UrlError::Scheme(String::new())));
    }

    #[test]
    fn only_addresses_and_localhost_are_known_without_asking() {
        let address = |text| Url::parse(text).unwrap().socket_address();
        assert_eq!(address("http://localhost:1"), Some(([127, 0, 0, 1], 1).into()));
        assert_eq!(address("http://[::]:2"), Some("[::]:2".parse().unwrap()));
        assert_eq!(address("http://host:1"), None);
        assert_eq!(address("http://:1"), None);
    }
}
