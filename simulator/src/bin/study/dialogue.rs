//! Commands from the terminal, one by one, each of which can be taken back.

use std::fs::OpenOptions;
use std::io::{self, BufRead, Write};

use world::script::{Options, Walk, commands};

use crate::screen::{Ink, Screen};
use crate::script::forward;

const WELCOME: &str =
    "A cluster that moves only when you say so. Begin with `cluster 3`; `help` lists the commands.";

const OWN_COMMANDS: [(&str, &str); 5] = [
    ("help", "help [COMMAND]: what there is, or how one is written"),
    ("undo", "undo: takes the last command back"),
    (
        "history",
        "history: the commands so far, with the numbers that `why-not` tells",
    ),
    (
        "save",
        "save FILE [RULE ...]: writes the commands and their trace as a script, which begins with the rule it shows",
    ),
    ("quit", "quit: so does the end of the input"),
];

/// Of what is saved; before it stands the rule.
const FIRST_LINE: usize = 2;

/// Stands at the head of what is saved, if nothing better is said.
const RULE: &str = "A session of balsa-study (Raft 5)";

/// Takes commands until the input ends; whether none of them failed. Who types sees a prompt, and may err.
pub(crate) fn talk<W: Write>(
    options: Options,
    screen: &mut Screen<W>,
    input: &mut impl BufRead,
    is_typed: bool,
) -> io::Result<bool> {
    let mut walk = Walk::new(options);
    let mut all_well = true;
    screen.has_commands = is_typed;
    if is_typed {
        screen.say(Ink::Plain, WELCOME)?;
    }
    loop {
        if is_typed {
            screen.ask("> ")?;
        }
        let mut text = String::new();
        if input.read_line(&mut text)? == 0 {
            return Ok(all_well || is_typed);
        }
        let words = text.trim();
        let (name, rest) = words.split_once(char::is_whitespace).unwrap_or((words, ""));
        let rest = rest.trim();
        let done = match name {
            "" => Ok(()),
            _ if name.starts_with('#') => Ok(()),
            "quit" | "exit" => return Ok(all_well || is_typed),
            "help" => help(rest, screen)?,
            "history" => {
                for (line, words) in (FIRST_LINE..).zip(walk.steps()) {
                    screen.say(Ink::Plain, &format!("{line}: {words}"))?;
                }
                Ok(())
            }
            "undo" => match walk.back() {
                Some((_, words)) => {
                    screen.say(Ink::Command, &format!("taken back: {words}"))?;
                    Ok(())
                }
                None => Err("there is nothing to take back".to_owned()),
            },
            "save" => save(&walk, rest, screen)?,
            _ => {
                let line = walk.steps().len() + FIRST_LINE;
                all_well &= forward(&mut walk, line, words, screen)?;
                Ok(())
            }
        };
        if let Err(refusal) = done {
            all_well = false;
            screen.say(Ink::Bad, &refusal)?;
        }
    }
}

fn help<W: Write>(name: &str, screen: &mut Screen<W>) -> io::Result<Result<(), String>> {
    let all = OWN_COMMANDS.into_iter().chain(commands());
    let meant: Vec<&str> = all
        .filter(|(known, _)| name.is_empty() || *known == name)
        .map(|(_, usage)| usage)
        .collect();
    if meant.is_empty() {
        return Ok(Err(format!("no command is called `{name}`; `help` lists them")));
    }
    for usage in meant {
        screen.say(Ink::Plain, usage)?;
    }
    Ok(Ok(()))
}

/// Never over a file that is there.
fn save<W: Write>(walk: &Walk, words: &str, screen: &mut Screen<W>) -> io::Result<Result<(), String>> {
    let (path, rule) = words.split_once(char::is_whitespace).unwrap_or((words, RULE));
    if path.is_empty() {
        return Ok(Err("save needs the name of a file".to_owned()));
    }
    let mut text = format!("# {}\n", rule.trim());
    for words in walk.steps() {
        text.push_str(words);
        text.push('\n');
    }
    text.push_str("---\n");
    text.push_str(&walk.trace());
    let file = OpenOptions::new().write(true).create_new(true).open(path);
    if let Err(error) = file.and_then(|mut file| file.write_all(text.as_bytes())) {
        return Ok(Err(format!("{path}: {error}")));
    }
    screen.say(Ink::Good, &format!("saved: balsa-study {path} shows it again"))?;
    Ok(Ok(()))
}
