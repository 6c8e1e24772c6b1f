//! The leader's count-down of leases, by its monotonic clock; the state itself knows no clock.
//!
//! A new leader counts from all of a lease, or from what the former one wrote down of it (a checkpoint), so that no lease
//! ends early and none is prolonged for ever by changes of the leader. It learns of the leases in slices.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use raft_core::Time;
use storage::store::query::LeaseId;
use storage::store::{Lease, Store};

/// What is left of leases is written down this often; those that last no longer need it not.
pub(crate) const CHECKPOINT_INTERVAL: Duration = Duration::from_secs(300);
/// Leases whose end is in one command.
const EXPIRED_PER_COMMAND: usize = 150;
/// Leases whose end is proposed and not applied; the others wait.
const EXPIRING_MAX: usize = 4_000;
/// Leases in one command that writes down what is left.
const CHECKPOINTED_PER_COMMAND: usize = 500;
/// Leases that a new leader learns of in one turn.
const LEARNT_PER_TURN: usize = 1_000;

/// When the leases end.
#[derive(Clone, Debug, Default)]
pub(crate) struct LeaseClock {
    leases: BTreeMap<LeaseId, Counted>,
    by_end: BTreeSet<(Time, LeaseId)>,
    by_checkpoint: BTreeSet<(Time, LeaseId)>,
    /// The last lease of the state that was learnt of; None once all are.
    learning: Option<Option<LeaseId>>,
    /// Their end is proposed: they are not renewed any more.
    expiring: BTreeSet<LeaseId>,
    /// What is left of them is proposed to be written down.
    checkpointing: BTreeSet<LeaseId>,
    /// What was written down is proposed to be taken back: until then nothing new is written down.
    clearing: BTreeSet<LeaseId>,
}

#[derive(Clone, Copy, Debug)]
struct Counted {
    end: Time,
    checkpoint: Time,
}

impl LeaseClock {
    /// Of a leader that has just begun to lead.
    pub(crate) fn new() -> LeaseClock {
        LeaseClock {
            learning: Some(None),
            ..LeaseClock::default()
        }
    }

    /// Learns of more leases of the state. To know of one later than possible only makes it last longer.
    pub(crate) fn learn(&mut self, store: &Store, now: Time) {
        let Some(after) = self.learning else { return };
        let mut last = None;
        let mut learnt = 0;
        for (id, lease) in store.leases_after(after).take(LEARNT_PER_TURN) {
            last = Some(id);
            learnt += 1;
            if !self.leases.contains_key(&id) {
                self.count(id, lease.remaining.unwrap_or(lease.ttl), now);
            }
        }
        self.learning = (learnt == LEARNT_PER_TURN).then_some(last);
    }

    /// Counts a lease down from so many seconds.
    pub(crate) fn count(&mut self, id: LeaseId, seconds: u64, now: Time) {
        self.forget(id);
        let left = Duration::from_secs(seconds);
        let counted = Counted {
            end: now.after(left),
            checkpoint: if left > CHECKPOINT_INTERVAL {
                now.after(CHECKPOINT_INTERVAL)
            } else {
                Time::NEVER
            },
        };
        self.by_end.insert((counted.end, id));
        if counted.checkpoint < Time::NEVER {
            self.by_checkpoint.insert((counted.checkpoint, id));
        }
        self.leases.insert(id, counted);
    }

    /// A lease is over.
    pub(crate) fn ended(&mut self, id: LeaseId) {
        self.forget(id);
        self.expiring.remove(&id);
        self.clearing.remove(&id);
    }

    /// The leases whose end is to be proposed now.
    pub(crate) fn take_expired(&mut self, now: Time) -> Vec<LeaseId> {
        let room = EXPIRING_MAX.saturating_sub(self.expiring.len());
        let mut expired = Vec::new();
        while expired.len() < EXPIRED_PER_COMMAND.min(room)
            && let Some(&(_, id)) = self.by_end.first().filter(|(end, _)| *end <= now)
        {
            self.forget(id);
            self.expiring.insert(id);
            expired.push(id);
        }
        expired
    }

    /// The leases of which is to be written down now what is left, in seconds; rounded up, so that none ends early.
    pub(crate) fn take_checkpoints(&mut self, now: Time) -> Vec<(LeaseId, Option<u64>)> {
        let mut taken = Vec::new();
        while taken.len() < CHECKPOINTED_PER_COMMAND
            && let Some(&(at, id)) = self.by_checkpoint.first().filter(|(at, _)| *at <= now)
        {
            self.by_checkpoint.remove(&(at, id));
            let counted = self.leases.get_mut(&id).expect("what is scheduled is counted");
            let left = counted.end.since(now);
            counted.checkpoint = if left > CHECKPOINT_INTERVAL {
                now.after(CHECKPOINT_INTERVAL)
            } else {
                Time::NEVER
            };
            if counted.checkpoint < Time::NEVER {
                self.by_checkpoint.insert((counted.checkpoint, id));
            }
            if !self.clearing.contains(&id) {
                self.checkpointing.insert(id);
                taken.push((id, Some(left.as_micros().div_ceil(1_000_000) as u64)));
            }
        }
        taken
    }

    /// The leader took none of these after all; they are due again from then on.
    pub(crate) fn not_proposed(&mut self, ids: impl IntoIterator<Item = LeaseId>, again: Time) {
        for id in ids {
            if self.expiring.remove(&id) {
                let counted = Counted {
                    end: again,
                    checkpoint: Time::NEVER,
                };
                self.by_end.insert((again, id));
                self.leases.insert(id, counted);
            }
            self.checkpointing.remove(&id);
        }
    }

    /// Something is written down of a lease, or taken back.
    pub(crate) fn checkpointed(&mut self, id: LeaseId) {
        self.checkpointing.remove(&id);
    }

    /// Whether the lease cannot be renewed before what is written down of it is taken back: the next leader would begin
    /// with that.
    pub(crate) fn must_clear(&self, id: LeaseId, lease: &Lease) -> bool {
        lease.remaining.is_some() || self.checkpointing.contains(&id)
    }

    /// What is written down is proposed to be taken back. Returns whether it was not already.
    pub(crate) fn clear(&mut self, id: LeaseId) -> bool {
        self.clearing.insert(id)
    }

    /// It is taken back, or was not proposed after all.
    pub(crate) fn cleared(&mut self, id: LeaseId) {
        self.clearing.remove(&id);
    }

    pub(crate) fn is_expiring(&self, id: LeaseId) -> bool {
        self.expiring.contains(&id)
    }

    /// When a lease ends; None while it is not learnt of.
    pub(crate) fn end(&self, id: LeaseId) -> Option<Time> {
        self.leases.get(&id).map(|counted| counted.end)
    }

    /// When there is something to do.
    pub(crate) fn deadline(&self, now: Time) -> Time {
        if self.learning.is_some() {
            return now;
        }
        let end = self.by_end.first().map_or(Time::NEVER, |&(end, _)| end);
        let end = if self.expiring.len() < EXPIRING_MAX {
            end
        } else {
            Time::NEVER
        };
        let checkpoint = self.by_checkpoint.first().map_or(Time::NEVER, |&(at, _)| at);
        end.min(checkpoint)
    }

    fn forget(&mut self, id: LeaseId) {
        if let Some(counted) = self.leases.remove(&id) {
            self.by_end.remove(&(counted.end, id));
            self.by_checkpoint.remove(&(counted.checkpoint, id));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000;

    #[test]
    fn what_is_due_comes_in_bounded_batches_and_no_more_than_may_be_under_way() {
        let mut clock = LeaseClock::default();
        for id in 1..=10_000 {
            clock.count(LeaseId(id), 2, Time(0));
        }
        assert_eq!(clock.take_expired(Time(2 * SECOND - 1)), []);
        let mut expired = Vec::new();
        loop {
            let batch = clock.take_expired(Time(2 * SECOND));
            if batch.is_empty() {
                break;
            }
            assert!(batch.len() <= EXPIRED_PER_COMMAND);
            expired.extend(batch);
        }
        assert_eq!(expired.len(), EXPIRING_MAX);
        assert_eq!(clock.deadline(Time(2 * SECOND)), Time::NEVER);
        expired.iter().for_each(|id| clock.ended(*id));
        assert_eq!(clock.deadline(Time(2 * SECOND)), Time(2 * SECOND));
    }

    #[test]
    fn a_renewed_lease_ends_later() {
        let mut clock = LeaseClock::default();
        clock.count(LeaseId(1), 2, Time(0));
        clock.count(LeaseId(1), 2, Time(SECOND));
        assert_eq!(clock.take_expired(Time(2 * SECOND)), []);
        assert_eq!(clock.take_expired(Time(3 * SECOND)), [LeaseId(1)]);
        assert!(clock.is_expiring(LeaseId(1)));
    }

    #[test]
    fn long_leases_are_written_down_again_and_again_rounded_up() {
        let mut clock = LeaseClock::default();
        clock.count(LeaseId(1), 700, Time(0));
        clock.count(LeaseId(2), 300, Time(0));
        assert_eq!(clock.take_checkpoints(Time(299 * SECOND)), []);
        let at = Time(300 * SECOND + 1);
        assert_eq!(clock.take_checkpoints(at), [(LeaseId(1), Some(400))]);
        assert_eq!(clock.take_checkpoints(at), []);
        let at = Time(601 * SECOND);
        assert_eq!(clock.take_checkpoints(at), [(LeaseId(1), Some(99))]);
        assert_eq!(clock.take_checkpoints(Time(700 * SECOND)), []);
    }

    #[test]
    fn nothing_is_written_down_while_it_is_taken_back() {
        let mut clock = LeaseClock::default();
        clock.count(LeaseId(1), 700, Time(0));
        assert!(clock.clear(LeaseId(1)));
        assert!(!clock.clear(LeaseId(1)));
        assert_eq!(clock.take_checkpoints(Time(301 * SECOND)), []);
    }
}
