use super::*;
use crate::http::{Connection, Limits, Next, Phase};
use proptest::prelude::*;

const GET: Ask<'static> = Ask {
    method: "GET",
    target: "/",
    head_lines: b"",
    body: b"",
};

/// A client that has asked with these methods, and has received these bytes.
fn client(methods: &[&str], received: &[u8]) -> Client {
    let mut client = Client::new("h");
    for method in methods {
        client.request(&mut Vec::new(), Ask { method, ..GET });
    }
    client.receive(received);
    client
}

/// Status and body of the next answer.
fn next(client: &mut Client) -> Result<Option<(u16, String)>, BadResponse> {
    let text = |response: Response<'_>| {
        (
            response.status,
            String::from_utf8(response.body.to_vec()).unwrap(),
        )
    };
    Ok(client.next_response()?.map(text))
}

fn answer(status: u16, body: &str) -> Result<Option<(u16, String)>, BadResponse> {
    Ok(Some((status, body.to_owned())))
}

#[test]
fn a_request_is_written_with_what_it_needs() {
    let mut out = Vec::new();
    let mut client = Client::new("h:1");
    client.request(&mut out, GET);
    client.request(
        &mut out,
        Ask {
            method: "PUT",
            target: "/a",
            head_lines: b"A: b\r\n",
            body: b"xy",
        },
    );
    client.request(
        &mut out,
        Ask {
            method: "POST",
            target: "/b",
            ..GET
        },
    );
    let expected = "GET / HTTP/1.1\r\nHost: h:1\r\n\r\n\
        PUT /a HTTP/1.1\r\nHost: h:1\r\nA: b\r\nContent-Length: 2\r\n\r\nxy\
        POST /b HTTP/1.1\r\nHost: h:1\r\nContent-Length: 0\r\n\r\n";
    assert_eq!(String::from_utf8(out).unwrap(), expected);
}

#[test]
fn answers_end_where_they_say() {
    let mut client = client(
        &["GET", "HEAD", "GET", "GET", "GET"],
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi\
          HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n\
          HTTP/1.1 204 No Content\r\n\r\n\
          HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n2\r\nbc\r\n0\r\n\r\n\
          HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\nuntil",
    );
    assert_eq!(next(&mut client), answer(200, "hi"));
    assert_eq!(next(&mut client), answer(200, ""));
    assert_eq!(next(&mut client), answer(204, ""));
    assert_eq!(next(&mut client), answer(200, "abc"));
    assert_eq!(next(&mut client), Ok(None));
    client.receive(b" close");
    client.end_of_input();
    let last = client.next_response().unwrap().unwrap();
    assert_eq!(
        (last.status, last.body, last.last),
        (400, &b"until close"[..], true)
    );
    assert_eq!(last.headers.get("connection"), Some(&b"close"[..]));
    assert_eq!(next(&mut client), Ok(None));
}

#[test]
fn a_stream_is_seen_as_it_comes() {
    let mut client = client(&["GET"], b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    assert!(client.so_far().is_none());
    assert_eq!(next(&mut client), Ok(None));
    assert_eq!(client.so_far().unwrap().body, b"");
    client.receive(b"4\r\none\n\r\n4\r\ntw");
    assert_eq!(next(&mut client), Ok(None));
    assert_eq!(client.so_far().unwrap().body, b"one\ntw");
    client.receive(b"o\n\r\n0\r\n\r\n");
    assert_eq!(next(&mut client), answer(200, "one\ntwo\n"));
}

#[test]
fn bad_answers_are_named() {
    let error = |bytes: &[u8]| next(&mut client(&["GET"], bytes)).unwrap_err();
    assert_eq!(error(b"SMTP ready\r\n"), BadResponse::Head);
    assert_eq!(
        error(&[b"HTTP/1.1 200 OK\r\nA: ", &[b'a'; HEAD_BYTES_MAX][..]].concat()),
        BadResponse::Head
    );
    assert_eq!(
        error(b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"),
        BadResponse::Length
    );
    let both = b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert_eq!(error(both), BadResponse::Length);
    assert_eq!(
        error(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n"),
        BadResponse::Length
    );
    assert_eq!(
        error(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab"),
        BadResponse::Chunk
    );
    assert_eq!(
        next(&mut client(&[], b"HTTP/1.1 200 OK\r\n")),
        Err(BadResponse::Unasked)
    );
    for cut_off in [
        &b""[..],
        b"HTTP/1.1 200",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nh",
    ] {
        let mut client = client(&["GET"], cut_off);
        assert_eq!(next(&mut client), Ok(None));
        client.end_of_input();
        assert_eq!(next(&mut client), Err(BadResponse::CutOff));
    }
}

/// Serves what has arrived: each request is answered with its own body, in one of three ways that its target names.
fn echo(connection: &mut Connection, out: &mut Vec<u8>) {
    loop {
        let (how, body) = match connection.next_request(out) {
            Next::Request(request) => (request.target.to_owned(), request.body.to_vec()),
            Next::Wait => return,
            other => panic!("{other:?}"),
        };
        match how.as_str() {
            "/whole" => connection.respond(out, 200, b"X-How: whole\r\n", &body),
            "/none" => connection.respond(out, 204, b"X-How: none\r\n", b""),
            _ => {
                connection.start_stream(out, 200, b"X-How: pieces\r\n");
                body.chunks(5).for_each(|piece| connection.stream(out, piece));
                connection.finish_stream(out);
            }
        }
    }
}

proptest! {
    #[test]
    fn what_a_client_asks_is_what_it_is_answered(
        asks in prop::collection::vec(
            (prop::sample::select(vec!["/whole", "/none", "/pieces"]), prop::collection::vec(any::<u8>(), 0..40), any::<bool>()),
            1..6,
        ),
        sent in 1..50_usize,
        answered in 1..50_usize,
    ) {
        let (mut client, mut connection) = (Client::new("h"), Connection::new(Limits::default()));
        let (mut up, mut down) = (Vec::new(), Vec::new());
        for (target, body, head) in &asks {
            let method = if *head { "HEAD" } else { "PUT" };
            client.request(&mut up, Ask { method, target, head_lines: b"", body });
        }
        for piece in up.chunks(sent) {
            connection.receive(piece);
            echo(&mut connection, &mut down);
        }
        prop_assert_eq!(connection.phase(), Phase::Idle);
        let mut asks = asks.iter();
        for piece in down.chunks(answered) {
            client.receive(piece);
            while let Some(response) = client.next_response().unwrap() {
                let (target, body, head) = asks.next().expect("no more answers than requests");
                prop_assert_eq!(response.headers.get("x-how").unwrap(), &target.as_bytes()[1..]);
                prop_assert_eq!(response.status, if *target == "/none" { 204 } else { 200 });
                let no_body = *head || *target == "/none";
                prop_assert_eq!(response.body, if no_body { &b""[..] } else { body });
                prop_assert!(!response.last);
            }
        }
        prop_assert_eq!(asks.len(), 0, "every request was answered");
    }

    #[test]
    fn arbitrary_answers_never_panic(
        start in prop::sample::select(vec!["", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"]),
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        piece in 1..40_usize,
    ) {
        let mut client = client(&["GET", "GET"], start.as_bytes());
        for received in bytes.chunks(piece) {
            client.receive(received);
            while let Ok(Some(_)) = client.next_response() {}
        }
        client.end_of_input();
        let _ = client.next_response();
    }
}
