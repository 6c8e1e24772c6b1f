//! What a trace calls things, in the paper's words. An entry's term is left out where it is the line's own.

use std::fmt::Write as _;

use raft_core::{
    AppendOutcome, Body, Entry, Envelope, Index, InstallOutcome, LogChange, Membership, Message, NodeId,
    Position, Raft, Save, Term, VoteAnswer,
};

/// `leader`, `candidate`, `pre-candidate`, `follower`, or `follower of n1`.
pub(crate) fn role(raft: &Raft) -> String {
    match raft.leader() {
        _ if raft.is_leader() => "leader".to_owned(),
        _ if raft.is_pre_candidate() => "pre-candidate".to_owned(),
        _ if raft.is_candidate() => "candidate".to_owned(),
        Some(leader) => format!("follower of n{leader}"),
        None => "follower".to_owned(),
    }
}

/// `[1..3@1 4]`: runs of one term, without the term if it is `own`.
pub(crate) fn entries(positions: &[Position], own: Term) -> String {
    let runs = positions.chunk_by(|a, b| a.term == b.term && a.index.next() == b.index);
    let texts = runs.filter_map(|run| {
        let (first, last) = (run.first()?, run.last()?);
        let mut text = first.index.to_string();
        if first != last {
            let _ = write!(text, "..{}", last.index);
        }
        if first.term != own {
            let _ = write!(text, "@{}", first.term);
        }
        Some(text)
    });
    format!("[{}]", texts.collect::<Vec<_>>().join(" "))
}

/// What an entry says.
pub(crate) fn body(body: &Body) -> String {
    match body {
        Body::Blank => "blank".to_owned(),
        Body::Command(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Body::Change(changed) => membership(changed),
    }
}

/// `voters 1 2 3`, then what there is of: the outgoing voters, learners, who was removed, settings.
pub(crate) fn membership(membership: &Membership) -> String {
    let mut text = "voters".to_owned();
    list(&mut text, &membership.voters);
    for (name, ids) in [
        ("outgoing", &membership.outgoing),
        ("learners", &membership.learners),
        ("removed", &membership.removed),
    ] {
        if !ids.is_empty() {
            let _ = write!(text, " {name}");
            list(&mut text, ids);
        }
    }
    let settings = &membership.settings;
    for (id, priority) in &settings.priorities {
        let _ = write!(text, " priority={id}:{priority}");
    }
    if let Some(lease) = settings.lease {
        let _ = write!(text, " lease={:?}/{}ppm", lease.timeout, lease.drift_ppm);
    }
    if settings.version.0 > 0 {
        let _ = write!(text, " version={}", settings.version);
    }
    if settings.epoch.0 > 0 {
        let _ = write!(text, " epoch={}", settings.epoch);
    }
    text
}

fn list<'a>(text: &mut String, ids: impl IntoIterator<Item = &'a NodeId>) {
    for id in ids {
        let _ = write!(text, " {id}");
    }
}

/// The RPC and what it says.
pub(crate) fn message(envelope: &Envelope) -> String {
    let name = envelope.message.name();
    let said = match &envelope.message {
        Message::TimeoutNow | Message::Removed => return name.to_owned(),
        Message::RequestPreVote { last } => format!("last={last}"),
        Message::RequestVote {
            last,
            transfer: false,
        } => format!("last={last}"),
        Message::RequestVote { last, transfer: true } => format!("last={last} transfer"),
        Message::RequestPreVoteReply(answer) | Message::RequestVoteReply(answer) => vote_answer(*answer),
        Message::RequestEntries { after } => format!("after={after}"),
        Message::Entries {
            prev, entries: sent, ..
        } => {
            format!("prev={prev} {}", entries(&positions(sent), envelope.term))
        }
        Message::AppendEntries {
            prev,
            entries: sent,
            commit,
        } => {
            let sent = entries(&positions(sent), envelope.term);
            format!("prev={prev} {sent} commit={commit}")
        }
        Message::AppendEntriesReply(AppendOutcome::Matched(index)) => format!("match={index}"),
        Message::AppendEntriesReply(AppendOutcome::Rejected { prev, hint }) => {
            format!("refused prev={prev} hint={hint}")
        }
        Message::Heartbeat { round, commit } => format!("round={round} commit={commit}"),
        Message::HeartbeatReply {
            round,
            understands,
            wants_from,
            stands_back,
        } => {
            let wants = wants_from.map_or(String::new(), |index| format!(" wants-from={index}"));
            let back = if *stands_back { " stands-back" } else { "" };
            heartbeat_reply(round.0, understands.0) + &wants + back
        }
        Message::InstallSnapshot {
            mark,
            offset,
            data,
            last,
            ..
        } => {
            let last = if *last { " last" } else { "" };
            format!(
                "mark={} offset={offset} {} bytes{last}",
                mark.position,
                data.len()
            )
        }
        Message::InstallSnapshotReply { mark, outcome } => match outcome {
            InstallOutcome::Installed => format!("mark={mark} installed"),
            InstallOutcome::Receiving { offset, .. } => format!("mark={mark} offset={offset}"),
        },
        Message::ReadIndex { boot, id } => format!("boot={boot} read={id}"),
        Message::ReadIndexReply { boot, id, index } => format!("boot={boot} read={id} index={index}"),
    };
    format!("{name} {said}")
}

fn vote_answer(answer: VoteAnswer) -> String {
    match answer {
        VoteAnswer::Granted => "granted".to_owned(),
        VoteAnswer::Refused => "refused".to_owned(),
        VoteAnswer::Behind { last } => format!("refused last={last}"),
    }
}

/// The version only if there was ever another than the first.
fn heartbeat_reply(round: u64, understands: u64) -> String {
    match understands {
        0 => format!("round={round}"),
        _ => format!("round={round} understands={understands}"),
    }
}

/// The stamp and what the Save holds; the commit index only if the disk has an older one.
pub(crate) fn save(save: &Save, term: Term, disk_commit: Index) -> String {
    let mut text = format!("save #{}", save.stamp);
    if let Some(ballot) = save.ballot {
        let _ = write!(text, " term={}", ballot.term);
        if let Some(voted_for) = ballot.voted_for {
            let _ = write!(text, " vote={voted_for}");
        }
    }
    match &save.log {
        LogChange::Keep => {}
        LogChange::Append(saved) => {
            let _ = write!(text, " {}", entries(&positions(saved), term));
        }
        LogChange::Reset(mark) => {
            let _ = write!(text, " reset={}", mark.position);
        }
    }
    if save.commit > disk_commit {
        let _ = write!(text, " commit={}", save.commit);
    }
    text
}

pub(crate) fn positions(entries: &[Entry]) -> Vec<Position> {
    entries.iter().map(|entry| entry.position).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_entries_are_short() {
        let at = |index, term| Position {
            term: Term(term),
            index: Index(index),
        };
        assert_eq!(entries(&[], Term(1)), "[]");
        let log = [at(1, 1), at(2, 1), at(3, 2), at(4, 3), at(5, 3)];
        assert_eq!(entries(&log, Term(3)), "[1..2@1 3@2 4..5]");
        assert_eq!(entries(&log, Term(9)), "[1..2@1 3@2 4..5@3]");
    }
}
