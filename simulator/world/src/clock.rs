//! Each member's own clocks. Simulated time is one for all; a member reads it shifted and a little too fast or slow, as
//! crystals are. No rule of Raft may depend on more.

use node::{Now, WallTime};
use raft_core::Time;

use crate::choices::Choices;

/// How much too fast or slow a member's clock may run, in parts per million. Far worse than any crystal.
pub const DRIFT_PPM_MAX: u64 = 20_000;

const MILLION: u128 = 1_000_000;

/// A member's clocks during one of its lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clock {
    /// What the monotonic clock shows at simulated time 0, in microseconds.
    origin: u64,
    /// Microseconds it shows to pass in a million simulated ones.
    rate: u64,
    /// What the wall clock shows at simulated time 0, in nanoseconds since the Unix epoch.
    wall_origin: u64,
}

impl Clock {
    /// A clock for a new life: any origin, any drift that a crystal may have, a wall clock up to an hour off.
    pub fn draw(choices: &mut Choices) -> Clock {
        Clock::drifting(choices, DRIFT_PPM_MAX)
    }

    /// A clock for a new life whose rate is off by at most so many parts per million, and often by just so many.
    pub fn drifting(choices: &mut Choices, drift_ppm_max: u64) -> Clock {
        const HOUR_NS: u64 = 3_600_000_000_000;
        // Some time in 2023; nothing depends on it.
        const EPOCH_NS: u64 = 1_700_000_000_000_000_000;
        Clock {
            origin: choices.below(1 << 40),
            rate: match choices.below(4) {
                2 => 1_000_000 - drift_ppm_max,
                3 => 1_000_000 + drift_ppm_max,
                _ => choices.between(1_000_000 - drift_ppm_max, 1_000_000 + drift_ppm_max),
            },
            wall_origin: EPOCH_NS + choices.below(HOUR_NS),
        }
    }

    /// What the member reads at simulated time `at`.
    #[must_use]
    pub fn read(&self, at: Time) -> Now {
        let passed = (u128::from(at.0) * u128::from(self.rate) / MILLION) as u64;
        Now {
            monotonic: Time(self.origin + passed),
            wall: WallTime(self.wall_origin + passed * 1000),
        }
    }

    /// The first simulated time at which the member's monotonic clock shows `local` or more.
    #[must_use]
    pub fn when(&self, local: Time) -> Time {
        if local == Time::NEVER {
            return Time::NEVER;
        }
        let passed = u128::from(local.0.saturating_sub(self.origin));
        Time(u64::try_from((passed * MILLION).div_ceil(u128::from(self.rate))).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_deadline_is_reached_exactly_once_it_shows(seed: u64, ahead in 0u64..1 << 40) {
            let clock = Clock::draw(&mut Choices::of_seed(seed));
            let local = Time(clock.origin + ahead);
            let when = clock.when(local);
            prop_assert!(clock.read(when).monotonic >= local);
            if when > Time(0) {
                prop_assert!(clock.read(Time(when.0 - 1)).monotonic < local);
            }
        }
    }

    #[test]
    fn never_stays_never() {
        let clock = Clock::draw(&mut Choices::of_seed(1));
        assert_eq!(clock.when(Time::NEVER), Time::NEVER);
        assert_eq!(clock.when(Time(0)), Time(0));
    }
}
