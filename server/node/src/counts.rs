//! What those who watch over a member want to know, beside its status.

use serde::{Deserialize, Serialize};
use storage::store::query::Revision;

use crate::node::Node;

/// What those who watch over a member want to know.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// How often another member was found to lead, since it began.
    pub leader_changes: u64,
    /// Writes of its clients, and its own, that are not applied.
    pub proposals_pending: u64,
    /// Writes that ran out of time since it began.
    pub proposals_failed: u64,
    /// Bytes that the state may take; 0: no limit.
    pub quota_bytes: u64,
    /// The oldest revision that can be read; 0 if nothing was compacted.
    pub compacted: Revision,
    /// Leases in force.
    pub leases: u64,
}

impl Node {
    /// Writes of its clients, and its own, that are not applied.
    #[must_use]
    pub fn proposals_pending(&self) -> usize {
        self.writes.len()
    }

    pub(crate) fn counts(&self) -> Counts {
        let quota = self.config.quota_bytes;
        Counts {
            leader_changes: self.leader_changes,
            proposals_pending: self.writes.len() as u64,
            proposals_failed: self.writes.failed,
            quota_bytes: if quota == u64::MAX { 0 } else { quota },
            compacted: self.store().compacted(),
            leases: self.store().lease_count() as u64,
        }
    }
}
