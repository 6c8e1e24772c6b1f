//! Clusters of Raft cores alone, with no node, no stores and no bytes about them: as many runs a second as can be had.
//!
//! # What it is
//! A seed draws a cluster (`swarm.rs`): how many voters, how each is set, how fast messages and disks are, which kinds of
//! fault there are (`faults.rs`, and `plot.rs` for those in several acts); some runs go for one thing (`flavour.rs`). Then one heap of events runs it: messages arrive, deadlines come, Saves are synced, clients
//! propose and read (`clients.rs`), an operator changes the membership (`churn.rs`), faults befall and end (`storm.rs`). When they are over, all must be well again within a
//! stated number of election timeouts, and in the end nothing may be on its way (`calm.rs`); some runs then
//! lose most of their links for good, and go on serving (`few_links.rs`), others end with something else
//! that is to come about (`epilogue.rs`). Every input to a core is
//! followed by the checks (`judge.rs`), whose work follows what changed.
//!
//! # What is always true
//! Every choice comes from one list ([`Choices`]): a seed is a run, and so is the list of its choices. A run whose lines
//! are kept does the same as one whose lines are not.
//!
//! # How it differs from a script's cluster
//! `script/cluster.rs` moves nothing unless a line says so, prints all that happens, and is read by people. This one keeps
//! time, draws what happens, and prints nothing unless asked. They share the sentences (`script/print.rs`), the disk
//! (`image.rs`) and the checks (`check/`).

mod calm;
mod churn;
mod clients;
mod cluster;
mod epilogue;
mod faults;
mod few_links;
mod flavour;
mod judge;
mod late_help;
mod machine;
mod members;
mod met;
mod outputs;
mod partition;
mod plot;
mod seat;
mod snapshots;
mod storm;
mod swarm;
mod wire;

use std::panic::{AssertUnwindSafe, catch_unwind};

use raft_core::Mutant;

pub use self::calm::{CHANGES_MIN, LENGTH_MIN, OFFERED_MIN, RECOVERY_TIMEOUTS};
use self::cluster::Cluster;
pub use self::met::{MET_KINDS, Met};
use crate::check::{Noticed, Violation};
use crate::choices::Choices;
use crate::run::message;

/// What a run came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Simulated microseconds.
    pub simulated: u64,
    /// Proposals that clients offered.
    pub offered: u64,
    /// Of those, committed.
    pub committed: u64,
    /// Of those, before faults were over.
    pub committed_in_storm: u64,
    /// Reads confirmed.
    pub reads: u64,
    /// Faults that befell the cluster.
    pub faults: u64,
    /// Changes of membership that a leader began.
    pub changes: u64,
    /// Members that went down.
    pub crashes: u64,
    /// Members that came to lead.
    pub elections: u64,
    /// Messages sent.
    pub messages: u64,
    /// What was met on the way.
    pub met: Met,
    /// Every turn of every member, in order, as a hash.
    pub trace_hash: u64,
    /// The trace as lines, if they were wanted.
    pub lines: Vec<String>,
    /// Every choice made.
    pub choices: Vec<u64>,
    /// What did not hold, if anything.
    pub violation: Option<Noticed>,
}

/// At least so many faults befall every run.
pub const FAULTS_MIN: u64 = 5;

/// Runs one seed; with `lines`, keeps a line for each step.
#[must_use]
pub fn run(seed: u64, mutant: Option<Mutant>, lines: bool) -> Report {
    run_choices(Choices::of_seed(seed), mutant, lines)
}

/// Runs what a list of choices amounts to.
#[must_use]
pub fn run_choices(choices: Choices, mutant: Option<Mutant>, lines: bool) -> Report {
    let mut cluster = Cluster::new(choices, mutant, lines);
    // A panic is a finding like any other.
    let ended = catch_unwind(AssertUnwindSafe(|| {
        while !cluster.over && cluster.violation.is_none() {
            cluster.step();
        }
    }));
    if let Err(panic) = ended {
        cluster.broken(Violation::new("no panic", message(panic.as_ref())));
    }
    report(cluster)
}

fn report(cluster: Cluster) -> Report {
    let committed = cluster.tally.committed;
    Report {
        simulated: cluster.now.0,
        offered: cluster.clients.offered,
        committed,
        committed_in_storm: cluster.calm.map_or(committed, |calm| calm.committed_before),
        reads: cluster.judge.reads_confirmed,
        faults: cluster.storm.faults,
        changes: cluster.tally.changes,
        crashes: cluster.storm.crashes,
        elections: cluster.tally.elections,
        messages: cluster.wire.sent,
        met: cluster.met,
        trace_hash: cluster.trace.hash(),
        lines: cluster.trace.take_lines(),
        choices: cluster.choices.into_made(),
        violation: cluster.violation,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_is_a_run_and_its_choices_are_the_same_run() {
        let first = run(1, None, false);
        assert_eq!(first.violation, None);
        assert_eq!(run(1, None, false), first);
        assert_ne!(run(2, None, false).trace_hash, first.trace_hash);
        assert_eq!(
            run_choices(Choices::of_list(first.choices.clone()), None, false),
            first
        );
        let told = run(1, None, true);
        assert!(!told.lines.is_empty());
        assert_eq!(
            Report {
                lines: vec![],
                ..told
            },
            first,
            "lines change nothing"
        );
    }
}
