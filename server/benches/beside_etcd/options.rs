//! What may be shortened or left out.

use std::path::PathBuf;
use std::process;
use std::time::Duration;

use crate::Target;

const HELP: &str = "\
cargo bench -p server --bench beside_etcd -- [options]
  --quick          one short round
  --runs N         rounds (5)
  --seconds S      seconds measured per workload (5)
  --only A,B       these targets: echo, synced-echo, balsa-1, etcd-1, balsa-3, etcd-3
  --data DIR       where the data directories are made, and so on which disk (target/beside_etcd)
  --keep           do not remove data directories and logs
  --no-footprint   no figures of size, memory and start
  --keys N         nothing but what N keys of 64 bytes with values of 256 take, and how long a restart with them does
  --etcd PATH      this etcd, instead of the one from PyPI
";

/// The options of a run.
pub(crate) struct Options {
    pub(crate) runs: usize,
    pub(crate) warm_up: Duration,
    pub(crate) duration: Duration,
    /// How often each program is started for its time to the first answer.
    pub(crate) starts: usize,
    pub(crate) footprint: bool,
    pub(crate) data: Option<PathBuf>,
    pub(crate) keep: bool,
    /// Measure what so many keys take, and nothing else.
    pub(crate) keys: Option<u64>,
    pub(crate) etcd: Option<PathBuf>,
    only: Vec<String>,
}

impl Options {
    /// Reads the command line; ends the process on a mistake.
    pub(crate) fn from_arguments() -> Options {
        let mut options = Options {
            runs: 5,
            warm_up: Duration::from_secs(1),
            duration: Duration::from_secs(5),
            starts: 10,
            footprint: true,
            data: None,
            keep: false,
            keys: None,
            etcd: None,
            only: Vec::new(),
        };
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                // cargo says this to every benchmark.
                "--bench" => {}
                "--help" => {
                    print!("{HELP}");
                    process::exit(0)
                }
                "--quick" => {
                    options.runs = 1;
                    options.warm_up = Duration::from_millis(300);
                    options.duration = Duration::from_secs(1);
                    options.starts = 3;
                }
                "--runs" => options.runs = value(&argument, arguments.next()),
                "--seconds" => {
                    options.duration = Duration::from_secs_f64(value(&argument, arguments.next()));
                }
                "--only" => {
                    let names: String = value(&argument, arguments.next());
                    options.only = names.split(',').map(str::to_owned).collect();
                }
                "--data" => options.data = Some(value(&argument, arguments.next())),
                "--keys" => options.keys = Some(value(&argument, arguments.next())),
                "--etcd" => options.etcd = Some(value(&argument, arguments.next())),
                "--keep" => options.keep = true,
                "--no-footprint" => options.footprint = false,
                _ => refuse(&argument),
            }
        }
        let known = |name: &String| Target::ALL.iter().any(|target| target.name() == *name);
        if let Some(unknown) = options.only.iter().find(|name| !known(name)) {
            refuse(unknown);
        }
        options
    }

    /// Whether a target is to be measured.
    pub(crate) fn includes(&self, target: Target) -> bool {
        self.only.is_empty() || self.only.contains(&target.name())
    }
}

fn value<T: std::str::FromStr>(name: &str, value: Option<String>) -> T {
    match value.and_then(|value| value.parse().ok()) {
        Some(value) => value,
        None => refuse(name),
    }
}

fn refuse(argument: &str) -> ! {
    eprintln!("not understood: {argument}\n{HELP}");
    process::exit(2)
}
