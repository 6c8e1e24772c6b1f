//! What clients ask of a node.

use raft_core::{NodeId, ReadId, Refusal};

use super::Command;
use crate::script::arguments::Arguments;
use crate::script::cluster::Cluster;
use crate::script::error::Problem;

pub(super) const COMMANDS: &[Command] = &[
    Command::new("put", "put I TEXT: a client proposes TEXT to I", put),
    Command::new("read", "read I ID: a client asks I for a linearizable read", read),
];

fn put(cluster: &mut Cluster, arguments: &mut Arguments<'_>) -> Result<(), Problem> {
    let id = arguments.node()?;
    let command = arguments.rest("what to propose")?;
    let result = cluster.turn(id, |raft, _| raft.propose(command.into()))?;
    refused(cluster, id, result.err())
}

fn read(cluster: &mut Cluster, arguments: &mut Arguments<'_>) -> Result<(), Problem> {
    let id = arguments.node()?;
    let read = ReadId(arguments.number("the read's id")?);
    arguments.finish()?;
    let result = cluster.read(id, read)?;
    refused(cluster, id, result.err())
}

fn refused(cluster: &mut Cluster, id: NodeId, refusal: Option<Refusal>) -> Result<(), Problem> {
    match refusal {
        None => Ok(()),
        Some(Refusal::NotLeader { leader: Some(leader) }) => {
            cluster.say(id, format!("refused: not the leader, ask n{leader}"))
        }
        Some(refusal) => cluster.say(id, format!("refused: {refusal}")),
    }
}
