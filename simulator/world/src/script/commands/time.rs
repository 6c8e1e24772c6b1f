//! Clocks: nothing times out unless a line says so.

use std::time::Duration;

use super::Command;
use crate::script::arguments::Arguments;
use crate::script::cluster::Cluster;
use crate::script::error::Problem;

pub(super) const COMMANDS: &[Command] = &[
    Command::new("campaign", "campaign I: I's election deadline comes", campaign),
    Command::new(
        "tick",
        "tick I: I's next deadline comes, whatever it is for",
        tick,
    ),
    Command::new(
        "wait",
        "wait MS: time passes for all, and every deadline on the way is kept",
        wait,
    ),
];

fn campaign(cluster: &mut Cluster, arguments: &mut Arguments<'_>) -> Result<(), Problem> {
    let id = arguments.node()?;
    arguments.finish()?;
    cluster.campaign(id)
}

fn tick(cluster: &mut Cluster, arguments: &mut Arguments<'_>) -> Result<(), Problem> {
    let id = arguments.node()?;
    arguments.finish()?;
    cluster.tick(id)
}

fn wait(cluster: &mut Cluster, arguments: &mut Arguments<'_>) -> Result<(), Problem> {
    let span = Duration::from_millis(arguments.number("milliseconds")?);
    arguments.finish()?;
    cluster.wait(span)
}
