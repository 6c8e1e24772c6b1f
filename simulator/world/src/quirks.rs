//! What a host may do, and mostly does not: handle a part of what is there, or nothing yet; tick before it is time; take a
//! link for closed that is not. A node must not depend on the order or the number of turns in which it is told of things.

use std::collections::VecDeque;

use raft_core::{NodeId, Time};

use crate::agenda::{Actor, Event};
use crate::member::Happening;
use crate::probes::Probe;
use crate::world::World;

/// A part that is left waits for at most so many microseconds.
const LEFT_MAX: u64 = 5_000;

impl World {
    /// What a member handles in this turn.
    pub(crate) fn take_inbox(&mut self, id: NodeId) -> VecDeque<Happening> {
        let seat = self.seats.get_mut(&id).expect("every member has a seat");
        let mut inbox = std::mem::take(&mut seat.inbox);
        if self.calm || !self.choices.happens(self.settings.quirks) {
            return inbox;
        }
        match self.choices.below(8) {
            0..4 if !inbox.is_empty() => {
                self.probes.met(Probe::TurnSplit);
                let handled = self.choices.below(inbox.len() as u64);
                let left = inbox.split_off(usize::try_from(handled).expect("a length"));
                let at = self.now.0 + 1 + self.choices.below(LEFT_MAX);
                let seat = self.seats.get_mut(&id).expect("every member has a seat");
                seat.inbox = left;
                seat.turn_due = true;
                let life = seat.life;
                self.add(Time(at), Actor::Member(id), Event::Member(life, None));
            }
            0..7 => {
                self.probes.met(Probe::TickUnasked);
                inbox.push_front(Happening::Tick);
            }
            _ => {
                self.probes.met(Probe::LinkClosedUnasked);
                let members = self.members();
                let peer = self.choices.pick(&members);
                if peer != id {
                    let who = self.seats[&peer].who;
                    inbox.push_back(Happening::LinkClosed(who));
                }
            }
        }
        inbox
    }
}
