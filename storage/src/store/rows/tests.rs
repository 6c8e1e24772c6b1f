use proptest::prelude::*;

use super::*;
use crate::store::Lease;
use crate::store::Store;
use crate::store::command::TreeContent;
use crate::store::query::{LeaseId, Revision};
use crate::store::tests::{apply, command};

fn all(store: &Store, bytes_max: usize) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut cursor = Some(Cursor::default());
    while let Some(at) = cursor {
        let (more, next) = store.rows(&at, bytes_max);
        assert!(!more.is_empty() || next.is_none(), "an end comes");
        rows.extend(more);
        cursor = next;
    }
    rows
}

fn load(rows: &[Row], fingerprint: u64) -> Result<Store, RowFault> {
    let mut loading = Loading::default();
    for row in rows {
        loading.take(row.clone())?;
    }
    loading.finish(fingerprint)
}

fn some_store() -> impl Strategy<Value = Store> {
    prop::collection::vec(command(), 0..120).prop_map(|commands| {
        let mut store = Store::born(2);
        for command in commands {
            let _ = apply(&mut store, command);
        }
        store
    })
}

proptest! {
    #[test]
    fn rows_make_the_state_they_came_from(store in some_store(), bytes_max in 0usize..2000) {
        let rows = all(&store, bytes_max);
        prop_assert_eq!(&rows, &all(&store, usize::MAX), "whatever is asked for at a time");
        let loaded = load(&rows, store.fingerprint()).unwrap();
        prop_assert_eq!((loaded.fingerprint(), loaded.size()), (store.fingerprint(), store.size()));
        prop_assert_eq!(loaded.members(), store.members());
        prop_assert_eq!(all(&loaded, 500), rows);
    }

    #[test]
    fn what_was_loaded_goes_on_as_what_was_not(store in some_store(), further in prop::collection::vec(command(), 1..60)) {
        let mut store = store;
        let mut loaded = load(&all(&store, usize::MAX), store.fingerprint()).unwrap();
        for command in further {
            prop_assert_eq!(apply(&mut loaded, command.clone()), apply(&mut store, command));
            prop_assert_eq!((loaded.fingerprint(), loaded.size()), (store.fingerprint(), store.size()));
            prop_assert_eq!(loaded.has_pending(), store.has_pending());
        }
        prop_assert_eq!(all(&loaded, 300), all(&store, 3000));
    }

    #[test]
    fn a_row_lost_doubled_or_moved_is_found(store in some_store(), at in any::<prop::sample::Index>(), to in any::<prop::sample::Index>()) {
        let rows = all(&store, usize::MAX);
        let (at, to) = (at.index(rows.len()), to.index(rows.len()));
        let changed = |change: &dyn Fn(&mut Vec<Row>)| {
            let mut changed = rows.clone();
            change(&mut changed);
            load(&changed, store.fingerprint()).err()
        };
        let lost = changed(&|rows| drop(rows.remove(at)));
        prop_assert!(lost.is_some());
        prop_assert!(changed(&|rows| rows.insert(at, rows[at].clone())).is_some());
        prop_assert_eq!(changed(&|rows| rows.swap(at, to)).is_some(), at != to);
    }

    #[test]
    fn a_row_changed_anywhere_is_found(store in some_store(), at in any::<prop::sample::Index>(), byte in any::<prop::sample::Index>(), bit in 0u8..8) {
        let mut rows = all(&store, usize::MAX);
        let at = at.index(rows.len());
        let mut bytes = postcard::to_stdvec(&rows[at]).unwrap();
        let byte = byte.index(bytes.len());
        bytes[byte] ^= 1 << bit;
        if let Ok(row) = postcard::from_bytes::<Row>(&bytes) {
            // A varint can be spelt in more than one way; the checksums of chunks see that.
            let same = row == rows[at];
            rows[at] = row;
            prop_assert_eq!(load(&rows, store.fingerprint()).is_ok(), same);
        }
    }
}

#[test]
fn a_long_history_goes_on_in_further_rows() {
    use crate::store::command::{Command, Put};
    let mut store = Store::born(1);
    for number in 0..100u8 {
        let put = Put {
            key: "key".into(),
            value: vec![number; 1000].into(),
            previous: false,
            ignore_value: false,
            ignore_lease: false,
            lease: LeaseId::NONE,
        };
        apply(&mut store, Command::Put(put)).unwrap();
    }
    let rows = all(&store, 1);
    let versions: Vec<usize> = rows
        .iter()
        .filter_map(|row| match row {
            Row::Key(row) => Some(row.versions.len()),
            _ => None,
        })
        .collect();
    assert_eq!(versions, [33, 33, 33, 1], "until there are 32 KiB");
    assert_eq!(all(&store, 40_000), rows);
    assert_eq!(load(&rows, store.fingerprint()).unwrap().size(), store.size());
}

fn head() -> Row {
    Row::Keyspace(KeyspaceRow {
        revision: Revision(10),
        compacted: Revision(0),
        settled: 0,
        first_place: 0,
        leases_chosen: 0,
    })
}

fn key(key: &'static str, revisions: &[u64]) -> Row {
    let versions = revisions.iter().map(|&revision| Version {
        modified: Revision(revision),
        life: None,
    });
    Row::Key(KeyRow {
        key: key.into(),
        versions: versions.collect(),
    })
}

fn change(key: &'static str, revision: u64) -> Row {
    Row::Change(ChangeRow {
        revision: Revision(revision),
        key: key.into(),
    })
}

fn lease(id: i64, ttl: u64, remaining: Option<u64>) -> Row {
    Row::Lease(LeaseRow {
        id: LeaseId(id),
        lease: Lease { ttl, remaining },
    })
}

fn node(path: &'static str, created: u64, modified: u64) -> Row {
    Row::Node(NodeRow {
        path: path.into(),
        content: TreeContent::File("v".into()),
        created,
        modified,
        expiration: None,
    })
}

fn refused(rows: &[Row]) -> RowFault {
    let mut loading = Loading::default();
    let taken = rows.iter().try_for_each(|row| loading.take(row.clone()));
    taken.expect_err("no state has these rows")
}

/// Each of these lists ends in a row that no state has after the others.
fn impossible(lists: &[&[Row]]) {
    for rows in lists {
        let fault = refused(rows);
        assert!(matches!(fault, RowFault::Impossible(_)), "{fault:?}: {rows:?}");
    }
}

#[test]
fn keys_changes_and_leases_that_no_state_has_are_refused() {
    impossible(&[
        &[head(), key("", &[2])],
        &[head(), key("a", &[])],
        &[head(), key("a", &[11])],
        &[head(), change("a", 3)],
        &[head(), key("a", &[3]), change("a", 2)],
        &[head(), key("a", &[3, 5]), change("a", 4)],
        &[head(), lease(0, 9, None)],
        &[head(), lease(1, u64::MAX, None)],
        &[head(), lease(1, 9, Some(10))],
    ]);
}

#[test]
fn nodes_that_no_state_has_are_refused() {
    let tree = || Row::Tree(TreeRow { index: 5, cleared: 0 });
    impossible(&[
        &[tree(), node("a", 1, 1)],
        &[tree(), node("/", 1, 1)],
        &[tree(), node("/a/b", 1, 1)],
        &[tree(), node("/a", 1, 1), node("/a/b", 1, 1)],
        &[tree(), node("/a", 2, 1)],
        &[tree(), node("/a", 2, 6)],
    ]);
}

#[test]
fn rows_out_of_order_are_refused() {
    let tree = || Row::Tree(TreeRow { index: 5, cleared: 0 });
    let lists: &[&[Row]] = &[
        &[head(), head()],
        &[head(), key("a", &[3, 3])],
        &[head(), key("a", &[3]), key("a", &[2])],
        &[head(), key("b", &[3]), key("a", &[4])],
        &[head(), key("a", &[3, 5]), change("a", 5), change("a", 3)],
        &[head(), lease(1, 9, None), lease(1, 9, None)],
        &[head(), Row::Time(ClusterTime(1))],
        &[head(), tree(), key("a", &[3])],
        &[tree(), node("/b", 1, 1), node("/a", 1, 1)],
    ];
    for rows in lists {
        assert_eq!(refused(rows), RowFault::Order, "{rows:?}");
    }
    assert_eq!(refused(&[key("a", &[2])]), RowFault::Missing);
    assert!(matches!(Loading::default().finish(0), Err(RowFault::Missing)));
}
