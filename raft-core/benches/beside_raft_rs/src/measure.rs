//! What is measured, the same way for both. Nothing waits for anything, so on an idle machine the thread's processor time
//! is the time by the clock, and on a busy one it is what it would have been, but for shared caches and cores.

use bytes::Bytes;
use cpu_time::ThreadTime;
use stats_alloc::Region;

use crate::Trio;

const BATCH: usize = 256;
const BATCHES: usize = 800;
const SINGLES: usize = 60_000;
const HEARTBEATS: usize = 60_000;
/// How often the log is cut, in proposals.
const COMPACT_EVERY: usize = 20_480;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Figures {
    batched_per_second: f64,
    unbatched_per_second: f64,
    heartbeat_nanos: f64,
    batched_bytes: f64,
    unbatched_bytes: f64,
}

type Row = (&'static str, &'static str, fn(&Figures) -> f64, bool);

impl Figures {
    /// Name, unit, value, and whether more of it is better.
    pub(crate) const ROWS: &[Row] = &[
        ("proposals, 256 a turn", "per second", |f| f.batched_per_second, true),
        ("proposals, one a turn", "per second", |f| f.unbatched_per_second, true),
        ("heartbeat round to two followers and back", "ns", |f| f.heartbeat_nanos, false),
        ("allocated for a proposal, 256 a turn", "bytes", |f| f.batched_bytes, false),
        ("allocated for a proposal, one a turn", "bytes", |f| f.unbatched_bytes, false),
    ];
}

pub(crate) fn median(all: &[Figures], value: &fn(&Figures) -> f64) -> f64 {
    let mut values: Vec<f64> = all.iter().map(value).collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

pub(crate) fn figures<T: Trio>() -> Figures {
    let (batched_per_second, batched_bytes) = proposals::<T>(BATCHES, BATCH);
    let (unbatched_per_second, unbatched_bytes) = proposals::<T>(SINGLES, 1);
    Figures {
        batched_per_second,
        unbatched_per_second,
        heartbeat_nanos: heartbeats::<T>(),
        batched_bytes,
        unbatched_bytes,
    }
}

/// One of them once: proposals a second, or nanoseconds for a heartbeat round.
pub(crate) fn alone<T: Trio>(what: &str) -> f64 {
    match what {
        "batched" => proposals::<T>(BATCHES, BATCH).0,
        "single" => proposals::<T>(SINGLES, 1).0,
        "heartbeats" => heartbeats::<T>(),
        _ => panic!("batched, single or heartbeats"),
    }
}

/// Per second, and bytes allocated for each: from `propose` until all three members have applied it.
fn proposals<T: Trio>(turns: usize, batch: usize) -> (f64, f64) {
    let mut trio = T::formed();
    let payload = Bytes::from(vec![7; crate::PAYLOAD_BYTES]);
    let before = trio.applied();
    let region = Region::new(crate::ALLOCATOR);
    let start = ThreadTime::now();
    for turn in 1..=turns {
        trio.propose(&payload, batch);
        trio.settle();
        if turn * batch % COMPACT_EVERY < batch {
            trio.compact();
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    let bytes = region.change().bytes_allocated;
    let count = turns * batch;
    assert_eq!(trio.applied() - before, 3 * count as u64, "all three applied all");
    (count as f64 / seconds, bytes as f64 / count as f64)
}

/// Nanoseconds from the leader's tick until both answers are taken.
fn heartbeats<T: Trio>() -> f64 {
    let mut trio = T::formed();
    let start = ThreadTime::now();
    for _ in 0..HEARTBEATS {
        trio.tick();
        trio.settle();
    }
    start.elapsed().as_nanos() as f64 / HEARTBEATS as f64
}
