use super::*;
use crate::tests::{head, identity, text, used};
use crate::{HttpRequest, parse};

const FORM: &[(&str, &[u8])] = &[("content-type", b"application/x-www-form-urlencoded")];

fn send(method: &str, target: &str, headers: &[(&str, &[u8])], body: &[u8]) -> (Parsed, HttpAnswer) {
    let mut answer = used();
    let target = format!("/v2/keys{target}");
    let parsed = parse(
        &identity(),
        HttpRequest {
            method,
            target: &target,
            headers,
            body,
        },
        &mut answer,
    );
    (parsed, answer)
}

fn ask(method: &str, target: &str, headers: &[(&str, &[u8])], body: &[u8]) -> Request {
    match send(method, target, headers, body) {
        (Parsed::Ask(request, _), _) => *request,
        (_, answer) => panic!("{method} {target}: {}", text(&answer.body)),
    }
}

fn change_of(method: &str, target: &str, body: &str) -> TreeChange {
    match ask(method, target, FORM, body.as_bytes()) {
        Request::Write(Command::Tree { change, .. }) => change,
        other => panic!("{method} {target} {body}: {other:?}"),
    }
}

fn file(value: &'static str) -> TreeWrite {
    TreeContent::File(Bytes::from_static(value.as_bytes())).into()
}

const DIRECTORY: TreeWrite = TreeWrite {
    content: TreeContent::Directory,
    ttl: None,
    refresh: false,
};

fn lasting(ttl: u64, write: TreeWrite) -> TreeWrite {
    TreeWrite {
        ttl: Some(ttl),
        ..write
    }
}

fn refresh(ttl: u64, write: TreeWrite) -> TreeWrite {
    TreeWrite {
        refresh: true,
        ..lasting(ttl, write)
    }
}

fn compare(value: Option<&'static str>, index: Option<u64>) -> Compare {
    Compare {
        value: value.map(|value| Bytes::from_static(value.as_bytes())),
        index,
    }
}

#[test]
fn reads_become_queries() {
    let rows: [(&str, &str, &[u8], bool, bool); 8] = [
        ("GET", "", b"/", false, false),
        ("GET", "/", b"/", false, false),
        ("GET", "/a/b/", b"/a/b", false, false),
        ("GET", "/a%2Fb+c%FF", b"/a/b+c\xff", false, false),
        ("GET", "/a?recursive=true&sorted=1", b"/a", true, false),
        ("GET", "/a?quorum=T", b"/a", false, true),
        // With quorum, wait is passed over; stream without wait, ttl and prevValue mean nothing to a read.
        ("GET", "/a?quorum=true&wait=true", b"/a", false, true),
        (
            "HEAD",
            "/a?stream=true&ttl=5&prevValue=x&recursive=f",
            b"/a",
            false,
            false,
        ),
    ];
    for (method, target, path, recursive, linearizable) in rows {
        let query = Query::Tree {
            path: Bytes::from_static(path),
            recursive,
        };
        assert_eq!(
            ask(method, target, &[], b""),
            Request::Read { query, linearizable },
            "{target}"
        );
    }
}

fn check_changes(rows: &[(&str, &str, &str, TreeChange)]) {
    for (method, target, body, change) in rows {
        assert_eq!(
            change_of(method, target, body),
            *change,
            "{method} {target} {body}"
        );
    }
}

#[test]
#[rustfmt::skip]
fn puts_become_changes() {
    use TreeChange::{CompareAndSwap, Create, Set, Update};
    check_changes(&[
        ("PUT", "/a", "value=bar", Set(file("bar"))),
        ("PUT", "/a", "", Set(file(""))),
        ("PUT", "/a?value=query", "", Set(file("query"))),
        ("PUT", "/a?value=query", "value=body&value=second", Set(file("body"))),
        ("PUT", "/a", "value=a+b%2B%C3%A9", Set(file("a b+é"))),
        ("PUT", "/a", "dir=true&value=x&ttl=", Set(DIRECTORY)),
        ("PUT", "/a", "value=x&prevIndex=0", Set(file("x"))),
        ("PUT", "/a?prevExist=false", "value=x&prevIndex=7&prevValue=y", Create(file("x"))),
        ("PUT", "/a?prevExist=0&dir=1", "", Create(DIRECTORY)),
        ("PUT", "/a?prevExist=true", "value=x", Update(file("x"))),
        ("PUT", "/a?prevExist=true&dir=true", "", Update(file(""))),
        ("PUT", "/a?prevValue=one", "value=two", CompareAndSwap(compare(Some("one"), None), file("two"))),
        ("PUT", "/a?prevIndex=7&prevExist=1", "value=x", CompareAndSwap(compare(None, Some(7)), file("x"))),
        ("PUT", "/a?prevIndex=7", "prevValue=y", CompareAndSwap(compare(Some("y"), Some(7)), file(""))),
        ("PUT", "/a", "value=x&ttl=5", Set(lasting(5, file("x")))),
        ("PUT", "/a?ttl=7", "dir=true&ttl=0", Set(lasting(0, DIRECTORY))),
        ("PUT", "/a?prevExist=false", "ttl=18446744073709551615", Create(lasting(u64::MAX, file("")))),
        ("PUT", "/a?prevExist=true&dir=true", "ttl=5", Update(lasting(5, file("")))),
        ("PUT", "/a?prevIndex=7", "ttl=5&value=x", CompareAndSwap(compare(None, Some(7)), lasting(5, file("x")))),
        ("PUT", "/a", "refresh=true&ttl=5", Set(refresh(5, file("")))),
        ("PUT", "/a", "refresh=true&ttl=5&prevExist=true", Update(refresh(5, file("")))),
        ("PUT", "/a", "refresh=1&ttl=5&prevIndex=7&dir=1", CompareAndSwap(compare(None, Some(7)), refresh(5, file("")))),
        ("PUT", "/a", "refresh=false&ttl=", Set(file(""))),
    ]);
}

#[test]
#[rustfmt::skip]
fn posts_and_deletions_become_changes() {
    use TreeChange::{CompareAndDelete, CreateInOrder};
    let delete = |dir, recursive| TreeChange::Delete { dir, recursive };
    check_changes(&[
        ("POST", "/q", "value=J1&prevValue=x&prevExist=true", CreateInOrder(file("J1"))),
        ("POST", "/q", "value=J2&ttl=9", CreateInOrder(lasting(9, file("J2")))),
        ("POST", "/q", "dir=true", CreateInOrder(DIRECTORY)),
        ("DELETE", "/a", "dir=true", delete(false, false)),
        ("DELETE", "/a?dir=true", "", delete(true, false)),
        ("DELETE", "/a?recursive=true&ttl=5", "", delete(false, true)),
        ("DELETE", "/a?prevIndex=0", "", delete(false, false)),
        ("DELETE", "/a?prevValue=x&prevIndex=3", "", CompareAndDelete(compare(Some("x"), Some(3)))),
    ]);
}

#[test]
fn a_write_with_an_idempotency_key_is_done_once() {
    let named = |method: &str, key: &'static [u8]| {
        let headers: &[(&str, &[u8])] = &[("idempotency-key", key)];
        send(method, "/a", headers, b"")
    };
    for method in ["PUT", "POST", "DELETE"] {
        let (Parsed::Ask(request, _), _) = named(method, b"k") else {
            panic!("{method} is refused");
        };
        let Request::Write(Command::Once(once)) = *request else {
            panic!("{method} asks {request:?}");
        };
        let plain = ask(method, "/a", &[], b"");
        assert_eq!(once.key, "k");
        assert_eq!(plain, Request::Write(once.write.into()), "{method}");
    }
    assert!(matches!(
        named("GET", b"k"),
        (Parsed::Ask(request, _), _) if matches!(*request, Request::Read { .. })
    ));
    for key in [&b""[..], &[b'k'; 256]] {
        let (parsed, answer) = named("PUT", key);
        assert_eq!((parsed, answer.status), (Parsed::Answered, 400));
        let cause = r#""cause":"invalid value for \"Idempotency-Key\""#;
        assert!(text(&answer.body).contains(cause));
    }
}

#[test]
fn only_a_forms_body_counts() {
    let rows: [(Option<&[u8]>, &'static str); 5] = [
        (Some(b"application/x-www-form-urlencoded; charset=UTF-8"), "x"),
        (None, ""),
        (Some(b"application/json"), ""),
        (Some(b"text/plain"), ""),
        (Some(b"multipart/form-data; boundary=x"), ""),
    ];
    for (content_type, value) in rows {
        let headers: Vec<_> = content_type
            .map(|kind| ("Content-Type", kind))
            .into_iter()
            .collect();
        let path = Bytes::from_static(b"/a");
        let command = Command::Tree {
            path,
            change: TreeChange::Set(file(value)),
        };
        assert_eq!(
            ask("PUT", "/a", &headers, b"value=x"),
            Request::Write(command),
            "{content_type:?}"
        );
    }
}

/// Status, code and cause, if any, of a refusal; checks all else.
fn refused(
    method: &str,
    target: &str,
    headers: &[(&str, &[u8])],
    body: &[u8],
    message: &str,
) -> (u16, String) {
    let (Parsed::Answered, answer) = send(method, target, headers, body) else {
        panic!("{method} {target} is not refused");
    };
    let lines = "Content-Type: application/json\r\nX-Etcd-Cluster-Id: c1\r\nX-Etcd-Index: 0\r\n";
    assert_eq!(head(&answer), lines);
    let json = text(&answer.body);
    let inner = json
        .strip_prefix("{\"errorCode\":")
        .and_then(|json| json.strip_suffix(",\"index\":0}\n"))
        .expect("an error of the keys API");
    let (code, rest) = inner.split_once(',').unwrap();
    let cause = rest.strip_prefix(&format!(r#""message":"{message}","cause":"#));
    (answer.status, format!("{code} {}", cause.expect(&json)))
}

/// Method, query, body; message, code and cause.
#[rustfmt::skip]
const FAULTS: &[(&str, &str, &str, &str, &str)] = &[
    ("GET", "?a=%zz", "", "Invalid POST form", r#"210 "invalid URL escape \"%zz\"""#),
    ("GET", "?a=1;b=2&prevIndex=x", "", "Invalid POST form", r#"210 "invalid semicolon separator in query""#),
    ("PUT", "?prevIndex=x", "value=%4", "Invalid POST form", r#"210 "invalid URL escape \"%4\"""#),
    ("PUT", "?prevIndex=", "", "The given index in POST form is not a number", r#"203 "invalid value for \"prevIndex\"""#),
    ("PUT", "?prevIndex=-1&waitIndex=x", "", "The given index in POST form is not a number", r#"203 "invalid value for \"prevIndex\"""#),
    ("GET", "?waitIndex=%2B1&recursive=x", "", "The given index in POST form is not a number", r#"203 "invalid value for \"waitIndex\"""#),
    ("GET", "?waitIndex=18446744073709551616", "", "The given index in POST form is not a number", r#"203 "invalid value for \"waitIndex\"""#),
    ("GET", "?recursive", "", "Invalid field", r#"209 "invalid value for \"recursive\"""#),
    ("GET", "?stream=x&sorted=yes", "", "Invalid field", r#"209 "invalid value for \"sorted\"""#),
    ("GET", "?wait=&dir=", "", "Invalid field", r#"209 "invalid value for \"wait\"""#),
    ("PUT", "?quorum=x", "dir=", "Invalid field", r#"209 "invalid value for \"dir\"""#),
    ("GET", "?quorum=TRue", "", "Invalid field", r#"209 "invalid value for \"quorum\"""#),
    ("GET", "?stream=2", "", "Invalid field", r#"209 "invalid value for \"stream\"""#),
    ("PUT", "?wait=true&prevValue=", "", "Invalid field", r#"209 "\"wait\" can only be used with GET requests""#),
    ("HEAD", "?wait=true", "", "Invalid field", r#"209 "\"wait\" can only be used with GET requests""#),
    ("PUT", "?prevValue=&noValueOnSuccess=x", "", "PrevValue is Required in POST form", r#"201 "\"prevValue\" cannot be empty""#),
    ("PUT", "?noValueOnSuccess=&ttl=x", "", "Invalid field", r#"209 "invalid value for \"noValueOnSuccess\"""#),
    ("PUT", "?ttl=-1&prevExist=x", "", "The given TTL in POST form is not a number", r#"202 "invalid value for \"ttl\"""#),
    ("PUT", "?ttl=18446744073709551616", "", "The given TTL in POST form is not a number", r#"202 "invalid value for \"ttl\"""#),
    ("GET", "?ttl=1.5", "", "The given TTL in POST form is not a number", r#"202 "invalid value for \"ttl\"""#),
    ("PUT", "?prevExist=&refresh=x", "", "Invalid field", r#"209 "invalid value for prevExist""#),
    ("PUT", "?refresh=", "", "Invalid field", r#"209 "invalid value for refresh""#),
    ("PUT", "?refresh=true", "value=x", "Value provided on refresh", r#"211 "A value was provided on a refresh""#),
    ("PUT", "?refresh=true&ttl=", "value=", "A TTL must be provided on refresh", r#"212 "No TTL value set""#),
];

#[test]
fn faults_are_reported_in_etcds_order_and_words() {
    for (method, target, body, message, expected) in FAULTS {
        let found = refused(method, target, FORM, body.as_bytes(), message);
        assert_eq!(found, (400, (*expected).to_owned()), "{method} {target} {body}");
    }
}

#[test]
fn bad_forms_are_refused() {
    let bad_type: &[(&str, &[u8])] = &[("Content-Type", b"foo bar")];
    let found = refused("PUT", "", bad_type, b"", "Invalid POST form");
    assert_eq!(
        found,
        (400, r#"210 "mime: expected slash after first token""#.to_owned())
    );
    let found = refused(
        "POST",
        "",
        FORM,
        &vec![b'a'; crate::BODY_BYTES_MAX + 1],
        "Invalid POST form",
    );
    assert_eq!(found, (400, r#"210 "http: POST too large""#.to_owned()));
    // Of a method without a form they do not matter.
    assert!(matches!(ask("DELETE", "/a", bad_type, b"%zz"), Request::Write(_)));
}
