//! Which membership is in force: the newest in the log, committed or not (thesis 4.1), so it goes back when its entry
//! is truncated.

use crate::log::Log;
use crate::membership::Membership;
use crate::types::{Body, Index};

#[derive(Clone, Debug)]
pub(crate) struct Memberships {
    /// The mark's, then each Change in the log, with where it stands. Never empty.
    stack: Vec<(Index, Membership)>,
}

impl Memberships {
    pub(crate) fn of(log: &Log) -> Memberships {
        let mark = log.mark();
        let mut memberships = Memberships {
            stack: vec![(mark.position.index, mark.membership.clone())],
        };
        for entry in log.iter() {
            memberships.appended(entry.position.index, &entry.body);
        }
        memberships
    }

    pub(crate) fn current(&self) -> &Membership {
        &self
            .stack
            .last()
            .expect("the mark's membership is never removed")
            .1
    }

    /// Where the membership in force stands in the log; the mark's index if it came with the mark.
    pub(crate) fn index(&self) -> Index {
        self.stack
            .last()
            .expect("the mark's membership is never removed")
            .0
    }

    /// The membership as of `index`, which is not before the mark.
    pub(crate) fn at(&self, index: Index) -> &Membership {
        let after = self.stack.partition_point(|&(at, _)| at <= index);
        &self.stack[after.checked_sub(1).expect("not before the mark")].1
    }

    /// Returns whether the membership changed.
    pub(crate) fn appended(&mut self, index: Index, body: &Body) -> bool {
        let Body::Change(membership) = body else {
            return false;
        };
        self.stack.push((index, Membership::clone(membership)));
        true
    }

    /// Returns whether the membership went back.
    pub(crate) fn truncated_after(&mut self, index: Index) -> bool {
        let before = self.stack.len();
        self.stack.retain(|&(at, _)| at <= index);
        self.stack.len() < before
    }
}
