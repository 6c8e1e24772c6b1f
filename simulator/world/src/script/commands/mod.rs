//! The commands: one function and one row each. A file holds the commands about one thing.

mod clients;
mod faults;
mod look;
mod membership;
mod messages;
mod setup;
mod snapshots;
mod time;

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

const TABLES: [&[Command]; 8] = [
    setup::COMMANDS,
    time::COMMANDS,
    clients::COMMANDS,
    membership::COMMANDS,
    messages::COMMANDS,
    snapshots::COMMANDS,
    faults::COMMANDS,
    look::COMMANDS,
];

/// Every command's name, and how it is written.
pub fn commands() -> impl Iterator<Item = (&'static str, &'static str)> {
    TABLES
        .into_iter()
        .flatten()
        .map(|command| (command.name, command.usage))
}

pub(crate) fn command_named(name: &str) -> Option<&'static Command> {
    TABLES.into_iter().flatten().find(|command| command.name == name)
}
