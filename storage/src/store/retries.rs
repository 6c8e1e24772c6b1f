//! What was asked under a key of the client's own, and what came of it: asked again, it is answered again and not done
//! again.
//!
//! A client that has no answer does not know whether its write was done. If it names each write by a key that it uses for
//! nothing else, it may ask again, of any member. The table is state like any other: counted in the order of the log and by
//! the cluster's time, so that every member remembers and forgets the same.

use bytes::Bytes;
use imbl::OrdMap;
use serde::{Deserialize, Serialize};

use super::Store;
use super::command::{Applied, ClusterTime, Command, Failure, Outcome, TreeChange};
use super::fingerprint::{Kind, Row, Totals};
use super::rows::{self, Place, RowFault};

/// So many writes are remembered: the last ones. The newest one always is.
pub const RETRIES_MAX: usize = 10_000;
/// They are remembered while their answers and keys take no more memory than this, in bytes.
pub const RETRIES_BYTES_MAX: u64 = 16 << 20;
/// And for so long at least, in seconds of the cluster's time, unless that time jumps. Each named write lets a few go that are
/// older, so that a clock that jumps ahead, as it may when another member comes to lead, makes few of them forgotten.
pub const RETRIES_SECONDS_MAX: u64 = 600;
/// The most bytes that a key may have.
pub const RETRY_KEY_BYTES_MAX: usize = 255;

/// The memory that an entry takes beside its key and its answer, in bytes. What is forgotten depends on it, so it is the same
/// in every build.
const WEIGHT: usize = 256;

/// So many that are old are forgotten with each that comes.
const OLD_AT_ONCE: usize = 4;

/// A write with a name: asked again under the same name it is answered as before and not done again, as long as it is
/// remembered (see [`RETRIES_MAX`]).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Once {
    /// The client's name for it; at most [`RETRY_KEY_BYTES_MAX`] bytes.
    pub key: Bytes,
    /// What to do.
    pub write: Retriable,
}

/// What can be named.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Retriable {
    /// As [`Command::Tree`].
    Tree {
        /// Where.
        path: Bytes,
        /// What to do there.
        change: TreeChange,
    },
}

impl From<Retriable> for Command {
    fn from(write: Retriable) -> Command {
        match write {
            Retriable::Tree { path, change } => Command::Tree { path, change },
        }
    }
}

/// A write that was named, in a snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetryRow {
    /// Counts up, one for each.
    pub number: u64,
    /// The client's name for it.
    pub key: Bytes,
    /// The cluster's time when it was done.
    pub time: ClusterTime,
    /// The hash of what was asked.
    pub request: u64,
    /// What came of it: postcard of `Result<Outcome, Failure>`.
    pub answer: Bytes,
}

impl RetryRow {
    pub(super) fn bytes(&self) -> usize {
        WEIGHT + self.key.len() + self.answer.len()
    }

    fn row(&self) -> u64 {
        Row::new(Kind::Retry)
            .number(self.number)
            .number(self.time.0)
            .number(self.request)
            .bytes(&self.key)
            .bytes(&self.answer)
            .hash()
    }
}

/// What is known of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Known {
    /// Nothing, or nothing any more.
    New,
    /// The very same was asked: this came of it.
    Same(Box<Result<Outcome, Failure>>),
    /// Something else was asked under it.
    Other,
}

/// The named writes that are remembered.
#[derive(Clone, Debug, Default)]
pub(super) struct Retries {
    rows: OrdMap<u64, RetryRow>,
    /// The numbers, by key.
    numbers: OrdMap<Bytes, u64>,
    totals: Totals,
}

impl Store {
    /// Carries a named command out, or begins to, unless that was done before.
    pub(super) fn apply_once(&mut self, Once { key, write }: Once) -> Applied {
        let request = hash_of(&write);
        match self.retries.find(&key, request) {
            Known::Same(result) => Applied::Done(*result),
            Known::Other => Applied::Done(Err(Failure::OtherRequest)),
            Known::New => {
                let applied = self.apply_anew(write.into());
                self.naming = Some((key, request));
                if let Applied::Done(result) = &applied {
                    self.name_done(result);
                }
                applied
            }
        }
    }

    /// What came of the command is remembered under its name, if it has one. What was refused for want of space may be asked
    /// again.
    pub(super) fn name_done(&mut self, result: &Result<Outcome, Failure>) {
        if let Some((key, request)) = self.naming.take()
            && *result != Err(Failure::NoSpace)
        {
            self.retries.remember(key, request, self.time, result);
        }
    }

    /// Whether a command is named, and a command of this name was done before: it takes no more space.
    #[must_use]
    pub fn was_named(&self, command: &Command) -> bool {
        matches!(command, Command::Once(once) if self.retries.has(&once.key))
    }
}

/// What tells one request from another. It finds mistakes, not forgers: a client that uses its own key twice harms itself.
fn hash_of(write: &Retriable) -> u64 {
    let bytes = postcard::to_stdvec(write).expect("a command always has a postcard form");
    Row::new(Kind::Retry).bytes(&bytes).hash()
}

impl Retries {
    fn find(&self, key: &Bytes, request: u64) -> Known {
        let row = self.numbers.get(key).and_then(|number| self.rows.get(number));
        match row {
            Some(row) if row.request == request => {
                let answer = postcard::from_bytes(&row.answer).expect("it was written here");
                Known::Same(Box::new(answer))
            }
            Some(_) => Known::Other,
            None => Known::New,
        }
    }

    fn has(&self, key: &Bytes) -> bool {
        self.numbers.contains_key(key)
    }

    /// This came of a write; what is too much, and some of what is too old, is forgotten.
    fn remember(&mut self, key: Bytes, request: u64, time: ClusterTime, result: &Result<Outcome, Failure>) {
        let number = self.rows.get_max().map_or(1, |(last, _)| last + 1);
        let answer = postcard::to_stdvec(result).expect("an answer always has a postcard form");
        if let Some(old) = self.numbers.get(&key).copied() {
            self.forget(old);
        }
        self.insert(RetryRow {
            number,
            key,
            time,
            request,
            answer: answer.into(),
        });
        let mut forgotten = 0;
        while let Some((first, row)) = self.rows.get_min()
            && *first < number
            && (self.are_too_many() || forgotten < OLD_AT_ONCE && is_old(row, time))
        {
            let first = *first;
            self.forget(first);
            forgotten += 1;
        }
    }

    fn are_too_many(&self) -> bool {
        self.rows.len() > RETRIES_MAX || self.totals.bytes > RETRIES_BYTES_MAX
    }

    fn insert(&mut self, row: RetryRow) {
        self.totals.add(row.row(), row.bytes());
        self.numbers.insert(row.key.clone(), row.number);
        self.rows.insert(row.number, row);
    }

    fn forget(&mut self, number: u64) {
        if let Some(row) = self.rows.remove(&number) {
            self.totals.remove(row.row(), row.bytes());
            self.numbers.remove(&row.key);
        }
    }

    pub(super) fn totals(&self) -> Totals {
        self.totals
    }

    /// The totals, computed afresh.
    #[cfg(test)]
    pub(super) fn recount(&self) -> Totals {
        let mut totals = Totals::default();
        for (number, row) in &self.rows {
            assert_eq!(self.numbers.get(&row.key), Some(number));
            totals.add(row.row(), row.bytes());
        }
        assert_eq!(self.numbers.len(), self.rows.len());
        totals
    }

    /// The rows after a place, by number.
    pub(super) fn rows(&self, after: Option<Place>) -> impl Iterator<Item = (Place, rows::Row)> {
        let from = after.map_or(0, |place| place.number + 1);
        let rows = self.rows.range(from..);
        rows.map(|(&number, row)| (Place::at(number), rows::Row::Retry(row.clone())))
    }

    /// Takes the next row.
    pub(super) fn load(&mut self, row: RetryRow) -> Result<(), RowFault> {
        if self.rows.get_max().is_some_and(|(last, _)| *last >= row.number) {
            return Err(RowFault::Order);
        }
        if self.numbers.contains_key(&row.key) {
            return Err(RowFault::Impossible("a key that names two writes"));
        }
        if postcard::from_bytes::<Result<Outcome, Failure>>(&row.answer).is_err() {
            return Err(RowFault::Impossible("an answer that cannot be read"));
        }
        self.insert(row);
        Ok(())
    }
}

fn is_old(row: &RetryRow, now: ClusterTime) -> bool {
    let end = row.time.0.saturating_add(RETRIES_SECONDS_MAX * 1_000_000_000);
    end < now.0
}

#[cfg(test)]
mod tests;
