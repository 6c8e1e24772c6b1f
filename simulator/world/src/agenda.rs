//! What is due, when, and for whom. The plain world keeps one agenda; on madsim each task keeps its own.

use bytes::Bytes;
use node::{ClientId, RequestId, Response};
pub use raft_core::{NodeId, Time};

use crate::member::Happening;
use crate::timeline::Timeline;

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
    /// An answer for a caller.
    Told(RequestId, Box<Response>),
    /// A planned fault begins.
    Begins(usize),
    /// A planned fault ends.
    Ends(usize),
    /// A member loses power, if this is still its life.
    PowerOff(NodeId, u64),
    /// A member gets power again.
    PowerOn(NodeId),
    /// Somebody comes to empty the directory that a member refuses.
    Emptied(NodeId),
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
    timeline: Timeline<(Actor, Event)>,
}

impl Agenda {
    /// Adds an event.
    pub fn add(&mut self, due: Due) {
        self.timeline.add(due.at, (due.actor, due.event));
    }

    /// When the next event is due.
    #[must_use]
    pub fn next_at(&self) -> Option<Time> {
        self.timeline.next_at()
    }

    /// Takes the next event.
    pub fn pop(&mut self) -> Option<Due> {
        let (at, (actor, event)) = self.timeline.pop()?;
        Some(Due { at, actor, event })
    }
}
