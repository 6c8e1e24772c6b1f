//! Why a linearizable read is not answered.

use raft_core::{Message, NodeId, Raft, ReadId, Round, Why};

use super::{Causes, commit};
use crate::script::cluster::Cluster;
use crate::script::links::Link;

/// Why the read `id`, asked of `node`, may not be answered.
pub(crate) fn read(cluster: &Cluster, node: NodeId, id: ReadId) -> Vec<Causes> {
    let effect = Causes::of(format!("n{node} does not answer read {id}"));
    if let Some(causes) = cluster.silent(node) {
        return vec![effect.because_of(causes)];
    }
    let (Some(member), Ok(raft)) = (cluster.members.get(&node), cluster.raft(node)) else {
        return vec![effect];
    };
    if member.reads.contains(&id) {
        return vec![Causes::of(format!("n{node} may answer read {id}"))];
    }
    if !member.asked.contains(&id) {
        return vec![effect.because("no line asked it")];
    }
    if raft.is_leader() {
        let mut lines = vec![effect];
        lines.extend(by_leader(cluster, node, raft, id));
        return lines;
    }
    let dropped = |why: &Why| why.name().starts_with("ReadsDropped");
    let Some(leader) = raft.leader() else {
        return vec![match cluster.last_reason(node, dropped) {
            Some(causes) => effect.because_of(causes),
            None => effect.because(format!("n{node} knows no leader to ask")),
        }];
    };
    let (there, back) = (
        Link {
            from: node,
            to: leader,
        },
        Link {
            from: leader,
            to: node,
        },
    );
    let asks = |message: &Message| matches!(message, Message::ReadIndex { id: asked, .. } if *asked == id);
    let answers =
        |message: &Message| matches!(message, Message::ReadIndexReply { id: asked, .. } if *asked == id);
    let Some(asked) = cluster.newest(there, asks) else {
        return vec![match cluster.last_reason(node, dropped) {
            Some(causes) => effect.because_of(causes),
            None => effect.because(format!("n{node} did not ask n{leader}, which it follows")),
        }];
    };
    let answer = cluster.newest(back, answers);
    if let Some(causes) = cluster.not_arrived(answer.unwrap_or(asked)) {
        return vec![effect.because_of(causes)];
    }
    let mut lines = vec![effect.because(format!("n{leader} has not answered ReadIndex {}", asked.flight))];
    if let Ok(raft) = cluster.raft(leader) {
        lines.extend(by_leader(cluster, leader, raft, id));
    }
    lines
}

/// What a leader waits for before a read may be answered.
fn by_leader(cluster: &Cluster, leader: NodeId, raft: &Raft, id: ReadId) -> Vec<Causes> {
    if !raft.knows_what_is_committed() {
        let first = raft.entries().find(|entry| entry.position.term == raft.term());
        let Some(first) = first.map(|entry| entry.position.index) else {
            return Vec::new();
        };
        let mut lines = vec![Causes::of(format!(
            "n{leader} does not know yet what is committed: no entry of its term is (Raft 8)"
        ))];
        lines.extend(commit(cluster, first, None));
        return lines;
    }
    let round = waited_for(cluster, leader, id)
        .or_else(|| raft.round())
        .unwrap_or_default();
    let membership = raft.log_membership();
    let confirmed =
        |voter: NodeId| voter == leader || raft.follower(voter).is_some_and(|view| view.round >= round);
    let mut lines = Vec::new();
    for voters in [&membership.voters, &membership.outgoing] {
        let have = voters.iter().filter(|&&voter| confirmed(voter)).count();
        let needed = voters.len() / 2 + 1;
        if voters.is_empty() || have >= needed {
            continue;
        }
        lines.push(Causes::of(format!(
            "round {round} is not confirmed: by {have} of {} voters, {needed} are needed (Raft 8, thesis 6.4)",
            voters.len()
        )));
        let missing = voters.iter().filter(|&&voter| !confirmed(voter));
        lines.extend(missing.map(|&voter| not_confirmed(cluster, leader, voter, round)));
    }
    lines
}

/// The round that the leader said the read waits for.
fn waited_for(cluster: &Cluster, leader: NodeId, id: ReadId) -> Option<Round> {
    let reasons = &cluster.members.get(&leader)?.reasons;
    reasons.iter().rev().find_map(|(_, why)| match *why {
        Why::ReadWaitsForRound { id: waiting, round } if waiting == id => Some(round),
        _ => None,
    })
}

fn not_confirmed(cluster: &Cluster, leader: NodeId, voter: NodeId, round: Round) -> Causes {
    let effect = Causes::of(format!("n{voter} has not confirmed round {round}"));
    if let Some(causes) = cluster.silent(voter) {
        return effect.because_of(causes);
    }
    let asks =
        |message: &Message| matches!(message, Message::Heartbeat { round: asked, .. } if *asked >= round);
    let answers =
        |message: &Message| matches!(message, Message::HeartbeatReply { round: said, .. } if *said >= round);
    let (there, back) = (
        Link {
            from: leader,
            to: voter,
        },
        Link {
            from: voter,
            to: leader,
        },
    );
    let found = cluster
        .newest(back, answers)
        .or_else(|| cluster.newest(there, asks))
        .and_then(|sent| cluster.not_arrived(sent));
    match found {
        Some(causes) => effect.because_of(causes),
        None => effect.because(format!(
            "n{leader} asks again at its next heartbeat: no line ticks it"
        )),
    }
}
