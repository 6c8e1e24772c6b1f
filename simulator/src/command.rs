//! What the command line asks for. An unknown or malformed option is refused by name, in one line.

mod bounds;

use std::time::Duration;

use thiserror::Error;
use world::search::Scope;
use world::world::Mutant;

/// A world to run in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum WorldKind {
    /// The plain loop.
    Plain,
    /// On madsim's tasks.
    Madsim,
}

impl WorldKind {
    /// Its name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            WorldKind::Plain => "plain",
            WorldKind::Madsim => "madsim",
        }
    }
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Run seeds and report what does not hold.
    Run(Plan),
    /// Run seeds of cores alone.
    Core(Plan),
    /// Run seeds with each mutant until it is caught.
    Mutants(Plan),
    /// Visit every state of a small cluster.
    Search(Scope),
    /// Say how this is used.
    Help,
}

/// Which seeds to run, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// In which worlds of whole members.
    pub worlds: Vec<WorldKind>,
    /// With cores alone.
    pub cores: bool,
    /// The first seed.
    pub seed: u64,
    /// How many, from it on.
    pub seeds: u64,
    /// For how long, instead of how many, in each world.
    pub time: Option<Duration>,
    /// How many members.
    pub nodes: u64,
    /// How many threads.
    pub jobs: usize,
    /// The rule taken out on purpose; of `mutants`, the only one to try.
    pub mutant: Option<Mutant>,
    /// Print a line for each step of a single seed.
    pub trace: bool,
    /// Run every seed twice and compare.
    pub check_determinism: bool,
}

/// Why a command line is refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    /// No such option.
    #[error("unknown option {0}; see balsa-sim --help")]
    Unknown(String),
    /// An option without its value.
    #[error("{0} needs a value; see balsa-sim --help")]
    NoValue(String),
    /// A value that makes no sense.
    #[error("{option} {value}: {expected}")]
    BadValue {
        /// Of which option.
        option: String,
        /// What was given.
        value: String,
        /// What can be.
        expected: String,
    },
    /// Mutants are compiled out.
    #[error("mutants need debug assertions; run with: cargo run --profile sim --bin balsa-sim -- ...")]
    NoMutants,
    /// Lines of many seeds would be mixed up.
    #[error("--trace prints a single seed; give --seeds 1 and one --world")]
    TraceOfMany,
}

/// How this is used.
pub const USAGE: &str = "\
balsa-sim: simulates clusters of Balsa with faults, and checks what must hold

  balsa-sim run      [options]   run seeds; exit code 1 if a property does not hold
  balsa-sim core     [options]   the same for Raft cores alone, several times faster
  balsa-sim mutants  [options]   take out one rule of Raft after another; tell how many seeds find it out
  balsa-sim search   [bounds]    visit every state of a small cluster of cores; exit code 1, and a shortest script for
                                 balsa-study, if a property does not hold (4 if that script does not show it);
                                 3 if --states-max ended it

options
  --seed S              the first seed (1)
  --seeds N             how many seeds from it on (100); or A..B, from A up to B and without B
  --hours H             instead of so many seeds, as many as there are hours for in each world, such as 0.5; progress goes to
                        standard error
  --world W             plain, madsim, both, core or all (run: both; mutants: core)
  --nodes N             members, 1 to 7 (3)
  --jobs J              threads (as many as there are cores)
  --mutant NAME         take out this rule; needs a build with debug assertions (--profile sim)
  --trace               print a line for every step of a single seed, the one given with --seed
  --check-determinism   run every seed twice and compare the traces

bounds of a search: what may happen in all of a run
  --nodes N             members, 1 to 5 (3)
  --terms T             campaigns in terms up to T (2)
  --campaigns C         campaigns in all (any number)
  --entries E           proposals (1)
  --changes C           voters removed, one at a time (0)
  --crashes C           crashes with a restart, the Save in flight on disk or not (0)
  --beats B             heartbeats and repetitions by leaders (0)
  --duplicates D        messages that arrive twice; any: any number of times (0); what is lost needs no bound
  --network W           how late messages can be: calls (an answer at once or never), in-term, late (in-term)
  --slow-disks          a Save is in flight until a step completes it, instead of being done at once
  --single-entries      one entry a message
  --pre-vote            with pre-vote
  --check-quorum        with check-quorum
  --logs L/L/...        the terms of the entries that members 1, 2, ... begin with, such as 1,1/2 (none)
  --states-max S        states after which to give up (4000000)
  --mutant NAME         take out this rule
";

impl Plan {
    /// How many seeds at most.
    #[must_use]
    pub fn seeds_max(&self) -> u64 {
        match self.time {
            None => self.seeds,
            Some(_) => u64::MAX,
        }
    }
}

/// Reads the command line, without the program's name.
///
/// # Errors
/// One line to print.
pub fn parse(arguments: impl IntoIterator<Item = String>, cores: usize) -> Result<Command, Refusal> {
    let mut arguments = arguments.into_iter();
    let command = match arguments.next().as_deref() {
        None | Some("--help" | "-h" | "help") => return Ok(Command::Help),
        Some("run") => Command::Run,
        Some("core") => Command::Core,
        Some("mutants") => Command::Mutants,
        Some("search") => {
            let scope = bounds::bounds(arguments)?;
            return Ok(scope.map_or(Command::Help, Command::Search));
        }
        Some(other) => return Err(Refusal::Unknown(other.to_owned())),
    };
    let mut plan = Plan {
        worlds: vec![WorldKind::Plain, WorldKind::Madsim],
        cores: false,
        seed: 1,
        seeds: 100,
        time: None,
        nodes: 3,
        jobs: cores,
        mutant: None,
        trace: false,
        check_determinism: false,
    };
    let is_about_cores = command(plan.clone()) != Command::Run(plan.clone());
    if is_about_cores {
        (plan.worlds, plan.cores) = (vec![], true);
    }
    if !options(&mut plan, arguments)? {
        return Ok(Command::Help);
    }
    let is_about_mutants = plan.mutant.is_some() || command(plan.clone()) == Command::Mutants(plan.clone());
    if is_about_mutants && !cfg!(debug_assertions) {
        return Err(Refusal::NoMutants);
    }
    if plan.trace && (plan.seeds > 1 || plan.time.is_some() || plan.worlds.len() > 1) {
        return Err(Refusal::TraceOfMany);
    }
    Ok(command(plan))
}

/// Reads the options into the plan. Returns false if help is asked for.
fn options(plan: &mut Plan, mut arguments: impl Iterator<Item = String>) -> Result<bool, Refusal> {
    let mut counted = false;
    while let Some(argument) = arguments.next() {
        let (option, mut inline) = match argument.split_once('=') {
            Some((option, value)) => (option.to_owned(), Some(value.to_owned())),
            None => (argument, None),
        };
        let mut value = || {
            inline
                .take()
                .or_else(|| arguments.next())
                .ok_or_else(|| Refusal::NoValue(option.clone()))
        };
        match option.as_str() {
            "--seed" => plan.seed = number(&option, &value()?, 0, u64::MAX)?,
            "--seeds" => {
                counted = true;
                seeds(plan, &option, &value()?)?;
            }
            "--hours" => {
                counted = true;
                plan.time = Some(hours(&option, &value()?)?);
            }
            "--nodes" => plan.nodes = number(&option, &value()?, 1, 7)?,
            "--jobs" => plan.jobs = usize::try_from(number(&option, &value()?, 1, 256)?).expect("few"),
            "--world" => (plan.worlds, plan.cores) = worlds(&option, &value()?)?,
            "--mutant" => plan.mutant = Some(mutant(&option, &value()?)?),
            "--trace" if inline.is_none() => plan.trace = true,
            "--check-determinism" if inline.is_none() => plan.check_determinism = true,
            "--help" | "-h" => return Ok(false),
            _ => return Err(Refusal::Unknown(option)),
        }
    }
    if plan.trace && !counted {
        plan.seeds = 1;
    }
    Ok(true)
}

/// How many, or from which to which.
fn seeds(plan: &mut Plan, option: &str, value: &str) -> Result<(), Refusal> {
    let Some((first, end)) = value.split_once("..") else {
        plan.seeds = number(option, value, 1, 1 << 32)?;
        return Ok(());
    };
    plan.seed = number(option, first, 0, u64::MAX - 1)?;
    plan.seeds = number(option, end, plan.seed + 1, u64::MAX)? - plan.seed;
    Ok(())
}

/// So many hours, or a part of one.
fn hours(option: &str, value: &str) -> Result<Duration, Refusal> {
    const HOURS_MAX: f64 = 10_000.0;
    match value.parse::<f64>() {
        Ok(hours) if hours > 0.0 && hours <= HOURS_MAX => Ok(Duration::from_secs_f64(hours * 3600.0)),
        _ => Err(bad(
            option,
            value,
            format!("give hours above 0 and up to {HOURS_MAX}, such as 0.5"),
        )),
    }
}

fn number(option: &str, value: &str, least: u64, greatest: u64) -> Result<u64, Refusal> {
    match value.parse() {
        Ok(number) if (least..=greatest).contains(&number) => Ok(number),
        _ => Err(bad(
            option,
            value,
            format!("give a number from {least} to {greatest}"),
        )),
    }
}

/// The worlds, and whether the cores alone, too.
fn worlds(option: &str, value: &str) -> Result<(Vec<WorldKind>, bool), Refusal> {
    use WorldKind::{Madsim, Plain};
    match value {
        "core" => Ok((vec![], true)),
        "plain" => Ok((vec![Plain], false)),
        "madsim" => Ok((vec![Madsim], false)),
        "both" => Ok((vec![Plain, Madsim], false)),
        "all" => Ok((vec![Plain, Madsim], true)),
        _ => Err(bad(
            option,
            value,
            "give core, plain, madsim, both or all".to_owned(),
        )),
    }
}

fn mutant(option: &str, value: &str) -> Result<Mutant, Refusal> {
    let found = Mutant::ALL.iter().copied().find(|mutant| mutant.name() == value);
    found.ok_or_else(|| {
        let names = Mutant::ALL
            .iter()
            .map(|mutant| mutant.name())
            .collect::<Vec<_>>()
            .join(", ");
        bad(option, value, format!("give one of {names}"))
    })
}

fn bad(option: &str, value: &str, expected: String) -> Refusal {
    Refusal::BadValue {
        option: option.to_owned(),
        value: value.to_owned(),
        expected,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Command, Refusal> {
        parse(line.split_whitespace().map(str::to_owned), 2)
    }

    fn refused(line: &str) -> String {
        parsed(line).expect_err(line).to_string()
    }

    #[test]
    fn options_are_read_in_both_styles() {
        let Ok(Command::Run(plan)) = parsed("run --seed 5 --seeds=7 --world madsim --nodes 5 --jobs 3")
        else {
            panic!("a sound command line")
        };
        assert_eq!((plan.seed, plan.seeds, plan.nodes, plan.jobs), (5, 7, 5, 3));
        assert_eq!(plan.worlds, [WorldKind::Madsim]);
        assert_eq!(parsed("run --help"), Ok(Command::Help));
        assert_eq!(parsed(""), Ok(Command::Help));
    }

    #[test]
    fn seeds_are_a_number_or_a_range() {
        let Ok(Command::Core(plan)) = parsed("core --seeds 1000..1500 --jobs 1") else {
            panic!("a sound command line")
        };
        assert_eq!((plan.seed, plan.seeds, plan.cores), (1000, 500, true));
        let Ok(Command::Core(plan)) = parsed("core --seed 9 --trace") else {
            panic!("a sound command line")
        };
        assert_eq!((plan.seed, plan.seeds), (9, 1));
    }

    #[test]
    fn hours_may_be_a_part_of_one() {
        let Ok(Command::Run(plan)) = parsed("run --hours 0.5") else {
            panic!("a sound command line")
        };
        assert_eq!(plan.time, Some(Duration::from_secs(1800)));
        for wrong in ["0", "-1", "x", "nan", "inf"] {
            assert!(
                refused(&format!("run --hours {wrong}")).starts_with(&format!("--hours {wrong}: give hours"))
            );
        }
        assert!(refused("run --hours 1 --trace --world plain").starts_with("--trace prints a single seed"));
    }

    #[test]
    fn what_is_not_understood_is_refused_by_name() {
        assert_eq!(
            refused("run --sede 5"),
            "unknown option --sede; see balsa-sim --help"
        );
        assert_eq!(refused("play"), "unknown option play; see balsa-sim --help");
        assert_eq!(
            refused("run --trace=1"),
            "unknown option --trace; see balsa-sim --help"
        );
        assert_eq!(
            refused("run --seed"),
            "--seed needs a value; see balsa-sim --help"
        );
        assert_eq!(
            refused("run --seed x"),
            "--seed x: give a number from 0 to 18446744073709551615"
        );
        assert_eq!(refused("run --nodes 0"), "--nodes 0: give a number from 1 to 7");
        assert_eq!(
            refused("run --world flat"),
            "--world flat: give core, plain, madsim, both or all"
        );
        assert!(refused("run --mutant x").starts_with("--mutant x: give one of answer-before-durable, "));
        assert!(refused("run --trace").starts_with("--trace prints a single seed"));
        assert!(refused("core --trace --seeds 2").starts_with("--trace prints a single seed"));
        assert_eq!(
            refused("core --seeds 7..7"),
            "--seeds 7: give a number from 8 to 18446744073709551615"
        );
    }
}
