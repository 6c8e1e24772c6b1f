//! `balsa-sim search`: an exhaustive search, told while it goes on.

use std::process::ExitCode;
use std::time::Instant;

use world::script::{self, Options, Script};
use world::search::{Found, Outcome, Report, Scope, explore};

use crate::say;

/// Searches the scope and prints what was found; exit code 1 if something does not hold, 3 if the search did not come
/// to its end, 4 if a script does not show what it was written for.
#[must_use]
pub fn search(scope: Scope) -> ExitCode {
    // A violation may be an assertion: it is told as such.
    std::panic::set_hook(Box::new(|_| {}));
    let start = Instant::now();
    let report = explore(scope, |depth, states, news| {
        say!("depth {depth:3}: {news:9} new, {states:9} states");
    });
    print_report(&report, start.elapsed().as_secs_f64());
    match report.outcome {
        Outcome::Exhausted => {
            say!("exhausted: every state of this scope was visited, and all properties hold");
            ExitCode::SUCCESS
        }
        Outcome::Full => {
            say!("not exhausted: all properties hold in the states visited; raise --states-max");
            ExitCode::from(3)
        }
        Outcome::Violated(found) => {
            say!("VIOLATED: {}", found.story);
            say!(
                "the fewest steps that lead there, for balsa-study:\n\n{}",
                found.script
            );
            match replay(&found) {
                Ok(told) => {
                    say!("replayed: {told}");
                    ExitCode::FAILURE
                }
                Err(told) => {
                    say!("NOT REPLAYED: {told}");
                    ExitCode::from(4)
                }
            }
        }
    }
}

/// Whether the script shows what was found, on a cluster that knows nothing of the search: where it fails, or why not.
fn replay(found: &Found) -> Result<String, String> {
    let script = Script::parse(&found.script).map_err(|error| error.to_string())?;
    match script::run(&script, Options::default()) {
        Err(failure) => Ok(failure.error.to_string()),
        Ok(_) => Err("the script comes to its end".to_owned()),
    }
}

fn print_report(report: &Report, seconds: f64) {
    let Report {
        states,
        steps,
        depth,
        members,
        messages,
        turns,
        ..
    } = report;
    say!(
        "{states} states, {steps} steps, depth {depth}, in {seconds:.1} s: {:.0} states a second",
        *states as f64 / seconds
    );
    say!("  of {members} member states, {messages} messages; {turns} turns of a core");
}
