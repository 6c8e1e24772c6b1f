//! The paper's nouns as newtypes, so that a term is never taken for an index.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::membership::Membership;

macro_rules! number {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub u64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

/// A member's id, unique for ever within a cluster: an id is never given to a second member. Shown in hexadecimal, as etcd
/// does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NodeId(pub u64);

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::LowerHex::fmt(&self.0, f)
    }
}

number! {
    /// A term (Raft 5.1): the logical clock. 0 before the first election.
    Term
}
number! {
    /// A place in the log, from 1; 0 is before the first entry.
    Index
}
number! {
    /// A place in the order of all changes to this node's persistent state since boot; 0 is what boot found on disk.
    Stamp
}
number! {
    /// A batch of linearizable reads, unique within one boot of one node; chosen by the caller of `Raft::read`.
    ReadId
}
number! {
    /// A round of heartbeats that confirms leadership for reads (thesis 6.4); counts up within a leader's term.
    Round
}
number! {
    /// What a member's state machine understands: a new kind of entry is proposed only once every member understands it.
    Version
}
number! {
    /// How often a lost quorum was given up for good (see `recover_alone`). Who lives in an older epoch is a stranger.
    Epoch
}
number! {
    /// How many times this data directory has been booted; saved before the first message of that boot.
    Boot
}

impl Term {
    /// No cluster lives to see it: at a term a microsecond it takes 292,000 years. Whoever names a later one lies.
    pub const MAX: Term = Term(1 << 63);
}

impl Index {
    /// No log ever gets there. Whoever names a later one lies.
    pub(crate) const MAX: Index = Index(1 << 63);

    /// The place after this one.
    #[must_use]
    pub fn next(self) -> Index {
        Index(self.0 + 1)
    }

    /// The place before this one; 0 stays 0.
    #[must_use]
    pub fn previous(self) -> Index {
        Index(self.0.saturating_sub(1))
    }
}

impl Stamp {
    /// The stamp of the next change.
    #[must_use]
    pub fn next(self) -> Stamp {
        Stamp(self.0 + 1)
    }
}

/// Monotonic time in microseconds since an origin of the host's choosing; only differences mean anything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Time(pub u64);

impl Time {
    /// Later than every deadline.
    pub const NEVER: Time = Time(u64::MAX);

    /// The time `after` this one, saturating at [`Time::NEVER`].
    #[must_use]
    pub fn after(self, after: Duration) -> Time {
        // In 64 bits: it is asked for with every message.
        let micros = after.as_secs().saturating_mul(1_000_000);
        let micros = micros.saturating_add(u64::from(after.subsec_micros()));
        Time(self.0.saturating_add(micros))
    }

    /// How long from `earlier` until now; zero if `earlier` is later.
    #[must_use]
    pub fn since(self, earlier: Time) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

/// Where an entry stands. The order is "more up-to-date": the later term, then the longer log (Raft 5.4.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Position {
    /// The term of the leader that made the entry.
    pub term: Term,
    /// Its place in the log.
    pub index: Index,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.index, self.term)
    }
}

/// What a node has promised in elections (Figure 2, persistent state): its current term and its one vote in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Ballot {
    /// The latest term this node has seen.
    pub term: Term,
    /// Who got its vote in that term; set at most once a term.
    pub voted_for: Option<NodeId>,
}

/// One entry of the log. Never changed; replaced only while uncommitted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Where it stands.
    pub position: Position,
    /// What it says.
    pub body: Body,
}

/// What an entry says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Body {
    /// Nothing: a new leader's first entry, which lets it commit what earlier terms left (Raft 8).
    Blank,
    /// An opaque command of the state machine.
    Command(Bytes),
    /// A new membership; in force from the moment it is in the log (thesis 4.1).
    Change(Box<Membership>),
}

impl Entry {
    /// What an entry is taken to weigh beside its payload, in memory and on its way, in bytes: the same on every machine, so
    /// that all of them drop the same. Without it entries that have no payload would escape every limit.
    pub(crate) const BYTES: usize = 64;

    /// Bytes this entry weighs against limits.
    #[inline]
    pub(crate) fn bytes(&self) -> usize {
        self.body.weight() + Entry::BYTES
    }
}

impl Body {
    /// Bytes of the payload.
    #[must_use]
    #[inline]
    pub fn weight(&self) -> usize {
        match self {
            Body::Blank => 0,
            Body::Command(bytes) => bytes.len(),
            Body::Change(membership) => membership.weight(),
        }
    }
}

/// The point a snapshot covers, with the membership as of that point, never a later one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotMark {
    /// The last entry the snapshot covers; index 0 is the state a cluster is born with.
    pub position: Position,
    /// The membership in force there.
    pub membership: Membership,
}

/// All that a node reads from disk, once, at boot.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// The last ballot saved.
    pub ballot: Ballot,
    /// A commit index that was true when saved; later ones may have been lost. At most the last entry's.
    pub commit: Index,
    /// What the entries follow.
    pub snapshot: SnapshotMark,
    /// The log after the mark, without a gap.
    pub entries: Vec<Entry>,
}

/// What happened to the log since the last Save was cut.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LogChange {
    /// Nothing.
    Keep,
    /// These entries, without a gap, replace everything at and after the first one's index.
    Append(Vec<Entry>),
    /// A snapshot, which is saved already, replaced the log: the log is empty and begins after its mark. A disk may keep
    /// what follows the mark, if what it has at the mark is the same entry.
    Reset(Box<SnapshotMark>),
}

/// One unit of persistence: written whole and synced before `saved(stamp)` is called.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Save {
    /// Everything up to this change is in this Save or an earlier one.
    pub stamp: Stamp,
    /// The ballot, if it changed.
    pub ballot: Option<Ballot>,
    /// The commit index, which rides along and never causes a Save.
    pub commit: Index,
    /// The log's change.
    pub log: LogChange,
}
