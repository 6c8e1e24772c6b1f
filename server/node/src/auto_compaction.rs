//! Compaction of the v3 keyspace without being asked, as etcd does it: by age or by the number of revisions. Every member
//! looks at what revision it has, so that a new leader knows how old revisions are; the leader alone proposes.

use std::collections::VecDeque;
use std::time::Duration;

use raft_core::Time;
use serde::{Deserialize, Serialize};
use storage::store::command::Command;
use storage::store::query::Revision;

use crate::node::Node;

/// By age: at most so long between two compactions.
const PERIOD_MAX: Duration = Duration::from_secs(3600);
/// By age: so many looks at the revision between two compactions.
const LOOKS: u32 = 10;
/// By number: so long between two compactions.
const BY_NUMBER_EVERY: Duration = Duration::from_secs(300);
/// By age: not less between two looks.
const LOOK_APART_MIN: Duration = Duration::from_millis(10);
/// When the log took no proposal.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// What history is compacted without being asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum AutoCompaction {
    /// None.
    #[default]
    Off,
    /// What is older than this, each time as much has passed, or an hour if that is less. More than zero.
    Periodic(Duration),
    /// All but so many of the newest revisions, every five minutes.
    Revisions(u64),
}

/// When to compact, and up to where.
#[derive(Clone, Debug)]
pub(crate) struct AutoCompactor {
    policy: AutoCompaction,
    next_look: Time,
    /// By age: not before then.
    due: Time,
    /// By age: the revision at each look, from the newest that is old enough on.
    looks: VecDeque<(Time, Revision)>,
    /// The last that was proposed.
    proposed: Revision,
}

impl AutoCompactor {
    /// Of a member that boots.
    pub(crate) fn new(policy: AutoCompaction, now: Time) -> AutoCompactor {
        let (next_look, due) = match policy {
            AutoCompaction::Off => (Time::NEVER, Time::NEVER),
            AutoCompaction::Periodic(age) => (now, now.after(age)),
            AutoCompaction::Revisions(_) => (now.after(BY_NUMBER_EVERY), now),
        };
        AutoCompactor {
            policy,
            next_look,
            due,
            looks: VecDeque::new(),
            proposed: Revision(0),
        }
    }

    /// When to look at the revision again.
    pub(crate) fn deadline(&self) -> Time {
        self.next_look
    }

    /// Looks at the revision, if it is time; the one to compact at, if there is any now.
    fn look(&mut self, now: Time, revision: Revision) -> Option<Revision> {
        if now < self.next_look {
            return None;
        }
        match self.policy {
            AutoCompaction::Off => None,
            AutoCompaction::Revisions(kept) => {
                self.next_look = now.after(BY_NUMBER_EVERY);
                Some(Revision(revision.0.saturating_sub(kept)))
            }
            AutoCompaction::Periodic(age) => {
                let period = age.min(PERIOD_MAX);
                self.next_look = now.after((period / LOOKS).max(LOOK_APART_MIN));
                self.looks.push_back((now, revision));
                let is_old = |look: &(Time, Revision)| look.0.after(age) <= now;
                while self.looks.get(1).is_some_and(is_old) {
                    self.looks.pop_front();
                }
                if now < self.due {
                    return None;
                }
                self.due = now.after(period);
                self.looks.front().filter(|look| is_old(look)).map(|look| look.1)
            }
        }
    }

    /// The log took no proposal: looks again soon.
    fn retry(&mut self, now: Time) {
        self.next_look = now.after(RETRY_AFTER);
        self.due = self.next_look;
    }
}

impl Node {
    /// Compacts, if it leads and it is time.
    pub(crate) fn tick_auto_compaction(&mut self) {
        let now = self.now.monotonic;
        let Some(revision) = self.auto_compactor.look(now, self.store.revision()) else {
            return;
        };
        let is_news = revision > self.store.compacted().max(self.auto_compactor.proposed);
        if !is_news || !self.raft.is_leader() {
            return;
        }
        if self.propose_own(Command::Compact { revision }) {
            self.auto_compactor.proposed = revision;
        } else {
            self.auto_compactor.retry(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn minutes(count: u64) -> Time {
        Time(count * 60_000_000)
    }

    /// Looks each time it is due, at a revision that grows by one a minute; what it compacts at, with the minute.
    fn compactions(policy: AutoCompaction, until: u64) -> Vec<(u64, u64)> {
        let mut compactor = AutoCompactor::new(policy, Time(0));
        let mut compactions = Vec::new();
        while compactor.deadline() <= minutes(until) {
            let now = compactor.deadline();
            let minute = now.0 / 60_000_000;
            if let Some(revision) = compactor.look(now, Revision(minute)) {
                compactions.push((minute, revision.0));
            }
            assert_eq!(compactor.look(now, Revision(minute)), None, "it has just looked");
        }
        compactions
    }

    #[test]
    fn by_age_it_compacts_at_the_revision_of_so_long_ago() {
        let short = AutoCompaction::Periodic(HOUR / 6);
        assert_eq!(compactions(short, 35), [(10, 0), (20, 10), (30, 20)]);
        let long = AutoCompaction::Periodic(2 * HOUR);
        assert_eq!(compactions(long, 250), [(120, 0), (180, 60), (240, 120)]);
    }

    #[test]
    fn by_number_it_keeps_the_newest() {
        let policy = AutoCompaction::Revisions(7);
        assert_eq!(compactions(policy, 16), [(5, 0), (10, 3), (15, 8)]);
    }

    #[test]
    fn off_it_never_looks() {
        let compactor = AutoCompactor::new(AutoCompaction::Off, Time(0));
        assert_eq!(compactor.deadline(), Time::NEVER);
    }

    #[test]
    fn looks_that_are_too_old_are_forgotten() {
        let mut compactor = AutoCompactor::new(AutoCompaction::Periodic(HOUR), Time(0));
        for minute in 0..1000 {
            compactor.look(minutes(minute), Revision(1));
        }
        assert!(compactor.looks.len() <= LOOKS as usize + 2);
    }
}
