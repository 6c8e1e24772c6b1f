//! What the journal costs above the disk: Saves written and synced one by one, beside a bare loop of write and fdatasync
//! of the same bytes into a file made the same way, in alternating rounds on the same disk. Prints medians and their
//! ratio.
//!
//! `cargo bench -p storage --bench journal`

use std::hint::black_box;
use std::path::Path;

use raft_core::{Body, Entry, Image, Index, LogChange, Membership, NodeId, Position, Save, SnapshotMark};
use raft_core::{Stamp, Term};
use storage::data_dir::{Expected, Identity, open_or_create};
use storage::disk::{Disk, FileDisk};
use storage::journal::{SEGMENT_BYTES, recover};

const ROUNDS: usize = 7;
const SAVES: u64 = 2000;
/// What a record adds to the Save's bytes, near enough: header, trailer and padding.
const FRAMING: usize = 32;

fn main() {
    // As few entries as a lone client causes, and as many as a busy server gathers.
    for (entries, bytes) in [(1, 256), (64, 256)] {
        let mut rounds = Vec::new();
        for _ in 0..ROUNDS {
            let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory");
            rounds.push((
                journal(directory.path(), entries, bytes),
                bare(directory.path(), entries, bytes),
            ));
        }
        let median = |mut rates: Vec<f64>| {
            rates.sort_by(f64::total_cmp);
            rates[rates.len() / 2]
        };
        let journal = median(rounds.iter().map(|round| round.0).collect());
        let bare = median(rounds.iter().map(|round| round.1).collect());
        let ratio = median(rounds.iter().map(|round| round.0 / round.1).collect());
        println!("{entries} x {bytes} bytes: journal {journal:.0}/s, bare {bare:.0}/s, ratio {ratio:.2}");
    }
}

fn save(first: u64, entries: u64, bytes: usize) -> Save {
    let entry = |index| Entry {
        position: Position {
            term: Term(1),
            index: Index(index),
        },
        body: Body::Command(vec![7; bytes].into()),
    };
    let entries = (first..first + entries).map(entry).collect();
    Save {
        stamp: Stamp(first),
        ballot: None,
        commit: Index(first - 1),
        log: LogChange::Append(entries),
    }
}

fn journal(path: &Path, entries: u64, bytes: usize) -> f64 {
    let disk = FileDisk::open(&path.join("journal")).expect("a new directory");
    let identity = Identity {
        cluster_id: 1,
        member_id: NodeId(1),
        data_id: 1,
    };
    let mut data = open_or_create(disk, identity, Expected::default()).expect("an empty directory");
    let born = SnapshotMark {
        position: Position::default(),
        membership: Membership::default(),
    };
    let recovered = recover(&mut data, SEGMENT_BYTES, born, None).expect("an empty journal");
    black_box::<Image>(recovered.image);
    let mut writer = recovered.writer;
    let saves: Vec<Save> = (0..SAVES)
        .map(|at| save(1 + at * entries, entries, bytes))
        .collect();
    per_second(|| {
        for save in &saves {
            writer.write(save).expect("a write");
            writer.sync().expect("a sync");
        }
    })
}

fn bare(path: &Path, entries: u64, bytes: usize) -> f64 {
    let disk = FileDisk::open(&path.join("bare")).expect("a new directory");
    let file = disk.create("file", SEGMENT_BYTES).expect("a file");
    let length = postcard::to_stdvec(&save(1_000, entries, bytes))
        .expect("memory")
        .len();
    let record = vec![7; (length + FRAMING) & !7];
    per_second(|| {
        for at in 0..SAVES {
            disk.write_at(&file, at * record.len() as u64, &record)
                .expect("a write");
            disk.sync_data(&file).expect("a sync");
        }
    })
}

#[allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "a benchmark reads the clock"
)]
fn per_second(run: impl FnOnce()) -> f64 {
    let begun = std::time::Instant::now();
    run();
    SAVES as f64 / begun.elapsed().as_secs_f64()
}
