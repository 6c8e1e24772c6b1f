//! The v3 side of the store against a plain model: a map from key to the list of all its versions, which is never
//! compacted and read by scanning; leases beside it.

use std::collections::BTreeMap;

use bytes::Bytes;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use raft_core::NodeId;

use crate::store::Store;
use crate::store::alarm::{Alarm, AlarmKind};
use crate::store::command::{Applied, ClusterTime, Command, Failure, Outcome, Put};
use crate::store::query::{
    Between, Event, Found, KeyRange, KeyValue, LeaseId, LeaseView, Query, RangeEnd, RangeQuery, Revision,
    Sort, SortTarget,
};
use crate::store::transaction::{
    Choice, Chosen, Comparison, Operand, Operation, OperationResult, Relation, Transaction,
};

/// A version: since when, and what; None is deleted.
type Version = (u64, Option<KeyValue>);

/// A choice that was made: for each operation None, or the choice that it was.
struct Shape {
    succeeded: bool,
    parts: Vec<Option<Shape>>,
}

impl Shape {
    fn filled(&self, results: &mut impl Iterator<Item = OperationResult>) -> Chosen {
        let fill = |part: &Option<Shape>| match part {
            Some(inner) => OperationResult::Choice(inner.filled(results)),
            None => results.next().expect("each has a result"),
        };
        Chosen {
            succeeded: self.succeeded,
            results: self.parts.iter().map(fill).collect(),
        }
    }
}

#[derive(Clone)]
struct Model {
    keys: BTreeMap<Bytes, Vec<Version>>,
    events: Vec<Event>,
    leases: BTreeMap<LeaseId, u64>,
    revision: u64,
    compacted: u64,
    full: bool,
}

impl Model {
    fn new() -> Model {
        Model {
            keys: BTreeMap::new(),
            events: Vec::new(),
            leases: BTreeMap::new(),
            revision: 1,
            compacted: 0,
            full: false,
        }
    }

    fn apply(&mut self, command: &Command) -> Result<Outcome, Failure> {
        if self.full && matches!(command, Command::Put(_) | Command::LeaseGrant { .. }) {
            return Err(Failure::NoSpace);
        }
        match command {
            Command::Put(put) => Ok(Outcome::Put {
                previous: self.put(put)?,
            }),
            Command::DeleteRange { range, previous } => {
                let gone = self.live(range, self.revision);
                self.delete(&gone);
                Ok(Outcome::Deleted {
                    count: gone.len() as u64,
                    previous: if *previous { gone } else { Vec::new() },
                })
            }
            Command::Compact { revision } => self.compact(revision.0),
            Command::Continue => Ok(Outcome::Continued),
            Command::LeaseGrant { id, .. } if self.leases.contains_key(id) => Err(Failure::LeaseExists),
            Command::LeaseGrant { id, ttl } => {
                self.leases.insert(*id, *ttl);
                Ok(Outcome::LeaseGranted { id: *id, ttl: *ttl })
            }
            Command::LeaseRevoke { id } if !self.leases.contains_key(id) => Err(Failure::LeaseNotFound),
            Command::LeaseRevoke { id } => {
                self.end(*id);
                Ok(Outcome::LeaseRevoked)
            }
            Command::LeaseExpire { ids } => {
                ids.iter().for_each(|id| self.end(*id));
                Ok(Outcome::LeasesExpired)
            }
            Command::Transaction(transaction) => self.transaction(transaction),
            Command::LeaseCheckpoint { .. } => Ok(Outcome::LeasesCheckpointed),
            Command::Alarm { raised, .. } => {
                let changed = std::mem::replace(&mut self.full, *raised) != *raised;
                Ok(Outcome::Alarm { changed })
            }
            other => panic!("{other:?} is not of the v3 side"),
        }
    }

    fn at(&self, key: &Bytes, revision: u64) -> Option<KeyValue> {
        let versions = self.keys.get(key)?;
        let last = versions.iter().rfind(|(since, _)| *since <= revision)?;
        last.1.clone()
    }

    fn put(&mut self, put: &Put) -> Result<Option<KeyValue>, Failure> {
        if put.lease != LeaseId::NONE && !self.leases.contains_key(&put.lease) {
            return Err(Failure::LeaseNotFound);
        }
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
            lease: LeaseId::NONE,
        });
        after.mod_revision = revision;
        after.version += 1;
        if !put.ignore_value {
            after.value = put.value.clone();
        }
        if !put.ignore_lease {
            after.lease = put.lease;
        }
        self.changed(&put.key, Some(after));
        Ok(before.filter(|_| put.previous))
    }

    fn changed(&mut self, key: &Bytes, now: Option<KeyValue>) {
        self.events.push(Event {
            revision: Revision(self.revision),
            key: key.clone(),
            before: self.at(key, self.revision),
            now: now.clone(),
        });
        let versions = self.keys.entry(key.clone()).or_default();
        versions.push((self.revision, now));
    }

    fn live(&self, range: &KeyRange, revision: u64) -> Vec<KeyValue> {
        let inside = self.keys.keys().filter(|key| match &range.end {
            RangeEnd::Single => **key == range.start,
            RangeEnd::Before(end) => **key >= range.start && *key < end,
            RangeEnd::Unbounded => **key >= range.start,
        });
        inside.filter_map(|key| self.at(key, revision)).collect()
    }

    fn delete(&mut self, gone: &[KeyValue]) {
        if !gone.is_empty() {
            self.revision += 1;
        }
        gone.iter().for_each(|kv| self.changed(&kv.key, None));
    }

    fn compact(&mut self, revision: u64) -> Result<Outcome, Failure> {
        if revision > self.revision {
            return Err(Failure::FutureRevision);
        }
        if revision <= self.compacted && self.compacted > 0 {
            return Err(Failure::Compacted(Revision(self.compacted)));
        }
        self.compacted = revision;
        Ok(Outcome::Compacted)
    }

    fn transaction(&mut self, transaction: &Transaction) -> Result<Outcome, Failure> {
        if self.full && transaction.may_put() {
            return Err(Failure::NoSpace);
        }
        transaction.check(usize::MAX)?;
        let mut way = Vec::new();
        let shape = self.choose(transaction, 0, &mut way);
        for operation in &way {
            match operation {
                Operation::Put(put) => drop(self.clone().put(put)?),
                Operation::Range(query) => drop(self.range(query)?),
                _ => {}
            }
        }
        let before = self.revision;
        let results: Vec<_> = way
            .iter()
            .map(|operation| self.operate(operation, before))
            .collect();
        Ok(Outcome::Transaction(shape.filled(&mut results.into_iter())))
    }

    /// The operations on the way, in order, and where their results belong.
    fn choose(&self, transaction: &Transaction, number: usize, way: &mut Vec<Operation>) -> Shape {
        let choice = &transaction.choices[number];
        let succeeded = choice.comparisons.iter().all(|comparison| {
            let mut keys = self.live(&comparison.range, self.revision);
            if keys.is_empty() {
                if matches!(comparison.operand, Operand::Value(_)) {
                    return false;
                }
                keys.push(KeyValue {
                    key: Bytes::new(),
                    create_revision: Revision(0),
                    mod_revision: Revision(0),
                    version: 0,
                    value: Bytes::new(),
                    lease: LeaseId::NONE,
                });
            }
            keys.iter().all(|kv| {
                let order = match &comparison.operand {
                    Operand::Version(operand) => kv.version.cmp(operand),
                    Operand::Create(operand) => kv.create_revision.cmp(operand),
                    Operand::Mod(operand) => kv.mod_revision.cmp(operand),
                    Operand::Value(operand) => kv.value.cmp(operand),
                    Operand::Lease(operand) => kv.lease.cmp(operand),
                };
                match comparison.relation {
                    Relation::Equal => order.is_eq(),
                    Relation::Greater => order.is_gt(),
                    Relation::Less => order.is_lt(),
                    Relation::NotEqual => order.is_ne(),
                }
            })
        });
        let list = if succeeded {
            &choice.success
        } else {
            &choice.failure
        };
        let parts = list.iter().map(|operation| match operation {
            Operation::Choice(inner) => Some(self.choose(transaction, *inner as usize, way)),
            other => {
                way.push(other.clone());
                None
            }
        });
        let parts = parts.collect();
        Shape { succeeded, parts }
    }

    /// Carries out one operation of a transaction that began at this revision.
    fn operate(&mut self, operation: &Operation, before: u64) -> OperationResult {
        let now = self.revision;
        let result = match operation {
            Operation::Range(query) => {
                let found = self.range(query).expect("it was looked at");
                return OperationResult::Range(found);
            }
            Operation::Put(put) => {
                self.revision = before;
                let previous = self.put(put).expect("it was looked at");
                OperationResult::Put { previous }
            }
            Operation::DeleteRange { range, previous } => {
                let gone = self.live(range, now);
                self.revision = before;
                self.delete(&gone);
                OperationResult::Deleted {
                    count: gone.len() as u64,
                    previous: if *previous { gone } else { Vec::new() },
                }
            }
            Operation::Choice(_) => panic!("choices are not on the way"),
        };
        self.revision = self.revision.max(now);
        result
    }

    fn hanging_on(&self, lease: LeaseId) -> Vec<KeyValue> {
        let all = KeyRange {
            start: Bytes::new(),
            end: RangeEnd::Unbounded,
        };
        let mut keys = self.live(&all, self.revision);
        keys.retain(|kv| kv.lease == lease);
        keys
    }

    fn end(&mut self, lease: LeaseId) {
        if self.leases.remove(&lease).is_some() {
            self.delete(&self.hanging_on(lease));
        }
    }

    fn range(&self, query: &RangeQuery) -> Result<Found, Failure> {
        let revision = query.revision.map_or(self.revision, |revision| revision.0);
        if revision > self.revision {
            return Err(Failure::FutureRevision);
        }
        if revision < self.compacted {
            return Err(Failure::Compacted(Revision(self.compacted)));
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

    fn lease(&self, id: LeaseId) -> Option<LeaseView> {
        let keys = self.hanging_on(id).into_iter().map(|kv| kv.key).collect();
        let ttl = *self.leases.get(&id)?;
        Some(LeaseView { ttl, keys })
    }

    /// Whether a version is visible at some revision that can be read.
    fn versions_visible(&self) -> usize {
        let visible = |versions: &Vec<Version>| {
            let base = versions
                .iter()
                .rfind(|(since, _)| *since <= self.compacted)
                .filter(|(_, now)| now.is_some());
            let newer = versions.iter().filter(|(since, _)| *since > self.compacted);
            newer.count() + usize::from(base.is_some())
        };
        self.keys.values().map(visible).sum()
    }

    /// The events from the floor or later on: of the floor itself only what is left of it, and nothing before the floor.
    fn events_from(&self, from: u64) -> Vec<Event> {
        let events = self.events.iter().filter(|event| event.revision.0 >= from);
        let events = events.filter(|event| event.revision.0 > self.compacted || event.now.is_some());
        let cut = |event: &Event| Event {
            before: event.before.clone().filter(|_| event.revision.0 > self.compacted),
            ..event.clone()
        };
        events.map(cut).collect()
    }
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

fn lease() -> impl Strategy<Value = LeaseId> {
    prop_oneof![Just(LeaseId(-7)), Just(LeaseId(1)), Just(LeaseId(2))]
}

fn put() -> impl Strategy<Value = Command> {
    let lease = prop_oneof![3 => Just(LeaseId::NONE), 2 => lease()];
    let put = (
        key(),
        key(),
        lease,
        any::<bool>(),
        prop::bool::weighted(0.1),
        prop::bool::weighted(0.1),
    );
    put.prop_map(|(key, value, lease, previous, ignore_value, ignore_lease)| {
        Command::Put(Put {
            key,
            value,
            previous,
            ignore_value,
            ignore_lease,
            lease,
        })
    })
}

fn comparison() -> impl Strategy<Value = Comparison> {
    let small = || 0u64..4;
    let operand = prop_oneof![
        small().prop_map(Operand::Version),
        (0u64..40).prop_map(|revision| Operand::Create(Revision(revision))),
        (0u64..40).prop_map(|revision| Operand::Mod(Revision(revision))),
        key().prop_map(Operand::Value),
        (-7i64..3).prop_map(|id| Operand::Lease(LeaseId(id))),
    ];
    use Relation::{Equal, Greater, Less, NotEqual};
    let relation = prop::sample::select(vec![Equal, Greater, Less, NotEqual]);
    (key_range(), operand, relation).prop_map(|(range, operand, relation)| Comparison {
        range,
        operand,
        relation,
    })
}

fn operation() -> impl Strategy<Value = Operation> {
    let put = put().prop_map(|command| match command {
        Command::Put(put) => Operation::Put(put),
        other => panic!("{other:?}"),
    });
    let delete = (key_range(), any::<bool>());
    prop_oneof![
        4 => put,
        2 => delete.prop_map(|(range, previous)| Operation::DeleteRange { range, previous }),
        2 => range_query().prop_map(Operation::Range),
        1 => (0u32..4).prop_map(Operation::Choice),
    ]
}

fn transaction() -> impl Strategy<Value = Command> {
    let list = || prop::collection::vec(operation(), 0..4);
    let choice = (prop::collection::vec(comparison(), 0..3), list(), list());
    let choice = choice.prop_map(|(comparisons, success, failure)| Choice {
        comparisons,
        success,
        failure,
    });
    let choices = prop::collection::vec(choice, 1..4);
    (choices, prop::bool::weighted(0.9)).prop_map(|(mut choices, is_mended)| {
        if is_mended {
            mend(&mut choices);
        }
        Command::Transaction(Transaction { choices })
    })
}

/// Makes most transactions possible: no key is empty, and each choice is met at most once.
fn mend(choices: &mut [Choice]) {
    let mut next = 1;
    let number_of_choices = choices.len() as u32;
    let mend_range = |range: &mut KeyRange| {
        if range.start.is_empty() {
            range.start = Bytes::from_static(b"\0");
        }
    };
    for choice in choices {
        choice
            .comparisons
            .iter_mut()
            .for_each(|comparison| mend_range(&mut comparison.range));
        for list in [&mut choice.success, &mut choice.failure] {
            list.retain_mut(|operation| match operation {
                Operation::Range(query) => {
                    mend_range(&mut query.range);
                    query.revision = query.revision.filter(|revision| revision.0 % 8 == 0);
                    true
                }
                Operation::Put(put) => {
                    put.ignore_value &= put.previous;
                    put.ignore_lease &= put.previous;
                    !put.key.is_empty()
                }
                Operation::DeleteRange { range, .. } => {
                    mend_range(range);
                    true
                }
                Operation::Choice(inner) => {
                    *inner = next;
                    next += 1;
                    *inner < number_of_choices
                }
            });
        }
    }
}

#[test]
fn many_of_the_transactions_are_carried_out() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut possible = 0;
    for _ in 0..1000 {
        let command = transaction()
            .new_tree(&mut runner)
            .expect("a transaction")
            .current();
        let Command::Transaction(transaction) = command else {
            panic!("{command:?}")
        };
        let changes = !transaction.only_reads();
        possible += usize::from(transaction.check(usize::MAX).is_ok() && changes);
    }
    assert!(possible > 300, "only {possible} of 1000");
}

fn command() -> impl Strategy<Value = Command> {
    let delete = (key_range(), any::<bool>());
    let delete = delete.prop_map(|(range, previous)| Command::DeleteRange { range, previous });
    let compact = (0u64..80).prop_map(|revision| Command::Compact {
        revision: Revision(revision),
    });
    let grant = (lease(), 1u64..9).prop_map(|(id, ttl)| Command::LeaseGrant { id, ttl });
    let revoke = lease().prop_map(|id| Command::LeaseRevoke { id });
    let expire = prop::collection::vec(lease(), 0..4).prop_map(|ids| Command::LeaseExpire { ids });
    let alarm = prop::bool::weighted(0.2).prop_map(|raised| Command::Alarm {
        alarm: Alarm {
            member: NodeId(1),
            kind: AlarmKind::NoSpace,
        },
        raised,
    });
    prop_oneof![
        20 => put(),
        3 => delete,
        1 => compact,
        1 => Just(Command::Continue),
        3 => grant,
        1 => revoke,
        1 => expire,
        1 => alarm,
        8 => transaction(),
    ]
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

/// Carries out a command to its end. Until then a view shows what was there before.
fn apply(store: &mut Store, command: &Command) -> Result<Outcome, Failure> {
    let mut applied = store.apply(ClusterTime::default(), command.clone());
    let view = store.clone();
    let before = (applied == Applied::Working).then(|| (view.keyspace.recount(), view.revision()));
    loop {
        match applied {
            Applied::Done(result) => {
                if let Some(before) = before {
                    assert_eq!(
                        (view.keyspace.recount(), view.revision()),
                        before,
                        "a view changed"
                    );
                }
                return result;
            }
            Applied::Working => applied = store.work(),
        }
    }
}

fn check(store: &Store, model: &Model) {
    assert_eq!(store.keyspace.recount(), store.keyspace.totals());
    assert_eq!(store.revision().0, model.revision);
    assert_eq!(store.compacted().0, model.compacted);
    for id in [-7, 1, 2].map(LeaseId) {
        let found = store.query(&Query::Lease { id, keys: true });
        assert_eq!(found, Ok(Found::Lease(model.lease(id))));
    }
    let leases = model.leases.keys().copied().collect();
    assert_eq!(store.query(&Query::Leases), Ok(Found::Leases(leases)));
    let hanging = store.keyspace.leases.attached().count();
    assert_eq!(
        hanging,
        model
            .leases
            .keys()
            .map(|id| model.hanging_on(*id).len())
            .sum::<usize>()
    );
}

fn check_events(store: &Store, model: &Model) {
    for from in 0..=model.revision + 1 {
        let events = store.changes(Revision(from), 0);
        if from < model.compacted {
            assert_eq!(events.err(), Some(Failure::Compacted(Revision(model.compacted))));
            continue;
        }
        let events: Vec<Event> = events.expect("it is not compacted").collect();
        if from > model.compacted {
            assert_eq!(events, model.events_from(from), "from {from}");
            // From the middle of the revision on.
            for place in 0..4 {
                let of_revision = events.iter().filter(|event| event.revision.0 == from).count();
                let later = store
                    .changes(Revision(from), place as u64)
                    .expect("it is not compacted");
                assert_eq!(later.collect::<Vec<_>>(), events[place.min(of_revision)..]);
            }
        }
    }
}

proptest! {
    #[test]
    fn the_keyspace_is_the_model(
        commands in prop::collection::vec(command(), 1..120),
        queries in prop::collection::vec(range_query(), 1..20),
        rows_per_slice in 1usize..4,
    ) {
        let mut store = Store::born(1);
        let mut sliced = Store::born(1);
        sliced.rows_per_slice = Some(rows_per_slice);
        let mut model = Model::new();
        let mut views = Vec::new();
        for command in &commands {
            views.push((store.clone(), store.keyspace.totals()));
            let expected = model.apply(command);
            prop_assert_eq!(&apply(&mut store, command), &expected);
            prop_assert_eq!(&apply(&mut sliced, command), &expected);
            prop_assert_eq!(store.fingerprint(), sliced.fingerprint(), "slices leave no trace");
            check(&store, &model);
        }
        for query in &queries {
            prop_assert_eq!(store.query(&Query::Range(query.clone())), model.range(query));
        }
        check_events(&store, &model);
        while store.has_pending() {
            let _ = apply(&mut store, &Command::Continue);
        }
        check(&store, &model);
        check_events(&store, &model);
        for query in &queries {
            prop_assert_eq!(store.query(&Query::Range(query.clone())), model.range(query));
        }
        let rows = store.keyspace.keys.range(std::ops::Bound::Unbounded, std::ops::Bound::Unbounded);
        let kept: usize = rows.map(|row| row.versions().count()).sum();
        prop_assert_eq!(kept, model.versions_visible(), "what nobody can see is gone");
        if model.compacted <= model.revision {
            let left: Vec<Event> = store.changes(Revision(model.compacted), 0).expect("the floor").collect();
            prop_assert_eq!(left, model.events_from(model.compacted));
        }
        for (view, totals) in &views {
            prop_assert_eq!(view.keyspace.recount(), *totals, "a view changed");
        }
    }
}
