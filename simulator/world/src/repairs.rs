//! Members whose disks are damaged, and how they come back: as new ones, which the others take in. Which lives of a seat
//! are to be believed, who hears whom, and when a seat is whole again.

use raft_core::{Index, NodeId, Time};
use storage::repair;

use crate::agenda::{Actor, Event};
use crate::check::Violation;
use crate::disk::{Rot, Wound};
use crate::member::{Found, Frame, Happening, Sender};
use crate::probes::Probe;
use crate::seat::Seat;
use crate::settings::SECOND;
use crate::world::World;
use node::PeerMessage;

/// The repair of a seat's member.
#[derive(Clone, Debug, Default)]
pub(crate) struct Repair {
    /// Since when its damage is known; None if it lacks nothing.
    pub(crate) since: Option<Time>,
    /// Repairs that came to their end.
    past: Vec<(Time, Time)>,
    /// How often its disk was emptied.
    pub(crate) wiped: u64,
    /// It was told that it had another directory, and boots again.
    pub(crate) lost: bool,
    /// Its disk was emptied and it does not know: it takes itself for a founder of a new cluster. Nobody may hear it.
    pub(crate) impostor: bool,
    /// Its disk was emptied, and it has not become another one yet.
    empty: bool,
    /// It asks to be taken in, and says nothing else.
    pub(crate) asks: bool,
    /// It votes again; it lacks nothing once its disk has the entries up to here.
    whole_at: Option<Index>,
}

impl Repair {
    pub(crate) fn begins(&mut self, now: Time) {
        self.since.get_or_insert(now);
        self.whole_at = None;
    }

    /// It boots: whether as itself is told by what it found.
    pub(crate) fn started(&mut self, found: &Found) {
        self.asks = found.loss.is_some();
        // Its former directory is noted in the one that became another's.
        self.empty &= self.asks || found.former.is_none();
        self.impostor = self.empty && !self.asks;
    }

    fn ends(&mut self, now: Time) {
        let since = self.since.take().expect("what ends has begun");
        self.past.push((since, now));
        self.whole_at = None;
    }

    /// Whether it was under way at some time between two others.
    pub(crate) fn meets(&self, from: Time, to: Time) -> bool {
        self.since.is_some_and(|since| since <= to)
            || self
                .past
                .iter()
                .any(|&(begun, ended)| begun <= to && from <= ended)
    }
}

impl Seat {
    /// Whether the member that sits there is one: neither lost, nor asking.
    pub(crate) fn takes_part(&self) -> bool {
        self.member.is_some() && !self.repair.impostor && !self.repair.asks
    }
}

impl World {
    /// Whether nobody lacks anything, as far as is known.
    pub(crate) fn is_whole(&self) -> bool {
        self.swapped.is_none() && self.seats.values().all(|seat| seat.repair.since.is_none())
    }

    /// A member asks the others to take it in.
    pub(crate) fn petitions(&mut self, id: NodeId, found: &Found, loss: &str) -> Result<(), Violation> {
        self.is_named(id, loss)?;
        self.probes.met(Probe::Petition);
        let now = self.now;
        self.trace.step(now, id.0, loss.as_bytes(), || {
            format!("n{} asks to be taken in as n{}: {loss}", id.0, found.id.0)
        });
        let seat = self.seats.get_mut(&id).expect("a member");
        seat.repair.begins(now);
        if let Some(former) = found.former.filter(|_| !seat.repair.empty) {
            self.checks.fell_silent(former);
        }
        if !self.calm && self.choices.happens(self.settings.repair_crashes) {
            let operations = u32::try_from(self.choices.between(1, 100)).expect("few");
            self.seats[&id].disk.cut_power_after(operations);
            self.probes.met(Probe::RepairCut);
        }
        Ok(())
    }

    /// A member boots again, as another one or as one that asks to be: in the server without an end of its process.
    pub(crate) fn becomes(&mut self, id: NodeId, lost: bool) {
        self.is_down(id);
        self.break_streams(id);
        self.close_links(id);
        self.probes.met(match lost {
            true => Probe::NoticedLoss,
            false => Probe::TakenIn,
        });
        self.seats.get_mut(&id).expect("a member").repair.lost = lost;
        self.power_on(id);
    }

    /// A member votes again.
    pub(crate) fn repaired(&mut self, id: NodeId) {
        let seat = self.seats.get_mut(&id).expect("a member");
        if let Some(node) = seat.node() {
            let last = node.raft().last().index;
            seat.repair.whole_at = seat.repair.since.map(|_| last);
        }
    }

    /// A member's turn is over: maybe it lacks nothing any more.
    pub(crate) fn look_at_repair(&mut self, id: NodeId) {
        self.learn_who_is_known(id);
        let seat = self.seats.get_mut(&id).expect("a member");
        let Some(whole_at) = seat.repair.whole_at else {
            return;
        };
        if self.checks.last_on_disk(seat.who) < whole_at {
            return;
        }
        seat.repair.ends(self.now);
        // What was set aside is gone; a snapshot that is not sound stays until a newer one takes its place.
        let disk = &seat.disk;
        seat.wounds.retain(|wound| {
            wound.file.starts_with("snapshot") && wound.rot != Rot::Lost && disk.has(&wound.file)
        });
        self.whole_since = self.now;
        self.budget.restore(id);
        self.probes.met(Probe::Repaired);
    }

    /// When it was committed by which directory each founder is known, or that it was removed.
    fn learn_who_is_known(&mut self, id: NodeId) {
        if self.known.len() == self.seats.len() || !self.seats[&id].takes_part() {
            return;
        }
        let node = self.seats[&id].node().expect("it takes part");
        for &founder in self.seats.keys() {
            if node.data_id_of(founder).is_some() {
                self.known.entry(founder).or_insert(node.applied().index);
            }
        }
    }

    /// Whether all others know, and will know after a crash, that a member in this seat whose disk is empty is not who it
    /// takes itself for. Where one does not, nothing could keep it from hearing him: of its own knowledge, it meets a
    /// founder that starts late.
    fn is_known_by_all(&self, id: NodeId) -> bool {
        let Some(&since) = self.known.get(&id) else {
            return false;
        };
        self.seats
            .iter()
            .filter(|(other, _)| **other != id)
            .all(|(_, seat)| {
                let hears_nobody = seat.refused.is_some() || seat.repair.asks;
                hears_nobody || (!seat.repair.impostor && self.checks.commit_on_disk(seat.who) >= since)
            })
    }

    /// Whether a member's disk may be damaged now. Of a founder that nobody knows yet it stays whole: it could never be
    /// emptied, see [`is_known_by_all`](Self::is_known_by_all).
    pub(crate) fn may_be_damaged(&self, id: NodeId) -> bool {
        let has_impostor = self.seats.values().any(|seat| seat.repair.impostor);
        let is_known = self.known.contains_key(&id);
        self.budget.allows(id) && self.swapped.is_none() && !has_impostor && is_known
    }

    /// A member crashes, and its disk is emptied or replaced by an empty one.
    pub(crate) fn wipes(&mut self, id: NodeId) {
        self.crash(id);
        if !self.may_be_damaged(id) || !self.is_known_by_all(id) {
            return self.probes.met(Probe::BudgetHeld);
        }
        self.budget.spend(id);
        self.probes.met(Probe::Wiped);
        self.wipe(id);
    }

    fn wipe(&mut self, id: NodeId) {
        let now = self.now;
        self.trace
            .step(now, id.0, b"wiped", || format!("n{}'s disk is emptied", id.0));
        let seat = self.seats.get_mut(&id).expect("a member");
        seat.disk.wipe();
        seat.refused = None;
        seat.repair.begins(now);
        seat.repair.wiped += 1;
        (seat.repair.empty, seat.repair.impostor) = (true, true);
        seat.wounds = vec![Wound {
            rot: Rot::Lost,
            file: "the directory".to_owned(),
            sector: 0,
        }];
    }

    /// Somebody reads what a member says that refuses its disk, and comes.
    pub(crate) fn emptied_soon(&mut self, id: NodeId) {
        let at = self.after(SECOND / 2);
        self.add(at, Actor::Faults, Event::Emptied(id));
    }

    /// Somebody empties the directory that a member refuses, and starts it.
    pub(crate) fn emptied(&mut self, id: NodeId) {
        if self.seats[&id].refused.is_none() {
            return;
        }
        if !self.is_known_by_all(id) {
            return self.emptied_soon(id);
        }
        self.probes.met(Probe::Emptied);
        self.wipe(id);
        self.power_on(id);
    }

    /// Two members crash, and each gets the other's disk; or they get their own back.
    pub(crate) fn swaps(&mut self, id: NodeId) {
        let others: Vec<NodeId> = self.members().into_iter().filter(|&other| other != id).collect();
        if others.is_empty() || self.swapped.is_some() || !self.is_whole() || !self.budget.is_untouched() {
            return self.probes.met(Probe::BudgetHeld);
        }
        let other = self.choices.pick(&others);
        self.probes.met(Probe::Swapped);
        self.swap(id, other);
        self.swapped = Some((id, other));
    }

    /// Who has another's disk gets his own.
    pub(crate) fn swap_back(&mut self) {
        if let Some((one, other)) = self.swapped.take() {
            self.swap(one, other);
        }
    }

    fn swap(&mut self, one: NodeId, other: NodeId) {
        for id in [one, other] {
            if self.seats[&id].member.is_some() {
                self.crash(id);
            }
        }
        let mut disk = |id, disk| {
            let seat = self.seats.get_mut(&id).expect("a member");
            std::mem::replace(&mut seat.disk, disk)
        };
        let ones = disk(one, Default::default());
        let others = disk(other, ones);
        disk(one, others);
        let now = self.now;
        self.trace.step(now, one.0, b"swapped", || {
            format!("n{} and n{} have each other's disk", one.0, other.0)
        });
        for id in [one, other] {
            let down = self.choices.between(SECOND / 20, SECOND);
            self.add(self.after(down), Actor::Faults, Event::PowerOn(id));
        }
    }

    /// What a member says is what it may say.
    pub(crate) fn says(&mut self, id: NodeId, message: &PeerMessage) -> Result<(), Violation> {
        let repair = &self.seats[&id].repair;
        if repair.impostor {
            return Ok(());
        }
        if repair.asks {
            return match message.is_plea() {
                true => Ok(()),
                false => Err(Violation::new(
                    "who asks to be taken in says nothing else",
                    format!("n{}: {message:?}", id.0),
                )),
            };
        }
        self.checks.says(message)
    }

    /// Who speaks from a seat, to whom.
    pub(crate) fn sender(&self, id: NodeId, to: NodeId) -> Sender {
        let seat = &self.seats[&id];
        let member = seat.member.as_ref().expect("who speaks is there");
        Sender {
            seat: id,
            life: seat.life,
            hello: member.hello_to(to),
        }
    }

    /// Whether a member hears what came, by the rules of the hello, both ways. Who is not heard is told so.
    pub(crate) fn is_heard(&mut self, id: NodeId, frame: &Frame) -> Result<bool, Violation> {
        let Sender {
            seat: from,
            life,
            hello,
        } = frame.sender;
        let seat = self.seats.get_mut(&id).expect("every member has a seat");
        let member = seat.member.as_mut().expect("it is there");
        let (who, answer) = (member.id(), member.greeted(&hello));
        let welcome = member.hello_to(NodeId(hello.member_id));
        let is_outside = !seat.takes_part() || seat.node().is_some_and(node::Node::is_outside);
        let sender = self.seats.get_mut(&from).expect("every member has a seat");
        let is_there = sender.life == life && sender.member.is_some();
        if let Err(refusal) = answer {
            if is_there && !self.network.loses(id, from) {
                self.probes.met(Probe::HelloRefused);
                let takes = self.network.weather.delay.draw(&mut self.choices);
                let refused = Happening::Refused { by: who, refusal };
                let event = Event::Member(life, Some(refused));
                self.add(self.after(takes), Actor::Member(from), event);
            }
            return Ok(false);
        }
        if !is_there {
            // Its last words, on a link that it had. With whom everybody knows by another directory it had none.
            return Ok(!self.seats[&id].repair.impostor);
        }
        let takes_it = sender
            .member
            .as_mut()
            .is_some_and(|member| member.greeted(&welcome).is_ok());
        if takes_it && sender.repair.impostor && !is_outside {
            let story = format!("n{} hears n{}, whose disk is empty", id.0, from.0);
            return Err(Violation::new("who lost its directory is heard by nobody", story));
        }
        Ok(takes_it)
    }

    /// In the end each seat has a member that votes, and nobody else is one; nothing of a repair is left.
    pub(crate) fn judge_repairs(&self) -> Result<(), Violation> {
        let wrong = |story: String| Err(Violation::new("every member is repaired", story));
        for (id, seat) in &self.seats {
            if let Some(since) = seat.repair.since {
                return wrong(format!("n{} is not, since {since:?}", id.0));
            }
            if seat.node().is_some() && !matches!(repair::look(&seat.disk), Ok(None)) {
                return wrong(format!("n{} has the note of a repair still", id.0));
            }
        }
        let nodes = || self.seats.values().filter_map(Seat::node);
        let Some(leader) = nodes().find(|node| node.raft().is_leader()) else {
            return Ok(());
        };
        let membership = leader.raft().committed_membership();
        let seated = self.seats.values().map(|seat| seat.who).collect();
        if membership.voters != seated || membership.members() != seated {
            return wrong(format!(
                "the members are {membership:?}, and {seated:?} are there"
            ));
        }
        Ok(())
    }
}
