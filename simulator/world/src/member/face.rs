//! What goes into a member and what comes out, as the world sees it.

use bytes::Bytes;
use net::hello::{Hello, Refusal};
use node::{ClientId, PeerMessage, Request, RequestId, Response};
use raft_core::{NodeId, Position, Save};

use crate::probes::Probe;

/// What a member wants done by the world.
#[derive(Debug)]
pub enum Effect {
    /// Take this to a peer.
    Send {
        /// What.
        message: PeerMessage,
        /// To whoever listens there.
        seat: NodeId,
        /// As bytes.
        frame: Bytes,
    },
    /// A Save is written; sync it and say so.
    Sync(Save),
    /// Take these bytes to a client.
    Answer {
        /// Whose connection.
        client: ClientId,
        /// What.
        bytes: Vec<u8>,
        /// Whether the member ends the connection with them.
        closed: bool,
    },
    /// Tell a caller.
    Told {
        /// Whom.
        client: ClientId,
        /// What it asked.
        id: RequestId,
        /// The answer.
        response: Box<Response>,
        /// Whether the member had no space when it was asked for what takes some.
        read_only: bool,
    },
    /// A snapshot of its own is begun; write it to its end, and say so.
    SaveSnapshot(Position),
    /// The snapshot that came is to be made durable and put in its place.
    PublishSnapshot(Position),
    /// For the trace and the checks: why Raft decided as it did.
    Why(raft_core::Why),
    /// This member learned who leads.
    Leader {
        /// Who.
        leader: Option<NodeId>,
        /// In which term.
        term: raft_core::Term,
    },
    /// This member was removed for good.
    Removed,
    /// This member becomes another one: it boots again.
    Becomes {
        /// Because its directory is new, and it is not; else because the others have taken it in.
        lost: bool,
    },
    /// This member is at the end of its repair.
    Repaired,
    /// Another member broke the protocol.
    Alarm(raft_core::Alarm),
    /// For the report: a path was met.
    Met(Probe),
}

/// Who says something, and from where.
#[derive(Clone, Copy, Debug)]
pub struct Sender {
    /// From which seat.
    pub seat: NodeId,
    /// In which of the lives there.
    pub life: u64,
    /// What it says of itself.
    pub hello: Hello,
}

/// What arrives on a link.
#[derive(Clone, Debug)]
pub struct Frame {
    /// Whose.
    pub sender: Sender,
    /// What, maybe damaged.
    pub bytes: Bytes,
}

/// What happens to a member.
#[derive(Debug)]
pub enum Happening {
    /// Bytes from a peer.
    Frame(Frame),
    /// A peer does not hear this member.
    Refused {
        /// Who.
        by: NodeId,
        /// Why.
        refusal: Refusal,
    },
    /// Bytes from a client.
    Stream(ClientId, Bytes),
    /// A caller asks.
    Asked(ClientId, RequestId, Box<Request>),
    /// A client ended its connection.
    Gone(ClientId),
    /// It is told to hand over the lead, as before a clean stop.
    HandOver,
    /// The link on which a peer speaks closed.
    LinkClosed(NodeId),
    /// The write in flight is to be synced now.
    Sync,
    /// The snapshot in the making is to be written to its end now.
    SnapshotMade,
    /// The snapshot that came is to be put in its place now.
    SnapshotPublished(Position),
    /// A deadline is due.
    Tick,
}

/// The member cannot go on.
#[derive(Debug)]
pub enum Halt {
    /// Its power failed in the middle of a disk operation.
    PowerFailed,
    /// An operation of its disk failed, after which nothing may be promised: the process ends.
    DiskFailed,
    /// It refuses what is on its disk, which is damaged.
    Refused(String),
    /// There is no space for what it needs to start.
    NoSpace(String),
    /// It refuses what is on its disk, and nobody has taken it in anew for long.
    NotTakenIn(String),
    /// Something that must never happen did.
    Broken(String),
}
