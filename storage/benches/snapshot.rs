//! How long a snapshot of a million keys takes, and how long its steps: keys of 64 bytes, values of 256, once text
//! and once random. The whole by time on the processor, so that what else the machine does
//! makes no difference.
//!
//! `cargo bench -p storage --bench snapshot`
#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "a benchmark measures time"
)]

use std::time::{Duration, Instant};

use bytes::Bytes;
use raft_core::SnapshotMark;
use storage::snapshot::{Decoder, Encoder};
use storage::store::Store;
use storage::store::command::{Applied, ClusterTime, Command, Put};
use storage::store::query::LeaseId;

const KEYS: u64 = 1_000_000;
/// Bytes of a piece on its way to a peer.
const PIECE_BYTES: usize = 128 << 10;

fn main() {
    println!("{KEYS} keys of 64 bytes with values of 256");
    println!(
        "{:8} {:>9} {:>10} {:>12} {:>10} {:>12}",
        "values", "stream MB", "write ms", "99 % in ms", "read ms", "99 % in ms"
    );
    for (name, value) in [("text", text as fn(u64) -> Vec<u8>), ("random", random)] {
        let mut store = Store::born(1);
        for number in 0..KEYS {
            let done = store.apply(ClusterTime(0), Command::Put(put(number, value(number))));
            assert!(matches!(done, Applied::Done(Ok(_))));
        }
        let mut encoder = Encoder::new(1, SnapshotMark::default(), store.clone());
        let mut pieces = Vec::new();
        let written = steps(|| {
            pieces.push(encoder.next_piece(PIECE_BYTES));
            !pieces[pieces.len() - 1].last
        });
        let mut decoder = Decoder::of_cluster(1);
        let mut rest = pieces.iter();
        let read = steps(|| {
            let piece = rest.next();
            piece.inspect(|piece| decoder.take(&piece.data).expect("a sound stream"));
            piece.is_some()
        });
        let bytes: usize = pieces.iter().map(|piece| piece.data.len()).sum();
        println!(
            "{name:8} {:9.1} {:10.0} {:12.2} {:10.0} {:12.2}",
            bytes as f64 / 1e6,
            ms(written.0),
            ms(written.1),
            ms(read.0),
            ms(read.1)
        );
        let snapshot = decoder.finish().expect("a sound stream");
        assert_eq!(snapshot.store.fingerprint(), store.fingerprint());
        // What is given back to the allocator would cost the next round.
        std::mem::forget((snapshot, store, pieces));
    }
}

/// Takes steps until there are no more: the time of all on the processor, and how long 99 of 100 took at most, by the
/// clock; the kernel counts the former in ticks, and the rest of the latter is others' work.
fn steps(mut step: impl FnMut() -> bool) -> (Duration, Duration) {
    let begun = on_cpu();
    let mut times = Vec::new();
    loop {
        let step_begun = Instant::now();
        let more = step();
        times.push(step_begun.elapsed());
        if !more {
            times.sort_unstable();
            return (on_cpu() - begun, times[times.len() * 99 / 100]);
        }
    }
}

/// The time that this thread was on a processor: what others do on the machine makes no difference.
fn on_cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").expect("a Linux kernel");
    let nanos = stat.split(' ').next().and_then(|nanos| nanos.parse().ok());
    Duration::from_nanos(nanos.expect("nanoseconds first"))
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn put(number: u64, value: Vec<u8>) -> Put {
    let key = format!(
        "/registry/services/namespace-{:06}/endpoint-{number:08}",
        number / 100
    );
    Put {
        key: Bytes::from(format!("{key:x<64}")),
        value: value.into(),
        previous: false,
        ignore_value: false,
        ignore_lease: false,
        lease: LeaseId::NONE,
    }
}

fn text(number: u64) -> Vec<u8> {
    let noise = noise(number);
    let text = format!(
        "{{\"host\":\"10.0.{}.{}\",\"uid\":\"{noise:016x}\",\"labels\":{{\"app\":\"service-{}\"}},\"ready\":true}}",
        noise & 255,
        noise >> 8 & 255,
        noise % 97
    );
    format!("{text:256}").into_bytes()
}

fn random(number: u64) -> Vec<u8> {
    (0..32)
        .flat_map(|word| noise(number * 32 + word).to_le_bytes())
        .collect()
}

fn noise(number: u64) -> u64 {
    let mut bits = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x6a09_e667_f3bc_c909;
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits ^ (bits >> 27)
}
