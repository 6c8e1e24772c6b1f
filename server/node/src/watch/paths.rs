//! Who watches the v2 tree, by path: found by what happened, without looking at who is not concerned.
//!
//! An event at a path concerns those who watch that path, those who watch one above it with all below, unless something on
//! the way down is hidden, and, if a directory goes, all who watch below it ([`TreeEvent::concerns`] says the same of one
//! watcher). So a look-up costs as many steps as the path has components, and those who are concerned.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use bytes::Bytes;
use storage::store::command::{TreeAction, TreeEvent};

use super::Watcher;
use crate::request::ClientId;

/// What a watcher wants to be told.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    path: Bytes,
    /// All below, too.
    recursive: bool,
}

/// How a watcher is told.
#[derive(Clone, Debug)]
struct Terms {
    place: Place,
    /// Nothing that happened before this index.
    from: u64,
    /// One event, and no more.
    once: bool,
}

/// All watchers of the tree.
#[derive(Clone, Debug, Default)]
pub(crate) struct Paths {
    watchers: BTreeMap<Watcher, Terms>,
    /// The same, by place, each place with whoever watches it.
    places: BTreeMap<Place, BTreeSet<Watcher>>,
}

impl Paths {
    pub(super) fn is_empty(&self) -> bool {
        self.watchers.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.watchers.len()
    }

    pub(super) fn add(&mut self, watcher: Watcher, path: Bytes, recursive: bool, from: u64, once: bool) {
        let place = Place { path, recursive };
        self.places.entry(place.clone()).or_default().insert(watcher);
        self.watchers.insert(watcher, Terms { place, from, once });
    }

    /// Returns whether it was there.
    pub(super) fn remove(&mut self, watcher: Watcher) -> bool {
        let Some(Terms { place, .. }) = self.watchers.remove(&watcher) else {
            return false;
        };
        let there = self
            .places
            .get_mut(&place)
            .expect("a watcher stands at its place");
        there.remove(&watcher);
        if there.is_empty() {
            self.places.remove(&place);
        }
        true
    }

    /// The watchers of a client.
    pub(super) fn of(&self, client: ClientId) -> Vec<Watcher> {
        let (first, last) = (crate::RequestId(0), crate::RequestId(u64::MAX));
        let own = self.watchers.range((client, first)..=(client, last));
        own.map(|(&watcher, _)| watcher).collect()
    }

    pub(super) fn take_all(&mut self) -> Vec<Watcher> {
        self.places.clear();
        std::mem::take(&mut self.watchers).into_keys().collect()
    }

    /// Whom an event is told, in order; those who want no more than one are there no more.
    pub(super) fn concerned(&mut self, event: &TreeEvent) -> Vec<Watcher> {
        let mut told = Vec::new();
        let key = &event.node.key;
        self.at(key, &[false, true], event.index(), &mut told);
        // Upwards, as long as nothing between is hidden.
        let mut rest = &key[..];
        while let Some(slash) = rest.iter().rposition(|&byte| byte == b'/') {
            if rest.len() == 1 || rest.get(slash + 1) == Some(&b'_') {
                break;
            }
            rest = &rest[..slash.max(1)];
            self.at(rest, &[true], event.index(), &mut told);
        }
        if event.node.dir && matches!(event.action, TreeAction::Delete | TreeAction::Expire) {
            self.below(key, event.index(), &mut told);
        }
        told.sort_unstable();
        for watcher in &told {
            if self.watchers[watcher].once {
                self.remove(*watcher);
            }
        }
        told
    }

    fn at(&self, path: &[u8], kinds: &[bool], index: u64, told: &mut Vec<Watcher>) {
        for &recursive in kinds {
            let path = Bytes::copy_from_slice(path);
            if let Some(there) = self.places.get(&Place { path, recursive }) {
                told.extend(self.ripe(there, index));
            }
        }
    }

    /// Those below a directory: `/` and `0` are neighbours, so the places are, too.
    fn below(&self, directory: &[u8], index: u64, told: &mut Vec<Watcher>) {
        let bound = |last: u8| Place {
            path: [directory, &[last]].concat().into(),
            recursive: false,
        };
        let range = (Bound::Excluded(bound(b'/')), Bound::Excluded(bound(b'/' + 1)));
        for there in self.places.range(range).map(|(_, there)| there) {
            told.extend(self.ripe(there, index));
        }
    }

    fn ripe<'a>(&'a self, there: &'a BTreeSet<Watcher>, index: u64) -> impl Iterator<Item = Watcher> + 'a {
        let is_ripe = move |watcher: &&Watcher| self.watchers[*watcher].from <= index;
        there.iter().filter(is_ripe).copied()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use storage::store::command::ClusterTime;
    use storage::store::query::TreeNode;

    use super::*;
    use crate::RequestId;

    fn event(key: &str, action: TreeAction, dir: bool, index: u64) -> TreeEvent {
        TreeEvent {
            action,
            time: ClusterTime(0),
            node: TreeNode {
                key: Bytes::copy_from_slice(key.as_bytes()),
                value: None,
                dir,
                expiration: None,
                nodes: vec![],
                modified_index: index,
                created_index: 1,
            },
            previous: None,
        }
    }

    fn path() -> impl Strategy<Value = String> {
        prop_oneof![
            Just("/".to_owned()),
            prop::collection::vec("[ab]|_a|a0|a-", 1..4).prop_map(|names| format!("/{}", names.join("/"))),
        ]
    }

    fn action() -> impl Strategy<Value = TreeAction> {
        prop::sample::select(vec![TreeAction::Set, TreeAction::Delete, TreeAction::Expire])
    }

    proptest! {
        #[test]
        fn those_are_told_whom_it_concerns(
            watchers in prop::collection::vec((path(), any::<bool>(), 0u64..4, any::<bool>()), 0..20),
            events in prop::collection::vec((path(), action(), any::<bool>()), 1..8),
        ) {
            let mut paths = Paths::default();
            let mut all = BTreeMap::new();
            for (number, (path, recursive, from, once)) in watchers.into_iter().enumerate() {
                let watcher = (ClientId(number as u64 / 3), RequestId(number as u64));
                paths.add(watcher, path.clone().into(), recursive, from, once);
                all.insert(watcher, (path, recursive, from, once));
            }
            for (index, (key, action, dir)) in (1..).zip(events) {
                // The root never goes.
                let event = event(&key, action, dir && key != "/", index);
                let concerned = |path: &str, recursive, from| event.concerns(path.as_bytes(), recursive) && from <= index;
                let expected: Vec<Watcher> = all
                    .iter()
                    .filter(|(_, (path, recursive, from, _))| concerned(path, *recursive, *from))
                    .map(|(&watcher, _)| watcher)
                    .collect();
                prop_assert_eq!(paths.concerned(&event), expected.clone(), "{:?}", event);
                all.retain(|watcher, (.., once)| !(*once && expected.contains(watcher)));
                prop_assert_eq!(paths.len(), all.len());
            }
            for client in 0..8 {
                for watcher in paths.of(ClientId(client)) {
                    prop_assert!(all.remove(&watcher).is_some() && paths.remove(watcher));
                }
            }
            prop_assert!(all.is_empty() && paths.places.is_empty());
        }
    }
}
