//! How a cluster moves: deliveries, ticks, time, and running until nothing moves or something holds.

use std::time::Duration;

use raft_core::{NodeId, Raft, Time};

use super::cluster::Cluster;
use super::disk::Manner;
use super::error::Problem;
use super::expect::Predicate;
use super::links::{Fate, Link, Selector};

/// More than any script needs; fewer than a livelock makes.
const STABILIZE_STEPS_MAX: usize = 10_000;

impl Cluster {
    /// Its deadline has come.
    pub(crate) fn tick(&mut self, id: NodeId) -> Result<(), Problem> {
        self.raft(id)?;
        if let Some(deadline) = self.member(id)?.deadline() {
            self.now = self.now.max(deadline);
        }
        self.say(id, "tick")?;
        self.turn(id, Raft::tick)
    }

    /// Its election deadline has come, whatever else was due before.
    pub(crate) fn campaign(&mut self, id: NodeId) -> Result<(), Problem> {
        let raft = self.raft(id)?;
        if raft.is_leader() || !raft.log_membership().is_voter(id) {
            return Err(Problem::NoCampaign(id));
        }
        let deadline = raft.election_deadline();
        self.now = self.now.max(self.member(id)?.clock.when(deadline));
        self.say(id, "tick")?;
        self.turn(id, Raft::tick)?;
        let raft = self.raft(id)?;
        if raft.is_pre_candidate() || raft.is_candidate() || raft.is_leader() {
            Ok(())
        } else {
            Err(Problem::NoCampaign(id))
        }
    }

    /// Time passes, and every deadline on the way is kept, the earliest first.
    pub(crate) fn wait(&mut self, span: Duration) -> Result<(), Problem> {
        let end = self.now.after(span);
        while let Some((deadline, id)) = self.next_deadline()
            && deadline <= end
        {
            self.tick(id)?;
            if self.member(id)?.deadline().is_some_and(|next| next <= self.now) {
                return Err(Problem::DeadlineStuck(id));
            }
        }
        self.now = self.now.max(end);
        Ok(())
    }

    /// Who is to be ticked next.
    pub(super) fn next_deadline(&self) -> Option<(Time, NodeId)> {
        let due = |(&id, member): (&NodeId, &super::member::Member)| Some((member.deadline()?, id));
        self.members.iter().filter_map(due).min()
    }

    /// The message reaches its end; at a node that is down it is lost.
    pub(crate) fn deliver(&mut self, id: (Link, u64)) -> Result<(), Problem> {
        if self.links.is_cut(id.0) {
            return Err(Problem::Cut(id.0.to_string()));
        }
        let line = self.links.line;
        // Nobody is where a member was named that no line made.
        let is_down = self
            .members
            .get(&id.0.to)
            .is_none_or(|member| member.raft.is_none());
        let fate = if is_down {
            Fate::Down { line }
        } else {
            Fate::Delivered { line }
        };
        let Some(flight) = self.links.take(id, fate) else {
            return Err(Problem::NothingUnderWay(id.0.to_string()));
        };
        let (from, to) = (flight.envelope.from, flight.envelope.to);
        let name = flight.envelope.message.name();
        if is_down {
            self.trace.down(to, format!(": {flight} {name} is lost"));
            return Ok(());
        }
        let term = flight.envelope.term;
        let other_term = if term == self.raft(to)?.term() {
            String::new()
        } else {
            format!(" t{term}")
        };
        self.say(to, format!("<- n{from}#{} {name}{other_term}", flight.number))?;
        self.turn(to, |raft, now| raft.receive(now, flight.envelope))
    }

    /// One save or delivery; false if nothing moves. Links that are cut or held, stalled disks and clocks stand still.
    fn step(&mut self) -> Result<bool, Problem> {
        let works = |manner| matches!(manner, Manner::Auto | Manner::Manual);
        let saving = self
            .members
            .iter()
            .find(|(_, member)| member.saving.is_some() && works(member.disk.manner));
        let snapshot = self
            .members
            .iter()
            .find(|(_, member)| !member.saving_snapshots.is_empty() && works(member.disk.manner));
        if let Some((&id, _)) = saving {
            self.saved(id)?;
        } else if let Some((&id, _)) = snapshot {
            self.saved_snapshot(id)?;
        } else if let Some(&id) = self.links.select(&Selector::default()).first() {
            self.deliver(id)?;
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    /// Saves and deliveries until nothing moves.
    pub(crate) fn stabilize(&mut self) -> Result<(), Problem> {
        for _ in 0..STABILIZE_STEPS_MAX {
            if !self.step()? {
                return Ok(());
            }
        }
        Err(Problem::Restless(STABILIZE_STEPS_MAX))
    }

    /// Saves and deliveries, and when nothing moves the next deadline, until all of it holds.
    pub(crate) fn until(&mut self, predicates: &[Predicate], steps_max: u64) -> Result<(), Problem> {
        for _ in 0..steps_max {
            if predicates.iter().all(|predicate| predicate.holds(self)) {
                return Ok(());
            }
            if !self.step()? {
                let Some((_, id)) = self.next_deadline() else {
                    break;
                };
                self.tick(id)?;
            }
        }
        match predicates.iter().find(|predicate| !predicate.holds(self)) {
            Some(predicate) => predicate.check(self),
            None => Ok(()),
        }
    }
}
