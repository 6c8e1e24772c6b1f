//! The commands: one function and one row each. A file holds the commands about one thing.

mod clients;
mod faults;
mod forge;
mod look;
mod membership;
mod messages;
mod setup;
mod snapshots;
mod time;

use std::fmt::Write as _;

use super::arguments::Arguments;
use super::cluster::Cluster;
use super::error::Problem;

/// A command of the language.
#[derive(Debug)]
pub(crate) struct Command {
    pub(crate) name: &'static str,
    /// How it is written, and what it does.
    pub(crate) usage: &'static str,
    /// It may stand before the cluster boots; all others boot it.
    pub(crate) before_boot: bool,
    pub(crate) run: Run,
}

/// Carries a command out.
type Run = fn(&mut Cluster, &mut Arguments<'_>) -> Result<(), Problem>;

impl Command {
    /// A command for a cluster that runs.
    const fn new(name: &'static str, usage: &'static str, run: Run) -> Command {
        Command {
            name,
            usage,
            before_boot: false,
            run,
        }
    }

    /// A command that says what the cluster boots from, or nothing to it.
    const fn setup(name: &'static str, usage: &'static str, run: Run) -> Command {
        Command {
            name,
            usage,
            before_boot: true,
            run,
        }
    }
}

const MESSAGES: &str = "Messages\n\nMESSAGES is `all`, a link `1->2`, `1->*` or `*->2`, or one message's id `1->2#3`; the name of \
                        an RPC may follow. On a held link only a named one moves.";

/// All of them, by what they are about.
const TABLES: [(&str, &[Command]); 9] = [
    ("What the cluster boots from", setup::COMMANDS),
    ("Time", time::COMMANDS),
    ("Clients", clients::COMMANDS),
    ("Leaders and members", membership::COMMANDS),
    (MESSAGES, messages::COMMANDS),
    ("Lies", forge::COMMANDS),
    ("Snapshots", snapshots::COMMANDS),
    ("Faults", faults::COMMANDS),
    ("Looking, and going on", look::COMMANDS),
];

/// Every command's name, and how it is written.
pub fn commands() -> impl Iterator<Item = (&'static str, &'static str)> {
    all().map(|command| (command.name, command.usage))
}

fn all() -> impl Iterator<Item = &'static Command> {
    TABLES.into_iter().flat_map(|(_, table)| table)
}

/// Every command by what it is about, as a page: name, how it is written, what it does.
pub(crate) fn page() -> String {
    let mut text = String::new();
    for (title, table) in TABLES {
        let _ = writeln!(text, "# {title}\n");
        for command in table {
            let (written, meaning) = command.usage.split_once(": ").unwrap_or((command.usage, ""));
            let _ = writeln!(text, "- `{written}`: {meaning}");
        }
        text.push('\n');
    }
    text
}

pub(crate) fn command_named(name: &str) -> Option<&'static Command> {
    all().find(|command| command.name == name)
}
