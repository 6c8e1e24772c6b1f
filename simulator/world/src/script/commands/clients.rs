//! What clients ask of a node.

use raft_core::{NodeId, ReadId, Refusal};

use super::Command;
use crate::script::arguments::Arguments;
use crate::script::cluster::Cluster;
use crate::script::error::Problem;

pub(super) const COMMANDS: &[Command] = &[
    Command::new("put", "put I TEXT: a client proposes TEXT to I", put),
    Command::new("propose", "propose I TEXT: the same", put),
    Command::new("read", "read I ID: a client asks I for a linearizable read", read),
];

fn put(cluster: &mut Cluster, arguments: &mut Arguments<'_>) -> Result<(), Problem> {
    let id = arguments.node()?;
    let command = arguments.rest("what to propose")?;
    let result = cluster.turn(id, |raft, _| raft.propose(command.into()))?;
    answer(cluster, id, result.map(|_| ()))
}

fn read(cluster: &mut Cluster, arguments: &mut Arguments<'_>) -> Result<(), Problem> {
    let id = arguments.node()?;
    let read = ReadId(arguments.number("the read's id")?);
    arguments.finish()?;
    let result = cluster.read(id, read)?;
    answer(cluster, id, result)
}

/// Tells a refusal; what is taken shows by itself.
pub(super) fn answer(cluster: &mut Cluster, id: NodeId, result: Result<(), Refusal>) -> Result<(), Problem> {
    match result {
        Ok(()) => Ok(()),
        Err(Refusal::NotLeader { leader: Some(leader) }) => {
            cluster.say(id, format!("refused: not the leader, ask n{leader}"))
        }
        Err(refusal) => cluster.say(id, format!("refused: {refusal}")),
    }
}
