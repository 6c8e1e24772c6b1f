//! The map from key to history, packed: a tree whose leaves hold some neighbouring rows in a few pieces of memory.
//!
//! A map of a million small keys is mostly not keys and values but what holds them: a header for each piece of memory, the
//! rest of what the allocator rounds up, pointers, counters, room for rows to come. So the rows of a leaf share their
//! memory: all its keys are one piece, with what they begin with written once, and all its newest versions are another one,
//! with their numbers as short as they are and small values among them. What few rows have stands aside: older versions,
//! and long values, which are shared.
//!
//! A clone of the map is a view: it shares all nodes, and what is changed afterwards is copied first, from the root to
//! one leaf. A leaf has 6 KiB and 32 rows at most, so that a copy costs a microsecond or two, and it is copied as bytes: no row
//! is touched for it but those with something aside.
//!
//! What a row says is read where it stands, and copied when it is answered. The same changes in the same order make the
//! same leaves on every machine.

mod branch;
mod leaf;
mod queue;
mod span;
mod sparse;
mod strings;

use std::convert::Infallible;
use std::ops::Bound;
use std::sync::Arc;

use bytes::Bytes;

use super::history::History;
use super::version::Version;
use branch::Node;
use leaf::{Filling, Leaf};

pub(super) use queue::{Queue, Queued};
pub(super) use span::{Row, Span};

/// Keys in order, each with its history.
#[derive(Clone, Debug)]
pub(super) struct Map {
    root: Node,
}

impl Map {
    pub(super) fn new() -> Map {
        Map {
            root: Node::Leaf(Arc::new(Leaf::default())),
        }
    }

    /// The row of a key.
    pub(super) fn get(&self, key: &[u8]) -> Option<Row<'_>> {
        let mut node = &self.root;
        loop {
            match node {
                Node::Branch(branch) => node = &branch.children[branch.child(key)],
                Node::Leaf(leaf) => {
                    let at = leaf.keys.search(key).ok()?;
                    return Some(Row { leaf, at });
                }
            }
        }
    }

    /// The last row.
    pub(super) fn last(&self) -> Option<Row<'_>> {
        let mut node = &self.root;
        loop {
            match node {
                Node::Branch(branch) => node = branch.children.last()?,
                Node::Leaf(leaf) => {
                    let at = leaf.len().checked_sub(1)?;
                    return Some(Row { leaf, at });
                }
            }
        }
    }

    /// The rows between two bounds, in order.
    pub(super) fn range(&self, start: Bound<&[u8]>, end: Bound<Bytes>) -> Span<'_> {
        Span::new(&self.root, start, end)
    }

    /// Gives a key its next version, or its first. It is made when it is known what stands there; if it cannot be made,
    /// nothing changes.
    pub(super) fn put<E>(
        &mut self,
        key: &[u8],
        make: impl FnOnce(Option<Row<'_>>) -> Result<Version, E>,
    ) -> Result<(), E> {
        self.root.put(key, Filling::Full, make)
    }

    /// Adds a key behind all others, with its first version. Of keys that come so, as a snapshot's do, leaves are not
    /// filled: they are left as full as they would be had the keys come in any order, some more and some less. Leaves
    /// that are all full are all split by the next puts among them, and then grow alike: each size of their pieces in turn
    /// is needed by all and by none, and what the allocator keeps of it in between is a hole.
    pub(super) fn load(&mut self, key: &[u8], version: Version) {
        debug_assert!(
            self.last().is_none_or(|last| *last.key() < *key),
            "keys come in order"
        );
        let made: Result<(), Infallible> = self.root.put(key, Filling::Loaded, |_| Ok(version));
        let Ok(()) = made;
    }

    /// Changes the history of a key, if it is there.
    pub(super) fn change<T>(&mut self, key: &[u8], change: impl FnOnce(&mut History) -> T) -> Option<T> {
        self.root.change(key, change)
    }

    /// Lets go of leaves before the one of a key: from now on only that key and those behind it are there for sure. What
    /// other clones of the map have is theirs alone then, and is not copied when they change it.
    pub(super) fn forget_before(&mut self, key: &[u8]) {
        self.root.forget_before(key);
    }

    /// Takes out a key that is there.
    pub(super) fn remove(&mut self, key: &[u8]) -> History {
        self.root.remove(key)
    }
}

#[cfg(test)]
mod tests;
