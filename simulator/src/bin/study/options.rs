//! What the command line asks for.

use std::path::PathBuf;

use world::script::Mutant;

/// Printed by `--help`, and in part with a refusal.
pub(crate) const USAGE: &str = "\
balsa-study: watch Raft decide, line by line. It drives the Raft that the server runs.

usage: balsa-study [OPTION ...] [FILE]

With a FILE, such as one of tests/golden/raft, it runs the script and prints what happens, a column for each node, and
tells whether that is the trace that the script expects. Without one it takes commands from the terminal; `help` lists
them.

options:
  --step          wait at each line: Enter goes on; b back, w tells why-not, s the state, n the network, q quits, each
                  followed by Enter
  --mutant NAME   all nodes leave out one rule, such as commit-old-term; only in builds with debug assertions
  --width N       how wide the columns are in all; else COLUMNS, else what the terminal says, else 100
  --color WHEN    auto, always or never; auto is: on a terminal, unless NO_COLOR is set
  -h, --help      this

exit code: 0 if all went as expected, 1 if a line of a script or of a pipe failed or the trace is another, 2 if there is
nothing to run.
";

/// When to write in colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Color {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    /// Whatever is written to.
    Always,
    /// Not at all.
    Never,
}

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    /// The script; None for commands from the terminal.
    pub(crate) file: Option<PathBuf>,
    /// Wait after each line of the script.
    pub(crate) step: bool,
    /// A rule that all nodes leave out.
    pub(crate) mutant: Option<Mutant>,
    /// Columns of text.
    pub(crate) width: Option<usize>,
    /// When to write in colours.
    pub(crate) color: Color,
}

/// Reads the command line without the program's name; None if help is asked for.
///
/// # Errors
/// What is wrong, in a sentence.
pub(crate) fn parse(words: impl IntoIterator<Item = String>) -> Result<Option<Plan>, String> {
    let mut plan = Plan {
        file: None,
        step: false,
        mutant: None,
        width: None,
        color: Color::Auto,
    };
    let mut words = words.into_iter();
    let mut only_files = false;
    while let Some(word) = words.next() {
        if only_files || !word.starts_with('-') || word == "-" {
            if let Some(former) = plan.file.replace(PathBuf::from(&word)) {
                return Err(format!("one script at a time: {} or {word}", former.display()));
            }
            continue;
        }
        let (name, inline) = match word.split_once('=') {
            Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
            None => (word, None),
        };
        let mut value = || {
            inline
                .clone()
                .or_else(|| words.next())
                .ok_or(format!("{name} needs a value"))
        };
        match name.as_str() {
            "--mutant" => plan.mutant = Some(mutant(&value()?)?),
            "--width" => plan.width = Some(width(&value()?)?),
            "--color" => plan.color = color(&value()?)?,
            _ if inline.is_some() => {
                return Err(format!("{name} takes no value, or there is no such option"));
            }
            "-h" | "--help" => return Ok(None),
            "--step" => plan.step = true,
            "--" => only_files = true,
            _ => return Err(format!("there is no option {name}")),
        }
    }
    if plan.step && plan.file.is_none() {
        return Err("--step needs a script".to_owned());
    }
    Ok(Some(plan))
}

fn mutant(name: &str) -> Result<Mutant, String> {
    if !cfg!(debug_assertions) {
        return Err("mutants are not in this build: use --profile sim, or none".to_owned());
    }
    let known = || {
        Mutant::ALL
            .iter()
            .map(|mutant| mutant.name())
            .collect::<Vec<_>>()
            .join(", ")
    };
    let found = Mutant::ALL.iter().copied().find(|mutant| mutant.name() == name);
    found.ok_or_else(|| format!("no mutant is called {name}; there are {}", known()))
}

fn width(text: &str) -> Result<usize, String> {
    let width = text.parse().ok().filter(|width| (20..=1000).contains(width));
    width.ok_or_else(|| format!("--width is from 20 to 1000, not {text}"))
}

fn color(text: &str) -> Result<Color, String> {
    match text {
        "auto" => Ok(Color::Auto),
        "always" => Ok(Color::Always),
        "never" => Ok(Color::Never),
        _ => Err(format!("--color is auto, always or never, not {text}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(words: &str) -> Result<Option<Plan>, String> {
        parse(words.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn reads_what_it_is_asked_for() {
        let plan = of("--step --width=80 --color never a.txt")
            .expect("it is right")
            .expect("no help");
        assert!(plan.step && plan.width == Some(80) && plan.color == Color::Never);
        assert_eq!(plan.file, Some(PathBuf::from("a.txt")));
        assert_eq!(
            of("-- --step").expect("a file").expect("no help").file,
            Some(PathBuf::from("--step"))
        );
        assert_eq!(of("x --help"), Ok(None));
        assert_eq!(of("").expect("it is right").expect("no help").file, None);
    }

    #[test]
    fn refuses_the_rest_by_name() {
        for (words, said) in [
            ("a b", "one script at a time: a or b"),
            ("--step", "--step needs a script"),
            ("--fast a", "there is no option --fast"),
            ("--step=1 a", "--step takes no value"),
            ("--width", "--width needs a value"),
            ("--width 3", "--width is from 20 to 1000, not 3"),
            ("--color red", "--color is auto, always or never, not red"),
            (
                "--mutant none",
                "no mutant is called none; there are answer-before-durable",
            ),
        ] {
            let refusal = of(words).expect_err("it is wrong");
            assert!(refusal.starts_with(said), "{words}: {refusal}");
        }
    }
}
