//! Leases: what was granted, how much of it was left when the leader last wrote it down, and which keys hang on it.
//!
//! No clock counts here. The leader counts the leases down and proposes their end, see the crate `node`.

use bytes::Bytes;
use imbl::{OrdMap, OrdSet};
use serde::{Deserialize, Serialize};

use super::command::Failure;
use super::fingerprint::{Kind, Row, Totals};
use super::query::LeaseId;
use super::rows::{self, Place, RowFault};

/// The longest time to live that is granted, in seconds.
pub const LEASE_TTL_MAX: u64 = 9_000_000_000;

/// The memory that a lease takes, in bytes: its place in the map, with the room that the map leaves.
const LEASE_WEIGHT: usize = 80;
/// The memory that a key on a lease takes besides its bytes.
const ATTACHED_WEIGHT: usize = 64;

/// A lease that is in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// What was granted, in seconds.
    pub ttl: u64,
    /// What was left of it when the leader last wrote it down, in seconds: the next leader counts from there. None: all
    /// of it.
    pub remaining: Option<u64>,
}

/// A lease with its id, in a snapshot. Which keys hang on it is said by the keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseRow {
    /// Its id.
    pub id: LeaseId,
    /// What is granted.
    pub lease: Lease,
}

impl Lease {
    fn row(&self, id: LeaseId) -> u64 {
        let row = Row::new(Kind::Lease)
            .number(id.0.cast_unsigned())
            .number(self.ttl);
        row.number(self.remaining.map_or(0, |remaining| remaining.saturating_add(1)))
            .hash()
    }
}

/// All leases, and the keys that hang on them.
#[derive(Clone, Debug, Default)]
pub(super) struct Leases {
    leases: OrdMap<LeaseId, Lease>,
    /// By lease, then by key: most leases hold a key or two, so one map for all is the smallest.
    attached: OrdSet<(LeaseId, Bytes)>,
    /// How many ids were chosen here.
    chosen: u64,
    totals: Totals,
}

impl Leases {
    /// None, after so many ids were chosen.
    pub(super) fn loading(chosen: u64) -> Leases {
        Leases {
            chosen,
            ..Leases::default()
        }
    }

    /// The leases after a place, each at the place of its id.
    pub(super) fn rows(&self, after: Option<Place>) -> impl Iterator<Item = (Place, rows::Row)> {
        let after = after.map(|place| LeaseId(place.number.cast_signed()));
        self.after(after).map(|(id, lease)| {
            let row = LeaseRow { id, lease: *lease };
            (Place::at(id.0.cast_unsigned()), rows::Row::Lease(row))
        })
    }

    /// Takes the next lease.
    pub(super) fn load(&mut self, row: &LeaseRow) -> Result<(), RowFault> {
        let LeaseRow { id, lease } = *row;
        if self.leases.get_max().is_some_and(|(last, _)| *last >= id) {
            return Err(RowFault::Order);
        }
        if id == LeaseId::NONE || lease.ttl > LEASE_TTL_MAX || lease.remaining > Some(lease.ttl) {
            return Err(RowFault::Impossible("a lease that is never granted"));
        }
        self.totals.add(lease.row(id), LEASE_WEIGHT);
        self.leases.insert(id, lease);
        Ok(())
    }

    /// Whether every key hangs on a lease that is there.
    pub(super) fn check_loaded(&self) -> Result<(), RowFault> {
        let mut last = None;
        for (id, _) in &self.attached {
            if last != Some(*id) && !self.leases.contains_key(id) {
                return Err(RowFault::Impossible("a key on a lease that is not there"));
            }
            last = Some(*id);
        }
        Ok(())
    }

    /// Grants a lease; id 0 lets the store choose. Returns its id and its time to live.
    pub(super) fn grant(&mut self, id: LeaseId, ttl: u64) -> Result<(LeaseId, u64), Failure> {
        if ttl > LEASE_TTL_MAX {
            return Err(Failure::LeaseTtlTooLarge);
        }
        if self.leases.contains_key(&id) {
            return Err(Failure::LeaseExists);
        }
        let id = if id == LeaseId::NONE { self.choose() } else { id };
        let lease = Lease { ttl, remaining: None };
        self.totals.add(lease.row(id), LEASE_WEIGHT);
        self.leases.insert(id, lease);
        Ok((id, ttl))
    }

    /// Writes down what is left of a lease; None: all of it. One that is not there any more is passed over.
    pub(super) fn checkpoint(&mut self, id: LeaseId, remaining: Option<u64>) {
        if let Some(lease) = self.leases.get_mut(&id) {
            self.totals.remove(lease.row(id), 0);
            // More than was granted is never left.
            lease.remaining = remaining.map(|remaining| remaining.min(lease.ttl));
            self.totals.add(lease.row(id), 0);
        }
    }

    /// Takes a lease out, on which no key hangs any more.
    pub(super) fn remove(&mut self, id: LeaseId) {
        if let Some(lease) = self.leases.remove(&id) {
            self.totals.remove(lease.row(id), LEASE_WEIGHT);
        }
    }

    /// A key hangs on another lease than before; either may be none.
    pub(super) fn attach(&mut self, key: &[u8], before: LeaseId, after: LeaseId) {
        if before == after {
            return;
        }
        // A copy of its own takes less than a share in what came with a command.
        if before != LeaseId::NONE
            && self
                .attached
                .remove(&(before, Bytes::copy_from_slice(key)))
                .is_some()
        {
            self.totals.bytes -= (ATTACHED_WEIGHT + key.len()) as u64;
        }
        if after != LeaseId::NONE
            && self
                .attached
                .insert((after, Bytes::copy_from_slice(key)))
                .is_none()
        {
            self.totals.bytes += (ATTACHED_WEIGHT + key.len()) as u64;
        }
    }

    pub(super) fn get(&self, id: LeaseId) -> Option<&Lease> {
        self.leases.get(&id)
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.leases.len()
    }

    /// The leases after this one, by id.
    pub(super) fn after(&self, id: Option<LeaseId>) -> impl Iterator<Item = (LeaseId, &Lease)> {
        use std::ops::Bound::{Excluded, Unbounded};
        let start = id.map_or(Unbounded, Excluded);
        self.leases
            .range((start, Unbounded))
            .map(|(id, lease)| (*id, lease))
    }

    /// The keys that hang on a lease, in order.
    pub(super) fn keys(&self, id: LeaseId) -> impl Iterator<Item = &Bytes> {
        let attached = self.attached.range((id, Bytes::new())..);
        attached
            .take_while(move |(lease, _)| *lease == id)
            .map(|(_, key)| key)
    }

    pub(super) fn chosen(&self) -> u64 {
        self.chosen
    }

    pub(super) fn totals(&self) -> Totals {
        self.totals
    }

    /// The totals, computed afresh.
    #[cfg(test)]
    pub(super) fn recount(&self) -> Totals {
        let mut totals = Totals::default();
        for (id, lease) in &self.leases {
            totals.add(lease.row(*id), LEASE_WEIGHT);
        }
        for (_, key) in &self.attached {
            totals.bytes += (ATTACHED_WEIGHT + key.len()) as u64;
        }
        totals
    }

    /// All keys that hang on leases.
    #[cfg(test)]
    pub(super) fn attached(&self) -> impl Iterator<Item = &(LeaseId, Bytes)> {
        self.attached.iter()
    }

    /// An id that is free: positive, spread out, and the same on every member.
    fn choose(&mut self) -> LeaseId {
        loop {
            self.chosen += 1;
            let hash = Row::new(Kind::Lease).number(self.chosen).hash();
            let id = LeaseId((hash >> 1).cast_signed());
            if id != LeaseId::NONE && !self.leases.contains_key(&id) {
                return id;
            }
        }
    }
}
