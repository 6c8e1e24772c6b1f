//! How fast the v3 keyspace is beside the plainest thing that could hold it: a `BTreeMap` from key to a `Vec` of
//! versions, which cannot be viewed while it changes and keeps no fingerprint. One thread, keys of 64 bytes in random
//! order, values of 256 bytes; medians of three rounds. Then how long single calls take at most where much is to be done:
//! compaction, deletion, leases; and what a key takes in memory, beside what the store says of it.
//!
//! Nothing waits for anything, so the thread's processor time is taken: it is the time by the clock on an idle machine.
//!
//! `cargo bench -p storage --bench store`, with the number of keys behind `--` (a million if there is none);
//! with the word `tree` it is the v2 tree that is measured, in a process of its own, which shows what it takes in memory.
#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "a benchmark measures time"
)]

#[path = "store/pauses.rs"]
mod pauses;
#[path = "store/tree.rs"]
mod tree;

use std::collections::BTreeMap;
use std::hint::black_box;

use bytes::Bytes;
use cpu_time::ThreadTime;
use storage::store::Store;
use storage::store::command::{Applied, ClusterTime, Command, Put};
use storage::store::query::{Found, KeyRange, KeyValue, LeaseId, Query, RangeEnd, RangeQuery, Revision};

/// As in the server, but for its setting: that is `MIMALLOC_PURGE_DELAY=0` in the environment.
#[global_allocator]
static MEMORY: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ROUNDS: usize = 3;
const RANGES: [usize; 3] = [1, 100, 10_000];

fn main() {
    let given = std::env::args().skip(1).find_map(|word| word.parse().ok());
    let keys: usize = given.unwrap_or(1_000_000);
    if std::env::args().any(|word| word == "tree") {
        return tree::measure(keys);
    }
    pauses::measure(keys);
    let mut rounds: Vec<Vec<Line>> = (0..ROUNDS as u64).map(|seed| round(keys, seed)).collect();
    println!("{keys} keys; nanoseconds per put, or per key of a range");
    println!("{:32} {:>9} {:>9} {:>6}", "", "store", "plain", "ratio");
    for line in 0..rounds[0].len() {
        let mut ours: Vec<f64> = rounds.iter().map(|round| round[line].store).collect();
        let mut plain: Vec<f64> = rounds.iter().map(|round| round[line].plain).collect();
        ours.sort_by(f64::total_cmp);
        plain.sort_by(f64::total_cmp);
        let (ours, plain) = (ours[ROUNDS / 2], plain[ROUNDS / 2]);
        let name = std::mem::take(&mut rounds[0][line].name);
        println!("{name:32} {ours:9.0} {plain:9.0} {:6.2}", ours / plain);
    }
}

/// One thing measured, in nanoseconds.
struct Line {
    name: String,
    store: f64,
    plain: f64,
}

fn round(keys: usize, seed: u64) -> Vec<Line> {
    let mut store = Store::born(1);
    let mut plain = Plain::default();
    let mut lines = Vec::new();
    let mut order: Vec<u64> = (0..keys as u64).collect();
    shuffle(&mut order, seed);
    lines.push(Line {
        name: "put, new keys".into(),
        store: put_all(&mut store, &order, usize::MAX),
        plain: plain_put_all(&mut plain, &order),
    });
    lines.extend(RANGES.map(|keys| range_line(&store, &plain, &order, keys)));
    for times in ["second", "third", "fourth"] {
        shuffle(&mut order, seed);
        lines.push(Line {
            name: format!("put, existing keys, {times} time"),
            store: put_all(&mut store, &order, usize::MAX),
            plain: plain_put_all(&mut plain, &order),
        });
    }
    shuffle(&mut order, seed);
    lines.push(Line {
        name: "same, a view every 10,000 puts".into(),
        store: put_all(&mut store, &order, 10_000),
        plain: plain_put_all(&mut plain, &order),
    });
    lines
}

/// Puts every key once; the nanoseconds for each. With a view taken every so many puts and kept until the next.
fn put_all(store: &mut Store, order: &[u64], view_every: usize) -> f64 {
    let commands: Vec<Command> = order.iter().map(|number| Command::Put(put(*number))).collect();
    let mut view = None;
    let begun = ThreadTime::now();
    for (count, command) in commands.into_iter().enumerate() {
        if count % view_every == view_every - 1 {
            view = Some(store.clone());
        }
        let applied = black_box(store.apply(ClusterTime::default(), command));
        assert!(matches!(applied, Applied::Done(Ok(_))), "a put succeeds");
    }
    let elapsed = begun.elapsed().as_nanos() as f64;
    drop(view);
    elapsed / order.len() as f64
}

fn plain_put_all(plain: &mut Plain, order: &[u64]) -> f64 {
    let puts: Vec<Put> = order.iter().map(|number| put(*number)).collect();
    let begun = ThreadTime::now();
    for put in puts {
        plain.put(black_box(put));
    }
    begun.elapsed().as_nanos() as f64 / order.len() as f64
}

/// Reads ranges of so many keys until each key was read about once; the nanoseconds for each key.
fn range_line(store: &Store, plain: &Plain, order: &[u64], keys: usize) -> Line {
    let starts = order
        .iter()
        .filter(|number| **number + keys as u64 <= order.len() as u64);
    let ranges: Vec<KeyRange> = starts
        .take(order.len() / keys)
        .map(|number| KeyRange {
            start: key(*number),
            end: match keys {
                1 => RangeEnd::Single,
                _ => RangeEnd::Before(key(*number + keys as u64)),
            },
        })
        .collect();
    let read = (ranges.len() * keys) as f64;
    let begun = ThreadTime::now();
    for range in &ranges {
        let found = store.query(&Query::Range(RangeQuery::of(range.clone())));
        let Ok(Found::Range { keys: found, .. }) = black_box(found) else {
            panic!("a range succeeds")
        };
        assert_eq!(found.len(), keys);
    }
    let ours = begun.elapsed().as_nanos() as f64 / read;
    let begun = ThreadTime::now();
    for range in &ranges {
        assert_eq!(black_box(plain.range(range)).len(), keys);
    }
    Line {
        name: format!("range of {keys}"),
        store: ours,
        plain: begun.elapsed().as_nanos() as f64 / read,
    }
}

fn key(number: u64) -> Bytes {
    format!("/registry/some/rather/long/prefix/of/a/real/key/{number:016}").into()
}

fn put(number: u64) -> Put {
    Put {
        key: key(number),
        value: vec![number as u8; 256].into(),
        previous: false,
        ignore_value: false,
        ignore_lease: false,
        lease: LeaseId::NONE,
    }
}

/// Puts numbers in a random order, the same one for the same seed.
fn shuffle(numbers: &mut [u64], seed: u64) {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    for last in (1..numbers.len()).rev() {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        numbers.swap(last, (state >> 33) as usize % (last + 1));
    }
}

/// What the store is measured against.
#[derive(Default)]
struct Plain {
    keys: BTreeMap<Bytes, Vec<KeyValue>>,
    revision: u64,
}

impl Plain {
    fn put(&mut self, put: Put) {
        self.revision += 1;
        let modified = Revision(self.revision);
        let versions = self.keys.entry(put.key.clone()).or_default();
        let before = versions.last();
        let after = KeyValue {
            key: Bytes::new(),
            create_revision: before.map_or(modified, |before| before.create_revision),
            mod_revision: modified,
            version: before.map_or(1, |before| before.version + 1),
            value: put.value,
            lease: put.lease,
        };
        versions.push(after);
    }

    fn range(&self, range: &KeyRange) -> Vec<KeyValue> {
        let view = |(key, versions): (&Bytes, &Vec<KeyValue>)| KeyValue {
            key: key.clone(),
            ..versions.last().expect("a key has a version").clone()
        };
        match &range.end {
            RangeEnd::Single => self
                .keys
                .get_key_value(&range.start)
                .map(view)
                .into_iter()
                .collect(),
            RangeEnd::Before(end) => self.keys.range::<Bytes, _>(&range.start..end).map(view).collect(),
            RangeEnd::Unbounded => self.keys.range::<Bytes, _>(&range.start..).map(view).collect(),
        }
    }
}
