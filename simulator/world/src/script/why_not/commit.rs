//! Why an entry is not committed: who lacks it, or does not say that it has it.

use std::collections::BTreeSet;

use raft_core::{AppendOutcome, Index, InstallOutcome, Message, NodeId, Raft, Why};

use super::{Causes, carries, leader};
use crate::script::cluster::Cluster;
use crate::script::links::Link;

/// Why `index` is not committed by whoever leads, or is not known to be by `at`.
pub(crate) fn commit(cluster: &Cluster, index: Index, at: Option<NodeId>) -> Vec<Causes> {
    let Some(id) = cluster.leader() else {
        let mut lines = vec![Causes::of(format!("{index} is not committed")).because("nobody leads")];
        lines.extend(leader(cluster));
        return lines;
    };
    let Ok(raft) = cluster.raft(id) else {
        return Vec::new();
    };
    if raft.commit_index() < index {
        return by_leader(cluster, id, raft, index);
    }
    match at.filter(|&at| at != id) {
        Some(at) => vec![by_follower(cluster, id, at, index)],
        None => vec![Causes::of(format!(
            "{index} is committed: n{id}, which leads term {}, has committed up to {}",
            raft.term(),
            raft.commit_index()
        ))],
    }
}

fn by_leader(cluster: &Cluster, id: NodeId, raft: &Raft, index: Index) -> Vec<Causes> {
    let term = raft.term();
    let effect = Causes::of(format!("{index} is not committed"));
    if raft.last().index < index {
        let last = raft.last();
        return vec![effect.because(format!(
            "n{id}, which leads term {term}, has no such entry: its log ends at {last}"
        ))];
    }
    let acknowledged = |voter: NodeId| {
        if voter == id {
            return raft.durable_index() >= index;
        }
        raft.follower(voter).is_some_and(|view| view.match_index >= index)
    };
    let membership = raft.log_membership();
    let mut lacking = BTreeSet::new();
    let mut quorums = Vec::new();
    for voters in [&membership.voters, &membership.outgoing] {
        let have = voters.iter().filter(|&&voter| acknowledged(voter)).count();
        let needed = voters.len() / 2 + 1;
        if !voters.is_empty() && have < needed {
            quorums.push(format!(
                "{have} of {} voters are known to have it, {needed} are needed",
                voters.len()
            ));
            lacking.extend(voters.iter().copied().filter(|&voter| !acknowledged(voter)));
        }
    }
    if quorums.is_empty() {
        let old_term = |why: &Why| matches!(why, Why::CommitWithheldOldTerm { .. });
        return vec![match cluster.last_reason(id, old_term) {
            Some(causes) => effect.because_of(causes),
            None => effect.because(format!("n{id} learned of its last copy just now")),
        }];
    }
    let mut lines = vec![effect.because(quorums.join("; "))];
    lines.extend(
        lacking
            .into_iter()
            .map(|voter| not_acknowledged(cluster, id, voter, index)),
    );
    lines
}

/// Why `leader` does not know that `voter` has `index`.
pub(super) fn not_acknowledged(cluster: &Cluster, leader: NodeId, voter: NodeId, index: Index) -> Causes {
    if voter == leader {
        return Causes::of(format!("n{voter}'s own copy does not count")).because_of(cluster.unsaved(voter));
    }
    let effect = Causes::of(format!("n{voter}'s acknowledgement of {index} is missing"));
    if let Some(causes) = cluster.silent(voter) {
        return effect.because_of(causes);
    }
    let (Ok(ours), Ok(theirs)) = (cluster.raft(leader), cluster.raft(voter)) else {
        return effect;
    };
    let has = theirs.mark().position.index >= index
        || position_of(theirs, index).is_some_and(|position| Some(position) == position_of(ours, index));
    if !has {
        return effect.because_of(not_there(cluster, leader, voter, index));
    }
    if theirs.durable_index() < index {
        return effect.because_of(cluster.unsaved(voter));
    }
    let back = Link {
        from: voter,
        to: leader,
    };
    let says_so = |message: &Message| match message {
        Message::AppendEntriesReply(AppendOutcome::Matched(matched)) => *matched >= index,
        Message::InstallSnapshotReply {
            mark,
            outcome: InstallOutcome::Installed,
        } => mark.index >= index,
        _ => false,
    };
    let answer = cluster
        .newest(back, says_so)
        .and_then(|sent| cluster.not_arrived(sent));
    match answer {
        Some(causes) => effect.because_of(causes),
        None => effect.because_of(not_sent(cluster, leader, voter, index)),
    }
}

/// Why `voter` does not have `index` of the leader's log.
fn not_there(cluster: &Cluster, leader: NodeId, voter: NodeId, index: Index) -> Causes {
    let effect = Causes::of(format!("n{voter} does not have it"));
    let link = Link {
        from: leader,
        to: voter,
    };
    let Some(sent) = cluster.newest(link, |message| carries(message, index)) else {
        return effect.because_of(not_sent(cluster, leader, voter, index));
    };
    if let Some(causes) = cluster.not_arrived(sent) {
        return effect.because_of(causes);
    }
    let refused = |why: &Why| why.name().starts_with("Append");
    match cluster.last_reason(voter, refused) {
        Some(causes) => effect.because_of(causes),
        None => effect.because(format!("it took nothing of AppendEntries {}", sent.flight)),
    }
}

/// Why the leader has not sent `index`, or not again: what it waits for.
fn not_sent(cluster: &Cluster, leader: NodeId, voter: NodeId, index: Index) -> Causes {
    let Some(view) = cluster.raft(leader).ok().and_then(|raft| raft.follower(voter)) else {
        return Causes::of(format!("n{leader} sends n{voter} nothing: it is no member"));
    };
    let state = Causes::of(format!(
        "n{leader} sends n{voter} by {}, next is {}, {index} is not sent yet",
        view.pace, view.next_index
    ));
    let link = Link {
        from: leader,
        to: voter,
    };
    let about_log = |message: &Message| {
        matches!(
            message,
            Message::AppendEntries { .. } | Message::InstallSnapshot { .. }
        )
    };
    let answers = |message: &Message| {
        matches!(
            message,
            Message::AppendEntriesReply(_) | Message::InstallSnapshotReply { .. }
        )
    };
    let back = Link {
        from: voter,
        to: leader,
    };
    let there = cluster
        .newest(link, about_log)
        .and_then(|sent| cluster.not_arrived(sent));
    let answer = || {
        cluster
            .newest(back, answers)
            .and_then(|sent| cluster.not_arrived(sent))
    };
    let paused = || {
        cluster.last_reason(leader, |why| {
            matches!(why,
                    Why::PausedForProbe { peer, .. }
                    | Why::PausedByMessages { peer, .. }
                    | Why::PausedByBytes { peer, .. }
                    | Why::PausedForSnapshot { peer, .. } if *peer == voter)
        })
    };
    match there.or_else(answer).or_else(paused) {
        Some(causes) => state.because_of(causes),
        None if cluster
            .members
            .get(&voter)
            .is_some_and(|member| member.saving.is_some()) =>
        {
            state.because_of(cluster.unsaved(voter))
        }
        None => state.because("it waits for its next deadline: no line ticks it"),
    }
}

/// Why `at` does not know that `index` is committed.
fn by_follower(cluster: &Cluster, leader: NodeId, at: NodeId, index: Index) -> Causes {
    if cluster.raft(at).is_ok_and(|raft| raft.commit_index() >= index) {
        return Causes::of(format!("n{at} has committed {index}"));
    }
    let effect = Causes::of(format!("n{at} does not know that {index} is committed"));
    if let Some(causes) = cluster.silent(at) {
        return effect.because_of(causes);
    }
    let tells = |message: &Message| match message {
        Message::Heartbeat { commit, .. } => *commit >= index,
        Message::AppendEntries {
            prev,
            entries,
            commit,
        } => {
            let verified = entries.last().map_or(prev.index, |entry| entry.position.index);
            verified.min(*commit) >= index
        }
        Message::InstallSnapshot { mark, .. } => mark.position.index >= index,
        _ => false,
    };
    let link = Link { from: leader, to: at };
    match cluster
        .newest(link, tells)
        .and_then(|sent| cluster.not_arrived(sent))
    {
        Some(causes) => effect.because_of(causes),
        None => effect
            .because(format!("n{leader} has not told it"))
            .because_of(not_acknowledged(cluster, leader, at, index)),
    }
}

fn position_of(raft: &Raft, index: Index) -> Option<raft_core::Position> {
    raft.entries()
        .map(|entry| entry.position)
        .find(|position| position.index == index)
}
