//! History that is compacted without being asked. By age: whatever was the newest revision at any time within the retention can
//! still be read. By number: so many of the newest can. And once all works, history goes: what is twice as old as it need
//! be, and a little, or what five minutes ago was not among those to keep.

use std::time::Duration;

use node::AutoCompaction;
use raft_core::Time;
use thiserror::Error;

use crate::clock::DRIFT_PPM_MAX;
use crate::settings::SECOND;

/// Between two compactions by number, in microseconds of a member's clock.
const BY_NUMBER_EVERY: u64 = 300 * SECOND;
/// A proposal may have to be made again, and has to go through the log.
const LATE_MAX: u64 = 2 * SECOND;
/// A million, of which clocks may gain or lose some.
const RATE: u64 = 1_000_000;

/// What must not be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Wrong {
    /// A revision went too soon.
    #[error("revisions before {floor} are gone, and those from {kept} on have to be kept")]
    TooSoon {
        /// The oldest that is left.
        floor: u64,
        /// The oldest that must be.
        kept: u64,
    },
    /// Revisions stay that should be gone.
    #[error("revisions from {floor} on are there, and those before {gone} should be gone by now")]
    TooLate {
        /// The oldest that is left.
        floor: u64,
        /// The oldest that may be.
        gone: u64,
    },
}

/// What must be kept, and what must go.
#[derive(Clone, Debug, Default)]
pub struct Retention {
    policy: AutoCompaction,
    /// Since when each revision is the newest.
    newest: Vec<(Time, u64)>,
    floor: u64,
    compactions: u64,
}

impl Retention {
    /// What a policy promises.
    #[must_use]
    pub fn of(policy: AutoCompaction) -> Retention {
        Retention {
            policy,
            ..Retention::default()
        }
    }

    /// The keyspace has its newest revision and its oldest readable one there, once anybody has applied so much.
    ///
    /// # Errors
    /// If what is to be kept is gone.
    pub fn observe(&mut self, revision: u64, floor: u64, now: Time) -> Result<(), Wrong> {
        if self.policy == AutoCompaction::Off {
            return Ok(());
        }
        if self.newest.last().is_none_or(|&(_, newest)| newest < revision) {
            self.newest.push((now, revision));
        }
        if floor <= self.floor {
            return Ok(());
        }
        self.floor = floor;
        self.compactions += 1;
        let kept = match self.policy {
            AutoCompaction::Off => return Ok(()),
            AutoCompaction::Revisions(count) => revision.saturating_sub(count),
            AutoCompaction::Periodic(age) => {
                // The fastest clock lets it go so much sooner. What a clock shows is rounded down to whole microseconds: of
                // two readings that are so far apart the first may have been rounded by almost one.
                let micros = (micros(age) - 1) * RATE / (RATE + DRIFT_PPM_MAX);
                self.newest_at(Time(now.0.saturating_sub(micros)))
            }
        };
        match floor <= kept {
            true => Ok(()),
            false => Err(Wrong::TooSoon { floor, kept }),
        }
    }

    /// The run is over, and since `quiet_since` all worked and nobody else came to lead.
    ///
    /// # Errors
    /// If what is to go is there.
    pub fn judge(&self, now: Time, quiet_since: Time) -> Result<(), Wrong> {
        let (waits, count) = match self.policy {
            AutoCompaction::Off => return Ok(()),
            // A tenth, because it looks ten times at what there is.
            AutoCompaction::Periodic(age) => (micros(age) * 2 + micros(age) / 10, 0),
            AutoCompaction::Revisions(count) => (BY_NUMBER_EVERY, count),
        };
        let waits = waits * RATE / (RATE - DRIFT_PPM_MAX) + LATE_MAX;
        let Some(from) = now.0.checked_sub(waits).filter(|from| *from >= quiet_since.0) else {
            return Ok(());
        };
        let gone = self.newest_at(Time(from)).saturating_sub(count);
        match self.floor >= gone {
            true => Ok(()),
            false => Err(Wrong::TooLate {
                floor: self.floor,
                gone,
            }),
        }
    }

    /// How often history was compacted without being asked.
    #[must_use]
    pub fn compactions(&self) -> u64 {
        self.compactions
    }

    /// What was the newest revision then, or the first that was seen.
    fn newest_at(&self, at: Time) -> u64 {
        let after = self.newest.partition_point(|&(since, _)| since <= at);
        let found = self.newest.get(after.saturating_sub(1));
        found.map_or(0, |&(_, revision)| revision)
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).expect("hours at most")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(policy: AutoCompaction) -> Retention {
        let mut retention = Retention::of(policy);
        for revision in 1..=5 {
            assert_eq!(retention.observe(revision, 0, Time(revision * 1000)), Ok(()));
        }
        retention
    }

    #[test]
    fn what_was_the_newest_within_the_retention_is_kept() {
        let mut retention = seen(AutoCompaction::Periodic(Duration::from_micros(1021)));
        assert_eq!(retention.observe(5, 4, Time(5000)), Ok(()));
        let too_soon = retention.observe(5, 5, Time(5999));
        assert_eq!(too_soon, Err(Wrong::TooSoon { floor: 5, kept: 4 }));
        assert_eq!(Retention::of(AutoCompaction::Off).observe(9, 9, Time(1)), Ok(()));
    }

    #[test]
    fn so_many_are_kept() {
        let mut retention = seen(AutoCompaction::Revisions(2));
        assert_eq!(retention.observe(5, 3, Time(6000)), Ok(()));
        let too_soon = retention.observe(5, 4, Time(7000));
        assert_eq!(too_soon, Err(Wrong::TooSoon { floor: 4, kept: 3 }));
    }

    #[test]
    fn what_need_not_be_kept_goes() {
        let retention = seen(AutoCompaction::Periodic(Duration::from_secs(1)));
        assert_eq!(
            retention.judge(Time(3 * SECOND), Time(0)),
            Ok(()),
            "not long enough"
        );
        let late = Err(Wrong::TooLate { floor: 0, gone: 5 });
        assert_eq!(retention.judge(Time(9 * SECOND), Time(0)), late);
        assert_eq!(retention.judge(Time(9 * SECOND), Time(6 * SECOND)), Ok(()));
        let retention = seen(AutoCompaction::Revisions(2));
        let late = Err(Wrong::TooLate { floor: 0, gone: 3 });
        assert_eq!(retention.judge(Time(400 * SECOND), Time(0)), late);
    }
}
