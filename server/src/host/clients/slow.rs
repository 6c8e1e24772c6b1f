//! Clients that take too long.

use std::time::Duration;

use net::event_loop::EventLoop;
use net::http::Refusal;

use super::{Client, Clients, SWEEP_EVERY, Serving};

/// How long a client may take to send one request.
const RECEIVE_MAX: Duration = Duration::from_secs(60);
/// How long a client may leave an answer untaken.
const UNTAKEN_MAX: Duration = Duration::from_secs(60);
/// How long a connection may be idle: whoever is at its other end may be gone without a word.
const IDLE_MAX: Duration = Duration::from_secs(30 * 60);

impl Clients {
    /// Ends clients that take too long to send a request, to take an answer, or to say anything: each holds a
    /// descriptor.
    pub(crate) fn sweep(&mut self, event_loop: &mut EventLoop, now: Duration) {
        if now < self.sweep_at {
            return;
        }
        self.sweep_at = now + SWEEP_EVERY;
        self.end_quiet(event_loop, now);
        let slow = |client: &Client| {
            client
                .receiving_since
                .is_some_and(|since| since + RECEIVE_MAX <= now)
        };
        let slow: Vec<_> = self
            .clients
            .iter()
            .filter(|(_, client)| slow(client))
            .map(|(&id, _)| id)
            .collect();
        for connection in slow {
            let Some(client) = self.clients.get_mut(&connection) else {
                continue;
            };
            if let Some(out) = event_loop.output(connection) {
                client.http.refuse(out, Refusal::TimedOut);
            }
            self.pump(event_loop, connection, now);
        }
    }

    fn end_quiet(&mut self, event_loop: &mut EventLoop, now: Duration) {
        let mut quiet = Vec::new();
        for (&connection, client) in &mut self.clients {
            if client.is_quiet(event_loop.pending(connection), now) {
                quiet.push(connection);
            }
        }
        for connection in quiet {
            // No event tells of what is closed here: the node hears of it now, or keeps what such a client watches.
            self.closed(connection);
            event_loop.close(connection);
        }
    }
}

impl Client {
    /// Whether it was quiet for too long, with so many bytes of output untaken now.
    fn is_quiet(&mut self, untaken: usize, now: Duration) -> bool {
        let is_waiting = match self.serving {
            Serving::Nothing => false,
            Serving::Asked(..) => true,
            Serving::Stream { .. } => untaken == 0 && !self.is_asking_nothing(),
        };
        if is_waiting || untaken < self.untaken {
            self.quiet_since = now;
        }
        self.untaken = untaken;
        let quiet_max = if untaken > 0 {
            UNTAKEN_MAX
        } else if self.is_asking_nothing() {
            RECEIVE_MAX
        } else {
            IDLE_MAX
        };
        now >= self.quiet_since + quiet_max
    }

    /// Whether it opened a stream and has not asked anything in it: what it wants never came.
    fn is_asking_nothing(&self) -> bool {
        matches!(self.serving, Serving::Stream { from, .. } if self.requests == from)
    }
}
