//! Who leads, and who takes part: what operators ask of a leader.

use super::Command;
use super::clients::answer;
use crate::script::arguments::Arguments;
use crate::script::cluster::Cluster;
use crate::script::error::Problem;

pub(super) const COMMANDS: &[Command] = &[
    Command::new(
        "transfer",
        "transfer I J: I is asked to hand the lead over to J",
        transfer,
    ),
    Command::new(
        "hand-over",
        "hand-over I: I is about to be shut down, and is asked to hand the lead over to its best successor",
        hand_over,
    ),
];

fn transfer(cluster: &mut Cluster, arguments: &mut Arguments<'_>) -> Result<(), Problem> {
    let id = arguments.node()?;
    let to = arguments.node()?;
    arguments.finish()?;
    let result = cluster.turn(id, |raft, _| raft.transfer(to))?;
    answer(cluster, id, result)
}

fn hand_over(cluster: &mut Cluster, arguments: &mut Arguments<'_>) -> Result<(), Problem> {
    let id = arguments.node()?;
    arguments.finish()?;
    let result = cluster.turn(id, |raft, _| raft.hand_over())?;
    answer(cluster, id, result.map(|_| ()))
}
