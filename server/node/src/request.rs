//! The face of a node: what goes in and what comes out.

use bytes::Bytes;
use raft_core::{Index, Membership, NodeId, Position, Save, SnapshotMark, Stamp, Term, Time};
use serde::{Deserialize, Serialize};
use storage::store::alarm::AlarmKind;
use storage::store::command::{self, Command};
use storage::store::query::{Found, LeaseId, Query, Revision};
use thiserror::Error;

use crate::alarms::DiskUse;
pub use crate::answers::{LeaseTime, Member, Status};
pub use crate::checks::Checks;
pub use crate::contest::{Contest, Ownership};
pub use crate::counts::Counts;
use crate::fence::Doubt;
use crate::message::{Lane, PeerMessage};
pub use crate::retired::{Retired, View};
use crate::stats::MemberStats;
pub use crate::watch::face::{Events, Told, Watch};

/// A client's connection, unique within one boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ClientId(pub u64);

/// A request, unique within its client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RequestId(pub u64);

/// Nanoseconds since the Unix epoch, by the host's clock, which may jump.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct WallTime(pub u64);

/// What time it is, both ways. Given by the host; a node never asks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Now {
    /// For deadlines; never goes back.
    pub monotonic: Time,
    /// For what people see.
    pub wall: WallTime,
}

/// All that can happen to a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Input {
    /// Time passed: `deadline()` is due.
    Tick,
    /// A peer said something.
    Message(PeerMessage),
    /// A client asks.
    Request {
        /// Who.
        client: ClientId,
        /// Which of its requests.
        id: RequestId,
        /// What.
        request: Request,
    },
    /// A client went away: nothing more is answered to it.
    ClientGone(ClientId),
    /// A client does not want to be told any more what it asked to watch. Answered with [`Answer::WatchEnded`], unless
    /// that watch has ended already.
    Unwatch {
        /// Who.
        client: ClientId,
        /// The request that began it.
        id: RequestId,
    },
    /// A client leaves too much of what it is told untaken: of what it watches it is told nothing more for now. What it
    /// is not told is not kept for it, only where it stands.
    Crowded(ClientId),
    /// A client that was crowded has taken it.
    Uncrowded(ClientId),
    /// Whether watchers are to be told nothing for now, because the host is behind with what they were told.
    TellLater(bool),
    /// What this peer says does not arrive any more, as far as the host can see: it may be down. A hint, which may be
    /// wrong or missing.
    LinkClosed(NodeId),
    /// The host is about to stop this member: see [`Node::is_handing_over`](crate::Node::is_handing_over).
    HandOver,
    /// A peer refused this member's link, because it was removed from the cluster for good.
    RefusedAsRemoved {
        /// Who says so.
        by: NodeId,
    },
    /// A peer knows this member by another data directory than this one.
    RefusedAsOther {
        /// Who says so.
        by: NodeId,
    },
    /// Where a member was known to listen, another one of the same cluster does.
    FoundThere {
        /// Who was known to.
        wanted: NodeId,
        /// Who does.
        found: NodeId,
    },
    /// All changes up to this stamp are on disk, synced.
    Saved(Stamp),
    /// The snapshot with this mark is on disk, synced, under its name: one that this node had saved or published.
    SnapshotSaved(Position),
    /// The snapshot with this mark, which was to be saved or published, could not be written, and is given up.
    SnapshotGivenUp(Position),
    /// So many bytes of pieces to be kept are written, or were thrown away with their snapshot.
    PiecesWritten(u64),
    /// Whether this member's disk has no space for the file that its journal needs next. It still has room for what is
    /// asked of it meanwhile: the rest of the present one.
    OutOfSpace(bool),
    /// So much space do this member's files take. Said when it has changed.
    DiskUsed(DiskUse),
}

/// All that a node wants done, in order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Output {
    /// Write this to the journal, sync it, and then say `Saved`. At most one is on its way.
    Save(Save),
    /// Write this state to a snapshot file on another thread, and drop it there; then say `SnapshotSaved` or
    /// `SnapshotGivenUp`. At most one is on its way.
    SaveSnapshot {
        /// What it covers: all of that is in the journal on disk.
        mark: Box<SnapshotMark>,
        /// The state.
        view: View,
    },
    /// Append this piece to the snapshot that comes from the leader, or begin it anew at offset 0; then say
    /// `PiecesWritten`.
    KeepPiece {
        /// The bytes before it.
        offset: u64,
        /// The piece.
        data: Bytes,
    },
    /// All pieces came, and together they are a sound snapshot: make it durable, put it in its place, and then say
    /// `SnapshotSaved`; or `SnapshotGivenUp` if it, or any piece, could not be written.
    PublishSnapshot(Box<SnapshotMark>),
    /// The pieces kept so far are of no use.
    DropIncoming {
        /// For the log: what is wrong with them.
        why: String,
    },
    /// Two newer snapshots are kept: the journal is not needed up to this entry, nor are snapshots before it.
    DropLogBefore(Index),
    /// Hand this to the link to `message.to`; may be dropped.
    Send {
        /// On which lane.
        lane: Lane,
        /// What.
        message: PeerMessage,
    },
    /// Be connected to exactly these members, at these addresses.
    Peers(Membership),
    /// Answer a client; boxed because most outputs are small.
    Reply {
        /// Whom.
        client: ClientId,
        /// Which of its requests.
        id: RequestId,
        /// What.
        response: Box<Response>,
    },
    /// Tell watchers something, in the order of these outputs; boxed because most outputs are small.
    Events {
        /// Whom: the requests that began their watches. All are told the very same.
        to: Vec<(ClientId, RequestId)>,
        /// What.
        events: Box<Events>,
    },
    /// For the log and the trace: why Raft decided as it did.
    Why(raft_core::Why),
    /// For the log: this node leads, follows somebody else, or nobody, in this term.
    Leader {
        /// Who leads.
        leader: Option<NodeId>,
        /// In which term.
        term: Term,
    },
    /// This member was removed from the cluster for good, and takes part no more: the host may stop it once its
    /// clients have their answers.
    Removed,
    /// The cluster has taken this petitioner in: make the disk the new member's (`storage::repair`), and boot it.
    TakenIn,
    /// This node is all that its damaged former self was: what was set aside is not needed any more.
    Repaired,
    /// This member's former data directory is lost, and this one is new. Boot it as a petitioner: what the former one
    /// promised is not known here.
    DirectoryLost,
    /// Another member broke the protocol; this node takes part no more.
    Alarm(raft_core::Alarm),
    /// For the log: what came of comparing the members' states.
    Doubt(Doubt),
    /// For the log: somebody wanted to defragment, which is never needed.
    NothingToDefragment,
    /// Drop this, on a thread where it may take long.
    Retired(Retired),
}

/// What a client can ask.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Request {
    /// Change the state, through the log.
    Write(Command),
    /// Look at the state: at one not older than any answer given before the question (linearizable), or at this
    /// node's own.
    Read {
        /// What to look at.
        query: Query,
        /// Whether to confirm first that it is not stale.
        linearizable: bool,
    },
    /// List the members.
    Members {
        /// Whether to confirm first that it is not stale.
        linearizable: bool,
    },
    /// Renew a lease.
    LeaseKeepAlive {
        /// Which.
        id: LeaseId,
    },
    /// How much is left of a lease.
    LeaseTimeToLive {
        /// Which.
        id: LeaseId,
        /// Its keys too.
        keys: bool,
    },
    /// Tell what happens, as it happens: answered with [`Answer::Watching`], then with [`Output::Events`] until
    /// [`Input::Unwatch`], [`Answer::WatchEnded`] or a failure.
    Watch(Watch),
    /// Answer once all that this client watches was told everything up to the revision of the answer.
    WatchProgress,
    /// Nothing but what every answer tells.
    Header,
    /// How this member is.
    Status,
    /// Own a name, as soon as nobody else does.
    Contend(Contest),
    /// Hand the lead over, from the member that has it.
    Transfer {
        /// To whom: a voter.
        to: NodeId,
    },
    /// Free what is free inside the state's files: there never is any.
    Defragment,
    /// Whether this member can serve: no alarm is raised, a leader is known and, if linearizable, a read is confirmed
    /// within 1 s.
    Health {
        /// Whether to ask a quorum.
        linearizable: bool,
        /// Alarms that do not count.
        except: Vec<AlarmKind>,
    },
    /// Whether this member is alive and ready, check by check.
    Checks {
        /// Whether to ask a quorum, for at most 1 s.
        linearizable: bool,
    },
    /// What this member did since it began.
    Stats,
}

/// An answer with what every answer tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Response {
    /// What every answer tells.
    pub header: Header,
    /// The answer.
    pub result: Result<Answer, Failure>,
}

/// Where and when an answer was given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// The cluster's id.
    pub cluster_id: u64,
    /// The id of the member that answers.
    pub member_id: NodeId,
    /// The v3 store's revision at the answer.
    pub revision: Revision,
    /// The v2 tree's index at the answer.
    pub tree_index: u64,
    /// The member's term.
    pub term: Term,
    /// The last entry applied.
    pub applied: Index,
}

/// What is answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    /// To a write.
    Done(command::Outcome),
    /// To a read.
    Found(Found),
    /// To `Members`, sorted by id.
    Members(Vec<Member>),
    /// To `LeaseKeepAlive`.
    LeaseRenewed {
        /// Which.
        id: LeaseId,
        /// The seconds that it lasts from now on; 0 if there is no such lease any more.
        ttl: u64,
    },
    /// To `LeaseTimeToLive`; None if there is no such lease.
    LeaseTime(Option<LeaseTime>),
    /// To `Watch`: it begins.
    Watching,
    /// To `Watch` or `Unwatch`: nothing more is told.
    WatchEnded {
        /// Because what was to be told is compacted away, up to this revision; None: because it was asked.
        compacted: Option<Revision>,
    },
    /// To `WatchProgress`.
    Progress,
    /// To `Header`.
    Header,
    /// To `Status`.
    Status(Status),
    /// To `Contend`: the name is owned.
    Owned(Ownership),
    /// To `Transfer`: the other one leads.
    Transferred,
    /// To `Defragment`.
    NothingToDefragment,
    /// To `Health`.
    Healthy,
    /// To `Checks`.
    Checks(Checks),
    /// To `Stats`.
    Stats(Box<MemberStats>),
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Error)]
pub enum Failure {
    /// The store said no. Nothing changed.
    #[error(transparent)]
    Store(#[from] command::Failure),
    /// The deadline passed. A write may or may not have happened.
    #[error("request timed out")]
    Timeout,
    /// The key of who contended was gone when its turn came.
    #[error("session is expired")]
    SessionExpired,
    /// The key of who contended was another's when it got another value.
    #[error("not elected")]
    NotElected,
    /// This member does not lead, and the request is for who does.
    #[error("not leader")]
    NotLeader,
    /// The lead cannot go to that one.
    #[error("bad leader transferee")]
    BadTransferee,
    /// No leader is known and the request cannot wait for one.
    #[error("no leader")]
    NoLeader,
    /// More than the log takes in one entry. Nothing changed.
    #[error("request is too large")]
    TooLarge,
    /// More is waiting than may wait. Nothing changed.
    #[error("too many requests")]
    TooManyRequests,
    /// An alarm is raised, to a question of health.
    #[error("alarm raised")]
    Alarm(AlarmKind),
    /// The node takes part no more.
    #[error("server stopped")]
    Stopped,
    /// The data directory is damaged, and the other members have not taken the node in again yet.
    #[error("data directory is damaged and being repaired from the other members")]
    Repairing,
    /// This member's state is not the others', or may not be: it answers nobody from it.
    #[error("corrupt state")]
    Corrupt,
}
