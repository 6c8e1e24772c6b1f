//! What a trace reports of a node when it changes.

use raft_core::{Ballot, Image, Index, Position, Raft};

use super::print::{entries, positions, role};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Facts {
    pub(crate) ballot: Ballot,
    pub(crate) role: String,
    /// What the log begins after.
    pub(crate) mark: Position,
    pub(crate) log: Vec<Position>,
    pub(crate) commit: Index,
}

impl Facts {
    pub(crate) fn of(raft: &Raft) -> Facts {
        Facts {
            ballot: raft.ballot(),
            role: role(raft),
            mark: raft.mark().position,
            log: raft.entries().map(|entry| entry.position).collect(),
            commit: raft.commit_index(),
        }
    }

    /// Of a node that is about to boot.
    pub(crate) fn at_boot(image: &Image, ballot: Ballot) -> Facts {
        Facts {
            ballot,
            role: "follower".to_owned(),
            mark: image.snapshot.position,
            log: positions(&image.entries),
            commit: image.commit.max(image.snapshot.position.index),
        }
    }

    /// What it boots with, or None if nothing of it is worth a line.
    pub(crate) fn story(&self) -> Option<String> {
        if self.log.is_empty() && self.ballot.term.0 == 0 && self.mark.index.0 == 0 {
            return None;
        }
        let vote = self
            .ballot
            .voted_for
            .map_or(String::new(), |id| format!(" vote={id}"));
        Some(format!("{}{vote} commit={}", self.log_text(), self.commit))
    }

    /// `mark=3@1 [4..5]`; the mark only if there is one.
    pub(crate) fn log_text(&self) -> String {
        let log = entries(&self.log, self.ballot.term);
        match self.mark.index.0 {
            0 => log,
            _ => format!("mark={} {log}", self.mark),
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
        if self.mark != before.mark {
            lines.push(format!("log begins after {}", self.mark));
        }
        // What a snapshot covers is no news.
        let after = |log: &[Position]| {
            let covered = log.partition_point(|position| position.index <= self.mark.index);
            log[covered..].to_vec()
        };
        let (log, former) = (after(&self.log), after(&before.log));
        let agree = log
            .iter()
            .zip(&former)
            .take_while(|(now, then)| now == then)
            .count();
        let own = self.ballot.term;
        if agree < former.len() {
            lines.push(format!("truncate {}", entries(&former[agree..], own)));
        }
        if agree < log.len() {
            lines.push(format!("append {}", entries(&log[agree..], own)));
        }
        if self.commit != before.commit {
            lines.push(format!("commit {}", self.commit));
        }
        lines
    }
}
