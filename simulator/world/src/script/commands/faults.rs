//! What goes wrong: links, nodes and disks.

use std::collections::BTreeSet;

use raft_core::NodeId;

use super::Command;
use crate::script::arguments::{Arguments, node};
use crate::script::cluster::Cluster;
use crate::script::disk::Manner;
use crate::script::error::Problem;
use crate::script::links::Link;

pub(super) const COMMANDS: &[Command] = &[
    Command::new(
        "partition",
        "partition {1 2}|{3}: only links within a group carry what is sent",
        partition,
    ),
    Command::new(
        "cut",
        "cut LINK: what is sent on it is lost; what is under way waits",
        cut,
    ),
    Command::new("heal", "heal: every link carries messages again", heal),
    Command::new(
        "crash",
        "crash I [lose=all|none]: I goes down, and its Save in flight is lost, or had reached the disk",
        crash,
    ),
    Command::new("restart", "restart I: I boots from what its disk has", restart),
    Command::new(
        "disk",
        "disk I auto|manual|stall|fail: I's Saves are done at once, or wait for `saved`, or wait until its disk does \
         otherwise; or the next one fails, and I stops",
        disk,
    ),
    Command::new("wipe", "wipe I: I, which is down, loses its disk", wipe),
    Command::new(
        "saved",
        "saved I [snapshot]: I's Save in flight is on disk; or its snapshot, also if there is no Save",
        saved,
    ),
];

fn partition(cluster: &mut Cluster, arguments: &mut Arguments<'_>) -> Result<(), Problem> {
    const EXPECTED: &str = "groups, such as {1 2}|{3}";
    let text = arguments.rest(EXPECTED)?;
    let mut groups: Vec<BTreeSet<NodeId>> = Vec::new();
    for group in text.split('|') {
        let inner = group
            .trim()
            .strip_prefix('{')
            .and_then(|group| group.strip_suffix('}'));
        let ids: Option<BTreeSet<NodeId>> = inner.and_then(|ids| ids.split_whitespace().map(node).collect());
        groups.push(ids.ok_or_else(|| arguments.unexpected(EXPECTED, &text))?);
    }
    for &id in groups.iter().flatten() {
        cluster.member(id)?;
    }
    cluster.links.heal();
    let ids: Vec<NodeId> = cluster.members.keys().copied().collect();
    let together = |a: NodeId, b: NodeId| {
        groups
            .iter()
            .any(|group| group.contains(&a) && group.contains(&b))
    };
    for &from in &ids {
        for &to in ids.iter().filter(|&&to| to != from && !together(from, to)) {
            cluster.links.cut(Link { from, to });
        }
    }
    Ok(())
}

fn cut(cluster: &mut Cluster, arguments: &mut Arguments<'_>) -> Result<(), Problem> {
    let link = arguments.link()?;
    arguments.finish()?;
    cluster.links.cut(link);
    Ok(())
}

fn heal(cluster: &mut Cluster, arguments: &mut Arguments<'_>) -> Result<(), Problem> {
    arguments.finish()?;
    cluster.links.heal();
    Ok(())
}

fn crash(cluster: &mut Cluster, arguments: &mut Arguments<'_>) -> Result<(), Problem> {
    let lose = arguments.option("lose").unwrap_or("all");
    let id = arguments.node()?;
    arguments.finish()?;
    if !["all", "none"].contains(&lose) {
        return Err(arguments.unexpected("lose=all or lose=none", lose));
    }
    cluster.raft(id)?;
    let line = cluster.links.line;
    let member = cluster.member_mut(id)?;
    let save = member.saving.take();
    let fate = match (&save, lose) {
        (None, _) => "",
        (Some(_), "none") => ": its Save in flight had reached the disk",
        (Some(_), _) => ": its Save in flight is lost",
    };
    if let Some(save) = save.filter(|_| lose == "none") {
        member.disk.write(&save);
    }
    member.crash(line);
    cluster.trace.down(id, fate);
    Ok(())
}

fn restart(cluster: &mut Cluster, arguments: &mut Arguments<'_>) -> Result<(), Problem> {
    let id = arguments.node()?;
    arguments.finish()?;
    if cluster.member(id)?.raft.is_some() {
        return Err(Problem::Up(id));
    }
    cluster.boot(id)
}

fn wipe(cluster: &mut Cluster, arguments: &mut Arguments<'_>) -> Result<(), Problem> {
    let id = arguments.node()?;
    arguments.finish()?;
    let member = cluster.member_mut(id)?;
    if member.raft.is_some() {
        return Err(Problem::Up(id));
    }
    member.wipe();
    Ok(())
}

fn disk(cluster: &mut Cluster, arguments: &mut Arguments<'_>) -> Result<(), Problem> {
    const EXPECTED: &str = "auto, manual, stall or fail";
    let id = arguments.node()?;
    let word = arguments.word(EXPECTED)?;
    arguments.finish()?;
    let manner = match word {
        "auto" => Manner::Auto,
        "manual" => Manner::Manual,
        "stall" => Manner::Stalled,
        "fail" => Manner::Failing,
        _ => return Err(arguments.unexpected(EXPECTED, word)),
    };
    cluster.set_disk(id, manner)
}

fn saved(cluster: &mut Cluster, arguments: &mut Arguments<'_>) -> Result<(), Problem> {
    let id = arguments.node()?;
    let word = arguments.optional_word();
    arguments.finish()?;
    let member = cluster.member(id)?;
    let is_snapshot = match word {
        None => member.saving.is_none() && !member.saving_snapshots.is_empty(),
        Some("snapshot") => true,
        Some(other) => return Err(arguments.unexpected("snapshot, or the end of the line", other)),
    };
    if is_snapshot {
        cluster.saved_snapshot(id)
    } else {
        cluster.saved(id)
    }
}
