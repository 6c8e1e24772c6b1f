//! Real sockets on the loopback device. Nothing sleeps: each test waits for events, and fails if they do not come in time.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream as Client};

use rustix::net::sockopt;

use super::*;

mod exhaustion;
mod moving;
mod peers;

const PATIENCE: Duration = Duration::from_secs(20);
/// Long enough that whatever is on its way over loopback has come.
const QUIET: Duration = Duration::from_millis(200);

/// A loop with one listener.
struct Server {
    event_loop: EventLoop,
    listener: ListenerId,
    address: SocketAddr,
}

impl Server {
    fn new(connections_max: usize) -> Server {
        let mut event_loop = EventLoop::new().expect("a loop");
        let any_port = ([127, 0, 0, 1], 0).into();
        let (listener, address) = event_loop.listen(any_port, connections_max).expect("a port");
        assert_ne!(address.port(), 0);
        Server {
            event_loop,
            listener,
            address,
        }
    }

    fn client(&self) -> Client {
        let client = Client::connect(self.address).expect("connected");
        client.set_read_timeout(Some(PATIENCE)).expect("set");
        client
    }

    /// Connects a client; both ends.
    fn pair(&mut self) -> (Client, ConnectionId) {
        let client = self.client();
        let connection = self.until("a connection", |event| match event {
            Event::Accepted { connection, .. } => Some(*connection),
            _ => None,
        });
        (client, connection)
    }

    /// Waits until an event is found; drops the others.
    fn until<T>(&mut self, what: &str, mut find: impl FnMut(&Event) -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        let mut events = Vec::new();
        let mut found = None;
        while found.is_none() {
            let left = deadline.checked_duration_since(Instant::now());
            let left = left.unwrap_or_else(|| panic!("{what} did not come"));
            self.event_loop.wait(Some(left), &mut events).expect("waited");
            found = events.iter().find_map(&mut find);
        }
        found.expect("found")
    }

    /// Takes turns until so many accepted connections are open; returns what happened.
    fn until_open(&mut self, open: usize) -> Vec<Event> {
        let deadline = Instant::now() + PATIENCE;
        let mut all = Vec::new();
        let mut events = Vec::new();
        while self.event_loop.open(self.listener) != open {
            let left = deadline.checked_duration_since(Instant::now());
            let left = left.unwrap_or_else(|| panic!("never {open} open: {all:?}"));
            self.event_loop.wait(Some(left), &mut events).expect("waited");
            all.append(&mut events);
        }
        all
    }

    fn until_received(&mut self, connection: ConnectionId) {
        self.until("input", |event| {
            matches!(event, Event::Received(c) if *c == connection).then_some(())
        });
    }

    /// Waits until the connection has received these bytes, and takes them.
    fn expect_input(&mut self, connection: ConnectionId, bytes: &[u8]) {
        while self.event_loop.input(connection).expect("open").len() < bytes.len() {
            self.until_received(connection);
        }
        let input = self.event_loop.input(connection).expect("open");
        assert!(input.take(bytes.len()) == bytes);
        assert!(input.is_empty());
    }

    fn send(&mut self, connection: ConnectionId, bytes: &[u8]) {
        self.event_loop
            .output(connection)
            .expect("open")
            .extend_from_slice(bytes);
        self.event_loop.flush();
    }

    /// Everything that happens until it is quiet, and how many turns that took.
    fn settle(&mut self) -> (Vec<Event>, usize) {
        let mut all = Vec::new();
        let mut events = Vec::new();
        let mut turns = 0;
        loop {
            let before = Instant::now();
            self.event_loop.wait(Some(QUIET), &mut events).expect("waited");
            turns += 1;
            if events.is_empty() && before.elapsed() >= QUIET {
                return (all, turns);
            }
            all.append(&mut events);
            assert!(turns < 100_000, "the loop spins");
        }
    }
}

#[test]
fn bytes_go_both_ways() {
    let mut server = Server::new(10);
    let (mut client, connection) = server.pair();
    client.write_all(b"question").expect("written");
    server.expect_input(connection, b"question");
    server.send(connection, b"answer");
    let mut answer = [0; 6];
    client.read_exact(&mut answer).expect("read");
    assert_eq!(&answer, b"answer");
    assert_eq!(server.event_loop.pending(connection), 0);
    assert_eq!(server.event_loop.open(server.listener), 1);
}

#[test]
fn a_quiet_loop_sleeps() {
    let mut server = Server::new(10);
    let (_client, connection) = server.pair();
    server.send(connection, b"answer");
    let (events, turns) = server.settle();
    assert!(events.is_empty(), "{events:?}");
    assert!(turns <= 3, "{turns} turns for nothing");
}

#[test]
fn another_thread_wakes_the_loop_and_calls_count_once() {
    let mut server = Server::new(10);
    let waker = server.event_loop.waker();
    waker.wake();
    waker.wake();
    let (events, _) = server.settle();
    assert!(matches!(events[..], [Event::Woken]), "{events:?}");

    let thread = std::thread::spawn(move || waker.wake());
    server.until("the call", |event| matches!(event, Event::Woken).then_some(()));
    thread.join().expect("joined");
}

#[test]
fn no_call_of_another_thread_is_lost() {
    use std::sync::atomic::{AtomicUsize, Ordering};
    const CALLS: usize = 20_000;
    let mut server = Server::new(10);
    let waker = server.event_loop.waker();
    let given = std::sync::Arc::new(AtomicUsize::new(0));
    let giver = given.clone();
    let thread = std::thread::spawn(move || {
        for _ in 0..CALLS {
            giver.fetch_add(1, Ordering::SeqCst);
            waker.wake();
        }
    });
    // What was given before a call must be seen after the Woken of that call, and so the last one too.
    server.until("the last call", |event| {
        (matches!(event, Event::Woken) && given.load(Ordering::SeqCst) == CALLS).then_some(())
    });
    thread.join().expect("joined");
}

#[test]
fn a_peer_that_shut_its_side_still_gets_its_answer() {
    let mut server = Server::new(10);
    let (mut client, connection) = server.pair();
    client.write_all(b"question").expect("written");
    client.shutdown(Shutdown::Write).expect("shut");
    server.until("the end", |event| {
        matches!(event, Event::HalfClosed(c) if *c == connection).then_some(())
    });
    assert_eq!(
        server.event_loop.input(connection).expect("open").as_slice(),
        b"question"
    );
    let (events, turns) = server.settle();
    assert!(events.is_empty() && turns <= 2, "the end is told once");

    let answer = vec![7; 3 << 20];
    server
        .event_loop
        .output(connection)
        .expect("open")
        .extend_from_slice(&answer);
    server.event_loop.close_after_flush(connection);
    assert!(server.event_loop.output(connection).is_none(), "stale at once");
    let reader = std::thread::spawn(move || {
        let mut got = Vec::new();
        client.read_to_end(&mut got).expect("read");
        got
    });
    let events = server.until_open(0);
    assert!(events.is_empty(), "{events:?}");
    assert!(reader.join().expect("joined") == answer);
}

#[test]
fn last_words_reach_a_peer_that_still_sends() {
    let mut server = Server::new(10);
    let (mut client, connection) = server.pair();
    let sender = client.try_clone().expect("cloned");
    client.write_all(b"question").expect("written");
    server.until_received(connection);
    let flood = std::thread::spawn(move || {
        let mut sender = sender;
        for _ in 0..64 {
            sender
                .write_all(&[1; 64 * 1024])
                .expect("the connection is not reset");
        }
        sender.shutdown(Shutdown::Write).expect("shut");
    });
    server
        .event_loop
        .output(connection)
        .expect("open")
        .extend_from_slice(b"too long");
    server.event_loop.close_after_flush(connection);
    let events = server.until_open(0);
    assert!(events.is_empty(), "{events:?}");
    flood.join().expect("joined");
    let mut got = Vec::new();
    client.read_to_end(&mut got).expect("read");
    assert_eq!(got, b"too long");
}

#[test]
fn a_closing_connection_whose_peer_stays_is_removed_in_the_end() {
    let mut server = Server::new(10);
    let (_client, connection) = server.pair();
    server.event_loop.close_after_flush(connection);
    assert_eq!(server.event_loop.open(server.listener), 1);
    let deadline = Instant::now() + PATIENCE;
    let mut turns = 0;
    while server.event_loop.open(server.listener) > 0 {
        assert!(Instant::now() < deadline, "never removed");
        server.event_loop.wait(None, &mut Vec::new()).expect("waited");
        turns += 1;
    }
    assert!(turns <= 4, "{turns} turns for one timer");
}

#[test]
fn a_vanished_peer_is_told_once_and_its_id_is_stale() {
    let mut server = Server::new(10);
    let (client, connection) = server.pair();
    server.event_loop.pause_reading(connection);
    // Input that the client leaves unread makes its end send a reset when it closes.
    server.send(connection, b"unread");
    client.peek(&mut [0; 1]).expect("it came");
    drop(client);
    let (events, _) = server.settle();
    assert!(
        matches!(events[..], [Event::Closed { connection: c, reason: CloseReason::Failed(_) }] if c == connection),
        "{events:?}"
    );
    assert!(server.event_loop.input(connection).is_none());
    assert!(server.event_loop.buffers(connection).is_none());
    assert_eq!(server.event_loop.pending(connection), 0);
    server.event_loop.close(connection);
    server.event_loop.close_after_flush(connection);
    server.event_loop.resume_reading(connection);
    server.event_loop.flush();

    let (mut client, next) = server.pair();
    assert_ne!(next, connection);
    assert!(
        server.event_loop.output(connection).is_none(),
        "a stale id never hits a new connection"
    );
    client.write_all(b"hello").expect("written");
    server.expect_input(next, b"hello");
}

#[test]
fn writing_to_a_vanished_peer_closes() {
    let mut server = Server::new(10);
    let (client, connection) = server.pair();
    drop(client);
    server.until("the end", |event| {
        matches!(event, Event::HalfClosed(_)).then_some(())
    });
    let reason = loop {
        // The first write is answered by a reset, a later one fails or the poll tells.
        if let Some(output) = server.event_loop.output(connection) {
            output.extend_from_slice(b"answer");
        }
        server.event_loop.flush();
        let (events, _) = server.settle();
        let closed = events.into_iter().find_map(|event| match event {
            Event::Closed { reason, .. } => Some(reason),
            _ => None,
        });
        if let Some(reason) = closed {
            break reason;
        }
    };
    assert!(matches!(reason, CloseReason::Failed(_)), "{reason}");
}

#[test]
fn nothing_is_read_while_paused_and_all_of_it_after() {
    let mut server = Server::new(10);
    let (mut client, connection) = server.pair();
    client.write_all(b"first").expect("written");
    server.until_received(connection);
    server.event_loop.pause_reading(connection);
    client.write_all(b"second").expect("written");
    let (events, turns) = server.settle();
    assert!(events.is_empty() && turns <= 3, "{events:?} in {turns} turns");
    assert_eq!(
        server.event_loop.input(connection).expect("open").as_slice(),
        b"first"
    );
    server.event_loop.resume_reading(connection);
    server.until_received(connection);
    assert_eq!(
        server.event_loop.input(connection).expect("open").as_slice(),
        b"firstsecond"
    );

    server.event_loop.pause_reading(connection);
    server.event_loop.resume_reading(connection);
    server.until_received(connection);
}

#[test]
fn who_takes_no_answers_is_not_read_from() {
    let mut server = Server::new(10);
    let (mut client, connection) = server.pair();
    // More than loopback's buffers take, so that it is left above the mark.
    let answer = vec![7; 32 << 20];
    server.send(connection, &answer);
    assert!(server.event_loop.pending(connection) > OUTPUT_HIGH_WATER_BYTES);
    client.write_all(b"more").expect("written");
    let (events, turns) = server.settle();
    assert!(events.is_empty() && turns <= 4, "{events:?} in {turns} turns");

    let reader = std::thread::spawn(move || {
        let mut got = vec![0; 32 << 20];
        client.read_exact(&mut got).expect("read");
        (client, got)
    });
    let mut missing = 2;
    server.until("more input and the drain", |event| {
        missing -= usize::from(matches!(event, Event::Received(_) | Event::Drained(_)));
        (missing == 0).then_some(())
    });
    // The drain is told while a little is left.
    let mut events = Vec::new();
    while server.event_loop.pending(connection) > 0 {
        server
            .event_loop
            .wait(Some(PATIENCE), &mut events)
            .expect("waited");
    }
    let (_client, got) = reader.join().expect("joined");
    assert!(got == answer);
    assert_eq!(
        server.event_loop.input(connection).expect("open").as_slice(),
        b"more"
    );
}

#[test]
fn drained_is_told_even_if_the_socket_took_all_at_once() {
    let mut server = Server::new(10);
    let (_client, connection) = server.pair();
    server.send(connection, &vec![0; OUTPUT_LOW_WATER_BYTES]);
    assert!(server.settle().0.is_empty(), "the mark was not passed");
    server.send(connection, &vec![0; OUTPUT_LOW_WATER_BYTES + 1]);
    assert!(matches!(server.settle().0[..], [Event::Drained(c)] if c == connection));
}

#[test]
fn output_past_all_bounds_closes() {
    let mut server = Server::new(10);
    let (_client, connection) = server.pair();
    server.send(connection, &vec![0; OUTPUT_BYTES_MAX + (64 << 20)]);
    let (events, _) = server.settle();
    assert!(
        matches!(
            events[..],
            [Event::Closed {
                reason: CloseReason::OutputLimit,
                ..
            }]
        ),
        "{events:?}"
    );
}

#[test]
fn one_busy_client_does_not_starve_the_rest() {
    let mut server = Server::new(10);
    let (mut busy, first) = server.pair();
    let (mut modest, second) = server.pair();
    let flood = std::thread::spawn(move || while busy.write_all(&[1; 64 * 1024]).is_ok() {});
    let mut events = Vec::new();
    let mut flooded = 0;
    while flooded < 8 * READ_PER_TURN_BYTES {
        server
            .event_loop
            .wait(Some(PATIENCE), &mut events)
            .expect("waited");
        let input = server.event_loop.input(first).expect("open");
        assert!(
            input.len() <= READ_PER_TURN_BYTES + SCRATCH_BYTES,
            "more than its share in a turn"
        );
        flooded += input.len();
        input.consume(input.len());
    }
    modest.write_all(b"me too").expect("written");
    let deadline = Instant::now() + PATIENCE;
    while server.event_loop.input(second).expect("open").is_empty() {
        assert!(Instant::now() < deadline, "starved");
        server
            .event_loop
            .wait(Some(PATIENCE), &mut events)
            .expect("waited");
        let input = server.event_loop.input(first).expect("open");
        input.consume(input.len());
        server.event_loop.flush();
    }
    server.event_loop.close(first);
    flood.join().expect("joined");
}

#[test]
fn long_input_comes_whole_through_many_turns() {
    let mut server = Server::new(10);
    let (mut client, connection) = server.pair();
    let bytes: Vec<u8> = (0..5_000_000_u32).map(|number| (number % 251) as u8).collect();
    let sent = bytes.clone();
    let sender = std::thread::spawn(move || {
        client.write_all(&sent).expect("written");
        client.shutdown(Shutdown::Write).expect("shut");
        client
    });
    server.until("the end", |event| {
        matches!(event, Event::HalfClosed(_)).then_some(())
    });
    assert!(server.event_loop.input(connection).expect("open").as_slice() == bytes);
    sender.join().expect("joined");
}

#[test]
fn dialling_nobody_is_told() {
    let mut server = Server::new(10);
    // Port 1 is given to nobody, and not chosen for anybody else's test.
    let nobody = ([127, 0, 0, 1], 1).into();
    match server.event_loop.connect(nobody) {
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionRefused),
        Ok(dialled) => {
            let (events, _) = server.settle();
            assert!(
                matches!(events[..], [Event::Closed { connection, reason: CloseReason::NotConnected(_) }]
                    if connection == dialled),
                "{events:?}"
            );
        }
    }
}

#[test]
fn a_listener_has_only_so_many_connections_and_goes_on_when_one_closes() {
    let mut server = Server::new(2);
    let (_first, connection) = server.pair();
    let (_second, _) = server.pair();
    let mut third = server.client();
    third.write_all(b"let me in").expect("written");
    let (events, turns) = server.settle();
    assert!(events.is_empty() && turns <= 3, "{events:?} in {turns} turns");
    server.event_loop.close(connection);
    let connection = server.until("the third", |event| match event {
        Event::Accepted { connection, .. } => Some(*connection),
        _ => None,
    });
    server.expect_input(connection, b"let me in");
    assert_eq!(server.event_loop.open(server.listener), 2);
}

/// In waves, so that it also passes where a process may have only 1024 descriptors.
#[test]
fn a_thousand_connections_are_dialled_and_answered() {
    const WAVE: usize = 200;
    let mut server = Server::new(WAVE);
    let mut events = Vec::new();
    for _ in 0..5 {
        let dialled: Vec<_> = (0..WAVE)
            .map(|_| server.event_loop.connect(server.address).expect("dialled"))
            .collect();
        let mut answered = 0;
        let deadline = Instant::now() + PATIENCE;
        while answered < WAVE {
            assert!(Instant::now() < deadline, "{answered} of {WAVE} answered");
            server
                .event_loop
                .wait(Some(PATIENCE), &mut events)
                .expect("waited");
            for event in events.drain(..) {
                match event {
                    Event::Connected(connection) => {
                        let number = connection.number().to_le_bytes();
                        let output = server.event_loop.output(connection).expect("open");
                        output.extend_from_slice(&number);
                    }
                    Event::Received(connection) if dialled.contains(&connection) => {
                        let input = server.event_loop.input(connection).expect("open");
                        assert_eq!(input.as_slice(), connection.number().to_le_bytes());
                        server.event_loop.close(connection);
                        answered += 1;
                    }
                    Event::Received(connection) => {
                        let (input, output) = server.event_loop.buffers(connection).expect("open");
                        output.extend_from_slice(input.as_slice());
                        input.consume(input.len());
                    }
                    Event::HalfClosed(connection) => server.event_loop.close(connection),
                    Event::Accepted { .. } => {}
                    other => panic!("{other:?}"),
                }
            }
            server.event_loop.flush();
        }
        while server.event_loop.open(server.listener) > 0 {
            assert!(Instant::now() < deadline, "not all ended");
            server
                .event_loop
                .wait(Some(PATIENCE), &mut events)
                .expect("waited");
            for event in events.drain(..) {
                if let Event::HalfClosed(connection) = event {
                    server.event_loop.close(connection);
                }
            }
        }
    }
}

#[test]
fn the_kernel_looks_after_who_only_listens() {
    let mut server = Server::new(1);
    let (_client, connection) = server.pair();
    let stream = server.event_loop.streams.get_mut(connection).expect("it is open");
    let socket = stream.socket_mut();
    let of = (
        sockopt::socket_keepalive(&*socket),
        sockopt::tcp_keepidle(&*socket),
        sockopt::tcp_keepintvl(&*socket),
        sockopt::tcp_keepcnt(&*socket),
    );
    let secs = Duration::from_secs;
    assert_eq!(of, (Ok(true), Ok(secs(30)), Ok(secs(10)), Ok(3)));
}
