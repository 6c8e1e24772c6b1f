//! Faults that are made of others, one after the other; those of time; and where those of the network befall.

use raft_core::{NodeId, Time};

use crate::agenda::{Actor, Event};
use crate::choices::PerMillion;
use crate::faults::{Fault, Planned, Shape, Who};
use crate::world::World;

impl World {
    /// A member falls behind; then it alone is linked to all others but one, which may have led.
    pub(crate) fn constrain(&mut self, victim: NodeId, ends: Time) {
        let others: Vec<NodeId> = self.members().into_iter().filter(|&id| id != victim).collect();
        if others.len() < 2 {
            return;
        }
        let first = self.choices.pick(&others);
        let half = Time(self.now.0 + (ends.0 - self.now.0) / 2);
        self.befalls(Planned {
            begins: self.now,
            ends: half,
            fault: Fault::Isolate {
                who: Who::This(first),
                held: false,
            },
        });
        self.befalls(Planned {
            begins: half,
            ends,
            fault: Fault::Links {
                who: Who::This(victim),
                first: Some(first),
                shape: Shape::Constrained,
                held: false,
            },
        });
    }

    /// Some members are clogged, one after another, and come back in another order.
    pub(crate) fn swizzle(&mut self, ends: Time) {
        let third = (ends.0 - self.now.0) / 3;
        for id in self.members() {
            if !self.choices.happens(PerMillion(600_000)) {
                continue;
            }
            let begins = self.now.0 + self.choices.below(third + 1);
            let ends = ends.0 - self.choices.below(third + 1);
            self.befalls(Planned {
                begins: Time(begins),
                ends: Time(ends),
                fault: Fault::Isolate {
                    who: Who::This(id),
                    held: true,
                },
            });
        }
    }

    /// A member does nothing for a while, with its clocks or without; or somebody sets its wall clock.
    pub(crate) fn tamper_with_time(&mut self, victim: NodeId, planned: &Planned) {
        let now = self.now;
        let seat = self.seats.get_mut(&victim).expect("a member");
        if !matches!(planned.fault, Fault::WallClock(..)) {
            seat.busy_until = planned.ends;
        }
        let Some(member) = &mut seat.member else { return };
        match planned.fault {
            Fault::Sleep(_) => member.clock().stand_still(now, planned.ends),
            Fault::WallClock(_, by_ms) => member.clock().put_wall(by_ms * 1_000_000),
            _ => {}
        }
    }

    /// A member's disk has room for so many bytes more, and it may have to start with that.
    pub(crate) fn fills(&mut self, victim: NodeId, (bytes, restarts): (u64, bool), ends: Time) {
        let seat = &self.seats[&victim];
        seat.disk.limit(Some(bytes));
        if restarts {
            let life = seat.life;
            let at = Time(self.choices.between(self.now.0, ends.0));
            self.add(at, Actor::Faults, Event::PowerOff(victim, life));
        }
    }

    /// Between whom foul weather is: everywhere, which is told by no pairs; of one or to one; or one way between two.
    pub(crate) fn some_pairs(&mut self) -> Vec<(NodeId, NodeId)> {
        let members = self.members();
        let one = self.choices.pick(&members);
        let others = members.into_iter().filter(|&id| id != one);
        let mut pairs: Vec<(NodeId, NodeId)> = match self.choices.below(6) {
            0 => others.map(|other| (one, other)).collect(),
            1 => others.map(|other| (other, one)).collect(),
            2 => others.flat_map(|other| [(one, other), (other, one)]).collect(),
            _ => Vec::new(),
        };
        if self.choices.happens(PerMillion(300_000)) {
            pairs.truncate(1);
        }
        pairs
    }

    /// One more fault than was planned.
    fn befalls(&mut self, planned: Planned) {
        let number = self.plan.len();
        self.plan.push(planned);
        self.add(planned.begins, Actor::Faults, Event::Begins(number));
        self.add(planned.ends, Actor::Faults, Event::Ends(number));
    }
}
