//! A state as one number: two nodes with the same fingerprint do the same from now on, but for the instants at which
//! they do it. An exhaustive search visits each state once by it, and a time traveller knows a place again.
//!
//! # What counts
//! Everything that decides what a node does, but three things:
//! - the generator and its seed, which choose only when an election deadline comes;
//! - absolute times: a deadline counts as armed or not and as due or not, a past event by which of the node's timeouts
//!   have passed since;
//! - absolute stamps: a change is durable, in the Save in flight, in the next one, or in a later one.
//!
//! # How nothing is forgotten
//! [`canonical!`] takes a type apart by naming every field and variant, so a new one does not compile until it is
//! named here or is left out by name. Maps and sets count without regard to order: then a renaming of the members is
//! a matter of the walk alone, and symmetric states can be found to be the same.
//!
//! # What it is
//! One multiplication and one shift a word, all in u64, so the same on every machine. It protects against accidents, not
//! against malice.

mod faces;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use bytes::Bytes;

use crate::raft::Raft;
use crate::types::{NodeId, Stamp, Time};

/// Makes a type's walk: all its fields in order, or the variant's name and its fields.
macro_rules! canonical {
    (struct $name:ident { $($field:ident),* $(,)? } $(leaves out { $($out:ident),* })?) => {
        impl $crate::fingerprint::Canonical for $name {
            fn walk(&self, walk: &mut $crate::fingerprint::Walk<'_>) {
                let $name { $($field,)* $($($out: _,)*)? } = self;
                $($crate::fingerprint::Canonical::walk($field, walk);)*
            }
        }
    };
    (enum $name:ident {
        $($variant:ident $(( $($item:ident),* ))? $({ $($field:ident),* $(,)? })?),* $(,)?
    }) => {
        impl $crate::fingerprint::Canonical for $name {
            fn walk(&self, walk: &mut $crate::fingerprint::Walk<'_>) {
                match self {
                    $($name::$variant $(( $($item),* ))? $({ $($field),* })? => {
                        walk.name(stringify!($variant));
                        $($($crate::fingerprint::Canonical::walk($item, walk);)*)?
                        $($($crate::fingerprint::Canonical::walk($field, walk);)*)?
                    })*
                }
            }
        }
    };
}

pub(crate) use canonical;

/// What can be walked through in one way only.
pub(crate) trait Canonical {
    fn walk(&self, walk: &mut Walk<'_>);
}

/// A walk through one node's state, and what it needs to know of that node on the way.
pub(crate) struct Walk<'a> {
    state: u64,
    rename: &'a dyn Fn(NodeId) -> NodeId,
    pub(crate) now: Time,
    /// What matters of a past event is which of these have passed since.
    pub(crate) spans: [Duration; 3],
    pub(crate) saving: Stamp,
    pub(crate) durable: Stamp,
    pub(crate) next_to_save: Stamp,
}

impl Walk<'_> {
    fn new(rename: &dyn Fn(NodeId) -> NodeId) -> Walk<'_> {
        Walk {
            state: 0x6261_6c73_6100_0001,
            rename,
            now: Time(0),
            spans: [Duration::ZERO; 3],
            saving: Stamp(0),
            durable: Stamp(0),
            next_to_save: Stamp(0),
        }
    }

    pub(crate) fn word(&mut self, word: u64) {
        // An odd multiplier loses nothing, and the shift brings the upper bits, where all differences meet, down.
        self.state = (self.state ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.state ^= self.state >> 29;
    }

    pub(crate) fn name(&mut self, name: &str) {
        self.bytes(name.as_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.word(bytes.len() as u64);
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.word(u64::from_le_bytes(word));
        }
    }

    fn finish(mut self) -> u64 {
        // Twice, so that the last word reaches every bit.
        self.word(0);
        self.word(1);
        self.state
    }

    /// What comes in no order.
    fn unordered<T: Canonical>(&mut self, items: impl ExactSizeIterator<Item = T>) {
        self.word(items.len() as u64);
        let mut sum = 0u64;
        for item in items {
            let mut branch = Walk {
                state: 0x6261_6c73_6100_0002,
                ..*self
            };
            item.walk(&mut branch);
            sum = sum.wrapping_add(branch.finish());
        }
        self.word(sum);
    }

    fn in_order<'t, T: Canonical + 't>(&mut self, items: impl ExactSizeIterator<Item = &'t T>) {
        self.word(items.len() as u64);
        items.for_each(|item| item.walk(self));
    }
}

impl Canonical for NodeId {
    fn walk(&self, walk: &mut Walk<'_>) {
        walk.word((walk.rename)(*self).0);
    }
}

impl Canonical for Time {
    fn walk(&self, walk: &mut Walk<'_>) {
        walk.word(match *self {
            Time::NEVER => 0,
            time if time > walk.now => 1,
            time => {
                2 + walk
                    .spans
                    .iter()
                    .filter(|&&span| walk.now.since(time) >= span)
                    .count() as u64
            }
        });
    }
}

impl Canonical for Stamp {
    fn walk(&self, walk: &mut Walk<'_>) {
        walk.word(match *self {
            stamp if stamp <= walk.durable => 0,
            stamp if stamp <= walk.saving => 1,
            stamp if stamp <= walk.next_to_save => 2,
            _ => 3,
        });
    }
}

macro_rules! words {
    ($($name:ty),*) => {
        $(impl Canonical for $name {
            fn walk(&self, walk: &mut Walk<'_>) {
                walk.word(u64::from(*self));
            }
        })*
    };
}

words!(bool, u8, u32, u64);

impl Canonical for usize {
    fn walk(&self, walk: &mut Walk<'_>) {
        walk.word(*self as u64);
    }
}

impl Canonical for Duration {
    fn walk(&self, walk: &mut Walk<'_>) {
        walk.word(self.as_secs());
        walk.word(u64::from(self.subsec_nanos()));
    }
}

impl Canonical for String {
    fn walk(&self, walk: &mut Walk<'_>) {
        walk.bytes(self.as_bytes());
    }
}

impl Canonical for Bytes {
    fn walk(&self, walk: &mut Walk<'_>) {
        walk.bytes(self);
    }
}

impl<T: Canonical> Canonical for Option<T> {
    fn walk(&self, walk: &mut Walk<'_>) {
        walk.word(u64::from(self.is_some()));
        if let Some(value) = self {
            value.walk(walk);
        }
    }
}

impl<T: Canonical> Canonical for Box<T> {
    fn walk(&self, walk: &mut Walk<'_>) {
        T::walk(self, walk);
    }
}

impl<T: Canonical> Canonical for &T {
    fn walk(&self, walk: &mut Walk<'_>) {
        T::walk(self, walk);
    }
}

impl<A: Canonical, B: Canonical> Canonical for (A, B) {
    fn walk(&self, walk: &mut Walk<'_>) {
        self.0.walk(walk);
        self.1.walk(walk);
    }
}

impl<T: Canonical> Canonical for Vec<T> {
    fn walk(&self, walk: &mut Walk<'_>) {
        walk.in_order(self.iter());
    }
}

impl<T: Canonical> Canonical for VecDeque<T> {
    fn walk(&self, walk: &mut Walk<'_>) {
        walk.in_order(self.iter());
    }
}

impl<T: Canonical> Canonical for BTreeSet<T> {
    fn walk(&self, walk: &mut Walk<'_>) {
        walk.unordered(self.iter());
    }
}

impl<K: Canonical, V: Canonical> Canonical for BTreeMap<K, V> {
    fn walk(&self, walk: &mut Walk<'_>) {
        walk.unordered(self.iter());
    }
}

impl Canonical for Raft {
    fn walk(&self, walk: &mut Walk<'_>) {
        let Raft {
            config,
            // What is absolute, and what chooses deadlines, is left out; see above.
            now,
            random: _,
            ballot,
            role,
            term_leader,
            log,
            memberships,
            commit_index,
            last_applied,
            persist,
            receiving,
            compact_to,
            booted_at,
            election_deadline,
            hands_over_again,
            contact,
            indulged,
            helped,
            only_behind,
            held,
            asked_reads,
            outbox,
            halted,
            wants_state,
            stands_back,
            is_leaving,
        } = self;
        walk.now = *now;
        let lease = memberships
            .current()
            .settings
            .lease
            .map_or(Duration::ZERO, |lease| lease.timeout);
        walk.spans = [config.election_timeout, config.disk_stall_max, lease];
        (walk.saving, walk.durable) = (persist.saving(), persist.durable());
        walk.next_to_save = persist.next_to_save();
        config.walk(walk);
        ballot.walk(walk);
        role.walk(walk);
        term_leader.walk(walk);
        log.walk(walk);
        memberships.walk(walk);
        commit_index.walk(walk);
        last_applied.walk(walk);
        persist.walk(walk);
        receiving.walk(walk);
        compact_to.walk(walk);
        booted_at.walk(walk);
        election_deadline.walk(walk);
        hands_over_again.walk(walk);
        contact.walk(walk);
        indulged.walk(walk);
        // All that is asked of it.
        let helped_now: BTreeMap<NodeId, bool> = helped
            .iter()
            .map(|(&id, &term)| (id, term == ballot.term))
            .collect();
        helped_now.walk(walk);
        only_behind.walk(walk);
        held.walk(walk);
        asked_reads.walk(walk);
        outbox.walk(walk);
        halted.walk(walk);
        wants_state.walk(walk);
        stands_back.walk(walk);
        is_leaving.walk(walk);
    }
}

impl Raft {
    /// What this node is and will do, as one number: the same on every machine and in every run; see `fingerprint.rs`.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        self.fingerprint_renamed(&|id| id)
    }

    /// The fingerprint this node would have if each member were called `rename(member)`, a one-to-one renaming.
    /// Only nodes of equal priority can take each other's place.
    #[must_use]
    pub fn fingerprint_renamed(&self, rename: &dyn Fn(NodeId) -> NodeId) -> u64 {
        of(self, rename)
    }
}

fn of(value: &impl Canonical, rename: &dyn Fn(NodeId) -> NodeId) -> u64 {
    let mut walk = Walk::new(rename);
    value.walk(&mut walk);
    walk.finish()
}
