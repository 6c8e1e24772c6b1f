//! The thread that writes and syncs: one Save at a time, one write and one fdatasync each, while the node goes on.

use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use net::waker::Waker;
use raft_core::{Save, Stamp};
use storage::disk::FileDisk;
use storage::journal::{WriteError, Writer};

use super::segment_thread::SegmentThread;

/// The host's hold on the disk thread. Dropping it lets the Save in flight finish and ends the thread.
#[derive(Debug)]
pub(crate) struct DiskThread {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    slots: Mutex<Slots>,
    changed: Condvar,
}

/// At most one Save is in flight, so one slot each way is all there is.
#[derive(Debug, Default)]
struct Slots {
    to_save: Option<Save>,
    saved: Option<Result<Stamp, WriteError>>,
    end: bool,
}

impl DiskThread {
    /// # Errors
    /// If the system has no thread left.
    pub(crate) fn start(writer: Writer<FileDisk>, waker: Waker) -> io::Result<DiskThread> {
        let shared = Arc::new(Shared::default());
        let its = Arc::clone(&shared);
        let segments = SegmentThread::start()?;
        let thread = thread::Builder::new()
            .name("disk".to_owned())
            .spawn(move || run(&its, writer, segments, &waker))?;
        Ok(DiskThread {
            shared,
            thread: Some(thread),
        })
    }

    /// # Panics
    /// If a Save is in flight: the node never asks for a second one.
    pub(crate) fn save(&self, save: Save) {
        let former = self.shared.lock().to_save.replace(save);
        assert!(former.is_none(), "one Save is in flight at most");
        self.shared.changed.notify_one();
    }

    /// What became of the Save in flight, once it is known.
    pub(crate) fn take_saved(&self) -> Option<Result<Stamp, WriteError>> {
        self.shared.lock().saved.take()
    }
}

impl Drop for DiskThread {
    fn drop(&mut self) {
        self.shared.lock().end = true;
        self.shared.changed.notify_one();
        if let Some(thread) = self.thread.take() {
            // A panic there was reported by the panic hook, which ends the process.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Slots> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next Save; None at the end.
    fn next_save(&self) -> Option<Save> {
        let mut slots = self.lock();
        while slots.to_save.is_none() && !slots.end {
            slots = self.changed.wait(slots).unwrap_or_else(PoisonError::into_inner);
        }
        slots.to_save.take()
    }
}

fn run(shared: &Shared, mut writer: Writer<FileDisk>, mut segments: SegmentThread, waker: &Waker) {
    while let Some(save) = shared.next_save() {
        let written = match writer.write(&save) {
            Err(WriteError::NextOrdered) => {
                segments.finish(&mut writer);
                writer.write(&save)
            }
            written => written,
        };
        let result = written.and_then(|()| writer.sync()).map(|()| save.stamp);
        let failed = result.is_err();
        shared.lock().saved = Some(result);
        waker.wake();
        if failed {
            // Never retry: what the disk holds is unknown until the next recovery.
            return;
        }
        segments.prepare(&mut writer);
    }
}
