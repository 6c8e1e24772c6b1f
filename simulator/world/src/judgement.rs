//! The checks of a run as a whole, once it is over.

use node::AutoCompaction;
use raft_core::{Index, Time};

use crate::call::Call;
use crate::check::liveness::Standing;
use crate::check::{self, Violation};
use crate::client::Client;
use crate::operation::Operation;
use crate::probes::Probe;
use crate::seat::Seat;
use crate::world::{OPERATIONS_MIN, World};

impl World {
    /// Judges the run.
    pub(crate) fn judge(&mut self) -> Result<(), Violation> {
        let works_from = Time(self.settings.storm + self.settings.recovery());
        if self.nobody_can_be_named() {
            self.probes.met(Probe::NobodyNamed);
            return self.judge_history();
        }
        self.judge_repairs()?;
        let members = self.seats.iter().map(|(&id, seat)| match seat.node() {
            Some(node) => (id, Standing::Running(node)),
            None => (id, Standing::Down),
        });
        let is_excused = |operation: &Operation| {
            let repair = &self.seats[&operation.member].repair;
            repair.meets(operation.called, operation.returned)
        };
        check::liveness::check(&self.history, members, works_from, &self.jumps, is_excused)
            .map_err(|story| Violation::new("liveness", story))?;
        let running = self.seats.iter();
        let running = running.filter_map(|(&id, seat)| Some((id, seat.node()?)));
        self.checks.divergence.judge(running, works_from)?;
        self.judge_quiet(works_from)?;
        self.judge_space()?;
        self.judge_retention(works_from)?;
        self.judge_stores(works_from)?;
        self.judge_history()?;
        let succeeded = self
            .history
            .iter()
            .filter(|operation| operation.succeeded())
            .count();
        if succeeded * 2 < self.history.len() || self.history.len() < OPERATIONS_MIN {
            let story = format!("{succeeded} of {} operations succeeded", self.history.len());
            return Err(Violation::new("enough succeeds", story));
        }
        Ok(())
    }

    /// Once all works, it works well.
    fn judge_quiet(&self, works_from: Time) -> Result<(), Violation> {
        if !self.checks.divergence.never_was() {
            // Who is named hands over the lead.
            return Ok(());
        }
        let quiet = check::quiet::Quiet {
            since: works_from.max(self.whole_since),
            led_since: self.led_since,
            timeout: u64::try_from(self.settings.election_timeout.as_micros()).expect("seconds"),
            askers: self.clients(),
            log_bytes_max: self.settings.log_bytes_max,
        };
        let nodes = self
            .seats
            .iter()
            .filter_map(|(&id, seat)| Some((id, seat.node()?)));
        quiet.check(&self.history, nodes)
    }

    /// History that is compacted without being asked goes in time.
    fn judge_retention(&mut self, works_from: Time) -> Result<(), Violation> {
        let quiet_since = works_from.max(self.whole_since).max(self.led_since);
        let judged = self.checks.retention.judge(self.now, quiet_since);
        judged.map_err(|error| Violation::new("history goes when it need not be kept", error))?;
        let compactions = self.checks.retention.compactions();
        self.probes.add(
            match self.settings.auto_compaction {
                AutoCompaction::Revisions(_) => Probe::CompactedByNumber,
                _ => Probe::CompactedByAge,
            },
            compactions,
        );
        Ok(())
    }

    /// Whether a state differs while no majority is left that knows better, because the others are far behind: a limit that
    /// ARCHITECTURE.md states. Nobody answers then until an operator decides; nothing that is answered may be wrong.
    fn nobody_can_be_named(&self) -> bool {
        let Some(wrong) = self.checks.divergence.differs() else {
            return false;
        };
        let applied: Vec<Index> = self
            .seats
            .iter()
            .filter(|(id, _)| **id != wrong)
            .filter_map(|(_, seat)| Some(seat.node()?.applied().index))
            .collect();
        let newest = applied.iter().max();
        let know_better = applied.iter().filter(|index| Some(*index) == newest).count();
        know_better * 2 <= self.seats.len()
    }

    /// What clients were told, whatever came of it.
    fn judge_history(&self) -> Result<(), Violation> {
        let pending = self.clients.iter().filter_map(Client::pending);
        let history: Vec<Operation> = self.history.iter().copied().chain(pending).collect();
        let believed = |operation: Operation| self.checks.divergence.believed(operation);
        let history: Vec<Operation> = history.into_iter().map(believed).collect();
        check::history(&history)
    }

    /// What callers were told, leases, and the state in the end.
    fn judge_stores(&mut self, works_from: Time) -> Result<(), Violation> {
        let model = self.checks.model();
        let excused = |call: &Call| {
            let jumped = check::liveness::is_jumped(&self.jumps, call.member, call.called, call.returned);
            jumped || self.seats[&call.member].repair.meets(call.called, call.returned)
        };
        let mut calm = self.calls.iter().filter(|call| call.called >= works_from);
        if let Some(failed) = calm.find(|call| !call.succeeded() && !excused(call)) {
            let story = format!("a call failed although no fault was about: {failed}");
            return Err(Violation::new("liveness", story));
        }
        let believed = |call: &&Call| self.checks.divergence.believes(call);
        let calls: Vec<Call> = self.calls.iter().filter(believed).cloned().collect();
        check::once::check(&calls, model, &mut self.probes)
            .map_err(|story| Violation::new("a named write is done once", story))?;
        check::calls::check(&calls, model, &mut self.probes)
            .map_err(|story| Violation::new("the stores are one history", story))?;
        let leads = |seat: &&Seat| seat.node().is_some_and(|node| node.raft().is_leader());
        let leader = self.seats.values().find(leads);
        let led_since = leader.map(|_| self.led_since);
        let pending = self.callers.iter().filter_map(|caller| caller.pending().cloned());
        let all: Vec<Call> = self.calls.iter().cloned().chain(pending).collect();
        check::leases::check(&all, model, self.now, led_since)
            .map_err(|story| Violation::new("leases last as long as they should", story))?;
        if let Some(seat) = leader {
            let (node, wall) = (seat.node().expect("it leads"), seat.wall(self.now));
            check::model::compare(model, node, wall)
                .map_err(|story| Violation::new("the state is what the log makes of it", story))?;
        }
        self.probes.add(Probe::LeaseExpired, model.expired.len() as u64);
        self.probes.add(Probe::FileExpired, model.temporary.ended);
        let renewed = |call: &&Call| check::leases::is_renewal(call);
        let renewed = self.calls.iter().filter(renewed).count() as u64;
        self.probes.add(Probe::LeaseRenewed, renewed);
        Ok(())
    }
}
