//! Commands that look, or let everything run, and those that speak to the reader.

use raft_core::NodeId;

use super::Command;
use crate::script::arguments::Arguments;
use crate::script::cluster::Cluster;
use crate::script::error::Problem;
use crate::script::{expect, print};

pub(super) const COMMANDS: &[Command] = &[
    Command::new(
        "stabilize",
        "stabilize: saves and deliveries until nothing moves; clocks stand still",
        stabilize,
    ),
    Command::new(
        "expect",
        "expect leader=1 log(2)=1,1,2 commit(1)=3 ...: ends the run if one does not hold",
        check,
    ),
    Command::new("state", "state [I]: one line about each node, or about I", state),
    Command::setup("note", "note \"TEXT\": a remark in the trace", note),
];

fn stabilize(cluster: &mut Cluster, arguments: &mut Arguments<'_>) -> Result<(), Problem> {
    arguments.finish()?;
    cluster.stabilize()
}

fn check(cluster: &mut Cluster, arguments: &mut Arguments<'_>) -> Result<(), Problem> {
    let first = arguments.word("a predicate, such as commit(1)=2")?;
    expect::expect(cluster, first, arguments)?;
    while !arguments.is_empty() {
        let next = arguments.word("a predicate")?;
        expect::expect(cluster, next, arguments)?;
    }
    Ok(())
}

fn state(cluster: &mut Cluster, arguments: &mut Arguments<'_>) -> Result<(), Problem> {
    let one = if arguments.is_empty() {
        None
    } else {
        Some(arguments.node()?)
    };
    arguments.finish()?;
    let ids: Vec<NodeId> = match one {
        Some(id) => vec![id],
        None => cluster.members.keys().copied().collect(),
    };
    for id in ids {
        let Some(raft) = &cluster.member(id)?.raft else {
            cluster.trace.raw(format!("n{id} down"));
            continue;
        };
        let log: Vec<_> = raft.entries().map(|entry| entry.position).collect();
        let text = format!(
            "{} {} commit={} applied={} durable={}",
            print::role(raft),
            print::entries(&log, raft.term()),
            raft.commit_index(),
            raft.last_applied(),
            raft.durable_index()
        );
        cluster.say(id, text)?;
    }
    Ok(())
}

/// The line itself is in the trace already.
fn note(_: &mut Cluster, arguments: &mut Arguments<'_>) -> Result<(), Problem> {
    arguments.rest("a remark").map(|_| ())
}
