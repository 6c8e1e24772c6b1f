//! What the cluster boots from.

use raft_core::{Body, Entry, Index, Mutant, NodeId, Position, Term};

use super::Command;
use crate::script::arguments::{Arguments, node};
use crate::script::cluster::Cluster;
use crate::script::disk::Manner;
use crate::script::error::Problem;
use crate::script::settings::Settings;

pub(super) const COMMANDS: &[Command] = &[
    Command::setup(
        "cluster",
        "cluster N [leader=I] [disk=auto|manual] [SETTING ...]: voters 1 to N; I leads already; Saves wait for `saved`; \
         settings as of `config`",
        cluster,
    ),
    Command::setup(
        "config",
        "config [I] SETTING ...: of I, or of all; pre_vote=on|off check_quorum=on|off election_timeout=SPAN \
         heartbeat_interval=SPAN disk_stall=SPAN version=V for nodes that are down; at any time, in bytes or messages, \
         append_bytes (0: one entry) inflight inflight_bytes entry_bytes uncommitted_bytes log_bytes tail_bytes \
         spare_bytes chunk_bytes reads",
        config,
    ),
    Command::setup(
        "add-node",
        "add-node I: a blank node with a disk of its own, that knows of no cluster and may be taken into one",
        add_node,
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
    let settings = Settings::take(arguments)?;
    let count = arguments.number("the number of nodes")?;
    arguments.finish()?;
    if !(1..=99).contains(&count) {
        return Err(arguments.unexpected("a number of nodes from 1 to 99", &count.to_string()));
    }
    settings.apply(&mut cluster.config);
    cluster.form(count);
    cluster.first_manner = match disk {
        "auto" => Manner::Auto,
        "manual" => Manner::Manual,
        _ => return Err(arguments.unexpected("disk=auto or disk=manual", disk)),
    };
    cluster.first_leader = match leader {
        None => None,
        Some(word) => Some(node(word).ok_or_else(|| arguments.unexpected("leader=I", word))?),
    };
    cluster
        .first_leader
        .map_or(Ok(()), |id| cluster.member(id).map(|_| ()))
}

fn config(cluster: &mut Cluster, arguments: &mut Arguments<'_>) -> Result<(), Problem> {
    let settings = Settings::take(arguments)?;
    let one = arguments.optional_node()?;
    arguments.finish()?;
    if settings.is_empty() {
        return Err(arguments.unexpected("a setting, such as pre_vote=off", ""));
    }
    if cluster.members.is_empty() {
        return Err(Problem::NoCluster);
    }
    let ids = cluster.ids(one)?;
    for &id in &ids {
        if settings.needs_boot && cluster.member(id)?.raft.is_some() {
            return Err(Problem::Up(id));
        }
    }
    if one.is_none() {
        settings.apply(&mut cluster.config);
    }
    for id in ids {
        cluster.configure(id, &settings)?;
    }
    Ok(())
}

fn add_node(cluster: &mut Cluster, arguments: &mut Arguments<'_>) -> Result<(), Problem> {
    let id = arguments.node()?;
    arguments.finish()?;
    if cluster.members.is_empty() {
        return Err(Problem::NoCluster);
    }
    cluster.add_node(id)
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
    cluster.member_mut(id)?.disk.image.entries = terms.iter().zip(1..).map(at).collect();
    Ok(())
}

fn term(cluster: &mut Cluster, arguments: &mut Arguments<'_>) -> Result<(), Problem> {
    let id = unbooted(cluster, arguments)?;
    let term = arguments.number("a term")?;
    arguments.finish()?;
    cluster.member_mut(id)?.disk.image.ballot.term = Term(term);
    Ok(())
}

fn mutant(cluster: &mut Cluster, arguments: &mut Arguments<'_>) -> Result<(), Problem> {
    let name = arguments.word("the name of a mutant")?;
    arguments.finish()?;
    if cluster.has_booted() {
        return Err(Problem::AlreadyBooted);
    }
    let mutant = Mutant::ALL.iter().copied().find(|mutant| mutant.name() == name);
    let mutant = mutant.ok_or_else(|| arguments.unexpected("the name of a mutant", name))?;
    cluster.config.mutant = Some(mutant);
    let members = cluster.members.values_mut();
    members.for_each(|member| member.config.mutant = Some(mutant));
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
