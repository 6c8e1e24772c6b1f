//! Members come, are promoted and demoted, leave and are replaced; the lead is handed over; disks are lost for good. As an
//! operator would ask for it, whether it is wise just now or not.

use raft_core::{Change, Membership, NodeId};

use super::cluster::{Cluster, Event};
use super::met;
use super::wire::{IDS_END, slot};
use crate::check::electable::is_quorum;
use crate::choices::{Choices, PerMillion};

/// Members, those that joined of late included, are not more than these.
const MEMBERS_MAX: usize = 9;

/// Something that an operator does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    Learner,
    Promote,
    Demote,
    Remove,
    /// A learner for a voter.
    Replace,
    /// Any members get any part.
    Shuffle,
    Addresses,
    Priority,
    Lease,
    Transfer,
    HandOver,
    /// A member's disk is lost for good; it comes back as another.
    Wipe,
    /// Whoever was removed and is running still is switched off.
    SwitchOff,
    /// Something is asked for that cannot be done.
    Folly,
}

impl Deed {
    pub(crate) const ALL: [Deed; 14] = [
        Deed::Learner,
        Deed::Promote,
        Deed::Demote,
        Deed::Remove,
        Deed::Replace,
        Deed::Shuffle,
        Deed::Addresses,
        Deed::Priority,
        Deed::Lease,
        Deed::Transfer,
        Deed::HandOver,
        Deed::Wipe,
        Deed::SwitchOff,
        Deed::Folly,
    ];

    /// The names of all deeds, of which any may come to be.
    pub(crate) const NAMES: [&str; 15] = [
        "learner",
        "promote",
        "demote",
        "remove",
        "replace",
        "shuffle",
        "addresses",
        "priority",
        "lease",
        "transfer",
        "hand over",
        "wipe",
        "switch off",
        "folly",
        "forced recovery",
    ];

    fn name(self) -> &'static str {
        Deed::NAMES[self as usize]
    }

    /// What a run's operator does at all.
    pub(crate) fn draw_some(choices: &mut Choices) -> Vec<Deed> {
        let stays = choices.between(3, Deed::ALL.len() as u64);
        let mut deeds = Deed::ALL.to_vec();
        while deeds.len() as u64 > stays {
            let out = usize::try_from(choices.below(deeds.len() as u64)).expect("an index");
            deeds.swap_remove(out);
        }
        // Without these nothing else goes on for long.
        deeds.extend([Deed::Learner, Deed::Promote]);
        deeds
    }
}

impl Cluster {
    /// The operator does something, and will again.
    pub(crate) fn act(&mut self) {
        let Some(gap) = self.swarm.deed_gap else { return };
        let gap = gap.draw(&mut self.choices);
        self.later(gap, Event::Deed);
        // Now and then somebody is asked who believes in vain to lead.
        let asked = match self.choices.happens(PerMillion(800_000)) {
            true => self.leader(),
            false => self.any_leader(),
        };
        if let Some(leader) = asked {
            self.act_at(leader);
        }
    }

    /// The operator asks something of this leader.
    pub(crate) fn act_at(&mut self, leader: NodeId) {
        let Some(raft) = self.seats[slot(leader)].raft.as_deref() else {
            return;
        };
        let membership = raft.log_membership().clone();
        let deed = self.choices.pick(&self.swarm.deeds.clone());
        self.do_deed(deed, leader, &membership);
    }

    /// Whatever the run's operator does, something happens to the membership.
    pub(crate) fn change_something(&mut self, leader: NodeId) {
        let Some(raft) = self.seats[slot(leader)].raft.as_deref() else {
            return;
        };
        let membership = raft.log_membership().clone();
        let deed = self
            .choices
            .pick(&[Deed::Learner, Deed::Promote, Deed::Addresses]);
        self.do_deed(deed, leader, &membership);
    }

    fn do_deed(&mut self, deed: Deed, leader: NodeId, membership: &Membership) {
        let done = match deed {
            Deed::Transfer => self.transfer(leader, membership),
            Deed::HandOver => self.hand_over(leader),
            Deed::Wipe => self.wipe_somebody(membership),
            Deed::SwitchOff => self.switch_off(),
            Deed::Folly => {
                let folly = folly(&mut self.choices, membership);
                self.change(leader, &folly);
                true
            }
            _ => {
                let changes = self.changes(deed, membership);
                changes.is_some_and(|changes| {
                    self.leaves_a_quorum(membership, &changes) && self.change(leader, &changes)
                })
            }
        };
        if done {
            self.met.count(deed.name());
        }
    }

    /// Asks a leader for changes. Returns whether it makes them.
    pub(crate) fn change(&mut self, leader: NodeId, changes: &[Change]) -> bool {
        let what = format!("change {changes:?}");
        let result = self.ask(leader, &what, |raft, _| raft.change(changes));
        self.tally.changes += u64::from(matches!(result, Some(Ok(_))));
        if let Some(Err(refusal)) = &result {
            self.met.count(met::refusal(refusal));
            self.note(|| format!("n{leader} refuses: {refusal}"));
        }
        for change in changes {
            if let (Change::Learner { id, .. }, Some(Ok(_))) = (change, &result) {
                self.newcomer(*id);
            }
        }
        matches!(result, Some(Ok(_)))
    }

    /// Whether enough disks would be left: an operator who gives up a quorum has nobody to blame.
    fn leaves_a_quorum(&self, membership: &Membership, changes: &[Change]) -> bool {
        let mut next = membership.clone();
        for change in changes {
            match change {
                Change::Voter(id) => next.voters.insert(*id),
                Change::Demote(id) | Change::Remove(id) => next.voters.remove(id),
                _ => false,
            };
        }
        is_quorum(&next, |id| !self.seats[slot(id)].gone)
    }

    /// A machine is installed for a member that is to be: its disk is blank.
    fn newcomer(&mut self, id: NodeId) {
        if slot(id) >= self.seats.len() {
            self.seat(id, &Membership::default());
        }
    }

    /// What the operator asks for; None if there is nothing of the kind to ask.
    fn changes(&mut self, deed: Deed, membership: &Membership) -> Option<Vec<Change>> {
        let voters: Vec<NodeId> = membership.voters.iter().copied().collect();
        let learners: Vec<NodeId> = membership.learners.iter().copied().collect();
        let members: Vec<NodeId> = membership.members().into_iter().collect();
        let any = |choices: &mut Choices, ids: &[NodeId]| (!ids.is_empty()).then(|| choices.pick(ids));
        let lost = members.iter().copied().find(|&id| self.seats[slot(id)].gone);
        let choices = &mut self.choices;
        let changes = match deed {
            Deed::Learner => vec![Change::Learner {
                id: self.blank(membership)?,
                addresses: vec!["new".to_owned()],
            }],
            Deed::Promote => vec![Change::Voter(any(choices, &learners)?)],
            Deed::Demote => vec![Change::Demote(any(choices, &voters)?)],
            Deed::Remove => vec![Change::Remove(lost.or_else(|| any(choices, &members))?)],
            Deed::Replace => vec![
                Change::Voter(any(choices, &learners)?),
                Change::Remove(lost.or_else(|| any(choices, &voters))?),
            ],
            Deed::Shuffle => shuffle(choices, &voters, &learners),
            Deed::Addresses => {
                let addresses = vec![format!("at {}", choices.below(9))];
                vec![Change::Addresses {
                    id: any(choices, &members)?,
                    addresses,
                }]
            }
            Deed::Priority => vec![Change::Priority {
                id: any(choices, &voters)?,
                priority: u8::try_from(choices.below(3)).expect("small"),
            }],
            Deed::Lease => vec![Change::Lease(match membership.settings.lease {
                Some(_) => None,
                None => Some(self.swarm.lease()),
            })],
            Deed::Transfer | Deed::HandOver | Deed::Wipe | Deed::SwitchOff | Deed::Folly => return None,
        };
        Some(changes)
    }

    /// The id of a machine that is no member: one that was installed in vain, or a new one.
    fn blank(&self, membership: &Membership) -> Option<NodeId> {
        if membership.members().len() >= MEMBERS_MAX {
            return None;
        }
        let unused = |id: &NodeId| !membership.contains(*id) && !membership.removed.contains(id);
        let next = NodeId(self.seats.len() as u64 + 1);
        let installed = self.present().find(unused);
        installed.or_else(|| Some(next).filter(|id| id.0 < IDS_END))
    }

    fn hand_over(&mut self, leader: NodeId) -> bool {
        let result = self.ask(leader, "hand over", |raft, _| raft.hand_over());
        if let Some(Err(refusal)) = &result {
            self.met.count(met::refusal(refusal));
        }
        matches!(result, Some(Ok(_)))
    }

    fn transfer(&mut self, leader: NodeId, membership: &Membership) -> bool {
        let voters: Vec<NodeId> = membership.voters.iter().copied().collect();
        let to = self.choices.pick(&voters);
        let result = self.ask(leader, &format!("transfer to n{to}"), |raft, _| raft.transfer(to));
        if let Some(Err(refusal)) = &result {
            self.met.count(met::refusal(refusal));
        }
        matches!(result, Some(Ok(())))
    }

    /// A disk is lost for good, if enough others are left to go on without it.
    fn wipe_somebody(&mut self, membership: &Membership) -> bool {
        let members: Vec<NodeId> = membership.members().into_iter().collect();
        let victim = self.choices.pick(&members);
        let stays = |id: NodeId| id != victim && !self.seats[slot(id)].gone;
        let goes_on = |membership: &Membership| membership.voters.is_empty() || is_quorum(membership, stays);
        let present = self.seats.iter().filter(|seat| !seat.gone);
        let all_go_on = { present }.all(|seat| {
            goes_on(seat.disk.membership())
                && seat
                    .raft
                    .as_deref()
                    .is_none_or(|raft| goes_on(raft.log_membership()))
        });
        if !all_go_on || self.seats[slot(victim)].gone {
            return false;
        }
        self.note(|| format!("n{victim} loses its disk for good"));
        self.lose(victim);
        true
    }

    fn lose(&mut self, id: NodeId) {
        let seat = &mut self.seats[slot(id)];
        seat.crash(false);
        seat.gone = true;
        self.judge.crashed(id);
        self.storm.crashes += 1;
    }

    /// Switches off one that was removed, which is committed.
    fn switch_off(&mut self) -> bool {
        // Those who are gone may be of another cluster.
        let present = self.seats.iter().filter(|seat| !seat.gone);
        let newest = present.max_by_key(|seat| seat.machine.index());
        let Some(newest) = newest else { return false };
        let removed = &newest.machine.membership.removed;
        let Some(id) = self.present().find(|id| removed.contains(id)) else {
            return false;
        };
        self.note(|| format!("n{id} was removed and is switched off for good"));
        self.lose(id);
        true
    }

    /// The quorum is lost, and whoever is left goes on alone (raft-core, recover.rs). From here on it is another cluster,
    /// which the other never hears of.
    pub(crate) fn recover(&mut self) {
        let able: Vec<NodeId> = self
            .present()
            .filter(|&id| self.seats[slot(id)].disk.membership().contains(id))
            .collect();
        if self.calm.is_some() || able.is_empty() {
            return;
        }
        let survivor = self.choices.pick(&able);
        self.note(|| format!("FORCED RECOVERY: n{survivor} goes on alone"));
        let others: Vec<NodeId> = self.present().filter(|&id| id != survivor).collect();
        others.into_iter().for_each(|id| self.lose(id));
        let kept = self.choices.happens(PerMillion(500_000));
        let seat = &mut self.seats[slot(survivor)];
        seat.crash(kept);
        self.judge.crashed(survivor);
        let image = raft_core::recover_alone(seat.disk.recover(), survivor);
        let image = image.unwrap_or_else(|refusal| panic!("n{survivor} is a member: {refusal}"));
        seat.disk.become_image(image);
        self.epoch += 1;
        let applied = seat.disk.stored.index();
        self.judge.begin_anew(applied);
        self.met.count("forced recovery");
        self.start(survivor);
    }

    /// Of those who believe that they lead, any.
    pub(crate) fn any_leader(&mut self) -> Option<NodeId> {
        let leads = |id: &NodeId| {
            let raft = self.seats[slot(*id)].raft.as_deref();
            raft.is_some_and(raft_core::Raft::is_leader)
        };
        let leaders: Vec<NodeId> = self.up().filter(leads).collect();
        (!leaders.is_empty()).then(|| self.choices.pick(&leaders))
    }

    /// Takes the members whose disks are lost out of the membership, one at a time. Returns whether there are more.
    pub(crate) fn bury_the_lost(&mut self, leader: NodeId) -> bool {
        let Some(raft) = self.seats[slot(leader)].raft.as_deref() else {
            return false;
        };
        let membership = raft.log_membership();
        let lost = membership
            .members()
            .into_iter()
            .find(|&id| self.seats[slot(id)].gone);
        if let Some(lost) = lost {
            self.change(leader, &[Change::Remove(lost)]);
        }
        lost.is_some()
    }
}

/// What no leader does: each time another reason speaks against it.
fn folly(choices: &mut Choices, membership: &Membership) -> Vec<Change> {
    let used: Vec<NodeId> = membership
        .members()
        .into_iter()
        .chain(membership.removed.iter().copied())
        .collect();
    let (id, nobody) = (choices.pick(&used), NodeId(IDS_END));
    match choices.below(5) {
        0 => vec![Change::Learner {
            id,
            addresses: vec!["new".to_owned()],
        }],
        1 => vec![Change::Voter(nobody)],
        2 => membership.voters.iter().map(|&id| Change::Demote(id)).collect(),
        3 => vec![Change::Voter(id), Change::Remove(id)],
        _ => vec![Change::Lease(membership.settings.lease)],
    }
}

/// Some members get another part.
fn shuffle(choices: &mut Choices, voters: &[NodeId], learners: &[NodeId]) -> Vec<Change> {
    let mut changes = Vec::new();
    for &id in voters {
        match choices.below(6) {
            4 => changes.push(Change::Demote(id)),
            5 => changes.push(Change::Remove(id)),
            _ => {}
        }
    }
    for &id in learners {
        if choices.happens(PerMillion(700_000)) {
            changes.push(Change::Voter(id));
        }
    }
    changes
}
