//! Commands that look, or let everything run, and those that speak to the reader.

use raft_core::{Index, ReadId};

use super::Command;
use crate::choices::Choices;
use crate::script::arguments::Arguments;
use crate::script::cluster::Cluster;
use crate::script::error::Problem;
use crate::script::expect::Predicate;
use crate::script::facts::Facts;
use crate::script::{random, why_not};

/// Of `until`, if a line does not say.
const UNTIL_STEPS_MAX: u64 = 1000;

pub(super) const COMMANDS: &[Command] = &[
    Command::new(
        "stabilize",
        "stabilize: saves and deliveries until nothing moves; clocks stand still",
        stabilize,
    ),
    Command::new(
        "until",
        "until PREDICATE ... [max=K]: saves and deliveries, and when nothing moves the next deadline, until all hold; at \
         most K of them, 1000 if not said",
        until,
    ),
    Command::new(
        "random",
        "random K seed=S: K lines drawn by chance, always the same ones for the same cluster; each is shown after `~`",
        random,
    ),
    Command::new(
        "expect",
        "expect leader=1 log(2)=1,1,2 commit(1)>=3 ...: ends the run if one does not hold; = != >= <=",
        check,
    ),
    Command::new(
        "expect-never",
        "expect-never PREDICATE ...: from here on, ends the run as soon as one holds",
        never,
    ),
    Command::new(
        "why-not",
        "why-not [commit K [I] | leader | read ID [I]]: walks the causes back, from what is missing to the line behind it; \
         I: as I sees it; alone: of all that is missing",
        why_not,
    ),
    Command::new("state", "state [I]: one line about each node, or about I", state),
    Command::setup("note", "note \"TEXT\": a remark in the trace", note),
];

fn stabilize(cluster: &mut Cluster, arguments: &mut Arguments<'_>) -> Result<(), Problem> {
    arguments.finish()?;
    cluster.stabilize()
}

fn until(cluster: &mut Cluster, arguments: &mut Arguments<'_>) -> Result<(), Problem> {
    let steps_max = match arguments.option("max") {
        Some(word) => arguments.number_in(word, "max=K")?,
        None => UNTIL_STEPS_MAX,
    };
    let predicates = Predicate::parse_all(arguments)?;
    cluster.until(&predicates, steps_max)
}

fn random(cluster: &mut Cluster, arguments: &mut Arguments<'_>) -> Result<(), Problem> {
    let seed = match arguments.option("seed") {
        Some(word) => arguments.number_in(word, "seed=S")?,
        None => return Err(arguments.unexpected("seed=S", "")),
    };
    let lines = arguments.number("how many lines")?;
    arguments.finish()?;
    random::run(cluster, &mut Choices::of_seed(seed), lines)
}

fn check(cluster: &mut Cluster, arguments: &mut Arguments<'_>) -> Result<(), Problem> {
    let predicates = Predicate::parse_all(arguments)?;
    predicates
        .iter()
        .try_for_each(|predicate| predicate.check(cluster))
}

fn never(cluster: &mut Cluster, arguments: &mut Arguments<'_>) -> Result<(), Problem> {
    let line = cluster.links.line;
    for predicate in Predicate::parse_all(arguments)? {
        if predicate.holds(cluster) {
            return Err(Problem::Happened {
                line,
                predicate: predicate.to_string(),
            });
        }
        cluster.never.push((line, predicate));
    }
    Ok(())
}

fn why_not(cluster: &mut Cluster, arguments: &mut Arguments<'_>) -> Result<(), Problem> {
    const EXPECTED: &str = "commit K, leader or read ID";
    if arguments.is_empty() {
        let lines = why_not::all(cluster);
        lines
            .iter()
            .for_each(|causes| cluster.trace.raw(causes.to_string()));
        return Ok(());
    }
    let lines = match arguments.word(EXPECTED)? {
        "leader" => why_not::leader(cluster),
        "commit" => {
            let index = Index(arguments.number("an index")?);
            let at = arguments.optional_node()?;
            at.map_or(Ok(()), |id| cluster.member(id).map(|_| ()))?;
            why_not::commit(cluster, index, at)
        }
        "read" => {
            let id = ReadId(arguments.number("a read's id")?);
            let node = arguments.optional_node()?;
            let asked = || {
                cluster
                    .members
                    .iter()
                    .find(|(_, member)| member.asked.contains(&id))
            };
            let node = node.or_else(|| asked().map(|(&id, _)| id));
            let node =
                node.ok_or_else(|| arguments.unexpected("a read that a node was asked", &id.to_string()))?;
            cluster.member(node)?;
            why_not::read(cluster, node, id)
        }
        other => return Err(arguments.unexpected(EXPECTED, other)),
    };
    arguments.finish()?;
    lines
        .iter()
        .for_each(|causes| cluster.trace.raw(causes.to_string()));
    Ok(())
}

fn state(cluster: &mut Cluster, arguments: &mut Arguments<'_>) -> Result<(), Problem> {
    let one = arguments.optional_node()?;
    arguments.finish()?;
    for id in cluster.ids(one)? {
        let member = cluster.member(id)?;
        let Some(raft) = &member.raft else {
            cluster.trace.down(id, "");
            continue;
        };
        let facts = Facts::of(raft);
        let text = format!(
            "{} {} commit={} applied={} durable={} state={:08x}",
            facts.role,
            facts.log_text(),
            facts.commit,
            raft.last_applied(),
            raft.durable_index(),
            member.state.digest(),
        );
        cluster.say(id, text)?;
    }
    Ok(())
}

/// The line itself is in the trace already.
fn note(_: &mut Cluster, arguments: &mut Arguments<'_>) -> Result<(), Problem> {
    arguments.rest("a remark").map(|_| ())
}
