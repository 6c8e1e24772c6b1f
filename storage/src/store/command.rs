//! What the log can ask of the stores, and what comes of it. A command that cannot be carried out yields a [`Failure`];
//! applying never panics.

use bytes::Bytes;
use raft_core::NodeId;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::alarm::Alarm;
use super::query::{KeyRange, KeyValue, LeaseId, Revision, TreeNode};
pub use super::retries::{Once, Retriable};
use super::transaction::{Chosen, Transaction};

/// The cluster's wall clock: nanoseconds since the Unix epoch. Each command carries the time by the clock of the leader
/// that took it; the state's own is the greatest so far, so it never goes back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ClusterTime(pub u64);

/// A change of the replicated state, as it stands in a log entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// v3: sets a key.
    Put(Put),
    /// v3: deletes keys; all of them in one revision.
    DeleteRange {
        /// Which keys.
        range: KeyRange,
        /// Whether to answer with what was deleted.
        previous: bool,
    },
    /// v2: changes the tree.
    Tree {
        /// Clean absolute path: starts with `/`, no empty, `.` or `..` component, no slash at the end but for the root,
        /// at most [`TREE_DEPTH_MAX`](super::TREE_DEPTH_MAX) components. Any other path is answered as one where nothing
        /// is.
        path: Bytes,
        /// What to do there.
        change: TreeChange,
    },
    /// A member makes its name and client URLs known; counts as one v2 index, as in etcd.
    Publish {
        /// Who.
        member: NodeId,
        /// What it says of itself.
        attributes: Attributes,
        /// The random id of its data directory. The first one published for a member is its for ever; another changes
        /// nothing, takes no v2 index, is answered the same, and is how a wiped directory is recognised.
        data_id: u64,
    },
    /// v3: revisions below this one cannot be read any more, and what only they showed goes, bit by bit.
    Compact {
        /// The oldest revision that can be read afterwards.
        revision: Revision,
    },
    /// v2: nodes whose time is over at this command's time go, the earliest first and a bounded number of them, each at an
    /// index of its own; proposed by a leader whose clock says that one is due.
    Expire,
    /// Does more of what is pending than other commands do on the way; proposed by a leader that has nothing else to do.
    Continue,
    /// v3: grants a lease.
    LeaseGrant {
        /// Its id; 0 lets the store choose.
        id: LeaseId,
        /// Its time to live, in seconds.
        ttl: u64,
    },
    /// v3: ends a lease; the keys that hang on it are deleted, in one revision.
    LeaseRevoke {
        /// Which.
        id: LeaseId,
    },
    /// Leases that the leader counted down: each ends as if revoked, in this order. Those that are not there any more
    /// are passed over.
    LeaseExpire {
        /// Which.
        ids: Vec<LeaseId>,
    },
    /// The leader writes down what is left of leases, so that the next one does not begin anew with them.
    LeaseCheckpoint {
        /// The leases with the seconds that are left; None: all of them again.
        remaining: Vec<(LeaseId, Option<u64>)>,
    },
    /// v3: a transaction.
    Transaction(Transaction),
    /// A member raises an alarm, or ends it.
    Alarm {
        /// Which.
        alarm: Alarm,
        /// Whether it is raised.
        raised: bool,
    },
    /// A write that its client has named, so that it may ask again: it is done once.
    Once(Box<Once>),
}

impl Command {
    /// Whether the state grows by it. What does not is done even when space has run out, since it is what helps.
    #[must_use]
    pub fn takes_space(&self) -> bool {
        match self {
            Command::Put(_) | Command::LeaseGrant { .. } => true,
            Command::Transaction(transaction) => transaction.may_put(),
            Command::Tree { change, .. } => change.takes_space(),
            Command::Once(once) => match &once.write {
                Retriable::Tree { change, .. } => change.takes_space(),
            },
            _ => false,
        }
    }
}

impl TreeChange {
    fn takes_space(&self) -> bool {
        match self {
            TreeChange::Create(_) | TreeChange::CreateInOrder(_) => true,
            // What is there may be kept alive.
            TreeChange::Set(write) | TreeChange::Update(write) | TreeChange::CompareAndSwap(_, write) => {
                !write.refresh
            }
            TreeChange::Delete { .. } | TreeChange::CompareAndDelete(_) => false,
        }
    }
}

/// The v3 put.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Put {
    /// Not empty.
    pub key: Bytes,
    /// The new value; with `ignore_value` empty.
    pub value: Bytes,
    /// Whether to answer with what stood there.
    pub previous: bool,
    /// Keep the present value; the key must exist.
    pub ignore_value: bool,
    /// Keep the present lease; the key must exist.
    pub ignore_lease: bool,
    /// The lease to hang on from now on, or none; with `ignore_lease` none.
    pub lease: LeaseId,
}

/// The v2 writes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TreeChange {
    /// Creates or replaces (PUT).
    Set(TreeWrite),
    /// Creates; refuses to replace (PUT prevExist=false).
    Create(TreeWrite),
    /// Creates a child named by the next index in 20 digits (POST).
    CreateInOrder(TreeWrite),
    /// Replaces what must exist (PUT prevExist=true).
    Update(TreeWrite),
    /// Replaces if the present state compares (PUT prevValue, prevIndex).
    CompareAndSwap(Compare, TreeWrite),
    /// Deletes (DELETE).
    Delete {
        /// An empty directory may go too.
        dir: bool,
        /// A directory may go with all in it; implies `dir`.
        recursive: bool,
    },
    /// Deletes if the present state compares (DELETE prevValue, prevIndex).
    CompareAndDelete(Compare),
}

/// What a v2 write leaves at its path, and for how long.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TreeWrite {
    /// What stands there afterwards.
    pub content: TreeContent,
    /// The seconds from the command's time after which the node goes, with all in it; None: it stays.
    pub ttl: Option<u64>,
    /// A set, an update or a swap keeps the value that is there, which must be there, and no watcher is told. To creating
    /// it means nothing.
    pub refresh: bool,
}

impl From<TreeContent> for TreeWrite {
    /// For good.
    fn from(content: TreeContent) -> TreeWrite {
        TreeWrite {
            content,
            ttl: None,
            refresh: false,
        }
    }
}

/// What stands at a path of the tree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TreeContent {
    /// A file with this value.
    File(Bytes),
    /// A directory.
    Directory,
}

/// The conditions of a v2 compare; at least one is there, and all that are must hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Compare {
    /// The present value is this.
    pub value: Option<Bytes>,
    /// The present modifiedIndex is this.
    pub index: Option<u64>,
}

/// What a member says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attributes {
    /// Its human name.
    pub name: String,
    /// Where clients reach it: URLs.
    pub client_urls: Vec<String>,
}

/// What a command did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// The key is set.
    Put {
        /// What stood there, if asked for and there was something.
        previous: Option<KeyValue>,
    },
    /// The keys are deleted.
    Deleted {
        /// How many.
        count: u64,
        /// Which, if asked for, in key order.
        previous: Vec<KeyValue>,
    },
    /// The tree changed.
    Tree(TreeEvent),
    /// The attributes are known.
    Published,
    /// The revision is the oldest that can be read; what went before goes bit by bit.
    Compacted,
    /// Nodes whose time was over are gone.
    Expired,
    /// Some of what was pending is done.
    Continued,
    /// The lease is in force.
    LeaseGranted {
        /// Its id.
        id: LeaseId,
        /// Its time to live, in seconds.
        ttl: u64,
    },
    /// The lease is over, its keys deleted.
    LeaseRevoked,
    /// The leases are over, their keys deleted.
    LeasesExpired,
    /// What is left of the leases is written down.
    LeasesCheckpointed,
    /// The transaction is carried out.
    Transaction(Chosen),
    /// The alarm is as asked.
    Alarm {
        /// Whether it was otherwise before.
        changed: bool,
    },
}

/// How far applying a command came.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
#[expect(clippy::large_enum_variant, reason = "nearly every one is the large one")]
pub enum Applied {
    /// It is carried out, or failed and changed nothing.
    Done(Result<Outcome, Failure>),
    /// It is too much for one turn: call [`Store::work`](super::Store::work) until it is done, and apply nothing else
    /// before. When [`Store::apply`](super::Store::apply) says so, nothing has changed yet: a view taken then is the
    /// state that clients see meanwhile.
    Working,
}

/// A change of the v2 tree, as clients see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TreeEvent {
    /// What was done.
    pub action: TreeAction,
    /// The cluster's time then: what is left of a node's life counts from there.
    pub time: ClusterTime,
    /// The node afterwards; of a delete, its name and indexes only.
    pub node: TreeNode,
    /// The node before, without children, if there was one.
    pub previous: Option<TreeNode>,
}

/// The names of v2's actions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TreeAction {
    /// `get`
    Get,
    /// `set`
    Set,
    /// `create`
    Create,
    /// `update`
    Update,
    /// `compareAndSwap`
    CompareAndSwap,
    /// `delete`
    Delete,
    /// `compareAndDelete`
    CompareAndDelete,
    /// `expire`
    Expire,
}

/// Why a command or query was not carried out. Nothing changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Error)]
pub enum Failure {
    /// `ignore_value` or `ignore_lease` on a key that is not there, or an empty key.
    #[error("key not found")]
    KeyNotFound,
    /// A read at a revision that does not exist yet.
    #[error("required revision is a future revision")]
    FutureRevision,
    /// A read at a revision that is compacted away.
    #[error("required revision has been compacted (oldest is {0:?})")]
    Compacted(Revision),
    /// No such lease.
    #[error("requested lease not found")]
    LeaseNotFound,
    /// A lease with this id is there already.
    #[error("lease already exists")]
    LeaseExists,
    /// More than [`LEASE_TTL_MAX`](super::LEASE_TTL_MAX) seconds.
    #[error("too large lease TTL")]
    LeaseTtlTooLarge,
    /// An operation of a transaction names no key.
    #[error("key is not provided")]
    EmptyKey,
    /// A transaction sets a key twice, or sets and deletes it.
    #[error("duplicate key given in txn request")]
    DuplicateKey,
    /// A transaction has more operations than are allowed.
    #[error("too many operations in txn request")]
    TooManyOperations,
    /// A transaction whose choices are not as they must be; nothing that parses is.
    #[error("ill-formed transaction")]
    IllFormed,
    /// A hash of the keys at a revision after which they changed too often.
    #[error("the revision is too many changes ago for a hash")]
    HashTooFarBack,
    /// A member's space runs out: what needs more is refused until its alarm ends.
    #[error("database space exceeded")]
    NoSpace,
    /// A v2 error.
    #[error(transparent)]
    Tree(#[from] TreeFailure),
    /// Something else was asked under this name.
    #[error("the name was used for another request")]
    OtherRequest,
    /// A hash of the keys while some of what was compacted is still there.
    #[error("compaction is going on")]
    StillCompacting,
}

/// A v2 error: its code tells clients which, see `code`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Error)]
#[error("{code:?} ({})", String::from_utf8_lossy(.cause))]
pub struct TreeFailure {
    /// Which error.
    pub code: TreeErrorCode,
    /// What it is about: a path, or the comparison that failed.
    pub cause: Bytes,
    /// The tree's index when it happened.
    pub index: u64,
}

/// The v2 error codes that the tree yields; the discriminant is etcd's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TreeErrorCode {
    /// Nothing there.
    KeyNotFound = 100,
    /// The present state is not as compared.
    CompareFailed = 101,
    /// A directory where a file is needed.
    NotAFile = 102,
    /// A file on the way to the path.
    NotADirectory = 104,
    /// Something is there already.
    KeyExists = 105,
    /// The root cannot be written.
    RootReadOnly = 107,
    /// A directory with something in it.
    DirectoryNotEmpty = 108,
    /// A watch from an index of which nothing is known any more.
    EventIndexCleared = 401,
}
