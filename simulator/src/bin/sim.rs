//! `balsa-sim`: simulated clusters on the command line.

#[path = "sim/cores.rs"]
mod cores;

use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use simulator::campaign::{Failure, Figures, Summary, campaign, run};
use simulator::command::{Command, Plan, USAGE, WorldKind, parse};
use simulator::core_campaign;
use simulator::out::tell;
use simulator::say;
use world::probes::Probes;
use world::world::{Mutant, Options};

fn main() -> ExitCode {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    match parse(std::env::args().skip(1), cores) {
        Ok(Command::Help) => {
            tell(format_args!("{USAGE}"));
            ExitCode::SUCCESS
        }
        Ok(Command::Run(plan)) if plan.trace => trace(&plan),
        Ok(Command::Run(plan)) => run_all(&plan),
        Ok(Command::Core(plan)) if plan.trace => cores::trace(&plan),
        Ok(Command::Core(plan)) => cores::run_all(&plan),
        Ok(Command::Mutants(plan)) => mutants(&plan),
        Ok(Command::Search(scope)) => simulator::search::search(scope),
        Err(refusal) => {
            eprintln!("balsa-sim: {refusal}");
            ExitCode::from(2)
        }
    }
}

fn run_all(plan: &Plan) -> ExitCode {
    let mut all_well = true;
    for &kind in &plan.worlds {
        let summary = campaign(kind, plan);
        print_summary(kind, plan, &summary);
        if let Some(failure) = &summary.failure {
            all_well = false;
            say!("FAILED: seed {} in the {} world", failure.seed, kind.name());
            say!("{}", failure.story);
            say!("again: {}", command(kind, plan, failure.seed));
        }
    }
    if all_well {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// The command that shows a seed again, step by step.
fn command(kind: WorldKind, plan: &Plan, seed: u64) -> String {
    let profile = if cfg!(debug_assertions) { "sim" } else { "release" };
    let mutant = plan
        .mutant
        .map_or(String::new(), |mutant| format!(" --mutant {}", mutant.name()));
    format!(
        "cargo run --profile {profile} -p simulator --bin balsa-sim -- run --world {} --nodes {} --seed {seed} --seeds 1{mutant} --trace",
        kind.name(),
        plan.nodes
    )
}

fn print_summary(kind: WorldKind, plan: &Plan, summary: &Summary) {
    let Figures {
        operations,
        successes,
        faults,
        crashes,
        elections,
        messages,
        ..
    } = summary.total;
    say!(
        "{} world: {} seeds of {} members, {} simulated seconds in {:.1} s: {:.0} simulated seconds a second",
        kind.name(),
        summary.seeds,
        plan.nodes,
        summary.simulated / 1_000_000,
        summary.took.as_secs_f64(),
        summary.speed(),
    );
    say!(
        "  in all    {operations} operations, {successes} succeeded, {faults} faults, {crashes} crashes, {elections} elections, {messages} messages"
    );
    if let Some(least) = summary.least {
        say!(
            "  each seed at least {} simulated seconds, {} clients, {} operations, {} succeeded, {} faults",
            least.simulated / 1_000_000,
            least.clients,
            least.operations,
            least.successes,
            least.faults
        );
    }
    print_probes(&summary.probes);
    if summary.seeds == 1 {
        say!("  trace     {:016x}", summary.trace_hash);
    }
}

/// What was met, and what never was.
fn print_probes(probes: &Probes) {
    let mut lines: Vec<(&str, Vec<String>)> = Vec::new();
    let mut cold = Vec::new();
    for (kind, name, count) in probes.all() {
        if count == 0 {
            cold.push(name);
            continue;
        }
        let item = format!("{name} {count}");
        match lines.last_mut().filter(|(last, _)| *last == kind) {
            Some((_, items)) => items.push(item),
            None => lines.push((kind, vec![item])),
        }
    }
    for (kind, items) in lines {
        say!("  {kind:9} {}", items.join(", "));
    }
    if !cold.is_empty() {
        say!("  never met {}", cold.join(", "));
    }
}

fn trace(plan: &Plan) -> ExitCode {
    let options = Options {
        nodes: plan.nodes,
        mutant: plan.mutant,
        lines: true,
    };
    let report = run(plan.worlds[0], plan.seed, options);
    for line in &report.lines {
        say!("{line}");
    }
    say!("trace {:016x}, {} steps", report.trace_hash, report.steps);
    match report.violation {
        None => ExitCode::SUCCESS,
        Some(noticed) => {
            say!("{noticed}");
            ExitCode::FAILURE
        }
    }
}

/// Exit code 1 if a mutant lives.
fn mutants(plan: &Plan) -> ExitCode {
    // A mutant may trip an assertion: that is a catch, told as such, and no reason for noise.
    std::panic::set_hook(Box::new(|_| {}));
    let mut all_caught = true;
    for &mutant in Mutant::ALL {
        if plan.mutant.is_some_and(|only| only != mutant) {
            continue;
        }
        let mut plan = Plan {
            mutant: Some(mutant),
            ..plan.clone()
        };
        if mutant.is_of_members() {
            plan.cores = false;
            if plan.worlds.is_empty() {
                plan.worlds.push(WorldKind::Plain);
            }
        }
        if plan.cores {
            let summary = core_campaign::campaign(&plan);
            let (runs, took) = (summary.seeds, summary.took);
            all_caught &= caught(&plan, "core", summary.failure, runs, took);
        }
        for &kind in &plan.worlds {
            let summary = campaign(kind, &plan);
            let (runs, took) = (summary.seeds, summary.took);
            all_caught &= caught(&plan, kind.name(), summary.failure, runs, took);
        }
    }
    if all_caught {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Prints a mutant's row. Returns whether it was caught.
fn caught(plan: &Plan, world: &str, failure: Option<Failure>, runs: u64, took: Duration) -> bool {
    let name = plan.mutant.map_or("", Mutant::name);
    let seconds = took.as_secs_f64();
    match &failure {
        Some(failure) => {
            let seeds = failure.seed - plan.seed + 1;
            let story = failure.story.lines().next().unwrap_or_default();
            say!("{name:32} {world:6} caught by seed {seeds:5}, in {runs:5} runs, {seconds:6.1} s: {story}");
        }
        None => say!("{name:32} {world:6} NOT CAUGHT in {runs} runs, {seconds:.1} s"),
    }
    failure.is_some()
}
