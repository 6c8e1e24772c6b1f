//! Many seeds on several threads, each run on a thread of its own, and what they came to together.

use std::panic;
use std::thread;
use std::time::{Duration, Instant};

use world::probes::Probes;
use world::report::Report;
use world::world::Options;

use crate::command::{Plan, WorldKind};
use crate::madsim_host;
use crate::many::{Runs, many};
use crate::progress::Progress;

/// Runs one seed in one world, on a thread of its own: what a run leaves behind in its thread, such as the seeds of hash
/// maps, must not reach the next.
///
/// # Panics
/// If no thread can be started.
#[must_use]
pub fn run(kind: WorldKind, seed: u64, options: Options) -> Report {
    let ended = thread::Builder::new()
        .name(format!("seed {seed}"))
        .stack_size(16 << 20)
        .spawn(move || match kind {
            WorldKind::Plain => world::run::run(seed, options),
            WorldKind::Madsim => madsim_host::run(seed, options),
        })
        .expect("a thread can be started")
        .join();
    ended.unwrap_or_else(|cause| panic::resume_unwind(cause))
}

/// A seed that shows something that must not be.
#[derive(Clone, Debug)]
pub struct Failure {
    /// Which.
    pub seed: u64,
    /// What.
    pub story: String,
}

/// What many seeds came to.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// How many.
    pub seeds: u64,
    /// Simulated microseconds, of all.
    pub simulated: u64,
    /// The sums over all seeds.
    pub total: Figures,
    /// The least of any seed.
    pub least: Option<Figures>,
    /// What all seeds met.
    pub probes: Probes,
    /// The trace hash of the last seed.
    pub trace_hash: u64,
    /// How long it took, on the clock on the wall.
    pub took: Duration,
    /// How many seeds failed; soon after the first there are no more.
    pub failures: u64,
    /// The first seed that failed, by number.
    pub failure: Option<Failure>,
}

/// What is counted in each seed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Simulated microseconds.
    pub simulated: u64,
    /// Clients.
    pub clients: u64,
    /// Operations that ended.
    pub operations: u64,
    /// Of those, with a definite answer.
    pub successes: u64,
    /// Faults.
    pub faults: u64,
    /// Members that went down.
    pub crashes: u64,
    /// Members that came to lead.
    pub elections: u64,
    /// Messages between members.
    pub messages: u64,
}

impl Figures {
    fn of(report: &Report) -> Figures {
        Figures {
            simulated: report.simulated,
            clients: report.clients as u64,
            operations: report.operations as u64,
            successes: report.successes as u64,
            faults: report.befell.faults,
            crashes: report.befell.crashes,
            elections: report.befell.elections,
            messages: report.messages.sent,
        }
    }

    fn combine(self, other: Figures, with: impl Fn(u64, u64) -> u64) -> Figures {
        Figures {
            simulated: with(self.simulated, other.simulated),
            clients: with(self.clients, other.clients),
            operations: with(self.operations, other.operations),
            successes: with(self.successes, other.successes),
            faults: with(self.faults, other.faults),
            crashes: with(self.crashes, other.crashes),
            elections: with(self.elections, other.elections),
            messages: with(self.messages, other.messages),
        }
    }
}

impl Summary {
    fn add(&mut self, report: &Report) {
        let figures = Figures::of(report);
        self.seeds += 1;
        self.simulated += report.simulated;
        self.total = self.total.combine(figures, |a, b| a + b);
        self.least = Some(
            self.least
                .map_or(figures, |least| least.combine(figures, u64::min)),
        );
        self.failures += u64::from(report.violation.is_some());
        self.probes.merge(&report.probes);
        self.trace_hash = report.trace_hash;
    }

    /// How far it has come.
    fn line(&self, kind: WorldKind) -> String {
        let (met, all) = self.probes.all().fold((0, 0), |(met, all), (.., count)| {
            (met + u64::from(count > 0), all + 1)
        });
        format!(
            "{} world, {} min: {} seeds, {:.1} simulated hours, {:.0} simulated seconds a second, {met} of {all} probes met, {} failures",
            kind.name(),
            self.took.as_secs() / 60,
            self.seeds,
            self.simulated as f64 / 3.6e9,
            self.speed(),
            self.failures
        )
    }

    /// Simulated seconds for each one on the clock on the wall.
    #[must_use]
    pub fn speed(&self) -> f64 {
        self.simulated as f64 / 1e6 / self.took.as_secs_f64().max(1e-9)
    }
}

/// Runs all seeds of a plan in one world, and stops soon after one fails.
///
/// # Panics
/// If a thread panics outside of a run.
#[must_use]
pub fn campaign(kind: WorldKind, plan: &Plan) -> Summary {
    let begun = Instant::now();
    let options = Options {
        nodes: plan.nodes,
        mutant: plan.mutant,
        lines: false,
    };
    let mut summary = Summary::default();
    let run_one = |number: u64| {
        let seed = plan.seed.wrapping_add(number);
        let report = run(kind, seed, options);
        let story = story(kind, seed, options, &report, plan.check_determinism);
        (report, story)
    };
    let runs = Runs {
        count: plan.seeds_max(),
        jobs: plan.jobs,
        until: plan.time.map(|time| begun + time),
    };
    let mut progress = Progress::new(plan.time.is_some());
    let failure = many(runs, run_one, |report| {
        summary.add(&report);
        summary.took = begun.elapsed();
        progress.goes_on(|| summary.line(kind));
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
fn story(kind: WorldKind, seed: u64, options: Options, report: &Report, twice: bool) -> Option<String> {
    if let Some(noticed) = &report.violation {
        return Some(noticed.to_string());
    }
    if twice {
        let again = run(kind, seed, options);
        if again.trace_hash != report.trace_hash {
            let (first, second) = (report.trace_hash, again.trace_hash);
            return Some(format!(
                "determinism: the trace hash was {first:016x} and then {second:016x}"
            ));
        }
    }
    None
}
