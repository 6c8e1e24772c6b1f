//! Who serves the clients: the node's own thread, or threads beside it. With few processors one thread does all, since
//! what it would hand to another one it does cheaper itself.

use std::io;
use std::time::Duration;

use net::event_loop::{ConnectionId, Event, EventLoop};
use node::{ClientId, Events, Input, RequestId, Response};

use super::client_threads::ClientThreads;
use super::clients::Clients;
use super::desk::Desk;
use super::metrics::HostMetrics;

/// More threads than this are of no use: the node's is the bottleneck then.
pub(crate) const CLIENT_THREADS_MAX: usize = 64;
/// As many are started by themselves at most.
const BY_ITSELF_MAX: usize = 8;

/// How many threads clients get if nobody says: none with up to two processors. The node's thread and the kernel need some
/// of the others, too.
pub(crate) fn threads_by_itself(processors: usize) -> usize {
    match processors {
        0..=2 => 0,
        more => (more / 2).min(BY_ITSELF_MAX),
    }
}

/// All clients, wherever they are served.
#[derive(Debug)]
pub(super) enum Front {
    /// In the node's loop.
    Here(Box<Clients>),
    /// Beside it.
    Threads(ClientThreads),
}

impl Front {
    /// Serves in the loop given if there are to be no threads.
    ///
    /// # Errors
    /// If the system has no thread or poll left.
    pub(super) fn start(
        threads: usize,
        identity: api::Identity,
        metrics: &HostMetrics,
        event_loop: &EventLoop,
    ) -> io::Result<Front> {
        let clients = |number| Clients::new(Desk::numbered(number), identity.clone(), metrics.clone());
        if threads == 0 {
            return Ok(Front::Here(Box::new(clients(0))));
        }
        let threads = ClientThreads::start((0..threads).map(clients), &event_loop.waker())?;
        Ok(Front::Threads(threads))
    }

    /// A client has connected.
    pub(super) fn accepted(&mut self, event_loop: &mut EventLoop, connection: ConnectionId, now: Duration) {
        match self {
            Front::Here(clients) => clients.accepted(connection, now),
            Front::Threads(threads) => {
                if let Some(moving) = event_loop.release(connection) {
                    threads.serve(moving);
                }
            }
        }
    }

    /// Something happened on a connection that is not a peer's.
    pub(super) fn take_event(&mut self, event_loop: &mut EventLoop, event: Event, now: Duration) {
        if let Front::Here(clients) = self {
            clients.take_event(event_loop, event, now);
        }
    }

    /// Appends what the clients ask.
    ///
    /// # Errors
    /// What one of the threads failed with.
    pub(super) fn take_inputs(&mut self, inputs: &mut Vec<Input>) -> io::Result<()> {
        match self {
            Front::Here(clients) => {
                inputs.extend(clients.inputs.drain(..));
                Ok(())
            }
            Front::Threads(threads) => threads.take_inputs(inputs),
        }
    }

    /// The node answers. The client may be gone.
    pub(super) fn reply(
        &mut self,
        event_loop: &mut EventLoop,
        client: ClientId,
        id: RequestId,
        response: Box<Response>,
        now: Duration,
    ) {
        match self {
            Front::Here(clients) => clients.reply(event_loop, client, id, &response, now),
            Front::Threads(threads) => threads.reply(client, id, response),
        }
    }

    /// The node tells watchers something.
    pub(super) fn tell(
        &mut self,
        event_loop: &mut EventLoop,
        to: &[(ClientId, RequestId)],
        events: Box<Events>,
        now: Duration,
    ) {
        match self {
            Front::Here(clients) => clients.tell(event_loop, to, &events, now),
            Front::Threads(threads) => threads.tell(to, events),
        }
    }

    /// The node's outputs are performed: what is for other threads goes there. Whether there is more to ask at once: an
    /// answer may have let the next request of its connection through.
    pub(super) fn end_round(&mut self) -> bool {
        match self {
            Front::Here(clients) => !clients.inputs.is_empty(),
            Front::Threads(threads) => {
                threads.hand_over();
                false
            }
        }
    }

    /// Ends clients that take too long.
    pub(super) fn sweep(&mut self, event_loop: &mut EventLoop, now: Duration) {
        if let Front::Here(clients) = self {
            clients.sweep(event_loop, now);
        }
    }

    /// When to sweep next.
    pub(super) fn deadline(&self) -> Duration {
        match self {
            Front::Here(clients) => clients.deadline(),
            Front::Threads(_) => Duration::MAX,
        }
    }

    /// From now on each answer is the last on its connection, and idle connections are closed.
    pub(super) fn close(&mut self, event_loop: &mut EventLoop, now: Duration) {
        match self {
            Front::Here(clients) => clients.close(event_loop, now),
            Front::Threads(threads) => threads.close(),
        }
    }

    /// Whether it was closed, and nobody waits for an answer.
    pub(super) fn is_done(&self) -> bool {
        match self {
            Front::Here(clients) => clients.are_answered(),
            Front::Threads(threads) => threads.are_done(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_machines_serve_clients_on_the_nodes_thread() {
        let threads: Vec<_> = (1..=6).map(threads_by_itself).collect();
        assert_eq!(threads, [0, 0, 1, 2, 2, 3]);
        assert_eq!(threads_by_itself(128), BY_ITSELF_MAX);
    }
}
