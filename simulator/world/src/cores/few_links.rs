//! After the calm, in some runs: links go, and do not come back. One member still talks with a quorum, and others perhaps
//! do not. Somebody has to lead all the same, and to serve, and not to be replaced again and again.
//!
//! It begins when all are at rest, with equal logs: else the only one with a quorum of links could lack what is in no log
//! any more (raft-core, catch_up.rs).

use raft_core::{Membership, NodeId};

use super::calm::Stage;
use super::cluster::{Cluster, Event};
use super::swarm::Spread;
use super::wire::{Pair, slot};
use crate::check::electable::is_quorum;
use crate::choices::PerMillion;

/// Within so many election timeouts somebody serves.
const ELECTION_TIMEOUTS: u32 = 24;

/// So long is looked at what that comes to.
const SERVICE_TIMEOUTS: u32 = 40;

/// In that time at most so many elections are won: a hand-over to one that is preferred, and cannot win, is tried once
/// in ten timeouts.
const ELECTIONS_MAX: u64 = 8;

/// How often a run that may end so does.
const SHARE: PerMillion = PerMillion(800_000);

impl Cluster {
    /// Cuts all but a few links, in some runs. Returns whether.
    pub(crate) fn begin_few_links(&mut self) -> bool {
        let asked_first = [self.swarm.pre_vote, self.swarm.check_quorum] == [Spread::All; 2];
        let Some(leader) = self.leader().filter(|_| asked_first) else {
            return false;
        };
        let Some(raft) = self.seats[slot(leader)].raft.as_deref() else {
            return false;
        };
        let membership = raft.log_membership().clone();
        let voters = membership.voters.iter().copied();
        let up: Vec<NodeId> = voters.filter(|&id| self.answers(id)).collect();
        let has_quorum = is_quorum(&membership, |id| up.contains(&id));
        if up.len() < 3 || !has_quorum || !self.choices.happens(SHARE) {
            return false;
        }
        let middle = self.choices.pick(&up);
        let left = self.links_left(middle, &up, &membership);
        self.note(|| format!("FEW LINKS: n{middle} talks with a quorum; what is left: {left:?}"));
        self.keep_only(middle, &left);
        self.clients.wake();
        let committed = self.tally.committed;
        let bound = self.swarm.slow_timeouts(ELECTION_TIMEOUTS);
        self.enter(Stage::FewLinks { committed }, bound);
        self.later(self.swarm.timeouts(1), Event::Look);
        true
    }

    /// The pairs that still hear each other: the middle and a quorum, as few as that takes or more, and any others.
    fn links_left(&mut self, middle: NodeId, up: &[NodeId], membership: &Membership) -> Vec<Pair> {
        let share = PerMillion(self.choices.pick(&[0, 0, 300_000]));
        let more = PerMillion(self.choices.pick(&[0, 500_000, 1_000_000]));
        let mut heard = vec![middle];
        let mut left = Vec::new();
        let begins = usize::try_from(self.choices.below(up.len() as u64)).expect("an index");
        for at in 0..up.len() {
            let id = up[(begins + at) % up.len()];
            let is_enough = is_quorum(membership, |id| heard.contains(&id));
            if id != middle && (!is_enough || self.choices.happens(more)) {
                heard.push(id);
                left.push((middle, id));
            }
        }
        for (at, &one) in up.iter().enumerate() {
            for &other in &up[at + 1..] {
                if self.choices.happens(share) {
                    left.push((one, other));
                }
            }
        }
        left
    }

    /// Whether something was committed since. It takes a leader whom a quorum hears.
    pub(crate) fn somebody_serves(&self, committed: u64) -> Result<(), String> {
        match self.tally.committed > committed {
            true => Ok(()),
            false => Err("one talks with a quorum, and nothing is committed".to_owned()),
        }
    }

    /// Somebody serves. What comes of it is looked at when it is due.
    pub(crate) fn go_on_with_few_links(&mut self) {
        let (committed, elections) = (self.tally.committed, self.tally.elections);
        let usual = self.swarm.timeouts(SERVICE_TIMEOUTS);
        let bound = self.swarm.slow_timeouts(ELECTION_TIMEOUTS).max(usual);
        let stage = Stage::FewLinksServe { committed, elections };
        self.enter(stage, bound);
        self.later(bound, Event::Look);
    }

    /// Whether more was committed since, by few leaders.
    pub(crate) fn few_served(&self, committed: u64, elections: u64) -> Result<(), String> {
        self.somebody_serves(committed)?;
        let elections = self.tally.elections - elections;
        // Long leases make it longer than that.
        let is_usual = self.swarm.slow_timeouts(ELECTION_TIMEOUTS) <= self.swarm.timeouts(SERVICE_TIMEOUTS);
        if is_usual && elections > ELECTIONS_MAX {
            return Err(format!(
                "one talks with a quorum all the time, and {elections} elections were won in {SERVICE_TIMEOUTS} timeouts"
            ));
        }
        Ok(())
    }
}
