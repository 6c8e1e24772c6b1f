//! Exhaustive search: every state that a small cluster of the production core can come to, within a scope.
//!
//! # What it is
//! Breadth first over whole clusters: members with their disks, messages under way, and what was ever committed or led.
//! In each state every step that the scope allows is taken: any message arrives, is lost or arrives twice, any Save in
//! flight is done, any member times out, gets a proposal, or crashes and restarts with its Save in flight on disk or
//! not. Figure 3, durability and the invariants are checked in every state; the first violation is a shortest one, and is
//! told as a script that `world::script` runs, and that fails there at its last line.
//!
//! # Why it is fast
//! A member is a value. What an input makes of it depends on nothing else, so each pair of a member's state and an input is
//! carried out once (`registry.rs`), and a cluster's state is a handful of numbers. States are equal if their
//! fingerprints are (`raft_core::Raft::fingerprint`), under any renaming of the members.
//!
//! # What is left out, and why nothing is lost
//! - Losses as steps of their own: what is lost may as well be under way for ever.
//! - A step that changes nothing but takes a message off the network: what follows could follow without it.
//! - A message equal to one under way: to arrive twice is what `duplicates` allows.
//! - A member that is down for a while: it might as well be up and hear nothing, so a crash and its restart are one step.
//! - How long a timeout lasts: a member's clock jumps beyond all its deadlines whenever it is that member's turn.
//!
//! What a scope does leave out, it says: late messages ([`Network`]), slow disks, and so on.
//!
//! # What no scope has
//! Reads, leases, snapshots, learners, joint changes, transfers asked for by an operator, hints of closed links: golden
//! scripts and campaigns have them. Where two of a leader's deadlines are armed, only the order in which they stood when
//! the state was met first is tried. Two states with the same 64 bits are taken for one: among ten million states the
//! chance that any are is about one in four hundred thousand.
//!
//! # Files
//! | file | idea |
//! |---|---|
//! | `scope.rs` | how far the search goes |
//! | `seat.rs` | one member with its disk, and what an input makes of it |
//! | `registry.rs` | members, messages and pasts known so far, each under a number; turns that were carried out |
//! | `past.rs` | what has to be remembered of a run for Figure 3, and its checks |
//! | `state.rs` | a cluster, and the steps it can take |
//! | `visited.rs` | which fingerprints were met |
//! | `explore.rs` | breadth first, and the way back |
//! | `tell.rs` | a way as a script |

mod explore;
mod past;
mod registry;
mod scope;
mod seat;
mod state;
mod tell;
#[cfg(test)]
mod tests;
mod visited;

pub use explore::{Found, Outcome, Report, explore};
pub use scope::{Network, Scope};
