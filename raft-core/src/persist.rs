//! Which changes are on disk. One counter, the stamp, orders all changes of persistent state; changed >= saving >=
//! durable. At most one Save is in flight: meanwhile changes gather, and the next Save takes them all.

use crate::fingerprint::canonical;
use crate::log::Log;
use crate::output::Misuse;
use crate::types::{Ballot, Index, LogChange, Save, SnapshotMark, Stamp, Time};

#[derive(Clone, Debug)]
pub(crate) struct Persist {
    changed: Stamp,
    saving: Stamp,
    durable: Stamp,
    /// The stamp of the ballot's last change.
    ballot_stamp: Stamp,
    /// The ballot changed since the last Save was cut.
    ballot_unsaved: bool,
    /// The first index that changed since the last Save was cut.
    unsaved_from: Option<Index>,
    /// A snapshot replaced the log and no Save was cut of that yet; with the stamp it took.
    reset: Option<(Stamp, SnapshotMark)>,
    /// Since when the Save in flight holds a change that waits.
    saving_since: Option<Time>,
    /// Since when a change waits for the next Save.
    gathering_since: Option<Time>,
    /// The last index that the Save in flight covers; lowered by a truncation, so that `saved` never vouches for an
    /// entry that replaced the one saved ("same index, other entry").
    saving_index: Index,
    /// Entries up to here are on disk, and are the ones in the log.
    durable_index: Index,
}

canonical!(struct Persist {
    changed, saving, durable, ballot_stamp, ballot_unsaved, unsaved_from, reset, saving_since, gathering_since,
    saving_index, durable_index,
});

impl Persist {
    /// As boot found it: everything read from disk is durable.
    pub(crate) fn new(last: Index) -> Persist {
        Persist {
            changed: Stamp(0),
            saving: Stamp(0),
            durable: Stamp(0),
            ballot_stamp: Stamp(0),
            ballot_unsaved: false,
            unsaved_from: None,
            reset: None,
            saving_since: None,
            gathering_since: None,
            saving_index: last,
            durable_index: last,
        }
    }

    pub(crate) fn ballot_changed(&mut self) {
        self.changed = self.changed.next();
        self.ballot_stamp = self.changed;
        self.ballot_unsaved = true;
    }

    /// An entry was added at `index`.
    pub(crate) fn appended(&mut self, index: Index) {
        self.changed = self.changed.next();
        self.unsaved_from = Some(self.unsaved_from.map_or(index, |first| first.min(index)));
    }

    /// Everything after `index` was removed from the log.
    pub(crate) fn truncated_after(&mut self, index: Index) {
        self.saving_index = self.saving_index.min(index);
        self.durable_index = self.durable_index.min(index);
    }

    /// A snapshot that is saved took the place of the whole log, which agreed with it up to `agreed`.
    pub(crate) fn reset(&mut self, mark: SnapshotMark, agreed: Index) {
        self.changed = self.changed.next();
        self.reset = Some((self.changed, mark));
        self.unsaved_from = None;
        self.truncated_after(agreed);
    }

    /// The next Save, if anything changed and none is in flight. Called after every input, at its time.
    pub(crate) fn cut(&mut self, now: Time, ballot: Ballot, commit: Index, log: &Log) -> Option<Save> {
        if self.changed > self.saving {
            self.gathering_since.get_or_insert(now);
        }
        if self.is_saving() || self.changed == self.durable {
            return None;
        }
        self.saving_since = self.gathering_since;
        let ballot = std::mem::take(&mut self.ballot_unsaved).then_some(ballot);
        if let Some((stamp, mark)) = self.reset.take() {
            // By itself, before the entries that follow it; with the ballot, which may be a later change's.
            self.saving = stamp;
            self.saving_index = mark.position.index;
            if self.changed == stamp {
                self.gathering_since = None;
            }
            return Some(Save {
                stamp,
                ballot,
                // The disk may not have more yet.
                commit: commit.min(mark.position.index),
                log: LogChange::Reset(Box::new(mark)),
            });
        }
        self.saving = self.changed;
        self.gathering_since = None;
        let change = match self.unsaved_from.take() {
            Some(first) => {
                self.saving_index = log.last().index;
                let entries = log.slice(first, usize::MAX);
                assert!(!entries.is_empty(), "what is unsaved is in the log");
                LogChange::Append(entries)
            }
            None => {
                self.saving_index = self.durable_index;
                LogChange::Keep
            }
        };
        Some(Save {
            stamp: self.saving,
            ballot,
            commit,
            log: change,
        })
    }

    /// The Save in flight is on disk.
    ///
    /// # Errors
    /// If `stamp` is not that of the Save in flight.
    pub(crate) fn saved(&mut self, stamp: Stamp) -> Result<(), Misuse> {
        let in_flight = self.is_saving().then_some(self.saving);
        if in_flight != Some(stamp) {
            return Err(Misuse::NotInFlight { stamp, in_flight });
        }
        self.durable = self.saving;
        self.saving_since = None;
        self.durable_index = self.durable_index.max(self.saving_index);
        Ok(())
    }

    /// Since when the oldest change that is not durable waits.
    pub(crate) fn unsaved_since(&self) -> Option<Time> {
        self.saving_since.or(self.gathering_since)
    }

    pub(crate) fn is_saving(&self) -> bool {
        self.saving > self.durable
    }

    /// What the Save in flight, or the last one, covers.
    pub(crate) fn saving(&self) -> Stamp {
        self.saving
    }

    pub(crate) fn durable(&self) -> Stamp {
        self.durable
    }

    /// What the next Save will cover: a reset goes by itself.
    pub(crate) fn next_to_save(&self) -> Stamp {
        self.reset.as_ref().map_or(self.changed, |(stamp, _)| *stamp)
    }

    /// The newest change: what a promise made now must wait for.
    pub(crate) fn changed(&self) -> Stamp {
        self.changed
    }

    pub(crate) fn ballot_stamp(&self) -> Stamp {
        self.ballot_stamp
    }

    pub(crate) fn is_durable(&self, stamp: Stamp) -> bool {
        stamp <= self.durable
    }

    pub(crate) fn durable_index(&self) -> Index {
        self.durable_index
    }

    pub(crate) fn check_invariants(&self, log: &Log) {
        assert!(
            self.durable <= self.saving && self.saving <= self.changed,
            "durable <= saving <= changed"
        );
        assert!(
            self.durable_index <= log.last().index,
            "durable entries are in the log"
        );
        let everything_saved = self.unsaved_from.is_none() && self.reset.is_none() && !self.is_saving();
        assert!(
            !everything_saved || self.durable_index == log.last().index,
            "a saved log is durable to its end"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{Body, Entry, Position, SnapshotMark, Term};

    fn append(log: &mut Log, persist: &mut Persist, term: u64) {
        let index = log.last().index.next();
        log.append(Entry {
            position: Position {
                term: Term(term),
                index,
            },
            body: Body::Blank,
        });
        persist.appended(index);
    }

    #[test]
    fn a_save_of_replaced_entries_vouches_for_nothing_after_the_truncation() {
        let mut log = Log::new(SnapshotMark::default(), vec![]);
        let mut persist = Persist::new(Index(0));
        for _ in 0..3 {
            append(&mut log, &mut persist, 1);
        }
        let first = persist
            .cut(Time(0), Ballot::default(), Index(0), &log)
            .expect("entries changed");
        // Entry 3 is replaced while the save that holds its former self is in flight.
        log.truncate_after(Index(2));
        persist.truncated_after(Index(2));
        append(&mut log, &mut persist, 2);
        persist.saved(first.stamp).expect("it is in flight");
        assert_eq!(persist.durable_index(), Index(2));
        let second = persist
            .cut(Time(0), Ballot::default(), Index(0), &log)
            .expect("entry 3 is unsaved");
        assert_eq!(second.log, LogChange::Append(log.slice(Index(3), usize::MAX)));
        persist.saved(second.stamp).expect("it is in flight");
        assert_eq!(persist.durable_index(), Index(3));
        persist.check_invariants(&log);
    }

    #[test]
    fn one_save_takes_all_that_gathered_meanwhile() {
        let mut log = Log::new(SnapshotMark::default(), vec![]);
        let mut persist = Persist::new(Index(0));
        append(&mut log, &mut persist, 1);
        let first = persist
            .cut(Time(0), Ballot::default(), Index(0), &log)
            .expect("one entry");
        append(&mut log, &mut persist, 1);
        persist.ballot_changed();
        append(&mut log, &mut persist, 1);
        assert_eq!(
            persist.cut(Time(0), Ballot::default(), Index(0), &log),
            None,
            "one is in flight"
        );
        persist.saved(first.stamp).expect("it is in flight");
        let second = persist
            .cut(Time(0), Ballot::default(), Index(0), &log)
            .expect("the rest");
        assert_eq!(second.stamp, Stamp(4));
        assert!(second.ballot.is_some());
        assert_eq!(second.log, LogChange::Append(log.slice(Index(2), usize::MAX)));
    }

    #[test]
    fn a_reset_goes_alone_and_what_followed_it_next() {
        let mut log = Log::new(SnapshotMark::default(), vec![]);
        let mut persist = Persist::new(Index(0));
        for _ in 0..3 {
            append(&mut log, &mut persist, 1);
        }
        let first = persist
            .cut(Time(0), Ballot::default(), Index(1), &log)
            .expect("entries changed");
        // Entry 1 is committed when a snapshot comes that knows nothing of 2 and 3.
        let mark = SnapshotMark {
            position: Position {
                term: Term(2),
                index: Index(9),
            },
            ..SnapshotMark::default()
        };
        persist.ballot_changed();
        persist.reset(mark.clone(), Index(1));
        let mut log = Log::new(mark.clone(), vec![]);
        append(&mut log, &mut persist, 2);
        persist.check_invariants(&log);
        persist.saved(first.stamp).expect("it is in flight");
        assert_eq!(persist.durable_index(), Index(1), "2 and 3 are no more");
        let reset = persist
            .cut(Time(0), Ballot::default(), Index(10), &log)
            .expect("the log is another");
        assert_eq!((reset.stamp, reset.commit), (Stamp(5), Index(9)));
        assert_eq!(reset.log, LogChange::Reset(Box::new(mark)));
        assert!(reset.ballot.is_some(), "its stamp covers the ballot's");
        persist.saved(reset.stamp).expect("it is in flight");
        assert_eq!(persist.durable_index(), Index(9));
        let append = persist
            .cut(Time(0), Ballot::default(), Index(10), &log)
            .expect("10 is unsaved");
        assert_eq!(append.log, LogChange::Append(log.slice(Index(10), usize::MAX)));
        persist.saved(append.stamp).expect("it is in flight");
        persist.check_invariants(&log);
        assert_eq!(persist.durable_index(), Index(10));
    }
}
