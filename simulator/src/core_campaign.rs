//! Many seeds of cores alone (`world::cores`), and what they came to together.

use std::time::{Duration, Instant};

use world::cores::{self, CHANGES_MIN, FAULTS_MIN, LENGTH_MIN, Met, OFFERED_MIN, Report};
use world::world::Mutant;

use crate::campaign::Failure;
use crate::command::Plan;
use crate::many::{Runs, many};
use crate::progress::Progress;

/// Of a run that fails, so many lines are told.
const LAST_LINES: usize = 40;

/// What many seeds came to.
#[derive(Clone, Debug, Default)]
pub struct CoreSummary {
    /// How many.
    pub seeds: u64,
    /// The sums over all seeds.
    pub total: CoreFigures,
    /// The least of any seed.
    pub least: Option<CoreFigures>,
    /// The smallest share of its proposals that any seed committed.
    pub least_share: Option<f64>,
    /// What was met on the way.
    pub met: Met,
    /// How long it took, on the clock on the wall.
    pub took: Duration,
    /// The first seed that failed, by number.
    pub failure: Option<Failure>,
}

/// What is counted in each seed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CoreFigures {
    /// Simulated microseconds.
    pub simulated: u64,
    /// Proposals offered.
    pub offered: u64,
    /// Of those, committed.
    pub committed: u64,
    /// Of those, while faults went on.
    pub committed_in_storm: u64,
    /// Reads confirmed.
    pub reads: u64,
    /// Faults.
    pub faults: u64,
    /// Changes of membership that a leader began.
    pub changes: u64,
    /// Members that went down.
    pub crashes: u64,
    /// Members that came to lead.
    pub elections: u64,
    /// Messages.
    pub messages: u64,
}

impl CoreFigures {
    fn of(report: &Report) -> CoreFigures {
        CoreFigures {
            simulated: report.simulated,
            offered: report.offered,
            committed: report.committed,
            committed_in_storm: report.committed_in_storm,
            reads: report.reads,
            faults: report.faults,
            changes: report.changes,
            crashes: report.crashes,
            elections: report.elections,
            messages: report.messages,
        }
    }

    fn combine(self, other: CoreFigures, with: impl Fn(u64, u64) -> u64) -> CoreFigures {
        CoreFigures {
            simulated: with(self.simulated, other.simulated),
            offered: with(self.offered, other.offered),
            committed: with(self.committed, other.committed),
            committed_in_storm: with(self.committed_in_storm, other.committed_in_storm),
            reads: with(self.reads, other.reads),
            faults: with(self.faults, other.faults),
            changes: with(self.changes, other.changes),
            crashes: with(self.crashes, other.crashes),
            elections: with(self.elections, other.elections),
            messages: with(self.messages, other.messages),
        }
    }
}

impl CoreSummary {
    fn add(&mut self, report: &Report) {
        let figures = CoreFigures::of(report);
        self.seeds += 1;
        self.total = self.total.combine(figures, |a, b| a + b);
        self.least = Some(
            self.least
                .map_or(figures, |least| least.combine(figures, u64::min)),
        );
        let share = report.committed as f64 / report.offered.max(1) as f64;
        self.least_share = Some(self.least_share.map_or(share, |least| least.min(share)));
        self.met.merge(&report.met);
    }

    /// Runs for each second on the clock on the wall.
    #[must_use]
    pub fn speed(&self) -> f64 {
        self.seeds as f64 / self.took.as_secs_f64().max(1e-9)
    }
}

/// Runs all seeds of a plan, and stops soon after one fails.
#[must_use]
pub fn campaign(plan: &Plan) -> CoreSummary {
    let begun = Instant::now();
    let mut summary = CoreSummary::default();
    let run = |number: u64| {
        let seed = plan.seed.wrapping_add(number);
        let report = cores::run(seed, plan.mutant, false);
        let story = story(seed, plan.mutant, &report, plan.check_determinism);
        (report, story)
    };
    let runs = Runs {
        count: plan.seeds_max(),
        jobs: plan.jobs,
        until: plan.time.map(|time| begun + time),
    };
    let mut progress = Progress::new(plan.time.is_some());
    let failure = many(runs, run, |report| {
        summary.add(&report);
        summary.took = begun.elapsed();
        progress.goes_on(|| format!("cores: {} runs, {:.0} a second", summary.seeds, summary.speed()));
    });
    progress.ends();
    summary.took = begun.elapsed();
    summary.failure = failure.map(|(number, story)| Failure {
        seed: plan.seed.wrapping_add(number),
        story,
    });
    summary
}

/// What is wrong with a run, if anything.
fn story(seed: u64, mutant: Option<Mutant>, report: &Report, twice: bool) -> Option<String> {
    if let Some(noticed) = &report.violation {
        return Some(noticed.to_string());
    }
    let enough = report.simulated >= LENGTH_MIN
        && report.offered >= OFFERED_MIN
        && report.faults >= FAULTS_MIN
        && report.changes >= CHANGES_MIN
        && 2 * report.committed >= report.offered;
    if !enough {
        return Some(format!(
            "not worth its name: {} simulated us, {} proposals, {} committed, {} faults, {} changes",
            report.simulated, report.offered, report.committed, report.faults, report.changes
        ));
    }
    if twice && cores::run(seed, mutant, false) != *report {
        return Some("determinism: the same seed did something else".to_owned());
    }
    None
}

/// The last lines of a seed's trace.
#[must_use]
pub fn last_lines(seed: u64, mutant: Option<Mutant>) -> Vec<String> {
    let mut lines = cores::run(seed, mutant, true).lines;
    lines.split_off(lines.len().saturating_sub(LAST_LINES))
}
