//! The rules of the v3 keyspace, one by one.

mod model;

use bytes::Bytes;

use super::Keyspace;
use crate::store::command::{Failure, Put};
use crate::store::query::{
    Between, Found, KeyRange, KeyValue, LeaseId, RangeEnd, RangeQuery, Revision, Sort, SortTarget,
};
use crate::store::transaction::{Choice, Comparison, Operand, Operation, Relation, Transaction};

fn put(key: &str, value: &str) -> Put {
    Put {
        key: Bytes::copy_from_slice(key.as_bytes()),
        value: Bytes::copy_from_slice(value.as_bytes()),
        previous: false,
        ignore_value: false,
        ignore_lease: false,
        lease: LeaseId::NONE,
    }
}

fn range(start: &str, end: RangeEnd) -> KeyRange {
    KeyRange {
        start: Bytes::copy_from_slice(start.as_bytes()),
        end,
    }
}

fn single(key: &str) -> KeyRange {
    KeyRange::single(Bytes::copy_from_slice(key.as_bytes()))
}

fn before(start: &str, end: &str) -> KeyRange {
    range(start, RangeEnd::Before(Bytes::copy_from_slice(end.as_bytes())))
}

/// The keyspace after putting each of these, so that the n-th put has revision n + 1.
fn keyspace(puts: &[(&str, &str)]) -> Keyspace {
    let mut keyspace = Keyspace::new();
    for (key, value) in puts {
        keyspace.put(put(key, value)).unwrap();
    }
    keyspace
}

fn found(keyspace: &Keyspace, query: &RangeQuery) -> (Vec<KeyValue>, bool, u64) {
    match keyspace.range(query) {
        Ok(Found::Range { keys, more, count }) => (keys, more, count),
        other => panic!("a range is answered by {other:?}"),
    }
}

fn names(keyspace: &Keyspace, query: &RangeQuery) -> String {
    let (keys, _, _) = found(keyspace, query);
    let keys: Vec<_> = keys
        .iter()
        .map(|kv| String::from_utf8_lossy(&kv.key).into_owned())
        .collect();
    keys.join(" ")
}

fn only(keyspace: &Keyspace, key: &str) -> KeyValue {
    let (mut keys, _, _) = found(keyspace, &RangeQuery::of(single(key)));
    assert_eq!(keys.len(), 1);
    keys.remove(0)
}

fn numbers(kv: &KeyValue) -> (u64, u64, u64) {
    (kv.create_revision.0, kv.mod_revision.0, kv.version)
}

#[test]
fn revision_starts_at_1_and_every_put_adds_one() {
    let mut keyspace = Keyspace::new();
    assert_eq!(keyspace.revision(), Revision(1));
    for expected in 2..5 {
        keyspace.put(put("same", "same")).unwrap();
        assert_eq!(keyspace.revision(), Revision(expected));
    }
}

#[test]
fn a_put_keeps_create_revision_and_counts_versions() {
    let keyspace = keyspace(&[("a", "1"), ("a", "2"), ("a", "2")]);
    assert_eq!(numbers(&only(&keyspace, "a")), (2, 4, 3));
}

#[test]
fn a_key_that_is_put_again_after_its_deletion_is_a_new_one() {
    let mut keyspace = keyspace(&[("a", "1"), ("a", "2")]);
    keyspace.delete_range(&single("a"), false);
    keyspace.put(put("a", "3")).unwrap();
    assert_eq!(numbers(&only(&keyspace, "a")), (5, 5, 1));
}

#[test]
fn previous_is_what_stood_there_and_only_if_asked_for() {
    let mut keyspace = keyspace(&[("a", "1")]);
    assert_eq!(keyspace.put(put("a", "2")), Ok(None));
    let asking = |key| Put {
        previous: true,
        ..put(key, "3")
    };
    let previous = keyspace.put(asking("a")).unwrap().unwrap();
    assert_eq!((&previous.value[..], numbers(&previous)), (&b"2"[..], (2, 3, 2)));
    assert_eq!(keyspace.put(asking("b")), Ok(None));
    keyspace.delete_range(&single("a"), false);
    assert_eq!(
        keyspace.put(asking("a")),
        Ok(None),
        "a deleted key has no previous"
    );
}

#[test]
fn ignore_value_keeps_the_value() {
    let mut keyspace = keyspace(&[("a", "1")]);
    let keeping = Put {
        ignore_value: true,
        ..put("a", "")
    };
    keyspace.put(keeping).unwrap();
    let kv = only(&keyspace, "a");
    assert_eq!((&kv.value[..], numbers(&kv)), (&b"1"[..], (2, 3, 2)));
}

#[test]
fn ignore_value_and_ignore_lease_need_the_key() {
    let mut keyspace = keyspace(&[("gone", "1")]);
    keyspace.delete_range(&single("gone"), false);
    let revision = keyspace.revision();
    for key in ["gone", "never"] {
        for ignore_value in [false, true] {
            let put = Put {
                ignore_value,
                ignore_lease: !ignore_value,
                ..put(key, "")
            };
            assert_eq!(keyspace.put(put), Err(Failure::KeyNotFound));
        }
    }
    assert_eq!(keyspace.revision(), revision);
}

#[test]
fn an_empty_key_cannot_be_put_and_is_never_found() {
    let mut keyspace = Keyspace::new();
    assert_eq!(keyspace.put(put("", "1")), Err(Failure::KeyNotFound));
    assert_eq!(keyspace.delete_range(&single(""), true), (0, Vec::new()));
    assert_eq!(
        found(&keyspace, &RangeQuery::of(single(""))),
        (Vec::new(), false, 0)
    );
    assert_eq!(keyspace.revision(), Revision(1));
}

#[test]
fn a_range_deletes_all_its_keys_in_one_revision() {
    let mut keyspace = keyspace(&[("a", "1"), ("b", "2"), ("c", "3"), ("d", "4")]);
    let (count, previous) = keyspace.delete_range(&before("b", "d"), true);
    assert_eq!((count, keyspace.revision()), (2, Revision(6)));
    let previous: Vec<_> = previous.iter().map(|kv| (&kv.key[..], numbers(kv))).collect();
    assert_eq!(previous, [(&b"b"[..], (3, 3, 1)), (&b"c"[..], (4, 4, 1))]);
    assert_eq!(names(&keyspace, &RangeQuery::of(KeyRange::all())), "a d");
}

#[test]
fn deleting_nothing_takes_no_revision() {
    let mut keyspace = keyspace(&[("a", "1")]);
    assert_eq!(keyspace.delete_range(&single("b"), true), (0, Vec::new()));
    assert_eq!(keyspace.delete_range(&single("a"), false), (1, Vec::new()));
    assert_eq!(keyspace.delete_range(&single("a"), true), (0, Vec::new()));
    assert_eq!(keyspace.revision(), Revision(3));
}

#[test]
fn a_range_is_half_open_and_ends_where_it_says() {
    let keyspace = keyspace(&[("a", ""), ("b", ""), ("ba", ""), ("c", "")]);
    assert_eq!(names(&keyspace, &RangeQuery::of(single("b"))), "b");
    assert_eq!(names(&keyspace, &RangeQuery::of(before("b", "c"))), "b ba");
    assert_eq!(
        names(&keyspace, &RangeQuery::of(range("b", RangeEnd::Unbounded))),
        "b ba c"
    );
    assert_eq!(names(&keyspace, &RangeQuery::of(KeyRange::all())), "a b ba c");
}

#[test]
fn a_range_that_ends_at_or_before_its_start_is_empty() {
    let keyspace = keyspace(&[("a", ""), ("b", "")]);
    for end in ["b", "a", ""] {
        assert_eq!(
            found(&keyspace, &RangeQuery::of(before("b", end))),
            (Vec::new(), false, 0)
        );
    }
}

#[test]
fn a_range_at_a_revision_shows_what_was_there_then() {
    let mut keyspace = keyspace(&[("a", "1"), ("a", "2"), ("b", "3")]);
    keyspace.delete_range(&single("a"), false);
    let at = |revision| {
        let query = RangeQuery {
            revision: Some(Revision(revision)),
            ..RangeQuery::of(KeyRange::all())
        };
        let (keys, _, _) = found(&keyspace, &query);
        keys.iter()
            .map(|kv| String::from_utf8_lossy(&kv.value).into_owned())
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!([1, 2, 3, 4, 5].map(at), ["", "1", "2", "2 3", "3"]);
}

#[test]
fn a_future_revision_is_refused() {
    let keyspace = keyspace(&[("a", "1")]);
    let query = RangeQuery {
        revision: Some(Revision(3)),
        ..RangeQuery::of(KeyRange::all())
    };
    assert_eq!(keyspace.range(&query), Err(Failure::FutureRevision));
}

#[test]
fn a_revision_below_the_compacted_one_is_refused_and_that_one_is_not() {
    let mut keyspace = keyspace(&[("a", "1"), ("a", "2"), ("a", "3")]);
    keyspace.compacted = Revision(3);
    let at = |revision| RangeQuery {
        revision: Some(Revision(revision)),
        ..RangeQuery::of(KeyRange::all())
    };
    assert_eq!(keyspace.range(&at(2)), Err(Failure::Compacted(Revision(3))));
    assert_eq!(&found(&keyspace, &at(3)).0[0].value[..], b"2");
}

#[test]
fn limit_cuts_and_says_more_while_count_is_of_all() {
    let keyspace = keyspace(&[("a", ""), ("b", ""), ("c", "")]);
    for (limit, shown, expected_more) in [
        (1, "a", true),
        (2, "a b", true),
        (3, "a b c", false),
        (9, "a b c", false),
    ] {
        let query = RangeQuery {
            limit: Some(limit),
            ..RangeQuery::of(KeyRange::all())
        };
        let (_, more, count) = found(&keyspace, &query);
        assert_eq!(names(&keyspace, &query), shown);
        assert_eq!((more, count), (expected_more, 3));
    }
}

#[test]
fn limit_comes_after_filters_and_count_ignores_them() {
    let keyspace = keyspace(&[("a", ""), ("b", ""), ("c", ""), ("d", "")]);
    let query = RangeQuery {
        limit: Some(1),
        mod_revision: Between {
            min: Some(Revision(3)),
            max: Some(Revision(4)),
        },
        ..RangeQuery::of(KeyRange::all())
    };
    let (_, more, count) = found(&keyspace, &query);
    assert_eq!((names(&keyspace, &query).as_str(), more, count), ("b", true, 4));
}

#[test]
fn filters_include_their_bounds() {
    let keyspace = keyspace(&[("a", ""), ("b", ""), ("c", ""), ("a", "")]);
    let between = |min: Option<u64>, max: Option<u64>| Between {
        min: min.map(Revision),
        max: max.map(Revision),
    };
    let by_mod = |bounds| {
        names(
            &keyspace,
            &RangeQuery {
                mod_revision: bounds,
                ..RangeQuery::of(KeyRange::all())
            },
        )
    };
    assert_eq!(by_mod(between(Some(4), None)), "a c");
    assert_eq!(by_mod(between(None, Some(4))), "b c");
    assert_eq!(by_mod(between(Some(4), Some(4))), "c");
    let by_create = |bounds| {
        names(
            &keyspace,
            &RangeQuery {
                create_revision: bounds,
                ..RangeQuery::of(KeyRange::all())
            },
        )
    };
    assert_eq!(by_create(between(Some(3), None)), "b c");
    assert_eq!(by_create(between(None, Some(2))), "a");
}

#[test]
fn sort_is_by_target_and_ties_are_by_key() {
    let keyspace = keyspace(&[
        ("c", "x"),
        ("a", "y"),
        ("b", "x"),
        ("a", "y"),
        ("c", "x"),
        ("c", "x"),
    ]);
    let sorted = |target, descending| {
        let sort = Some(Sort { target, descending });
        names(
            &keyspace,
            &RangeQuery {
                sort,
                ..RangeQuery::of(KeyRange::all())
            },
        )
    };
    assert_eq!(sorted(SortTarget::Key, false), "a b c");
    assert_eq!(sorted(SortTarget::Key, true), "c b a");
    assert_eq!(sorted(SortTarget::Version, false), "b a c");
    assert_eq!(sorted(SortTarget::Version, true), "c a b");
    assert_eq!(sorted(SortTarget::Create, false), "c a b");
    assert_eq!(sorted(SortTarget::Create, true), "b a c");
    assert_eq!(sorted(SortTarget::Mod, false), "b a c");
    assert_eq!(sorted(SortTarget::Mod, true), "c a b");
    assert_eq!(sorted(SortTarget::Value, false), "b c a");
    assert_eq!(sorted(SortTarget::Value, true), "a b c");
}

#[test]
fn limit_comes_after_sort() {
    let keyspace = keyspace(&[("a", "3"), ("b", "1"), ("c", "2")]);
    let query = RangeQuery {
        limit: Some(2),
        sort: Some(Sort {
            target: SortTarget::Value,
            descending: false,
        }),
        ..RangeQuery::of(KeyRange::all())
    };
    let (_, more, count) = found(&keyspace, &query);
    assert_eq!((names(&keyspace, &query).as_str(), more, count), ("b c", true, 3));
}

#[test]
fn keys_only_leaves_out_values_and_nothing_else() {
    let keyspace = keyspace(&[("a", "1")]);
    let query = RangeQuery {
        keys_only: true,
        ..RangeQuery::of(KeyRange::all())
    };
    let expected = KeyValue {
        value: Bytes::new(),
        ..only(&keyspace, "a")
    };
    assert_eq!(found(&keyspace, &query), (vec![expected], false, 1));
}

#[test]
fn count_only_shows_no_keys() {
    let keyspace = keyspace(&[("a", "1"), ("b", "1")]);
    let query = RangeQuery {
        count_only: true,
        limit: Some(1),
        ..RangeQuery::of(KeyRange::all())
    };
    assert_eq!(found(&keyspace, &query), (Vec::new(), false, 2));
}

#[test]
fn a_transaction_looks_at_so_many_keys_and_no_more() {
    let mut keyspace = Keyspace::new();
    for number in 0..70_000 {
        keyspace.put(put(&format!("{number:05}"), "")).unwrap();
    }
    let all_are_there = || Comparison {
        range: KeyRange::all(),
        operand: Operand::Version(1),
        relation: Relation::Equal,
    };
    let read_all = || Operation::Range(RangeQuery::of(KeyRange::all()));
    let look = |comparisons: usize, ranges: usize| {
        let choice = Choice {
            comparisons: (0..comparisons).map(|_| all_are_there()).collect(),
            success: (0..ranges).map(|_| read_all()).collect(),
            failure: vec![],
        };
        let choices = vec![choice];
        keyspace
            .look(Transaction { choices })
            .map(|chosen| chosen.results.len())
    };
    assert_eq!(look(1, 2), Ok(2));
    for (comparisons, ranges) in [(4, 0), (0, 4), (2, 2)] {
        assert_eq!(look(comparisons, ranges), Err(Failure::TooManyOperations));
    }
}
