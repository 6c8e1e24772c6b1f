//! One thread's sockets: readiness in, events and buffers out. The only file that names `mio::Poll`.
//!
//! A host's turn:
//!
//! ```text
//! loop {
//!     event_loop.wait(timeout, &mut events)?;
//!     for event in events.drain(..) { /* read input(..), append to output(..) */ }
//!     event_loop.flush();
//! }
//! ```
//!
//! # Nothing is lost, nobody starves, nothing spins
//!
//! The poll tells of readiness once, at its edge. It is remembered until the socket says "would block", and each connection
//! and listener gets a budget per turn. What is left over goes on the list `ready`, and the next `wait` does not sleep.
//! It cannot go on for ever, since each visit to a connection ends in one of these ways:
//!
//! | visit ends in | then |
//! |---|---|
//! | would block, short read, end of stream | not readable, or not writable: off the list until the next edge |
//! | budget spent | bytes moved; the peer has to send or take that many again |
//! | reading paused, too much output pending, or input not consumed | off the list; `resume_reading`, draining or `flush` puts it back |
//! | error | removed |
//!
//! A listener is visited until nobody waits, its connections are as many as it may have, or the turn's budget is
//! spent; for want of descriptors it rests, until some connection closes or half a second has passed.
//!
//! # Ends
//!
//! * The peer shuts its side: `HalfClosed`. The host answers what it still owes, then calls `close_after_flush`.
//! * The connection breaks, cannot be made, or its output grows past bounds: `Closed`.
//! * The host calls `close` or `close_after_flush`: the id is stale at once, and no event names it any more.

use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};

use crate::buffer::Buffer;
use crate::listener::{Listener, Place};
use crate::slots::Slots;
use crate::stream::{SCRATCH_BYTES, Stream};
use crate::waker::Waker;

mod event;
mod turn;

pub use event::{Event, ListenerId};

pub use crate::output::OUTPUT_LOW_WATER_BYTES;
pub use crate::slots::ConnectionId;
pub use crate::stream::{
    CloseReason, INPUT_BYTES_MAX, OUTPUT_BYTES_MAX, OUTPUT_HIGH_WATER_BYTES, READ_PER_TURN_BYTES,
};

/// Connections accepted per listener and turn.
pub const ACCEPTS_PER_TURN: usize = 64;
/// How long a closing connection may stay without its peer taking any output, or after all was sent.
pub const CLOSING_STALL_MAX: Duration = Duration::from_secs(5);
/// Readiness taken from the poll per turn; the rest comes with the next.
const POLLED_PER_TURN: usize = 1024;

const WAKER: Token = Token(usize::MAX);
/// A listener's token is its number with this bit, which connections leave clear.
const LISTENER_BIT: usize = 1 << (usize::BITS - 1);
const _: () = assert!(usize::BITS >= 64, "a connection's number is a token");

/// A connection on its way from the loop that accepted it to the one that will serve it.
#[derive(Debug)]
pub struct Moving {
    socket: TcpStream,
    place: Place,
}

/// Sockets, their buffers and their readiness.
#[derive(Debug)]
pub struct EventLoop {
    poll: Poll,
    polled: Events,
    waker: Waker,
    listeners: Vec<Listener>,
    streams: Slots<Stream>,
    /// Connections with readiness left over, each once (`Stream::queued`).
    ready: Vec<ConnectionId>,
    /// Connections whose buffers the host may have changed since the last flush, each once (`Stream::dirty`).
    dirty: Vec<ConnectionId>,
    /// When to look whether a closing connection may stay, in order of time. Ids may be stale.
    closing: VecDeque<(Instant, ConnectionId)>,
    /// What happened and is not reported yet.
    found: Vec<Event>,
    /// Where bytes are read to, before they go to their connection's buffer: idle connections hold no memory for input.
    scratch: Vec<u8>,
}

impl EventLoop {
    /// A loop without sockets.
    ///
    /// # Errors
    ///
    /// The operating system's.
    pub fn new() -> io::Result<EventLoop> {
        let poll = Poll::new()?;
        let waker = Waker::new(mio::Waker::new(poll.registry(), WAKER)?);
        Ok(EventLoop {
            poll,
            polled: Events::with_capacity(POLLED_PER_TURN),
            waker,
            listeners: Vec::new(),
            streams: Slots::new(),
            ready: Vec::new(),
            dirty: Vec::new(),
            closing: VecDeque::new(),
            found: Vec::new(),
            scratch: vec![0; SCRATCH_BYTES],
        })
    }

    /// A handle with which other threads wake this loop.
    #[must_use]
    pub fn waker(&self) -> Waker {
        self.waker.clone()
    }

    /// Listens at an address, until the loop is dropped; returns the address bound, which tells the port chosen for
    /// port 0. At most `connections_max` of its connections are open at once; more wait in the kernel's queue.
    ///
    /// # Errors
    ///
    /// The operating system's, such as an address in use.
    pub fn listen(
        &mut self,
        address: SocketAddr,
        connections_max: usize,
    ) -> io::Result<(ListenerId, SocketAddr)> {
        let mut socket = TcpListener::bind(address)?;
        let bound = socket.local_addr()?;
        let number = self.listeners.len();
        self.poll
            .registry()
            .register(&mut socket, Token(LISTENER_BIT | number), Interest::READABLE)?;
        self.listeners
            .push(Listener::new(socket, connections_max, self.waker()));
        Ok((ListenerId(number), bound))
    }

    /// Starts to connect to an address. `Connected` or `Closed` will follow.
    ///
    /// # Errors
    ///
    /// What the operating system knows at once, such as no route or no descriptor.
    pub fn connect(&mut self, address: SocketAddr) -> io::Result<ConnectionId> {
        let socket = TcpStream::connect(address)?;
        self.register(Stream::dialled(socket))
    }

    /// Lets go of a connection that was just accepted, so that another loop may serve it; `None` if it is gone. Here its id
    /// is stale at once.
    ///
    /// # Panics
    ///
    /// If something was read from it or written to it.
    pub fn release(&mut self, connection: ConnectionId) -> Option<Moving> {
        self.live(connection)?;
        let mut stream = self.streams.remove(connection)?;
        // What cannot be taken out of this poll another one cannot take either.
        self.poll.registry().deregister(stream.socket_mut()).ok()?;
        let (socket, place) = stream.into_parts();
        Some(Moving { socket, place })
    }

    /// Serves a connection that another loop has let go of.
    ///
    /// # Errors
    ///
    /// The operating system's, if this loop's poll has no room; the connection is closed then.
    pub fn adopt(&mut self, moving: Moving) -> io::Result<ConnectionId> {
        self.register(Stream::accepted(moving.socket, moving.place))
    }

    /// Sleeps until something happens, at most `timeout`, and replaces `events` by what did. There may be none.
    ///
    /// # Errors
    ///
    /// If the operating system cannot wait, which leaves nothing to be done with the loop.
    pub fn wait(&mut self, timeout: Option<Duration>, events: &mut Vec<Event>) -> io::Result<()> {
        let called = self.waker.before_sleep();
        let timeout = if called {
            Some(Duration::ZERO)
        } else {
            self.sleep_max(timeout)
        };
        let result = self.poll.poll(&mut self.polled, timeout);
        if self.waker.after_sleep() {
            self.found.push(Event::Woken);
        }
        match result {
            Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error),
            Err(_) => {}
            Ok(()) => self.note_readiness(),
        }
        self.serve_ready();
        self.accept();
        self.end_closing();
        events.clear();
        events.append(&mut self.found);
        Ok(())
    }

    /// What was received and not consumed; `None` if the connection is gone.
    pub fn input(&mut self, connection: ConnectionId) -> Option<&mut Buffer> {
        self.visit(connection).map(|stream| &mut stream.input)
    }

    /// Where to append output, which [`EventLoop::flush`] sends; `None` if the connection is gone. Only append: what is
    /// in it may be preceded by what the socket has not taken yet.
    pub fn output(&mut self, connection: ConnectionId) -> Option<&mut Vec<u8>> {
        self.visit(connection).map(Stream::output)
    }

    /// Input and output at once, for machines that answer what they read.
    pub fn buffers(&mut self, connection: ConnectionId) -> Option<(&mut Buffer, &mut Vec<u8>)> {
        self.visit(connection).map(Stream::buffers)
    }

    /// Bytes of output not taken by the socket yet; 0 if the connection is gone.
    #[must_use]
    pub fn pending(&self, connection: ConnectionId) -> usize {
        self.streams.get(connection).map_or(0, Stream::pending)
    }

    /// Whether any connection, a closing one too, has output that its socket has not taken yet. Looks at all of them.
    #[must_use]
    pub fn has_output(&self) -> bool {
        self.streams.values().any(|stream| stream.pending() > 0)
    }

    /// How many connections accepted by a listener are open.
    #[must_use]
    pub fn open(&self, listener: ListenerId) -> usize {
        self.listeners[listener.0].open()
    }

    /// Sends the output that was appended since the last flush: one write per connection, unless its socket is full.
    /// What goes wrong is told by the next `wait`.
    pub fn flush(&mut self) {
        let mut dirty = std::mem::take(&mut self.dirty);
        for connection in dirty.drain(..) {
            if let Some(stream) = self.streams.get_mut(connection) {
                stream.dirty = false;
                let result = stream.flush();
                self.settle(connection, result);
            }
        }
        self.dirty = dirty;
    }

    /// Reads no more from a connection until [`EventLoop::resume_reading`]; what is in its input stays.
    pub fn pause_reading(&mut self, connection: ConnectionId) {
        if let Some(stream) = self.live(connection) {
            stream.pause();
        }
    }

    /// Reads again. Input that is there already is announced by another `Received`.
    pub fn resume_reading(&mut self, connection: ConnectionId) {
        if let Some(stream) = self.live(connection) {
            stream.resume();
            self.queue_if_ready(connection);
        }
    }

    /// Closes a connection at once; output that was not taken is lost.
    pub fn close(&mut self, connection: ConnectionId) {
        if self.live(connection).is_some() {
            self.remove(connection);
        }
    }

    /// Closes a connection once its output is sent. Input is thrown away from now on.
    pub fn close_after_flush(&mut self, connection: ConnectionId) {
        if let Some(stream) = self.live(connection) {
            stream.start_closing();
            let result = stream.flush();
            self.closing
                .push_back((Instant::now() + CLOSING_STALL_MAX, connection));
            self.settle(connection, result);
        }
    }

    /// How long to sleep at most: not at all if there is work.
    fn sleep_max(&self, timeout: Option<Duration>) -> Option<Duration> {
        if !self.found.is_empty() || !self.ready.is_empty() {
            return Some(Duration::ZERO);
        }
        let closing = self
            .closing
            .front()
            .map(|(at, _)| at.saturating_duration_since(Instant::now()));
        let accepting = self.listeners.iter().filter_map(Listener::due_in);
        timeout.into_iter().chain(closing).chain(accepting).min()
    }

    /// A live connection whose buffers the host is about to change: the next flush looks after it.
    fn visit(&mut self, connection: ConnectionId) -> Option<&mut Stream> {
        let stream = self
            .streams
            .get_mut(connection)
            .filter(|stream| stream.is_live())?;
        if !std::mem::replace(&mut stream.dirty, true) {
            self.dirty.push(connection);
        }
        Some(stream)
    }

    /// A connection that the host still knows.
    fn live(&mut self, connection: ConnectionId) -> Option<&mut Stream> {
        self.streams.get_mut(connection).filter(|stream| stream.is_live())
    }

    fn register(&mut self, mut stream: Stream) -> io::Result<ConnectionId> {
        let registry = self.poll.registry();
        self.streams.insert_with(|id| {
            let token = Token(id.number() as usize);
            registry.register(
                stream.socket_mut(),
                token,
                Interest::READABLE | Interest::WRITABLE,
            )?;
            Ok(stream)
        })
    }

    fn remove(&mut self, connection: ConnectionId) {
        let Some(mut stream) = self.streams.remove(connection) else {
            return;
        };
        // Closing the socket would do; an error here changes nothing.
        let _ = self.poll.registry().deregister(stream.socket_mut());
        // Its place is free before the listeners look again.
        drop(stream);
        for listener in &mut self.listeners {
            listener.stop_resting();
        }
    }
}

#[cfg(test)]
mod tests;
