//! The one deterministic composition of Raft and the stores: a node as a value.
//!
//! # What it is
//! [`Node`] = Raft + stores + waiting requests. Every host (the mio server, the madsim world, the plain world) runs the
//! same four lines: wait for an input or for [`Node::deadline`]; [`Node::handle`] every input there is;
//! [`Node::poll`] until `None`, performing each [`Output`]; repeat. If a host needs an `if` about Raft or keys, that
//! `if` belongs here.
//!
//! # What it never does
//! It reads no clock, file, socket, random device or hash order: [`Now`] and the seed are given. Nothing is sent or
//! written while an input is handled; `poll` derives it afterwards, so all proposals of a turn share one disk write
//! and one message per peer and lane.
//!
//! # Who answers
//! The member that got a request answers it, at its own apply, so a client reads its own write from the same member.
//! An entry names its [`Origin`]. A proposal belongs to the term it was proposed or forwarded in: the leader of no
//! other term takes it, and that leader takes it once, by its number. Terms never fall along the log; so once an entry
//! of a later term is applied, a proposal of an earlier term that was not applied never will be, and is proposed
//! again. Losing the lead, a lost message, a deposed leader change nothing by themselves. Only the deadline gives
//! "timed out": it may or may not have happened.
//!
//! # Files
//! | file | idea |
//! |---|---|
//! | `request.rs` | the face: inputs, requests, responses, outputs |
//! | `answers.rs` | what answers are made of |
//! | `retired.rs` | views to save and what is to be freed, for the host |
//! | `message.rs` | what nodes say to each other |
//! | `config.rs` | what a node is told at boot |
//! | `node.rs` | the composition: handle, poll, deadline |
//! | `heard.rs`, `saying.rs` | what peers say, and what they are told |
//! | `clients.rs` | what clients ask, and how they are answered |
//! | `waiting.rs` | requests and their deadlines |
//! | `proposal.rs` | what stands in the log: who asked for what, and when the leader took it |
//! | `writes.rs` | proposals: into the own log or to the leader, once |
//! | `forward.rs` | the numbered stream of proposals from a follower to the leader, both ends |
//! | `reads.rs` | linearizable reads in batches, one round for all of a turn |
//! | `leases.rs` | leases as clients ask for them: the leader alone knows how long one lasts |
//! | `lease_clock.rs` | the leader's count-down of leases |
//! | `upkeep.rs` | what a leader proposes of itself: expiry, checkpoints, work that is pending |
//! | `auto_compaction.rs` | compaction without being asked |
//! | `alarms.rs` | the alarm about space |
//! | `stats.rs` | what a member did since it began |
//! | `tree_counts.rs` | how often what was done to the v2 tree |
//! | `checks.rs` | whether it is alive and ready |
//! | `counts.rs` | what those who watch over a member want to know |
//! | `snapshots.rs` | own snapshots: when, and which are kept; the state becomes another's |
//! | `sending.rs` | views for followers that are far behind, in pieces |
//! | `receiving.rs` | a snapshot from the leader, verified as it comes |
//! | `repair.rs` | a member whose disk is damaged comes back as a new one |
//! | `divergence.rs` | whose state is not what the log makes: states compared |
//! | `points.rs` | when states are compared |
//! | `fence.rs` | who was named answers nobody, and gets another state |
//! | `contest/` | locks and elections, as requests that wait |
//! | `watch/` | requests that are answered many times |
//! | `refusals.rs` | what is refused meanwhile |
//! | `leaving.rs` | handing over the lead; being removed |
//! | `apply.rs` | committed entries into the store, large ones in slices; answers out |
#![forbid(unsafe_code)]

mod alarms;
mod answers;
mod apply;
mod auto_compaction;
mod checks;
mod clients;
mod config;
mod contest;
mod counts;
mod divergence;
mod fence;
mod forward;
mod heard;
mod lease_clock;
mod leases;
mod leaving;
mod message;
mod node;
mod points;
mod proposal;
mod reads;
mod receiving;
mod refusals;
mod repair;
mod request;
mod retired;
mod saying;
mod sending;
mod snapshots;
mod stats;
#[cfg(test)]
mod tests;
mod transfers;
mod tree_counts;
mod upkeep;
mod waiting;
mod watch;
mod writes;

pub use alarms::DiskUse;
pub use auto_compaction::AutoCompaction;
pub use config::{Config, Repair, SnapshotPolicy, Standing};
pub use divergence::StateHash;
pub use fence::Doubt;
pub use leases::{LeaseAsk, LeaseSays};
pub use message::{Forward, Lane, Part, PeerMessage};
pub use node::Node;
pub use proposal::{Origin, Proposal};
pub use repair::{PATIENCE, Plea};
pub use request::{
    Answer, Checks, ClientId, Contest, Counts, Events, Failure, Header, Input, LeaseTime, Member, Now,
    Output, Ownership, Request, RequestId, Response, Retired, Status, Told, View, WallTime, Watch,
};
pub use stats::{FollowerStats, Latency, MemberStats, Pace, Role, Traffic};
pub use tree_counts::{Tally, TreeCounts};
pub use watch::progress::WATCH_PROGRESS_INTERVAL;
