//! The v2 tree with very many nodes: how long a call takes that writes one, keeps it alive, or ends it, and one that takes
//! all of them away.

use bytes::Bytes;
use storage::store::Store;
use storage::store::command::{ClusterTime, Command, TreeChange, TreeContent, TreeWrite};

use super::pauses::{Calls, print_memory, resident};
use super::shuffle;

/// Files in one directory.
const FILES: u64 = 1000;
const SECOND: u64 = 1_000_000_000;

pub(super) fn measure(nodes: usize) {
    let before = resident();
    let mut order: Vec<u64> = (0..nodes as u64).collect();
    shuffle(&mut order, 3);
    let mut store = Store::born(1);
    let mut sets = Calls::of("v2 set with a time to live");
    for number in &order {
        let change = TreeChange::Set(lasting(vec![*number as u8; 256].into(), 60, false));
        sets.apply_at(ClusterTime(*number), &mut store, at(*number, change));
    }
    sets.print();
    print_memory("a file with a value of 256 bytes", before, &store, nodes);
    let mut refreshes = Calls::of("v2 refresh");
    for number in &order {
        let change = TreeChange::Update(lasting(Bytes::new(), 90, true));
        refreshes.apply_at(ClusterTime(10 * SECOND), &mut store, at(*number, change));
    }
    refreshes.print();
    let full = store.clone();
    let mut expiry = Calls::of("v2 expiry");
    while store.tree_expiration().is_some() {
        expiry.apply_at(ClusterTime(200 * SECOND), &mut store, Command::Expire);
    }
    let a_second = nodes as f64 / expiry.total().as_secs_f64();
    expiry.print();
    println!("{:40} {a_second:>9.0} a second", "");
    let delete = TreeChange::Delete {
        dir: true,
        recursive: true,
    };
    let mut store = full;
    let mut deletion = Calls::of("v2 delete of a directory of all of them");
    let path = Bytes::from_static(b"/services");
    deletion.apply_at(
        ClusterTime::default(),
        &mut store,
        Command::Tree { path, change: delete },
    );
    deletion.print();
    print_memory("nothing, as the allocator gives it back", before, &store, nodes);
}

fn at(number: u64, change: TreeChange) -> Command {
    let path = format!("/services/{:06}/instances/{:03}", number / FILES, number % FILES);
    Command::Tree {
        path: path.into(),
        change,
    }
}

fn lasting(value: Bytes, ttl: u64, refresh: bool) -> TreeWrite {
    TreeWrite {
        content: TreeContent::File(value),
        ttl: Some(ttl),
        refresh,
    }
}
