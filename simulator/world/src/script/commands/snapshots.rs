//! Snapshots, and what stays of the log in memory.

use raft_core::Index;

use super::Command;
use crate::script::arguments::Arguments;
use crate::script::cluster::Cluster;
use crate::script::error::Problem;

pub(super) const COMMANDS: &[Command] = &[
    Command::new(
        "snapshot",
        "snapshot I: I takes a snapshot of what it has applied and saves it, which waits as its Saves do; then the log in \
         memory is compacted",
        snapshot,
    ),
    Command::new(
        "compact",
        "compact I K: I is told that entries up to K are in a snapshot: of them, tail_bytes stay in memory",
        compact,
    ),
    Command::new(
        "rot",
        "rot I on|off: what I sends of a snapshot is damaged where I read it, and fits the checksums of its pieces",
        rot,
    ),
    Command::new(
        "doubt",
        "doubt I: I is told that its state is not to be trusted: it leaves the lead to others, and wants its leader's state",
        doubt,
    ),
];

fn snapshot(cluster: &mut Cluster, arguments: &mut Arguments<'_>) -> Result<(), Problem> {
    let id = arguments.node()?;
    arguments.finish()?;
    cluster.take_snapshot(id)
}

fn compact(cluster: &mut Cluster, arguments: &mut Arguments<'_>) -> Result<(), Problem> {
    let id = arguments.node()?;
    let through = Index(arguments.number("an index")?);
    arguments.finish()?;
    cluster.turn(id, |raft, _| raft.compact(through))
}

fn doubt(cluster: &mut Cluster, arguments: &mut Arguments<'_>) -> Result<(), Problem> {
    let id = arguments.node()?;
    arguments.finish()?;
    cluster.turn(id, |raft, _| {
        raft.stand_back(true);
        raft.want_snapshot();
    })
}

fn rot(cluster: &mut Cluster, arguments: &mut Arguments<'_>) -> Result<(), Problem> {
    const EXPECTED: &str = "on or off";
    let id = arguments.node()?;
    let word = arguments.word(EXPECTED)?;
    arguments.finish()?;
    cluster.member_mut(id)?.rots = match word {
        "on" => true,
        "off" => false,
        _ => return Err(arguments.unexpected(EXPECTED, word)),
    };
    Ok(())
}
