//! The trace: one line for each input, fact and output, in the paper's words. Every line names the node and its term;
//! an entry's term is left out where it is the line's own.

use std::fmt::Write as _;

use raft_core::{
    AppendOutcome, Ballot, Body, Entry, Envelope, Index, LogChange, Message, NodeId, Position, Raft, Save,
    Term, VoteAnswer,
};

/// The lines so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trace {
    text: String,
    /// Nothing is written: what happens is not the script's subject.
    pub(crate) quiet: bool,
}

impl Trace {
    /// A line of the script is about to be carried out.
    pub(crate) fn command(&mut self, text: &str) {
        self.raw(format!("> {text}"));
    }

    /// Something about one node.
    pub(crate) fn node(&mut self, id: NodeId, term: Term, what: impl AsRef<str>) {
        self.raw(format!("n{id} t{term} {}", what.as_ref()));
    }

    pub(crate) fn raw(&mut self, line: impl AsRef<str>) {
        if !self.quiet {
            self.text.push_str(line.as_ref());
            self.text.push('\n');
        }
    }

    pub(crate) fn take(&mut self) -> String {
        std::mem::take(&mut self.text)
    }
}

/// What a trace reports when it changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Facts {
    pub(crate) ballot: Ballot,
    pub(crate) role: String,
    pub(crate) log: Vec<Position>,
    pub(crate) commit: Index,
}

impl Facts {
    pub(crate) fn of(raft: &Raft) -> Facts {
        Facts {
            ballot: raft.ballot(),
            role: role(raft),
            log: raft.entries().map(|entry| entry.position).collect(),
            commit: raft.commit_index(),
        }
    }

    /// One line for each fact that is another than `before`.
    pub(crate) fn changes(&self, before: &Facts) -> Vec<String> {
        let mut lines = Vec::new();
        if (self.ballot.term, &self.role) != (before.ballot.term, &before.role) {
            lines.push(self.role.clone());
        }
        if let Some(voted_for) = self.ballot.voted_for
            && self.ballot != before.ballot
        {
            lines.push(format!("votes for n{voted_for}"));
        }
        let agree = self
            .log
            .iter()
            .zip(&before.log)
            .take_while(|(now, then)| now == then)
            .count();
        if agree < before.log.len() {
            lines.push(format!(
                "truncate {}",
                entries(&before.log[agree..], self.ballot.term)
            ));
        }
        if agree < self.log.len() {
            lines.push(format!(
                "append {}",
                entries(&self.log[agree..], self.ballot.term)
            ));
        }
        if self.commit != before.commit {
            lines.push(format!("commit {}", self.commit));
        }
        lines
    }
}

/// `leader`, `candidate`, `follower`, or `follower of n1`.
pub(crate) fn role(raft: &Raft) -> String {
    match raft.leader() {
        _ if raft.is_leader() => "leader".to_owned(),
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
        Body::Change(membership) => {
            let voters: Vec<String> = membership.voters.iter().map(NodeId::to_string).collect();
            format!("voters {}", voters.join(" "))
        }
    }
}

/// The RPC and what it says.
pub(crate) fn message(envelope: &Envelope) -> String {
    let name = envelope.message.name();
    match &envelope.message {
        Message::RequestPreVote { last } | Message::RequestVote { last, .. } => format!("{name} last={last}"),
        Message::RequestVoteReply(answer) | Message::RequestPreVoteReply(answer) => match answer {
            VoteAnswer::Granted => format!("{name} granted"),
            VoteAnswer::Refused => format!("{name} refused"),
            VoteAnswer::Behind { last } => format!("{name} refused last={last}"),
        },
        Message::AppendEntries {
            prev,
            entries: sent,
            commit,
        } => {
            let sent = entries(&positions(sent), envelope.term);
            format!("{name} prev={prev} {sent} commit={commit}")
        }
        Message::AppendEntriesReply(AppendOutcome::Matched(index)) => format!("{name} match={index}"),
        Message::AppendEntriesReply(AppendOutcome::Rejected { prev, hint }) => {
            format!("{name} refused prev={prev} hint={hint}")
        }
        Message::Heartbeat { round, commit } => format!("{name} round={round} commit={commit}"),
        Message::HeartbeatReply { round, .. } => format!("{name} round={round}"),
        _ => name.to_owned(),
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
