//! Rows, one by one and in order.

use std::ops::Bound::{self, Excluded, Included, Unbounded};
use std::sync::Arc;

use bytes::Bytes;

use super::branch::{Branch, Node};
use super::leaf::Leaf;
use crate::store::mvcc::history::Older;
use crate::store::mvcc::version::VersionRef;
use crate::store::query::Revision;

/// A key with its history, where they are kept.
#[derive(Clone, Copy)]
pub(in crate::store::mvcc) struct Row<'a> {
    pub(super) leaf: &'a Leaf,
    pub(super) at: usize,
}

impl<'a> Row<'a> {
    /// The key, copied.
    pub(in crate::store::mvcc) fn key(&self) -> Bytes {
        self.leaf.keys.get(self.at).into()
    }

    /// The newest version.
    pub(in crate::store::mvcc) fn newest(&self) -> VersionRef<'a> {
        self.leaf.newest(self.at)
    }

    /// The version in force at a revision; None if the key had none yet.
    pub(in crate::store::mvcc) fn at(&self, revision: Revision) -> Option<VersionRef<'a>> {
        let newest = self.newest();
        if newest.modified <= revision {
            return Some(newest);
        }
        Some(self.older()?.at(revision)?.borrow())
    }

    /// All versions, the oldest first.
    pub(in crate::store::mvcc) fn versions(&self) -> impl Iterator<Item = VersionRef<'a>> + use<'a> {
        self.after(Revision(0))
    }

    /// The versions after a revision, the oldest first.
    pub(in crate::store::mvcc) fn after(
        &self,
        revision: Revision,
    ) -> impl Iterator<Item = VersionRef<'a>> + use<'a> {
        let older = self
            .older()
            .into_iter()
            .flat_map(move |older| older.after(revision));
        let newest = std::iter::once(self.newest());
        let newest = newest.filter(move |newest| newest.modified > revision);
        older.map(|version| version.borrow()).chain(newest)
    }

    fn older(&self) -> Option<&'a Arc<Older>> {
        self.leaf.older(self.at)
    }
}

/// The rows between two bounds.
pub(in crate::store::mvcc) struct Span<'a> {
    /// The branches above the present leaf, and the child of each that comes next.
    above: Vec<(&'a Branch, usize)>,
    leaf: Option<&'a Leaf>,
    /// The row that comes next, and where those of the present leaf end.
    next: usize,
    until: usize,
    end: Bound<Bytes>,
}

impl<'a> Span<'a> {
    pub(super) fn new(root: &'a Node, start: Bound<&[u8]>, end: Bound<Bytes>) -> Span<'a> {
        let mut span = Span {
            above: Vec::new(),
            leaf: None,
            next: 0,
            until: 0,
            end,
        };
        let first = match start {
            Included(key) | Excluded(key) => Some(key),
            Unbounded => None,
        };
        span.descend(root, first);
        if let (Some(leaf), Some(key)) = (span.leaf, first) {
            span.next = match leaf.keys.search(key) {
                Ok(at) => at + usize::from(matches!(start, Excluded(_))),
                Err(at) => at,
            };
        }
        span
    }

    /// Goes down to the leaf of a key, or to the first one.
    fn descend(&mut self, mut node: &'a Node, key: Option<&[u8]>) {
        while let Node::Branch(branch) = node {
            let child = key.map_or(0, |key| branch.child(key));
            self.above.push((branch, child + 1));
            node = &branch.children[child];
        }
        let Node::Leaf(leaf) = node else { return };
        self.leaf = Some(leaf);
        self.next = 0;
        self.until = match &self.end {
            Unbounded => leaf.len(),
            Excluded(end) => leaf.keys.search(end).unwrap_or_else(|at| at),
            Included(end) => leaf.keys.search(end).map_or_else(|at| at, |at| at + 1),
        };
    }

    /// Goes on to the next leaf, if there is one.
    fn advance(&mut self) -> Option<()> {
        let (branch, child) = loop {
            let (branch, next) = self.above.last_mut()?;
            if *next < branch.children.len() {
                *next += 1;
                break (*branch, *next - 1);
            }
            self.above.pop();
        };
        self.descend(&branch.children[child], None);
        Some(())
    }
}

impl<'a> Iterator for Span<'a> {
    type Item = Row<'a>;

    fn next(&mut self) -> Option<Row<'a>> {
        loop {
            let leaf = self.leaf?;
            if self.next < self.until {
                self.next += 1;
                return Some(Row {
                    leaf,
                    at: self.next - 1,
                });
            }
            // Where a leaf ends before its last row, or a start lies behind the end, all is said.
            let is_over = self.until < leaf.len();
            if is_over || self.advance().is_none() {
                self.leaf = None;
            }
        }
    }
}
