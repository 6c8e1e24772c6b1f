//! The map and the queue against plain ones, with views that were taken on the way and must not change.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound::{Excluded, Included, Unbounded};

use proptest::prelude::*;

use super::branch::Node;
use super::*;
use crate::store::mvcc::version::{Life, Version};
use crate::store::query::{LeaseId, Revision};

/// A key with all its versions.
type Model = BTreeMap<Vec<u8>, Vec<Version>>;

#[derive(Clone, Debug)]
enum Step {
    /// Puts a key, with a value of so many bytes; None is a deletion that leaves a version.
    Put(Vec<u8>, Option<usize>),
    DropOldest(Vec<u8>, usize),
    Remove(Vec<u8>),
    /// Removes so many keys from one on.
    RemoveFrom(Vec<u8>, usize),
    View,
}

/// Keys with much in common, little, and nothing; some begin with others.
fn key() -> impl Strategy<Value = Vec<u8>> {
    let path = |(room, number): (u8, u32)| format!("/registry/room-{}/{number:05}", room % 3).into_bytes();
    prop_oneof![
        6 => (any::<u8>(), 0..400_u32).prop_map(path),
        2 => prop::collection::vec(prop_oneof![Just(0), Just(b'a'), Just(0xff)], 1..6),
        1 => (0..20_usize).prop_map(|length| vec![b'x'; 1 + length * 300]),
    ]
}

/// Small values, values that stand aside, and some at the edge.
fn length() -> impl Strategy<Value = Option<usize>> {
    prop_oneof![
        1 => Just(None),
        8 => (0..300_usize).prop_map(Some),
        1 => (510..515_usize).prop_map(Some),
        1 => (1000..3000_usize).prop_map(Some),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        20 => (key(), length()).prop_map(|(key, length)| Step::Put(key, length)),
        3 => (key(), 1..4_usize).prop_map(|(key, count)| Step::DropOldest(key, count)),
        6 => key().prop_map(Step::Remove),
        1 => (key(), 1..200_usize).prop_map(|(key, count)| Step::RemoveFrom(key, count)),
        1 => Just(Step::View),
    ]
}

fn version(revision: u64, length: Option<usize>) -> Version {
    let life = length.map(|length| Life {
        created: Revision(revision / 2),
        version: revision % 300,
        value: vec![revision as u8; length].into(),
        lease: LeaseId((revision % 5).cast_signed() - 2),
    });
    Version {
        modified: Revision(revision),
        life,
    }
}

fn apply(map: &mut Map, model: &mut Model, step: &Step, revision: u64) {
    match step {
        Step::View => {}
        Step::Put(key, length) => {
            let version = version(revision, *length);
            let before = model.entry(key.clone()).or_default();
            let refused: Result<(), ()> = map.put(key, |_| Err(()));
            assert_eq!(refused, Err(()));
            let put: Result<(), ()> = map.put(key, |row| {
                let newest = row.map(|row| row.newest().to_version());
                assert_eq!(newest.as_ref(), before.last());
                Ok(version.clone())
            });
            assert_eq!(put, Ok(()));
            before.push(version);
        }
        Step::DropOldest(key, count) => {
            if let Some(versions) = model.get_mut(key)
                && versions.len() > *count
            {
                versions.drain(..count);
                map.change(key, |history| history.drop_oldest(*count));
            }
        }
        Step::Remove(key) => {
            if model.remove(key).is_some() {
                map.remove(key);
            }
        }
        Step::RemoveFrom(key, count) => {
            let gone: Vec<_> = model.range(key.clone()..).take(*count).collect();
            let gone: Vec<_> = gone.into_iter().map(|(key, _)| key.clone()).collect();
            for key in gone {
                model.remove(&key);
                map.remove(&key);
            }
        }
    }
}

fn row(row: Row<'_>) -> (Vec<u8>, Vec<Version>) {
    let versions: Vec<_> = row.versions().map(|version| version.to_version()).collect();
    assert_eq!(row.newest().to_version(), versions[versions.len() - 1]);
    for version in &versions {
        let found = row.at(version.modified).map(|found| found.to_version());
        assert_eq!(found.as_ref(), Some(version));
    }
    (row.key().to_vec(), versions)
}

fn check(map: &Map, model: &Model) {
    map.root.check(None, None);
    let rows: Model = map.range(Unbounded, Unbounded).map(row).collect();
    assert_eq!(&rows, model);
    let in_order: Vec<_> = map.range(Unbounded, Unbounded).map(|row| row.key()).collect();
    assert!(in_order.is_sorted());
    assert_eq!(
        map.last().map(|row| row.key().to_vec()),
        model.keys().last().cloned()
    );
}

/// What is forgotten in one clone stays in the other, and what comes behind stays in both.
fn check_forgetting(map: &Map, model: &Model, mut keys: Vec<&[u8]>) {
    let mut forgetting = map.clone();
    keys.sort_unstable();
    for key in keys {
        forgetting.forget_before(key);
        let depth = forgetting.root.check(None, None);
        assert_eq!(depth, map.root.check(None, None));
        let left: Model = forgetting.range(Included(key), Unbounded).map(row).collect();
        let expected = model.range(key.to_vec()..);
        assert!(left.iter().eq(expected), "from {key:?}");
    }
    check(map, model);
}

/// What stands around a key, with bounds of each kind.
fn check_around(map: &Map, model: &Model, start: &[u8], end: &[u8]) {
    assert_eq!(
        map.get(start).map(|found| row(found).1),
        model.get(start).cloned()
    );
    for first in [Included(start), Excluded(start), Unbounded] {
        let bytes = Bytes::copy_from_slice(end);
        for last in [Included(bytes.clone()), Excluded(bytes), Unbounded] {
            let is_behind = |key: &[u8]| match first {
                Included(start) => key >= start,
                Excluded(start) => key > start,
                Unbounded => true,
            };
            let is_before = |key: &[u8]| match &last {
                Included(end) => key <= &end[..],
                Excluded(end) => key < &end[..],
                Unbounded => true,
            };
            let expected = model.keys().filter(|key| is_behind(key) && is_before(key));
            let found: Vec<_> = map.range(first, last.clone()).map(|row| row.key()).collect();
            assert!(found.iter().eq(expected), "from {first:?} to {last:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// With the copying before a change left out, views would see it.
    #[test]
    fn a_map_is_a_map(
        steps in prop::collection::vec(step(), 1..1500),
        around in prop::collection::vec((key(), key()), 20),
    ) {
        let (mut map, mut model) = (Map::new(), Model::new());
        let mut views = Vec::new();
        for (number, step) in steps.iter().enumerate() {
            if matches!(step, Step::View) {
                views.push((map.clone(), model.clone()));
            }
            apply(&mut map, &mut model, step, number as u64 + 1);
            if number % 100 == 0 {
                check(&map, &model);
            }
        }
        views.push((map, model));
        for (map, model) in &views {
            check(map, model);
            around.iter().for_each(|(start, end)| check_around(map, model, start, end));
            check_forgetting(map, model, around.iter().map(|(key, _)| &key[..]).collect());
        }
    }

    #[test]
    fn a_queue_is_a_queue(steps in prop::collection::vec((0..8_u8, key(), any::<u8>()), 1..1500)) {
        let (mut queue, mut model) = (Queue::default(), VecDeque::new());
        let mut views = Vec::new();
        let mut revision = 0;
        for (number, (step, key, more)) in steps.into_iter().enumerate() {
            match step {
                0..=4 => {
                    // Now and then further apart than a block can say.
                    revision += if more == 255 { 1 << 33 } else { u64::from(more % 3) };
                    queue.push(Revision(revision), &key);
                    model.push_back((revision, key));
                }
                7 if number % 20 == 0 => views.push((queue.clone(), model.clone())),
                _ => (0..more % 4).for_each(|_| {
                    if model.pop_front().is_some() {
                        queue.pop();
                    }
                }),
            }
        }
        views.push((queue, model));
        for (queue, model) in &views {
            check_queue(queue, model);
        }
    }
}

fn check_queue(queue: &Queue, model: &VecDeque<(u64, Vec<u8>)>) {
    let plain = |queued: Queued<'_>| (queued.revision().0, queued.key().to_vec());
    assert_eq!((queue.len(), queue.is_empty()), (model.len(), model.is_empty()));
    assert_eq!(queue.front().map(plain).as_ref(), model.front());
    assert_eq!(queue.back().map(plain).as_ref(), model.back());
    for count in 0..model.len() + 2 {
        assert_eq!(queue.get(count).map(plain).as_ref(), model.get(count));
        let revision = model.get(count).map_or(u64::MAX, |(revision, _)| *revision);
        for revision in [revision, revision.saturating_add(1)] {
            let older = model.partition_point(|(other, _)| *other < revision);
            assert_eq!(queue.older_than(Revision(revision)), older);
        }
        if count % 50 == 0 {
            let rest: Vec<_> = queue.skip(count).map(plain).collect();
            assert!(rest.iter().eq(model.iter().skip(count)));
        }
    }
}

fn leaves(node: &Node) -> usize {
    match node {
        Node::Leaf(_) => 1,
        Node::Branch(branch) => branch.children.iter().map(leaves).sum(),
    }
}

fn put(map: &mut Map, key: &[u8], revision: u64) {
    let put: Result<(), ()> = map.put(key, |_| Ok(version(revision, Some(256))));
    put.expect("it is not refused");
}

/// 20,000 rows of 256 bytes and a little in the order of `spread`.
fn filled(spread: u64) -> (Map, u64) {
    let mut map = Map::new();
    let count = 20_000;
    for number in 0..count {
        let key = format!("/some/key/{:08}", number * spread % count);
        put(&mut map, key.as_bytes(), number + 1);
    }
    (map, count)
}

#[test]
fn keys_in_order_leave_full_leaves_and_others_at_least_halves() {
    let (map, count) = filled(1);
    // 22 rows of about 270 bytes are 6 KiB.
    assert!(
        leaves(&map.root) <= count as usize / 21,
        "{} leaves",
        leaves(&map.root)
    );
    let (map, count) = filled(7919);
    assert!(
        leaves(&map.root) <= count as usize / 12,
        "{} leaves",
        leaves(&map.root)
    );
}

#[test]
fn a_map_that_is_loaded_has_room_in_its_leaves() {
    let (full, count) = filled(1);
    let mut map = Map::new();
    for row in full.range(Unbounded, Unbounded) {
        map.load(&row.key(), row.newest().to_version());
    }
    map.root.check(None, None);
    assert_eq!(map.range(Unbounded, Unbounded).count(), count as usize);
    let (rows, leaves) = (count as usize, leaves(&map.root));
    assert!((rows / 18..=rows / 13).contains(&leaves), "{leaves} leaves");
}

#[test]
fn what_is_removed_leaves_no_nodes() {
    for spread in [1, 7919] {
        let (mut map, count) = filled(spread);
        for number in 0..count {
            map.remove(format!("/some/key/{number:08}").as_bytes());
            if number % 1000 == 0 {
                map.root.check(None, None);
                let left = (count - number) as usize;
                assert!(leaves(&map.root) <= left / 2 + 2, "{} leaves", leaves(&map.root));
            }
        }
        assert!(matches!(map.root, Node::Leaf(_)), "the last leaf is the root");
        assert!(map.last().is_none());
    }
}

/// A put beside a view copies the nodes on its way and shares all others.
#[test]
fn a_view_shares_all_but_one_way() {
    let (mut map, _) = filled(7919);
    let view = map.clone();
    put(&mut map, b"/some/key/00010000", 1 << 20);
    let shared = |one: &Node, other: &Node| match (one, other) {
        (Node::Leaf(one), Node::Leaf(other)) => Arc::ptr_eq(one, other),
        (Node::Branch(one), Node::Branch(other)) => Arc::ptr_eq(one, other),
        _ => false,
    };
    let (mut one, mut other) = (&map.root, &view.root);
    while let (Node::Branch(ours), Node::Branch(theirs)) = (one, other) {
        assert!(Arc::ptr_eq(&ours.separators, &theirs.separators));
        let pairs = ours.children.iter().zip(&theirs.children);
        let mut changed = pairs.filter(|(ours, theirs)| !shared(ours, theirs));
        (one, other) = changed.next().expect("one child is on the way");
        assert!(changed.next().is_none(), "one child alone is on the way");
    }
}

fn largest_separators(node: &Node) -> usize {
    match node {
        Node::Leaf(_) => 0,
        Node::Branch(branch) => {
            let below = branch.children.iter().map(largest_separators).max();
            below.max(Some(branch.separators.bytes())).unwrap_or(0)
        }
    }
}

/// Separators are as long as what neighbours have in common; 64 of 1 MiB would be moved at a put.
#[test]
fn long_keys_make_branches_of_few() {
    let mut map = Map::new();
    let long = vec![b'x'; 50_000];
    let key = |number: u64| {
        let pair = [&(number / 2 * 7919 % 10_007).to_be_bytes(), &long[..]];
        [&pair.concat()[..], &number.to_be_bytes()].concat()
    };
    for number in 0..500 {
        put(&mut map, &key(number), number + 1);
    }
    map.root.check(None, None);
    assert!(largest_separators(&map.root) < (64 << 10) + 6 * long.len());
    for number in 0..500 {
        map.remove(&key(number));
        map.root.check(None, None);
    }
    assert!(matches!(map.root, Node::Leaf(_)), "the last leaf is the root");
}
