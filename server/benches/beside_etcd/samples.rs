//! Latencies to percentiles, rounds to medians.

use std::time::Duration;

/// Steps to each doubling: 1 part in 64 is as exact as it gets.
const STEPS: u64 = 64;

/// A histogram of latencies with a relative error below 2%.
pub(crate) struct Latencies {
    /// How many fell into each step, from one microsecond on.
    counts: Vec<u64>,
    total: u64,
    longest: Duration,
}

impl Latencies {
    pub(crate) fn new() -> Latencies {
        Latencies {
            counts: vec![0; 40 * STEPS as usize],
            total: 0,
            longest: Duration::ZERO,
        }
    }

    pub(crate) fn add(&mut self, latency: Duration) {
        let step = step(latency.as_micros() as u64).min(self.counts.len() - 1);
        self.counts[step] += 1;
        self.total += 1;
        self.longest = self.longest.max(latency);
    }

    pub(crate) fn merge(&mut self, other: &Latencies) {
        for (own, others) in self.counts.iter_mut().zip(&other.counts) {
            *own += others;
        }
        self.total += other.total;
        self.longest = self.longest.max(other.longest);
    }

    /// In milliseconds: what the share `portion` of all took at most.
    pub(crate) fn percentile(&self, portion: f64) -> f64 {
        let wanted = (self.total as f64 * portion).ceil() as u64;
        let mut seen = 0;
        let step = self.counts.iter().position(|count| {
            seen += count;
            seen >= wanted.max(1)
        });
        step.map_or(f64::NAN, |step| micros(step) as f64 / 1e3)
    }

    pub(crate) fn longest(&self) -> f64 {
        self.longest.as_secs_f64() * 1e3
    }

    pub(crate) fn count(&self) -> u64 {
        self.total
    }
}

/// Below `STEPS` each microsecond has its step; above, each doubling has `STEPS` of them.
fn step(micros: u64) -> usize {
    let doublings = micros.max(STEPS).ilog2() - STEPS.ilog2();
    (u64::from(doublings) * STEPS + (micros >> doublings)) as usize
}

/// The least number of microseconds in a step.
fn micros(step: usize) -> u64 {
    let doublings = (step as u64 / STEPS).saturating_sub(1);
    (step as u64 - doublings * STEPS) << doublings
}

/// The middle one.
pub(crate) fn median(numbers: impl IntoIterator<Item = f64>) -> f64 {
    let mut numbers: Vec<f64> = numbers.into_iter().collect();
    numbers.sort_by(f64::total_cmp);
    numbers.get(numbers.len() / 2).copied().unwrap_or(f64::NAN)
}
