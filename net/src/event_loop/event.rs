//! What an event loop tells its host.

use std::net::SocketAddr;

use crate::slots::ConnectionId;
use crate::stream::CloseReason;

/// A listening socket of one loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ListenerId(pub(super) usize);

/// What happened. `Accepted` or `Connected` is a connection's first event, `Closed` its last.
#[derive(Debug)]
pub enum Event {
    /// A peer connected to a listener.
    Accepted {
        /// Which.
        listener: ListenerId,
        /// The new connection.
        connection: ConnectionId,
        /// Where it comes from.
        peer: SocketAddr,
    },
    /// A connection that was dialled stands.
    Connected(ConnectionId),
    /// There is input to look at: new, or left from before `resume_reading`.
    Received(ConnectionId),
    /// The peer sends no more, but may await answers. Until the host closes it, the connection stays.
    HalfClosed(ConnectionId),
    /// Pending output fell from above [`OUTPUT_LOW_WATER_BYTES`](super::OUTPUT_LOW_WATER_BYTES) to at most that: time for more.
    Drained(ConnectionId),
    /// A connection ended without the host's doing; its buffers are gone.
    Closed {
        /// Which; stale now.
        connection: ConnectionId,
        /// Why.
        reason: CloseReason,
    },
    /// Somebody called [`Waker::wake`](crate::waker::Waker::wake).
    Woken,
}
