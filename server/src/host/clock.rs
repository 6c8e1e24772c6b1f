//! The only clock of the server: what the node is told of time comes from here.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use node::{Now, WallTime};
use raft_core::Time;

/// Monotonic time counts from its making.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    origin: Instant,
}

impl Clock {
    pub(crate) fn new() -> Clock {
        Clock {
            origin: Instant::now(),
        }
    }

    pub(crate) fn now(&self) -> Now {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Now {
            monotonic: Time::default().after(self.elapsed()),
            wall: WallTime(u64::try_from(wall.as_nanos()).unwrap_or(u64::MAX)),
        }
    }

    /// Monotonic time in the form the links take.
    pub(crate) fn elapsed(&self) -> Duration {
        self.origin.elapsed()
    }
}
