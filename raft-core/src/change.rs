//! Changes of membership (Raft 6, thesis 4). What a change says is turned into the whole membership that follows, by a
//! pure function; that goes into the log as one entry, and is in force from there on. One voter's difference needs one
//! entry; more go through a joint configuration, of which reconfigure.rs leads out.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::membership::{Lease, Membership};
use crate::output::ChangeRefusal;
use crate::types::NodeId;

/// One part of a change of membership. Parts of one call take effect together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Change {
    /// A learner that has caught up becomes a voter.
    Voter(NodeId),
    /// A new member, as a learner.
    Learner {
        /// Its id, never used before.
        id: NodeId,
        /// Where it listens for its peers: URLs, at least one.
        addresses: Vec<String>,
    },
    /// A voter becomes a learner.
    Demote(NodeId),
    /// A member goes, for ever.
    Remove(NodeId),
    /// A member listens elsewhere.
    Addresses {
        /// Which member.
        id: NodeId,
        /// Where it listens for its peers from now on: URLs, at least one.
        addresses: Vec<String>,
    },
    /// A member leads rather than others, or less so.
    Priority {
        /// Which member.
        id: NodeId,
        /// The highest leads, when it can; 0 is everyone's at first.
        priority: u8,
    },
    /// On which terms the leader may answer reads without a round; None: never.
    Lease(Option<Lease>),
}

impl Change {
    /// The member it is about.
    fn member(&self) -> Option<NodeId> {
        match *self {
            Change::Voter(id) | Change::Demote(id) | Change::Remove(id) => Some(id),
            Change::Learner { id, .. } | Change::Addresses { id, .. } | Change::Priority { id, .. } => {
                Some(id)
            }
            Change::Lease(_) => None,
        }
    }

    /// Whether it could ever be made.
    fn is_sound(&self) -> bool {
        match self {
            Change::Learner { addresses, .. } | Change::Addresses { addresses, .. } => !addresses.is_empty(),
            Change::Lease(Some(lease)) => {
                lease.timeout >= Duration::from_millis(1) && lease.drift_ppm < 1_000_000
            }
            _ => true,
        }
    }
}

impl Membership {
    /// The membership after `changes`, none of which may be under way. Joint if more than one voter comes or goes: any
    /// two majorities of sets that differ in one voter overlap (thesis 4.1), of others they may not.
    ///
    /// # Errors
    /// Whatever can be said without knowing how the members fare.
    pub(crate) fn after(&self, changes: &[Change]) -> Result<Membership, ChangeRefusal> {
        let members: BTreeSet<_> = changes.iter().map(Change::member).collect();
        if members.len() < changes.len() || !changes.iter().all(Change::is_sound) {
            return Err(ChangeRefusal::Contradiction);
        }
        let mut joint = self.clone();
        joint.outgoing.clone_from(&self.voters);
        for change in changes {
            joint.take(change)?;
        }
        if joint.voters.is_empty() {
            return Err(ChangeRefusal::NoVoters);
        }
        let next = if joint.voters.symmetric_difference(&joint.outgoing).count() > 1 {
            joint
        } else {
            joint.left()
        };
        if next == *self {
            return Err(ChangeRefusal::Nothing);
        }
        Ok(next)
    }

    /// The membership that follows a joint one. Whoever is in neither half of it now has been removed: before, the old
    /// half still needed them.
    #[must_use]
    pub(crate) fn left(&self) -> Membership {
        let mut left = self.clone();
        let outgoing = std::mem::take(&mut left.outgoing);
        for id in outgoing {
            if !left.contains(id) {
                left.forget(id);
            }
        }
        left
    }

    /// `id` was a member and never will be again.
    pub(crate) fn forget(&mut self, id: NodeId) {
        self.removed.insert(id);
        self.addresses.remove(&id);
        self.settings.priorities.remove(&id);
    }

    fn take(&mut self, change: &Change) -> Result<(), ChangeRefusal> {
        match *change {
            Change::Lease(lease) => self.settings.lease = lease,
            Change::Learner { id, ref addresses } => {
                if self.contains(id) || self.removed.contains(&id) {
                    return Err(ChangeRefusal::IdUsed(id));
                }
                self.learners.insert(id);
                self.addresses.insert(id, addresses.clone());
            }
            Change::Voter(id) => {
                self.require(id)?;
                self.learners.remove(&id);
                self.voters.insert(id);
            }
            Change::Demote(id) => {
                self.require(id)?;
                self.voters.remove(&id);
                self.learners.insert(id);
            }
            Change::Remove(id) => {
                self.require(id)?;
                self.voters.remove(&id);
                // A voter of the old half stays until that is left.
                if self.learners.remove(&id) {
                    self.forget(id);
                }
            }
            Change::Addresses { id, ref addresses } => {
                self.require(id)?;
                self.addresses.insert(id, addresses.clone());
            }
            Change::Priority { id, priority } => {
                self.require(id)?;
                self.settings.priorities.insert(id, priority);
                self.settings.priorities.retain(|_, priority| *priority > 0);
            }
        }
        Ok(())
    }

    fn require(&self, id: NodeId) -> Result<(), ChangeRefusal> {
        self.contains(id)
            .then_some(())
            .ok_or(ChangeRefusal::NotAMember(id))
    }
}

#[cfg(test)]
mod tests;
