//! Who may ask, as far as HTTP itself says: pages of which origin read answers (CORS), and which hosts are served.

use std::sync::Arc;

use crate::HttpRequest;
use crate::answer::HttpAnswer;

/// What is let through; the default is all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Access {
    /// `scheme://host:port` of pages that may read answers; None: all of them.
    pub origins: Option<Vec<Arc<str>>>,
    /// Names by which this server may be called, without a port; None: any.
    pub hosts: Option<Vec<String>>,
}

/// Which origin an answer names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Origin {
    /// All of them.
    #[default]
    Any,
    /// None.
    Nobody,
    /// The one that asked.
    Asking(Arc<str>),
}

impl Access {
    /// Which origin the answer to a request names.
    pub(crate) fn origin(&self, request: &HttpRequest<'_>) -> Origin {
        let Some(origins) = &self.origins else {
            return Origin::Any;
        };
        let asking = request.header("Origin");
        let listed = origins.iter().find(|origin| asking == Some(origin.as_bytes()));
        listed.map_or(Origin::Nobody, |origin| Origin::Asking(origin.clone()))
    }

    /// Whether a request calls this server by a name that it may have; else the answer says so. A page that makes its own
    /// name mean this server's address is kept out by that (DNS rebinding).
    pub(crate) fn admits(&self, request: &HttpRequest<'_>, answer: &mut HttpAnswer) -> bool {
        let Some(hosts) = &self.hosts else {
            return true;
        };
        let host = String::from_utf8_lossy(request.header("Host").unwrap_or_default());
        let name = without_port(&host);
        let admitted = hosts.iter().any(|host| host == name);
        if !admitted {
            answer.origin = Origin::Nobody;
            answer.text_error(421, &refusal(name));
        }
        admitted
    }
}

/// `[::1]:80` is `::1`, as `name:80` is `name`. What has no port stays as it is.
fn without_port(host: &str) -> &str {
    let Some((name, _)) = host.rsplit_once(':') else {
        return host;
    };
    match name.strip_prefix('[').and_then(|name| name.strip_suffix(']')) {
        Some(address) => address,
        None if name.contains(':') => host,
        None => name,
    }
}

fn refusal(host: &str) -> String {
    format!(
        "\nbalsa received your request, but the Host header was unrecognized.\n\n\
         To fix this, choose one of the following options:\n\
         - Call the server by a name of the list.\n\
         - Add the hostname you want to use to the list in settings.\n\
         \x20 - e.g. balsa --host-whitelist {host:?}\n\n\
         This requirement has been added to help prevent \"DNS Rebinding\" attacks (CVE-2018-5702).\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{head, text, used};
    use crate::{Identity, Parsed, parse};

    fn send(access: Access, method: &str, headers: &[(&str, &[u8])]) -> HttpAnswer {
        let identity = Identity {
            cluster_id: 1,
            access: Arc::new(access),
        };
        let request = HttpRequest {
            method,
            target: "/version",
            headers,
            body: b"",
        };
        let mut answer = used();
        assert_eq!(parse(&identity, request, &mut answer), Parsed::Answered);
        answer
    }

    #[test]
    fn only_the_origins_of_the_list_are_named() {
        let access = Access {
            origins: Some(vec!["http://a.b:80".into(), "https://c:443".into()]),
            hosts: None,
        };
        let rows: [(&[u8], bool); 4] = [
            (b"http://a.b:80", true),
            (b"https://c:443", true),
            (b"http://a.b", false),
            (b"null", false),
        ];
        for (origin, named) in rows {
            for method in ["GET", "OPTIONS"] {
                let answer = send(access.clone(), method, &[("origin", origin)]);
                let line = format!("Access-Control-Allow-Origin: {}\r\n", text(origin));
                assert_eq!(text(&answer.head).contains(&line), named, "{method} {line}");
                assert_eq!(text(&answer.head).contains("Access-Control"), named);
                assert_eq!(answer.status, 200);
            }
        }
        assert!(!text(&send(access, "GET", &[]).head).contains("Access-Control"));
    }

    #[test]
    fn by_default_everyone_is_let_through() {
        let answer = send(
            Access::default(),
            "GET",
            &[("Host", b"x"), ("Origin", b"http://y")],
        );
        assert!(head(&answer).starts_with("Content-Type"));
    }

    #[test]
    fn only_the_hosts_of_the_list_are_served() {
        let access = Access {
            origins: None,
            hosts: Some(vec!["127.0.0.1".into(), "foo".into(), "::1".into()]),
        };
        let rows: [(&[u8], u16); 8] = [
            (b"127.0.0.1:2379", 200),
            (b"foo", 200),
            (b"foo:1", 200),
            (b"[::1]:2379", 200),
            (b"FOO", 421),
            (b"bar:1", 421),
            (b"", 421),
            (b"[::2]:5", 421),
        ];
        for (host, status) in rows {
            let answer = send(access.clone(), "GET", &[("Host", host)]);
            assert_eq!(answer.status, status, "{}", text(host));
        }
        let answer = send(access.clone(), "OPTIONS", &[("Host", b"bar")]);
        let body = text(&answer.body);
        assert!(body.starts_with("\nbalsa") && body.contains("--host-whitelist \"bar\"\n"));
        let lines = "Content-Type: text/plain; charset=utf-8\r\nX-Content-Type-Options: nosniff\r\n";
        assert_eq!((answer.status, text(&answer.head).as_str()), (421, lines));
        assert_eq!(send(access, "GET", &[]).status, 421, "without any");
    }
}
