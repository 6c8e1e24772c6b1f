//! What takes many nodes away goes in slices, and clients see all of it at once.

use super::*;
use crate::store::Store;
use crate::store::command::{Applied, Command, Failure, Outcome};

fn tree(path: &str, change: TreeChange) -> Command {
    Command::Tree {
        path: bytes(path),
        change,
    }
}

/// A directory with a second to live, full of files that have less.
fn full(files: usize) -> Store {
    let mut store = Store::born(1);
    let lasting = |write: TreeWrite, ttl| TreeWrite {
        ttl: Some(ttl),
        ..write
    };
    let mut commands = vec![tree("/d", TreeChange::Create(lasting(DIRECTORY, 1)))];
    commands.extend((0..files).map(|number| {
        let path = format!("/d/{}/{number}", number % 7);
        tree(&path, TreeChange::Set(lasting(file("v"), 2)))
    }));
    for command in commands {
        assert!(matches!(store.apply(NOW, command), Applied::Done(Ok(_))));
    }
    store
}

/// Carries a command out; returns how it ended and how many slices it took.
fn carry_out(store: &mut Store, command: Command, seconds: u64) -> (Result<Outcome, Failure>, usize) {
    let before = (store.tree_index(), store.size());
    let mut applied = store.apply(ClusterTime(NOW.0 + seconds * 1_000_000_000), command);
    let view = store.clone();
    let mut slices = 1;
    loop {
        match applied {
            Applied::Done(result) => return (result, slices),
            Applied::Working => {
                assert_eq!((view.tree_index(), view.size()), before, "nothing is seen of it");
                applied = store.work();
                slices += 1;
            }
        }
    }
}

#[test]
fn a_directory_of_many_files_goes_in_slices_by_one_event() {
    for (command, seconds) in [(tree("/d", DELETE_ALL), 0), (Command::Expire, 1)] {
        let mut small_slices = full(3000);
        small_slices.rows_per_slice = Some(7);
        let mut store = full(3000);
        let (index, command_again) = (store.tree_index(), command.clone());
        let (_, slices) = carry_out(&mut store, command, seconds);
        assert!((5..20).contains(&slices), "{slices} slices");
        assert_eq!(store.tree_index(), index + 1);
        let event = store.tree_event(index + 1, b"/d/3/3", false).unwrap().unwrap();
        assert_eq!((event.node.key.as_ref(), event.node.dir), (&b"/d"[..], true));
        assert_eq!(listing(&store.tree, "/", true), "//");
        assert_eq!(store.tree_expiration(), None);
        let (_, slices) = carry_out(&mut small_slices, command_again, seconds);
        assert!(slices > 400);
        assert_eq!(
            (store.fingerprint(), store.size()),
            (small_slices.fingerprint(), small_slices.size())
        );
    }
}

#[test]
fn a_deletion_that_fails_is_not_begun() {
    let mut store = full(1000);
    let before = store.tree_index();
    for change in [DELETE, DELETE_DIR] {
        let (result, slices) = carry_out(&mut store, tree("/d", change), 0);
        assert!(matches!(result, Err(Failure::Tree(_))));
        assert_eq!((slices, store.tree_index()), (1, before));
    }
    let (result, slices) = carry_out(&mut store, Command::Expire, 0);
    assert_eq!((result, slices), (Ok(Outcome::Expired), 1), "nothing is over yet");
    assert_eq!(store.tree_index(), before);
}
