//! The plain simulated world: whole members under faults, as one value, and the checks of what they do.
//!
//! # What it is
//! A run is a seed: it draws a cluster, its network, its disks, its clocks, its clients and what goes wrong (`settings`,
//! `faults`), and every later choice too (`choices`). The members are the real ones: `node`, the journal with its recovery, the
//! HTTP machine, the API, the peer frames. Only what a host gives them is simulated: time, bytes on their way, and a disk
//! that keeps the promises of [`storage::disk::Disk`] and nothing beyond them. Clients send the HTTP that etcd's clients
//! send, and the history of what they were told is judged at the end; what members do is judged after every turn.
//!
//! # What it must never do
//! Read a clock, a file, a random device or the order of a hash, or depend on madsim: the crate `simulator` drives the same
//! [`world::World`] on madsim's runtime, [`run`] drives it in a plain loop.
//!
//! # Files
//! | file | idea |
//! |---|---|
//! | `world.rs`, `agenda.rs`, `timeline.rs`, `run.rs` | the world as a value; what is due when; the plain loop |
//! | `choices.rs`, `settings.rs` | every random choice in one list; what differs from seed to seed |
//! | `network.rs`, `stream.rs`, `disk.rs`, `clock.rs` | what may become of messages, of bytes, of writes, of time |
//! | `faults.rs`, `faults/budget.rs`, `storm.rs` | what goes wrong and when; what may be damaged; faults as they befall |
//! | `member.rs`, `lives.rs`, `seat.rs`, `served.rs` | one life of a member; how lives begin and end; what outlives them; its clients' connections |
//! | `client.rs`, `dialect.rs`, `operation.rs` | clients, the HTTP they speak, the history they leave |
//! | `caller.rs`, `call.rs` | callers, who ask the node itself for what no route of the API leads to yet |
//! | `check/` | one property a file: Figure 3, durability on disks, votes, replicas, linearizability, revisions, liveness, leases; `check/model/`: the stores, plainly |
//! | `cores/` | clusters of Raft cores alone, at full speed, a hundred thousand seeds at a time |
//! | `script/` | a language of lines that drives a closed Raft cluster: the golden tests, and `balsa-study` |
//! | `search/` | every state of a small cluster, within a scope |
//! | `trace.rs`, `steps.rs`, `report.rs` | what happened, as a hash and as lines; what it came to |
//! | `repairs.rs` | damaged, emptied and swapped disks, and the members that come back as others |
//! | `probes.rs` | the faults and the rare paths that were met, and those that were not |
//!
//! # What is not promised, so not checked
//! A read that may be stale can be older after a restart than before it: the commit index rides along with Saves and causes
//! none. It never is behind what the disk knew to be committed, nor goes back on one connection.
//!
//! A disk is emptied only while all other members know, and would know after a crash, by which directory its member is
//! known: to one that does not, the member is a founder that starts late.
//!
//! # Left out
//! Membership changes but for repairs, shrinking, copies of a disk from before that are put back.
#![forbid(unsafe_code)]

pub mod agenda;
pub mod call;
mod caller;
pub mod check;
pub mod choices;
pub mod client;
pub mod clock;
mod composed;
pub mod cores;
pub mod dialect;
pub mod disk;
pub mod faults;
mod image;
mod judgement;
mod lives;
pub mod member;
pub mod network;
pub mod operation;
pub mod probes;
mod quirks;
mod repairs;
pub mod report;
pub mod run;
pub mod script;
pub mod search;
mod seat;
mod served;
pub mod settings;
mod space;
mod steps;
mod storm;
mod stream;
pub mod timeline;
pub mod trace;
pub mod world;
