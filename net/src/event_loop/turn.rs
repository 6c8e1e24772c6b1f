//! One turn: from what the poll says to what happened.

use std::io;
use std::time::{Duration, Instant};

use log::debug;
use mio::Token;
use mio::net::TcpStream;
use rustix::net::sockopt;

use super::{ACCEPTS_PER_TURN, CLOSING_STALL_MAX, Event, EventLoop, LISTENER_BIT, ListenerId, WAKER};
use crate::slots::ConnectionId;
use crate::stream::{CloseReason, Served, Stream};

/// How long the other end of an accepted connection may say nothing before the kernel asks whether it is still there.
const KEEP_ALIVE_IDLE: Duration = Duration::from_secs(30);
/// How long it waits for an answer before it asks again.
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(10);
/// After how many questions without an answer the connection is broken.
const KEEP_ALIVE_PROBES: u32 = 3;

impl EventLoop {
    /// Remembers what the poll told.
    pub(super) fn note_readiness(&mut self) {
        for event in &self.polled {
            match event.token() {
                // Its call is seen in the waker itself.
                WAKER => {}
                Token(token) if token & LISTENER_BIT != 0 => {
                    self.listeners[token & !LISTENER_BIT].set_ready()
                }
                Token(token) => {
                    let connection = ConnectionId::from_number(token as u64);
                    // A connection removed since may still be told of.
                    if let Some(stream) = self.streams.get_mut(connection) {
                        stream.note(event);
                        if !std::mem::replace(&mut stream.queued, true) {
                            self.ready.push(connection);
                        }
                    }
                }
            }
        }
    }

    /// Visits every connection with readiness once.
    pub(super) fn serve_ready(&mut self) {
        let mut ready = std::mem::take(&mut self.ready);
        for connection in ready.drain(..) {
            if let Some(stream) = self.streams.get_mut(connection) {
                stream.queued = false;
                let result = stream.serve(&mut self.scratch);
                self.settle(connection, result);
            }
        }
        // What is left over for the next turn goes back into the list that has the room.
        ready.append(&mut self.ready);
        self.ready = ready;
    }

    /// Accepts who waits, within each listener's room and budget.
    pub(super) fn accept(&mut self) {
        for number in 0..self.listeners.len() {
            for _ in 0..ACCEPTS_PER_TURN {
                let Some((socket, peer, place)) = self.listeners[number].accept() else {
                    break;
                };
                let registered = socket
                    .set_nodelay(true)
                    .and_then(|()| keep_alive(&socket))
                    .and_then(|()| self.register(Stream::accepted(socket, place)));
                match registered {
                    Ok(connection) => {
                        let listener = ListenerId(number);
                        self.found.push(Event::Accepted {
                            listener,
                            connection,
                            peer,
                        });
                    }
                    // The peer is gone already, or epoll is out of memory: this connection is lost, the next may not be.
                    Err(error) => debug!("an accepted connection is of no use: {error}"),
                }
            }
        }
    }

    /// Closing connections that make no progress are removed.
    pub(super) fn end_closing(&mut self) {
        if self.closing.is_empty() {
            return;
        }
        let now = Instant::now();
        while let Some(&(at, connection)) = self.closing.front()
            && at <= now
        {
            self.closing.pop_front();
            match self.streams.get_mut(connection).map(Stream::may_stay) {
                None => {}
                Some(true) => self.closing.push_back((now + CLOSING_STALL_MAX, connection)),
                Some(false) => self.remove(connection),
            }
        }
    }

    /// Reports what a visit did, and puts the connection where it belongs.
    pub(super) fn settle(&mut self, connection: ConnectionId, result: Result<Served, CloseReason>) {
        let served = match result {
            Ok(served) => served,
            Err(reason) => {
                if self.live(connection).is_some() {
                    self.found.push(Event::Closed { connection, reason });
                }
                return self.remove(connection);
            }
        };
        let happened = [
            (served.connected, Event::Connected(connection)),
            (served.received, Event::Received(connection)),
            (served.half_closed, Event::HalfClosed(connection)),
            (served.drained, Event::Drained(connection)),
        ];
        let happened = happened.into_iter().filter(|(did, _)| *did);
        self.found.extend(happened.map(|(_, event)| event));
        if served.done {
            self.remove(connection);
        } else {
            self.queue_if_ready(connection);
        }
    }

    /// Lists a connection for the next turn if it can go on at once.
    pub(super) fn queue_if_ready(&mut self, connection: ConnectionId) {
        if let Some(stream) = self.streams.get_mut(connection)
            && stream.has_work()
            && !std::mem::replace(&mut stream.queued, true)
        {
            self.ready.push(connection);
        }
    }
}

/// Has the kernel notice when the other end is gone without a word: who only waits to be told something sends nothing that
/// could fail.
fn keep_alive(socket: &TcpStream) -> io::Result<()> {
    sockopt::set_socket_keepalive(socket, true)?;
    sockopt::set_tcp_keepidle(socket, KEEP_ALIVE_IDLE)?;
    sockopt::set_tcp_keepintvl(socket, KEEP_ALIVE_INTERVAL)?;
    sockopt::set_tcp_keepcnt(socket, KEEP_ALIVE_PROBES)?;
    Ok(())
}
