//! Connections accepted by one loop and served by another.

use super::*;

/// Takes a client's connection to a loop of its own.
fn move_next(server: &mut Server, other: &mut EventLoop) -> (Client, ConnectionId) {
    let (client, connection) = server.pair();
    let moving = server
        .event_loop
        .release(connection)
        .expect("it was just accepted");
    assert!(
        server.event_loop.input(connection).is_none(),
        "it is not here any more"
    );
    (client, other.adopt(moving).expect("served there"))
}

#[test]
fn a_connection_that_moved_is_served_where_it_went() {
    let mut server = Server::new(10);
    let mut other = EventLoop::new().expect("a loop");
    let (mut client, connection) = move_next(&mut server, &mut other);
    client.write_all(b"question").expect("written");
    let mut events = Vec::new();
    let deadline = Instant::now() + PATIENCE;
    while other
        .input(connection)
        .is_none_or(|input| input.as_slice() != b"question")
    {
        assert!(Instant::now() < deadline);
        other.wait(Some(PATIENCE), &mut events).expect("waited");
    }
    other
        .output(connection)
        .expect("open")
        .extend_from_slice(b"answer");
    other.flush();
    let mut answer = [0; 6];
    client.read_exact(&mut answer).expect("answered");
    assert_eq!(&answer, b"answer");
    assert_eq!(
        server.event_loop.open(server.listener),
        1,
        "its place is its listener's"
    );
    other.close(connection);
    assert_eq!(server.event_loop.open(server.listener), 0);
}

#[test]
fn bytes_that_came_before_it_moved_are_read_after() {
    let mut server = Server::new(10);
    let mut other = EventLoop::new().expect("a loop");
    let mut client = server.client();
    client.write_all(b"early").expect("written");
    let connection = server.until("a connection", |event| match event {
        Event::Accepted { connection, .. } => Some(*connection),
        _ => None,
    });
    let moving = server.event_loop.release(connection).expect("fresh");
    let connection = other.adopt(moving).expect("served there");
    let mut events = Vec::new();
    let deadline = Instant::now() + PATIENCE;
    while !events
        .iter()
        .any(|event| matches!(event, Event::Received(id) if *id == connection))
    {
        assert!(Instant::now() < deadline);
        other.wait(Some(PATIENCE), &mut events).expect("waited");
    }
    assert_eq!(other.input(connection).expect("open").as_slice(), b"early");
}

#[test]
fn a_full_listener_goes_on_when_another_loop_closes_one() {
    let mut server = Server::new(1);
    let mut other = EventLoop::new().expect("a loop");
    let (_client, connection) = move_next(&mut server, &mut other);
    let _second = server.client();
    assert!(server.settle().0.is_empty(), "there is no place");
    let closing = std::thread::spawn(move || other.close(connection));
    server.until("the second", |event| {
        matches!(event, Event::Accepted { .. }).then_some(())
    });
    closing.join().expect("closed");
}
