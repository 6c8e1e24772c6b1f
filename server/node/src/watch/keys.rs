//! Who is to be told of a key: watchers of v3 keys, found by key.
//!
//! Watchers that want the very same make a group, which is told once however many they are. A group of one key is found
//! in a map; one of a range in [`Intervals`]. Nobody else is looked at.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use storage::store::query::{Event, KeyRange, RangeEnd};

use super::Watcher;
use super::intervals::Intervals;

/// What a watcher wants to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Interest {
    pub(super) range: KeyRange,
    /// Puts, too.
    pub(super) puts: bool,
    /// Deletions, too.
    pub(super) deletions: bool,
    /// And what was there before.
    pub(super) previous: bool,
}

impl Interest {
    /// Whether an event in the range is told.
    pub(super) fn lets_through(&self, event: &Event) -> bool {
        if event.now.is_some() {
            self.puts
        } else {
            self.deletions
        }
    }
}

/// Watchers that want the same.
#[derive(Clone, Debug)]
pub(super) struct Group {
    pub(super) interest: Interest,
    pub(super) watchers: BTreeSet<Watcher>,
    /// They were told a part of the revision that they are in the middle of.
    pub(super) open: bool,
}

/// Groups of watchers, by key.
#[derive(Clone, Debug, Default)]
pub(super) struct Keys {
    groups: Vec<Option<Group>>,
    free: Vec<usize>,
    /// Those of one key, by key.
    single: BTreeMap<Bytes, Vec<usize>>,
    ranges: Intervals,
    watchers: usize,
    /// The groups that are open.
    open: BTreeSet<usize>,
}

impl Keys {
    /// None yet. Whoever does not know the seed cannot choose ranges that make finding them slow.
    pub(super) fn seeded(seed: u64) -> Keys {
        Keys {
            ranges: Intervals::seeded(seed),
            ..Keys::default()
        }
    }

    pub(super) fn len(&self) -> usize {
        self.watchers
    }

    /// Adds a watcher, which was told a part of a revision (`open`) or was not, as all of its group.
    pub(super) fn insert(&mut self, watcher: Watcher, interest: &Interest, open: bool) {
        let slot = self.slot(interest).unwrap_or_else(|| self.make(interest));
        let group = self.groups[slot].as_mut().expect("a group stands in its slot");
        self.watchers += usize::from(group.watchers.insert(watcher));
        self.set_open(slot, open);
    }

    /// Takes a watcher out. Returns whether it was told a part of a revision.
    pub(super) fn remove(&mut self, watcher: Watcher, interest: &Interest) -> bool {
        let slot = self.slot(interest).expect("a watcher's group is there");
        let group = self.groups[slot].as_mut().expect("a group stands in its slot");
        let open = group.open;
        self.watchers -= usize::from(group.watchers.remove(&watcher));
        if group.watchers.is_empty() {
            self.set_open(slot, false);
            self.groups[slot] = None;
            self.free.push(slot);
            match &interest.range.end {
                RangeEnd::Single => {
                    let slots = self.single.get_mut(&interest.range.start);
                    let slots = slots.expect("a group's key is known");
                    slots.retain(|&other| other != slot);
                    if slots.is_empty() {
                        self.single.remove(&interest.range.start);
                    }
                }
                _ => self.ranges.remove(&interest.range, slot),
            }
        }
        open
    }

    /// The groups whose keys a key is one of, whatever of it they want to be told.
    pub(super) fn hits(&self, key: &[u8], into: &mut Vec<usize>) {
        if let Some(slots) = self.single.get(key) {
            into.extend_from_slice(slots);
        }
        self.ranges.hits(key, into);
    }

    pub(super) fn group(&self, slot: usize) -> &Group {
        self.groups[slot].as_ref().expect("a group stands in its slot")
    }

    pub(super) fn groups(&self) -> impl Iterator<Item = &Group> {
        self.groups.iter().flatten()
    }

    /// The groups that are open, by slot.
    pub(super) fn open(&self) -> &BTreeSet<usize> {
        &self.open
    }

    pub(super) fn set_open(&mut self, slot: usize, open: bool) {
        self.groups[slot]
            .as_mut()
            .expect("a group stands in its slot")
            .open = open;
        if open {
            self.open.insert(slot);
        } else {
            self.open.remove(&slot);
        }
    }

    fn slot(&self, interest: &Interest) -> Option<usize> {
        let slots = match &interest.range.end {
            RangeEnd::Single => self.single.get(&interest.range.start)?,
            _ => self.ranges.get(&interest.range),
        };
        slots
            .iter()
            .copied()
            .find(|&slot| self.group(slot).interest == *interest)
    }

    fn make(&mut self, interest: &Interest) -> usize {
        let group = Group {
            interest: interest.clone(),
            watchers: BTreeSet::new(),
            open: false,
        };
        let slot = self.free.pop().unwrap_or(self.groups.len());
        if slot == self.groups.len() {
            self.groups.push(None);
        }
        self.groups[slot] = Some(group);
        match &interest.range.end {
            RangeEnd::Single => {
                let key = interest.range.start.clone();
                self.single.entry(key).or_default().push(slot);
            }
            _ => self.ranges.insert(&interest.range, slot),
        }
        slot
    }
}
