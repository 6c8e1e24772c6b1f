//! The thread that drops views: the last one of a large state takes longer to free than the node may pause.

use std::io;
use std::sync::mpsc::{self, Sender};
use std::thread;

use node::Retired;

/// Dropping it ends the thread, once all that it was given is dropped.
#[derive(Debug)]
pub(super) struct RetireThread(Sender<Retired>);

impl RetireThread {
    /// # Errors
    /// If the system has no thread left.
    pub(super) fn start() -> io::Result<RetireThread> {
        let (views, its_views) = mpsc::channel::<Retired>();
        thread::Builder::new()
            .name("retire".to_owned())
            .spawn(move || its_views.into_iter().for_each(drop))?;
        Ok(RetireThread(views))
    }

    pub(super) fn drop_there(&self, view: Retired) {
        // A thread that is gone has panicked, which ends the process.
        let _ = self.0.send(view);
    }
}
