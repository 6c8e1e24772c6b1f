//! Our Raft beside raft-rs: three members in memory, in one thread, driven by the same loop. Prints medians of paired
//! rounds and their ratio.
//!
//! `cargo run --release --manifest-path raft-core/benches/beside_raft_rs/Cargo.toml`
//!
//! With two words, `raft-core` or `raft-rs` and one of `batched`, `single` and `heartbeats`, does that and nothing else,
//! once: for a profiler, or to pair two builds.

mod measure;
mod ours;
mod theirs;

use measure::{Figures, median};

#[global_allocator]
static ALLOCATOR: &stats_alloc::StatsAlloc<std::alloc::System> = &stats_alloc::INSTRUMENTED_SYSTEM;

/// Three members and the wire between them; nothing is ever lost.
pub(crate) trait Trio {
    /// Elects a leader.
    fn formed() -> Self;
    /// Puts commands into the leader's log.
    fn propose(&mut self, payload: &bytes::Bytes, count: usize);
    /// Delivers, saves and applies until nothing is left to do.
    fn settle(&mut self);
    /// One heartbeat interval passes at the leader.
    fn tick(&mut self);
    /// Commands applied by all three together.
    fn applied(&self) -> u64;
    /// Drops what all have applied.
    fn compact(&mut self);
}

const ROUNDS: usize = 7;
const PAYLOAD_BYTES: usize = 64;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => table(),
        ["raft-core", what] => println!("{}", measure::alone::<ours::Ours>(what)),
        ["raft-rs", what] => println!("{}", measure::alone::<theirs::Theirs>(what)),
        _ => panic!("raft-core or raft-rs, and what to do"),
    }
}

fn table() {
    let mut ours = Vec::new();
    let mut theirs = Vec::new();
    for round in 0..ROUNDS {
        // In turns, and in another order each time: whatever else the machine does hits both.
        if round % 2 == 0 {
            ours.push(measure::figures::<ours::Ours>());
            theirs.push(measure::figures::<theirs::Theirs>());
        } else {
            theirs.push(measure::figures::<theirs::Theirs>());
            ours.push(measure::figures::<ours::Ours>());
        }
    }
    println!("three members in memory, one thread, payload {PAYLOAD_BYTES} bytes, medians of {ROUNDS} rounds");
    println!("{:<44} {:>14} {:>14} {:>7}", "", "raft-core", "raft-rs", "ratio");
    for (name, unit, value, faster_is_more) in Figures::ROWS {
        let (a, b) = (median(&ours, value), median(&theirs, value));
        let ratio = if *faster_is_more { a / b } else { b / a };
        println!("{name:<44} {a:>14.0} {b:>14.0} {ratio:>6.1}x  {unit}");
    }
}
