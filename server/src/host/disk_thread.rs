//! The thread that writes and syncs: one Save at a time, one write and one fdatasync each, while the node goes on. When no
//! Save comes for a while, and at the end, it seals the journal.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use net::waker::Waker;
use raft_core::{Index, Save, Stamp, Time};
use storage::disk::FileDisk;
use storage::journal::{Idle, WriteError, Writer};

use super::clock::Clock;
use super::metrics::HostMetrics;
use super::pace::Pace;
use super::segment_thread::SegmentThread;

/// How long a Save waits for space before it is tried again.
const SPACE_RETRY_AFTER: Duration = Duration::from_secs(1);

/// The host's hold on the disk thread. Dropping it lets the Save in flight finish, seals the journal and ends the thread.
#[derive(Debug)]
pub(crate) struct DiskThread {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    slots: Mutex<Slots>,
    changed: Condvar,
    journal_bytes: AtomicU64,
}

/// At most one Save is in flight, so one slot each way is all there is.
#[derive(Debug, Default)]
struct Slots {
    to_save: Option<Box<Save>>,
    saved: Option<Result<Stamp, WriteError>>,
    /// What became of the space since the host last asked.
    out_of_space: Option<bool>,
    /// The segment thread is done with something.
    segment_done: bool,
    /// What of the journal is not needed any more.
    drop_before: Option<Index>,
    end: bool,
}

/// What the thread is to do next.
enum Next {
    Save(Box<Save>),
    /// Let go of what is before this entry.
    Drop(Index),
    /// Nothing but to look what is due.
    Look,
    End,
}

impl DiskThread {
    /// # Errors
    /// If the system has no thread left.
    pub(super) fn start(
        writer: Writer<FileDisk>,
        waker: Waker,
        metrics: HostMetrics,
    ) -> io::Result<DiskThread> {
        let shared = Arc::new(Shared::default());
        shared.journal_bytes.store(writer.bytes(), Ordering::Relaxed);
        let (its, done) = (Arc::clone(&shared), Arc::clone(&shared));
        let segments = SegmentThread::start(move || {
            done.lock().segment_done = true;
            done.changed.notify_one();
        })?;
        let worker = Worker {
            writer,
            segments,
            waker,
            metrics,
            clock: Clock::new(),
            idle: Idle::since(Time(0)),
            pace: Pace::default(),
            out_of_space: false,
        };
        let thread = thread::Builder::new()
            .name("disk".to_owned())
            .spawn(move || worker.run(&its))?;
        Ok(DiskThread {
            shared,
            thread: Some(thread),
        })
    }

    /// # Panics
    /// If a Save is in flight: the node never asks for a second one.
    pub(crate) fn save(&self, save: Save) {
        let former = self.shared.lock().to_save.replace(Box::new(save));
        assert!(former.is_none(), "one Save is in flight at most");
        self.shared.changed.notify_one();
    }

    /// The journal is not needed up to this entry.
    pub(crate) fn drop_before(&self, index: Index) {
        self.shared.lock().drop_before = Some(index);
        self.shared.changed.notify_one();
    }

    /// What became of the Save in flight, once it is known. An error may come at any time.
    pub(crate) fn take_saved(&self) -> Option<Result<Stamp, WriteError>> {
        self.shared.lock().saved.take()
    }

    /// The bytes of the journal's files.
    pub(crate) fn journal_bytes(&self) -> u64 {
        self.shared.journal_bytes.load(Ordering::Relaxed)
    }

    /// Whether space ran out, or is there again, if that changed.
    pub(crate) fn take_out_of_space(&self) -> Option<bool> {
        self.shared.lock().out_of_space.take()
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

    /// What is next; `Look` once `patience` is over.
    fn next(&self, patience: Option<Duration>) -> Next {
        let idle = |slots: &mut Slots| {
            slots.to_save.is_none() && !slots.end && !slots.segment_done && slots.drop_before.is_none()
        };
        let slots = self.lock();
        let mut slots = match patience {
            Some(patience) => {
                let waited = self.changed.wait_timeout_while(slots, patience, idle);
                waited.unwrap_or_else(PoisonError::into_inner).0
            }
            None => self
                .changed
                .wait_while(slots, idle)
                .unwrap_or_else(PoisonError::into_inner),
        };
        slots.segment_done = false;
        // Taken before a Save, which may take long.
        if let Some(index) = slots.drop_before.take() {
            return Next::Drop(index);
        }
        match slots.to_save.take() {
            Some(save) => Next::Save(save),
            None if slots.end => Next::End,
            None => Next::Look,
        }
    }

    /// Waits for space, or for the end; whether it was the end.
    fn wait_for_space(&self) -> bool {
        let waited = self
            .changed
            .wait_timeout_while(self.lock(), SPACE_RETRY_AFTER, |slots| !slots.end);
        waited.unwrap_or_else(PoisonError::into_inner).0.end
    }
}

struct Worker {
    writer: Writer<FileDisk>,
    segments: SegmentThread,
    waker: Waker,
    metrics: HostMetrics,
    clock: Clock,
    idle: Idle,
    pace: Pace,
    out_of_space: bool,
}

impl Worker {
    fn run(mut self, shared: &Shared) {
        let ended = loop {
            let done = match shared.next(self.patience()) {
                Next::Save(save) => match self.save(&save, shared) {
                    Ok(true) => {
                        shared.lock().saved = Some(Ok(save.stamp));
                        self.waker.wake();
                        Ok(())
                    }
                    Ok(false) => return,
                    Err(error) => Err(error),
                },
                Next::Drop(index) => {
                    self.writer.drop_before(index);
                    Ok(())
                }
                Next::Look if self.idle.is_due(self.now()) => self.seal(),
                Next::Look => Ok(()),
                Next::End => break self.seal(),
            };
            if let Err(error) = done {
                break Err(error);
            }
            self.segments.prepare(&mut self.writer);
            shared.journal_bytes.store(self.writer.bytes(), Ordering::Relaxed);
            self.tell_of_space(self.segments.out_of_space(), shared);
        };
        match ended {
            Ok(()) => self.sum_up(),
            // Never retry: what the disk holds is unknown until the next recovery.
            Err(error) => {
                shared.lock().saved = Some(Err(error));
                self.waker.wake();
            }
        }
    }

    /// Makes a Save durable; false if the end came while it waited for space. Nobody was told of such a one.
    fn save(&mut self, save: &Save, shared: &Shared) -> Result<bool, WriteError> {
        let begun = self.clock.elapsed();
        let mut is_told = false;
        loop {
            match self.writer.write(save) {
                Ok(()) => break,
                Err(WriteError::NextOrdered) => self.segments.finish(&mut self.writer),
                Err(error @ WriteError::OutOfSpace { .. }) => {
                    if !std::mem::replace(&mut is_told, true) {
                        log::error!(error:% = error; "this member waits for space: it promises nothing until there is some");
                    }
                    self.tell_of_space(true, shared);
                    if shared.wait_for_space() {
                        return Ok(false);
                    }
                }
                Err(error) => return Err(error),
            }
        }
        let written = self.clock.elapsed();
        self.writer.sync()?;
        let now = self.clock.elapsed();
        self.metrics.note_sync(now.saturating_sub(written));
        self.idle.saved(self.now());
        if let Some(slow) = self.pace.note(now.saturating_sub(begun), now) {
            log::warn!(
                "saves" = slow.saves, "longest-ms" = slow.slowest.as_millis(), "usual-us" = self.pace.quantile(50).as_micros();
                "the disk is slow: nothing is promised before it is on disk"
            );
        }
        Ok(true)
    }

    fn seal(&mut self) -> Result<(), WriteError> {
        self.writer.seal().map(|_| ())
    }

    fn now(&self) -> Time {
        self.clock.now().monotonic
    }

    /// Until something is due even if no Save comes.
    fn patience(&self) -> Option<Duration> {
        let seal = match self.idle.deadline() {
            Time::NEVER => None,
            at => Some(at.since(self.now())),
        };
        seal.into_iter().chain(self.segments.retries_in()).min()
    }

    fn tell_of_space(&mut self, is_out: bool, shared: &Shared) {
        if std::mem::replace(&mut self.out_of_space, is_out) != is_out {
            shared.lock().out_of_space = Some(is_out);
            self.waker.wake();
        }
    }

    fn sum_up(&self) {
        log::info!(
            "saves" = self.pace.saves(), "median-us" = self.pace.quantile(50).as_micros(),
            "p99-us" = self.pace.quantile(99).as_micros(), "longest-us" = self.pace.longest().as_micros();
            "sealed the journal"
        );
    }
}
