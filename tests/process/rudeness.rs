//! HTTP as it is not meant to be, over real sockets.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};

use net::http::client::{Ask, Client};

use crate::cluster::{Answer, PATIENCE, Server, get_v2, get_v3, put_v2, read_answer, until};

fn connect(server: &Server) -> TcpStream {
    let stream = TcpStream::connect(server.client).expect("a connection");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    stream.set_nodelay(true).expect("no delay");
    stream
}

/// A client that has asked so many things, for reading their answers.
fn client_of(asked: &[&str]) -> Client {
    let mut client = Client::new("balsa");
    for method in asked {
        client.request(
            &mut Vec::new(),
            Ask {
                method,
                target: "/",
                head_lines: b"",
                body: b"",
            },
        );
    }
    client
}

/// Sends bytes as they are and reads one answer.
fn send(stream: &mut TcpStream, bytes: &[u8]) -> Answer {
    stream.write_all(bytes).expect("the server takes it");
    read_answer(stream, &mut client_of(&["GET"])).expect("an answer")
}

/// What is left until the server closes.
fn rest(stream: &mut TcpStream) -> Vec<u8> {
    let mut rest = Vec::new();
    match stream.read_to_end(&mut rest) {
        Err(error) if error.kind() != ErrorKind::ConnectionReset => panic!("{error}"),
        _ => rest,
    }
}

#[test]
fn http2_is_told_and_closed() {
    let server = Server::start("alone");
    let mut stream = connect(&server);
    stream
        .write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0")
        .expect("the server takes it");
    rest(&mut stream);
    server.log().wait_for("gRPC is not served yet");
    assert_eq!(server.log().lines_with("gRPC is not served yet").len(), 1);
    put_v2(&mut server.http(), "still", "here").expect("a write");
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let server = Server::start("alone");
    let mut stream = connect(&server);
    let mut client = Client::new("balsa");
    let mut bytes = Vec::new();
    for number in 0..200 {
        let target = format!("/v2/keys/k{number}");
        let body = format!("value={number}");
        let head_lines = b"Content-Type: application/x-www-form-urlencoded\r\n";
        client.request(
            &mut bytes,
            Ask {
                method: "PUT",
                target: &target,
                head_lines,
                body: body.as_bytes(),
            },
        );
        client.request(
            &mut bytes,
            Ask {
                method: "GET",
                target: &target,
                head_lines: b"",
                body: b"",
            },
        );
    }
    let mut writer = stream.try_clone().expect("a clone");
    let sender = std::thread::spawn(move || writer.write_all(&bytes));
    for number in 0..200 {
        for action in ["set", "get"] {
            let json = read_answer(&mut stream, &mut client).expect("an answer").json();
            assert_eq!(
                (&json["action"], &json["node"]["value"]),
                (&action.into(), &number.to_string().into())
            );
        }
    }
    sender.join().expect("no panic").expect("all was sent");
}

#[test]
fn any_number_of_empty_streams_may_be_pipelined() {
    const STREAMS: usize = 20_000;
    for threads in ["--client-threads=0", "--client-threads=1"] {
        let mut server = Server::new("alone");
        server.args(&[threads]).restart();
        let mut stream = connect(&server);
        let mut writer = stream.try_clone().expect("a clone");
        let request = "POST /v3/lease/keepalive HTTP/1.1\r\nHost: a\r\n\r\n";
        let sender = std::thread::spawn(move || writer.write_all(request.repeat(STREAMS).as_bytes()));
        let mut client = client_of(&["POST"; STREAMS]);
        for number in 0..STREAMS {
            let answer = read_answer(&mut stream, &mut client)
                .unwrap_or_else(|error| panic!("{threads}, {number}: {error}"));
            assert_eq!((answer.status, answer.text().as_str()), (200, ""));
        }
        sender.join().expect("no panic").expect("all was sent");
    }
}

#[test]
fn a_body_may_come_in_chunks() {
    let server = Server::start("alone");
    let mut stream = connect(&server);
    let head = "POST /v3/kv/put HTTP/1.1\r\nHost: balsa\r\nTransfer-Encoding: chunked\r\n\r\n";
    let mut request = head.to_owned();
    for piece in [r#"{"key":"Y2h1"#, r#"bms=","va"#, r#"lue":"Zm9v"}"#] {
        request += &format!("{:x};ext=1\r\n{piece}\r\n", piece.len());
    }
    request += "0\r\nTrailer: x\r\n\r\n";
    assert_eq!(send(&mut stream, request.as_bytes()).status, 200);
    assert_eq!(
        get_v3(&mut server.http(), "chunk").expect("a read").0.as_deref(),
        Some("foo")
    );
    let broken = send(&mut stream, format!("{head}zz\r\n").as_bytes());
    assert_eq!(broken.status, 400, "{broken:?}");
    assert_eq!(rest(&mut stream), b"");
}

#[test]
fn a_body_may_wait_to_be_asked_for() {
    let server = Server::start("alone");
    let mut stream = connect(&server);
    let head = "PUT /v2/keys/asked HTTP/1.1\r\nHost: balsa\r\nContent-Type: application/x-www-form-urlencoded\r\n\
                Content-Length: 9\r\nExpect: 100-continue\r\n\r\n";
    stream.write_all(head.as_bytes()).expect("the server takes it");
    let mut interim = [0; 25];
    stream.read_exact(&mut interim).expect("an interim answer");
    assert_eq!(interim, *b"HTTP/1.1 100 Continue\r\n\r\n");
    assert_eq!(send(&mut stream, b"value=yes").status, 201);
    // One that would be too large is refused before it is sent.
    let head = "PUT /v2/keys/asked HTTP/1.1\r\nHost: balsa\r\nContent-Length: 99999999\r\nExpect: 100-continue\r\n\r\n";
    let refused = send(&mut stream, head.as_bytes());
    assert!(refused.status == 413 && refused.last, "{refused:?}");
    assert_eq!(
        get_v2(&mut server.http(), "asked", false)
            .expect("a read")
            .0
            .as_deref(),
        Some("yes")
    );
}

#[test]
fn a_client_that_has_said_all_still_gets_its_answer() {
    let server = Server::start("alone");
    for number in 0..50 {
        let mut stream = connect(&server);
        let value = format!("value={number}");
        let request = format!(
            "PUT /v2/keys/half HTTP/1.1\r\nHost: balsa\r\nContent-Type: application/x-www-form-urlencoded\r\n\
             Content-Length: {}\r\n\r\n{value}GET /v2/keys/half HTTP/1.1\r\nHost: balsa\r\n\r\n",
            value.len()
        );
        stream.write_all(request.as_bytes()).expect("the server takes it");
        stream.shutdown(Shutdown::Write).expect("half a connection");
        let mut client = client_of(&["PUT", "GET"]);
        let first = read_answer(&mut stream, &mut client).expect("an answer to the write");
        assert!(matches!(first.status, 200 | 201), "{first:?}");
        let second = read_answer(&mut stream, &mut client).expect("an answer to the read");
        assert_eq!(second.json()["node"]["value"], number.to_string());
        assert_eq!(rest(&mut stream), b"", "then the server closes, too");
    }
}

#[test]
fn one_byte_at_a_time_is_a_request_too() {
    let server = Server::start("alone");
    let mut stream = connect(&server);
    let body = r#"{"key":"c2xvdw==","value":"MQ=="}"#;
    let length = body.len();
    let request =
        format!("POST /v3/kv/put HTTP/1.1\r\nHost: balsa\r\nContent-Length: {length}\r\n\r\n{body}");
    let (last, others) = request.as_bytes().split_last().expect("a request has bytes");
    for (sent, byte) in others.iter().enumerate() {
        stream.write_all(&[*byte]).expect("the server takes it");
        if sent % 16 == 0 {
            // Others are served meanwhile, and the bytes do not meet in one segment.
            put_v2(&mut server.http(), "other", "1").expect("a write");
        }
    }
    let answer = send(&mut stream, &[*last]);
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(
        get_v3(&mut server.http(), "slow").expect("a read").0.as_deref(),
        Some("1")
    );
}

#[test]
fn what_is_too_large_or_malformed_is_refused_and_changes_nothing() {
    let server = Server::start("alone");
    put_v2(&mut server.http(), "before", "1").expect("a write");
    let long = "x".repeat(100_000);
    let host = "Host: balsa\r\n";
    let refused = [
        (
            431,
            format!("GET /version HTTP/1.1\r\n{host}X-Long: {long}\r\n\r\n"),
        ),
        (
            414,
            format!("GET /v2/keys/{} HTTP/1.1\r\n{host}\r\n", &long[..40_000]),
        ),
        (
            413,
            format!("PUT /v2/keys/before HTTP/1.1\r\n{host}Content-Length: 99999999\r\n\r\nvalue=2"),
        ),
        (411, "PUT /v2/keys/before HTTP/1.0\r\n\r\n".to_owned()),
        (400, "GET\r\n\r\n".to_owned()),
        (400, "GET /version HTTP/1.1\r\n\r\n".to_owned()),
        (
            400,
            format!(
                "PUT /v2/keys/before HTTP/1.1\r\n{host}Content-Length: 7\r\nContent-Length: 8\r\n\r\nvalue=2x"
            ),
        ),
        (
            400,
            format!("PUT /v2/keys/before HTTP/1.1\r\n{host}Content-Length: -7\r\n\r\nvalue=2"),
        ),
        (505, format!("GET /version HTTP/3.7\r\n{host}\r\n")),
        (400, "\0\x01\x02 garbage \u{7f}\r\n\r\n".to_owned()),
    ];
    for (status, request) in refused {
        let mut stream = connect(&server);
        let shown = &request[..request.len().min(80)];
        // A refusal may come before all is sent.
        let _ = stream.write_all(request.as_bytes());
        let answer =
            read_answer(&mut stream, &mut client_of(&["GET"])).unwrap_or_else(|e| panic!("{shown}: {e}"));
        assert!(answer.status == status && answer.last, "{shown}: {answer:?}");
        assert!(!answer.body.is_empty(), "{shown}: no word on why");
    }
    let (value, index) = get_v2(&mut server.http(), "before", true).expect("a read");
    assert_eq!(value.as_deref(), Some("1"));
    assert_eq!(
        put_v2(&mut server.http(), "after", "1").expect("a write"),
        index + 1,
        "nothing was written"
    );
}

#[test]
fn bad_calls_are_answered_in_the_form_of_their_api() {
    let server = Server::start("alone");
    let mut http = server.http();
    let v3 = http
        .post("/v3/kv/put", r#"{"key":"not base64!"}"#)
        .expect("an answer");
    assert_eq!((v3.status, &v3.json()["code"]), (400, &3.into()), "{v3:?}");
    let v3 = http.post("/v3/kv/put", r#"{"key""#).expect("an answer");
    assert_eq!((v3.status, &v3.json()["code"]), (400, &3.into()), "{v3:?}");
    let v3 = http.post("/v3/auth/enable", "{}").expect("an answer");
    assert_eq!((v3.status, &v3.json()["code"]), (501, &12.into()), "{v3:?}");
    let v2 = http.get("/v2/keys/a?recursive=perhaps").expect("an answer");
    assert_eq!((v2.status, &v2.json()["errorCode"]), (400, &209.into()), "{v2:?}");
    let v2 = http.delete("/v2/keys/nothing").expect("an answer");
    assert_eq!((v2.status, &v2.json()["errorCode"]), (404, &100.into()), "{v2:?}");
    let v2 = http.ask("PATCH", "/v2/keys/a", "", b"").expect("an answer");
    assert!(v2.status == 405 && v2.header("allow").is_some(), "{v2:?}");
    let lost = http.get("/nowhere").expect("an answer");
    assert_eq!((lost.status, lost.text().as_str()), (404, "404 page not found\n"));
}

#[test]
fn clients_that_vanish_leave_no_trace() {
    let server = Server::start("alone");
    for number in 0..200 {
        let mut stream = connect(&server);
        let request =
            format!("PUT /v2/keys/gone{number} HTTP/1.1\r\nHost: balsa\r\nContent-Length: 7\r\n\r\nvalue=1");
        // In the middle of the head, of the body, or while the answer is on its way.
        let cut = [20, request.len() - 3, request.len()][number % 3];
        stream
            .write_all(&request.as_bytes()[..cut])
            .expect("the server takes it");
    }
    until("their descriptors are free", || {
        let descriptors =
            std::fs::read_dir(format!("/proc/{}/fd", server.id())).expect("a process has descriptors");
        put_v2(&mut server.http(), "here", "1").expect("a write");
        descriptors.count() < 50
    });
}
