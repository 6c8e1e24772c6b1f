//! When to seal: one state machine for every host. See [`Writer::seal`](super::Writer::seal) for what a Seal is.

use std::time::Duration;

use raft_core::Time;

/// How long after the last Save the journal is sealed, if no other comes. Short, since until then the last Save is in
/// doubt; and long enough that a busy member never does it.
pub const SEAL_AFTER: Duration = Duration::from_secs(1);

/// Tells when the journal has been idle for long enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Idle {
    at: Option<Time>,
}

impl Idle {
    /// The journal was opened now, and its end may be unsealed.
    #[must_use]
    pub fn since(now: Time) -> Idle {
        Idle {
            at: Some(now.after(SEAL_AFTER)),
        }
    }

    /// A Save is durable now.
    pub fn saved(&mut self, now: Time) {
        *self = Idle::since(now);
    }

    /// When to seal; [`Time::NEVER`] if it is done.
    #[must_use]
    pub fn deadline(&self) -> Time {
        self.at.unwrap_or(Time::NEVER)
    }

    /// Whether to seal now. Says yes once.
    pub fn is_due(&mut self, now: Time) -> bool {
        self.at.take_if(|at| *at <= now).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_due_once_a_second_after_the_last_save() {
        let at = |millis: u64| Time(1000 * millis);
        let mut idle = Idle::since(at(0));
        assert!(!idle.is_due(at(999)));
        idle.saved(at(999));
        assert_eq!(idle.deadline(), at(1999));
        assert!(!idle.is_due(at(1998)));
        assert!(idle.is_due(at(1999)));
        assert!(!idle.is_due(at(9000)));
        assert_eq!(idle.deadline(), Time::NEVER);
        idle.saved(at(9000));
        assert!(idle.is_due(at(10_000)));
    }
}
