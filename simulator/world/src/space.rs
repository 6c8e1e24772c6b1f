//! Space that runs out in a run: what members know of it turn by turn, and what is said of it in the end.

use std::collections::BTreeSet;

use raft_core::NodeId;

use crate::check::Violation;
use crate::check::space::Seen;
use crate::probes::Probe;
use crate::world::World;

impl World {
    /// What a member that takes part knows of its space.
    pub(crate) fn look_at_space(&mut self, id: NodeId) -> Result<(), Violation> {
        let seat = &self.seats[&id];
        let Some(member) = seat.member.as_ref().filter(|_| seat.takes_part()) else {
            return Ok(());
        };
        let seen = Seen {
            id: seat.who,
            node: member.node(),
            disk: member.disk_use(),
            is_full: member.is_out_of_space(),
            is_well: seat.repair.since.is_none() && self.checks.divergence.differs().is_none(),
        };
        let met = self.checks.observe_space(self.now, &seen)?;
        met.into_iter().for_each(|probe| self.probes.met(probe));
        Ok(())
    }

    /// Whoever refused something for want of space had a reason; in the end nobody is said to lack space who is gone.
    pub(crate) fn judge_space(&mut self) -> Result<(), Violation> {
        self.checks.space.judge(&self.history, &self.calls)?;
        let seated: BTreeSet<NodeId> = self.seats.values().map(|seat| seat.who).collect();
        for (id, seat) in &self.seats {
            let mut alarms = seat.node().into_iter().flat_map(|node| node.store().alarms());
            if let Some(alarm) = alarms.find(|alarm| !seated.contains(&alarm.member)) {
                let story = format!("n{} has the alarm of n{} in the end", id.0, alarm.member.0);
                return Err(Violation::new(
                    "the alarm of a member that is replaced ends",
                    story,
                ));
            }
        }
        let ended = self.checks.model().ended_for_others;
        self.probes.add(Probe::NoSpaceOfNobody, ended);
        Ok(())
    }
}
