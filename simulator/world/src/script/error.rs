//! What can be wrong with a script: the line, and what was expected there.

use raft_core::{Ballot, Index, NodeId, Term};
use thiserror::Error;

use crate::check::figure3::Violation;
use crate::check::read_index::StaleRead;
use crate::check::replicas::Diverged;
use crate::check::votes::VotedTwice;

/// A script that cannot be read or run, or whose expectations do not hold.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("line {line}: {problem}")]
pub struct ScriptError {
    /// The line of the file, from 1.
    pub line: usize,
    /// What is wrong there.
    pub problem: Problem,
}

impl Problem {
    /// Whether Raft, or its host, did what must never be; else the line was wrong.
    #[must_use]
    pub fn is_a_break(&self) -> bool {
        matches!(
            self,
            Problem::Broken(_)
                | Problem::Stale(_)
                | Problem::Diverged(_)
                | Problem::VotedTwice(_)
                | Problem::Happened { .. }
                | Problem::Restless(_)
                | Problem::DeadlineStuck(_)
                | Problem::Panicked(_)
        )
    }
}

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Problem {
    /// The file does not begin with the rule that it shows.
    #[error("expected a comment that quotes the rule shown and names its source: # ... (Raft 5.2)")]
    NoRule,
    /// The trace is not set apart.
    #[error("expected a line `---` between the commands and the trace")]
    NoTrace,
    /// There is no such command.
    #[error("no command is called `{name}`; there are {known}")]
    UnknownCommand {
        /// What was written.
        name: String,
        /// What could have been.
        known: String,
    },
    /// The command is used otherwise.
    #[error("expected {expected}, found {found}; usage: {usage}")]
    Argument {
        /// What should stand there.
        expected: &'static str,
        /// What does.
        found: String,
        /// How the command is written.
        usage: &'static str,
    },
    /// `cluster` comes first.
    #[error("expected `cluster N` before anything else")]
    NoCluster,
    /// It describes what nodes boot from, and they have booted.
    #[error("expected this before the cluster boots: the first command that needs a node boots them all")]
    AlreadyBooted,
    /// The cluster has no such node.
    #[error("there is no n{0}")]
    NoSuchNode(NodeId),
    /// The node is down.
    #[error("n{0} is down: restart it first")]
    Down(NodeId),
    /// The node is up.
    #[error("n{0} is up: crash it first")]
    Up(NodeId),
    /// The node has no Save in flight.
    #[error("n{0} has no Save in flight")]
    NoSave(NodeId),
    /// A snapshot is of no use before the log up to it is on disk.
    #[error("n{0} has not saved its log up to {1}, where the snapshot was taken: `saved {0}` first")]
    LogNotSaved(NodeId, Index),
    /// A leader does not campaign.
    #[error("n{0} does not campaign: it leads, has no vote, or takes part no more")]
    NoCampaign(NodeId),
    /// Nothing is there to be delivered, dropped or duplicated.
    #[error("nothing is under way on {0}")]
    NothingUnderWay(String),
    /// Only pieces of snapshots can be damaged.
    #[error("{0} carries no bytes of a snapshot")]
    NoPayload(String),
    /// The link is cut.
    #[error("{0} is cut: heal it first")]
    Cut(String),
    /// The cluster does not come to rest.
    #[error("the cluster does not come to rest within {0} steps")]
    Restless(usize),
    /// A node asks to be ticked at a time that is past, again and again.
    #[error("n{0} has a deadline that is past although it was just ticked")]
    DeadlineStuck(NodeId),
    /// There is no such predicate, or it names too few or too many nodes.
    #[error("no predicate is written `{found}`; there are {known}")]
    NoSuchPredicate {
        /// What was written.
        found: String,
        /// What could have been.
        known: String,
    },
    /// The id is taken.
    #[error("there is an n{0} already")]
    NodeExists(NodeId),
    /// What `expect-never` forbids.
    #[error("{predicate} holds, which line {line} said it never would")]
    Happened {
        /// Where it was said.
        line: usize,
        /// What.
        predicate: String,
    },
    /// `expect` does not hold.
    #[error("expected {expected}, found {found}")]
    Unmet {
        /// The predicate with the value expected.
        expected: String,
        /// The value found.
        found: String,
    },
    /// A property of Figure 3 is broken.
    #[error("{0}")]
    Broken(#[from] Violation),
    /// A message promises what a crash would undo.
    #[error("n{from} sent {message} of term {term}, and its disk has {ballot:?} and entries up to {last}")]
    NotDurable {
        /// Who.
        from: NodeId,
        /// The RPC.
        message: &'static str,
        /// Its term.
        term: Term,
        /// What its next boot would begin with.
        ballot: Ballot,
        /// The last entry on disk.
        last: Index,
    },
    /// A read may be answered from a state older than its question.
    #[error("{0}")]
    Stale(#[from] StaleRead),
    /// Two nodes applied the same entries and have different states.
    #[error("State Machine Safety: {0}")]
    Diverged(#[from] Diverged),
    /// A node voted twice in a term.
    #[error("{0} (Raft 5.2)")]
    VotedTwice(#[from] VotedTwice),
    /// An assertion in Raft failed.
    #[error("panicked: {0}")]
    Panicked(String),
}
