//! The rows of some neighbouring keys, packed.

use std::sync::Arc;

use bytes::Bytes;

use super::sparse::Sparse;
use super::strings::{Strings, make_room, room};
use crate::store::mvcc::history::{History, Older};
use crate::store::mvcc::version::{Packed, VersionRef, pack, unpack};

/// More rows than this are not in one leaf: all of them are copied when a view shares it, and what stands aside of them is
/// counted up.
const ROWS_MAX: usize = 32;
/// Nor more bytes, if there is more than one row.
pub(super) const BYTES_MAX: usize = 6 << 10;
/// A longer value stands aside, where it is shared by all copies of the leaf.
const VALUE_BYTES_MAX: usize = 512;

/// Keys in order, each with its history: the newest versions in one piece of memory, small values among them. Those do not
/// stand in order: one that is new, or has become longer, comes behind the others, and what it leaves is used again when
/// the piece is full. So a put moves little, and copies a few KiB at most.
#[derive(Debug, Default)]
pub(super) struct Leaf {
    pub(super) keys: Strings,
    /// The newest versions, packed.
    rows: Vec<u8>,
    /// Where in `rows` each one is, by key.
    places: Vec<Place>,
    /// What few rows have, if any of these has it.
    aside: Option<Box<Aside>>,
}

/// A leaf's rows never take 64 KiB: each has a small value.
#[derive(Clone, Copy, Debug, Default)]
struct Place {
    start: u16,
    bytes: u16,
}

/// When a leaf is full.
#[derive(Clone, Copy, Debug)]
pub(super) enum Filling {
    /// When no more fits.
    Full,
    /// When it has as much as leaves have where keys come in any order.
    Loaded,
}

#[derive(Clone, Debug)]
struct Aside {
    /// The versions before the newest.
    older: Sparse<Arc<Older>>,
    /// Values that are too long.
    values: Sparse<Bytes>,
}

impl Leaf {
    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    pub(super) fn newest(&self, at: usize) -> VersionRef<'_> {
        let row = &self.rows[self.places[at].range()];
        unpack(row, self.aside.as_ref().and_then(|aside| aside.values.get(at)))
    }

    pub(super) fn older(&self, at: usize) -> Option<&Arc<Older>> {
        self.aside.as_ref()?.older.get(at)
    }

    pub(super) fn insert(&mut self, at: usize, key: &[u8], history: History) {
        self.keys.insert(at, key);
        make_room(&mut self.places, 1);
        self.places.insert(at, Place::default());
        if let Some(aside) = &mut self.aside {
            aside.older.insert_row(at);
            aside.values.insert_row(at);
        }
        self.put(at, history);
    }

    /// Changes the history of a row.
    pub(super) fn change<T>(&mut self, at: usize, change: impl FnOnce(&mut History) -> T) -> T {
        let mut history = self.take(at);
        let result = change(&mut history);
        self.put(at, history);
        result
    }

    pub(super) fn remove(&mut self, at: usize) -> History {
        let history = self.take(at);
        self.places.remove(at);
        self.keys.remove(at);
        if 2 * self.live() < self.rows.len() {
            self.gather(0);
        }
        if let Some(aside) = &mut self.aside {
            aside.older.remove_row(at);
            aside.values.remove_row(at);
        }
        history
    }

    /// Whether it is to be split.
    pub(super) fn is_full(&self, filling: Filling) -> bool {
        let most = |all: usize| match filling {
            Filling::Full => all,
            Filling::Loaded => self.usual_part(all),
        };
        self.len() > most(ROWS_MAX) || self.len() > 1 && self.bytes() > most(BYTES_MAX)
    }

    /// How full a leaf becomes that begins with this key: from a half on, and less often the more, as it is with leaves
    /// that are split in the middle.
    fn usual_part(&self, all: usize) -> usize {
        let (prefix, rest) = self.keys.parts(0);
        let chance = crc32c::crc32c_append(crc32c::crc32c(prefix), rest);
        let whole = 1 << 32;
        (all as u64 * whole / (2 * whole - u64::from(chance))) as usize
    }

    /// Whether it is to be joined with a neighbour, if it fits.
    pub(super) fn is_small(&self) -> bool {
        self.len() < ROWS_MAX / 4 && self.bytes() < BYTES_MAX / 4
    }

    /// Whether both fit in one leaf, with room to grow. One without rows always does.
    pub(super) fn joins(&self, other: &Leaf) -> bool {
        let (rows, bytes) = (self.len() + other.len(), self.bytes() + other.bytes());
        let fit = rows * 4 <= ROWS_MAX * 3 && bytes * 4 <= BYTES_MAX * 3;
        fit || self.len() == 0 || other.len() == 0
    }

    /// Splits a full one in which the row at `touched` came last: in the middle, but behind all others if that one stands
    /// there: keys that come in order leave full leaves behind.
    pub(super) fn split(&mut self, touched: usize) -> Leaf {
        let at = if touched + 1 == self.len() {
            touched
        } else {
            let mut before = 0;
            let is_before_half = |place: &&Place| {
                before += usize::from(place.bytes);
                before * 2 < self.live()
            };
            let middle = self.places.iter().take_while(is_before_half).count();
            middle.clamp(1, self.len() - 1)
        };
        self.split_off(at)
    }

    /// Takes up all rows of the next leaf.
    pub(super) fn append(&mut self, other: &Leaf) {
        let rows = self.len();
        self.keys.append(&other.keys);
        self.gather(other.live());
        make_room(&mut self.places, other.len());
        for place in &other.places {
            self.places.push(Place::new(self.rows.len(), place.bytes.into()));
            self.rows.extend_from_slice(&other.rows[place.range()]);
        }
        if let Some(other) = other.aside.as_deref().cloned() {
            let aside = self.aside.get_or_insert_with(Box::default);
            aside.older.append(other.older, rows);
            aside.values.append(other.values, rows);
        }
    }

    pub(super) fn bytes(&self) -> usize {
        self.keys.bytes() + self.live()
    }

    /// The bytes of the rows.
    fn live(&self) -> usize {
        self.places.iter().map(|place| usize::from(place.bytes)).sum()
    }

    fn split_off(&mut self, at: usize) -> Leaf {
        let aside = self.aside.as_mut().map(|aside| {
            Box::new(Aside {
                older: aside.older.split_off(at),
                values: aside.values.split_off(at),
            })
        });
        let (rows, places) = gathered(&self.rows, &self.places[at..], 0);
        let right = Leaf {
            keys: self.keys.part(at..self.len()),
            rows,
            places,
            aside: aside.filter(|aside| !aside.is_empty()),
        };
        self.keys = self.keys.part(0..at);
        self.places.truncate(at);
        self.gather(0);
        self.forget_empty_aside();
        right
    }

    /// Lays the rows one behind the other, with room for so many bytes more.
    fn gather(&mut self, more: usize) {
        (self.rows, self.places) = gathered(&self.rows, &self.places, more);
    }

    /// Takes the history of a row out, which then is to be put back, or the row to be removed.
    fn take(&mut self, at: usize) -> History {
        let newest = self.newest(at).to_version();
        let older = self.aside.as_mut().and_then(|aside| {
            aside.values.take(at);
            aside.older.take(at)
        });
        self.forget_empty_aside();
        History::of(newest, older)
    }

    /// Writes the history of a row that has nothing aside.
    fn put(&mut self, at: usize, history: History) {
        let (newest, older) = history.into_parts();
        let Packed { head, value, aside } = pack(&newest, VALUE_BYTES_MAX);
        let row = self.place(at, head.len() + value.len());
        let (place, rest) = row.split_at_mut(head.len());
        place.copy_from_slice(&head);
        rest.copy_from_slice(value);
        let is_aside = aside.is_some();
        // Moved: the first clone of a value takes memory of its own, to count who has it.
        let value = newest.life.filter(|_| is_aside).map(|life| life.value);
        if older.is_some() || value.is_some() {
            let place = self.aside.get_or_insert_with(Box::default);
            older.into_iter().for_each(|older| place.older.set(at, older));
            value.into_iter().for_each(|value| place.values.set(at, value));
        }
    }

    /// A place for a row of so many bytes: where it was, if they fit. What it said is lost.
    fn place(&mut self, at: usize, bytes: usize) -> &mut [u8] {
        if bytes <= usize::from(self.places[at].bytes) {
            self.places[at] = Place::new(self.places[at].start.into(), bytes);
        } else {
            self.places[at] = Place::default();
            if self.rows.len() + bytes > self.rows.capacity() {
                self.gather(bytes);
            }
            self.places[at] = Place::new(self.rows.len(), bytes);
            self.rows.resize(self.rows.len() + bytes, 0);
        }
        &mut self.rows[self.places[at].range()]
    }

    fn forget_empty_aside(&mut self) {
        if self.aside.as_ref().is_some_and(|aside| aside.is_empty()) {
            self.aside = None;
        }
    }
}

/// A copy has what it must, and a little room.
impl Clone for Leaf {
    fn clone(&self) -> Leaf {
        let (rows, places) = gathered(&self.rows, &self.places, 0);
        Leaf {
            keys: self.keys.clone(),
            rows,
            places,
            aside: self.aside.clone(),
        }
    }
}

/// Some rows, one behind the other, with room for so many bytes more.
fn gathered(rows: &[u8], places: &[Place], more: usize) -> (Vec<u8>, Vec<Place>) {
    let bytes: usize = places.iter().map(|place| usize::from(place.bytes)).sum();
    let mut gathered = Vec::with_capacity(room(bytes + more, 1));
    let mut there = Vec::with_capacity(room(places.len(), size_of::<Place>()));
    for place in places {
        there.push(Place::new(gathered.len(), place.bytes.into()));
        gathered.extend_from_slice(&rows[place.range()]);
    }
    (gathered, there)
}

impl Place {
    fn new(start: usize, bytes: usize) -> Place {
        let short = |number| u16::try_from(number).expect("a leaf's rows are few and short");
        Place {
            start: short(start),
            bytes: short(bytes),
        }
    }

    fn range(self) -> std::ops::Range<usize> {
        let start = usize::from(self.start);
        start..start + usize::from(self.bytes)
    }
}

impl Aside {
    fn is_empty(&self) -> bool {
        self.older.is_empty() && self.values.is_empty()
    }
}

impl Default for Aside {
    fn default() -> Aside {
        Aside {
            older: Sparse::new(),
            values: Sparse::new(),
        }
    }
}
