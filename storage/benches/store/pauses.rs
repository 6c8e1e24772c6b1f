//! How long one call takes where much is to be done, and what it all takes in memory.

use std::time::Duration;

use bytes::Bytes;
use cpu_time::ThreadTime;
use storage::store::Store;
use storage::store::command::{Applied, ClusterTime, Command, Outcome, Put};
use storage::store::query::{KeyRange, LeaseId};

use super::{key, put, shuffle};

/// Leases in one command of the leader's.
const LEASES_PER_COMMAND: usize = 150;

/// The durations of calls of one kind.
pub(super) struct Calls {
    name: &'static str,
    durations: Vec<Duration>,
}

impl Calls {
    pub(super) fn of(name: &'static str) -> Calls {
        Calls {
            name,
            durations: Vec::new(),
        }
    }

    /// Carries out a command, slice by slice; each is a call.
    fn apply(&mut self, store: &mut Store, command: Command) -> Outcome {
        self.apply_at(ClusterTime::default(), store, command)
    }

    /// The same at some time.
    pub(super) fn apply_at(&mut self, time: ClusterTime, store: &mut Store, command: Command) -> Outcome {
        let mut begun = ThreadTime::now();
        let mut applied = store.apply(time, command);
        // As a node does, which answers from it meanwhile.
        let view = matches!(applied, Applied::Working).then(|| store.clone());
        loop {
            self.durations.push(begun.elapsed());
            match applied {
                Applied::Done(outcome) => {
                    drop(view);
                    return outcome.expect("it succeeds");
                }
                Applied::Working => {
                    begun = ThreadTime::now();
                    applied = store.work();
                }
            }
        }
    }

    /// How long all took.
    pub(super) fn total(&self) -> Duration {
        self.durations.iter().sum()
    }

    pub(super) fn print(mut self) {
        self.durations.sort();
        let micros = |duration: &Duration| duration.as_secs_f64() * 1e6;
        let at = |share: f64| {
            let last = self.durations.len() - 1;
            micros(&self.durations[(last as f64 * share) as usize])
        };
        let total: Duration = self.durations.iter().sum();
        println!(
            "{:40} {:>9} calls {:>8.0} ms  median {:>6.1} us  99.9 % {:>7.1} us  longest {:>7.1} us",
            self.name,
            self.durations.len(),
            total.as_secs_f64() * 1e3,
            at(0.5),
            at(0.999),
            at(1.0),
        );
    }
}

/// Bytes of memory that the process has.
pub(super) fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm
        .split(' ')
        .nth(1)
        .and_then(|pages| pages.parse::<u64>().ok());
    pages.unwrap_or_default() * 4096
}

pub(super) fn print_memory(name: &str, before: u64, store: &Store, rows: usize) {
    let taken = resident().saturating_sub(before);
    println!(
        "{name:40} {:>6.0} bytes of memory each, {:>6.0} as the store says",
        taken as f64 / rows as f64,
        store.size() as f64 / rows as f64,
    );
}

pub(super) fn measure(keys: usize) {
    let before = resident();
    let mut store = Store::born(1);
    let mut order: Vec<u64> = (0..keys as u64).collect();
    shuffle(&mut order, 1);
    let mut puts = Calls::of("put, new keys");
    for number in &order {
        puts.apply(&mut store, Command::Put(put(*number)));
    }
    puts.print();
    print_memory("a key with a value of 256 bytes", before, &store, keys);
    let mut again = Calls::of("put, existing keys");
    for _ in 0..2 {
        shuffle(&mut order, 2);
        for number in &order {
            again.apply(&mut store, Command::Put(put(*number)));
        }
    }
    again.print();
    print_memory("the same with three versions", before, &store, keys);
    compaction(&mut store, &order, "with puts");
    print_memory("the same with one left", before, &store, keys);
    let mut delete = Calls::of("delete of all keys, a view beside");
    let command = Command::DeleteRange {
        range: KeyRange::all(),
        previous: false,
    };
    delete.apply(&mut store, command);
    delete.print();
    compaction(&mut store, &[], "after it");
    print_memory("nothing, as the allocator gives it back", before, &store, keys);
    drop(store);
    leases(keys);
}

/// Compacts at the present revision; puts meanwhile, and then lets it go on alone.
fn compaction(store: &mut Store, order: &[u64], when: &'static str) {
    let compact = Command::Compact {
        revision: store.revision(),
    };
    let mut compacting = Calls::of("compact");
    compacting.apply(store, compact);
    let mut puts = Calls::of("put while compaction goes on");
    for number in order.iter().take(order.len() / 4) {
        puts.apply(store, Command::Put(put(*number)));
    }
    if !puts.durations.is_empty() {
        puts.print();
    }
    println!("compaction, {when}:");
    while store.has_pending() {
        compacting.apply(store, Command::Continue);
    }
    compacting.print();
}

fn leases(leases: usize) {
    let before = resident();
    let mut store = Store::born(1);
    let mut grants = Calls::of("grant of a lease");
    let mut puts = Calls::of("put of a key on it");
    let mut ids = Vec::with_capacity(leases);
    for number in 0..leases as u64 {
        let grant = Command::LeaseGrant {
            id: LeaseId::NONE,
            ttl: 60,
        };
        let Outcome::LeaseGranted { id, .. } = grants.apply(&mut store, grant) else {
            panic!("it is granted")
        };
        ids.push(id);
        let put = Put {
            key: key(number),
            value: Bytes::new(),
            lease: id,
            ..put(number)
        };
        puts.apply(&mut store, Command::Put(put));
    }
    grants.print();
    puts.print();
    print_memory("a lease with an empty key on it", before, &store, leases);
    let mut expiry = Calls::of("expiry of 150 leases with a key each");
    for ids in ids.chunks(LEASES_PER_COMMAND) {
        expiry.apply(&mut store, Command::LeaseExpire { ids: ids.to_vec() });
    }
    let total: Duration = expiry.durations.iter().sum();
    expiry.print();
    println!("{:40} {:>9.0} a second", "", leases as f64 / total.as_secs_f64());
}
