//! Alarms that members raised, for all to see.

use imbl::OrdSet;
use raft_core::NodeId;
use serde::{Deserialize, Serialize};

use super::fingerprint::{Kind, Row, Totals};
use super::rows::{self, Place, RowFault};

/// What a member can raise the alarm about; the discriminant is etcd's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum AlarmKind {
    /// Its space runs out: nothing that needs more is accepted.
    NoSpace = 1,
    /// Its state is not the others'.
    Corrupt = 2,
    /// An operator wants nothing more to be taken. Clients see it as `NoSpace`; but no member ends it, and an operator who
    /// does ends `NoSpace` too.
    ReadOnly = 3,
}

/// An alarm that is raised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Alarm {
    /// Whose.
    pub member: NodeId,
    /// About what.
    pub kind: AlarmKind,
}

impl Alarm {
    fn row(&self) -> u64 {
        let row = Row::new(Kind::Alarm).number(self.member.0);
        row.number(self.kind as u64).hash()
    }
}

/// The alarms that are raised.
#[derive(Clone, Debug, Default)]
pub(super) struct Alarms {
    raised: OrdSet<Alarm>,
    totals: Totals,
}

impl Alarms {
    /// Raises an alarm or ends it. Returns whether it was otherwise before.
    pub(super) fn set(&mut self, alarm: Alarm, raised: bool) -> bool {
        let told = Alarm {
            kind: AlarmKind::NoSpace,
            ..alarm
        };
        let ended = !raised && alarm.kind == AlarmKind::ReadOnly && self.put(told, false);
        self.put(alarm, raised) || ended
    }

    fn put(&mut self, alarm: Alarm, raised: bool) -> bool {
        let changed = if raised {
            self.raised.insert(alarm).is_none()
        } else {
            self.raised.remove(&alarm).is_some()
        };
        match (changed, raised) {
            (true, true) => self.totals.add(alarm.row(), size_of::<Alarm>()),
            (true, false) => self.totals.remove(alarm.row(), size_of::<Alarm>()),
            (false, _) => {}
        }
        changed
    }

    /// The alarms after a place, each at the place of its number: there are few.
    pub(super) fn rows(&self, after: Option<Place>) -> impl Iterator<Item = (Place, rows::Row)> {
        let given = after.map_or(0, |place| place.number);
        let rest = self
            .raised
            .iter()
            .zip(1..)
            .skip_while(move |(_, number)| *number <= given);
        rest.map(|(alarm, number)| (Place::at(number), rows::Row::Alarm(*alarm)))
    }

    /// Takes the next alarm.
    pub(super) fn load(&mut self, alarm: Alarm) -> Result<(), RowFault> {
        if self.raised.get_max().is_some_and(|last| *last >= alarm) {
            return Err(RowFault::Order);
        }
        self.put(alarm, true);
        Ok(())
    }

    /// Whether nothing that takes space is to be accepted, on whosoever's account.
    pub(super) fn refuse_more(&self) -> bool {
        let refuses = |alarm: &Alarm| matches!(alarm.kind, AlarmKind::NoSpace | AlarmKind::ReadOnly);
        self.raised.iter().any(refuses)
    }

    pub(super) fn raised(&self) -> &OrdSet<Alarm> {
        &self.raised
    }

    pub(super) fn totals(&self) -> Totals {
        self.totals
    }

    /// The totals, computed afresh.
    #[cfg(test)]
    pub(super) fn recount(&self) -> Totals {
        let mut totals = Totals::default();
        self.raised
            .iter()
            .for_each(|alarm| totals.add(alarm.row(), size_of::<Alarm>()));
        totals
    }
}
