//! Requests that wait, and until when.

use std::collections::{BTreeMap, BTreeSet};

use raft_core::Time;

use crate::request::{ClientId, RequestId};

/// A waiting request; counts up within one boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ticket(pub(crate) u64);

/// Whom to answer, and until when.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Waiter {
    /// None once the client is gone, and for what the node asks of itself.
    pub(crate) client: Option<(ClientId, RequestId)>,
    pub(crate) deadline: Time,
}

/// All that waits, by ticket, by deadline and by client.
#[derive(Clone, Debug, Default)]
pub(crate) struct Waiting {
    next: u64,
    waiters: BTreeMap<Ticket, Waiter>,
    deadlines: BTreeSet<(Time, Ticket)>,
    clients: BTreeMap<(ClientId, RequestId), Ticket>,
}

impl Waiting {
    /// # Panics
    /// If the same request of the same client waits already: the host reused an id.
    pub(crate) fn admit(&mut self, waiter: Waiter) -> Ticket {
        let ticket = self.draw();
        if let Some(client) = waiter.client {
            assert!(
                self.clients.insert(client, ticket).is_none(),
                "request ids are used once: {client:?}"
            );
        }
        self.deadlines.insert((waiter.deadline, ticket));
        self.waiters.insert(ticket, waiter);
        ticket
    }

    /// A number for what nobody waits for.
    pub(crate) fn draw(&mut self) -> Ticket {
        let ticket = Ticket(self.next);
        self.next += 1;
        ticket
    }

    pub(crate) fn release(&mut self, ticket: Ticket) -> Option<Waiter> {
        let waiter = self.waiters.remove(&ticket)?;
        self.deadlines.remove(&(waiter.deadline, ticket));
        if let Some(client) = waiter.client {
            self.clients.remove(&client);
        }
        Some(waiter)
    }

    /// Forgets whom to answer. Returns the tickets that nobody waits for any more.
    pub(crate) fn client_gone(&mut self, client: ClientId) -> Vec<Ticket> {
        let range = (client, RequestId(0))..=(client, RequestId(u64::MAX));
        let gone: Vec<_> = self
            .clients
            .range(range)
            .map(|(&key, &ticket)| (key, ticket))
            .collect();
        for (key, ticket) in &gone {
            self.clients.remove(key);
            self.waiters
                .get_mut(ticket)
                .expect("clients point at waiters")
                .client = None;
        }
        gone.into_iter().map(|(_, ticket)| ticket).collect()
    }

    /// The next one whose deadline has passed.
    pub(crate) fn overdue(&self, now: Time) -> Option<Ticket> {
        self.deadlines
            .first()
            .filter(|(deadline, _)| *deadline <= now)
            .map(|&(_, ticket)| ticket)
    }

    pub(crate) fn deadline(&self) -> Time {
        self.deadlines
            .first()
            .map_or(Time::NEVER, |&(deadline, _)| deadline)
    }

    pub(crate) fn len(&self) -> usize {
        self.waiters.len()
    }

    /// Everyone, in the order of their asking.
    pub(crate) fn tickets(&self) -> Vec<Ticket> {
        self.waiters.keys().copied().collect()
    }
}
