//! How lives of a member begin and end: with what its disk has, and for want of power, by a failed disk, or at once because
//! what is on the disk is damaged.

use raft_core::{Mutant, NodeId};

use crate::agenda::{Actor, Event};
use crate::check::{Violation, refusal};
use crate::choices::PerMillion;
use crate::disk::{Failing, Rot};
use crate::member::{Found, Halt, Happening};
use crate::probes::Probe;
use crate::seat::ANY_LIFE;
use crate::settings::SECOND;
use crate::world::{Command, World};

impl World {
    /// A member found this on its disk and booted with it.
    pub(crate) fn has_started(&mut self, id: NodeId, found: &Found) -> Result<(), Violation> {
        let seat = self.seats.get_mut(&id).expect("a member");
        seat.repair.started(found);
        let seat = &self.seats[&id];
        let node = seat.node().expect("it has started");
        let damaged = !seat.wounds.is_empty();
        if seat.disk.is_limited() {
            self.probes.met(Probe::BootedFull);
        }
        if found.passed_over && !damaged {
            let story = format!("n{} passed over a snapshot, and its disk is whole", id.0);
            return Err(Violation::new("a whole disk is taken for whole", story));
        }
        if found.passed_over {
            self.probes.met(Probe::OlderSnapshot);
        }
        if let Some(loss) = &found.loss {
            return self.petitions(id, found, loss);
        }
        if seat.repair.impostor {
            // Nothing that it has is its own; nor is it heard.
            return Ok(());
        }
        self.checks
            .booted(found.id, found.former, &found.image, node, self.now)?;
        if damaged && found.former.is_none() {
            self.probes.met(Probe::DamageHarmless);
        }
        Ok(())
    }

    /// Power is gone, and all that was not on disk; maybe more.
    pub(crate) fn crash(&mut self, id: NodeId) {
        self.is_down(id);
        self.seats[&id].disk.crash(&mut self.choices);
        let now = self.now;
        self.trace
            .step(now, id.0, b"crash", || format!("n{} loses power", id.0));
        self.break_streams(id);
        // A process that dies leaves a system behind that closes its links; a machine that loses power does not.
        if self.choices.happens(PerMillion(500_000)) {
            self.close_links(id);
        }
    }

    /// The process is gone. The machine is not, nor is what it has in memory of the files.
    fn process_ends(&mut self, id: NodeId) {
        self.is_down(id);
        self.seats[&id].disk.restart(&mut self.choices);
        let now = self.now;
        self.trace.step(now, id.0, b"exit", || format!("n{} ends", id.0));
        self.break_streams(id);
        self.close_links(id);
    }

    pub(crate) fn is_down(&mut self, id: NodeId) {
        let now = self.now;
        let seat = self.seats.get_mut(&id).expect("every member has a seat");
        seat.member = None;
        seat.inbox.clear();
        seat.turn_due = false;
        seat.tick_due = None;
        seat.busy_until = now;
        seat.armed = false;
        seat.silent_after = None;
        seat.repair.lost = false;
        let who = seat.who;
        self.checks.is_down(now, who);
        self.befell.crashes += 1;
        self.command(Command::Kill(id));
    }

    /// The others see the links close on which a member speaks.
    pub(crate) fn close_links(&mut self, of: NodeId) {
        let who = self.seats[&of].who;
        for peer in self.members().into_iter().filter(|&peer| peer != of) {
            let takes = self.network.weather.delay.draw(&mut self.choices);
            let event = Event::Member(ANY_LIFE, Some(Happening::LinkClosed(who)));
            self.add(self.after(takes), Actor::Member(peer), event);
        }
    }

    /// A member cannot go on.
    pub(crate) fn halted(&mut self, id: NodeId, halt: Halt) -> Result<(), Violation> {
        match halt {
            Halt::PowerFailed => self.crash(id),
            Halt::DiskFailed => {
                self.probes.met(Probe::StoppedByDisk);
                if self.choices.happens(PerMillion(700_000)) {
                    self.probes.met(Probe::RestartedInMemory);
                    self.process_ends(id);
                } else {
                    self.crash(id);
                }
            }
            Halt::Refused(story) => return self.refuses(id, story),
            Halt::NoSpace(_) if self.seats[&id].repair.since.is_some() => {
                self.probes.met(Probe::RepairFull);
                self.process_ends(id);
            }
            Halt::NotTakenIn(story) => {
                self.is_named(id, &story)?;
                self.probes.met(Probe::NotTakenIn);
                self.process_ends(id);
            }
            Halt::NoSpace(story) => {
                let story = format!("n{} cannot start for want of space: {story}", id.0);
                return Err(Violation::new("the disk is enough to start and go on", story));
            }
            Halt::Broken(story) => {
                return Err(Violation::new("the disk is enough to start and go on", story));
            }
        }
        let down = self.choices.between(SECOND / 20, SECOND);
        let at = self.after(down);
        self.add(at, Actor::Faults, Event::PowerOn(id));
        Ok(())
    }

    /// What is wrong with a member's disk is told as it should be.
    pub(crate) fn is_named(&self, id: NodeId, story: &str) -> Result<(), Violation> {
        refusal::check(id, &self.seats[&id].wounds, story)
            .map_err(|error| Violation::new("what is damaged is named", error))
    }

    /// A member refuses what is on its disk. It stays down until somebody does what it says: empties the directory.
    fn refuses(&mut self, id: NodeId, story: String) -> Result<(), Violation> {
        self.is_named(id, &story)?;
        self.probes.met(Probe::DamageRefused);
        self.is_down(id);
        let now = self.now;
        self.trace.step(now, id.0, story.as_bytes(), || {
            format!("n{} refuses to start: {story}", id.0)
        });
        let seat = self.seats.get_mut(&id).expect("a member");
        seat.refused = Some(story);
        seat.repair.begins(now);
        self.emptied_soon(id);
        Ok(())
    }

    /// A member crashes, and its disk rots, unless the others need its copies.
    pub(crate) fn rots(&mut self, id: NodeId, rot: Rot) {
        self.crash(id);
        if !self.may_be_damaged(id) {
            return self.probes.met(Probe::BudgetHeld);
        }
        let seat = self.seats.get_mut(&id).expect("a member");
        let Some(wound) = seat.disk.rot(rot, &mut self.choices) else {
            return;
        };
        let now = self.now;
        self.trace.step(now, id.0, wound.file.as_bytes(), || {
            format!(
                "n{} rots: {rot:?} in {} at sector {}",
                id.0, wound.file, wound.sector
            )
        });
        seat.wounds.push(wound);
        self.budget.spend(id);
        self.probes.met(match rot {
            Rot::Bit => Probe::BitFlip,
            Rot::Unreadable => Probe::Unreadable,
            Rot::Zero => Probe::Zeroed,
            Rot::Stale => Probe::Stale,
            Rot::Misdirected => Probe::Misdirected,
            Rot::Lost => Probe::FileLost,
        });
    }

    /// An operation of a member's disk is to fail.
    pub(crate) fn fails(&mut self, id: NodeId, failing: Failing, operations: u32) {
        let dropped = self.choices.below(u64::MAX);
        let disk = &self.seats[&id].disk;
        disk.fail_after(failing, operations, dropped);
        if Mutant::SyncErrorIgnored.is(self.settings.mutant) {
            disk.hide_failures();
        }
        self.probes.met(match failing {
            Failing::Write => Probe::WriteError,
            Failing::Sync => Probe::SyncError,
        });
    }
}
