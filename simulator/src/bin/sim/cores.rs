//! `balsa-sim core`: seeds of cores alone.

use std::process::ExitCode;

use simulator::command::Plan;
use simulator::core_campaign::{CoreFigures, CoreSummary, campaign, last_lines};
use simulator::say;

/// Runs all seeds and prints what they came to.
pub(crate) fn run_all(plan: &Plan) -> ExitCode {
    let summary = campaign(plan);
    print_summary(&summary);
    let Some(failure) = &summary.failure else {
        return ExitCode::SUCCESS;
    };
    for line in last_lines(failure.seed, plan.mutant) {
        say!("{line}");
    }
    say!("FAILED: seed {}: {}", failure.seed, failure.story);
    say!("again: {}", command(plan, failure.seed));
    ExitCode::FAILURE
}

/// Prints all that happens in a seed.
pub(crate) fn trace(plan: &Plan) -> ExitCode {
    let report = world::cores::run(plan.seed, plan.mutant, true);
    for line in &report.lines {
        say!("{line}");
    }
    say!("trace {:016x}", report.trace_hash);
    match report.violation {
        None => ExitCode::SUCCESS,
        Some(noticed) => {
            say!("{noticed}");
            ExitCode::FAILURE
        }
    }
}

/// The command that shows a seed again, step by step.
fn command(plan: &Plan, seed: u64) -> String {
    let profile = if cfg!(debug_assertions) { "sim" } else { "release" };
    let mutant = plan
        .mutant
        .map_or(String::new(), |mutant| format!(" --mutant {}", mutant.name()));
    format!(
        "cargo run --profile {profile} -p simulator --bin balsa-sim -- core --seed {seed}{mutant} --trace"
    )
}

fn print_summary(summary: &CoreSummary) {
    let CoreFigures {
        simulated,
        offered,
        committed,
        committed_in_storm,
        reads,
        faults,
        changes,
        crashes,
        elections,
        messages,
    } = summary.total;
    say!(
        "cores alone: {} seeds, {} simulated seconds in {:.1} s: {:.0} runs a second",
        summary.seeds,
        simulated / 1_000_000,
        summary.took.as_secs_f64(),
        summary.speed(),
    );
    say!(
        "  in all    {offered} proposals, {:.1} % committed, {committed_in_storm} of them amid faults, {reads} reads confirmed",
        100.0 * committed as f64 / offered.max(1) as f64
    );
    say!(
        "            {faults} faults, {changes} changes of membership, {crashes} crashes, {elections} elections, {messages} messages"
    );
    if let (Some(least), Some(share)) = (summary.least, summary.least_share) {
        say!(
            "  each seed at least {} simulated seconds, {} proposals, {:.1} % committed, {} amid faults, {} faults, {} changes, {} reads",
            least.simulated / 1_000_000,
            least.offered,
            100.0 * share,
            least.committed_in_storm,
            least.faults,
            least.changes,
            least.reads,
        );
    }
    if summary.failure.is_none() {
        say!(
            "  in each seed all followed one leader {} election timeouts after faults were over, and then all was done and at rest",
            world::cores::RECOVERY_TIMEOUTS
        );
    }
    print_met(summary);
}

/// Which things there are that were met, and which never were.
fn print_met(summary: &CoreSummary) {
    let all = summary.met.all();
    for kind in world::cores::MET_KINDS {
        let of_kind: Vec<_> = all.iter().filter(|(of, ..)| *of == kind).collect();
        let cold: Vec<&str> = of_kind
            .iter()
            .filter(|(.., count)| *count == 0)
            .map(|(_, name, _)| *name)
            .collect();
        let met = of_kind.len() - cold.len();
        let never = if cold.is_empty() {
            String::new()
        } else {
            format!("; never: {}", cold.join(", "))
        };
        say!("  {met} of {} {kind}s met{never}", of_kind.len());
    }
}
