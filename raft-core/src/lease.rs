//! Reads without a round (thesis 6.4.1), off unless the setting is in the log. A voter that heard a leader votes for
//! nobody else for the lease's timeout by its own clock; so while a quorum acknowledged what this leader sent less than
//! that ago, by a clock that may run as wrongly as declared, nobody else leads.
//!
//! What the argument needs, and where it is seen to:
//! - The time counts from when the round began, not from when its acknowledgement came: the follower may have heard it
//!   long before.
//! - The voter must know the setting when it is asked for its vote: only a follower whose log agrees up to the
//!   membership in force counts. The setting must not be taken back, so its entry must be committed, and with one of
//!   this term, as for every read (Raft 5.4.2, 8).
//! - A voter that was asked to help a transfer votes at once (thesis 3.10): once this leader has sent a TimeoutNow, it
//!   reads without a round no more in this term, however the transfer ends, because the message may come late.
//! - The host tells the time after it has read the request, never before: the answer is right for any state between the
//!   question and now.

use std::collections::VecDeque;
use std::time::Duration;

use crate::fingerprint::canonical;
use crate::membership::Lease;
use crate::mutant::Mutant;
use crate::quorum::reached_by_quorum;
use crate::raft::Raft;
use crate::read::Asker;
use crate::role::Role;
use crate::types::{Round, Time};
use crate::why::Why;

/// More than a lease lasts at the usual timers; of older rounds an acknowledgement counts for nothing.
const TIMES_MAX: usize = 256;

/// When rounds began: never later than their heartbeats were sent.
#[derive(Clone, Debug, Default)]
pub(crate) struct RoundTimes {
    /// In order. Not every round is here: one that is not counts as the last one before it.
    begun: VecDeque<(Round, Time)>,
}

canonical!(struct RoundTimes { begun });

impl RoundTimes {
    /// A round begins. Rounds that follow each other faster than heartbeats need not all be remembered.
    pub(crate) fn begun(&mut self, round: Round, now: Time, heartbeat_interval: Duration) {
        let is_soon = |&(_, last): &(Round, Time)| now < last.after(heartbeat_interval / 8);
        if self.begun.back().is_some_and(is_soon) {
            return;
        }
        if self.begun.len() >= TIMES_MAX {
            self.begun.pop_front();
        }
        self.begun.push_back((round, now));
    }

    /// A time not after this round began; None if that is too long ago, or the round not of the lease's time.
    fn of(&self, round: Round) -> Option<Time> {
        let after = self.begun.partition_point(|&(begun, _)| begun <= round);
        Some(self.begun.get(after.checked_sub(1)?)?.1)
    }

    /// For a mutant: an acknowledgement counts from when it came.
    pub(crate) fn begun_later(&mut self, round: Round, now: Time) {
        let after = self.begun.partition_point(|&(begun, _)| begun <= round);
        if let Some((_, at)) = after.checked_sub(1).and_then(|at| self.begun.get_mut(at)) {
            *at = now;
        }
    }
}

impl Raft {
    /// A heartbeat is due. While a lease is in force it begins a round, so that its acknowledgement prolongs the lease.
    pub(crate) fn prolong_lease(&mut self) {
        if self.log_membership().settings.lease.is_some() {
            self.next_round();
        }
    }

    /// Answers a read alone if nobody else can lead. Returns whether it did.
    pub(crate) fn read_by_lease(&mut self, asker: Asker) -> bool {
        let id = asker.id;
        let Some(lease) = self.log_membership().settings.lease else {
            return false;
        };
        if !self.own_term_committed() {
            return false;
        }
        // Until its entry is committed, another leader may take the setting back.
        let index = self.memberships.index();
        if index > self.commit_index {
            self.explain(Why::LeaseUncommitted { id, index });
            return false;
        }
        let told_to_stand = matches!(&self.role, Role::Leader(leader) if leader.has_told_to_stand);
        if told_to_stand && !Mutant::LeaseDuringTransfer.is(self.config.mutant) {
            self.explain(Why::LeaseInTransfer { id });
            return false;
        }
        let left = self.lease_end(lease).since(self.now);
        if left.is_zero() {
            self.explain(Why::LeaseOver { id });
            return false;
        }
        let left_micros = u64::try_from(left.as_micros()).unwrap_or(u64::MAX);
        self.explain(Why::ReadByLease { id, left_micros });
        self.answer_read(asker, self.commit_index);
        true
    }

    /// Up to when no quorum can vote for another; in the past if one can already.
    fn lease_end(&self, lease: Lease) -> Time {
        let Role::Leader(leader) = &self.role else {
            return Time(0);
        };
        let agreed = leader.first_index.max(self.memberships.index());
        let kept_since = |id| {
            if id == self.config.id {
                return Some(self.now);
            }
            let progress = leader.progress.get(&id)?;
            let knows_it = progress.match_index >= agreed;
            leader
                .reads
                .times
                .of(progress.acknowledged_round)
                .filter(|_| knows_it)
        };
        let reliable = if Mutant::LeaseWithoutDrift.is(self.config.mutant) {
            lease.timeout
        } else {
            lease.reliable()
        };
        reached_by_quorum(self.memberships.current(), kept_since)
            .flatten()
            .map_or(Time(0), |since| since.after(reliable))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_micros(80);

    #[test]
    fn a_round_counts_from_no_later_than_its_beginning() {
        let mut times = RoundTimes::default();
        times.begun(Round(3), Time(100), INTERVAL);
        times.begun(Round(4), Time(105), INTERVAL);
        times.begun(Round(5), Time(110), INTERVAL);
        assert_eq!(times.of(Round(2)), None);
        assert_eq!(times.of(Round(3)), Some(Time(100)));
        assert_eq!(
            times.of(Round(4)),
            Some(Time(100)),
            "too soon after the one before"
        );
        assert_eq!(times.of(Round(5)), Some(Time(110)));
        assert_eq!(times.of(Round(9)), Some(Time(110)));
    }

    #[test]
    fn only_so_many_are_remembered() {
        let mut times = RoundTimes::default();
        for round in 0..2 * TIMES_MAX as u64 {
            times.begun(Round(round), Time(round * 100), INTERVAL);
        }
        assert_eq!(times.begun.len(), TIMES_MAX);
        assert_eq!(times.of(Round(TIMES_MAX as u64 - 1)), None);
        let last = 2 * TIMES_MAX as u64 - 1;
        assert_eq!(times.of(Round(last)), Some(Time(last * 100)));
    }
}
