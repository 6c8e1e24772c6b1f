//! How fast the disk is: each Save's time from the write to the end of its sync. A slow disk is the usual cause of elections
//! and timeouts that nobody understands, so it is told of when it happens, and summed up at the end. Raft sees a stall by
//! itself: a change that waits too long ends a lead.

use std::time::Duration;

/// A Save that takes longer is worth a line in the log: three times the default heartbeat interval.
const SLOW: Duration = Duration::from_millis(300);
/// At most one line in so long.
const LINES_EVERY: Duration = Duration::from_secs(10);
/// Buckets by powers of two of 16 us: the last is for everything from half a second on.
const BUCKETS: usize = 16;

/// What was measured so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Pace {
    saves: u64,
    buckets: [u64; BUCKETS],
    longest: Duration,
    /// Not told of yet.
    slow: u64,
    slowest: Duration,
    next_line_at: Duration,
}

/// What the log is to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SlowSaves {
    pub(super) saves: u64,
    pub(super) slowest: Duration,
}

impl Pace {
    /// A Save took so long; `now` is the host's time. What to tell, if it is time to.
    pub(super) fn note(&mut self, took: Duration, now: Duration) -> Option<SlowSaves> {
        self.saves += 1;
        self.buckets[bucket(took)] += 1;
        self.longest = self.longest.max(took);
        if took >= SLOW {
            self.slow += 1;
            self.slowest = self.slowest.max(took);
        }
        if self.slow == 0 || now < self.next_line_at {
            return None;
        }
        self.next_line_at = now + LINES_EVERY;
        Some(SlowSaves {
            saves: std::mem::take(&mut self.slow),
            slowest: std::mem::take(&mut self.slowest),
        })
    }

    pub(super) fn saves(&self) -> u64 {
        self.saves
    }

    pub(super) fn longest(&self) -> Duration {
        self.longest
    }

    /// At least so many in a hundred took at most this long.
    pub(super) fn quantile(&self, percent: u64) -> Duration {
        let wanted = (self.saves * percent).div_ceil(100);
        let mut sum = 0;
        for (at, count) in self.buckets.iter().enumerate() {
            sum += count;
            if sum >= wanted && at + 1 < BUCKETS {
                return (FIRST * (1 << at)).min(self.longest);
            }
        }
        self.longest
    }
}

const FIRST: Duration = Duration::from_micros(16);

fn bucket(took: Duration) -> usize {
    (0..BUCKETS - 1)
        .find(|&at| took <= FIRST * (1 << at))
        .unwrap_or(BUCKETS - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn slow_saves_are_told_of_together_and_not_too_often() {
        let mut pace = Pace::default();
        assert_eq!(pace.note(ms(299), ms(0)), None);
        let slow = |saves, slowest| Some(SlowSaves { saves, slowest });
        assert_eq!(pace.note(ms(300), ms(1)), slow(1, ms(300)));
        assert_eq!(pace.note(ms(900), ms(5000)), None);
        assert_eq!(pace.note(ms(400), ms(9000)), None);
        assert_eq!(pace.note(ms(1), ms(10_001)), slow(2, ms(900)));
        assert_eq!(pace.note(ms(1), ms(30_000)), None);
        assert_eq!((pace.saves(), pace.longest()), (6, ms(900)));
    }

    #[test]
    fn quantiles_are_upper_bounds_within_a_factor_of_two() {
        let mut pace = Pace::default();
        assert_eq!(pace.quantile(50), Duration::ZERO);
        for micros in 1..=1000 {
            pace.note(Duration::from_micros(micros), ms(0));
        }
        for (percent, exact) in [(50, 500), (99, 990), (100, 1000)] {
            let found = pace.quantile(percent);
            let exact = Duration::from_micros(exact);
            assert!(exact <= found && found <= 2 * exact, "{percent}: {found:?}");
        }
        pace.note(ms(60_000), ms(0));
        assert_eq!(pace.quantile(100), ms(60_000));
    }
}
