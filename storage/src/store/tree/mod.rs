//! The v2 tree: files and directories by path, under one index.

mod apply;
mod list;
mod node;
mod path;
mod rows;

use std::ops::Bound::{self, Unbounded};

use bytes::Bytes;
use imbl::OrdMap;

use super::command::{TreeErrorCode, TreeFailure};
use super::fingerprint::Totals;
use node::Node;
use path::Path;

pub use rows::{NodeRow, TreeRow};

/// The v2 tree. Every node but the root, which is always there and never written, stands in one map in the order of
/// [`Path`], in which a directory is followed at once by all that is below it. The parent of each node is a directory.
#[derive(Clone, Debug)]
pub(super) struct Tree {
    nodes: OrdMap<Path, Node>,
    index: u64,
    totals: Totals,
}

impl Tree {
    /// Only a root, at this index.
    pub(super) fn new(index: u64) -> Tree {
        Tree {
            nodes: OrdMap::new(),
            index,
            totals: Totals::default(),
        }
    }

    pub(super) fn index(&self) -> u64 {
        self.index
    }

    /// Goes on at an index, not before the present one.
    pub(super) fn refound(&mut self, index: u64) {
        debug_assert!(index >= self.index, "indexes go up");
        self.index = index;
    }

    /// Uses up an index for a change that is made elsewhere.
    pub(super) fn skip_index(&mut self) {
        self.index += 1;
    }

    pub(super) fn totals(&self) -> Totals {
        self.totals
    }

    /// The totals, computed afresh.
    #[cfg(test)]
    pub(super) fn recount(&self) -> Totals {
        let mut totals = Totals::default();
        for (path, node) in &self.nodes {
            totals.add(node.row(path), node.bytes(path));
        }
        totals
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

    /// The node or nothing at a path, where a file on the way is a failure.
    fn find_or_none(&self, path: &Path) -> Result<Option<&Node>, TreeFailure> {
        match self.find(path) {
            Ok(node) => Ok(Some(node)),
            Err(failure) if failure.code == TreeErrorCode::KeyNotFound => Ok(None),
            Err(failure) => Err(failure),
        }
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
        if let Some(before) = self.nodes.insert(path.clone(), node) {
            self.totals.remove(before.row(&path), before.bytes(&path));
        }
    }

    /// Takes a node out, below which nothing is left.
    fn remove(&mut self, path: &Path) {
        if let Some(node) = self.nodes.remove(path) {
            self.totals.remove(node.row(path), node.bytes(path));
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
