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
    /// The last time that it stood still: from, and until. For whoever has it no time passed.
    still: (Time, Time),
    /// How long it stood still before that, in simulated microseconds.
    stood: u64,
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
            still: (Time(0), Time(0)),
            stood: 0,
        }
    }

    /// It stands still for a while, from now on: a machine is put to sleep, and does not know.
    pub fn stand_still(&mut self, now: Time, until: Time) {
        let (from, ends) = self.still;
        self.stood += ends.min(now).0 - from.min(now).0;
        self.still = (now, until.max(ends));
    }

    /// Somebody puts the wall clock forward, or back, by so many nanoseconds.
    pub fn put_wall(&mut self, by: i64) {
        self.wall_origin = self.wall_origin.saturating_add_signed(by);
    }

    /// How much of simulated time has passed for whoever has it.
    fn lived(&self, at: Time) -> u64 {
        let (from, until) = self.still;
        at.0 - (at.min(until).0 - at.min(from).0) - self.stood
    }

    /// What the member reads at simulated time `at`.
    #[must_use]
    pub fn read(&self, at: Time) -> Now {
        let passed = (u128::from(self.lived(at)) * u128::from(self.rate) / MILLION) as u64;
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
        let lived = u64::try_from((passed * MILLION).div_ceil(u128::from(self.rate))).unwrap_or(u64::MAX);
        let awake = lived.saturating_add(self.stood);
        let (from, until) = self.still;
        match awake > from.0 {
            true => Time(awake.saturating_add(until.0 - from.0)),
            false => Time(awake),
        }
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

    proptest! {
        #[test]
        fn so_it_is_if_it_stood_still(
            seed: u64,
            ahead in 0u64..1 << 24,
            first in (0u64..1 << 22, 1u64..1 << 22),
            second in (0u64..1 << 22, 1u64..1 << 22),
        ) {
            let mut clock = Clock::draw(&mut Choices::of_seed(seed));
            let before = clock.read(Time(first.0)).monotonic;
            clock.stand_still(Time(first.0), Time(first.0 + first.1));
            prop_assert_eq!(clock.read(Time(first.0 + first.1)).monotonic, before);
            let begins = first.0 + second.0;
            clock.stand_still(Time(begins), Time(begins + second.1));
            let ends = (begins + second.1).max(first.0 + first.1);
            prop_assert!(clock.read(Time(ends)).monotonic <= clock.read(Time(ends + 2)).monotonic);
            let local = Time(clock.read(Time(ends)).monotonic.0 + 1 + ahead);
            let when = clock.when(local);
            prop_assert!(when.0 > ends && clock.read(when).monotonic >= local);
            prop_assert!(clock.read(Time(when.0 - 1)).monotonic < local);
        }
    }

    #[test]
    fn a_wall_clock_can_be_put_back() {
        let mut clock = Clock::draw(&mut Choices::of_seed(1));
        let before = clock.read(Time(5));
        clock.put_wall(-1_000_000);
        let after = clock.read(Time(5));
        assert_eq!(after.monotonic, before.monotonic);
        assert_eq!(after.wall.0, before.wall.0 - 1_000_000);
    }

    #[test]
    fn never_stays_never() {
        let clock = Clock::draw(&mut Choices::of_seed(1));
        assert_eq!(clock.when(Time::NEVER), Time::NEVER);
        assert_eq!(clock.when(Time(0)), Time(0));
    }
}
