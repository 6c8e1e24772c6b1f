//! Space that runs out, by the quota or on a disk: whoever lacks it says so and, once there is space again, that there is; and
//! nobody refuses anything for want of space unless somebody says so.

use std::collections::{BTreeMap, BTreeSet};

use node::{DiskUse, Failure, Node};
use raft_core::{NodeId, Time};
use storage::store::alarm::{Alarm, AlarmKind};
use storage::store::command::Failure as StoreFailure;

use super::Violation;
use super::model::Model;
use crate::call::{Call, Told};
use crate::operation::{Operation, Outcome};
use crate::probes::Probe;
use crate::settings::{SECOND, Settings};

/// Once everything works, an alarm may be late by so much, in microseconds: it has to go through the log.
const LATE_MAX: u64 = 2 * SECOND;

/// What a member knows of its space when its turn is over.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// Who.
    pub id: NodeId,
    /// With its state.
    pub node: &'a Node,
    /// What its files take.
    pub disk: DiskUse,
    /// Its disk has no space for what comes next.
    pub is_full: bool,
    /// Nothing hinders it from saying what it knows.
    pub is_well: bool,
}

/// Who lacks space, and since when it is not what was said.
#[derive(Clone, Debug, Default)]
pub struct Space {
    quota: u64,
    /// As `quota`, for the files on a disk.
    files_max: u64,
    /// Until then anything may be late.
    works_from: Time,
    /// Who may refuse writes.
    refusing: BTreeSet<NodeId>,
    /// When anybody might: from, and until.
    spells: Vec<(Time, Time)>,
    /// Since when a member says something else than it should.
    wrong: BTreeMap<NodeId, Time>,
    /// Whose alarm was raised when they were last seen.
    raised: BTreeSet<NodeId>,
}

impl Space {
    /// For a run.
    #[must_use]
    pub fn of(settings: &Settings) -> Space {
        Space {
            quota: settings.quota_bytes,
            files_max: settings
                .quota_bytes
                .max(settings.snapshots.bytes_min)
                .saturating_mul(8),
            works_from: Time(settings.storm + settings.recovery()),
            ..Space::default()
        }
    }

    /// A member's turn is over. What is met in it for the first time.
    ///
    /// # Errors
    /// If it should have said by now that it lacks space, or that it has it again.
    pub fn observe(&mut self, now: Time, seen: &Seen<'_>, model: &Model) -> Result<Option<Probe>, Violation> {
        let Seen { id, node, .. } = *seen;
        let refuses = seen.is_full || node.store().refuses_more();
        // What it is about to apply may be an alarm.
        let may_refuse = refuses || node.applied().index < model.space_changed;
        self.note_refusing(now, id, may_refuse, model);
        let own = Alarm {
            member: id,
            kind: AlarmKind::NoSpace,
        };
        let is_raised = node.store().alarms().contains(&own);
        let lacks = self.lacks(seen, is_raised);
        let late = match lacks.is_some() == is_raised || !seen.is_well {
            true => {
                self.wrong.remove(&id);
                false
            }
            false => {
                let since = *self.wrong.entry(id).or_insert(now);
                now.0 > since.max(self.works_from).0 + LATE_MAX
            }
        };
        if late {
            let (size, quota, disk) = (node.store().size(), self.quota, seen.disk);
            let story = match is_raised {
                true => "has space again and does not say so",
                false => "lacks space and does not say so",
            };
            let story = format!("n{} {story}: {size} of {quota} bytes, {disk:?}", id.0);
            return Err(Violation::new("who lacks space says so, and no longer", story));
        }
        let changed = match is_raised {
            true => self.raised.insert(id),
            false => self.raised.remove(&id),
        };
        Ok(match (changed, is_raised) {
            (false, _) => None,
            (true, true) => lacks,
            (true, false) => Some(Probe::NoSpaceEnded),
        })
    }

    /// A member is gone; it refuses nothing any more.
    pub fn is_down(&mut self, now: Time, id: NodeId, model: &Model) {
        self.wrong.remove(&id);
        self.note_refusing(now, id, false, model);
    }

    /// Judges what clients and callers were told: who refused something for want of space had a reason.
    ///
    /// # Errors
    /// The first for which there was none.
    pub fn judge<'a>(
        &self,
        history: &[Operation],
        calls: impl IntoIterator<Item = &'a Call>,
    ) -> Result<(), Violation> {
        let wrong = |told: String| Err(Violation::new("only who lacks space refuses writes", told));
        let refused = |operation: &&Operation| operation.outcome == Outcome::NoSpace;
        let mut operations = history.iter().filter(refused);
        if let Some(operation) =
            operations.find(|operation| !self.lacked(operation.called, operation.returned))
        {
            return wrong(operation.to_string());
        }
        for call in calls {
            if is_refused(call) && !self.lacked(call.called, call.returned) {
                return wrong(call.to_string());
            }
        }
        Ok(())
    }

    /// Whether anybody might have refused a write for want of space between two times.
    fn lacked(&self, from: Time, to: Time) -> bool {
        self.spells
            .iter()
            .any(|&(begun, ended)| begun <= to && from <= ended)
    }

    fn note_refusing(&mut self, now: Time, id: NodeId, refuses: bool, model: &Model) {
        match refuses {
            true => self.refusing.insert(id),
            false => self.refusing.remove(&id),
        };
        let any = !self.refusing.is_empty() || model.lacks_space();
        match self.spells.last_mut().filter(|spell| spell.1 == Time::NEVER) {
            Some(spell) if !any => spell.1 = now,
            None if any => self.spells.push((now, Time::NEVER)),
            _ => {}
        }
    }

    /// What a member lacks, as etcd's users are told: an alarm ends when a twentieth is free.
    fn lacks(&self, seen: &Seen<'_>, is_raised: bool) -> Option<Probe> {
        let is_over = |bytes: u64, max: u64| bytes >= if is_raised { max - max / 20 } else { max };
        if seen.is_full {
            return Some(Probe::NoSpaceOnDisk);
        }
        if is_over(seen.node.store().size(), self.quota) {
            return Some(Probe::NoSpaceInQuota);
        }
        let files = seen.disk.journal_bytes + seen.disk.snapshot_bytes;
        is_over(files, self.files_max).then_some(Probe::NoSpaceForFiles)
    }
}

/// Whether a caller was told that there is no space.
#[must_use]
pub fn is_refused(call: &Call) -> bool {
    let Told::Response(response) = &call.told else {
        return false;
    };
    matches!(response.result, Err(Failure::Store(StoreFailure::NoSpace)))
}
