//! Scripts: a closed cluster of Raft values, driven line by line, and the trace of what it does.
//!
//! # A script
//! ```
//! use world::script::{Options, Script, run};
//!
//! let script = Script::parse(
//!     "# A sole voter is its own majority (Raft 5.2).\n\
//!      cluster 1\n\
//!      put 1 hello\n\
//!      expect leader=1 applied(1)=2\n\
//!      ---\n",
//! )?;
//! let trace = run(&script, Options::default()).map_err(|failure| failure.error)?;
//! assert!(trace.contains("n1 t1 apply 2 hello\n"));
//! # Ok::<(), world::script::ScriptError>(())
//! ```
//! The first line is a comment that quotes the rule shown and names its source. Then come commands, one a line;
//! [`commands()`] lists them. After `---` stands the trace that is expected.
//!
//! # What moves by itself
//! Nothing does. A message waits on its link until a line delivers it, a clock stands still until a line moves it, and
//! with `disk=manual` a Save is on its way until `saved`. After each input the node's outputs are polled to the end, so
//! a turn is one input. Ids of messages count up per link (`1->2#3`), so that a message more on one link leaves the
//! others' ids alone.
//!
//! # The trace
//! One line for each command, input, fact that changed, and output, with the node and its term: `n2 t1 append 2`.
//! Entries are `[1..3@1 4]`: the term is left out where it is the line's own. After each input the node's invariants
//! and the properties under `check/` are checked; a broken one ends the run with the number of the line.
//!
//! # More commands
//! A command is one function and one row in the table of its file under `commands/`; a predicate is one row in
//! `predicates.rs`. What follows is made of these tables (`REWRITE_GOLDEN=1 cargo test -p world --test golden`). I, J are
//! nodes, K an index, T a term, LINK is `1->2`.
#![doc = include_str!("LANGUAGE.md")]

mod arguments;
#[cfg(test)]
mod chaos;
mod clock;
mod cluster;
mod commands;
mod diff;
mod disk;
mod error;
mod expect;
mod facts;
mod flow;
mod host;
mod links;
mod machine;
mod member;
mod parse;
mod predicates;
pub(crate) mod print;
mod random;
mod run;
mod settings;
mod snapshots;
#[cfg(test)]
mod tests;
mod trace;
mod walk;
mod why_not;

pub use commands::commands;
pub use diff::diff;
pub use error::{Problem, ScriptError};
pub use parse::Script;
pub use predicates::page;
pub use raft_core::{Mutant, NodeId};
pub use run::{Failure, Options, Session, run};
pub use trace::Line;
pub use walk::Walk;
