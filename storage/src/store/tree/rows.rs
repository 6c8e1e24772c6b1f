//! The tree in a snapshot.

use std::ops::Bound::{Excluded, Unbounded};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::Tree;
use super::history::{EventRow, History};
use super::node::Node;
use super::path::Path;
use crate::store::command::{ClusterTime, TreeContent};
use crate::store::query::TreeNode;
use crate::store::rows::{Place, Row, RowFault};

/// The tree's counters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TreeRow {
    /// Its index.
    pub index: u64,
    /// Nothing is known of events up to this index.
    pub cleared: u64,
}

/// A file or a directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeRow {
    /// Where it stands; not the root.
    pub path: Bytes,
    /// What it is.
    pub content: TreeContent,
    /// The index of the command that made it.
    pub created: u64,
    /// The index of the command that last changed it.
    pub modified: u64,
    /// When it goes; None: it stays.
    pub expiration: Option<ClusterTime>,
}

impl NodeRow {
    pub(in crate::store) fn bytes(&self) -> usize {
        match &self.content {
            TreeContent::File(value) => self.path.len() + value.len(),
            TreeContent::Directory => self.path.len(),
        }
    }
}

impl Tree {
    /// The counters, unless they were given.
    pub(in crate::store) fn head_row(&self, after: Option<Place>) -> impl Iterator<Item = (Place, Row)> {
        let row = TreeRow {
            index: self.index,
            cleared: self.history.cleared(),
        };
        let row = after.is_none().then(|| (Place::default(), Row::Tree(row)));
        row.into_iter()
    }

    /// The nodes after a place, each at the place of its path.
    pub(in crate::store) fn node_rows(&self, after: Option<Place>) -> impl Iterator<Item = (Place, Row)> {
        let after = after.and_then(|place| Path::parse(place.key));
        let start = after.as_ref().map_or(Unbounded, Excluded);
        self.nodes_from(start).map(|(path, node)| {
            let row = NodeRow {
                path: path.bytes(),
                content: node.content.clone(),
                created: node.created,
                modified: node.modified,
                expiration: node.expiration,
            };
            let place = Place {
                key: path.bytes(),
                number: 0,
            };
            (place, Row::Node(row))
        })
    }

    /// What happened last, after a place: that of an index.
    pub(in crate::store) fn event_rows(&self, after: Option<Place>) -> impl Iterator<Item = (Place, Row)> {
        let events = self.history.from(after.map_or(0, |place| place.number + 1));
        events.map(|row| (Place::at(row.index()), Row::TreeEvent(row.clone())))
    }

    /// A tree with nothing but its root.
    pub(in crate::store) fn load(row: &TreeRow) -> Tree {
        Tree {
            history: History::loading(row.cleared),
            ..Tree::new(row.index)
        }
    }

    /// Takes the next event.
    pub(in crate::store) fn load_event(&mut self, row: EventRow) -> Result<(), RowFault> {
        let named = [Some(&row.event.node), row.event.previous.as_ref()];
        let sound = |node: &&TreeNode| node.nodes.is_empty() && Path::parse(node.key.clone()).is_some();
        if !named.iter().flatten().all(sound) {
            return Err(RowFault::Impossible("an event of what is no single node"));
        }
        self.history.load(row, self.index)
    }

    /// Takes the next node.
    pub(in crate::store) fn load_node(&mut self, row: NodeRow) -> Result<(), RowFault> {
        let path = Path::parse(row.path).filter(|path| !path.is_root());
        let path = path.ok_or(RowFault::Impossible("a path that is not clean"))?;
        if self.nodes.get_max().is_some_and(|(last, _)| *last >= path) {
            return Err(RowFault::Order);
        }
        let parent = path.ancestors().next_back();
        let parent = parent.map(|parent| self.nodes.get(&parent));
        if parent.is_some_and(|parent| !parent.is_some_and(Node::is_directory)) {
            return Err(RowFault::Impossible("a node in something that is no directory"));
        }
        if row.created > row.modified || row.modified > self.index {
            return Err(RowFault::Impossible(
                "a node that was changed before it was made, or after the last index",
            ));
        }
        let node = Node {
            content: row.content,
            created: row.created,
            modified: row.modified,
            expiration: row.expiration,
        };
        self.insert(path, node);
        Ok(())
    }
}
