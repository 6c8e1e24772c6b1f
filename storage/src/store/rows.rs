//! The state as a list of rows: what a snapshot writes down, and the way back.
//!
//! Each part of the store yields its own rows and takes them again; here is only their order. The rows of a state follow
//! from the state alone: how it came to be, and how many are asked for at a time, make no difference. So equal states
//! have equal snapshots.
//!
//! A part that holds something new adds a variant to [`Row`] and to `Section`, a line to `section_rows` and one to
//! [`Loading::take`]; and to FORMAT.md.

use std::cmp::Ordering;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::Store;
use super::alarm::{Alarm, Alarms};
use super::command::ClusterTime;
use super::members::Members;
use super::mvcc::Keyspace;
use super::retries::Retries;
use super::tree::Tree;

pub use super::lease::LeaseRow;
pub use super::members::ProfileRow;
pub use super::mvcc::{ChangeRow, KeyRow, KeyspaceRow, Life, Version};
pub use super::retries::RetryRow;
pub use super::tree::{EventRow, NodeRow, TreeRow};

/// A piece of the state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Row {
    /// The newest time that a command carried.
    Time(ClusterTime),
    /// What a member published.
    Profile(ProfileRow),
    /// An alarm that is raised.
    Alarm(Alarm),
    /// The v3 keyspace's counters.
    Keyspace(KeyspaceRow),
    /// A lease in force.
    Lease(LeaseRow),
    /// A key with its versions, or with some of them.
    Key(KeyRow),
    /// A key that a revision changed.
    Change(ChangeRow),
    /// The v2 tree's counters.
    Tree(TreeRow),
    /// A node of the tree.
    Node(NodeRow),
    /// What happened in the tree.
    TreeEvent(EventRow),
    /// A write that its client has named.
    Retry(RetryRow),
}

/// The rows of one kind. Sections follow each other in this order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Section {
    #[default]
    Time,
    Profiles,
    Alarms,
    Keyspace,
    Leases,
    Keys,
    Changes,
    Tree,
    Nodes,
    TreeEvents,
    Retries,
}

impl Section {
    /// The one after this; None after the last.
    fn next(self) -> Option<Section> {
        match self {
            Section::Time => Some(Section::Profiles),
            Section::Profiles => Some(Section::Alarms),
            Section::Alarms => Some(Section::Keyspace),
            Section::Keyspace => Some(Section::Leases),
            Section::Leases => Some(Section::Keys),
            Section::Keys => Some(Section::Changes),
            Section::Changes => Some(Section::Tree),
            Section::Tree => Some(Section::Nodes),
            Section::Nodes => Some(Section::TreeEvents),
            Section::TreeEvents => Some(Section::Retries),
            Section::Retries => None,
        }
    }
}

/// Where in the list of rows somebody is: after some row. The default is the beginning.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    section: Section,
    /// The last row of that section, if there was one.
    after: Option<Place>,
}

/// A row's place in its section: what the section is ordered by. A part uses what it needs of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    /// A key or path.
    pub(super) key: Bytes,
    /// An id or a revision.
    pub(super) number: u64,
}

impl Place {
    /// A place by number alone.
    pub(super) fn at(number: u64) -> Place {
        Place {
            key: Bytes::new(),
            number,
        }
    }
}

/// Why rows are not those of a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RowFault {
    /// A row that does not come after the one before it, or comes twice.
    #[error("a row stands where it does not belong")]
    Order,
    /// A part of the state is not there.
    #[error("a part of the state is missing")]
    Missing,
    /// A row that no state has.
    #[error("a row says what cannot be: {0}")]
    Impossible(&'static str),
    /// Every row is possible, and together they are another state than was written.
    #[error("the state has another fingerprint than was written")]
    Fingerprint,
}

impl Store {
    /// The rows after a cursor, in order, until they have about `bytes_max` bytes, but at least one; and where to go on,
    /// None after the last. Costs as much as the rows it yields.
    ///
    /// # Panics
    /// If a command is not done yet: between two slices there is no state that could be told.
    #[must_use]
    pub fn rows(&self, after: &Cursor, bytes_max: usize) -> (Vec<Row>, Option<Cursor>) {
        assert!(self.job.is_none(), "a view is taken between two commands");
        let mut rows = Vec::new();
        let mut bytes = 0;
        let mut cursor = after.clone();
        loop {
            for (place, row) in self.section_rows(cursor.section, cursor.after.as_ref()) {
                bytes += row.bytes();
                rows.push(row);
                if bytes >= bytes_max {
                    cursor.after = Some(place);
                    return (rows, Some(cursor));
                }
            }
            let Some(section) = cursor.section.next() else {
                return (rows, None);
            };
            cursor = Cursor { section, after: None };
        }
    }

    /// Lets go of v3 keys before a cursor: only rows after it may be asked for from now on. What is changed in the state
    /// that this is a view of need not be copied for it then. Takes time for what it lets go of, and no more.
    pub fn forget_before(&mut self, cursor: &Cursor) {
        match cursor.section.cmp(&Section::Keys) {
            Ordering::Less => {}
            Ordering::Equal => {
                if let Some(place) = &cursor.after {
                    self.keyspace.forget_keys(Some(place));
                }
            }
            Ordering::Greater => self.keyspace.forget_keys(None),
        }
    }

    /// The rows of one section that come after a place.
    fn section_rows<'a>(
        &'a self,
        section: Section,
        after: Option<&Place>,
    ) -> Box<dyn Iterator<Item = (Place, Row)> + 'a> {
        let after = after.cloned();
        match section {
            Section::Time => {
                let row = after.is_none().then(|| (Place::default(), Row::Time(self.time)));
                Box::new(row.into_iter())
            }
            Section::Profiles => Box::new(self.members.rows(after)),
            Section::Alarms => Box::new(self.alarms.rows(after)),
            Section::Keyspace => Box::new(self.keyspace.head_row(after)),
            Section::Leases => Box::new(self.keyspace.leases.rows(after)),
            Section::Keys => Box::new(self.keyspace.key_rows(after)),
            Section::Changes => Box::new(self.keyspace.change_rows(after)),
            Section::Tree => Box::new(self.tree.head_row(after)),
            Section::Nodes => Box::new(self.tree.node_rows(after)),
            Section::TreeEvents => Box::new(self.tree.event_rows(after)),
            Section::Retries => Box::new(self.retries.rows(after)),
        }
    }
}

impl Row {
    /// About how much memory it takes.
    fn bytes(&self) -> usize {
        const FIXED: usize = 32;
        FIXED
            + match self {
                Row::Profile(row) => row.bytes(),
                Row::Key(row) => row.bytes(),
                Row::Node(row) => row.bytes(),
                Row::TreeEvent(row) => row.bytes(),
                Row::Retry(row) => row.bytes(),
                Row::Change(row) => row.key.len(),
                Row::Time(_) | Row::Alarm(_) | Row::Keyspace(_) | Row::Lease(_) | Row::Tree(_) => 0,
            }
    }

    fn section(&self) -> Section {
        match self {
            Row::Time(_) => Section::Time,
            Row::Profile(_) => Section::Profiles,
            Row::Alarm(_) => Section::Alarms,
            Row::Keyspace(_) => Section::Keyspace,
            Row::Lease(_) => Section::Leases,
            Row::Key(_) => Section::Keys,
            Row::Change(_) => Section::Changes,
            Row::Tree(_) => Section::Tree,
            Row::Node(_) => Section::Nodes,
            Row::TreeEvent(_) => Section::TreeEvents,
            Row::Retry(_) => Section::Retries,
        }
    }
}

/// A store in the making, from rows that may say anything.
#[derive(Clone, Debug, Default)]
pub struct Loading {
    section: Section,
    time: Option<ClusterTime>,
    members: Members,
    alarms: Alarms,
    keyspace: Option<Keyspace>,
    tree: Option<Tree>,
    retries: Retries,
}

impl Loading {
    /// Takes the next row.
    ///
    /// # Errors
    /// The [`RowFault`], after which what was loaded is of no use.
    pub fn take(&mut self, row: Row) -> Result<(), RowFault> {
        let section = row.section();
        if section < self.section {
            return Err(RowFault::Order);
        }
        self.section = section;
        match row {
            Row::Time(time) => set_once(&mut self.time, time),
            Row::Profile(row) => self.members.load(row),
            Row::Alarm(alarm) => self.alarms.load(alarm),
            Row::Keyspace(row) => set_once(&mut self.keyspace, Keyspace::load(&row)),
            Row::Lease(row) => begun(&mut self.keyspace)?.leases.load(&row),
            Row::Key(row) => begun(&mut self.keyspace)?.load_key(row),
            Row::Change(row) => begun(&mut self.keyspace)?.load_change(row),
            Row::Tree(row) => set_once(&mut self.tree, Tree::load(&row)),
            Row::Node(row) => begun(&mut self.tree)?.load_node(row),
            Row::TreeEvent(row) => begun(&mut self.tree)?.load_event(row),
            Row::Retry(row) => self.retries.load(row),
        }
    }

    /// The store, once all rows are taken, if it is the one that had this fingerprint.
    ///
    /// # Errors
    /// The [`RowFault`], if it is not, or if a part is missing.
    pub fn finish(self, fingerprint: u64) -> Result<Store, RowFault> {
        let store = Store {
            keyspace: self.keyspace.ok_or(RowFault::Missing)?,
            tree: self.tree.ok_or(RowFault::Missing)?,
            members: self.members,
            alarms: self.alarms,
            retries: self.retries,
            naming: None,
            time: self.time.ok_or(RowFault::Missing)?,
            job: None,
            #[cfg(test)]
            rows_per_slice: None,
        };
        store.keyspace.check_loaded()?;
        if store.fingerprint() == fingerprint {
            Ok(store)
        } else {
            Err(RowFault::Fingerprint)
        }
    }
}

fn set_once<T>(part: &mut Option<T>, loaded: T) -> Result<(), RowFault> {
    match part {
        Some(_) => Err(RowFault::Order),
        None => {
            *part = Some(loaded);
            Ok(())
        }
    }
}

fn begun<T>(part: &mut Option<T>) -> Result<&mut T, RowFault> {
    part.as_mut().ok_or(RowFault::Missing)
}

#[cfg(test)]
mod tests;
