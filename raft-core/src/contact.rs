//! Who is heard. A voter that hears its leader votes for nobody else (thesis 4.2.3), so that whoever comes back or
//! cannot hear disturbs nobody; a leader that hears no quorum leads no more (thesis 6.2), so that such voters never
//! keep to one that can commit nothing. Each judges by its own clock.

use std::time::Duration;

use crate::fingerprint::canonical;
use crate::mutant::Mutant;
use crate::quorum::reached_by_quorum;
use crate::raft::Raft;
use crate::role::Role;
use crate::types::{NodeId, Time};
use crate::why::Why;

/// The leader that was heard last, in this term or an earlier one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Contact {
    leader: NodeId,
    heard_at: Time,
    /// The host saw the link to it close, and nothing came since.
    link_closed: bool,
}

canonical!(struct Contact { leader, heard_at, link_closed });

impl Raft {
    /// The host saw the link to `peer` close: it may be down. If it led, voters that lost it too need not wait an
    /// election timeout for it, and one of them asks for votes after a heartbeat interval without word (after up to two,
    /// so that votes are seldom split). A leader that a quorum still hears is not disturbed: the others keep to it.
    ///
    /// Changes nothing while lease reads are on: the leader counts on every voter's whole timeout. Without pre-vote this
    /// node waits as ever before it stands, which would depose a leader that others hear; but others may have its vote.
    pub fn link_closed(&mut self, now: Time, peer: NodeId) {
        self.now = self.now.max(now);
        if self.halted || self.log_membership().settings.lease.is_some() {
            return;
        }
        // The same hint again says nothing new, and another draw could only make votes split.
        let news = |contact: &Contact| contact.leader == peer && !contact.link_closed;
        let Some(contact) = self.followed().filter(news) else {
            return;
        };
        self.contact = Some(Contact {
            link_closed: true,
            ..contact
        });
        if !self.config.pre_vote {
            return self.explain(Why::LinkToLeaderClosedPatient { leader: peer });
        }
        let interval = self.config.heartbeat_interval;
        let deadline = contact.heard_at.after(interval + self.random_below(interval));
        self.election_deadline = self.election_deadline.min(deadline.max(self.now));
        self.explain(Why::LinkToLeaderClosed { leader: peer });
    }

    /// The leader of this term speaks.
    pub(crate) fn heard_leader(&mut self, leader: NodeId) {
        self.contact = Some(Contact {
            leader,
            heard_at: self.now,
            link_closed: false,
        });
        self.indulged.clear();
        self.helped.clear();
        self.reset_election_deadline();
    }

    /// A member follows this leader.
    pub(crate) fn heard_follower(&mut self, from: NodeId) {
        let now = self.now;
        if let Role::Leader(leader) = &mut self.role
            && let Some(progress) = leader.progress.get_mut(&from)
        {
            progress.heard_at = now;
        }
    }

    /// Why this node keeps to a leader and votes for nobody else, if it does; not even in a later term, which it does
    /// not take up then.
    pub(crate) fn sticks(&self, candidate: NodeId) -> Option<Why> {
        let lease = self.log_membership().settings.lease;
        if !self.config.check_quorum && lease.is_none() {
            return None;
        }
        if matches!(self.role, Role::Leader(_)) {
            return Some(Why::VoteRefusedLeading {
                candidate,
                term: self.ballot.term,
            });
        }
        if self.now < self.silent_until() {
            return Some(Why::VoteRefusedAfterBoot {
                candidate,
                booted_ms: milliseconds(self.now.since(self.booted_at)),
            });
        }
        let contact = self.contact?;
        let lease = lease.filter(|_| !Mutant::VoteWithinLease.is(self.config.mutant));
        let leads = self.followed().is_some_and(|followed| !followed.link_closed);
        let kept_for = match lease {
            // A lease outlives the term: its leader may not know of the next one yet.
            Some(lease) => lease.timeout.max(self.config.election_timeout),
            None if leads => self.config.election_timeout,
            None => return None,
        };
        (self.now < contact.heard_at.after(kept_for)).then_some(Why::VoteRefusedLeaderHeard {
            candidate,
            leader: contact.leader,
            heard_ms: milliseconds(self.now.since(contact.heard_at)),
        })
    }

    /// Whether the leader of this term was heard within an election timeout, whatever this node would do about it.
    pub(crate) fn hears_leader(&self) -> bool {
        self.is_leader()
            || self.followed().is_some_and(|contact| {
                !contact.link_closed && self.now < contact.heard_at.after(self.config.election_timeout)
            })
    }

    /// Until when lease reads of a leader that this node promised itself to may be relied on: it votes for nobody else,
    /// itself included. Before its last life it may have promised, and forgotten (thesis 6.4.1).
    pub(crate) fn promised_until(&self) -> Time {
        let Some(lease) = self.log_membership().settings.lease else {
            return Time(0);
        };
        let promised = self
            .contact
            .filter(|_| !Mutant::VoteWithinLease.is(self.config.mutant))
            .map_or(Time(0), |contact| contact.heard_at.after(lease.timeout));
        promised.max(self.silent_until())
    }

    /// A booted voter grants nothing while a lease of before may be relied on.
    fn silent_until(&self) -> Time {
        match self.log_membership().settings.lease {
            Some(lease) if !Mutant::VoteAfterBoot.is(self.config.mutant) => {
                self.booted_at.after(lease.timeout)
            }
            _ => Time(0),
        }
    }

    /// The leader of this term, as heard.
    fn followed(&self) -> Option<Contact> {
        let contact = self.contact?;
        matches!(self.role, Role::Follower { leader } if leader == Some(contact.leader)).then_some(contact)
    }

    /// When a leader that goes on hearing no quorum has led long enough.
    pub(crate) fn quorum_deadline(&self) -> Time {
        if !self.config.check_quorum || Mutant::QuorumUnchecked.is(self.config.mutant) {
            return Time::NEVER;
        }
        self.quorum_heard_at().after(self.config.election_timeout)
    }

    /// thesis 6.2: "a leader steps down if an election timeout elapses without a successful round of heartbeats to a
    /// majority of its cluster". Returns whether it did.
    pub(crate) fn check_quorum(&mut self) -> bool {
        if self.now < self.quorum_deadline() {
            return false;
        }
        self.explain(Why::SteppedDownNoQuorum {
            term: self.ballot.term,
            silent_ms: milliseconds(self.now.since(self.quorum_heard_at())),
        });
        self.become_follower(None);
        true
    }

    /// Since when a quorum has been silent; it hears itself for ever.
    fn quorum_heard_at(&self) -> Time {
        let Role::Leader(leader) = &self.role else {
            return Time::NEVER;
        };
        let heard_at = |id: NodeId| match leader.progress.get(&id) {
            Some(progress) => progress.heard_at,
            None if id == self.config.id => Time::NEVER,
            None => Time(0),
        };
        reached_by_quorum(self.log_membership(), heard_at).unwrap_or(Time::NEVER)
    }
}

pub(crate) fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
