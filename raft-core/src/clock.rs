//! Time: deadlines instead of counted ticks, so that nobody wakes up for nothing, and a simulator jumps to the next event.

use std::time::Duration;

use rand_chacha::rand_core::Rng;

use crate::catch_up::CatchUp;
use crate::raft::Raft;
use crate::role::{Leader, Role};
use crate::types::Time;

impl Raft {
    /// Time passed. Harmless at any time; useful from [`Raft::deadline`] on.
    pub fn tick(&mut self, now: Time) {
        self.now = self.now.max(now);
        if self.halted {
            return;
        }
        match &mut self.role {
            Role::Leader(_) => self.tick_lead(),
            _ if self.now >= self.election_deadline => self.time_out(),
            role => {
                if let Some(canvass) = role.canvass() {
                    canvass.tick(self.now);
                }
            }
        }
    }

    /// When to call [`Raft::tick`] at the latest.
    #[must_use]
    pub fn deadline(&self) -> Time {
        let of_role = match &self.role {
            _ if self.halted => return Time::NEVER,
            Role::Leader(leader) => self.lead_deadline(leader),
            _ if !self.may_stand() => Time::NEVER,
            Role::Follower { .. } => self.election_deadline,
            Role::PreCandidate { canvass, .. } => self.election_deadline.min(canvass.deadline()),
            Role::Candidate {
                canvass, catch_up, ..
            } => {
                let catch_up = catch_up.as_ref().map_or(Time::NEVER, CatchUp::deadline);
                self.election_deadline.min(canvass.deadline()).min(catch_up)
            }
        };
        of_role.min(self.read_deadline())
    }

    fn tick_lead(&mut self) {
        if self.check_quorum() || self.check_disk() {
            return;
        }
        self.tick_leader();
        self.tick_transfer();
        self.tick_priority();
    }

    fn lead_deadline(&self, leader: &Leader) -> Time {
        // Nobody is to hear a heartbeat: no idle wake-ups.
        if leader.progress.is_empty() {
            return Time::NEVER;
        }
        let others = [
            self.transfer_deadline(leader),
            self.quorum_deadline(),
            self.stall_deadline(),
            self.preference_deadline(leader),
        ];
        let resends = leader.progress.values().map(|p| p.resend_deadline);
        resends.chain(others).fold(leader.heartbeat_deadline, Time::min)
    }

    /// Randomised so that elections are seldom split (Raft 5.2).
    pub(crate) fn reset_election_deadline(&mut self) {
        let (at_least, at_most_more) = self.patience();
        let extra = self.random_below(at_most_more);
        self.election_deadline = self.now.after(at_least).after(extra);
    }

    pub(crate) fn random_below(&mut self, limit: Duration) -> Duration {
        let micros = u64::try_from(limit.as_micros()).unwrap_or(u64::MAX).max(1);
        Duration::from_micros(self.random.next_u64() % micros)
    }
}
