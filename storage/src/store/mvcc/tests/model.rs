//! The keyspace against a plain model: a map from key to the list of all its versions, read by scanning.

use std::collections::BTreeMap;

use bytes::Bytes;
use proptest::prelude::*;

use super::super::Keyspace;
use crate::store::command::{Failure, Put};
use crate::store::query::{
    Between, Found, KeyRange, KeyValue, RangeEnd, RangeQuery, Revision, Sort, SortTarget,
};

/// A version: since when, and what; None is deleted.
type Version = (u64, Option<KeyValue>);

struct Model {
    keys: BTreeMap<Bytes, Vec<Version>>,
    revision: u64,
}

impl Model {
    fn new() -> Model {
        Model {
            keys: BTreeMap::new(),
            revision: 1,
        }
    }

    fn at(&self, key: &Bytes, revision: u64) -> Option<KeyValue> {
        let versions = self.keys.get(key)?;
        let last = versions.iter().rfind(|(since, _)| *since <= revision)?;
        last.1.clone()
    }

    fn put(&mut self, put: &Put) -> Result<Option<KeyValue>, Failure> {
        let before = self.at(&put.key, self.revision);
        if put.key.is_empty() || (before.is_none() && (put.ignore_value || put.ignore_lease)) {
            return Err(Failure::KeyNotFound);
        }
        self.revision += 1;
        let revision = Revision(self.revision);
        let mut after = before.clone().unwrap_or(KeyValue {
            key: put.key.clone(),
            create_revision: revision,
            mod_revision: revision,
            version: 0,
            value: Bytes::new(),
        });
        after.mod_revision = revision;
        after.version += 1;
        if !put.ignore_value {
            after.value = put.value.clone();
        }
        self.keys
            .entry(put.key.clone())
            .or_default()
            .push((revision.0, Some(after)));
        Ok(before.filter(|_| put.previous))
    }

    fn live(&self, range: &KeyRange, revision: u64) -> Vec<KeyValue> {
        let inside = self.keys.keys().filter(|key| match &range.end {
            RangeEnd::Single => **key == range.start,
            RangeEnd::Before(end) => **key >= range.start && *key < end,
            RangeEnd::Unbounded => **key >= range.start,
        });
        inside.filter_map(|key| self.at(key, revision)).collect()
    }

    fn delete_range(&mut self, range: &KeyRange, previous: bool) -> (u64, Vec<KeyValue>) {
        let gone = self.live(range, self.revision);
        if !gone.is_empty() {
            self.revision += 1;
        }
        for kv in &gone {
            let versions = self.keys.get_mut(&kv.key).expect("it is live");
            versions.push((self.revision, None));
        }
        (gone.len() as u64, if previous { gone } else { Vec::new() })
    }

    fn range(&self, query: &RangeQuery) -> Result<Found, Failure> {
        let revision = query.revision.map_or(self.revision, |revision| revision.0);
        if revision > self.revision {
            return Err(Failure::FutureRevision);
        }
        let mut keys = self.live(&query.range, revision);
        let count = keys.len() as u64;
        let inside = |between: Between, revision: Revision| {
            between.min.unwrap_or(Revision(0)) <= revision
                && revision <= between.max.unwrap_or(Revision(u64::MAX))
        };
        keys.retain(|kv| inside(query.mod_revision, kv.mod_revision));
        keys.retain(|kv| inside(query.create_revision, kv.create_revision));
        if let Some(sort) = query.sort {
            keys.sort_by(|a, b| {
                let by = match sort.target {
                    SortTarget::Key => a.key.cmp(&b.key),
                    SortTarget::Version => a.version.cmp(&b.version),
                    SortTarget::Create => a.create_revision.cmp(&b.create_revision),
                    SortTarget::Mod => a.mod_revision.cmp(&b.mod_revision),
                    SortTarget::Value => a.value.cmp(&b.value),
                };
                let by = if sort.descending { by.reverse() } else { by };
                by.then(a.key.cmp(&b.key))
            });
        }
        let limit = query.limit.unwrap_or(u64::MAX);
        let mut more = keys.len() as u64 > limit;
        keys.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        if query.keys_only {
            keys.iter_mut().for_each(|kv| kv.value = Bytes::new());
        }
        if query.count_only {
            keys.clear();
            more = false;
        }
        Ok(Found::Range { keys, more, count })
    }
}

#[derive(Clone, Debug)]
enum Step {
    Put(Put),
    DeleteRange(KeyRange, bool),
}

/// A few keys, the empty one among them, so that histories grow long and ranges hit.
fn key() -> impl Strategy<Value = Bytes> {
    let bytes = prop::collection::vec(prop::sample::select(b"\0ab\xff".to_vec()), 0..3);
    bytes.prop_map(Bytes::from)
}

fn key_range() -> impl Strategy<Value = KeyRange> {
    let end = prop_oneof![
        Just(RangeEnd::Single),
        key().prop_map(RangeEnd::Before),
        Just(RangeEnd::Unbounded)
    ];
    (key(), end).prop_map(|(start, end)| KeyRange { start, end })
}

fn step() -> impl Strategy<Value = Step> {
    let put = (
        key(),
        key(),
        any::<bool>(),
        prop::bool::weighted(0.1),
        prop::bool::weighted(0.1),
    );
    let put = put.prop_map(|(key, value, previous, ignore_value, ignore_lease)| {
        Step::Put(Put {
            key,
            value,
            previous,
            ignore_value,
            ignore_lease,
        })
    });
    let delete =
        (key_range(), any::<bool>()).prop_map(|(range, previous)| Step::DeleteRange(range, previous));
    prop_oneof![5 => put, 1 => delete]
}

fn between() -> impl Strategy<Value = Between> {
    let bound = || prop::option::weighted(0.3, (0u64..60).prop_map(Revision));
    (bound(), bound()).prop_map(|(min, max)| Between { min, max })
}

fn sort() -> impl Strategy<Value = Sort> {
    use SortTarget::{Create, Key, Mod, Value, Version};
    let target = prop::sample::select(vec![Key, Version, Create, Mod, Value]);
    (target, any::<bool>()).prop_map(|(target, descending)| Sort { target, descending })
}

fn range_query() -> impl Strategy<Value = RangeQuery> {
    let flags = (prop::bool::weighted(0.2), prop::bool::weighted(0.1));
    let limit = prop::option::of(0u64..6);
    let revision = prop::option::of((0u64..70).prop_map(Revision));
    let rest = (
        key_range(),
        revision,
        limit,
        prop::option::of(sort()),
        between(),
        between(),
    );
    (flags, rest).prop_map(|(flags, rest)| RangeQuery {
        range: rest.0,
        revision: rest.1,
        limit: rest.2,
        sort: rest.3,
        keys_only: flags.0,
        count_only: flags.1,
        mod_revision: rest.4,
        create_revision: rest.5,
    })
}

proptest! {
    #[test]
    fn the_keyspace_is_the_model(
        steps in prop::collection::vec(step(), 1..120),
        queries in prop::collection::vec(range_query(), 1..20),
    ) {
        let mut keyspace = Keyspace::new();
        let mut model = Model::new();
        let mut views = Vec::new();
        for step in &steps {
            views.push((keyspace.clone(), keyspace.totals()));
            match step {
                Step::Put(put) => prop_assert_eq!(keyspace.put(put.clone()), model.put(put)),
                Step::DeleteRange(range, previous) => prop_assert_eq!(
                    keyspace.delete_range(range, *previous),
                    model.delete_range(range, *previous)
                ),
            }
            prop_assert_eq!(keyspace.revision().0, model.revision);
            prop_assert_eq!(keyspace.recount(), keyspace.totals());
        }
        for query in &queries {
            prop_assert_eq!(keyspace.range(query), model.range(query));
        }
        for (view, totals) in &views {
            prop_assert_eq!(view.recount(), *totals, "a view changed");
        }
    }
}
