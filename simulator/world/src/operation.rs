//! What clients do and what they were told: the history that the checks judge.

use std::fmt;

use raft_core::{NodeId, Time};

use crate::trace::Stamp;

/// A value that is written at most once in a run, so that whoever reads it knows which write it saw.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Value(pub u32);

/// One key of either API; each is a register of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    /// A key of the v3 keyspace.
    V3(u8),
    /// A file of the v2 tree.
    V2(u8),
}

/// What a client asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Sets the key.
    Put {
        /// To this.
        value: Value,
        /// Whether the answer is to tell what stood there. v2 always does.
        previous: bool,
    },
    /// Reads the key.
    Get {
        /// Whether the answer must not be stale.
        linearizable: bool,
    },
    /// Deletes the key.
    Delete,
    /// v2: sets the key if it is not there.
    Create {
        /// To this.
        value: Value,
    },
    /// v2: sets the key if it holds what is expected.
    CompareAndSwap {
        /// What is expected.
        expected: Value,
        /// What it is set to.
        value: Value,
    },
}

impl Action {
    /// Whether it changes nothing, whatever becomes of it.
    #[must_use]
    pub fn is_read(&self) -> bool {
        matches!(self, Action::Get { .. })
    }

    /// The value it would write.
    #[must_use]
    pub fn writes(&self) -> Option<Value> {
        match *self {
            Action::Put { value, .. } | Action::Create { value } | Action::CompareAndSwap { value, .. } => {
                Some(value)
            }
            Action::Get { .. } | Action::Delete => None,
        }
    }
}

/// What a client knows afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It may or may not have happened, or may yet happen.
    Unknown,
    /// It never happened: it was never sent, or was refused.
    Refused,
    /// It never happened, for want of space.
    NoSpace,
    /// The read saw this.
    Found(Option<Value>),
    /// The write happened.
    Done {
        /// What it replaced or removed, if the answer told.
        previous: Option<Option<Value>>,
    },
    /// v3: so many keys were deleted, 0 or 1.
    Deleted(u64),
    /// v2: nothing happened, since there is no such key.
    NotFound,
    /// v2: nothing happened, since the key is there.
    Exists,
    /// v2: nothing happened, since the key holds another value.
    Differs,
}

/// The counters an answer showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counters {
    /// v3: the keyspace's revision; v2: the tree's index; at the answer.
    pub revision: u64,
    /// When the value found or written was written, in the same counter; None if nothing was.
    pub modified: Option<u64>,
}

/// One thing a client did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operation {
    /// Who.
    pub client: usize,
    /// The connection it went over; each lasts at most one life of one member.
    pub connection: u64,
    /// The member asked.
    pub member: NodeId,
    /// About what.
    pub key: Key,
    /// What.
    pub action: Action,
    /// When it was sent.
    pub called: Time,
    /// When the answer was there, or it was given up.
    pub returned: Time,
    /// What was learned.
    pub outcome: Outcome,
    /// What else the answer said; None without a definite answer.
    pub counters: Option<Counters>,
}

impl Operation {
    /// Whether there was a definite answer.
    #[must_use]
    pub fn succeeded(&self) -> bool {
        !matches!(
            self.outcome,
            Outcome::Unknown | Outcome::Refused | Outcome::NoSpace
        )
    }

    /// Whether it is bound by the order of time: everything but a read that may be stale.
    #[must_use]
    pub fn is_linearizable(&self) -> bool {
        self.action != Action::Get { linearizable: false }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Key::V3(number) => write!(f, "key{number}"),
            Key::V2(number) => write!(f, "/file{number}"),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "v{}", self.0)
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Operation {
            client, member, key, ..
        } = self;
        let (called, returned) = (Stamp(self.called), Stamp(self.returned));
        write!(f, "{called} to {returned}: c{client} at n{member} {key}: ")?;
        match self.action {
            Action::Put { value, .. } => write!(f, "put {value}")?,
            Action::Get { linearizable: true } => write!(f, "get")?,
            Action::Get { linearizable: false } => write!(f, "get, stale or not")?,
            Action::Delete => write!(f, "delete")?,
            Action::Create { value } => write!(f, "create {value}")?,
            Action::CompareAndSwap { expected, value } => write!(f, "swap {expected} for {value}")?,
        }
        let shown = |value: Option<Value>| value.map_or("nothing".to_owned(), |value| value.to_string());
        match self.outcome {
            Outcome::Unknown => write!(f, " -> unknown"),
            Outcome::Refused => write!(f, " -> refused"),
            Outcome::NoSpace => write!(f, " -> no space"),
            Outcome::Found(found) => write!(f, " -> {}", shown(found)),
            Outcome::Done { previous: None } => write!(f, " -> done"),
            Outcome::Done {
                previous: Some(previous),
            } => write!(f, " -> done, before it {}", shown(previous)),
            Outcome::Deleted(count) => write!(f, " -> {count} deleted"),
            Outcome::NotFound => write!(f, " -> not found"),
            Outcome::Exists => write!(f, " -> exists"),
            Outcome::Differs => write!(f, " -> differs"),
        }?;
        match self.counters {
            Some(Counters { revision, modified }) => match modified {
                Some(modified) => write!(f, " (at {revision}, modified {modified})"),
                None => write!(f, " (at {revision})"),
            },
            None => Ok(()),
        }
    }
}
