//! Watchers of v3 keys by how far they were told the history: those at one place are a cohort.
//!
//! A cohort was told everything before its place, as far as it concerns its watchers, and nothing after. So whoever has
//! seen all there is makes one cohort at the present; who begins in the past, or was left behind, stands at an earlier
//! place, is told the history in slices, and joins the cohort that it meets. Who begins in the future stands there until
//! the present comes. There is no hand-over between replay and live events in which one could be lost or told twice.
//!
//! A watcher whose client is crowded stays in its cohort as long as nothing concerns it. At its next event it is taken
//! out, and held at the place where it was, until its client has room.

use std::collections::{BTreeMap, BTreeSet};

use storage::store::query::{Place, Revision};

use super::Watcher;
use super::catch_up::SliceLimits;
use super::keys::{Interest, Keys};
use crate::request::{ClientId, RequestId};

/// All watchers of v3 keys.
#[derive(Clone, Debug, Default)]
pub(super) struct Cohorts {
    pub(super) cohorts: BTreeMap<CohortId, Cohort>,
    pub(super) places: BTreeMap<Place, CohortId>,
    next: u64,
    records: BTreeMap<Watcher, Record>,
    pub(super) crowded: BTreeSet<ClientId>,
    /// The place of the cohort served last.
    cursor: Option<Place>,
    pub(super) limits: SliceLimits,
    /// Of the node's own: clients do not know it.
    seed: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct CohortId(u64);

/// Watchers at one place.
#[derive(Clone, Debug)]
pub(super) struct Cohort {
    pub(super) place: Place,
    pub(super) keys: Keys,
}

#[derive(Clone, Debug)]
struct Record {
    interest: Interest,
    at: At,
}

#[derive(Clone, Copy, Debug)]
enum At {
    Cohort(CohortId),
    /// It waits until its client has room.
    Held {
        place: Place,
        /// It was told a part of the revision that it is in the middle of.
        open: bool,
    },
}

impl Cohorts {
    /// None yet. See [`Keys::seeded`].
    pub(super) fn seeded(seed: u64) -> Cohorts {
        Cohorts {
            seed,
            ..Cohorts::default()
        }
    }

    /// Adds a watcher that is to be told everything from a place on.
    pub(super) fn add(&mut self, watcher: Watcher, interest: Interest, place: Place) {
        let at = At::Cohort(self.enter(watcher, &interest, place, false));
        let former = self.records.insert(watcher, Record { interest, at });
        assert!(former.is_none(), "request ids are used once: {watcher:?}");
    }

    /// Ends a watcher. Returns whether there was one.
    pub(super) fn remove(&mut self, watcher: Watcher) -> bool {
        let Some(Record { interest, at }) = self.records.remove(&watcher) else {
            return false;
        };
        if let At::Cohort(id) = at {
            self.leave(watcher, &interest, id);
        }
        true
    }

    /// The watchers of a client.
    pub(super) fn of(&self, client: ClientId) -> Vec<Watcher> {
        let range = (client, RequestId(0))..=(client, RequestId(u64::MAX));
        self.records.range(range).map(|(&watcher, _)| watcher).collect()
    }

    /// Ends all watchers, and tells which.
    pub(super) fn remove_all(&mut self) -> Vec<Watcher> {
        let none = Cohorts {
            crowded: std::mem::take(&mut self.crowded),
            limits: self.limits,
            ..Cohorts::seeded(self.seed)
        };
        let former = std::mem::replace(self, none);
        former.records.into_keys().collect()
    }

    /// Holds a watcher at a place until its client has room.
    pub(super) fn hold(&mut self, watcher: Watcher, place: Place, open: bool) {
        let record = self.records.get_mut(&watcher).expect("a watcher is known");
        if let At::Cohort(id) = std::mem::replace(&mut record.at, At::Held { place, open }) {
            let interest = record.interest.clone();
            self.leave(watcher, &interest, id);
        }
    }

    /// A client has room: its watchers go on from where they are held.
    pub(super) fn release(&mut self, client: ClientId) {
        self.crowded.remove(&client);
        for watcher in self.of(client) {
            let Record { interest, at } = &self.records[&watcher];
            if let At::Held { place, open } = *at {
                let interest = interest.clone();
                let id = self.enter(watcher, &interest, place, open);
                self.records.get_mut(&watcher).expect("it was there").at = At::Cohort(id);
            }
        }
    }

    /// Ends the watchers that were not told everything up to this revision, and tells which.
    pub(super) fn remove_up_to(&mut self, revision: Revision) -> Vec<Watcher> {
        let before = Place::start_of(Revision(revision.0 + 1));
        let mut ended: Vec<Watcher> = Vec::new();
        for (_, id) in self.places.range(..before) {
            let groups = self.cohorts[id].keys.groups();
            ended.extend(groups.flat_map(|group| &group.watchers));
        }
        for client in &self.crowded {
            let held = self.of(*client).into_iter();
            ended.extend(held.filter(
                |watcher| matches!(self.records[watcher].at, At::Held { place, .. } if place < before),
            ));
        }
        for &watcher in &ended {
            self.remove(watcher);
        }
        ended
    }

    /// The cohort to be served next of those that were not told this revision, one after the other.
    pub(super) fn next_behind(&mut self, revision: Revision) -> Option<CohortId> {
        let present = Place::start_of(Revision(revision.0 + 1));
        let after = |place: Place| (std::ops::Bound::Excluded(place), std::ops::Bound::Unbounded);
        let next = self
            .cursor
            .and_then(|cursor| self.places.range(after(cursor)).next())
            .filter(|(place, _)| **place < present)
            .or_else(|| self.places.range(..present).next());
        let (&place, &id) = next?;
        self.cursor = Some(place);
        Some(id)
    }

    /// Whether somebody was not told this revision, and could be.
    pub(super) fn is_behind(&self, revision: Revision) -> bool {
        let first = self.places.keys().next();
        first.is_some_and(|place| place.revision <= revision)
    }

    /// Whether each watcher of a client was told this revision.
    pub(super) fn is_told(&self, client: ClientId, revision: Revision) -> bool {
        let range = (client, RequestId(0))..=(client, RequestId(u64::MAX));
        let mut watchers = self.records.range(range);
        watchers.all(|(&watcher, _)| self.is_watcher_told(watcher, revision))
    }

    /// Whether a watcher was told this revision.
    pub(super) fn is_watcher_told(&self, watcher: Watcher, revision: Revision) -> bool {
        let place = match self.records[&watcher].at {
            At::Cohort(id) => self.cohorts[&id].place,
            At::Held { place, .. } => place,
        };
        place.revision > revision
    }

    /// A cohort was told everything up to another place. It joins who stands there.
    pub(super) fn go_on(&mut self, id: CohortId, place: Place) {
        let Some(mut cohort) = self.cohorts.remove(&id) else {
            // All of its watchers are held.
            return;
        };
        self.places.remove(&cohort.place);
        cohort.place = place;
        let Some(&other) = self.places.get(&place) else {
            self.places.insert(place, id);
            self.cohorts.insert(id, cohort);
            return;
        };
        let mut larger = self.cohorts.remove(&other).expect("a place has its cohort");
        let (mut into, mut smaller) = (other, cohort);
        if smaller.keys.len() > larger.keys.len() {
            std::mem::swap(&mut smaller, &mut larger);
            into = id;
        }
        for group in smaller.keys.groups() {
            for &watcher in &group.watchers {
                larger.keys.insert(watcher, &group.interest, group.open);
                self.records.get_mut(&watcher).expect("a watcher is known").at = At::Cohort(into);
            }
        }
        self.places.insert(place, into);
        self.cohorts.insert(into, larger);
    }

    fn enter(&mut self, watcher: Watcher, interest: &Interest, place: Place, open: bool) -> CohortId {
        let id = *self.places.entry(place).or_insert_with(|| {
            self.next += 1;
            CohortId(self.next)
        });
        let cohort = self.cohorts.entry(id).or_insert_with(|| Cohort {
            place,
            keys: Keys::seeded(self.seed),
        });
        cohort.keys.insert(watcher, interest, open);
        id
    }

    fn leave(&mut self, watcher: Watcher, interest: &Interest, id: CohortId) {
        let cohort = self.cohorts.get_mut(&id).expect("a watcher's cohort is there");
        cohort.keys.remove(watcher, interest);
        if cohort.keys.len() == 0 {
            self.places.remove(&cohort.place);
            self.cohorts.remove(&id);
        }
    }
}
