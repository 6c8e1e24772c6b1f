//! Requests that are handed out before their bodies.

use super::*;

fn connection() -> Connection {
    Connection::new(SMALL).with_streams(|method, target| method == "POST" && target == "/stream")
}

/// Feeds the pieces; what is written to the body of a stream comes back as chunks.
fn echo(pieces: &[&[u8]]) -> (Vec<u8>, Connection) {
    let (mut connection, mut out) = (connection(), Vec::new());
    for piece in pieces {
        connection.receive(piece);
        loop {
            if connection.phase() == Phase::Streaming {
                let mut body = Vec::new();
                let Ok(ended) = connection.read_stream(&mut body, &mut out) else {
                    break;
                };
                connection.stream(&mut out, &body);
                if !ended {
                    break;
                }
                connection.stream(&mut out, b".");
                connection.finish_stream(&mut out);
            }
            match connection.next_request(&mut out) {
                Next::Stream(request) => {
                    assert_eq!((request.target, request.body), ("/stream", &b""[..]));
                    connection.start_stream(&mut out, 200, b"");
                }
                Next::Request(request) => {
                    let target = request.target.to_owned();
                    connection.respond(&mut out, 200, b"", target.as_bytes());
                }
                _ => break,
            }
        }
    }
    (out, connection)
}

/// The answers without their heads and sizes.
fn gist(out: &[u8]) -> String {
    let text = String::from_utf8(out.to_vec()).unwrap();
    let lines = text.split("\r\n").filter(|line| {
        let is_size = !line.is_empty() && line.bytes().all(|byte| byte.is_ascii_hexdigit());
        !line.is_empty() && !is_size && !line.contains(": ") && !line.starts_with("HTTP/1.1 200")
    });
    lines.collect()
}

#[test]
fn a_stream_is_answered_while_it_comes_and_the_next_request_follows_it() {
    let chunked = b"POST /stream HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\
        3\r\nx y\r\n28\r\nwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwww\r\n0\r\n\r\nGET /next HTTP/1.1\r\nHost: a\r\n\r\n";
    let known = b"POST /stream HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nx yzGET /next HTTP/1.1\r\nHost: a\r\n\r\n";
    let longer_than_a_body_may_be = "x ywwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwww./next";
    for (bytes, expected) in [(&chunked[..], longer_than_a_body_may_be), (known, "x yz./next")] {
        for cut in 0..bytes.len() {
            let (out, connection) = echo(&[&bytes[..cut], &bytes[cut..]]);
            assert_eq!(gist(&out), expected, "cut at {cut}");
            assert_eq!(connection.phase(), Phase::Idle);
        }
        let bytewise: Vec<&[u8]> = bytes.chunks(1).collect();
        assert_eq!(gist(&echo(&bytewise).0), expected);
    }
}

#[test]
fn an_answer_before_the_end_of_the_body_is_the_last() {
    let head = b"POST /stream HTTP/1.1\r\nHost: a\r\nContent-Length: 30\r\n\r\nhalf";
    for whole in [false, true] {
        let (mut connection, mut out) = (connection(), Vec::new());
        connection.receive(head);
        assert!(matches!(connection.next_request(&mut out), Next::Stream(_)));
        if whole {
            connection.respond(&mut out, 200, b"", b"over");
            assert!(String::from_utf8_lossy(&out).contains("Connection: close"));
        } else {
            connection.start_stream(&mut out, 200, b"");
            connection.finish_stream(&mut out);
        }
        assert_eq!(connection.phase(), Phase::Closed);
    }
}

#[test]
fn a_malformed_body_is_refused_before_the_answer_and_ends_it_afterwards() {
    let head = b"POST /stream HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    for begun in [false, true] {
        let (mut connection, mut out, mut body) = (connection(), Vec::new(), Vec::new());
        connection.receive(head);
        assert!(matches!(connection.next_request(&mut out), Next::Stream(_)));
        if begun {
            connection.start_stream(&mut out, 200, b"");
        }
        connection.receive(b"1\r\nxZ");
        assert_eq!(connection.read_stream(&mut body, &mut out), Err(Refusal::Chunk));
        assert_eq!(connection.phase(), Phase::Closed);
        assert_eq!(out.starts_with(b"HTTP/1.1 400 "), !begun);
    }
}

#[test]
fn a_body_that_came_whole_is_taken_once() {
    let (mut connection, mut out, mut body) = (connection(), Vec::new(), Vec::new());
    connection
        .receive(b"POST /whole HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nx yGET /next HTTP/1.1\r\n");
    assert!(matches!(connection.next_request(&mut out), Next::Request(_)));
    for _ in 0..2 {
        assert_eq!(connection.read_stream(&mut body, &mut out), Ok(true));
        assert_eq!(body, b"x y");
    }
    connection.respond(&mut out, 200, b"", b"");
    connection.receive(b"Host: a\r\n\r\n");
    assert!(matches!(connection.next_request(&mut out), Next::Request(request) if request.target == "/next"));
}
