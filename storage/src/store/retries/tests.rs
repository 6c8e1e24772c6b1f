use super::*;
use crate::store::command::{
    Applied, Command, Compare, Once, TreeChange, TreeContent, TreeErrorCode, TreeWrite,
};
use crate::store::work::ROWS_PER_SLICE;

const SECOND: u64 = 1_000_000_000;

fn once(key: &str, path: &str, change: TreeChange) -> Command {
    Command::Once(Box::new(Once {
        key: Bytes::copy_from_slice(key.as_bytes()),
        write: Retriable::Tree {
            path: Bytes::copy_from_slice(path.as_bytes()),
            change,
        },
    }))
}

fn set(value: &str) -> TreeChange {
    TreeChange::Set(TreeContent::File(Bytes::copy_from_slice(value.as_bytes())).into())
}

fn apply(store: &mut Store, seconds: u64, command: Command) -> Result<Outcome, Failure> {
    let mut applied = store.apply(ClusterTime(seconds * SECOND), command);
    loop {
        match applied {
            Applied::Done(result) => return result,
            Applied::Working => applied = store.work(),
        }
    }
}

#[test]
fn what_is_asked_again_is_answered_again_and_not_done_again() {
    let mut store = Store::born(1);
    let in_order = TreeChange::CreateInOrder(TreeContent::File("job".into()).into());
    let first = apply(&mut store, 1, once("a", "/q", in_order.clone()));
    apply(&mut store, 2, once("b", "/q", in_order.clone())).unwrap();
    let (index, fingerprint) = (store.tree_index(), store.fingerprint());
    assert_eq!(apply(&mut store, 2, once("a", "/q", in_order)), first);
    assert_eq!((store.tree_index(), store.fingerprint()), (index, fingerprint));
}

#[test]
fn a_refusal_is_remembered_like_any_answer() {
    let mut store = Store::born(1);
    let compare = Compare {
        value: Some("1".into()),
        index: None,
    };
    let swap = TreeChange::CompareAndSwap(compare, TreeContent::File("2".into()).into());
    let refused = apply(&mut store, 1, once("a", "/f", swap.clone()));
    let Err(Failure::Tree(why)) = &refused else {
        panic!("{refused:?}");
    };
    assert_eq!(why.code, TreeErrorCode::KeyNotFound);
    apply(&mut store, 1, once("b", "/f", set("1"))).unwrap();
    assert_eq!(apply(&mut store, 1, once("a", "/f", swap)), refused);
}

#[test]
fn a_key_names_one_request_only() {
    let mut store = Store::born(1);
    apply(&mut store, 1, once("a", "/f", set("1"))).unwrap();
    let lasting = TreeWrite {
        ttl: Some(1),
        ..TreeContent::File("1".into()).into()
    };
    for other in [
        once("a", "/f", set("2")),
        once("a", "/g", set("1")),
        once("a", "/f", TreeChange::Set(lasting)),
    ] {
        let fingerprint = store.fingerprint();
        assert_eq!(apply(&mut store, 1, other), Err(Failure::OtherRequest));
        assert_eq!(store.fingerprint(), fingerprint);
    }
}

#[test]
fn a_deletion_in_slices_is_remembered_when_it_is_done() {
    let mut store = Store::born(1);
    for number in 0..2 * ROWS_PER_SLICE {
        apply(&mut store, 1, once("make", &format!("/d/{number}"), set(""))).ok();
        let path = Bytes::from(format!("/d/{number}"));
        let change = set("");
        apply(&mut store, 1, Command::Tree { path, change }).unwrap();
    }
    let delete = TreeChange::Delete {
        dir: false,
        recursive: true,
    };
    let first = store.apply(ClusterTime(SECOND), once("a", "/d", delete.clone()));
    assert_eq!(first, Applied::Working);
    let mut done = store.work();
    while done == Applied::Working {
        done = store.work();
    }
    let again = store.apply(ClusterTime(SECOND), once("a", "/d", delete));
    assert_eq!(again, done);
}

#[test]
fn what_is_old_is_forgotten() {
    let mut store = Store::born(1);
    let first = apply(&mut store, 1, once("a", "/f", set("1")));
    let last = 1 + RETRIES_SECONDS_MAX;
    apply(&mut store, last, once("b", "/g", set("1"))).unwrap();
    assert_eq!(apply(&mut store, last, once("a", "/f", set("1"))), first);
    apply(&mut store, last + 1, once("c", "/g", set("1"))).unwrap();
    let anew = apply(&mut store, last + 1, once("a", "/f", set("1")));
    assert!(anew.is_ok() && anew != first);
    assert_eq!(store.retries.rows.len(), 3);
}

#[test]
fn a_clock_that_jumps_makes_few_forgotten() {
    let mut store = Store::born(1);
    let name = |number: usize| once(&number.to_string(), &format!("/{number}"), set("1"));
    let first: Vec<_> = (0..20).map(|number| apply(&mut store, 1, name(number))).collect();
    let late = 10 * RETRIES_SECONDS_MAX;
    let kept = |store: &Store| {
        (0..20)
            .filter(|number: &usize| store.retries.has(&number.to_string().into()))
            .count()
    };
    apply(&mut store, late, once("a", "/f", set("1"))).unwrap();
    assert_eq!(kept(&store), 20 - OLD_AT_ONCE);
    assert_eq!(
        apply(&mut store, late, name(19)),
        first[19],
        "it is not done again"
    );
}

#[test]
fn so_many_are_remembered_and_no_more() {
    let mut store = Store::born(1);
    for number in 0..=RETRIES_MAX {
        apply(&mut store, 1, once(&number.to_string(), "/f", set(""))).unwrap();
    }
    assert_eq!(store.retries.rows.len(), RETRIES_MAX);
    assert!(!store.retries.has(&"0".into()) && store.retries.has(&"1".into()));
    let value = "v".repeat(usize::try_from(RETRIES_BYTES_MAX).unwrap() / 4);
    for number in 0..8 {
        apply(&mut store, 1, once(&format!("large {number}"), "/g", set(&value))).unwrap();
    }
    assert!(store.retries.totals.bytes <= RETRIES_BYTES_MAX);
    assert!(store.retries.has(&"large 7".into()) && !store.retries.has(&"large 0".into()));
}
