//! The tree above the leaves. What a view shares is copied before it is changed: the nodes on the way to the key, no others.

use std::sync::Arc;

use super::leaf::{Filling, Leaf};
use super::span::Row;
use super::strings::{Strings, give_back, make_room, room, separator};
use crate::store::mvcc::history::History;
use crate::store::mvcc::version::Version;

/// The most children of a branch.
const CHILDREN_MAX: usize = 64;
/// A branch of four children or more, whose separators have more bytes, is split as well. Keys of usual length never get
/// there; long ones would make what a change moves as large as all of them.
const SEPARATORS_BYTES_MAX: usize = 64 << 10;

#[derive(Clone, Debug)]
pub(super) enum Node {
    Leaf(Arc<Leaf>),
    Branch(Arc<Branch>),
}

/// Two children at least, and between each two of them a separator: greater than all keys before it, and not greater than
/// any after it.
#[derive(Clone, Debug)]
pub(super) struct Branch {
    /// Shared by all copies of a branch until a child is split or joined: they may be long.
    pub(super) separators: Arc<Strings>,
    pub(super) children: Vec<Node>,
}

/// What was split off from a node, and the separator before it.
struct Split {
    separator: Vec<u8>,
    right: Node,
}

impl Node {
    /// Gives a key its next version, which is made when it is known what stands there.
    pub(super) fn put<E>(
        &mut self,
        key: &[u8],
        filling: Filling,
        make: impl FnOnce(Option<Row<'_>>) -> Result<Version, E>,
    ) -> Result<(), E> {
        let split = self.put_below(key, filling, make)?;
        self.grow(split);
        Ok(())
    }

    /// Changes the history of a key, if it is there.
    pub(super) fn change<T>(&mut self, key: &[u8], change: impl FnOnce(&mut History) -> T) -> Option<T> {
        let (result, split) = self.change_below(key, change)?;
        self.grow(split);
        Some(result)
    }

    /// Takes a key out that is there.
    pub(super) fn remove(&mut self, key: &[u8]) -> History {
        let gone = self.remove_below(key);
        if let Node::Branch(branch) = self
            && let [only] = &mut *Arc::make_mut(branch).children
        {
            *self = only.clone();
        }
        gone
    }

    /// Lets go of what stands before the leaf of a key.
    pub(super) fn forget_before(&mut self, key: &[u8]) {
        if let Node::Branch(branch) = self {
            let branch = Arc::make_mut(branch);
            let child = branch.child(key);
            if child > 0 {
                branch.children.drain(..child);
                let left = branch.separators.part(child..branch.separators.len());
                branch.separators = Arc::new(left);
            }
            branch.children[0].forget_before(key);
        }
    }

    /// A root that was split stands below a new one.
    fn grow(&mut self, split: Option<Split>) {
        let Some(Split { separator, right }) = split else {
            return;
        };
        let mut separators = Strings::default();
        separators.push(&separator);
        let children = vec![self.clone(), right];
        let separators = Arc::new(separators);
        *self = Node::Branch(Arc::new(Branch { separators, children }));
    }

    fn put_below<E>(
        &mut self,
        key: &[u8],
        filling: Filling,
        make: impl FnOnce(Option<Row<'_>>) -> Result<Version, E>,
    ) -> Result<Option<Split>, E> {
        match self {
            Node::Leaf(leaf) => {
                let found = leaf.keys.search(key);
                let version = make(found.ok().map(|at| Row { leaf, at }))?;
                let leaf = Arc::make_mut(leaf);
                match found {
                    Ok(at) => leaf.change(at, |history| history.push(version)),
                    Err(at) => leaf.insert(at, key, History::new(version)),
                }
                Ok(split_leaf(leaf, found.unwrap_or_else(|at| at), filling))
            }
            Node::Branch(branch) => {
                let branch = Arc::make_mut(branch);
                let child = branch.child(key);
                let split = branch.children[child].put_below(key, filling, make)?;
                Ok(split.and_then(|split| branch.take_up(child, split)))
            }
        }
    }

    fn change_below<T>(
        &mut self,
        key: &[u8],
        change: impl FnOnce(&mut History) -> T,
    ) -> Option<(T, Option<Split>)> {
        match self {
            Node::Leaf(leaf) => {
                let at = leaf.keys.search(key).ok()?;
                let leaf = Arc::make_mut(leaf);
                let result = leaf.change(at, change);
                Some((result, split_leaf(leaf, at, Filling::Full)))
            }
            Node::Branch(branch) => {
                let branch = Arc::make_mut(branch);
                let child = branch.child(key);
                let (result, split) = branch.children[child].change_below(key, change)?;
                let split = split.and_then(|split| branch.take_up(child, split));
                Some((result, split))
            }
        }
    }

    fn remove_below(&mut self, key: &[u8]) -> History {
        match self {
            Node::Leaf(leaf) => {
                let leaf = Arc::make_mut(leaf);
                let at = leaf.keys.search(key).expect("the key is there");
                leaf.remove(at)
            }
            Node::Branch(branch) => {
                let branch = Arc::make_mut(branch);
                let child = branch.child(key);
                let gone = branch.children[child].remove_below(key);
                if branch.children[child].is_small() {
                    // With the one behind it, or if there is none with the one before it.
                    let left = child.min(branch.children.len().saturating_sub(2));
                    branch.join(left);
                }
                gone
            }
        }
    }

    fn is_small(&self) -> bool {
        match self {
            Node::Leaf(leaf) => leaf.is_small(),
            Node::Branch(branch) => branch.is_small(),
        }
    }
}

impl Branch {
    /// The child below which a key stands, if it is there.
    pub(super) fn child(&self, key: &[u8]) -> usize {
        match self.separators.search(key) {
            Ok(at) => at + 1,
            Err(at) => at,
        }
    }

    fn is_full(&self) -> bool {
        let count = self.children.len();
        count > CHILDREN_MAX || count >= 4 && self.separators.bytes() > SEPARATORS_BYTES_MAX
    }

    /// One with a single child always is.
    fn is_small(&self) -> bool {
        self.children.len() < CHILDREN_MAX / 4 && self.separators.bytes() < SEPARATORS_BYTES_MAX / 4
    }

    /// A child was split.
    fn take_up(&mut self, child: usize, split: Split) -> Option<Split> {
        Arc::make_mut(&mut self.separators).insert(child, &split.separator);
        make_room(&mut self.children, 1);
        self.children.insert(child + 1, split.right);
        let count = self.children.len();
        // Behind the others, as for leaves: keys that come in order leave full branches behind.
        let at = if child + 2 == count { count - 2 } else { count / 2 };
        self.is_full().then(|| self.split(at))
    }

    /// Splits off the children from this one on.
    fn split(&mut self, at: usize) -> Split {
        let separator = self.separators.get(at - 1);
        let right = Branch {
            separators: Arc::new(self.separators.part(at..self.separators.len())),
            children: self.children.split_off(at),
        };
        self.separators = Arc::new(self.separators.part(0..at - 1));
        self.children.shrink_to(room(at, size_of::<Node>()));
        Split {
            separator,
            right: Node::Branch(Arc::new(right)),
        }
    }

    /// Makes one of two neighbours, if they fit. Branches that do not become alike, so that each has many children.
    fn join(&mut self, left: usize) {
        let [before, after, ..] = &mut self.children[left..] else {
            return;
        };
        let split = match (before, after) {
            (Node::Leaf(before), Node::Leaf(after)) if before.joins(after) => {
                Arc::make_mut(before).append(after);
                None
            }
            (Node::Branch(before), Node::Branch(after)) => {
                let before = Arc::make_mut(before);
                let separators = Arc::make_mut(&mut before.separators);
                separators.push(&self.separators.get(left));
                separators.append(&after.separators);
                before.children.extend(after.children.iter().cloned());
                let count = before.children.len();
                (count * 4 > CHILDREN_MAX * 3 || before.is_full()).then(|| before.split(count / 2))
            }
            _ => return,
        };
        let separators = Arc::make_mut(&mut self.separators);
        separators.remove(left);
        match split {
            Some(Split { separator, right }) => {
                separators.insert(left, &separator);
                self.children[left + 1] = right;
            }
            None => {
                self.children.remove(left + 1);
                give_back(&mut self.children);
            }
        }
    }
}

fn split_leaf(leaf: &mut Leaf, touched: usize, filling: Filling) -> Option<Split> {
    if !leaf.is_full(filling) {
        return None;
    }
    let right = leaf.split(touched);
    let last = leaf.keys.get(leaf.len() - 1);
    Some(Split {
        separator: separator(&last, &right.keys.get(0)),
        right: Node::Leaf(Arc::new(right)),
    })
}

#[cfg(test)]
impl Node {
    /// Checks all that must always be so below it, between two bounds; returns how deep it is.
    pub(super) fn check(&self, low: Option<&[u8]>, high: Option<&[u8]>) -> usize {
        match self {
            Node::Leaf(leaf) => {
                let keys: Vec<_> = (0..leaf.len()).map(|at| leaf.keys.get(at)).collect();
                assert_eq!(leaf.keys.len(), leaf.len());
                assert!(keys.is_sorted_by(|before, after| before < after));
                assert!(keys.iter().all(|key| low.is_none_or(|low| low <= &key[..])));
                assert!(keys.iter().all(|key| high.is_none_or(|high| &key[..] < high)));
                1
            }
            Node::Branch(branch) => {
                let count = branch.children.len();
                assert!((1..=CHILDREN_MAX).contains(&count) && branch.separators.len() + 1 == count);
                let separators: Vec<_> = (0..count - 1).map(|at| branch.separators.get(at)).collect();
                let depths = (0..count).map(|child| {
                    let low = child.checked_sub(1).map_or(low, |at| Some(&separators[at][..]));
                    let high = separators.get(child).map_or(high, |high| Some(&high[..]));
                    branch.children[child].check(low, high)
                });
                let depths: Vec<_> = depths.collect();
                assert!(depths.iter().all(|depth| *depth == depths[0]));
                depths[0] + 1
            }
        }
    }
}
