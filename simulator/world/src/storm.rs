//! Faults as they befall: begun, ended, and over.

use raft_core::{NodeId, Time};

use crate::agenda::{Actor, Event};
use crate::faults::{self, Active, Fault, Who};
use crate::member::Happening;
#[cfg(debug_assertions)]
use crate::member::divergence;
#[cfg(debug_assertions)]
use crate::probes::Probe;
use crate::seat::ANY_LIFE;
use crate::settings::SECOND;
use crate::world::{Command, World};

impl World {
    /// Something is due that goes wrong, or is put right.
    pub(crate) fn fault(&mut self, event: Event) {
        match event {
            Event::Begins(number) => self.begin(number),
            Event::Ends(number) => self.end(number),
            Event::PowerOff(id, life) => {
                let seat = &self.seats[&id];
                if !self.calm && seat.member.is_some() && seat.life == life {
                    self.crash(id);
                    let timeout = self.timeout();
                    let at = self.after(SECOND / 20).0 + self.choices.below(2 * timeout);
                    self.add(Time(at), Actor::Faults, Event::PowerOn(id));
                }
            }
            Event::PowerOn(id) => self.power_on(id),
            Event::Emptied(id) => self.emptied(id),
            Event::Calm => self.calm(),
            other => panic!("not a fault: {other:?}"),
        }
    }

    /// A member came to lead; somebody may be after it.
    pub(crate) fn elected(&mut self, id: NodeId) {
        self.befell.elections += 1;
        self.led_since = self.now;
        let hunt = self.active.iter().find_map(|active| match active.fault {
            Fault::Hunt { after_max, down_max } => Some((after_max, down_max)),
            _ => None,
        });
        if let Some((after_max, down_max)) = hunt {
            self.befell.faults += 1;
            let spared = self.choices.between(after_max / 4, after_max);
            let off = self.after(spared);
            let on = Time(off.0 + 1 + self.choices.below(down_max));
            // Before it is gone it falls silent. Who has nothing of former terms to commit is mute at once, so that its
            // entries are on its own disk alone; who has may tell a part of them.
            let speaks = if self.has_old_entries(id) { 8 } else { 2 };
            let silent_after = Some(self.choices.below(speaks));
            let seat = self.seats.get_mut(&id).expect("a member");
            seat.silent_after = silent_after;
            let life = seat.life;
            self.add(off, Actor::Faults, Event::PowerOff(id, life));
            self.add(on, Actor::Faults, Event::PowerOn(id));
        }
    }

    /// Whether a new leader's log holds entries of former terms that it does not know to be committed.
    fn has_old_entries(&self, id: NodeId) -> bool {
        self.seats[&id].node().is_some_and(|node| {
            // The last entry is the one of its own term.
            node.raft().last().index.previous() > node.raft().commit_index()
        })
    }

    fn begin(&mut self, number: usize) {
        let planned = self.plan[number];
        let fault = planned.fault;
        let victim = fault.who().and_then(|who| self.victim(who));
        let members: Vec<NodeId> = self.seats.keys().copied().collect();
        let cuts = fault.cuts(victim, &members, planned.ends, &mut self.choices);
        self.befell.faults += 1;
        let now = self.now;
        self.trace.step(now, 0, &(number as u64).to_le_bytes(), || {
            format!("{fault:?} befalls {} until {}", shown(victim), planned.ends.0)
        });
        let pairs = match fault.is_weather() {
            true => self.some_pairs(),
            false => Vec::new(),
        };
        fault.probe().into_iter().for_each(|probe| self.probes.met(probe));
        match (fault, victim) {
            (Fault::Crash(_), Some(victim)) => self.crash(victim),
            (Fault::Rot(_, rot), Some(victim)) => self.rots(victim, rot),
            (Fault::Wipe(_), Some(victim)) => self.wipes(victim),
            (Fault::Swap(_), Some(victim)) => self.swaps(victim),
            (
                Fault::DiskError {
                    failing, operations, ..
                },
                Some(victim),
            ) => self.fails(victim, failing, operations),
            (Fault::FullDisk { bytes, restarts, .. }, Some(victim)) => {
                self.fills(victim, (bytes, restarts), planned.ends);
            }
            (Fault::CrashAll, _) => {
                for id in members {
                    if self.seats[&id].member.is_some() {
                        self.crash(id);
                    }
                }
            }
            (Fault::CrashWhileSaving(_), Some(victim)) => {
                self.seats.get_mut(&victim).expect("a member").armed = true;
            }
            (Fault::PowerCut { operations, .. }, Some(victim)) => {
                self.seats[&victim].disk.cut_power_after(operations);
            }
            (Fault::HandOver(_), Some(victim)) => {
                let event = Event::Member(ANY_LIFE, Some(Happening::HandOver));
                self.add(now, Actor::Member(victim), event);
            }
            (Fault::LinksClose(_), Some(victim)) => self.close_links(victim),
            (Fault::Diverge(_), Some(victim)) => self.diverge(victim),
            (Fault::Constrained(_), Some(victim)) => self.constrain(victim, planned.ends),
            (Fault::Swizzle, _) => self.swizzle(planned.ends),
            (Fault::Stall(_) | Fault::Sleep(_) | Fault::WallClock(..), Some(victim)) => {
                self.tamper_with_time(victim, &planned);
            }
            _ => {}
        }
        self.active.push(Active {
            number,
            fault,
            victim,
            cuts,
            pairs,
        });
        faults::settle(&mut self.network, &self.active, &self.settings);
    }

    /// A member's state changes behind its log's back. One at a time.
    #[cfg(debug_assertions)]
    fn diverge(&mut self, victim: NodeId) {
        if !self.settings.may_diverge() || self.checks.divergence.differs().is_some() {
            return;
        }
        let command = divergence::change(&mut self.choices, self.settings.keys);
        let seat = self.seats.get_mut(&victim).expect("a member");
        let Some(member) = &mut seat.member else { return };
        let leads = member.node().raft().is_leader();
        let applied = member.node().applied().index;
        if member.diverge(command) {
            self.checks.divergence.begins(self.now, victim, applied);
            self.probes.met(Probe::Diverge);
            if leads {
                self.probes.met(Probe::DivergeLeader);
            }
        }
    }

    #[cfg(not(debug_assertions))]
    fn diverge(&mut self, _: NodeId) {}

    fn end(&mut self, number: usize) {
        let Some(place) = self.active.iter().position(|active| active.number == number) else {
            return;
        };
        let ended = self.active.remove(place);
        let now = self.now;
        self.trace
            .step(now, 0, b"ends", || format!("{:?} is over", ended.fault));
        match (ended.fault, ended.victim) {
            (Fault::Crash(_) | Fault::Rot(..) | Fault::Wipe(_), Some(victim)) => self.power_on(victim),
            (Fault::CrashAll, _) => self.power_on_all(),
            (Fault::CrashWhileSaving(_), Some(victim)) => {
                self.seats.get_mut(&victim).expect("a member").armed = false;
            }
            (Fault::PowerCut { .. }, Some(victim)) => self.seats[&victim].disk.keep_power(),
            (Fault::DiskError { .. }, Some(victim)) => self.seats[&victim].disk.fail_no_more(),
            (Fault::FullDisk { .. }, Some(victim)) => self.seats[&victim].disk.limit(None),
            (Fault::Swap(_), _) => self.swap_back(),
            (Fault::Hunt { .. }, _) => self.seats.values_mut().for_each(|seat| seat.silent_after = None),
            _ => {}
        }
        faults::settle(&mut self.network, &self.active, &self.settings);
    }

    fn calm(&mut self) {
        self.calm = true;
        self.active.clear();
        self.swap_back();
        for seat in self.seats.values_mut() {
            seat.armed = false;
            seat.silent_after = None;
            seat.disk.keep_power();
            seat.disk.fail_no_more();
            seat.disk.limit(None);
        }
        self.power_on_all();
        faults::settle(&mut self.network, &self.active, &self.settings);
        self.trace
            .step(self.now, 0, b"calm", || "all faults are over".to_owned());
    }

    fn power_on_all(&mut self) {
        let members: Vec<NodeId> = self.seats.keys().copied().collect();
        members.into_iter().for_each(|id| self.power_on(id));
    }

    pub(crate) fn power_on(&mut self, id: NodeId) {
        let seat = self.seats.get_mut(&id).expect("a member");
        if seat.refused.is_none() && seat.member.is_none() && !std::mem::replace(&mut seat.starting, true) {
            self.command(Command::Start(id));
        }
    }

    /// A running member: the newest leader if that is wanted and there is one, else any.
    fn victim(&mut self, who: Who) -> Option<NodeId> {
        let running: Vec<NodeId> = self
            .seats
            .iter()
            .filter(|(_, seat)| seat.member.is_some())
            .map(|(&id, _)| id)
            .collect();
        let leader = running
            .iter()
            .filter_map(|&id| {
                let raft = self.seats[&id].node()?.raft();
                raft.is_leader().then_some((raft.term(), id))
            })
            .max();
        match (who, leader) {
            (Who::This(id), _) => Some(id),
            (Who::Leader, Some((_, leader))) => Some(leader),
            _ if running.is_empty() => None,
            _ => Some(self.choices.pick(&running)),
        }
    }

    /// The election timeout in microseconds.
    fn timeout(&self) -> u64 {
        u64::try_from(self.settings.election_timeout.as_micros()).expect("seconds")
    }
}

fn shown(victim: Option<NodeId>) -> String {
    victim.map_or("all".to_owned(), |id| format!("n{}", id.0))
}
