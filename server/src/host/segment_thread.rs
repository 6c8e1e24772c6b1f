//! The thread that makes journal segments ahead of need: the zeros of one take as long to write as hundreds of Saves,
//! which must not wait for them.

use std::io;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

use storage::disk::{DiskFile, FileDisk};
use storage::journal::{FilledOrder, SpareOrder, Writer};

/// After a failure, how long until it is tried again.
const RETRY_AFTER: Duration = Duration::from_secs(10);

/// The disk thread's hold on it. Dropping it ends the thread, after the segment in the making.
#[derive(Debug)]
pub(super) struct SegmentThread {
    orders: Sender<SpareOrder<FileDisk>>,
    filled: Receiver<FilledOrder<DiskFile>>,
    /// Whether an order was given and its outcome not taken.
    busy: bool,
    /// Space ran out the last time; when to try again.
    retry_at: Option<Instant>,
}

impl SegmentThread {
    /// # Errors
    /// If the system has no thread left.
    ///
    /// `done` is called whenever an order is filled.
    pub(super) fn start(done: impl Fn() + Send + 'static) -> io::Result<SegmentThread> {
        let (orders, its_orders) = mpsc::channel::<SpareOrder<FileDisk>>();
        let (its_filled, filled) = mpsc::channel();
        thread::Builder::new().name("segment".to_owned()).spawn(move || {
            for order in its_orders {
                if its_filled.send(order.fill()).is_err() {
                    return;
                }
                done();
            }
        })?;
        Ok(SegmentThread {
            orders,
            filled,
            busy: false,
            retry_at: None,
        })
    }

    /// Sees to the next segment without waiting for it.
    pub(super) fn prepare(&mut self, writer: &mut Writer<FileDisk>) {
        if self.busy
            && let Ok(filled) = self.filled.try_recv()
        {
            self.take(writer, filled);
        }
        if self.busy || self.retry_at.is_some_and(|at| Instant::now() < at) {
            return;
        }
        match writer.order_next() {
            // A thread that is gone has panicked, which ends the process.
            Some(order) => self.busy = self.orders.send(order).is_ok(),
            // None is wanted any more: the writer found space for one itself.
            None => self.retry_at = None,
        }
    }

    /// Waits for the segment that was ordered.
    ///
    /// # Panics
    /// If none was.
    pub(super) fn finish(&mut self, writer: &mut Writer<FileDisk>) {
        assert!(self.busy, "a segment was ordered");
        let filled = self.filled.recv().expect("the segment thread lives");
        self.take(writer, filled);
    }

    /// Whether the last segment could not be made for want of space.
    pub(super) fn out_of_space(&self) -> bool {
        self.retry_at.is_some()
    }

    /// How long until it is to be tried again, if it failed.
    pub(super) fn retries_in(&self) -> Option<Duration> {
        let at = self.retry_at.filter(|_| !self.busy)?;
        Some(at.saturating_duration_since(Instant::now()))
    }

    fn take(&mut self, writer: &mut Writer<FileDisk>, filled: FilledOrder<DiskFile>) {
        self.busy = false;
        match writer.take_next(filled) {
            Ok(()) if self.retry_at.take().is_some() => {
                log::info!("there is space for the next journal segment again: writes are served");
            }
            Ok(()) => {}
            Err(error) => {
                // Not a failed write: the present segment still has room. If the disk failed, the next write says so.
                self.retry_at = Some(Instant::now() + RETRY_AFTER);
                log::error!(error:% = error; "cannot make the next journal segment ahead of need: writes are refused");
            }
        }
    }
}
