//! Leadership transfer (thesis 3.10): the leader takes no more proposals, brings the target's durable log up to its
//! own, and tells it to stand at once. Until another leads, or the time is over, the old leader leads on: nothing is
//! lost if the target is.

use crate::fingerprint::canonical;
use crate::message::{Envelope, Message};
use crate::mutant::Mutant;
use crate::output::{ChangeRefusal, Output, Refusal};
use crate::raft::Raft;
use crate::role::{Leader, Motive, Role};
use crate::types::{NodeId, Time};
use crate::why::Why;

/// A lead on its way to another.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Transfer {
    to: NodeId,
    /// When it has failed: a cluster without a leader that takes proposals for longer than an election is worse off.
    give_up_deadline: Time,
    /// When to tell the target to stand, again if it was told before.
    ask_deadline: Time,
}

canonical!(struct Transfer { to, give_up_deadline, ask_deadline });

impl Raft {
    /// Hands the lead over to `to`, a voter. Proposals are refused until it leads, or for one election timeout, after
    /// which this node leads on. Asked again for the same target, nothing changes; to keep the lead is no change either.
    ///
    /// # Errors
    /// `NotLeader`, `Transferring` if the lead is on its way to another, `NotAMember` if `to` is no voter, `Stopped`.
    pub fn transfer(&mut self, to: NodeId) -> Result<(), Refusal> {
        match self.leading()?.transfer.map(|transfer| transfer.to) {
            Some(known) if known == to => return Ok(()),
            Some(_) => return Err(Refusal::Transferring),
            None => {}
        }
        if !self.log_membership().voters.contains(&to) {
            return Err(ChangeRefusal::NotAMember(to).into());
        }
        if to != self.config.id {
            self.begin_transfer(to);
        }
        Ok(())
    }

    /// Hands the lead over to the voter that is the best successor, for a leader that is to be shut down. Returns who
    /// that is; see [`Raft::transfer`] for what follows.
    ///
    /// # Errors
    /// `NotLeader`, `NoSuccessor` if no other voter was heard within an election timeout, `Stopped`.
    pub fn hand_over(&mut self) -> Result<NodeId, Refusal> {
        if let Some(transfer) = self.leading()?.transfer {
            return Ok(transfer.to);
        }
        let to = self.best_successor().ok_or(Refusal::NoSuccessor)?;
        self.begin_transfer(to);
        Ok(to)
    }

    /// To whom this leader is handing over the lead.
    #[must_use]
    pub fn transferring(&self) -> Option<NodeId> {
        match &self.role {
            Role::Leader(leader) => leader.transfer.map(|transfer| transfer.to),
            _ => None,
        }
    }

    /// The voter to which a leader best gives the lead. Whoever was heard lately and has all that is committed comes
    /// first; then the higher priority, then the longer log, then the lower id. A voter that only the old half of a
    /// joint configuration knows is none: it is about to leave.
    pub(crate) fn best_successor(&self) -> Option<NodeId> {
        let Role::Leader(leader) = &self.role else {
            return None;
        };
        let membership = self.log_membership();
        let candidates = leader
            .progress
            .iter()
            // It would not stand.
            .filter(|(_, progress)| !progress.stands_back)
            .filter(|&(&id, _)| membership.voters.contains(&id) && self.was_heard_lately(id));
        // Of equals the last is taken: the lowest id.
        let best = candidates.rev().max_by_key(|&(&id, progress)| {
            (
                progress.match_index >= self.commit_index,
                membership.priority(id),
                progress.match_index,
            )
        });
        best.map(|(&id, _)| id)
    }

    /// Gives up the lead at once, within the term. The best successor, if there is one, is told to stand, so that the
    /// others need not find out by themselves. `why` says what for.
    pub(crate) fn abdicate(&mut self, why: Why) {
        self.explain(why);
        if let Some(to) = self.transferring().or_else(|| self.best_successor()) {
            let envelope = self.message_to(to, Message::TimeoutNow);
            self.explain(Why::ToldToStand { peer: to });
            self.outbox.push_back(Output::Send(envelope));
        }
        self.become_follower(None);
    }

    pub(crate) fn begin_transfer(&mut self, to: NodeId) {
        let (now, last) = (self.now, self.log.last().index);
        let give_up_deadline = now.after(self.config.election_timeout);
        let Role::Leader(leader) = &mut self.role else {
            return;
        };
        let matched = leader
            .progress
            .get(&to)
            .map(|p| p.match_index)
            .unwrap_or_default();
        leader.transfer = Some(Transfer {
            to,
            give_up_deadline,
            ask_deadline: now,
        });
        self.explain(Why::TransferBegins { to, matched, last });
    }

    /// Whether the time of a transfer is over.
    pub(crate) fn tick_transfer(&mut self) {
        let now = self.now;
        let Role::Leader(leader) = &mut self.role else {
            return;
        };
        if let Some(Transfer { to, .. }) = leader
            .transfer
            .take_if(|transfer| now >= transfer.give_up_deadline)
        {
            self.explain(Why::TransferGivenUp { to });
            // What had to wait for it.
            self.settle_change();
        }
    }

    /// When a transfer wants a tick.
    pub(crate) fn transfer_deadline(&self, leader: &Leader) -> Time {
        match leader.transfer {
            None => Time::NEVER,
            Some(transfer) if self.has_whole_log(leader, transfer.to) => {
                transfer.give_up_deadline.min(transfer.ask_deadline)
            }
            Some(transfer) => transfer.give_up_deadline,
        }
    }

    /// Tells the target to stand, once its disk has all that ours may have: else others would refuse it their votes.
    pub(crate) fn next_timeout_now(&mut self) -> Option<Envelope> {
        let (now, interval) = (self.now, self.config.heartbeat_interval);
        let Role::Leader(leader) = &self.role else {
            return None;
        };
        let to = leader
            .transfer
            .filter(|transfer| now >= transfer.ask_deadline)?
            .to;
        if !self.has_whole_log(leader, to) {
            return None;
        }
        let Role::Leader(leader) = &mut self.role else {
            return None;
        };
        leader.has_told_to_stand = true;
        if let Some(transfer) = &mut leader.transfer {
            transfer.ask_deadline = now.after(interval);
        }
        self.explain(Why::ToldToStand { peer: to });
        Some(self.message_to(to, Message::TimeoutNow))
    }

    fn has_whole_log(&self, leader: &Leader, id: NodeId) -> bool {
        let last = self.log.last().index;
        let is_early = Mutant::TimeoutNowTooEarly.is(self.config.mutant);
        leader
            .progress
            .get(&id)
            .is_some_and(|p| p.match_index == last || is_early)
    }

    /// Stands at once, if it is the leader of this very term who asks. No pre-vote: that asks whether the leader is
    /// gone, and this one wants to go.
    pub(crate) fn on_timeout_now(&mut self, from: NodeId) {
        if !matches!(self.role, Role::Follower { leader: Some(leader) } if leader == from) {
            return self.explain(Why::StandRefusedNotLeader { from });
        }
        if self.stands_back {
            return self.explain(Why::StandRefusedStandsBack { leader: from });
        }
        if !self.may_stand() {
            return self.explain(Why::StandRefusedNoVoter { leader: from });
        }
        if let Some(why) = self.refusal_to_stand_stalled() {
            return self.explain(why);
        }
        self.explain(Why::StandsAtOnce { leader: from });
        self.campaign(Motive::Transfer);
    }
}
