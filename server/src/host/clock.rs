//! The only clock of the server: what the node is told of time comes from here.
//!
//! Monotonic time goes on while the machine sleeps. A leader that was suspended would else wake up, and rely on a lease
//! that has long run out for everyone who was awake (thesis 6.4.1): no drift bound covers that. On Linux and its like that
//! is CLOCK_BOOTTIME; elsewhere CLOCK_MONOTONIC, where a machine with lease reads must not be suspended.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use node::{Now, WallTime};
use raft_core::Time;
use rustix::time::{ClockId, clock_gettime};

#[cfg(any(target_os = "linux", target_os = "android"))]
const CLOCK: ClockId = ClockId::Boottime;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const CLOCK: ClockId = ClockId::Monotonic;

/// Monotonic time counts from its making.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    /// What the system's clock showed then.
    origin: Duration,
}

impl Clock {
    pub(crate) fn new() -> Clock {
        Clock {
            origin: system_time(),
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
        system_time().saturating_sub(self.origin)
    }
}

fn system_time() -> Duration {
    let time = clock_gettime(CLOCK);
    let (secs, nanos) = (u64::try_from(time.tv_sec), u32::try_from(time.tv_nsec));
    Duration::new(secs.unwrap_or_default(), nanos.unwrap_or_default())
}
