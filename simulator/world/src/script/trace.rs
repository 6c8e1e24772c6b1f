//! The trace: one line for each input, fact and output.

use std::fmt;

use raft_core::{NodeId, Term};

/// One line of a trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The node that it is about; None if it is about the script or the network.
    pub node: Option<NodeId>,
    /// What happened, in the node's words: `t2 append 3`.
    pub text: String,
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.node {
            Some(id) => write!(f, "n{id} {}", self.text),
            None => f.write_str(&self.text),
        }
    }
}

impl Line {
    /// Whether it repeats a line of the script.
    #[must_use]
    pub fn is_command(&self) -> bool {
        self.node.is_none() && self.text.starts_with("> ")
    }
}

/// The lines so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trace {
    lines: Vec<Line>,
    /// Nothing is written: what happens is not the script's subject.
    pub(crate) quiet: bool,
}

impl Trace {
    /// A line of the script is about to be carried out.
    pub(crate) fn command(&mut self, text: &str) {
        self.raw(format!("> {text}"));
    }

    /// A line that chance wrote is about to be carried out.
    pub(crate) fn drawn(&mut self, text: &str) {
        self.raw(format!("~ {text}"));
    }

    /// Something about one node.
    pub(crate) fn node(&mut self, id: NodeId, term: Term, what: impl AsRef<str>) {
        self.push(Some(id), format!("t{term} {}", what.as_ref()));
    }

    /// Something about one node that has no term, because it is down.
    pub(crate) fn down(&mut self, id: NodeId, what: impl AsRef<str>) {
        self.push(Some(id), format!("down{}", what.as_ref()));
    }

    pub(crate) fn raw(&mut self, line: impl Into<String>) {
        self.push(None, line.into());
    }

    fn push(&mut self, node: Option<NodeId>, text: String) {
        if !self.quiet {
            self.lines.push(Line { node, text });
        }
    }

    pub(crate) fn take(&mut self) -> Vec<Line> {
        std::mem::take(&mut self.lines)
    }
}

/// The lines as a script keeps them.
pub(crate) fn text(lines: &[Line]) -> String {
    lines.iter().map(|line| format!("{line}\n")).collect()
}
