//! More connections than anybody needs, and more than there are descriptors for.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::time::Duration;

use net::http::client::{Ask, Client};

use crate::cluster::{Log, PATIENCE, Server, get_v3, put_v2, put_v3, read_answer, until};

/// Tells a process of this test that it is the crowd, and where to go.
const CROWD_AT: &str = "BALSA_TEST_CROWD_AT";
const CROWD: usize = 1000;

/// Opens connections and holds them until standard input ends.
fn be_the_crowd(address: &str) {
    let address: SocketAddr = address.parse().expect("an address");
    let connect = |_| TcpStream::connect(address).expect("a connection");
    let crowd: Vec<TcpStream> = (0..CROWD).map(connect).collect();
    println!("the crowd is here: {}", crowd.len());
    let _ = std::io::stdin().read(&mut [0]);
    // One of them wakes up after a long time.
    for mut stream in crowd.into_iter().take(1) {
        stream
            .write_all(b"GET /version HTTP/1.0\r\n\r\n")
            .expect("the server takes it");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        println!(
            "the first was told: {}",
            answer.lines().next().unwrap_or_default()
        );
    }
}

#[test]
fn a_thousand_idle_connections_disturb_nobody() {
    if let Ok(address) = std::env::var(CROWD_AT) {
        return be_the_crowd(&address);
    }
    let more_descriptors = "ulimit -n 2048 2>/dev/null || ulimit -n \"$(ulimit -Hn)\"";
    let mut server = Server::new("alone");
    server.shell(Some(more_descriptors)).restart();
    // The crowd is a process of its own: its descriptors are not to be taken from the other tests.
    let test = "crowds::a_thousand_idle_connections_disturb_nobody";
    let mut crowd = Command::new("sh")
        .args([
            "-c",
            &format!("{more_descriptors}; exec \"$0\" --exact {test} --nocapture"),
        ])
        .arg(std::env::current_exe().expect("this test has a file"))
        .env(CROWD_AT, server.client.to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("this test can be run");
    let said = Log::of(crowd.stdout.take().expect("standard output is a pipe"));
    said.wait_for(&format!("the crowd is here: {CROWD}"));

    let before = processor_ticks(&server);
    for number in 0..200 {
        let value = number.to_string();
        put_v3(&mut server.http(), "k", &value).expect("a write");
        assert_eq!(get_v3(&mut server.http(), "k").expect("a read").0, Some(value));
    }
    let ticks = processor_ticks(&server) - before;
    assert!(ticks < 200, "400 requests took {ticks} ticks of 10 ms");

    crowd
        .stdin
        .take()
        .expect("standard input is a pipe")
        .write_all(b".")
        .expect("the crowd listens");
    said.wait_for("the first was told: HTTP/1.1 200 OK");
    assert!(crowd.wait().expect("a child can be waited for").success());
    until("the crowd has left", || descriptors(&server) < 50);
}

#[test]
fn without_descriptors_it_waits_and_does_not_spin() {
    let mut server = Server::new("alone");
    server.shell(Some("ulimit -n 64")).restart();
    let mut early = server.http();
    put_v2(&mut early, "early", "1").expect("a write");

    let connect = |_| TcpStream::connect(server.client).expect("the kernel's queue has room");
    let mut crowd: Vec<TcpStream> = (0..100).map(connect).collect();
    let mut late = crowd.pop().expect("a connection");
    late.write_all(b"GET /version HTTP/1.1\r\nHost: balsa\r\n\r\n")
        .expect("the kernel takes it");

    // Nothing comes for a second, in which the server has next to nothing to do.
    let before = processor_ticks(&server);
    late.set_read_timeout(Some(Duration::from_secs(1)))
        .expect("a timeout");
    let nothing = late.read(&mut [0; 1]);
    assert!(nothing.is_err(), "it was answered, so descriptors were not short");
    let ticks = processor_ticks(&server) - before;
    assert!(ticks < 20, "{ticks} ticks of 10 ms in a second: it spins");

    // Those who are in are served, and the disk works.
    put_v2(&mut early, "early", "2").expect("a write");
    // More than the first segment holds: the journal has descriptors of its own.
    let long = "x".repeat(500_000);
    for _ in 0..12 {
        put_v2(&mut early, "long", &long).expect("a long write");
    }

    drop(crowd);
    late.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let mut answer = [0; 15];
    late.read_exact(&mut answer).expect("an answer at last");
    assert_eq!(answer, *b"HTTP/1.1 200 OK");
    put_v2(&mut server.http(), "late", "1").expect("a write of a new client");
}

#[test]
fn whoever_takes_no_answers_is_not_answered_without_end() {
    const REQUESTS: usize = 300;
    let server = Server::start("alone");
    let value = "x".repeat(400_000);
    put_v2(&mut server.http(), "long", &value).expect("a write");
    let mut client = TcpStream::connect(server.client).expect("a connection");
    let request = "GET /v2/keys/long HTTP/1.1\r\nHost: balsa\r\n\r\n";
    client.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    client
        .write_all(request.repeat(REQUESTS).as_bytes())
        .expect("short requests");

    // The others are served, and what waits for the first one stays far below the 120 MB of all its answers.
    for number in 0..50 {
        put_v2(&mut server.http(), "other", &number.to_string()).expect("a write");
    }
    let resident = resident_bytes(&server);
    assert!(
        resident < 60_000_000,
        "{resident} bytes for a client that takes nothing"
    );

    let mut answers = Client::new("balsa");
    for _ in 0..REQUESTS {
        // The parser has to know what it was asked.
        answers.request(
            &mut Vec::new(),
            Ask {
                method: "GET",
                target: "/",
                head_lines: b"",
                body: b"",
            },
        );
    }
    for _ in 0..REQUESTS {
        let answer = read_answer(&mut client, &mut answers).expect("an answer once it is taken");
        assert_eq!(answer.status, 200);
        assert!(answer.text().len() > value.len());
    }
}

fn resident_bytes(server: &Server) -> u64 {
    let status =
        std::fs::read_to_string(format!("/proc/{}/status", server.id())).expect("a process has a status");
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .expect("a resident size");
    let kib: u64 = line
        .split_whitespace()
        .next()
        .expect("a number")
        .parse()
        .expect("a number");
    kib * 1024
}

/// Processor time used so far, in ticks of 10 ms.
fn processor_ticks(server: &Server) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", server.id())).expect("a process has a stat");
    // Fields 14 and 15; the second may hold anything, up to the last parenthesis.
    let fields = stat
        .rsplit(')')
        .next()
        .expect("there is one")
        .split_whitespace()
        .skip(11);
    fields
        .take(2)
        .map(|field| field.parse::<u64>().expect("a number"))
        .sum()
}

fn descriptors(server: &Server) -> usize {
    std::fs::read_dir(format!("/proc/{}/fd", server.id()))
        .expect("a process has descriptors")
        .count()
}
