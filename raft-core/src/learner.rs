//! When a learner has caught up (thesis 4.2.1). Replication to it goes in rounds: each brings the entries that the
//! leader had when the round began. A learner whose last round was shorter than an election timeout can become a voter:
//! the cluster then waits for it no longer than for an election.
//!
//! The thesis gives up after ten rounds, because there the change waits for them. Here whoever asks too early is
//! refused and asks again, so the rounds go on.

use std::time::Duration;

use crate::fingerprint::canonical;
use crate::types::{Index, Time};

/// How one peer keeps up.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Rounds {
    open: Option<OpenRound>,
    /// The last round took less than an election timeout.
    was_short: bool,
}

#[derive(Clone, Copy, Debug)]
struct OpenRound {
    began: Time,
    target: Index,
}

canonical!(struct Rounds { open, was_short });
canonical!(struct OpenRound { began, target });

impl Rounds {
    /// Entries go to it, out of a log that ends at `last`.
    pub(crate) fn sent(&mut self, last: Index, now: Time) {
        self.open.get_or_insert(OpenRound {
            began: now,
            target: last,
        });
    }

    /// It has all entries up to `index`, out of a log that ends at `last`.
    pub(crate) fn matched(&mut self, index: Index, last: Index, now: Time, election_timeout: Duration) {
        if let Some(round) = self.open.take_if(|round| index >= round.target) {
            self.was_short = now < round.began.after(election_timeout);
        }
        if index >= last {
            // However long it took: the next round has nothing to bring, and ends as it begins.
            *self = Rounds {
                open: None,
                was_short: true,
            };
        }
    }

    /// Whether the cluster could rely on it now.
    pub(crate) fn caught_up(&self, now: Time, election_timeout: Duration) -> bool {
        self.was_short
            && self
                .open
                .is_none_or(|round| now < round.began.after(election_timeout))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T: Duration = Duration::from_millis(1000);

    fn at_ms(ms: u64) -> Time {
        Time(ms * 1000)
    }

    #[test]
    fn a_learner_has_caught_up_after_a_short_round() {
        let mut rounds = Rounds::default();
        assert!(!rounds.caught_up(at_ms(0), T), "nothing is known of it");
        rounds.sent(Index(100), at_ms(0));
        rounds.sent(Index(200), at_ms(10));
        rounds.matched(Index(99), Index(200), at_ms(900), T);
        rounds.matched(Index(100), Index(200), at_ms(1500), T);
        assert!(!rounds.caught_up(at_ms(1500), T), "the round was long");
        rounds.sent(Index(200), at_ms(1500));
        rounds.matched(Index(200), Index(300), at_ms(1700), T);
        assert!(rounds.caught_up(at_ms(1700), T));
        assert!(rounds.caught_up(at_ms(9000), T), "nothing more was to be sent");
    }

    #[test]
    fn a_learner_that_has_all_has_caught_up_however_long_it_took() {
        let mut rounds = Rounds::default();
        rounds.sent(Index(7), at_ms(0));
        rounds.matched(Index(6), Index(7), at_ms(5000), T);
        assert!(!rounds.caught_up(at_ms(5000), T));
        rounds.matched(Index(7), Index(7), at_ms(6000), T);
        assert!(rounds.caught_up(at_ms(6000), T));
    }

    #[test]
    fn a_learner_that_stops_has_not_caught_up_any_more() {
        let mut rounds = Rounds::default();
        rounds.sent(Index(1), at_ms(0));
        rounds.matched(Index(1), Index(1), at_ms(1), T);
        rounds.sent(Index(2), at_ms(2000));
        assert!(rounds.caught_up(at_ms(2999), T));
        assert!(!rounds.caught_up(at_ms(3000), T));
    }
}
