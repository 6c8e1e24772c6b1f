//! Accepting connections, and what to do when that fails.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use log::warn;
use mio::net::{TcpListener, TcpStream};

use crate::waker::Waker;

/// How long accepting rests after it failed for want of something, unless a connection closes before.
const REST: Duration = Duration::from_millis(500);
/// A listener complains at most this often.
const COMPLAINT_EVERY: Duration = Duration::from_secs(10);

/// What to do after `accept` failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AfterError {
    /// Nobody waits: sleep until there is news.
    Await,
    /// That one connection failed and is out of the queue: accept the next.
    Next,
    /// The queue stays as it is, so asking again at once would spin: rest.
    Rest,
}

/// What to do after this error of `accept`.
///
/// Only errors known to have taken something out of the queue are followed by another `accept` at once. All others rest:
/// running out of descriptors or memory (EMFILE, ENFILE, ENOBUFS, ENOMEM), and whatever is not known.
pub(crate) fn after_error(error: &io::Error) -> AfterError {
    match error.kind() {
        ErrorKind::WouldBlock => AfterError::Await,
        ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset | ErrorKind::Interrupted => {
            AfterError::Next
        }
        _ => AfterError::Rest,
    }
}

/// The places of a listener's connections, which may be served on other threads than the listener.
#[derive(Debug)]
struct Places {
    /// Connections that may be open at once; more wait in the kernel's queue.
    connections_max: usize,
    /// Connections accepted and still open.
    open: AtomicUsize,
    /// The listener's loop.
    waker: Waker,
}

/// The place of one open connection; free again when dropped.
#[derive(Debug)]
pub(crate) struct Place(Arc<Places>);

impl Drop for Place {
    fn drop(&mut self) {
        // SeqCst, with the listener's look at it: who fills the last place sees this one free, or is woken after it is.
        if self.0.open.fetch_sub(1, Ordering::SeqCst) == self.0.connections_max {
            self.0.waker.wake();
        }
    }
}

/// A listening socket. `ready` is remembered, since the poll tells of it only once.
#[derive(Debug)]
pub(crate) struct Listener {
    socket: TcpListener,
    places: Arc<Places>,
    /// Whether somebody may be waiting to be accepted.
    ready: bool,
    rest_until: Option<Instant>,
    complained_at: Option<Instant>,
}

impl Listener {
    pub(crate) fn new(socket: TcpListener, connections_max: usize, waker: Waker) -> Listener {
        Listener {
            socket,
            places: Arc::new(Places {
                connections_max,
                open: AtomicUsize::new(0),
                waker,
            }),
            ready: true,
            rest_until: None,
            complained_at: None,
        }
    }

    /// Accepts one connection, if there is one and there is room.
    pub(crate) fn accept(&mut self) -> Option<(TcpStream, SocketAddr, Place)> {
        while self.due_in() == Some(Duration::ZERO) {
            let error = match self.socket.accept() {
                Ok((socket, peer)) => {
                    let open = self.places.open.fetch_add(1, Ordering::SeqCst) + 1;
                    self.rest_until = None;
                    if open == self.places.connections_max {
                        self.complain(format_args!("{open} connections are open, no more are accepted"));
                    }
                    return Some((socket, peer, Place(Arc::clone(&self.places))));
                }
                Err(error) => error,
            };
            match after_error(&error) {
                AfterError::Await => self.ready = false,
                // Does not spin: each takes one out of the kernel's queue, which is short.
                AfterError::Next => warn!("a connection failed before it was accepted: {error}"),
                AfterError::Rest => {
                    self.rest_until = Some(Instant::now() + REST);
                    self.complain(format_args!("no connection can be accepted: {error}"));
                }
            }
        }
        None
    }

    /// When to accept next: zero at once, `None` when there is news.
    pub(crate) fn due_in(&self) -> Option<Duration> {
        if !self.ready || self.open() >= self.places.connections_max {
            return None;
        }
        match self.rest_until {
            None => Some(Duration::ZERO),
            Some(until) => Some(until.saturating_duration_since(Instant::now())),
        }
    }

    /// The poll says that somebody waits.
    pub(crate) fn set_ready(&mut self) {
        self.ready = true;
    }

    /// Some connection closed, so there is a descriptor again.
    pub(crate) fn stop_resting(&mut self) {
        self.rest_until = None;
    }

    /// How many connections accepted here are open.
    pub(crate) fn open(&self) -> usize {
        self.places.open.load(Ordering::SeqCst)
    }

    fn complain(&mut self, complaint: std::fmt::Arguments<'_>) {
        let now = Instant::now();
        let recently = self.complained_at.is_some_and(|at| now < at + COMPLAINT_EVERY);
        if !recently {
            self.complained_at = Some(now);
            let address = self
                .socket
                .local_addr()
                .map_or_else(|_| "?".to_owned(), |address| address.to_string());
            warn!(address:%; "{complaint}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_that_leave_the_queue_as_it_is_never_ask_again_at_once() {
        // EMFILE, ENFILE, ENOMEM, EBADF, EINVAL have these numbers everywhere.
        for errno in [24, 23, 12, 9, 22] {
            assert_eq!(
                after_error(&io::Error::from_raw_os_error(errno)),
                AfterError::Rest
            );
        }
        assert_eq!(after_error(&ErrorKind::PermissionDenied.into()), AfterError::Rest);
        assert_eq!(after_error(&io::Error::other("unheard of")), AfterError::Rest);
    }

    #[test]
    fn one_broken_connection_does_not_stop_the_rest() {
        for kind in [
            ErrorKind::ConnectionAborted,
            ErrorKind::ConnectionReset,
            ErrorKind::Interrupted,
        ] {
            assert_eq!(after_error(&kind.into()), AfterError::Next);
        }
        assert_eq!(after_error(&ErrorKind::WouldBlock.into()), AfterError::Await);
    }

    #[test]
    fn a_listener_without_news_or_room_or_after_an_error_is_not_due() {
        let socket = TcpListener::bind(([127, 0, 0, 1], 0).into()).expect("a free port");
        let waker = crate::event_loop::EventLoop::new().expect("a loop").waker();
        let mut listener = Listener::new(socket, 1, waker);
        assert_eq!(listener.due_in(), Some(Duration::ZERO));
        assert!(listener.accept().is_none(), "nobody waits");
        assert_eq!(listener.due_in(), None);

        listener.set_ready();
        listener.rest_until = Some(Instant::now() + REST);
        assert!(listener.due_in() > Some(Duration::ZERO));
        assert!(listener.accept().is_none());
        assert!(listener.ready, "the readiness is remembered");
        listener.stop_resting();
        assert_eq!(listener.due_in(), Some(Duration::ZERO));

        listener.places.open.store(1, Ordering::SeqCst);
        let place = Place(Arc::clone(&listener.places));
        assert_eq!(listener.due_in(), None);
        drop(place);
        assert_eq!(listener.due_in(), Some(Duration::ZERO));
    }
}
