//! The thread that makes journal segments ahead of need: the zeros of one take as long to write as hundreds of Saves,
//! which must not wait for them.

use std::fs::File;
use std::io;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

use storage::disk::FileDisk;
use storage::journal::{FilledOrder, SpareOrder, Writer};

/// After a failure, how long until it is tried again.
const RETRY_AFTER: Duration = Duration::from_secs(10);

/// The disk thread's hold on it. Dropping it ends the thread, after the segment in the making.
#[derive(Debug)]
pub(super) struct SegmentThread {
    orders: Sender<SpareOrder<FileDisk>>,
    filled: Receiver<FilledOrder<File>>,
    /// Whether an order was given and its outcome not taken.
    busy: bool,
    retry_at: Option<Instant>,
}

impl SegmentThread {
    /// # Errors
    /// If the system has no thread left.
    pub(super) fn start() -> io::Result<SegmentThread> {
        let (orders, its_orders) = mpsc::channel::<SpareOrder<FileDisk>>();
        let (its_filled, filled) = mpsc::channel();
        thread::Builder::new().name("segment".to_owned()).spawn(move || {
            for order in its_orders {
                if its_filled.send(order.fill()).is_err() {
                    return;
                }
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
        if self.busy {
            if let Ok(filled) = self.filled.try_recv() {
                self.take(writer, filled);
            }
        } else if self.retry_at.is_none_or(|at| Instant::now() >= at)
            && let Some(order) = writer.order_next()
        {
            // A thread that is gone has panicked, which ends the process.
            self.busy = self.orders.send(order).is_ok();
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

    fn take(&mut self, writer: &mut Writer<FileDisk>, filled: FilledOrder<File>) {
        self.busy = false;
        self.retry_at = None;
        if let Err(error) = writer.take_next(filled) {
            self.retry_at = Some(Instant::now() + RETRY_AFTER);
            // Not a failed write: the present segment still has room. If it has not, the write itself will say so.
            log::warn!(error:% = error; "cannot make the next journal segment ahead of need");
        }
    }
}
