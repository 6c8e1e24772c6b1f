//! The repair of a member whose data directory is damaged: the others replace it by a new member, which it becomes.
//!
//! A node that lost a part of its journal lost promises, so its id never speaks again. In its place stands one that has
//! promised nothing: it asks to be taken in under a new id (*petitioner*), is a learner of the log then, and a voter as soon
//! as it has caught up (*renewed*). Whoever leads carries that out by two ordinary changes of membership and remembers
//! nothing of it; the one that wants something asks again until it has it. So it goes on whichever side crashes, whoever leads.
//!
//! | standing | its disk | what it does |
//! |---|---|---|
//! | petitioner | as it was found | asks; hears nothing but the answer; serves nobody |
//! | renewed | the new member's | takes part as any new member; asks to vote |

use std::collections::BTreeSet;

use raft_core::{Change, Membership, NodeId, Time};
use serde::{Deserialize, Serialize};

use crate::config::{Repair, Standing};
use crate::message::Part;
use crate::node::Node;
use crate::request::Output;

/// How many election timeouts the others have to take a damaged member in, before its host stops it and says that they did
/// not. Many: they may just be starting themselves.
pub const PATIENCE: u32 = 20;

/// Asks the leader to take a member in, or to let it vote once it is in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plea {
    /// Who asks, under the id that it wants to have.
    pub id: NodeId,
    /// Who it was.
    pub former: NodeId,
    /// Where it listens for its peers: who is known there is meant if `former` is not a member any more.
    pub addresses: Vec<String>,
    /// Whether it wants to vote.
    pub votes: bool,
    /// A member passes it on that does not lead. It goes no further.
    pub passed_on: bool,
}

/// What a node still has to ask for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asking {
    /// When to ask next; never if there is nothing to ask for.
    at: Time,
    /// The host was told.
    told: bool,
    /// Who takes part, as the leader says. What the own log says may be long past.
    members: Option<Membership>,
}

impl Asking {
    pub(crate) fn new(repair: Option<&Repair>, now: Time) -> Asking {
        let at = if repair.is_some() { now } else { Time::NEVER };
        Asking {
            at,
            ..Asking::default()
        }
    }

    pub(crate) fn deadline(&self) -> Time {
        self.at
    }
}

impl Node {
    /// The data id that a member made known, if it has started once: another one under its name is not that member.
    #[must_use]
    pub fn data_id_of(&self, member: NodeId) -> Option<u64> {
        self.store().members().get(&member).map(|profile| profile.data_id)
    }

    /// All of those, also of who is no member any more by a change that is not committed.
    pub fn data_ids(&self) -> impl Iterator<Item = (NodeId, u64)> {
        let profiles = self.store().members().iter();
        profiles.map(|(&id, profile)| (id, profile.data_id))
    }

    /// Whether this node only asks to be taken in, and takes no part.
    pub(crate) fn is_petitioner(&self) -> bool {
        let repair = self.config.repair.as_ref();
        repair.is_some_and(|repair| repair.standing == Standing::Petitioner)
    }

    /// Whether this node is being repaired, and by its own log no member yet: it has nothing to tell anybody.
    #[must_use]
    pub fn is_outside(&self) -> bool {
        self.config.repair.is_some() && !self.raft.log_membership().contains(self.config.raft.id)
    }

    /// Whom to be connected to: not to one's former self, who had the same address.
    fn without_former(&self, mut membership: Membership) -> Membership {
        if let Some(repair) = &self.config.repair {
            membership.addresses.remove(&repair.former);
        }
        membership
    }

    /// Asks, if it is time to and there is something to ask for.
    pub(crate) fn tick_repair(&mut self) {
        if self.asking.at > self.now.monotonic {
            return;
        }
        let Some(repair) = &self.config.repair else {
            self.asking.at = Time::NEVER;
            return;
        };
        let (id, former) = (self.config.raft.id, repair.former);
        let committed = self.raft.committed_membership();
        let is_whole = if repair.votes {
            committed.voters.contains(&id)
        } else {
            committed.contains(id)
        };
        if is_whole {
            self.asking.at = Time::NEVER;
            self.config.repair = None;
            self.outbox.push_back(Output::Repaired);
            return;
        }
        // Long enough for an answer, and short beside an election.
        self.asking.at = self.now.monotonic.after(self.config.raft.election_timeout / 2);
        let plea = Plea {
            id,
            former,
            addresses: repair.addresses.clone(),
            votes: repair.votes,
            passed_on: false,
        };
        let whom = match self.raft.leader() {
            Some(leader) if !self.is_outside() => BTreeSet::from([leader]),
            // It may not know who leads, nor all of the members.
            _ => {
                let told = self.asking.members.as_ref();
                told.unwrap_or_else(|| self.raft.log_membership()).members()
            }
        };
        for to in whom.into_iter().filter(|&to| to != id && to != former) {
            self.parts_to(to, Part::Plea(plea.clone()));
        }
    }

    /// A damaged member asks.
    pub(crate) fn on_plea(&mut self, from: NodeId, plea: Plea) {
        let own = self.config.raft.id;
        let membership = self.raft.log_membership();
        let is_heard = from == plea.id || (plea.passed_on && membership.contains(from));
        if !is_heard || plea.id == own || self.is_outside() {
            return;
        }
        if !self.raft.is_leader() {
            if let Some(leader) = self.raft.leader()
                && !plea.passed_on
                && leader != plea.id
            {
                let passed_on = true;
                self.parts_to(leader, Part::Plea(Plea { passed_on, ..plea }));
            }
            return;
        }
        let id = plea.id;
        if membership.contains(id) {
            if plea.votes && !membership.is_voter(id) {
                self.change(&[Change::Voter(id)]);
            }
        } else if let Some(target) = self.target_of(&plea) {
            let addresses = membership.addresses.get(&target).cloned().unwrap_or_default();
            self.change(&[Change::Remove(target), Change::Learner { id, addresses }]);
        }
        let committed = self.raft.committed_membership();
        if committed.contains(id) {
            let members = Box::new(committed.clone());
            self.parts_to(id, Part::TakenIn(members));
        }
    }

    /// Refused, it is asked again: somebody else may lead by then, or the learner have caught up.
    fn change(&mut self, changes: &[Change]) {
        let _ = self.raft.change(changes);
    }

    /// Whom a petitioner is to replace. Nobody who was heard lately, and so is well: somebody else has its name then.
    fn target_of(&self, plea: &Plea) -> Option<NodeId> {
        let membership = self.raft.log_membership();
        let lives_there = |id: &NodeId| {
            let urls = membership.addresses.get(id);
            urls.is_some_and(|urls| !urls.is_empty() && same(urls, &plea.addresses))
        };
        let target = if membership.contains(plea.former) {
            Some(plea.former)
        } else {
            membership.members().into_iter().find(lives_there)
        };
        target.filter(|&id| id != self.config.raft.id && !self.raft.hears(id))
    }

    /// The cluster has taken this node in: the host makes its disk the new member's. Once that is done, the node may yet be
    /// unable to answer a leader that its log does not know.
    pub(crate) fn on_taken_in(&mut self, members: Membership) {
        if self.is_petitioner() {
            if !std::mem::replace(&mut self.asking.told, true) {
                self.stop(Output::TakenIn);
            }
        } else if self.is_outside() && self.asking.members.as_ref() != Some(&members) {
            self.asking.members = Some(members);
            self.link_up();
        }
    }

    /// A member that this one knows was replaced: another sits in its place. So the cluster is not new, whatever a new
    /// directory says; and who asks to be taken in asks those who are members now.
    pub(crate) fn on_found_there(&mut self, wanted: NodeId, found: NodeId) {
        let own = self.config.raft.id;
        if !self.is_outside() {
            if found != own && !self.raft.log_membership().contains(found) {
                self.notice_loss();
            }
            return;
        }
        let told = self.asking.members.clone();
        let mut members = told.unwrap_or_else(|| self.raft.log_membership().clone());
        if found == own || members.contains(found) {
            return;
        }
        let Some(urls) = members.addresses.remove(&wanted) else {
            return;
        };
        for group in [&mut members.voters, &mut members.outgoing, &mut members.learners] {
            if group.remove(&wanted) {
                group.insert(found);
            }
        }
        members.addresses.insert(found, urls);
        self.asking.members = Some(members);
        self.asking.at = self.now.monotonic;
        self.link_up();
    }

    /// Another membership is in force, or known of: whom to be connected to.
    pub(crate) fn link_up(&mut self) {
        let told = self.asking.members.as_ref().filter(|_| self.is_outside());
        let members = told.unwrap_or_else(|| self.raft.log_membership()).clone();
        let peers = self.without_former(members);
        self.outbox.push_back(Output::Peers(peers));
    }

    /// A peer knows this member by another data directory, or as one that was removed. If this directory is new, the
    /// former one was lost, and with it what this member promised; if it is not, it is a stray copy, and nothing is done.
    /// Returns whether it is new.
    pub(crate) fn notice_loss(&mut self) -> bool {
        let is_new = self.raft.last().index.0 == 0 && self.raft.commit_index().0 == 0;
        let is_founder = self.config.repair.is_none();
        let is_lost = is_new && is_founder;
        if is_lost && !std::mem::replace(&mut self.asking.told, true) {
            self.stop(Output::DirectoryLost);
        }
        is_lost
    }
}

/// Whether two lists name the same URLs, in whatever order.
fn same(left: &[String], right: &[String]) -> bool {
    let set = |urls: &[String]| urls.iter().cloned().collect::<BTreeSet<_>>();
    set(left) == set(right)
}
