//! A slice of history for the watchers at one place.

use std::collections::BTreeMap;
use std::ops::Bound;

use storage::store::Store;
use storage::store::query::{Event, Place, Revision};

use super::Watcher;
use super::cohorts::{CohortId, Cohorts};
use super::face;
use super::keys::Keys;

/// The changes looked at in a slice.
const CHANGES_MAX: usize = 500;
/// The bytes of the events told in a slice, after which it ends.
const BYTES_MAX: usize = 128 << 10;

/// How much is in a slice.
#[derive(Clone, Copy, Debug)]
pub(super) struct SliceLimits {
    pub(super) changes_max: usize,
    pub(super) bytes_max: usize,
}

impl Default for SliceLimits {
    fn default() -> SliceLimits {
        SliceLimits {
            changes_max: CHANGES_MAX,
            bytes_max: BYTES_MAX,
        }
    }
}

/// The very same for all of these.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) to: Vec<Watcher>,
    pub(super) events: Vec<Event>,
    /// Everything up to this revision was told with this; if it is not complete, of the revision itself there is more.
    pub(super) revision: Revision,
    pub(super) complete: bool,
}

/// What happened in a slice.
#[derive(Debug)]
struct Slice {
    /// Where it ends.
    end: Place,
    events: Vec<Event>,
    /// Which events each group is to be told.
    hits: BTreeMap<usize, Vec<u32>>,
    /// The changes looked at.
    changes: usize,
}

impl Cohorts {
    /// Tells a cohort the next slice of history. Returns what is told, and how many changes were looked at.
    pub(super) fn advance(&mut self, id: CohortId, store: &Store) -> (Vec<Told>, usize) {
        let place = self.cohorts[&id].place;
        let after = (Bound::Excluded(place), Bound::Unbounded);
        let next = self.places.range(after).next().map(|(&next, _)| next);
        let mut slice = Slice::of(&self.cohorts[&id].keys, store, place, next, self.limits);
        let told = self.tell(id, &mut slice);
        self.go_on(id, slice.end);
        (told, slice.changes)
    }

    fn tell(&mut self, id: CohortId, slice: &mut Slice) -> Vec<Told> {
        let end = slice.end;
        let cohort = self.cohorts.get_mut(&id).expect("the cohort at hand");
        let from = cohort.place;
        for &slot in cohort.keys.open() {
            slice.hits.entry(slot).or_default();
        }
        let mut told = BTreeMap::<(&[u32], bool, bool), Vec<Watcher>>::new();
        let mut held = Vec::new();
        for (&slot, hits) in &slice.hits {
            let group = cohort.keys.group(slot);
            let was_open = group.open;
            let last = hits.last().map(|&last| slice.events[last as usize].revision);
            // It ends in the middle of a revision of which the group was told something.
            let is_open =
                end.after > 0 && (last == Some(end.revision) || (was_open && from.revision == end.revision));
            if hits.is_empty() && is_open {
                continue;
            }
            let to = told.entry((hits, group.interest.previous, !is_open)).or_default();
            for &watcher in &group.watchers {
                if !hits.is_empty() && self.crowded.contains(&watcher.0) {
                    held.push((watcher, was_open));
                } else {
                    to.push(watcher);
                }
            }
            cohort.keys.set_open(slot, is_open);
        }
        for (watcher, was_open) in held {
            self.hold(watcher, from, was_open);
        }
        let told = told.into_iter().filter(|(_, to)| !to.is_empty());
        told.map(|((hits, previous, complete), to)| Told {
            to,
            events: hits.iter().map(|&hit| slice.event(hit, previous)).collect(),
            // Of the revision that the slice ends in, the rest may concern them.
            revision: match complete {
                true => Revision(end.revision.0 - 1),
                false => end.revision,
            },
            complete,
        })
        .collect()
    }
}

impl Slice {
    /// What happened from a place on, as far as it concerns these watchers: at most up to where others stand, and if it
    /// begins in the middle of a revision, up to its end.
    fn of(keys: &Keys, store: &Store, from: Place, next: Option<Place>, limits: SliceLimits) -> Slice {
        let mut slice = Slice {
            end: Place::start_of(Revision(store.revision().0 + 1)),
            events: Vec::new(),
            hits: BTreeMap::new(),
            changes: 0,
        };
        let changed = store.changed(from).expect("who is behind the compacted is ended");
        let (mut bytes, mut slots) = (0, Vec::new());
        for (place, key) in changed {
            if let Some(next) = next.filter(|next| *next <= place) {
                slice.end = next;
                break;
            }
            let is_next = from.after > 0 && place.revision > from.revision;
            if is_next || slice.changes >= limits.changes_max || bytes >= limits.bytes_max {
                slice.end = place;
                break;
            }
            slice.changes += 1;
            slots.clear();
            keys.hits(&key, &mut slots);
            if slots.is_empty() {
                continue;
            }
            let Some(event) = store.event(place.revision, &key) else {
                continue;
            };
            slots.retain(|&slot| keys.group(slot).interest.lets_through(&event));
            let number = u32::try_from(slice.events.len()).expect("a slice is small");
            for &slot in &slots {
                slice.hits.entry(slot).or_default().push(number);
            }
            if !slots.is_empty() {
                bytes += face::bytes(&event);
                slice.events.push(event);
            }
        }
        slice
    }

    fn event(&self, number: u32, previous: bool) -> Event {
        let mut event = self.events[number as usize].clone();
        event.before.take_if(|_| !previous);
        event
    }
}
