//! Waking an event loop from another thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use log::error;

/// The loop's thread is at work and looks at this before it sleeps.
const AWAKE: u8 = 0;
/// The loop's thread sleeps, or is about to.
const ASLEEP: u8 = 1;
/// Somebody called since the loop last looked.
const CALLED: u8 = 2;

/// Makes the loop's `wait` return with `Event::Woken`. Cheap when the loop is awake: then it costs no system call.
///
/// Whatever the loop's thread is to find must be there before the call.
#[derive(Clone, Debug)]
pub struct Waker(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    state: AtomicU8,
    poll: mio::Waker,
}

impl Waker {
    pub(crate) fn new(poll: mio::Waker) -> Waker {
        Waker(Arc::new(Shared {
            state: AtomicU8::new(AWAKE),
            poll,
        }))
    }

    /// Wakes the loop, now or as soon as it would sleep. Calls between two looks of the loop count as one.
    pub fn wake(&self) {
        // SeqCst throughout: this is a handshake of two parties over one word, and not worth a finer argument.
        if self.0.state.swap(CALLED, Ordering::SeqCst) == ASLEEP
            && let Err(error) = self.0.poll.wake()
        {
            error!("the event loop cannot be woken: {error}");
        }
    }

    /// The loop is about to sleep; whether it must not, since somebody called.
    pub(crate) fn before_sleep(&self) -> bool {
        let called = self.0.state.swap(ASLEEP, Ordering::SeqCst) == CALLED;
        if called {
            self.0.state.store(CALLED, Ordering::SeqCst);
        }
        called
    }

    /// The loop is awake again; whether somebody called.
    pub(crate) fn after_sleep(&self) -> bool {
        self.0.state.swap(AWAKE, Ordering::SeqCst) == CALLED
    }
}
