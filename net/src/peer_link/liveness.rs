//! Whether the other end of a link is alive.
//!
//! TCP may take a quarter of an hour to notice that the other end is gone, and after a partition heals it waits up to two
//! minutes before it tries again. So a link that has heard nothing for [`PROBE_AFTER`] sends an empty frame, which the other
//! end sends back, and one that has heard nothing for [`SILENCE_MAX`] is dropped and dialled anew.

use std::time::Duration;

/// How long nothing is heard before a proof of life is asked for.
pub const PROBE_AFTER: Duration = Duration::from_secs(1);
/// How long nothing is heard before the link is dropped.
pub const SILENCE_MAX: Duration = Duration::from_secs(4);

/// What is known of the life of the other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Liveness {
    /// When there was last a proof of it.
    heard_at: Duration,
    probe: Probe,
    /// Output that the socket had not taken at the last tick, in bytes.
    pending: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Probe {
    /// None is needed.
    None,
    /// To be sent.
    Due,
    /// Sent and not answered.
    Sent,
}

impl Liveness {
    /// The other end was just heard.
    pub(super) fn new(now: Duration) -> Liveness {
        Liveness {
            heard_at: now,
            probe: Probe::None,
            pending: 0,
        }
    }

    /// Time passed, with so much output not taken by the socket; whether the link may stay.
    pub(super) fn tick(&mut self, now: Duration, pending: usize) -> bool {
        // Output that was stuck in front of a full socket moved: the other end's kernel took bytes. What a socket takes
        // at once says nothing about the other end.
        if pending < self.pending {
            self.heard(now);
        }
        self.pending = pending;
        if self.probe == Probe::None && now >= self.heard_at + PROBE_AFTER {
            self.probe = Probe::Due;
        }
        now < self.heard_at + SILENCE_MAX
    }

    /// There is a proof of life.
    pub(super) fn heard(&mut self, now: Duration) {
        self.heard_at = now;
        self.probe = Probe::None;
    }

    /// Whether to send a probe now.
    pub(super) fn take_probe(&mut self) -> bool {
        let due = self.probe == Probe::Due;
        if due {
            self.probe = Probe::Sent;
        }
        due
    }

    /// When to tick next.
    pub(super) fn deadline(&self) -> Duration {
        match self.probe {
            Probe::None => self.heard_at + PROBE_AFTER,
            Probe::Due | Probe::Sent => self.heard_at + SILENCE_MAX,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn silence_is_probed_once_and_then_ends_the_link() {
        let mut life = Liveness::new(Duration::ZERO);
        assert!(life.tick(PROBE_AFTER - MS, 0));
        assert!(!life.take_probe());
        assert_eq!(life.deadline(), PROBE_AFTER);
        assert!(life.tick(PROBE_AFTER, 0));
        assert!(life.take_probe());
        assert!(life.tick(PROBE_AFTER + MS, 0));
        assert!(!life.take_probe(), "one probe is enough");
        assert_eq!(life.deadline(), SILENCE_MAX);
        assert!(life.tick(SILENCE_MAX - MS, 0));
        assert!(!life.tick(SILENCE_MAX, 0));
    }

    #[test]
    fn an_answer_starts_the_wait_anew() {
        let mut life = Liveness::new(Duration::ZERO);
        assert!(life.tick(PROBE_AFTER, 0));
        assert!(life.take_probe());
        life.heard(3 * PROBE_AFTER);
        assert_eq!(life.deadline(), 4 * PROBE_AFTER);
        assert!(life.tick(SILENCE_MAX, 0));
    }

    #[test]
    fn stuck_output_that_moves_is_a_proof_of_life_and_what_the_socket_takes_at_once_is_none() {
        let mut moving = Liveness::new(Duration::ZERO);
        let mut quick = Liveness::new(Duration::ZERO);
        for second in 1..20 {
            let now = Duration::from_secs(second);
            assert!(moving.tick(now, 1000 - second as usize) || second < 2);
            assert_eq!(quick.tick(now, 0), now < SILENCE_MAX);
        }
        let mut stuck = Liveness::new(Duration::ZERO);
        assert!(stuck.tick(MS, 1000));
        assert!(!stuck.tick(SILENCE_MAX, 1000));
    }
}
