//! What is due, when, and for whom. The plain world keeps one agenda; on madsim each task keeps its own.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use bytes::Bytes;
use node::ClientId;
pub use raft_core::{NodeId, Time};

use crate::member::Happening;

/// Who acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Actor {
    /// Whatever goes wrong.
    Faults,
    /// A member.
    Member(NodeId),
    /// A client.
    Client(usize),
}

/// What is due.
#[derive(Debug)]
pub enum Event {
    /// Something happens to a member in one of its lives; None: what happened while it was busy is handled now.
    Member(u64, Option<Happening>),
    /// A client's wait is over.
    Wake(u64),
    /// Bytes for a client; whether the member ended the connection after them.
    Bytes(ClientId, Bytes, bool),
    /// A client's connection broke; whether it was never accepted.
    Reset(ClientId, bool),
    /// A planned fault begins.
    Begins(usize),
    /// A planned fault ends.
    Ends(usize),
    /// A member loses power, if this is still its life.
    PowerOff(NodeId, u64),
    /// A member gets power again.
    PowerOn(NodeId),
    /// All faults are over.
    Calm,
}

/// An event with its time and actor.
#[derive(Debug)]
pub struct Due {
    /// When.
    pub at: Time,
    /// For whom.
    pub actor: Actor,
    /// What.
    pub event: Event,
}

/// Events in the order of their times; those of one time in the order they were added.
#[derive(Debug, Default)]
pub struct Agenda {
    heap: BinaryHeap<Entry>,
    added: u64,
}

#[derive(Debug)]
struct Entry {
    order: (Time, u64),
    due: Due,
}

impl Agenda {
    /// Adds an event.
    pub fn add(&mut self, due: Due) {
        self.added += 1;
        let order = (due.at, self.added);
        self.heap.push(Entry { order, due });
    }

    /// When the next event is due.
    #[must_use]
    pub fn next_at(&self) -> Option<Time> {
        self.heap.peek().map(|entry| entry.due.at)
    }

    /// Takes the next event.
    pub fn pop(&mut self) -> Option<Due> {
        self.heap.pop().map(|entry| entry.due)
    }
}

impl Ord for Entry {
    /// The heap's greatest is the earliest.
    fn cmp(&self, other: &Entry) -> Ordering {
        other.order.cmp(&self.order)
    }
}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Entry) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Entry) -> bool {
        self.order == other.order
    }
}

impl Eq for Entry {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_in_the_order_of_time_and_then_of_adding() {
        let mut agenda = Agenda::default();
        for (at, number) in [(5, 0), (3, 1), (5, 2), (1, 3), (3, 4)] {
            let event = Event::Wake(number);
            agenda.add(Due {
                at: Time(at),
                actor: Actor::Client(0),
                event,
            });
        }
        assert_eq!(agenda.next_at(), Some(Time(1)));
        let mut order = Vec::new();
        while let Some(due) = agenda.pop() {
            let Event::Wake(number) = due.event else {
                panic!("only wakes were added")
            };
            order.push((due.at.0, number));
        }
        assert_eq!(order, [(1, 3), (3, 1), (3, 4), (5, 0), (5, 2)]);
    }
}
