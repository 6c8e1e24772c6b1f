//! `balsa-study`: watch Raft decide, line by line, forwards and backwards.

mod dialogue;
mod options;
mod screen;
mod script;

use std::io::{self, IsTerminal, Write as _};
use std::process::{Command, ExitCode, Stdio};

use options::{Color, Plan, USAGE};
use screen::Screen;
use world::script::Options;

/// Of columns, when nobody says how wide the terminal is.
const WIDTH: usize = 100;

fn main() -> ExitCode {
    let plan = match options::parse(std::env::args().skip(1)) {
        Ok(Some(plan)) => plan,
        Ok(None) => {
            // Nobody may read it to its end, as behind `| head`.
            let _ = io::stdout().write_all(USAGE.as_bytes());
            return ExitCode::SUCCESS;
        }
        Err(refusal) => return nothing_to_run(&format!("{refusal}\nsee balsa-study --help")),
    };
    let script = match plan.file.as_deref().map(script::read).transpose() {
        Ok(script) => script,
        Err(refusal) => return nothing_to_run(&refusal),
    };
    // An assertion that fails is told as the error of the line that led to it.
    std::panic::set_hook(Box::new(|_| {}));
    let options = Options { mutant: plan.mutant };
    let mut screen = Screen::new(io::stdout().lock(), width(&plan), has_color(&plan));
    let mut input = io::stdin().lock();
    let done = match script {
        None => {
            let is_typed = io::stdin().is_terminal();
            dialogue::talk(options, &mut screen, &mut input, is_typed)
        }
        Some(script) if plan.step => script::step(&script, options, &mut screen, &mut input),
        Some(script) => script::run(&script, options, &mut screen),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        // Who reads us has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => nothing_to_run(&error.to_string()),
    }
}

fn nothing_to_run(refusal: &str) -> ExitCode {
    eprintln!("balsa-study: {refusal}");
    ExitCode::from(2)
}

fn has_color(plan: &Plan) -> bool {
    match plan.color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => {
            io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
        }
    }
}

fn width(plan: &Plan) -> usize {
    let told = || std::env::var("COLUMNS").ok()?.parse().ok();
    let width = plan.width.or_else(told).or_else(terminal_width).unwrap_or(WIDTH);
    width.clamp(20, 1000)
}

/// `stty` knows it; there is no way to ask without a library or unsafe code.
fn terminal_width() -> Option<usize> {
    if !io::stdout().is_terminal() || !io::stdin().is_terminal() {
        return None;
    }
    let size = Command::new("stty")
        .arg("size")
        .stdin(Stdio::inherit())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8(size.stdout).ok()?;
    text.split_whitespace()
        .nth(1)?
        .parse()
        .ok()
        .filter(|width| *width > 0)
}
