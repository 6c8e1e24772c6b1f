use crate::tests::{head, parse_plain, text};
use crate::{HttpAnswer, Parsed};

use super::{REST, V3};

fn answered(method: &str, target: &str) -> HttpAnswer {
    match parse_plain(method, target, "") {
        (Parsed::Ask(request, _), _) => panic!("{method} {target}: {request:?}"),
        (_, answer) => answer,
    }
}

const TEXT: &str = "Content-Type: text/plain; charset=utf-8\r\nX-Content-Type-Options: nosniff\r\n";

#[test]
fn unknown_paths_are_not_found() {
    let rows = [
        ("/", "404 page not found\n"),
        ("/v2", "404 page not found\n"),
        ("/v2/keysfoo", "404 page not found\n"),
        ("/v2/auth", "404 page not found\n"),
        ("/v2/stats/", "404 page not found\n"),
        ("/v2/machines/", "404 page not found\n"),
        ("/v3x", "404 page not found\n"),
        ("/v3beta", "404 page not found\n"),
        ("/v3alpha/kv/put", "404 page not found\n"),
        ("/version/", "404 page not found\n"),
        ("/debug/pprof/heap", "404 page not found\n"),
        ("/v3/", "Not Found\n"),
        ("/v3/kv/put/", "Not Found\n"),
        ("/v3/kv/putt", "Not Found\n"),
        ("/v3beta/kv", "Not Found\n"),
    ];
    for (target, body) in rows {
        for method in ["GET", "POST"] {
            let answer = answered(method, target);
            assert_eq!(
                (answer.status, text(&answer.body).as_str()),
                (404, body),
                "{target}"
            );
            assert_eq!(head(&answer), TEXT, "{target}");
        }
    }
}

#[test]
fn methods_that_are_not_served_are_named_by_allow() {
    let rows = [
        ("PATCH", "/v2/keys/a", "Allow: HEAD,GET,PUT,POST,DELETE\r\n"),
        ("HEAD", "/v2/members", "Allow: GET,POST,DELETE,PUT\r\n"),
        ("POST", "/v2/machines", "Allow: GET,HEAD\r\n"),
        ("HEAD", "/v2/stats/self", "Allow: GET\r\n"),
        ("POST", "/v2/auth/enable", "Allow: GET,PUT,DELETE\r\n"),
        ("PUT", "/v2/auth/users", "Allow: GET\r\n"),
        ("POST", "/v2/auth/users/al", "Allow: GET,PUT,DELETE\r\n"),
        ("HEAD", "/version", "Allow: GET\r\n"),
        ("HEAD", "/health", "Allow: GET\r\n"),
        ("GET", "/config/local/log", "Allow: PUT\r\n"),
        // The gateway does not say.
        ("GET", "/v3/kv/put", ""),
        ("PUT", "/v3beta/watch", ""),
    ];
    for (method, target, allow) in rows {
        let answer = answered(method, target);
        assert_eq!(
            (answer.status, text(&answer.body).as_str()),
            (405, "Method Not Allowed\n"),
            "{target}"
        );
        assert_eq!(head(&answer), format!("{TEXT}{allow}"), "{target}");
    }
}

#[test]
fn options_are_always_answered() {
    for target in ["/v2/keys/a", "/v3/kv/put", "/nowhere", "//", "*"] {
        let answer = answered("OPTIONS", target);
        assert_eq!(
            (answer.status, answer.body.len(), head(&answer).as_str()),
            (200, 0, ""),
            "{target}"
        );
    }
}

#[test]
fn unclean_paths_are_redirected() {
    let page = "Content-Type: text/html; charset=utf-8\r\n";
    let rows = [
        (
            "GET",
            "/v2//keys/a?recursive=true&x=<",
            page,
            "/v2/keys/a?recursive=true&x=<",
        ),
        ("GET", "/v2/keys/a/%2E%2E/b%20c", page, "/v2/keys/b%20c"),
        ("PUT", "/v2/keys/./%C3%A9/", "", "/v2/keys/%C3%A9/"),
        ("POST", "/v3beta//kv/put", "", "/v3/kv/put"),
        // The root of the gateway.
        ("GET", "/v3?a=b", page, "/v3/?a=b"),
        ("POST", "/v3", "", "/v3/"),
    ];
    for (method, target, content_type, location) in rows {
        let answer = answered(method, target);
        assert_eq!(answer.status, 301, "{target}");
        assert_eq!(
            head(&answer),
            format!("{content_type}Location: {location}\r\n"),
            "{target}"
        );
        let link = location.replace('&', "&amp;").replace('<', "&lt;");
        let body = if method == "GET" {
            format!("<a href=\"{link}\">Moved Permanently</a>.\n\n")
        } else {
            String::new()
        };
        assert_eq!(text(&answer.body), body, "{target}");
    }
}

#[test]
fn targets_that_cannot_be_read_are_bad_requests() {
    let rows = [
        ("/v2/keys/%zz", "400 Bad Request: invalid URL escape \"%zz\"\n"),
        (
            "*",
            "400 Bad Request: the request target must be a path that starts with a slash\n",
        ),
    ];
    for (target, body) in rows {
        let answer = answered("GET", target);
        assert_eq!(
            (answer.status, text(&answer.body).as_str()),
            (400, body),
            "{target}"
        );
    }
    for target in ["/%zz", "version"] {
        assert_eq!(answered("OPTIONS", target).status, 400, "{target}");
    }
}

#[test]
fn what_is_not_served_yet_says_so_in_its_own_form() {
    let json = "Content-Type: application/json\r\n";
    let with_cluster = "Content-Type: application/json\r\nX-Etcd-Cluster-Id: c1\r\n";
    let v3 = |path: &str| {
        format!(r#"{{"error":"{path} is not served yet","code":12,"message":"{path} is not served yet"}}"#)
    };
    let message = |what: &str| format!(r#"{{"message":"{what} is not served yet"}}"#);
    let rows = [
        ("POST", "/v3/auth/enable", json, v3("/v3/auth/enable")),
        ("POST", "/v3beta/auth/enable", json, v3("/v3/auth/enable")),
        ("POST", "/v3/auth/role/grant", json, v3("/v3/auth/role/grant")),
        (
            "PUT",
            "/v2/auth/users/al",
            with_cluster,
            message("PUT /v2/auth/users/al"),
        ),
        ("POST", "/v2/members", with_cluster, message("POST /v2/members")),
        (
            "DELETE",
            "/v2/members/c1",
            with_cluster,
            message("DELETE /v2/members/c1"),
        ),
    ];
    for (method, target, lines, body) in rows {
        let answer = answered(method, target);
        assert_eq!(
            (answer.status, head(&answer).as_str(), text(&answer.body)),
            (501, lines, body),
            "{target}"
        );
    }
}

#[test]
fn the_table_has_each_row_once_and_in_the_right_half() {
    for (table, v3) in [(V3, true), (REST, false)] {
        for (at, route) in table.iter().enumerate() {
            assert_eq!(route.path.starts_with("/v3/"), v3, "{}", route.path);
            let twice = |other: &super::Route| other.path == route.path && other.subtree == route.subtree;
            assert!(!table[..at].iter().any(twice), "{}", route.path);
        }
    }
}

#[test]
fn the_version_names_etcds_and_our_own() {
    let answer = answered("GET", "/version");
    let own = env!("CARGO_PKG_VERSION");
    let body = format!(r#"{{"etcdserver":"3.5.21","etcdcluster":"3.5.0","balsa":"{own}"}}"#);
    assert_eq!((answer.status, text(&answer.body)), (200, body));
    assert_eq!(head(&answer), "Content-Type: application/json\r\n");
}
