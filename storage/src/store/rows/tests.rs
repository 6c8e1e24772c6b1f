use proptest::prelude::*;

use super::*;
use crate::store::Store;
use crate::store::query::LeaseId;
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

#[test]
fn what_no_state_has_is_refused() {
    let head = Row::Keyspace(KeyspaceRow {
        revision: 10.into_revision(),
        compacted: 0.into_revision(),
        settled: 0,
        first_place: 0,
        leases_chosen: 0,
    });
    let key = |key: &'static str, revisions: &[u64]| {
        let versions = revisions.iter().map(|&revision| Version {
            modified: revision.into_revision(),
            life: None,
        });
        Row::Key(KeyRow {
            key: key.into(),
            versions: versions.collect(),
        })
    };
    let tree = Row::Tree(TreeRow { index: 5 });
    let node = |path: &'static str, created, modified| {
        Row::Node(NodeRow {
            path: path.into(),
            content: crate::store::command::TreeContent::File("v".into()),
            created,
            modified,
        })
    };
    let refused = |rows: &[Row]| {
        let mut loading = Loading::default();
        rows.iter()
            .try_for_each(|row| loading.take(row.clone()))
            .unwrap_err()
    };
    use RowFault::{Impossible, Missing, Order};
    assert_eq!(refused(&[key("a", &[2])]), Missing);
    assert_eq!(refused(&[head.clone(), head.clone()]), Order);
    assert!(matches!(refused(&[head.clone(), key("", &[2])]), Impossible(_)));
    assert!(matches!(refused(&[head.clone(), key("a", &[])]), Impossible(_)));
    assert!(matches!(refused(&[head.clone(), key("a", &[11])]), Impossible(_)));
    assert_eq!(refused(&[head.clone(), key("a", &[3, 3])]), Order);
    assert_eq!(refused(&[head.clone(), key("a", &[3]), key("a", &[2])]), Order);
    assert_eq!(refused(&[head.clone(), key("b", &[3]), key("a", &[4])]), Order);
    let change = |key: &'static str, revision: u64| {
        Row::Change(ChangeRow {
            revision: revision.into_revision(),
            key: key.into(),
        })
    };
    let lease = |id: i64, ttl, remaining| {
        Row::Lease(LeaseRow {
            id: LeaseId(id),
            lease: crate::store::Lease { ttl, remaining },
        })
    };
    assert!(matches!(refused(&[head.clone(), change("a", 3)]), Impossible(_)));
    assert!(matches!(
        refused(&[head.clone(), key("a", &[3]), change("a", 2)]),
        Impossible(_)
    ));
    assert!(matches!(
        refused(&[head.clone(), key("a", &[3, 5]), change("a", 4)]),
        Impossible(_)
    ));
    let twice = [head.clone(), key("a", &[3, 5]), change("a", 5), change("a", 3)];
    assert_eq!(refused(&twice), Order);
    assert!(matches!(
        refused(&[head.clone(), lease(0, 9, None)]),
        Impossible(_)
    ));
    assert!(matches!(
        refused(&[head.clone(), lease(1, u64::MAX, None)]),
        Impossible(_)
    ));
    assert!(matches!(
        refused(&[head.clone(), lease(1, 9, Some(10))]),
        Impossible(_)
    ));
    assert_eq!(
        refused(&[head.clone(), lease(1, 9, None), lease(1, 9, None)]),
        Order
    );
    assert_eq!(refused(&[head.clone(), Row::Time(ClusterTime(1))]), Order);
    assert_eq!(refused(&[head, tree.clone(), key("a", &[3])]), Order);
    assert!(matches!(refused(&[tree.clone(), node("a", 1, 1)]), Impossible(_)));
    assert!(matches!(refused(&[tree.clone(), node("/", 1, 1)]), Impossible(_)));
    assert!(matches!(
        refused(&[tree.clone(), node("/a/b", 1, 1)]),
        Impossible(_)
    ));
    assert!(matches!(
        refused(&[tree.clone(), node("/a", 1, 1), node("/a/b", 1, 1)]),
        Impossible(_)
    ));
    assert!(matches!(
        refused(&[tree.clone(), node("/a", 2, 1)]),
        Impossible(_)
    ));
    assert!(matches!(
        refused(&[tree.clone(), node("/a", 2, 6)]),
        Impossible(_)
    ));
    assert_eq!(refused(&[tree, node("/b", 1, 1), node("/a", 1, 1)]), Order);
    assert!(matches!(Loading::default().finish(0), Err(Missing)));
}

trait IntoRevision {
    fn into_revision(self) -> crate::store::query::Revision;
}

impl IntoRevision for u64 {
    fn into_revision(self) -> crate::store::query::Revision {
        crate::store::query::Revision(self)
    }
}
