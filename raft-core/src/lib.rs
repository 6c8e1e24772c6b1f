//! Raft as a pure state machine (Ongaro and Ousterhout, "In Search of an Understandable Consensus Algorithm (Extended
//! Version)", 2014: "Raft n.n" in the comments; Ongaro's dissertation, 2014: "thesis n.n").
//!
//! # What it is
//! [`Raft`] is a value. Inputs change it: [`Raft::tick`], [`Raft::receive`], [`Raft::propose`], [`Raft::read`],
//! [`Raft::saved`]. Afterwards [`Raft::poll`] derives, one by one, what is to be done: write to disk, send, apply.
//! [`Raft::deadline`] says when to tick next. The same boot and the same inputs give the same outputs, on every
//! machine, for ever.
//!
//! ```
//! use raft_core::{Config, Image, Membership, NodeId, Output, Raft, SnapshotMark, Time};
//!
//! let membership = Membership::of_voters([(NodeId(1), vec!["http://127.0.0.1:2380".to_owned()])]);
//! let image = Image { snapshot: SnapshotMark { membership, ..Default::default() }, ..Image::default() };
//! let mut raft = Raft::boot(Config::new(NodeId(1), 7), image, Time(0));
//! let mut applied = Vec::new();
//! loop {
//!     match raft.poll() {
//!         Some(Output::Save(save)) => raft.saved(save.stamp)?, // after the disk has synced it
//!         Some(Output::Apply(entry)) => applied.push(entry),
//!         Some(_) => {}
//!         None if applied.is_empty() => panic!("a sole voter leads at once"),
//!         None if applied.len() == 1 => assert!(raft.propose("x".into()).is_ok()),
//!         None => break,
//!     }
//! }
//! assert_eq!(applied.len(), 2, "the new leader's blank entry, and ours");
//! # Ok::<(), raft_core::Misuse>(())
//! ```
//!
//! # What it never does
//! It reads no clock, file, socket, random device or hash order, starts no thread, and never panics on a message: a
//! stale or ill-formed one is dropped, one that proves a broken protocol raises an [`Alarm`] and the node takes part
//! no more. What a host asks amiss is refused by name
//! ([`Refusal`], [`Misuse`]). It panics only on a bug of its own, and on an [`Image`] that no recovery makes.
//!
//! # From Figure 2 to the files
//! | Figure 2 | here |
//! |---|---|
//! | State: currentTerm, votedFor, log, commitIndex, lastApplied | `raft.rs`, `log.rs` |
//! | State on leaders: nextIndex, matchIndex | `progress.rs` |
//! | RequestVote RPC; Rules for candidates | `election.rs`; who is asked: `canvass.rs`; whether first: `pre_vote.rs` |
//! | Rules for followers: whom they hear, and when they stand | `contact.rs`, `clock.rs`, `priority.rs`, `disk_stall.rs` |
//! | AppendEntries RPC, receiver | `append.rs` |
//! | Rules for leaders; commitment | `propose.rs`, `replicate.rs`, `commit.rs` |
//! | Rules for all servers: the term rule | `raft.rs`, `receive` |
//! | Client interaction: linearizable reads (section 8) | `read.rs`; on a follower `follower_read.rs`; without a round `lease.rs` |
//! | Log compaction (section 7): InstallSnapshot RPC, receiver | `install.rs` |
//! | InstallSnapshot RPC, sender | `offer.rs`, `sending.rs`; what stays of the log in memory: `memory.rs` |
//! | Majorities | `quorum.rs` |
//! | Cluster membership (section 6): in force once in the log | `membership.rs`, `in_force.rs`; changes: `change.rs`, `reconfigure.rs`, `learner.rs`, `removal.rs` |
//! | Leadership transfer (thesis 3.10) | `transfer.rs` |
//! | Beyond both | `catch_up.rs`, `version.rs`, `recover.rs`, `rebuild.rs` |
//! | "updated on stable storage before responding to RPCs" | `persist.rs`: stamps; `held.rs`: answers that wait |
//!
//! # Promises wait for their stamp
//! Every change of ballot or log takes the next [`Stamp`]. One [`Save`] at a time carries all changes so far to disk.
//! A message that promises durability is held until the newest stamp there was when it was made is durable. What does
//! not wait, and why that is safe:
//! - a leader's AppendEntries and heartbeats: they promise nothing, and the leader counts itself only up to its own
//!   durable index;
//! - the answer to a heartbeat waits only for the ballot: it acknowledges the leader, nothing of the log.
//!
//! # Snapshots belong to the host
//! Raft knows what a snapshot covers ([`SnapshotMark`]), not what it says. It drops from memory what is applied and
//! durable, beyond [`Limits::log_bytes_max`], or when told to ([`Raft::compact`]), or but for a little when nobody is known
//! to need it ([`Limits::spare_bytes_max`]). A follower that needs what is gone gets
//! the state: [`Output::NeedSnapshot`] asks the host for a view, [`Output::NeedChunk`] for its bytes, one piece on its
//! way at a time, and what a follower has already is not sent twice. There, [`Output::ReceivedChunk`] hands out pieces
//! that are in order and sound; only [`Raft::snapshot_saved`] lets the snapshot take the place of the log, first in
//! memory ([`Output::Restore`]) and then in the journal ([`LogChange::Reset`]), so that a crash at any point finds either
//! the old log or the new snapshot whole. Until then the follower serves, votes and acknowledges as ever.
//!
//! # Differences from the paper
//! A snapshot is not installed if the log has its last entry: what it covers is committed instead, and the log stays.
//! Heartbeat is apart from AppendEntries, so that an acknowledged heartbeat can never be taken for an acknowledged
//! entry. A refused AppendEntries carries a hint that skips a term at a time. Entries are pipelined.
//!
//! # Elections that disturb nobody
//! A node asks first who would vote for it ([`Message::RequestPreVote`]) and raises its term only if a quorum would. Who
//! hears a leader votes for nobody else, and does not take up the asker's term. A leader that no quorum answers gives up.
//! A closed link, or a stalled disk, shortens the wait. A node that a quorum would follow but for its log gets what it
//! lacks from one that has it, in a term in which it acknowledged nobody (`catch_up.rs` argues why that is safe): so
//! whoever talks with a quorum comes to lead; unless what it lacks is in nobody's memory any more, but in snapshots.
//!
//! # Memberships
//! A membership counts from the moment it stands in the log, and no more when it is truncated. One voter at a time, or
//! any change by way of two majorities ([`Membership::is_joint`]), which whoever leads then leaves by itself. No change
//! begins before the last one, and an entry of the leader's own term, are committed.
#![forbid(unsafe_code)]

mod alarm;
mod append;
mod canvass;
mod catch_up;
mod change;
mod clock;
mod commit;
mod config;
mod contact;
mod disk_stall;
mod election;
mod fingerprint;
mod follower_read;
mod held;
mod in_force;
mod install;
mod invariants;
mod learner;
mod lease;
mod log;
mod membership;
mod memory;
mod message;
mod mutant;
mod offer;
mod output;
mod persist;
mod pre_vote;
mod priority;
mod progress;
mod propose;
mod quorum;
mod raft;
mod read;
mod rebuild;
mod reconfigure;
mod recover;
mod removal;
mod replicate;
mod role;
mod sending;
#[cfg(test)]
mod tests;
mod transfer;
mod types;
mod version;
mod view;
mod why;

pub use alarm::Alarm;
pub use change::Change;
pub use config::{Config, Limits};
pub use membership::{Lease, Membership, Settings};
pub use message::{AppendOutcome, Envelope, InstallOutcome, Message, VoteAnswer};
pub use mutant::Mutant;
pub use offer::Chunk;
pub use output::{ChangeRefusal, Misuse, Output, Refusal};
pub use raft::Raft;
pub use recover::{RecoverRefusal, recover_alone};
pub use types::{
    Ballot, Body, Boot, Entry, Epoch, Image, Index, LogChange, NodeId, Position, ReadId, Round, Save,
    SnapshotMark, Stamp, Term, Time, Version,
};
pub use view::FollowerView;
pub use why::Why;
