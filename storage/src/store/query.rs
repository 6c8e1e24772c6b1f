//! What can be asked of the stores without changing them, and what they hold.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::alarm::Alarm;
use super::command::{ClusterTime, TreeEvent};
use super::transaction::{Chosen, Transaction};

/// A state of the v3 keyspace: it begins at 1 and each changing command adds one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Revision(pub u64);

/// A v3 key with its newest value at some revision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyValue {
    /// The key.
    pub key: Bytes,
    /// When this life of the key began.
    pub create_revision: Revision,
    /// When it was last put.
    pub mod_revision: Revision,
    /// How many puts since its creation; 1 after the first.
    pub version: u64,
    /// The value.
    pub value: Bytes,
    /// The lease that the key hangs on, or none.
    pub lease: LeaseId,
}

/// The name of a lease. Any number but 0, which stands for none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LeaseId(pub i64);

impl LeaseId {
    /// No lease.
    pub const NONE: LeaseId = LeaseId(0);
}

/// A set of v3 keys.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct KeyRange {
    /// The first key, included. Not empty.
    pub start: Bytes,
    /// Where it ends.
    pub end: RangeEnd,
}

impl KeyRange {
    /// One key, which is not empty.
    #[must_use]
    pub fn single(key: Bytes) -> KeyRange {
        KeyRange {
            start: key,
            end: RangeEnd::Single,
        }
    }

    /// All keys.
    #[must_use]
    pub fn all() -> KeyRange {
        KeyRange {
            // The least there can be.
            start: Bytes::from_static(b"\0"),
            end: RangeEnd::Unbounded,
        }
    }

    /// Whether a key lies in it.
    #[must_use]
    pub fn holds(&self, key: &[u8]) -> bool {
        match &self.end {
            RangeEnd::Single => *key == self.start[..],
            RangeEnd::Before(end) => *key >= self.start[..] && *key < end[..],
            RangeEnd::Unbounded => *key >= self.start[..],
        }
    }
}

/// Where a range of keys ends.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum RangeEnd {
    /// Only the start.
    Single,
    /// Before this key; at or before the start the range is empty.
    Before(Bytes),
    /// Never.
    Unbounded,
}

/// A question to the stores.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Query {
    /// v3: keys of a range.
    Range(RangeQuery),
    /// v2: a node of the tree.
    Tree {
        /// Clean absolute path, as in `Command::Tree`.
        path: Bytes,
        /// All below it, not just one level.
        recursive: bool,
    },
    /// v3: a transaction that only reads.
    Transaction(Transaction),
    /// v3: a lease, as far as the stores know it.
    Lease {
        /// Which.
        id: LeaseId,
        /// Its keys too.
        keys: bool,
    },
    /// v3: all leases.
    Leases,
    /// v3: the alarms that are raised.
    Alarms,
    /// A hash of the whole state.
    Hash,
    /// v3: a hash of the keys as of a revision; None is now.
    KeysHash(Option<Revision>),
}

/// The v3 range.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RangeQuery {
    /// Which keys.
    pub range: KeyRange,
    /// As of when; None is now.
    pub revision: Option<Revision>,
    /// At most so many, after filter and sort; None is all.
    pub limit: Option<u64>,
    /// In which order; None is by key.
    pub sort: Option<Sort>,
    /// Leave the values out.
    pub keys_only: bool,
    /// Count only.
    pub count_only: bool,
    /// Only keys whose mod_revision lies here; the bounds are included.
    pub mod_revision: Between,
    /// Only keys whose create_revision lies here.
    pub create_revision: Between,
}

impl RangeQuery {
    /// All of a range, as it is now, by key.
    #[must_use]
    pub fn of(range: KeyRange) -> RangeQuery {
        RangeQuery {
            range,
            revision: None,
            limit: None,
            sort: None,
            keys_only: false,
            count_only: false,
            mod_revision: Between::default(),
            create_revision: Between::default(),
        }
    }
}

/// Inclusive bounds; None is open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Between {
    /// The least.
    pub min: Option<Revision>,
    /// The greatest.
    pub max: Option<Revision>,
}

/// An order of keys. Ties are broken by key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sort {
    /// By what.
    pub target: SortTarget,
    /// The greatest first.
    pub descending: bool,
}

/// What keys can be sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SortTarget {
    /// The key's bytes.
    Key,
    /// The version.
    Version,
    /// The create_revision.
    Create,
    /// The mod_revision.
    Mod,
    /// The value's bytes.
    Value,
}

/// The stores' answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::large_enum_variant, reason = "the large ones are most of them")]
pub enum Found {
    /// To `Query::Range`.
    Range {
        /// The keys, after filter, sort and limit.
        keys: Vec<KeyValue>,
        /// Whether the limit cut some off.
        more: bool,
        /// How many keys the range holds at that revision, whatever filter and limit.
        count: u64,
    },
    /// To `Query::Transaction`.
    Transaction(Chosen),
    /// To `Query::Lease`; None if it is not there.
    Lease(Option<LeaseView>),
    /// To `Query::Leases`: their ids, in order.
    Leases(Vec<LeaseId>),
    /// To `Query::Alarms`: by member, then by kind.
    Alarms(Vec<Alarm>),
    /// To `Query::Hash`: equal on members that have applied the same entries.
    Hash(u64),
    /// To `Query::KeysHash`.
    KeysHash(KeysHash),
    /// To `Query::Tree`: action `get`, children in order of their names, hidden ones left out.
    Tree(TreeEvent),
}

/// A hash of the v3 keys: equal on members with the same keys, if both have compacted the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeysHash {
    /// Of all versions up to `revision`.
    pub hash: u64,
    /// As of when.
    pub revision: Revision,
    /// What was last compacted; 0 if nothing was.
    pub compacted: Revision,
}

/// A lease as the stores know it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseView {
    /// What was granted, in seconds.
    pub ttl: u64,
    /// The keys that hang on it, in order, if they were asked for.
    pub keys: Vec<Bytes>,
}

/// A change of a v3 key, as watchers see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// The command's revision.
    pub revision: Revision,
    /// The key.
    pub key: Bytes,
    /// What it holds from then on; None if it was deleted.
    pub now: Option<KeyValue>,
    /// What it held before, if that is not compacted away.
    pub before: Option<KeyValue>,
}

/// Where in the history of the v3 keyspace: before the change that has so many before it in this revision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// The revision.
    pub revision: Revision,
    /// How many of its changes come before.
    pub after: u64,
}

impl Place {
    /// Where a revision begins.
    #[must_use]
    pub fn start_of(revision: Revision) -> Place {
        Place { revision, after: 0 }
    }
}

/// A node of the v2 tree, as clients see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TreeNode {
    /// Its path; `/` for the root.
    pub key: Bytes,
    /// Its value; None for directories and in the `node` of a delete.
    pub value: Option<Bytes>,
    /// Whether it is a directory.
    pub dir: bool,
    /// When it goes; None: it stays.
    pub expiration: Option<ClusterTime>,
    /// Its visible children, if they were asked for.
    pub nodes: Vec<TreeNode>,
    /// The index of the command that last changed it; 0 for the root.
    pub modified_index: u64,
    /// The index of the command that made it; 0 for the root.
    pub created_index: u64,
}

impl TreeNode {
    /// The seconds that are left at a time, begun ones too; since when it should be gone, if it is negative. None if the
    /// node stays.
    #[must_use]
    pub fn ttl(&self, time: ClusterTime) -> Option<i64> {
        const SECOND: i128 = 1_000_000_000;
        let left = i128::from(self.expiration?.0) - i128::from(time.0);
        let begun = i128::from(left % SECOND > 0);
        // Two times lie less than 2^35 seconds apart.
        Some((left / SECOND + begun) as i64)
    }
}
