use super::*;
use crate::http::{NO_HEADER, Version};
use proptest::prelude::*;

mod streams;

const SMALL: Limits = Limits {
    head_bytes_max: 512,
    target_bytes_max: 64,
    body_bytes_max: 32,
};

/// What a client's bytes came to: requests, and the refusal that ended them.
#[derive(Debug, PartialEq, Eq)]
enum Seen {
    Request {
        method: String,
        target: String,
        headers: Vec<(String, Vec<u8>)>,
        body: Vec<u8>,
        version: Version,
    },
    Refused(Refusal),
    Http2,
}

/// Feeds the pieces to a connection that answers everything with an empty 200.
fn run<'a>(limits: Limits, pieces: impl IntoIterator<Item = &'a [u8]>) -> (Vec<Seen>, Vec<u8>, Connection) {
    let (mut seen, mut out, mut connection) = (Vec::new(), Vec::new(), Connection::new(limits));
    for piece in pieces {
        connection.receive(piece);
        loop {
            seen.push(match connection.next_request(&mut out) {
                Next::Wait => break,
                Next::Refused(refusal) => Seen::Refused(refusal),
                Next::Http2 => Seen::Http2,
                Next::Stream(_) => panic!("nothing is a stream here"),
                Next::Request(request) => Seen::Request {
                    method: request.method.to_owned(),
                    target: request.target.to_owned(),
                    headers: request
                        .headers
                        .iter()
                        .map(|(n, v)| (n.to_owned(), v.to_vec()))
                        .collect(),
                    body: request.body.to_vec(),
                    version: request.version,
                },
            });
            if connection.phase() == Phase::Answering {
                connection.respond(&mut out, 200, b"", b"");
            }
        }
    }
    (seen, out, connection)
}

fn refusal(bytes: &[u8]) -> Option<Refusal> {
    match run(SMALL, [bytes]).0.pop() {
        Some(Seen::Refused(refusal)) => Some(refusal),
        _ => None,
    }
}

/// Targets and bodies of the requests in `bytes`, which must all be good.
fn requests(bytes: &[u8]) -> Vec<(String, String)> {
    let good = |seen| match seen {
        Seen::Request { target, body, .. } => (target, String::from_utf8(body).unwrap()),
        other => panic!("{other:?}"),
    };
    run(SMALL, [bytes]).0.into_iter().map(good).collect()
}

/// A connection that waits for the answer to this request.
fn asked(bytes: &[u8]) -> Connection {
    let mut connection = Connection::new(SMALL);
    connection.receive(bytes);
    assert!(matches!(
        connection.next_request(&mut Vec::new()),
        Next::Request(_)
    ));
    connection
}

/// What is written in answer to a request.
fn answer(bytes: &[u8], respond: impl Fn(&mut Connection, &mut Vec<u8>)) -> (String, Phase) {
    let (mut connection, mut out) = (asked(bytes), Vec::new());
    respond(&mut connection, &mut out);
    (String::from_utf8(out).unwrap(), connection.phase())
}

fn one(target: &str, body: &str) -> (String, String) {
    (target.to_owned(), body.to_owned())
}

#[test]
fn a_request_is_borrowed_whole() {
    let bytes = b"PUT /v2/keys/a?x=1 HTTP/1.1\r\nHost: h:1\r\nContent-Length: 7\r\nX-Padded:  a b \t\r\nX-Empty:\r\n\r\nvalue=1";
    let connection = asked(bytes);
    let request = connection.request().unwrap();
    assert_eq!(
        (request.method, request.target, request.version),
        ("PUT", "/v2/keys/a?x=1", Version::Http11)
    );
    assert_eq!((request.body, request.host()), (&b"value=1"[..], &b"h:1"[..]));
    assert_eq!(request.headers.get("x-padded"), Some(&b"a b"[..]));
    assert_eq!(request.headers.get("x-empty"), Some(&b""[..]));
    let mut slots = [NO_HEADER; crate::http::HEADERS_MAX];
    assert_eq!(request.headers.fill(&mut slots)[1], ("Content-Length", &b"7"[..]));
}

#[test]
fn an_absolute_target_names_the_host() {
    let connection = asked(b"GET http://other:2/v2/keys HTTP/1.1\r\nHost: h\r\n\r\n");
    let request = connection.request().unwrap();
    assert_eq!((request.target, request.host()), ("/v2/keys", &b"other:2"[..]));
    let six = asked(b"GET / HTTP/1.1\r\nHost: [fe80::1%25a]:2\r\n\r\n");
    assert_eq!(six.request().unwrap().host(), b"[fe80::1%25a]:2");
    assert_eq!(requests(b"GET / HTTP/1.1\r\nHost:\r\n\r\n"), [one("/", "")]);
    assert_eq!(requests(b"OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n"), [one("*", "")]);
}

#[test]
fn pipelined_requests_wait_for_their_turn() {
    let mut connection = asked(b"GET /1 HTTP/1.1\r\nHost: h\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\n\r\n");
    let mut out = Vec::new();
    assert!(matches!(connection.next_request(&mut out), Next::Wait));
    assert_eq!(connection.request().unwrap().target, "/1");
    connection.respond(&mut out, 200, b"", b"one");
    let Next::Request(second) = connection.next_request(&mut out) else {
        panic!("the second is there")
    };
    assert_eq!(second.target, "/2");
    connection.respond(&mut out, 200, b"", b"two");
    assert_eq!(connection.phase(), Phase::Idle);
    let answers =
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\noneHTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\ntwo";
    assert_eq!(String::from_utf8(out).unwrap(), answers);
}

#[test]
fn bodies_end_where_they_say() {
    assert_eq!(
        requests(
            b"POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhiGET /b HTTP/1.1\r\nHost: h\r\n\r\n"
        ),
        [one("/a", "hi"), one("/b", "")]
    );
    assert_eq!(
        requests(
            b"PUT /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: Chunked\r\n\r\n2;x=y\r\nhi\r\n1\r\n!\r\n0\r\nT: 1\r\n\r\n\
              DELETE /b HTTP/1.1\r\nHost: h\r\n\r\n"
        ),
        [one("/a", "hi!"), one("/b", "")]
    );
    let twice = b"PUT /a HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nhi";
    assert_eq!(requests(twice), [one("/a", "hi")]);
    assert_eq!(requests(b"POST /a HTTP/1.1\r\nHost: h\r\n\r\n"), [one("/a", "")]);
}

#[test]
fn a_few_line_breaks_before_a_request_are_let_pass() {
    assert_eq!(
        requests(b"\r\n\nGET /a HTTP/1.1\r\nHost: h\r\n\r\n\r\n"),
        [one("/a", "")]
    );
    assert_eq!(
        refusal(b"\r\n\r\n\r\nGET /a HTTP/1.1\r\nHost: h\r\n\r\n"),
        Some(Refusal::RequestLine)
    );
    let (seen, _, connection) = run(
        SMALL,
        [&b"\r"[..], b"\n", b"\r", b"\nGET /a HTTP/1.1\nHost: h\n\n"],
    );
    assert_eq!((seen.len(), connection.phase()), (1, Phase::Idle));
}

#[test]
fn the_connection_stays_or_goes_as_agreed() {
    let phase_and_lines = |head: &str| {
        let (out, phase) = answer(head.as_bytes(), |connection, out| {
            connection.respond(out, 200, b"", b"")
        });
        let line = out
            .lines()
            .find(|line| line.starts_with("Connection"))
            .unwrap_or_default();
        (phase, line.to_owned())
    };
    let stays = |line: &str| (Phase::Idle, line.to_owned());
    let goes = (Phase::Closed, "Connection: close".to_owned());
    assert_eq!(phase_and_lines("GET / HTTP/1.1\r\nHost: h\r\n\r\n"), stays(""));
    assert_eq!(
        phase_and_lines("GET / HTTP/1.1\r\nHost: h\r\nConnection: TE, Close\r\n\r\n"),
        goes
    );
    assert_eq!(phase_and_lines("GET / HTTP/1.0\r\n\r\n"), goes);
    assert_eq!(
        phase_and_lines("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"),
        stays("Connection: keep-alive")
    );
    assert_eq!(
        phase_and_lines("GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n"),
        goes
    );
}

#[test]
fn the_server_may_make_an_answer_the_last() {
    let (out, phase) = answer(
        b"GET / HTTP/1.1\r\nHost: h\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\n\r\n",
        |c, out| {
            c.close_after_answer();
            c.respond(out, 200, b"", b"");
            assert!(matches!(c.next_request(out), Next::Wait));
        },
    );
    assert_eq!(phase, Phase::Closed);
    assert_eq!(
        out,
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    );
}

#[test]
fn head_and_bodiless_answers_have_no_body() {
    let (out, _) = answer(b"HEAD / HTTP/1.1\r\nHost: h\r\n\r\n", |c, out| {
        c.respond(out, 200, b"A: b\r\n", b"four")
    });
    assert_eq!(out, "HTTP/1.1 200 OK\r\nA: b\r\nContent-Length: 4\r\n\r\n");
    let (out, _) = answer(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n", |c, out| {
        c.respond(out, 304, b"", b"four")
    });
    assert_eq!(out, "HTTP/1.1 304 Not Modified\r\n\r\n");
}

#[test]
fn an_answer_may_come_in_pieces() {
    let stream = |head: &[u8]| {
        answer(head, |connection, out| {
            connection.start_stream(out, 200, b"A: b\r\n");
            connection.stream(out, b"one\n");
            connection.stream(out, b"");
            assert_eq!(connection.phase(), Phase::Streaming);
            connection.stream(out, b"two\n");
            connection.finish_stream(out);
        })
    };
    let (out, phase) = stream(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    let head = "HTTP/1.1 200 OK\r\nA: b\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert_eq!(
        (out, phase),
        (
            format!("{head}4\r\none\n\r\n4\r\ntwo\n\r\n0\r\n\r\n"),
            Phase::Idle
        )
    );
    let (out, phase) = stream(b"HEAD / HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_eq!((out.as_str(), phase), (head, Phase::Idle));
    let (out, phase) = stream(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    let head = "HTTP/1.1 200 OK\r\nA: b\r\nConnection: close\r\n\r\n";
    assert_eq!((out, phase), (format!("{head}one\ntwo\n"), Phase::Closed));
}

#[test]
fn leave_to_send_a_body_is_given_only_when_it_is_awaited() {
    let out = |head: &[u8]| String::from_utf8(run(SMALL, [head]).1).unwrap();
    let put =
        |lines: &str, body: &str| out(format!("PUT / HTTP/1.1\r\nHost: h\r\n{lines}\r\n{body}").as_bytes());
    let expect = "Expect: 100-Continue\r\n";
    assert_eq!(
        put(&format!("{expect}Content-Length: 2\r\n"), ""),
        "HTTP/1.1 100 Continue\r\n\r\n"
    );
    assert_eq!(
        put(&format!("{expect}Transfer-Encoding: chunked\r\n"), ""),
        "HTTP/1.1 100 Continue\r\n\r\n"
    );
    assert!(put(&format!("{expect}Content-Length: 2\r\n"), "hi").starts_with("HTTP/1.1 200 OK"));
    assert!(put(&format!("{expect}Content-Length: 0\r\n"), "").starts_with("HTTP/1.1 200 OK"));
    assert!(put(&format!("{expect}Content-Length: 33\r\n"), "").starts_with("HTTP/1.1 413 "));
    assert!(put("Expect: the-unexpected\r\nContent-Length: 2\r\n", "").starts_with("HTTP/1.1 417 "));
    assert_eq!(
        out(b"PUT / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"),
        ""
    );
}

#[test]
fn malformed_heads_are_refused() {
    for (bytes, reason) in [
        (&b"GET\r\n\r\n"[..], Refusal::RequestLine),
        (b"G\x01T / HTTP/1.1\r\n", Refusal::RequestLine),
        (b"\x16\x03\x01\x02\x00", Refusal::RequestLine),
        (b"GET /\r\n\r\n", Refusal::RequestLine),
        (b"GET / FTP/1.1\r\n\r\n", Refusal::RequestLine),
        (b"GET  / HTTP/1.1\r\n\r\n", Refusal::RequestLine),
        (b"GET / HTTP/1.1\rHost: h\r\n\r\n", Refusal::LineEnd),
        (b"GET / HTTP/2.0\r\n\r\n", Refusal::Version),
        (b"GET / HTTP/1.1\r\nHost : h\r\n\r\n", Refusal::HeaderName),
        (b"GET / HTTP/1.1\r\n: h\r\n\r\n", Refusal::HeaderName),
        (
            b"GET / HTTP/1.1\r\nHost: h\r\n folded\r\n\r\n",
            Refusal::HeaderName,
        ),
        (b"GET / HTTP/1.1\r\nHost: h\0\r\n\r\n", Refusal::HeaderValue),
        (b"GET / HTTP/1.1\r\nHost: h\rX: y\r\n\r\n", Refusal::HeaderValue),
        (b"GET / HTTP/1.1\r\n\r\n", Refusal::HostMissing),
        (
            b"GET / HTTP/1.1\r\nHost: h\r\nhost: h\r\n\r\n",
            Refusal::HostRepeated,
        ),
        (b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", Refusal::HostMalformed),
        (b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", Refusal::HostMalformed),
        (b"GET / HTTP/1.0\r\nHost: \xe9\r\n\r\n", Refusal::HostMalformed),
        (b"GET keys HTTP/1.1\r\nHost: h\r\n\r\n", Refusal::Target),
        (b"GET * HTTP/1.1\r\nHost: h\r\n\r\n", Refusal::Target),
        (b"CONNECT h:1 HTTP/1.1\r\nHost: h\r\n\r\n", Refusal::Target),
    ] {
        assert_eq!(refusal(bytes), Some(reason), "{}", bytes.escape_ascii());
    }
}

#[test]
fn doubtful_framing_is_refused() {
    for (version, lines, reason) in [
        (
            "1.1",
            "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n",
            Refusal::LengthAndEncoding,
        ),
        (
            "1.1",
            "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n",
            Refusal::LengthAndEncoding,
        ),
        (
            "1.1",
            "Content-Length: 2\r\nContent-Length: 3\r\n",
            Refusal::LengthsDiffer,
        ),
        ("1.1", "Content-Length: 2, 2\r\n", Refusal::LengthMalformed),
        ("1.1", "Content-Length: +2\r\n", Refusal::LengthMalformed),
        ("1.1", "Content-Length:\r\n", Refusal::LengthMalformed),
        (
            "1.1",
            "Content-Length: 99999999999999999999999\r\n",
            Refusal::BodyTooLarge,
        ),
        ("1.1", "Transfer-Encoding: gzip, chunked\r\n", Refusal::Encoding),
        ("1.1", "Transfer-Encoding: identity\r\n", Refusal::Encoding),
        (
            "1.1",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
            Refusal::Encoding,
        ),
        (
            "1.0",
            "Transfer-Encoding: chunked\r\n",
            Refusal::EncodingBeforeHttp11,
        ),
        ("1.0", "", Refusal::LengthRequired),
    ] {
        let bytes = format!("PUT / HTTP/{version}\r\nHost: h\r\n{lines}\r\n");
        assert_eq!(refusal(bytes.as_bytes()), Some(reason), "{bytes}");
    }
    let chunked = b"PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n";
    assert_eq!(refusal(chunked), Some(Refusal::Chunk));
}

#[test]
fn limits_are_kept_to_the_byte() {
    let of_size = |size: usize| {
        let head = "GET / HTTP/1.1\r\nHost: h\r\nPad: \r\n\r\n".len();
        format!(
            "GET / HTTP/1.1\r\nHost: h\r\nPad: {}\r\n\r\n",
            "x".repeat(size - head)
        )
    };
    assert_eq!(refusal(of_size(512).as_bytes()), None);
    assert_eq!(refusal(of_size(513).as_bytes()), Some(Refusal::HeadTooLarge));
    assert_eq!(
        refusal(&of_size(600).as_bytes()[..512]),
        Some(Refusal::HeadTooLarge)
    );
    assert_eq!(
        run(SMALL, [&of_size(600).as_bytes()[..511]]).0,
        [],
        "not decided yet"
    );

    let target = |size: usize| format!("GET /{} HTTP/1.1\r\nHost: h\r\n\r\n", "x".repeat(size - 1));
    assert_eq!(refusal(target(64).as_bytes()), None);
    assert_eq!(refusal(target(65).as_bytes()), Some(Refusal::TargetTooLong));
    assert_eq!(
        refusal(&target(900).as_bytes()[..512]),
        Some(Refusal::TargetTooLong)
    );

    let headers = |count: usize| format!("GET / HTTP/1.1\r\nHost: h\r\n{}\r\n", "a:\r\n".repeat(count - 1));
    assert_eq!(refusal(headers(100).as_bytes()), None);
    assert_eq!(refusal(headers(101).as_bytes()), Some(Refusal::TooManyHeaders));

    let length = |size: usize| format!("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: {size}\r\n\r\n");
    assert_eq!(refusal(length(32).as_bytes()), None);
    assert_eq!(refusal(length(33).as_bytes()), Some(Refusal::BodyTooLarge));
    let chunks = |size: usize| {
        let head = "PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
        format!("{head}10\r\n0123456789abcdef\r\n{size:x}\r\n")
    };
    assert_eq!(refusal(chunks(16).as_bytes()), None);
    assert_eq!(refusal(chunks(17).as_bytes()), Some(Refusal::BodyTooLarge));
}

#[test]
fn a_refusal_is_one_sentence_and_ends_the_connection() {
    let (seen, out, mut connection) = run(
        SMALL,
        [&b"GET / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n"[..]],
    );
    assert_eq!(seen, [Seen::Refused(Refusal::HostMissing)]);
    let expected = "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n\
        X-Content-Type-Options: nosniff\r\nContent-Length: 28\r\nConnection: close\r\n\r\nThe Host header is missing.\n";
    assert_eq!(String::from_utf8(out).unwrap(), expected);
    assert_eq!(connection.phase(), Phase::Closed);
    for _ in 0..LINGER_BYTES_MAX / 1024 {
        assert!(connection.wants_input());
        connection.receive(&[b'x'; 1024]);
    }
    assert!(!connection.wants_input(), "the client had its share");
    assert!(matches!(connection.next_request(&mut Vec::new()), Next::Wait));
}

#[test]
fn a_host_with_a_clock_may_refuse_a_slow_request() {
    let (_, mut out, mut connection) = run(
        SMALL,
        [&b"PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhi"[..]],
    );
    assert_eq!(connection.phase(), Phase::Receiving);
    connection.refuse(&mut out, Refusal::TimedOut);
    assert!(out.starts_with(b"HTTP/1.1 408 Request Timeout\r\n"));
}

#[test]
fn http2_is_told_apart_however_it_is_cut() {
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    for cut in 0..preface.len() {
        let (seen, out, connection) = run(SMALL, [&preface[..cut], &preface[cut..]]);
        assert_eq!(
            (seen, out.len(), connection.phase()),
            (vec![Seen::Http2], 0, Phase::Closed),
            "cut at {cut}"
        );
    }
    let (seen, ..) = run(
        SMALL,
        [&b"GET / HTTP/1.1\r\nHost: h\r\n\r\nPRI * HTTP/2.0\r\n\r\n"[..]],
    );
    assert_eq!(seen[1], Seen::Refused(Refusal::Version), "only at the beginning");
}

#[test]
fn reading_ahead_is_bounded() {
    let mut connection = asked(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    assert!(connection.wants_input());
    connection.receive(&vec![b'x'; READ_AHEAD_BYTES_MAX - 1]);
    assert!(connection.wants_input());
    connection.receive(b"x");
    assert!(!connection.wants_input());
    connection.respond(&mut Vec::new(), 200, b"", b"");
    assert!(connection.wants_input());
}

/// A good request, its body framed in one of the ways there are.
fn good_request() -> impl Strategy<Value = Vec<u8>> {
    let name = prop::sample::select(vec!["GET", "PUT", "POST", "DELETE", "HEAD"]);
    let lines = prop::sample::select(vec![
        "",
        "Accept: */*\r\n",
        "X-Empty:\r\nX: y z\r\n",
        "Expect: 100-continue\r\n",
    ]);
    let body = prop::collection::vec(any::<u8>(), 0..30);
    (name, "/[a-z%/]{0,20}", lines, body, 0..3_u8).prop_map(|(method, target, lines, body, framing)| {
        let mut bytes = format!("{method} {target} HTTP/1.1\r\nHost: h\r\n{lines}").into_bytes();
        match framing {
            0 => bytes.extend_from_slice(b"\r\n"),
            1 => {
                bytes.extend_from_slice(format!("content-length: {}\r\n\r\n", body.len()).as_bytes());
                bytes.extend_from_slice(&body);
            }
            _ => {
                bytes.extend_from_slice(b"transfer-encoding: chunked\r\n\r\n");
                for chunk in body.chunks(7) {
                    crate::http::response::chunk(&mut bytes, chunk);
                }
                bytes.extend_from_slice(crate::http::response::LAST_CHUNK);
            }
        }
        bytes
    })
}

/// Bytes that look enough like HTTP to get past the first line.
fn nearly_http() -> impl Strategy<Value = Vec<u8>> {
    let words = vec![
        "GET ",
        "PUT / HTTP/1.1\r\n",
        "/",
        " HTTP/1.1",
        " HTTP/1.",
        " HTTP/2.0",
        "\r\n",
        "\r\n\r\n",
        "\n",
        "\r",
        "Host: h\r\n",
        "Content-Length: 3\r\n",
        "Transfer-Encoding: chunked\r\n",
        "Expect: 100-continue\r\n",
        "3\r\nabc\r\n",
        "0\r\n",
        ";",
        ": ",
        "PRI * HTTP/2.0",
        "\0",
        "é",
        "\u{7f}",
        "ffffffffffffffff",
        "x",
    ];
    let long = (1..700_usize).prop_map(|count| "x".repeat(count));
    let word = prop_oneof![20 => prop::sample::select(words).prop_map(str::to_owned), 1 => long];
    prop::collection::vec(word, 0..20).prop_map(|words| words.concat().into_bytes())
}

/// Cuts the bytes at the given places.
fn cut<'a>(bytes: &'a [u8], places: &[prop::sample::Index]) -> Vec<&'a [u8]> {
    let mut places: Vec<usize> = places.iter().map(|place| place.index(bytes.len() + 1)).collect();
    places.extend([0, bytes.len()]);
    places.sort_unstable();
    places.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect()
}

proptest! {
    #[test]
    fn good_requests_are_the_same_however_they_are_cut(
        requests in prop::collection::vec(good_request(), 1..5),
        places in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let bytes = requests.concat();
        let whole = run(SMALL, [&bytes[..]]).0;
        prop_assert_eq!(whole.len(), requests.len());
        let all_good = whole.iter().all(|seen| matches!(seen, Seen::Request { .. }));
        prop_assert!(all_good, "{:?}", whole);
        prop_assert_eq!(&run(SMALL, cut(&bytes, &places)).0, &whole);
        prop_assert_eq!(&run(SMALL, bytes.chunks(1)).0, &whole);
    }

    #[test]
    fn nearly_http_never_panics_and_is_judged_the_same_however_it_is_cut(
        mut bytes in nearly_http(),
        places in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
    ) {
        // Nonsense may be seen early or late; in the end, which the limit brings, it must be seen alike.
        bytes.extend_from_slice(&[b'x'; 600]);
        let whole = run(SMALL, [&bytes[..]]).0;
        prop_assert_eq!(&run(SMALL, cut(&bytes, &places)).0, &whole);
        prop_assert_eq!(&run(SMALL, bytes.chunks(1)).0, &whole);
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        run(SMALL, [&bytes[..]]);
        run(SMALL, bytes.chunks(3));
    }
}
