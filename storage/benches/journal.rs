//! What the journal costs above the disk: Saves written and synced one by one, beside a bare write and fdatasync of
//! the same bytes into a file made the same way, in turns, one by one, so that whatever else uses the disk befalls all alike.
//! The next segment is made beside the Saves, by another thread, as in the server. Prints the time of one, and how many there
//! would be beside as many bare ones: the median, and at the fastest tenth, which a busy disk disturbs least.
//!
//! Beside that, other ways to make the same bytes durable: they decide which one the journal takes. With the word `ways` behind
//! `--`, those alone, for Saves of very different lengths.
//!
//! `cargo bench -p storage --bench journal`

use std::fs::{File, OpenOptions};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::sync::mpsc::{self, Receiver, Sender};

use raft_core::{Body, Entry, Index, LogChange, NodeId, Position, Save, SnapshotMark, Stamp, Term};
use storage::data_dir::{Expected, Identity, open_or_create};
use storage::disk::{Disk, DiskFile, FileDisk};
use storage::journal::{FilledOrder, SEGMENT_BYTES, SpareOrder, WriteError, Writer, recover};

const SAVES: u64 = 2000;
/// What a record adds to the Save's bytes, near enough: header, trailer and padding.
const FRAMING: usize = 32;

fn main() {
    if std::env::args().any(|argument| argument == "ways") {
        return ways();
    }
    // As few entries as a lone client causes, and as many as a busy server gathers.
    for (entries, bytes) in [(1, 256), (64, 256)] {
        let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory");
        let mut journal = Journal::new(directory.path());
        let length = postcard::to_stdvec(&save(1_000, entries, bytes))
            .expect("memory")
            .len();
        let length = (length + FRAMING) & !7;
        let mut bare = WAYS.map(|way| Bare::new(directory.path(), way, length));
        let mut times = vec![Vec::new(); 1 + WAYS.len()];
        for at in 0..SAVES {
            let save = save(1 + at * entries, entries, bytes);
            times[0].push(seconds(|| journal.put(&save)));
            for (bare, times) in bare.iter_mut().zip(&mut times[1..]) {
                times.push(seconds(|| bare.put()));
            }
        }
        let names = ["journal"].into_iter().chain(WAYS.iter().map(|way| way.name));
        println!("{entries} x {bytes} bytes: fastest tenth, median, slowest hundredth");
        say(names, times, 1);
    }
}

/// The same bytes in each way, in turns, for lengths of a lone client's Save up to a full batch.
fn ways() {
    for (length, saves) in [
        (304, 1500),
        (4 << 10, 1500),
        (16 << 10, 1200),
        (64 << 10, 800),
        (256 << 10, 300),
        (1 << 20, 120),
    ] {
        let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory");
        let length = length + 24;
        let mut bare = WAYS.map(|way| Bare::new(directory.path(), way, length));
        let mut times = vec![Vec::new(); WAYS.len()];
        for at in 0..saves {
            // Nobody always follows the same one.
            for turn in 0..WAYS.len() {
                let way = (turn + at) % WAYS.len();
                times[way].push(seconds(|| bare[way].put()));
            }
        }
        println!("{length} bytes: fastest tenth, median, slowest hundredth");
        say(WAYS.iter().map(|way| way.name), times, 0);
    }
}

/// Prints the times of each way, and how many there would be beside as many of way number `base`.
fn say(names: impl Iterator<Item = &'static str>, mut times: Vec<Vec<f64>>, base: usize) {
    for times in &mut times {
        times.sort_by(f64::total_cmp);
    }
    let quantile = |way: usize, percent| times[way][times[way].len() * percent / 100];
    for (way, name) in names.enumerate() {
        print!("    {name:34}");
        for percent in [10, 50, 99] {
            let ratio = quantile(base, percent) / quantile(way, percent);
            print!(" {:6.0} us, {ratio:.2}   ", quantile(way, percent) * 1e6);
        }
        println!();
    }
}

/// A way to make bytes durable.
#[derive(Clone, Copy)]
struct Way {
    name: &'static str,
    /// Flags of open(2), as Linux numbers them on most machines.
    flags: i32,
    /// Whether a sync follows each write.
    syncs: bool,
    /// Whether each write begins and ends with a page, and so rewrites part of the last one.
    pages: bool,
}

const O_DSYNC: i32 = 0o10_000;
const O_DIRECT: i32 = 0o40_000;
/// What O_DIRECT asks of offsets, lengths and memory on any disk.
const PAGE: usize = 4096;

const WAYS: [Way; 4] = [
    Way {
        name: "write and fdatasync",
        flags: 0,
        syncs: true,
        pages: false,
    },
    Way {
        name: "O_DSYNC",
        flags: O_DSYNC,
        syncs: false,
        pages: false,
    },
    Way {
        name: "O_DIRECT, whole pages, fdatasync",
        flags: O_DIRECT,
        syncs: true,
        pages: true,
    },
    Way {
        name: "O_DIRECT, whole pages, O_DSYNC",
        flags: O_DIRECT | O_DSYNC,
        syncs: false,
        pages: true,
    },
];

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

struct Journal {
    writer: Writer<FileDisk>,
    orders: Sender<SpareOrder<FileDisk>>,
    filled: Receiver<FilledOrder<DiskFile>>,
}

impl Journal {
    #[allow(clippy::disallowed_methods, reason = "a benchmark does what hosts do")]
    fn new(path: &Path) -> Journal {
        let disk = FileDisk::open(&path.join("journal")).expect("a new directory");
        let identity = Identity {
            cluster_id: 1,
            member_id: NodeId(1),
            data_id: 1,
        };
        let mut data = open_or_create(disk, identity, Expected::default()).expect("an empty directory");
        let recovered = recover(&mut data, SEGMENT_BYTES, SnapshotMark::default(), None);
        let (orders, its_orders) = mpsc::channel::<SpareOrder<FileDisk>>();
        let (its_filled, filled) = mpsc::channel();
        std::thread::spawn(move || {
            for order in its_orders {
                let _ = its_filled.send(order.fill());
            }
        });
        Journal {
            writer: recovered.expect("an empty journal").writer,
            orders,
            filled,
        }
    }

    fn put(&mut self, save: &Save) {
        let writer = &mut self.writer;
        match writer.write(save) {
            Err(WriteError::NextOrdered) => {
                let filled = self.filled.recv().expect("a segment");
                writer.take_next(filled).expect("a segment");
                writer.write(save).expect("a write");
            }
            written => written.expect("a write"),
        }
        writer.sync().expect("a sync");
        if let Ok(filled) = self.filled.try_recv() {
            writer.take_next(filled).expect("a segment");
        }
        if let Some(order) = writer.order_next() {
            self.orders.send(order).expect("the thread lives");
        }
    }
}

struct Bare {
    way: Way,
    file: File,
    /// Of one write.
    length: usize,
    /// A page more, so that a whole number of pages begins at a page's beginning.
    memory: Vec<u8>,
    offset: usize,
}

impl Bare {
    #[allow(clippy::disallowed_methods, reason = "a benchmark opens files as it likes")]
    fn new(path: &Path, way: Way, length: usize) -> Bare {
        let path = path.join(way.name);
        let disk = FileDisk::open(&path).expect("a directory");
        disk.create("file", SEGMENT_BYTES).expect("a file");
        let mut options = OpenOptions::new();
        let file = options
            .write(true)
            .custom_flags(way.flags)
            .open(path.join("file"));
        Bare {
            way,
            file: file.expect("a file system that does it that way"),
            length,
            memory: vec![7; length + 3 * PAGE],
            offset: 0,
        }
    }

    fn put(&mut self) {
        if (self.offset + self.length + PAGE) as u64 > SEGMENT_BYTES {
            self.offset = 0;
        }
        let (mut start, mut end) = (self.offset, self.offset + self.length);
        self.offset = end;
        if self.way.pages {
            (start, end) = (start / PAGE * PAGE, end.next_multiple_of(PAGE));
        }
        let aligned = self.memory.as_ptr().align_offset(PAGE);
        let bytes = &self.memory[aligned..aligned + end - start];
        self.file.write_all_at(bytes, start as u64).expect("a write");
        if self.way.syncs {
            self.file.sync_data().expect("a sync");
        }
    }
}

#[allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "a benchmark reads the clock"
)]
fn seconds(run: impl FnOnce()) -> f64 {
    let begun = std::time::Instant::now();
    run();
    begun.elapsed().as_secs_f64()
}
