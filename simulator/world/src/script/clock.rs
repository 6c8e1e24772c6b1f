//! A node's clock in a script: the script's own, until a line sets it apart.

use raft_core::Time;

const MILLION: i128 = 1_000_000;

/// Shows `shown` at the script's time `at`, and `rate` microseconds more for every million that pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Clock {
    at: i128,
    shown: i128,
    rate: i128,
}

impl Default for Clock {
    fn default() -> Clock {
        Clock {
            at: 0,
            shown: 0,
            rate: MILLION,
        }
    }
}

impl Clock {
    /// What it shows; never below 0.
    pub(crate) fn read(&self, now: Time) -> Time {
        let passed = i128::from(now.0) - self.at;
        to_time(self.shown + (passed * self.rate).div_euclid(MILLION))
    }

    /// The first time at which it shows `local` or more.
    pub(crate) fn when(&self, local: Time) -> Time {
        if local == Time::NEVER {
            return local;
        }
        let needed = (i128::from(local.0) - self.shown) * MILLION;
        to_time(self.at - (-needed).div_euclid(self.rate))
    }

    /// Jumps by so many microseconds.
    pub(crate) fn jump(&mut self, micros: i64) {
        self.shown += i128::from(micros);
    }

    /// From `now` on it runs at `rate` parts per million of the script's; at least 1.
    pub(crate) fn run_at(&mut self, now: Time, rate: u32) {
        self.shown = i128::from(self.read(now).0);
        self.at = i128::from(now.0);
        self.rate = i128::from(rate.max(1));
    }
}

fn to_time(micros: i128) -> Time {
    Time(u64::try_from(micros.max(0)).unwrap_or(u64::MAX - 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_deadline_is_reached_exactly_once_it_shows(
            rate in 1u32..10_000_000, set in 0u64..1 << 40, jump in 0i64..1 << 40, ahead in 1u64..1 << 40,
        ) {
            let mut clock = Clock::default();
            clock.run_at(Time(set), rate);
            clock.jump(jump);
            let local = Time(clock.read(Time(set)).0 + ahead);
            let when = clock.when(local);
            prop_assert!(clock.read(when) >= local);
            prop_assert!(clock.read(Time(when.0 - 1)) < local);
        }
    }

    #[test]
    fn never_stays_never_and_no_clock_goes_below_zero() {
        let mut clock = Clock::default();
        assert_eq!(clock.when(Time::NEVER), Time::NEVER);
        clock.jump(-500);
        assert_eq!(clock.read(Time(100)), Time(0));
        assert_eq!(clock.read(Time(700)), Time(200));
        assert_eq!(clock.when(Time(200)), Time(700));
    }
}
