//! A script from a file: all at once, or a line at a time.

use std::fs;
use std::io::{self, BufRead, Write};
use std::path::Path;

use world::script::{Options, Script, Walk, diff};

use crate::screen::{Ink, Screen};

/// Runs it, and tells whether its trace is the one expected.
pub(crate) fn run<W: Write>(script: &Script, options: Options, screen: &mut Screen<W>) -> io::Result<bool> {
    let mut walk = Walk::new(options);
    screen.say(Ink::Good, &script.rule)?;
    for (line, words) in script.commands() {
        if !forward(&mut walk, line, words, screen)? {
            return Ok(false);
        }
    }
    judge(script, &walk, screen)
}

/// What is done while a script waits.
const KEYS: &str =
    "Enter: the next line, b: back, w [commit K | leader | read ID]: why-not, s: state, n: network, q: quit";

/// Waits after each line, until the end is left or input ends.
pub(crate) fn step<W: Write>(
    script: &Script,
    options: Options,
    screen: &mut Screen<W>,
    keys: &mut impl BufRead,
) -> io::Result<bool> {
    let lines: Vec<(usize, &str)> = script.commands().collect();
    let mut walk = Walk::new(options);
    let mut as_expected = true;
    screen.say(Ink::Good, &script.rule)?;
    screen.say(Ink::Plain, KEYS)?;
    loop {
        let next = lines.get(walk.steps().len());
        match next {
            Some((line, words)) => screen.ask(&format!("{line}: {words} "))?,
            None => screen.ask("the end ")?,
        }
        let mut key = String::new();
        if keys.read_line(&mut key)? == 0 {
            screen.say(Ink::Plain, "")?;
            return Ok(as_expected);
        }
        let key = key.trim();
        let (name, rest) = key.split_once(' ').unwrap_or((key, ""));
        match (name, next) {
            ("", Some(&(line, words))) => {
                as_expected = forward(&mut walk, line, words, screen)?;
                if as_expected && walk.steps().len() == lines.len() {
                    as_expected = judge(script, &walk, screen)?;
                }
            }
            ("" | "q", _) => return Ok(as_expected),
            ("b", _) => match walk.back() {
                Some((line, words)) => {
                    screen.say(Ink::Command, &format!("back before line {line}: {words}"))?
                }
                None => screen.say(Ink::Bad, "this is the beginning")?,
            },
            ("w", _) => look(&walk, &format!("why-not {rest}"), screen)?,
            ("s", _) => look(&walk, "state", screen)?,
            ("n", _) => look(&walk, "network", screen)?,
            _ => screen.say(Ink::Plain, KEYS)?,
        }
    }
}

/// Shows what a command would tell, and changes nothing.
pub(crate) fn look<W: Write>(walk: &Walk, words: &str, screen: &mut Screen<W>) -> io::Result<()> {
    match walk.look(words.trim()) {
        Ok(lines) => screen.show(&lines, &walk.session().nodes()),
        Err(problem) => screen.say(Ink::Bad, &problem.to_string()),
    }
}

/// One line of a script; false if it failed.
pub(crate) fn forward<W: Write>(
    walk: &mut Walk,
    line: usize,
    words: &str,
    screen: &mut Screen<W>,
) -> io::Result<bool> {
    let done = walk.forward(line, words);
    let nodes = walk.session().nodes();
    match done {
        Ok(lines) => {
            screen.show(&lines, &nodes)?;
            Ok(true)
        }
        Err((problem, lines)) => {
            screen.show(&lines, &nodes)?;
            screen.say(Ink::Bad, &format!("line {line}: {problem}"))?;
            Ok(false)
        }
    }
}

fn judge<W: Write>(script: &Script, walk: &Walk, screen: &mut Screen<W>) -> io::Result<bool> {
    if script.expected.is_empty() {
        screen.say(
            Ink::Plain,
            "the script expects no trace: nothing stands after its ---",
        )?;
        return Ok(true);
    }
    let difference = diff(&script.expected, &walk.trace());
    if difference.is_empty() {
        screen.say(Ink::Good, "the trace is the one expected")?;
        return Ok(true);
    }
    screen.say(
        Ink::Bad,
        "the trace is another than expected: - is missing, + is new",
    )?;
    for line in difference.lines() {
        let ink = match line.chars().next() {
            Some('-') => Ink::Bad,
            Some('+') => Ink::Good,
            _ => Ink::Plain,
        };
        screen.say(ink, line)?;
    }
    Ok(false)
}

/// Reads a script.
///
/// # Errors
/// Why not, with the file and the line.
pub(crate) fn read(path: &Path) -> Result<Script, String> {
    let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    Script::parse(&text).map_err(|error| format!("{}: {error}", path.display()))
}
