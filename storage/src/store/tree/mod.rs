//! The v2 tree: files and directories by path, under one index.

mod apply;
mod history;
mod list;
mod node;
mod path;
mod remove;
mod rows;

use std::ops::Bound::{self, Unbounded};

use bytes::Bytes;
use imbl::{OrdMap, OrdSet};

use super::command::{ClusterTime, TreeErrorCode, TreeEvent, TreeFailure};
use super::fingerprint::Totals;
use history::History;
use node::Node;
use path::Path;

pub use history::EventRow;
pub(super) use remove::{Expiring, Removing};
pub use rows::{NodeRow, TreeRow};

/// The v2 tree. Every node but the root, which is always there and never written, stands in one map in the order of
/// [`Path`], in which a directory is followed at once by all that is below it. The parent of each node is a directory.
#[derive(Clone, Debug)]
pub(super) struct Tree {
    nodes: OrdMap<Path, Node>,
    /// The nodes that do not stay, by when they go.
    expirations: OrdSet<(ClusterTime, Path)>,
    history: History,
    index: u64,
    /// Of the nodes.
    totals: Totals,
    /// Nodes that were removed or written; not part of the state.
    effort: u64,
}

impl Tree {
    /// Only a root, at this index.
    pub(super) fn new(index: u64) -> Tree {
        Tree {
            nodes: OrdMap::new(),
            expirations: OrdSet::new(),
            history: History::default(),
            index,
            totals: Totals::default(),
            effort: 0,
        }
    }

    pub(super) fn index(&self) -> u64 {
        self.index
    }

    /// Goes on at an index, not before the present one; with `cleared` nothing up to there can be watched any more.
    pub(super) fn refound(&mut self, index: u64, cleared: bool) {
        debug_assert!(index >= self.index, "indexes go up");
        self.index = index;
        self.history.trim(index);
        if cleared {
            self.history.clear(index);
        }
    }

    /// Nothing is known of events up to this index, however near it is.
    pub(super) fn cleared(&self) -> u64 {
        self.history.cleared()
    }

    pub(super) fn effort(&self) -> u64 {
        self.effort
    }

    /// What happened from an index on, in order, but for what no watcher is told.
    pub(super) fn events(&self, from: u64) -> Result<impl Iterator<Item = &TreeEvent>, TreeFailure> {
        let oldest = self.history.oldest(self.index);
        if from < oldest {
            let cause = format!("the requested history has been cleared [{oldest}/{from}]");
            return Err(self.failure(TreeErrorCode::EventIndexCleared, cause.into()));
        }
        let told = self.history.from(from).filter(|row| !row.refresh);
        Ok(told.map(|row| &row.event))
    }

    /// Something happened at the newest index.
    fn happened(&mut self, event: TreeEvent, refresh: bool) -> TreeEvent {
        self.history.push(EventRow {
            event: event.clone(),
            refresh,
        });
        event
    }

    /// Uses up an index for a change that is made elsewhere.
    pub(super) fn skip_index(&mut self) {
        self.index += 1;
        self.history.trim(self.index);
    }

    pub(super) fn totals(&self) -> Totals {
        self.totals.and(self.history.totals())
    }

    /// The totals, computed afresh.
    #[cfg(test)]
    pub(super) fn recount(&self) -> Totals {
        let mut totals = Totals::default();
        for (path, node) in &self.nodes {
            totals.add(node.row(path), node.bytes(path));
        }
        let expirations = self
            .nodes
            .iter()
            .filter_map(|(path, node)| Some((node.expiration?, path.clone())));
        assert!(
            expirations.collect::<OrdSet<_>>() == self.expirations,
            "what ends is what says so"
        );
        totals.and(self.history.recount())
    }

    /// The node at a path. Nothing there is about the first component that is missing, a file on the way about it.
    fn find(&self, path: &Path) -> Result<&Node, TreeFailure> {
        if path.is_root() {
            return Ok(&Node::ROOT);
        }
        if let Some(node) = self.nodes.get(path) {
            return Ok(node);
        }
        // All that is above a node is there, so the first that is found, upwards, decides.
        let mut missing = path.clone();
        for ancestor in path.ancestors().rev() {
            match self.nodes.get(&ancestor) {
                None => missing = ancestor,
                Some(node) if node.is_directory() => break,
                Some(_) => return Err(self.failure(TreeErrorCode::NotADirectory, ancestor.bytes())),
            }
        }
        Err(self.failure(TreeErrorCode::KeyNotFound, missing.bytes()))
    }

    /// Whether anything is in a directory, hidden or not.
    fn is_empty(&self, directory: &Path) -> bool {
        let next = self.nodes_from(directory.start_below()).next();
        next.is_none_or(|(path, _)| !directory.holds(path))
    }

    /// The nodes from one on, in order.
    fn nodes_from<'a>(&'a self, start: Bound<&Path>) -> impl Iterator<Item = (&'a Path, &'a Node)> + use<'a> {
        self.nodes.range::<_, Path>((start, Unbounded))
    }

    /// Puts a node in its place, whose parent is there.
    fn insert(&mut self, path: Path, node: Node) {
        self.totals.add(node.row(&path), node.bytes(&path));
        let expiration = node.expiration;
        let before = self.nodes.insert(path.clone(), node);
        let ended = before.as_ref().and_then(|before| before.expiration);
        if let Some(before) = &before {
            self.totals.remove(before.row(&path), before.bytes(&path));
        }
        if ended == expiration {
            return;
        }
        ended.map(|time| self.expirations.remove(&(time, path.clone())));
        expiration.map(|time| self.expirations.insert((time, path)));
    }

    /// Takes a node out, below which nothing is left.
    fn remove(&mut self, path: &Path) {
        if let Some(node) = self.nodes.remove(path) {
            self.totals.remove(node.row(path), node.bytes(path));
            node.expiration
                .map(|time| self.expirations.remove(&(time, path.clone())));
        }
    }

    fn failure(&self, code: TreeErrorCode, cause: Bytes) -> TreeFailure {
        TreeFailure {
            code,
            cause,
            index: self.index,
        }
    }
}

#[cfg(test)]
mod tests;
