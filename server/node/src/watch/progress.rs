//! Watchers that want to hear that nothing happened: after so long without events they are told how far they are.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use raft_core::Time;

use super::Watcher;

/// How long such a watcher is told nothing, unless the configuration says otherwise.
pub const WATCH_PROGRESS_INTERVAL: Duration = Duration::from_secs(600);

/// Those who want to hear it.
#[derive(Clone, Debug, Default)]
pub(super) struct Quiet {
    watchers: BTreeMap<Watcher, Since>,
    due: BTreeSet<(Time, Watcher)>,
}

#[derive(Clone, Copy, Debug)]
struct Since {
    /// It was told nothing since then.
    told: Time,
    /// When it is looked at.
    due: Time,
}

impl Quiet {
    pub(super) fn add(&mut self, watcher: Watcher, now: Time, interval: Duration) {
        self.put(watcher, now, now.after(spread(watcher, interval)));
    }

    pub(super) fn remove(&mut self, watcher: Watcher) {
        if let Some(since) = self.watchers.remove(&watcher) {
            self.due.remove(&(since.due, watcher));
        }
    }

    pub(super) fn clear(&mut self) {
        *self = Quiet::default();
    }

    /// These were told something.
    pub(super) fn told(&mut self, to: &[Watcher], now: Time) {
        if self.watchers.is_empty() {
            return;
        }
        for watcher in to {
            if let Some(since) = self.watchers.get_mut(watcher) {
                since.told = now;
            }
        }
    }

    /// When to look again.
    pub(super) fn deadline(&self) -> Time {
        self.due.first().map_or(Time::NEVER, |&(due, _)| due)
    }

    /// The next one that was told nothing for so long; it counts anew from now.
    pub(super) fn next_due(&mut self, now: Time, interval: Duration) -> Option<Watcher> {
        while let Some(&(due, watcher)) = self.due.first()
            && due <= now
        {
            let since = self.watchers[&watcher];
            self.remove(watcher);
            let next = since.told.after(spread(watcher, interval));
            if next <= now {
                self.add(watcher, now, interval);
                return Some(watcher);
            }
            self.put(watcher, since.told, next);
        }
        None
    }

    fn put(&mut self, watcher: Watcher, told: Time, due: Time) {
        self.watchers.insert(watcher, Since { told, due });
        self.due.insert((due, watcher));
    }
}

/// Up to a tenth more, so that those who began together are not due together.
fn spread(watcher: Watcher, interval: Duration) -> Duration {
    let (client, id) = watcher;
    let place = client.0.wrapping_mul(31).wrapping_add(id.0) % 100;
    interval + interval / 1000 * place as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::{ClientId, RequestId};

    #[test]
    fn who_was_told_nothing_is_due_and_who_was_told_something_is_not() {
        let interval = Duration::from_secs(10);
        let second = |seconds: u64| Time(seconds * 1_000_000);
        let watchers = [0, 1, 2].map(|id| (ClientId(0), RequestId(id)));
        let mut quiet = Quiet::default();
        for watcher in watchers {
            quiet.add(watcher, second(0), interval);
        }
        assert_eq!(quiet.deadline(), second(10));
        assert_eq!(quiet.next_due(second(9), interval), None);
        quiet.told(&watchers[1..2], second(5));
        quiet.remove(watchers[2]);
        assert_eq!(quiet.next_due(second(11), interval), Some(watchers[0]));
        assert_eq!(quiet.next_due(second(11), interval), None);
        assert_eq!(quiet.next_due(second(16), interval), Some(watchers[1]));
        assert_eq!(quiet.deadline(), second(21));
        quiet.clear();
        assert_eq!(quiet.deadline(), Time::NEVER);
    }
}
