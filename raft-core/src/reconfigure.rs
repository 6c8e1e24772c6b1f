//! A leader's side of changes of membership: what must be true before one begins, and what follows once one is
//! committed. Both are derived from the log, so whoever leads next goes on where the last leader stopped.

use std::borrow::Cow;

use crate::change::Change;
use crate::membership::Membership;
use crate::mutant::Mutant;
use crate::output::{ChangeRefusal, Refusal};
use crate::progress::Progress;
use crate::raft::Raft;
use crate::role::Role;
use crate::types::{Body, Index, NodeId, Position};
use crate::why::Why;

impl Raft {
    /// Changes the membership: all `changes` take effect together, in one entry if at most one voter comes or goes, else
    /// through a joint configuration that the leader leaves by itself. The new membership is in force as soon as it is
    /// in the log, and for good once it is committed.
    ///
    /// # Errors
    /// `NotLeader`, `Transferring`, `TooLarge`, `Stopped`, or `Change` with what speaks against it; see
    /// [`ChangeRefusal`]. An output says why.
    pub fn change(&mut self, changes: &[Change]) -> Result<Position, Refusal> {
        self.leading()?;
        if let Some(to) = self.transferring() {
            self.explain(Why::ChangeRefusedTransfer { to });
            return Err(Refusal::Transferring);
        }
        let next = self.gate().and_then(|()| self.membership_after(changes));
        match next {
            Ok(next) => self.put_membership(next),
            Err((refusal, why)) => {
                self.explain(why);
                Err(refusal.into())
            }
        }
    }

    fn put_membership(&mut self, next: Membership) -> Result<Position, Refusal> {
        let is_joint = next.is_joint();
        let body = Body::Change(Box::new(next));
        if body.weight() > self.config.limits.entry_bytes_max {
            return Err(Refusal::TooLarge);
        }
        let position = self.append_own(body);
        let index = position.index;
        self.explain(if is_joint {
            Why::ChangeIsJoint { index }
        } else {
            Why::ChangeInForce { index }
        });
        Ok(position)
    }

    /// Whether this leader may begin a change at all.
    fn gate(&self) -> Result<(), (ChangeRefusal, Why)> {
        let commit = self.commit_index;
        // Ongaro, "bug in single-server membership changes", 2015: without it two leaders of different terms can each
        // commit a change that the other does not know of, by majorities that do not overlap.
        if !self.own_term_committed() && !Mutant::ChangeWithoutOwnTermCommit.is(self.config.mutant) {
            let first = self.first_index();
            return Err((
                ChangeRefusal::OwnTerm,
                Why::ChangeRefusedOwnTerm { first, commit },
            ));
        }
        let index = self.memberships.index();
        let is_pending = index > commit && !Mutant::ChangeWhilePending.is(self.config.mutant);
        // A joint configuration is left as soon as it is committed.
        if is_pending || self.log_membership().is_joint() {
            return Err((
                ChangeRefusal::Pending,
                Why::ChangeRefusedPending { index, commit },
            ));
        }
        Ok(())
    }

    fn first_index(&self) -> Index {
        match &self.role {
            Role::Leader(leader) => leader.first_index,
            _ => Index(0),
        }
    }

    fn membership_after(&self, changes: &[Change]) -> Result<Membership, (ChangeRefusal, Why)> {
        let parts = changes.len() as u64;
        let current = self.log_membership();
        let mut next = self.known_to_changes().after(changes).map_err(|refusal| {
            let why = match refusal {
                ChangeRefusal::IdUsed(id) => Why::ChangeRefusedIdUsed { id },
                ChangeRefusal::NotAMember(id) => Why::ChangeRefusedNotAMember { id },
                ChangeRefusal::NoVoters => Why::ChangeRefusedNoVoters { parts },
                ChangeRefusal::Nothing => Why::ChangeRefusedNothing { parts },
                _ => Why::ChangeRefusedContradiction { parts },
            };
            (refusal, why)
        })?;
        if Mutant::ChangeManyAtOnce.is(self.config.mutant) {
            next = next.left();
        }
        if Mutant::ReuseIds.is(self.config.mutant) {
            next.removed.extend(&current.removed);
        }
        let mut new_voters = next.voters.difference(&current.voters);
        if let Some(&id) = new_voters.find(|&&id| !self.has_caught_up(id)) {
            let (matched, last) = (self.match_index(id), self.log.last().index);
            let why = Why::ChangeRefusedLearnerBehind { id, matched, last };
            return Err((ChangeRefusal::LearnerBehind(id), why));
        }
        if next.voters != current.voters {
            self.refuse_unless_heard(&next)?;
        }
        Ok(next)
    }

    fn known_to_changes(&self) -> Cow<'_, Membership> {
        let mut known = Cow::Borrowed(self.log_membership());
        if Mutant::ReuseIds.is(self.config.mutant) {
            known.to_mut().removed.clear();
        }
        known
    }

    /// A change that can not be committed soon would only stand in the way.
    fn refuse_unless_heard(&self, next: &Membership) -> Result<(), (ChangeRefusal, Why)> {
        let heard = |id: &&NodeId| **id == self.config.id || self.was_heard_lately(**id);
        let (heard, voters) = (next.voters.iter().filter(heard).count(), next.voters.len());
        if heard * 2 > voters {
            return Ok(());
        }
        let (heard, voters) = (heard as u64, voters as u64);
        Err((
            ChangeRefusal::NoQuorum,
            Why::ChangeRefusedNoQuorum { heard, voters },
        ))
    }

    fn has_caught_up(&self, id: NodeId) -> bool {
        let Role::Leader(leader) = &self.role else {
            return false;
        };
        let timeout = self.config.election_timeout;
        self.was_heard_lately(id)
            && leader
                .progress
                .get(&id)
                .is_some_and(|progress| progress.rounds.caught_up(self.now, timeout))
    }

    fn match_index(&self, id: NodeId) -> Index {
        match &self.role {
            Role::Leader(leader) => leader
                .progress
                .get(&id)
                .map(|p| p.match_index)
                .unwrap_or_default(),
            _ => Index(0),
        }
    }

    /// Whether a message of this term came from `id` within an election timeout.
    pub(crate) fn was_heard_lately(&self, id: NodeId) -> bool {
        let Role::Leader(leader) = &self.role else {
            return false;
        };
        let heard = |progress: &Progress| self.now < progress.heard_at.after(self.config.election_timeout);
        leader.progress.get(&id).is_some_and(heard)
    }

    /// Goes on with what a committed membership asks for. Whatever leader committed it does so: the one that began the
    /// change may be gone.
    pub(crate) fn settle_change(&mut self) {
        if !self.own_term_committed() || self.memberships.index() > self.commit_index {
            return;
        }
        let membership = self.log_membership();
        if !membership.is_joint() && !membership.voters.contains(&self.config.id) {
            // Raft 6: it manages the cluster until the change is committed, and does not count itself meanwhile.
            let index = self.memberships.index();
            return self.abdicate(Why::SteppedDownNoVoter { index });
        }
        if self.transferring().is_some() {
            // The target is to have the whole log: it must come to an end.
            return;
        }
        if membership.is_joint() {
            if self.memberships.index() < self.first_index()
                && Mutant::JointLeftByItsMaker.is(self.config.mutant)
            {
                return;
            }
            let left = membership.left();
            let joint = self.memberships.index();
            let index = self.append_own(Body::Change(Box::new(left))).index;
            self.explain(Why::JointLeft { joint, index });
        } else {
            self.raise_version();
        }
    }
}
