//! The file of a script: the rule it shows, its commands, and the trace expected of them.

use super::commands::{command_named, commands};
use super::error::{Problem, ScriptError};

/// What stands between the commands and the trace.
const SEPARATOR: &str = "---";

/// A script that was read; every command in it exists.
#[derive(Clone, Debug)]
pub struct Script {
    /// The rule shown and its source: the first line without its `#`.
    pub rule: String,
    /// The trace expected: all after `---`.
    pub expected: String,
    /// All before the trace, `---` included, as it is written.
    head: String,
    steps: Vec<Step>,
}

/// One command.
#[derive(Clone, Copy, Debug)]
struct Step {
    /// The line in the file, from 1.
    line: usize,
    /// Where its line begins and ends in `head`.
    start: usize,
    end: usize,
}

impl Script {
    /// Reads a script.
    ///
    /// # Errors
    /// The first line that is not as it should be.
    pub fn parse(text: &str) -> Result<Script, ScriptError> {
        let rule = text.lines().next().and_then(|line| line.strip_prefix("# "));
        let rule = rule.ok_or(ScriptError {
            line: 1,
            problem: Problem::NoRule,
        })?;
        let mut steps = Vec::new();
        let mut at = 0;
        for (line, number) in text.split_inclusive('\n').zip(1..) {
            let (start, end) = (at, at + line.trim_end().len());
            at += line.len();
            let words = line.trim();
            if words == SEPARATOR {
                return Ok(Script {
                    rule: rule.to_owned(),
                    expected: text[at..].to_owned(),
                    head: text[..at].to_owned(),
                    steps,
                });
            }
            if words.is_empty() || words.starts_with('#') {
                continue;
            }
            let name = words.split_whitespace().next().unwrap_or_default();
            if command_named(name).is_none() {
                let problem = unknown(name);
                return Err(ScriptError {
                    line: number,
                    problem,
                });
            }
            steps.push(Step {
                line: number,
                start,
                end,
            });
        }
        Err(ScriptError {
            line: text.lines().count().max(1),
            problem: Problem::NoTrace,
        })
    }

    /// The file with another trace expected.
    #[must_use]
    pub fn rewritten(&self, trace: &str) -> String {
        let newline = if self.head.ends_with('\n') { "" } else { "\n" };
        format!("{}{newline}{trace}", self.head)
    }

    /// Each command, with its line in the file.
    pub fn commands(&self) -> impl Iterator<Item = (usize, &str)> {
        let words = |step: &Step| (step.line, self.head[step.start..step.end].trim());
        self.steps.iter().map(words)
    }
}

/// There is no such command.
pub(crate) fn unknown(name: &str) -> Problem {
    let known: Vec<&str> = commands().map(|(name, _)| name).collect();
    Problem::UnknownCommand {
        name: name.to_owned(),
        known: known.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_error_names_the_line_and_what_was_expected() {
        let problem = |text: &str| Script::parse(text).expect_err("it is wrong").to_string();
        assert!(problem("cluster 3\n---\n").starts_with("line 1: expected a comment"));
        assert!(problem("# A rule.\n\ncluster 3\n").starts_with("line 3: expected a line `---`"));
        assert!(
            problem("# A rule.\ncluster 3\nelect 1\n---\n")
                .starts_with("line 3: no command is called `elect`")
        );
    }

    #[test]
    fn a_rewritten_script_differs_in_its_trace_only() {
        for text in ["# R.\n\n cluster 3 \n---\nold\n", "# R.\ncluster 3\n---"] {
            let script = Script::parse(text).expect("it is a script");
            assert_eq!(
                script.commands().next(),
                Some((if text.contains("# R.\n\n") { 3 } else { 2 }, "cluster 3"))
            );
            let again = Script::parse(&script.rewritten("new\n")).expect("it still is");
            assert_eq!((again.expected.as_str(), again.commands().count()), ("new\n", 1));
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "(# r\n)?([a-z]{0,7}[ 0-9>#-]{0,9}\n){0,6}(---\n)?.{0,20}") {
            if let Ok(script) = Script::parse(&text) {
                prop_assert_eq!(script.rewritten(&script.expected), text);
            }
        }
    }
}
