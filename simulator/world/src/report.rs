//! What a run came to.

use crate::check::Noticed;
use crate::network::Counts;
use crate::probes::Probes;
use crate::world::Befell;

/// The figures and the verdict of one run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// How many members.
    pub nodes: u64,
    /// How long it was, in simulated microseconds.
    pub simulated: u64,
    /// How many clients.
    pub clients: usize,
    /// How many operations ended.
    pub operations: usize,
    /// How many of them with a definite answer.
    pub successes: usize,
    /// What befell the cluster.
    pub befell: Befell,
    /// What was met on the way.
    pub probes: Probes,
    /// What became of messages between members.
    pub messages: Counts,
    /// How many steps the trace has.
    pub steps: u64,
    /// Every input and output of every member, in order, as a hash.
    pub trace_hash: u64,
    /// The trace as lines, if they were wanted.
    pub lines: Vec<String>,
    /// Every choice made.
    pub choices: Vec<u64>,
    /// What did not hold, if anything.
    pub violation: Option<Noticed>,
}
