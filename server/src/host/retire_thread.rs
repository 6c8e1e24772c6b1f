//! The thread that frees what the node needs no more: what millions of keys took is not freed within a pause that the
//! node may make.

use std::io;
use std::sync::mpsc::{self, Sender};
use std::thread;

use node::Retired;

/// Dropping it ends the thread, once all that it was given is freed.
#[derive(Debug)]
pub(super) struct RetireThread(Sender<Retired>);

impl RetireThread {
    /// # Errors
    /// If the system has no thread left.
    pub(super) fn start() -> io::Result<RetireThread> {
        let (views, its_views) = mpsc::channel::<Retired>();
        thread::Builder::new()
            .name("retire".to_owned())
            .spawn(move || its_views.into_iter().for_each(Retired::free))?;
        Ok(RetireThread(views))
    }

    pub(super) fn free_there(&self, retired: Retired) {
        // A thread that is gone has panicked, which ends the process.
        let _ = self.0.send(retired);
    }
}
