//! Who is to lead rather than others: election priorities, which are settings of the membership. They are wishes. The
//! preferred voters wait less before they stand, and a leader hands over to a voter that is preferred to it; nobody is
//! kept from leading when there is need.

use std::time::Duration;

use crate::raft::Raft;
use crate::role::{Leader, Role};
use crate::types::{NodeId, Time};
use crate::why::Why;

/// After a hand-over that failed the leader leads on for so many election timeouts before it tries again: each try costs
/// the proposals that come meanwhile up to one.
const TIMEOUTS_BETWEEN: u32 = 10;

impl Raft {
    /// How long to wait at least before standing for election, and how much longer at most: a random time in [T, 2T)
    /// (Raft 5.2), in the first half of it for those that nobody is preferred to, in the second for the others.
    pub(crate) fn patience(&self) -> (Duration, Duration) {
        let timeout = self.config.election_timeout;
        let membership = self.log_membership();
        if membership.settings.priorities.is_empty() {
            return (timeout, timeout);
        }
        let voters = || membership.voters.iter().chain(&membership.outgoing);
        let priorities = || voters().map(|&id| membership.priority(id));
        let (lowest, highest) = (priorities().min(), priorities().max());
        if lowest == highest {
            return (timeout, timeout);
        }
        if Some(membership.priority(self.config.id)) == highest {
            (timeout, timeout / 2)
        } else {
            (timeout + timeout / 2, timeout / 2)
        }
    }

    /// Hands over to a voter that is preferred to this leader, if one is ready.
    pub(crate) fn tick_priority(&mut self) {
        let (now, timeout) = (self.now, self.config.election_timeout);
        let Role::Leader(leader) = &self.role else {
            return;
        };
        if now < self.preference_deadline(leader) {
            return;
        }
        let to = self.preferred().filter(|&to| self.is_ready_to_lead(to));
        if let Some(to) = to {
            let membership = self.log_membership();
            let (theirs, ours) = (membership.priority(to), membership.priority(self.config.id));
            self.explain(Why::PreferredLeader { to, theirs, ours });
            self.begin_transfer(to);
        }
        let wait = if to.is_some() {
            timeout * TIMEOUTS_BETWEEN
        } else {
            timeout
        };
        if let Role::Leader(leader) = &mut self.role {
            leader.prefers_at = now.after(wait);
        }
    }

    /// When to look whether one that is preferred could lead; never if there is none.
    pub(crate) fn preference_deadline(&self, leader: &Leader) -> Time {
        if leader.transfer.is_none() && self.preferred().is_some() {
            leader.prefers_at
        } else {
            Time::NEVER
        }
    }

    /// The voter with the highest priority above this node's; of equals the one with the lowest id.
    fn preferred(&self) -> Option<NodeId> {
        let membership = self.log_membership();
        if membership.settings.priorities.is_empty() {
            return None;
        }
        let ours = membership.priority(self.config.id);
        let above = membership
            .voters
            .iter()
            .copied()
            .filter(|&id| membership.priority(id) > ours);
        above.rev().max_by_key(|&id| membership.priority(id))
    }

    /// It answers, and lacks nothing that is committed.
    fn is_ready_to_lead(&self, id: NodeId) -> bool {
        let Role::Leader(leader) = &self.role else {
            return false;
        };
        let progress = leader.progress.get(&id);
        self.own_term_committed()
            && self.was_heard_lately(id)
            && progress.is_some_and(|progress| progress.match_index >= self.commit_index)
    }
}
