//! The one deterministic composition of Raft and the stores: a node as a value.
#![forbid(unsafe_code)]

mod message;
mod request;

pub use message::{Forward, Lane, Part, PeerMessage};
pub use request::{
    Answer, ClientId, Failure, Header, Input, Member, Now, Output, Request, RequestId, Response, Status,
    WallTime,
};
