//! Who is to lead rather than others: election priorities, which are settings of the membership. They are wishes. The
//! preferred voters wait less before they stand, and a leader hands over to a voter that is preferred to it; nobody is
//! kept from leading when there is need.

use std::time::Duration;

use crate::raft::Raft;
use crate::role::{Leader, Role};
use crate::types::{NodeId, Time};
use crate::why::Why;

/// After a hand-over that failed the leader leads on for so many election timeouts before it tries again: each try costs
/// the proposals that come meanwhile up to one. So it does if it lost the lead by that try, and got it back.
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
        // The most preferred may be down: of those that are ready, the one with the highest priority; of equals the one with
        // the lowest id.
        let ready = self.preferred().filter(|&id| self.is_ready_to_lead(id));
        let to = { ready }
            .rev()
            .max_by_key(|&id| self.log_membership().priority(id));
        let mut looks_at = now.after(timeout);
        if let Some(to) = to {
            let membership = self.log_membership();
            let (theirs, ours) = (membership.priority(to), membership.priority(self.config.id));
            self.explain(Why::PreferredLeader { to, theirs, ours });
            self.begin_transfer(to);
            looks_at = now.after(timeout * TIMEOUTS_BETWEEN);
            self.hands_over_again = looks_at;
        }
        if let Role::Leader(leader) = &mut self.role {
            leader.prefers_at = looks_at;
        }
    }

    /// When to look whether one that is preferred could lead; never if there is none.
    pub(crate) fn preference_deadline(&self, leader: &Leader) -> Time {
        if leader.transfer.is_none() && self.preferred().next().is_some() {
            leader.prefers_at
        } else {
            Time::NEVER
        }
    }

    /// The voters with a higher priority than this node.
    fn preferred(&self) -> impl DoubleEndedIterator<Item = NodeId> {
        let membership = self.log_membership();
        let ours = membership.priority(self.config.id);
        let named = membership.settings.priorities.iter();
        named
            .filter(move |&(id, &theirs)| theirs > ours && membership.voters.contains(id))
            .map(|(&id, _)| id)
    }

    /// It answers, and lacks nothing that is committed.
    fn is_ready_to_lead(&self, id: NodeId) -> bool {
        let Role::Leader(leader) = &self.role else {
            return false;
        };
        let progress = leader.progress.get(&id);
        self.own_term_committed()
            && self.was_heard_lately(id)
            && progress
                .is_some_and(|progress| progress.match_index >= self.commit_index && !progress.stands_back)
    }
}
