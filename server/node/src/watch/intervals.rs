//! Ranges of keys, by the keys they hold: which ranges a key lies in is found without looking at the others.
//!
//! A treap by where ranges start, in which each node knows how far the ranges below it reach. Its shape follows from the
//! ranges and a seed: their priorities are hashes that nobody foresees who does not know it.

use bytes::Bytes;
use storage::store::query::{KeyRange, RangeEnd};

/// Sets of small numbers, by range.
#[derive(Clone, Debug, Default)]
pub(super) struct Intervals {
    root: Link,
    seed: u64,
}

type Link = Option<Box<Branch>>;

#[derive(Clone, Debug)]
struct Branch {
    range: KeyRange,
    slots: Vec<usize>,
    priority: u64,
    /// The furthest end of all ranges here and below; None if one has no end.
    reach: Option<Bytes>,
    left: Link,
    right: Link,
}

impl Intervals {
    /// Empty.
    pub(super) fn seeded(seed: u64) -> Intervals {
        Intervals { root: None, seed }
    }

    /// Adds a number to those of a range.
    pub(super) fn insert(&mut self, range: &KeyRange, slot: usize) {
        if let Some(branch) = find(&mut self.root, range) {
            return branch.slots.push(slot);
        }
        let (left, right) = split(self.root.take(), range);
        let branch = Box::new(Branch {
            priority: priority(range, self.seed),
            slots: vec![slot],
            reach: end(range).cloned(),
            range: range.clone(),
            left: None,
            right: None,
        });
        self.root = merge(merge(left, Some(branch)), right);
    }

    /// Takes a number out of those of a range.
    pub(super) fn remove(&mut self, range: &KeyRange, slot: usize) {
        let Some(branch) = find(&mut self.root, range) else {
            return;
        };
        branch.slots.retain(|&other| other != slot);
        if branch.slots.is_empty() {
            remove(&mut self.root, range);
        }
    }

    /// The numbers of a range.
    pub(super) fn get(&self, range: &KeyRange) -> &[usize] {
        let mut link = &self.root;
        while let Some(branch) = link {
            link = match range.cmp(&branch.range) {
                std::cmp::Ordering::Less => &branch.left,
                std::cmp::Ordering::Equal => return &branch.slots,
                std::cmp::Ordering::Greater => &branch.right,
            };
        }
        &[]
    }

    /// Adds the numbers of all ranges that a key lies in.
    pub(super) fn hits(&self, key: &[u8], into: &mut Vec<usize>) {
        hits(&self.root, key, into);
    }
}

fn hits(link: &Link, key: &[u8], into: &mut Vec<usize>) {
    let Some(branch) = link else { return };
    if branch.reach.as_ref().is_some_and(|reach| reach <= key) {
        return;
    }
    hits(&branch.left, key, into);
    if *branch.range.start <= *key {
        if branch.range.holds(key) {
            into.extend_from_slice(&branch.slots);
        }
        hits(&branch.right, key, into);
    }
}

/// Where a range ends; None: nowhere.
fn end(range: &KeyRange) -> Option<&Bytes> {
    match &range.end {
        RangeEnd::Before(end) => Some(end),
        RangeEnd::Unbounded => None,
        RangeEnd::Single => unreachable!("a single key is no range here"),
    }
}

fn find<'a>(link: &'a mut Link, range: &KeyRange) -> Option<&'a mut Box<Branch>> {
    let branch = link.as_mut()?;
    match range.cmp(&branch.range) {
        std::cmp::Ordering::Less => find(&mut branch.left, range),
        std::cmp::Ordering::Equal => Some(branch),
        std::cmp::Ordering::Greater => find(&mut branch.right, range),
    }
}

fn remove(link: &mut Link, range: &KeyRange) {
    let Some(branch) = link else { return };
    match range.cmp(&branch.range) {
        std::cmp::Ordering::Less => remove(&mut branch.left, range),
        std::cmp::Ordering::Equal => {
            *link = merge(branch.left.take(), branch.right.take());
            return;
        }
        std::cmp::Ordering::Greater => remove(&mut branch.right, range),
    }
    branch.look();
}

/// What comes before a range, and what comes after; it is not in there.
fn split(link: Link, range: &KeyRange) -> (Link, Link) {
    let Some(mut branch) = link else {
        return (None, None);
    };
    if branch.range < *range {
        let (left, right) = split(branch.right.take(), range);
        branch.right = left;
        branch.look();
        (Some(branch), right)
    } else {
        let (left, right) = split(branch.left.take(), range);
        branch.left = right;
        branch.look();
        (left, Some(branch))
    }
}

/// All ranges of `left` come before those of `right`.
fn merge(left: Link, right: Link) -> Link {
    match (left, right) {
        (None, link) | (link, None) => link,
        (Some(mut left), Some(right)) if left.priority >= right.priority => {
            left.right = merge(left.right.take(), Some(right));
            left.look();
            Some(left)
        }
        (Some(left), Some(mut right)) => {
            right.left = merge(Some(left), right.left.take());
            right.look();
            Some(right)
        }
    }
}

impl Branch {
    /// Looks anew how far the ranges here and below reach.
    fn look(&mut self) {
        let mut reach = end(&self.range);
        for below in [&self.left, &self.right].into_iter().flatten() {
            reach = match (reach, &below.reach) {
                (Some(one), Some(other)) => Some(one.max(other)),
                _ => None,
            };
        }
        self.reach = reach.cloned();
    }
}

/// FNV-1a of the range with the seed in it, mixed more, so that ranges in order make no list.
fn priority(range: &KeyRange, seed: u64) -> u64 {
    let end: &[u8] = end(range).map_or(b"", |end| end);
    let bytes = range.start.iter().chain(&[0xff]).chain(end);
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64 ^ seed, |hash, &byte| {
        let hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        hash ^ hash >> 29
    });
    let mixed = (hash ^ (hash >> 32) ^ seed.rotate_left(32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed ^ (mixed >> 29)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::tests::random::Dice;

    fn depth(link: &Link) -> usize {
        link.as_ref()
            .map_or(0, |branch| 1 + depth(&branch.left).max(depth(&branch.right)))
    }

    fn range(start: u64, end: u64) -> KeyRange {
        let key = |number: u64| Bytes::from(format!("{number:05}"));
        KeyRange {
            start: key(start),
            end: match end {
                0 => RangeEnd::Unbounded,
                end => RangeEnd::Before(key(end)),
            },
        }
    }

    #[test]
    fn a_key_finds_the_ranges_that_hold_it_and_no_others() {
        let mut dice = Dice::of(7);
        let mut below = |bound: u64| dice.below(bound as usize) as u64;
        let (mut intervals, mut model) = (Intervals::default(), BTreeMap::<usize, KeyRange>::new());
        for slot in 0..3000 {
            let start = below(40);
            let added = range(start, [0, start + below(8), below(40)][below(3) as usize]);
            intervals.insert(&added, slot);
            model.insert(slot, added);
            if below(3) > 0 {
                let gone = *model.keys().nth(below(model.len() as u64) as usize).unwrap();
                intervals.remove(&model.remove(&gone).unwrap(), gone);
            }
            let key = range(below(42), 0).start;
            let mut found = Vec::new();
            intervals.hits(&key, &mut found);
            found.sort_unstable();
            let expected = model.iter().filter(|(_, range)| range.holds(&key));
            assert_eq!(found, expected.map(|(&slot, _)| slot).collect::<Vec<_>>());
        }
    }

    #[test]
    fn ranges_in_order_do_not_make_a_list() {
        let mut intervals = Intervals::default();
        for number in 0..10_000 {
            intervals.insert(&range(number, number + 1), number as usize);
        }
        assert!(depth(&intervals.root) < 60, "{}", depth(&intervals.root));
        assert_eq!(intervals.get(&range(77, 78)), [77]);
        assert_eq!(intervals.get(&range(77, 79)), [] as [usize; 0]);
    }
}
