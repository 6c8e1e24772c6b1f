//! Random lines: each is drawn from what can happen to the cluster as it is now, and written as a line of the language, so
//! that what chance found can be copied into a script.

use raft_core::{Membership, NodeId};

use super::arguments::Arguments;
use super::cluster::Cluster;
use super::commands::command_named;
use super::error::Problem;
use super::links::{Link, Selector};
use crate::choices::Choices;

/// A new node is made only while there are fewer.
const NODES_MAX: usize = 7;

/// How often another kind is drawn when there is nothing to do of one.
const TRIES: usize = 16;

/// Draws a line of one kind; None if there is no such thing to do now.
type Draw = fn(&mut Choices, &Cluster) -> Option<String>;

/// What may happen, and how often beside the others.
const KINDS: &[(u64, Draw)] = &[
    (30, deliver),
    (6, |_, _| Some("deliver all".to_owned())),
    (3, |choices, cluster| {
        Some(format!("drop {}", message(choices, cluster)?))
    }),
    (3, |choices, cluster| {
        Some(format!("dup {}", message(choices, cluster)?))
    }),
    (2, |choices, cluster| {
        Some(format!("move {} first", message(choices, cluster)?))
    }),
    (10, saved),
    (12, put),
    (3, read),
    (6, tick),
    (4, |choices, _| Some(format!("wait {}", choices.between(1, 600)))),
    (2, crash),
    (4, restart),
    (1, partition),
    (1, cut),
    (3, |_, cluster| {
        cluster.links.is_any_cut().then(|| "heal".to_owned())
    }),
    (1, disk),
    (1, |choices, cluster| {
        Some(format!("snapshot {}", up(choices, cluster)?))
    }),
    (1, limits),
    (1, |choices, cluster| {
        Some(format!(
            "clock {} +{}ms",
            up(choices, cluster)?,
            choices.between(1, 300)
        ))
    }),
    (1, link_closed),
    (1, transfer),
    (1, add_node),
    (3, change),
];

/// Draws and carries out so many lines. Those that make no sense after all change nothing.
///
/// # Errors
/// A property that broke.
pub(crate) fn run(cluster: &mut Cluster, choices: &mut Choices, lines: u64) -> Result<(), Problem> {
    for _ in 0..lines {
        let text = draw(choices, cluster);
        cluster.trace.drawn(&text);
        match carry_out(cluster, &text) {
            Ok(()) => {}
            Err(problem) if problem.is_a_break() => return Err(problem),
            Err(problem) => cluster.trace.raw(format!("nothing: {problem}")),
        }
    }
    Ok(())
}

/// Something that can happen; time can always pass.
fn draw(choices: &mut Choices, cluster: &Cluster) -> String {
    let whole: u64 = KINDS.iter().map(|(weight, _)| weight).sum();
    for _ in 0..TRIES {
        let mut at = choices.below(whole);
        let kind = KINDS.iter().find(|(weight, _)| {
            let is_it = at < *weight;
            at = at.saturating_sub(*weight);
            is_it
        });
        if let Some(text) = kind.and_then(|(_, draw)| draw(choices, cluster)) {
            return text;
        }
    }
    "wait 100".to_owned()
}

fn carry_out(cluster: &mut Cluster, text: &str) -> Result<(), Problem> {
    let (name, words) = text.split_once(' ').unwrap_or((text, ""));
    let command = command_named(name).expect("what is drawn is of the language");
    (command.run)(cluster, &mut Arguments::new(words, command.usage))
}

fn one_of<T: Copy>(choices: &mut Choices, from: impl IntoIterator<Item = T>) -> Option<T> {
    let all: Vec<T> = from.into_iter().collect();
    (!all.is_empty()).then(|| choices.pick(&all))
}

fn up(choices: &mut Choices, cluster: &Cluster) -> Option<NodeId> {
    let up = |(&id, member): (&NodeId, &super::member::Member)| member.raft.is_some().then_some(id);
    one_of(choices, cluster.members.iter().filter_map(up))
}

fn any(choices: &mut Choices, cluster: &Cluster) -> Option<NodeId> {
    one_of(choices, cluster.members.keys().copied())
}

fn pair(choices: &mut Choices, cluster: &Cluster) -> Option<Link> {
    let (from, to) = (any(choices, cluster)?, any(choices, cluster)?);
    (from != to).then_some(Link { from, to })
}

/// Who leads, or another for once.
fn asked(choices: &mut Choices, cluster: &Cluster) -> Option<NodeId> {
    match cluster.leader() {
        Some(leader) if choices.below(5) > 0 => Some(leader),
        _ => up(choices, cluster),
    }
}

/// The id of a message that can arrive.
fn message(choices: &mut Choices, cluster: &Cluster) -> Option<String> {
    let (link, number) = one_of(choices, cluster.links.select(&Selector::default()))?;
    Some(format!("{link}#{number}"))
}

/// Of its link, usually the oldest: links seldom reorder.
fn deliver(choices: &mut Choices, cluster: &Cluster) -> Option<String> {
    let all = cluster.links.select(&Selector::default());
    let (link, number) = one_of(choices, all.iter().copied())?;
    let oldest = all.iter().find(|(other, _)| *other == link)?.1;
    let number = if choices.below(8) == 0 { number } else { oldest };
    Some(format!("deliver {link}#{number}"))
}

fn saved(choices: &mut Choices, cluster: &Cluster) -> Option<String> {
    let waits = cluster.members.iter().filter_map(|(&id, member)| {
        (member.saving.is_some() || !member.saving_snapshots.is_empty()).then_some(id)
    });
    Some(format!("saved {}", one_of(choices, waits)?))
}

fn put(choices: &mut Choices, cluster: &Cluster) -> Option<String> {
    Some(format!(
        "put {} x{}",
        asked(choices, cluster)?,
        choices.below(1000)
    ))
}

/// Ids are used once in a node's life.
fn read(choices: &mut Choices, cluster: &Cluster) -> Option<String> {
    let id = any(choices, cluster)?;
    let fresh = cluster.member(id).ok()?.asked.iter().map(|read| read.0 + 1).max();
    Some(format!("read {id} {}", fresh.unwrap_or(1)))
}

/// Usually of the one whose deadline is next.
fn tick(choices: &mut Choices, cluster: &Cluster) -> Option<String> {
    let id = match cluster.next_deadline() {
        Some((_, id)) if choices.below(4) > 0 => id,
        _ => up(choices, cluster)?,
    };
    Some(format!("tick {id}"))
}

fn crash(choices: &mut Choices, cluster: &Cluster) -> Option<String> {
    let lose = choices.pick(&["all", "none"]);
    Some(format!("crash {} lose={lose}", up(choices, cluster)?))
}

fn restart(choices: &mut Choices, cluster: &Cluster) -> Option<String> {
    let down = cluster.members.iter().filter(|(_, member)| member.raft.is_none());
    Some(format!("restart {}", one_of(choices, down.map(|(&id, _)| id))?))
}

fn partition(choices: &mut Choices, cluster: &Cluster) -> Option<String> {
    let mut groups = [Vec::new(), Vec::new()];
    for id in cluster.members.keys() {
        groups[usize::from(choices.below(2) == 1)].push(id.to_string());
    }
    let groups = groups.iter().filter(|group| !group.is_empty());
    let groups: Vec<String> = groups.map(|group| format!("{{{}}}", group.join(" "))).collect();
    Some(format!("partition {}", groups.join("|")))
}

fn cut(choices: &mut Choices, cluster: &Cluster) -> Option<String> {
    Some(format!("cut {}", pair(choices, cluster)?))
}

fn disk(choices: &mut Choices, cluster: &Cluster) -> Option<String> {
    let manner = choices.pick(&["auto", "manual", "stall"]);
    Some(format!("disk {} {manner}", any(choices, cluster)?))
}

fn limits(choices: &mut Choices, cluster: &Cluster) -> Option<String> {
    let name = choices.pick(&[
        "append_bytes",
        "inflight",
        "inflight_bytes",
        "log_bytes",
        "tail_bytes",
        "spare_bytes",
        "chunk_bytes",
    ]);
    let value = choices.pick(&[1, 3, 10, 200, 100_000]);
    Some(format!("config {} {name}={value}", any(choices, cluster)?))
}

fn link_closed(choices: &mut Choices, cluster: &Cluster) -> Option<String> {
    let Link { from, to } = pair(choices, cluster)?;
    cluster.raft(from).ok()?;
    Some(format!("link-closed {from} {to}"))
}

fn transfer(choices: &mut Choices, cluster: &Cluster) -> Option<String> {
    if choices.below(3) == 0 {
        return Some(format!("hand-over {}", asked(choices, cluster)?));
    }
    Some(format!(
        "transfer {} {}",
        asked(choices, cluster)?,
        any(choices, cluster)?
    ))
}

fn add_node(_: &mut Choices, cluster: &Cluster) -> Option<String> {
    let last = cluster.members.keys().last()?;
    (cluster.members.len() < NODES_MAX).then(|| format!("add-node {}", last.0 + 1))
}

/// One part, or two at once. The last three voters stay, so that a cluster outlives it.
fn change(choices: &mut Choices, cluster: &Cluster) -> Option<String> {
    let asked = asked(choices, cluster)?;
    let membership = cluster.raft(asked).ok()?.log_membership();
    let mut text = format!("change {asked}");
    for _ in 0..=choices.below(2) {
        text.push(' ');
        text.push_str(&part_of_change(choices, cluster, membership)?);
    }
    Some(text)
}

fn part_of_change(choices: &mut Choices, cluster: &Cluster, membership: &Membership) -> Option<String> {
    let stranger = |id: &NodeId| !membership.contains(*id) && !membership.removed.contains(id);
    let voters = || membership.voters.iter().copied();
    let learners = || membership.learners.iter().copied();
    let spare = membership.voters.len() > 3;
    Some(match choices.below(5) {
        0 => format!(
            "learner={}",
            one_of(choices, cluster.members.keys().copied().filter(stranger))?
        ),
        1 => format!("voter={}", one_of(choices, learners())?),
        2 if spare => format!("remove={}", one_of(choices, voters().chain(learners()))?),
        3 if spare => format!("demote={}", one_of(choices, voters())?),
        _ => format!("priority={}:{}", one_of(choices, voters())?, choices.below(3)),
    })
}
