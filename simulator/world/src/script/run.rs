//! Runs a script: each command in turn, then what it made happen, until the end or the first thing that is wrong. A run
//! is a fold: a session is made of the lines so far and of nothing else.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use raft_core::{Mutant, NodeId};

use super::arguments::Arguments;
use super::cluster::Cluster;
use super::commands::{Command, command_named};
use super::error::{Problem, ScriptError};
use super::parse::{Script, unknown};
use super::trace::{Line, text};

/// How a script is run.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// A rule that all nodes leave out, to see whether the script notices.
    pub mutant: Option<Mutant>,
}

/// A run that did not come to its end.
#[derive(Clone, Debug)]
pub struct Failure {
    /// What was wrong, and where.
    pub error: ScriptError,
    /// The trace up to there.
    pub trace: String,
}

/// Runs a script and returns its trace; whether that is the one expected is the caller's to compare.
///
/// # Errors
/// A command that cannot be carried out, an expectation that does not hold, or a broken property, with the line.
pub fn run(script: &Script, options: Options) -> Result<String, Box<Failure>> {
    let mut session = Session::new(options);
    let mut trace = String::new();
    for (line, words) in script.commands() {
        let done = session.step(line, words);
        trace.push_str(&text(&session.lines()));
        if let Err(problem) = done {
            let error = ScriptError { line, problem };
            return Err(Box::new(Failure { error, trace }));
        }
    }
    Ok(trace)
}

/// A cluster as the lines so far made it. Cloning it is going on twice from the same point.
#[derive(Clone, Debug)]
pub struct Session {
    pub(super) cluster: Cluster,
}

impl Session {
    /// Before the first line.
    #[must_use]
    pub fn new(options: Options) -> Session {
        Session {
            cluster: Cluster::new(options.mutant),
        }
    }

    /// Carries out one command, which stands at line `number`; [`Session::lines`] then tells what it did, however it
    /// ended. After an error the cluster may have done part of it.
    ///
    /// # Errors
    /// What is wrong with the line, or what broke.
    pub fn step(&mut self, number: usize, words: &str) -> Result<(), Problem> {
        let (name, rest) = words.split_once(char::is_whitespace).unwrap_or((words, ""));
        let command = command_named(name).ok_or_else(|| unknown(name))?;
        guarded(|| self.carry_out(number, words, command, rest))
    }

    /// What happened since they were last asked for.
    pub fn lines(&mut self) -> Vec<Line> {
        self.cluster.trace.take()
    }

    /// The names, in [`raft_core::Why::CATALOGUE`], of all reasons that were told so far.
    #[must_use]
    pub fn met(&self) -> &BTreeSet<&'static str> {
        &self.cluster.met
    }

    /// The ids of all nodes.
    #[must_use]
    pub fn nodes(&self) -> Vec<NodeId> {
        self.cluster.members.keys().copied().collect()
    }

    fn carry_out(
        &mut self,
        number: usize,
        words: &str,
        command: &Command,
        rest: &str,
    ) -> Result<(), Problem> {
        self.cluster.links.line = number;
        self.cluster.told.insert(number, words.to_owned());
        if !command.before_boot {
            self.cluster.boot_all()?;
        }
        self.cluster.trace.command(words);
        let mut arguments = Arguments::new(rest, command.usage);
        (command.run)(&mut self.cluster, &mut arguments)
    }
}

/// An assertion that fails in Raft is an error of the line that led to it.
fn guarded(step: impl FnOnce() -> Result<(), Problem>) -> Result<(), Problem> {
    catch_unwind(AssertUnwindSafe(step)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        Err(Problem::Panicked(
            text.unwrap_or_else(|| "without a message".to_owned()),
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(commands: &str) -> String {
        let script = Script::parse(&format!("# A rule.\n{commands}\n---\n")).expect("it is a script");
        run(&script, Options::default())
            .expect_err("it fails")
            .error
            .to_string()
    }

    #[test]
    fn a_line_that_cannot_be_run_says_what_was_expected() {
        let cases = [
            ("put 1 x", "line 2: expected `cluster N` before anything else"),
            (
                "cluster",
                "line 2: expected the number of nodes, found the end of the line; usage: cluster N",
            ),
            ("cluster 3 leader=9", "line 2: there is no n9"),
            ("cluster 3\nput 4 x", "line 3: there is no n4"),
            (
                "cluster 3\ncampaign one",
                "line 3: expected a node, such as 1, found `one`",
            ),
            (
                "cluster 3\nstate\nlog 1 1",
                "line 4: expected this before the cluster boots",
            ),
            (
                "cluster 3\nlog 1 2,1",
                "line 3: expected terms from 1 that never fall",
            ),
            ("cluster 3\ndeliver 1->2", "line 3: nothing is under way on 1->2"),
            (
                "cluster 3\ncampaign 1\ncut 1->2\ndeliver 1->2",
                "line 5: 1->2 is cut",
            ),
            ("cluster 3\nsaved 1", "line 3: n1 has no Save in flight"),
            ("cluster 3\ncrash 1\nput 1 x", "line 4: n1 is down"),
            ("cluster 3\nrestart 1", "line 3: n1 is up"),
            ("cluster 3 leader=1\ncampaign 1", "line 3: n1 does not campaign"),
            (
                "cluster 3 leader=1\nexpect leader=2",
                "line 3: expected leader=2, found 1",
            ),
            (
                "cluster 3\nexpect happiness=2",
                "line 3: no predicate is written `happiness=2`; there are leader=",
            ),
            (
                "cluster 3 leader=1 extra",
                "line 2: expected the end of the line, found `extra`",
            ),
            ("cluster 3\npartition {1 2}|{4}", "line 3: there is no n4"),
            ("cluster 3\npartition 1|2", "line 3: expected groups"),
            ("cluster 3\nmutant none", "line 3: expected the name of a mutant"),
        ];
        for (commands, expected) in cases {
            let found = failure(commands);
            assert!(found.starts_with(expected), "{commands:?}:\n{found}\n{expected}");
        }
    }

    #[test]
    fn a_run_is_the_same_twice() {
        let text = "# A rule.\ncluster 5 leader=2\nput 2 a\nput 2 b\nwait 700\nstabilize\nwait 5000\nstabilize\n---\n";
        let script = Script::parse(text).expect("it is a script");
        let traces = [(); 2].map(|()| run(&script, Options::default()).expect("it runs"));
        assert_eq!(traces[0], traces[1]);
    }
}
