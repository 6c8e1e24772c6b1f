//! The keys that the lists of a transaction change, to find out whether one changes twice. Lists of lists can be very long,
//! however few operations each of them may have, and every member looks at them on its way through the log: so nothing here
//! takes much longer than reading them does.

use std::collections::{BTreeMap, BTreeSet};
use std::mem::swap;
use std::ops::Bound::{Excluded, Included, Unbounded};

use crate::store::query::{KeyRange, RangeEnd};

/// The keys that a list sets, and those that it deletes.
#[derive(Default)]
pub(super) struct Touched<'a> {
    put: BTreeSet<&'a [u8]>,
    deleted: Deleted<'a>,
}

/// Deletions may overlap.
#[derive(Default)]
struct Deleted<'a> {
    keys: BTreeSet<&'a [u8]>,
    /// From a key to before another one, or without end. They neither overlap nor touch each other.
    ranges: BTreeMap<&'a [u8], Option<&'a [u8]>>,
}

impl<'a> Touched<'a> {
    /// A key is set as well. Returns whether it can be.
    #[must_use]
    pub(super) fn put(&mut self, key: &'a [u8]) -> bool {
        !self.deleted.holds(key) && self.put.insert(key)
    }

    /// Keys are deleted as well.
    pub(super) fn delete(&mut self, range: &'a KeyRange) {
        match &range.end {
            RangeEnd::Single => drop(self.deleted.keys.insert(&range.start)),
            RangeEnd::Before(end) => self.deleted.add(&range.start, Some(end)),
            RangeEnd::Unbounded => self.deleted.add(&range.start, None),
        }
    }

    /// Whether both can be carried out: no key is set twice, and none both set and deleted.
    pub(super) fn goes_with(&self, other: &Self) -> bool {
        let is_small = self.put.len() < other.put.len();
        let (small, large) = if is_small { (self, other) } else { (other, self) };
        let is_put_twice = small.put.iter().any(|key| large.put.contains(key));
        !is_put_twice && !other.deleted.meets(&self.put) && !self.deleted.meets(&other.put)
    }

    /// What either of two touches.
    pub(super) fn or(mut self, mut other: Self) -> Self {
        if self.put.len() < other.put.len() {
            swap(&mut self.put, &mut other.put);
        }
        self.put.extend(other.put);
        self.deleted = self.deleted.or(other.deleted);
        self
    }
}

impl<'a> Deleted<'a> {
    fn or(mut self, mut other: Self) -> Self {
        if self.keys.len() < other.keys.len() {
            swap(&mut self.keys, &mut other.keys);
        }
        if self.ranges.len() < other.ranges.len() {
            swap(&mut self.ranges, &mut other.ranges);
        }
        self.keys.extend(other.keys);
        other
            .ranges
            .into_iter()
            .for_each(|(start, end)| self.add(start, end));
        self
    }

    /// Adds a range, and makes one of those that it overlaps or touches.
    fn add(&mut self, mut start: &'a [u8], mut end: Option<&'a [u8]>) {
        let reaches = |end: Option<&[u8]>, key: &[u8]| end.is_none_or(|end| end >= key);
        if end.is_some_and(|end| end <= start) {
            return;
        }
        let mut before = self.ranges.range::<[u8], _>((Unbounded, Included(start)));
        if let Some((&first, &its_end)) = before.next_back()
            && reaches(its_end, start)
        {
            start = first;
        }
        loop {
            let mut rest = self.ranges.range::<[u8], _>((Included(start), Unbounded));
            let next = rest.next().map(|(&next, &its_end)| (next, its_end));
            let Some((next, its_end)) = next.filter(|(next, _)| reaches(end, next)) else {
                break;
            };
            end = end.zip(its_end).map(|(end, its_end)| end.max(its_end));
            self.ranges.remove(next);
        }
        self.ranges.insert(start, end);
    }

    fn holds(&self, key: &[u8]) -> bool {
        let mut before = self.ranges.range::<[u8], _>((Unbounded, Included(key)));
        let last = before.next_back();
        self.keys.contains(key) || last.is_some_and(|(_, end)| end.is_none_or(|end| key < end))
    }

    /// Whether any of these keys is deleted.
    fn meets(&self, keys: &BTreeSet<&[u8]>) -> bool {
        if keys.len() < self.keys.len() + self.ranges.len() {
            return keys.iter().any(|key| self.holds(key));
        }
        let mut ranges = self.ranges.iter();
        self.keys.iter().any(|key| keys.contains(key))
            || ranges.any(|(&start, end)| {
                let end = end.map_or(Unbounded, Excluded);
                keys.range::<[u8], _>((Included(start), end)).next().is_some()
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All ranges of keys between these two, each way, beside a plain list of them.
    #[test]
    fn what_is_deleted_is_as_a_list_of_ranges_says() {
        let keys: Vec<[u8; 1]> = (b'a'..=b'h').map(|key| [key]).collect();
        let range = |seed: usize| {
            let end = match seed / 8 % 10 {
                8 => RangeEnd::Unbounded,
                9 => RangeEnd::Single,
                end => RangeEnd::Before(keys[end].to_vec().into()),
            };
            KeyRange {
                start: keys[seed % 8].to_vec().into(),
                end,
            }
        };
        let mut seed: usize = 1;
        for _ in 0..20_000 {
            let mut next = || {
                seed = seed.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e);
                seed >> 33
            };
            let ranges = [range(next()), range(next()), range(next()), range(next())];
            let (mut left, mut right) = (Touched::default(), Touched::default());
            ranges[..2].iter().for_each(|range| left.delete(range));
            ranges[2..].iter().for_each(|range| right.delete(range));
            let both = left.or(right);
            for key in &keys {
                let is_deleted = ranges.iter().any(|range| range.holds(key));
                assert_eq!(both.deleted.holds(key), is_deleted, "{ranges:?} {key:?}");
                let put = [&key[..]].into();
                assert_eq!(both.deleted.meets(&put), is_deleted, "{ranges:?} {key:?}");
                let mut other = Touched::default();
                assert!(other.put(key));
                assert_eq!(both.goes_with(&other), !is_deleted);
                assert_eq!(other.goes_with(&both), !is_deleted);
            }
        }
    }
}
