//! What the cluster boots from.

use raft_core::{Body, Entry, Index, Mutant, NodeId, Position, Term};

use super::Command;
use crate::script::arguments::{Arguments, node};
use crate::script::cluster::Cluster;
use crate::script::error::Problem;

pub(super) const COMMANDS: &[Command] = &[
    Command::setup(
        "cluster",
        "cluster N [leader=I] [disk=auto|manual] [append_bytes=B]: voters 1 to N; I leads already; Saves wait for `saved`; \
         payload of one AppendEntries, 0 for one entry",
        cluster,
    ),
    Command::setup("log", "log I t,t,...: I boots with entries of these terms", log),
    Command::setup("term", "term I t: I boots in this term, without a vote", term),
    Command::setup("mutant", "mutant NAME: every node leaves out this rule", mutant),
    Command::setup(
        "boot",
        "boot: boots the cluster, as any command but these and `note` does",
        boot,
    ),
];

fn cluster(cluster: &mut Cluster, arguments: &mut Arguments<'_>) -> Result<(), Problem> {
    if cluster.has_booted() || !cluster.members.is_empty() {
        return Err(Problem::AlreadyBooted);
    }
    let leader = arguments.option("leader");
    let disk = arguments.option("disk").unwrap_or("auto");
    let append_bytes = arguments.option("append_bytes");
    let count = arguments.number("the number of nodes")?;
    arguments.finish()?;
    if !(1..=99).contains(&count) {
        return Err(arguments.unexpected("a number of nodes from 1 to 99", &count.to_string()));
    }
    cluster.form(count);
    if let Some(word) = append_bytes {
        let bytes = arguments.number_in(word, "append_bytes=B")?;
        cluster.config.limits.append_bytes_max = usize::try_from(bytes).unwrap_or(usize::MAX);
    }
    cluster.manual_disk = is_manual(arguments, disk)?;
    cluster.first_leader = match leader {
        None => None,
        Some(word) => Some(node(word).ok_or_else(|| arguments.unexpected("leader=I", word))?),
    };
    cluster
        .first_leader
        .map_or(Ok(()), |id| cluster.member(id).map(|_| ()))
}

/// Reads `auto` or `manual`.
pub(super) fn is_manual(arguments: &Arguments<'_>, word: &str) -> Result<bool, Problem> {
    match word {
        "auto" => Ok(false),
        "manual" => Ok(true),
        _ => Err(arguments.unexpected("disk=auto or disk=manual", word)),
    }
}

fn log(cluster: &mut Cluster, arguments: &mut Arguments<'_>) -> Result<(), Problem> {
    let id = unbooted(cluster, arguments)?;
    let terms = arguments.terms()?;
    arguments.finish()?;
    let at = |(&term, index): (&Term, u64)| Entry {
        position: Position {
            term,
            index: Index(index),
        },
        // The same text wherever the same entry stands, as Log Matching asks.
        body: Body::Command(format!("t{term}").into()),
    };
    cluster.member_mut(id)?.image.entries = terms.iter().zip(1..).map(at).collect();
    Ok(())
}

fn term(cluster: &mut Cluster, arguments: &mut Arguments<'_>) -> Result<(), Problem> {
    let id = unbooted(cluster, arguments)?;
    let term = arguments.number("a term")?;
    arguments.finish()?;
    cluster.member_mut(id)?.image.ballot.term = Term(term);
    Ok(())
}

fn mutant(cluster: &mut Cluster, arguments: &mut Arguments<'_>) -> Result<(), Problem> {
    let name = arguments.word("the name of a mutant")?;
    arguments.finish()?;
    if cluster.has_booted() {
        return Err(Problem::AlreadyBooted);
    }
    let mutant = Mutant::ALL.iter().copied().find(|mutant| mutant.name() == name);
    cluster.config.mutant = Some(mutant.ok_or_else(|| arguments.unexpected("the name of a mutant", name))?);
    Ok(())
}

fn boot(cluster: &mut Cluster, arguments: &mut Arguments<'_>) -> Result<(), Problem> {
    arguments.finish()?;
    cluster.boot_all()
}

/// The node that a setup command is about.
fn unbooted(cluster: &Cluster, arguments: &mut Arguments<'_>) -> Result<NodeId, Problem> {
    let id = arguments.node()?;
    if cluster.members.is_empty() {
        return Err(Problem::NoCluster);
    }
    if cluster.has_booted() {
        return Err(Problem::AlreadyBooted);
    }
    cluster.member(id).map(|_| id)
}
