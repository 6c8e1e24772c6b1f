//! Messages under way. MESSAGES is `all`, a link `1->2`, `1->*` or `*->2`, or one message's id `1->2#3`; the name of an
//! RPC may follow. On a held link only a named one moves.

use raft_core::Envelope;

use super::Command;
use crate::script::arguments::Arguments;
use crate::script::cluster::Cluster;
use crate::script::error::Problem;
use crate::script::links::{Fate, Link};

pub(super) const COMMANDS: &[Command] = &[
    Command::new(
        "deliver",
        "deliver MESSAGES [RPC]: they arrive, in the order sent",
        deliver,
    ),
    Command::new("drop", "drop MESSAGES [RPC]: they are lost", lose),
    Command::new(
        "dup",
        "dup MESSAGES [RPC]: each is under way once more, behind all others",
        duplicate,
    ),
    Command::new(
        "move",
        "move MESSAGES [RPC] first|last: they arrive before all others, or behind them",
        reorder,
    ),
    Command::new(
        "corrupt",
        "corrupt MESSAGES [RPC]: a bit flips in the bytes of a snapshot that each carries",
        corrupt,
    ),
    Command::new(
        "hold",
        "hold LINK: its messages wait until they are named, or the link is released",
        hold,
    ),
    Command::new(
        "release",
        "release [LINK]: it, or every link, is held no more",
        release,
    ),
    Command::new("network", "network: lists what is under way", network),
];

/// What the rest of the line means; never nothing.
fn selected(cluster: &Cluster, arguments: &mut Arguments<'_>) -> Result<Vec<(Link, u64)>, Problem> {
    let selector = arguments.selector()?;
    arguments.finish()?;
    let ids = cluster.links.select(&selector);
    if !ids.is_empty() {
        return Ok(ids);
    }
    match selector.link() {
        Some(link) if cluster.links.is_cut(link) => Err(Problem::Cut(link.to_string())),
        _ => Err(Problem::NothingUnderWay(selector.to_string())),
    }
}

fn deliver(cluster: &mut Cluster, arguments: &mut Arguments<'_>) -> Result<(), Problem> {
    for id in selected(cluster, arguments)? {
        cluster.deliver(id)?;
    }
    Ok(())
}

fn lose(cluster: &mut Cluster, arguments: &mut Arguments<'_>) -> Result<(), Problem> {
    for id in selected(cluster, arguments)? {
        let line = cluster.links.line;
        if let Some(flight) = cluster.links.take(id, Fate::Dropped { line }) {
            let name = flight.envelope.message.name();
            cluster.trace.raw(format!("lost {flight} {name}"));
        }
    }
    Ok(())
}

fn duplicate(cluster: &mut Cluster, arguments: &mut Arguments<'_>) -> Result<(), Problem> {
    for id in selected(cluster, arguments)? {
        if let Some(flight) = cluster.links.get(id).cloned() {
            let (copy, _) = cluster.links.send(flight.envelope.clone());
            let name = flight.envelope.message.name();
            cluster.trace.raw(format!("{flight} {name} again as #{copy}"));
        }
    }
    Ok(())
}

fn reorder(cluster: &mut Cluster, arguments: &mut Arguments<'_>) -> Result<(), Problem> {
    let first = match arguments.last("first or last")? {
        "first" => true,
        "last" => false,
        other => return Err(arguments.unexpected("first or last", other)),
    };
    let mut ids = selected(cluster, arguments)?;
    if first {
        ids.reverse();
    }
    ids.into_iter().for_each(|id| cluster.links.reorder(id, first));
    Ok(())
}

fn corrupt(cluster: &mut Cluster, arguments: &mut Arguments<'_>) -> Result<(), Problem> {
    for id in selected(cluster, arguments)? {
        if !cluster.links.corrupt(id) {
            return Err(Problem::NoPayload(format!("{}#{}", id.0, id.1)));
        }
    }
    Ok(())
}

fn hold(cluster: &mut Cluster, arguments: &mut Arguments<'_>) -> Result<(), Problem> {
    let link = arguments.link()?;
    arguments.finish()?;
    cluster.links.hold(link);
    Ok(())
}

fn release(cluster: &mut Cluster, arguments: &mut Arguments<'_>) -> Result<(), Problem> {
    let link = if arguments.is_empty() {
        None
    } else {
        Some(arguments.link()?)
    };
    arguments.finish()?;
    cluster.links.release(link);
    Ok(())
}

fn network(cluster: &mut Cluster, arguments: &mut Arguments<'_>) -> Result<(), Problem> {
    arguments.finish()?;
    let lines: Vec<String> = cluster
        .links
        .under_way()
        .map(|flight| {
            let Envelope { from, to, .. } = flight.envelope;
            let link = Link { from, to };
            let held = if cluster.links.is_held(link) {
                " (held)"
            } else {
                ""
            };
            let cut = if cluster.links.is_cut(link) { " (cut)" } else { "" };
            let text = crate::script::print::message(&flight.envelope);
            format!("{flight} t{} {text}{held}{cut}", flight.envelope.term)
        })
        .collect();
    lines.iter().for_each(|line| cluster.trace.raw(line));
    Ok(())
}
