//! What the host adds to `/metrics`: how long syncs take, what the files take, and what the system says of the process.

use std::fs;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use api::Page;
use node::DiskUse;

/// etcd's buckets: 1 ms, and each twice the one before.
const BUCKETS: usize = 14;

/// How often something took how long.
#[derive(Clone, Debug, Default)]
pub(super) struct Histogram {
    /// Up to each bound and above the one before.
    buckets: [u64; BUCKETS],
    count: u64,
    sum: Duration,
}

impl Histogram {
    /// It took so long.
    pub(super) fn note(&mut self, took: Duration) {
        self.count += 1;
        self.sum += took;
        let bucket = (0..BUCKETS).find(|&at| took <= bound(at));
        if let Some(at) = bucket {
            self.buckets[at] += 1;
        }
    }

    fn write(&self, page: &mut Page<'_>, name: &str, help: &str) {
        let bounds = (0..BUCKETS).map(|at| bound(at).as_secs_f64());
        page.histogram(
            name,
            help,
            bounds.zip(self.buckets),
            (self.count, self.sum.as_secs_f64()),
        );
    }
}

fn bound(at: usize) -> Duration {
    Duration::from_millis(1 << at)
}

/// What there is to tell; shared by those who know it and those who tell it.
#[derive(Clone, Debug)]
pub(super) struct HostMetrics(Arc<Mutex<Figures>>);

#[derive(Debug)]
struct Figures {
    syncs: Histogram,
    disk: DiskUse,
    started: Duration,
}

impl HostMetrics {
    /// Of a process that began then, since 1970.
    pub(super) fn new(started: Duration) -> HostMetrics {
        HostMetrics(Arc::new(Mutex::new(Figures {
            syncs: Histogram::default(),
            disk: DiskUse::default(),
            started,
        })))
    }

    /// A sync of the journal took so long.
    pub(super) fn note_sync(&self, took: Duration) {
        self.figures().syncs.note(took);
    }

    /// The files take so much.
    pub(super) fn note_disk_use(&self, disk: DiskUse) {
        self.figures().disk = disk;
    }

    /// Adds it to a page.
    pub(super) fn write(&self, body: &mut Vec<u8>) {
        self.figures().write(body);
    }

    fn figures(&self) -> MutexGuard<'_, Figures> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Figures {
    fn write(&self, body: &mut Vec<u8>) {
        let page = &mut Page(body);
        self.syncs.write(
            page,
            "etcd_disk_wal_fsync_duration_seconds",
            "How long the journal's syncs took.",
        );
        page.gauge(
            "balsa_disk_journal_bytes",
            "Bytes of the journal's files.",
            self.disk.journal_bytes,
        );
        page.gauge(
            "balsa_disk_snapshot_bytes",
            "Bytes of the snapshots' files.",
            self.disk.snapshot_bytes,
        );
        page.gauge(
            "process_start_time_seconds",
            "When the process began, in seconds since 1970.",
            self.started.as_secs_f64(),
        );
        // Where the system has no such files, there is nothing to tell.
        let (virtual_bytes, resident_bytes) = memory().unwrap_or_default();
        page.gauge(
            "process_resident_memory_bytes",
            "Memory that the process has.",
            resident_bytes,
        );
        page.gauge(
            "process_virtual_memory_bytes",
            "Addresses that the process has.",
            virtual_bytes,
        );
        if let Ok(open) = fs::read_dir("/proc/self/fd") {
            page.gauge("process_open_fds", "Open descriptors.", open.count());
        }
    }
}

/// Virtual and resident bytes.
pub(super) fn memory() -> Option<(u64, u64)> {
    let text = fs::read_to_string("/proc/self/status").ok()?;
    let field = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
        Some(kib * 1024)
    };
    Some((field("VmSize:")?, field("VmRSS:")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_fall_into_etcds_buckets() {
        let mut syncs = Histogram::default();
        for micros in [1, 1000, 1001, 9_000_000] {
            syncs.note(Duration::from_micros(micros));
        }
        let mut body = Vec::new();
        syncs.write(&mut Page(&mut body), "t", "Times.");
        let text = String::from_utf8(body).expect("text");
        for line in [
            "t_bucket{le=\"0.001\"} 2",
            "t_bucket{le=\"0.002\"} 3",
            "t_bucket{le=\"8.192\"} 3",
            "t_bucket{le=\"+Inf\"} 4",
            "t_sum 9.002002",
            "t_count 4",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
        }
    }
}
