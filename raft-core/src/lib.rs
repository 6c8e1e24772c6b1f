//! Raft as a pure state machine.
#![forbid(unsafe_code)]

mod message;
mod types;
mod why;

pub use message::{AppendOutcome, Envelope, Message};
pub use types::{
    Ballot, Body, Boot, Entry, Image, Index, LogChange, Membership, NodeId, Position, ReadId, Round, Save,
    SnapshotMark, Stamp, Term, Time,
};
pub use why::{Alarm, Why};
