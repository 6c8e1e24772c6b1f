//! What the figures were taken on.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::Instant;

use crate::samples::Latencies;

const SYNCS: u64 = 1000;
const BLOCK: usize = 4096;

/// Processors, kernel, load and what a sync takes in `data`.
pub(crate) fn describe(data: &Path) -> io::Result<String> {
    let processors = std::thread::available_parallelism()?;
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease")?;
    let information = std::fs::read_to_string("/proc/cpuinfo")?;
    let model = information
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    Ok(format!(
        "{processors} processors ({}), Linux {}, load average {}\n\
         write and fdatasync of {BLOCK} bytes, overwriting zeros: {}\n\
         write and fdatasync of {BLOCK} bytes, the file growing: {}",
        model.map_or("unknown", |(_, model)| model),
        kernel.trim(),
        load_average()?,
        time_syncs(data, SYNCS)?,
        time_syncs(data, 0)?,
    ))
}

/// Over one, five and fifteen minutes.
pub(crate) fn load_average() -> io::Result<String> {
    let load = std::fs::read_to_string("/proc/loadavg")?;
    Ok(load.split(' ').take(3).collect::<Vec<_>>().join(", "))
}

fn time_syncs(data: &Path, blocks_there: u64) -> io::Result<String> {
    let path = data.join("syncs");
    let mut file = File::options()
        .create(true)
        .truncate(true)
        .write(true)
        .open(&path)?;
    for _ in 0..blocks_there {
        file.write_all(&[0; BLOCK])?;
    }
    file.sync_all()?;
    let mut latencies = Latencies::new();
    for block in 0..SYNCS {
        let begun = Instant::now();
        file.write_all_at(&[1; BLOCK], block * BLOCK as u64)?;
        file.sync_data()?;
        latencies.add(begun.elapsed());
    }
    std::fs::remove_file(&path)?;
    Ok(format!(
        "p50 {:.3} ms, p99 {:.3} ms, longest {:.1} ms",
        latencies.percentile(0.5),
        latencies.percentile(0.99),
        latencies.longest()
    ))
}
