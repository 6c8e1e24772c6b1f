//! A plot (`plot.rs`): a candidate asks for the entries that it lacks, and gets them when it follows the winner of its
//! term, to which it has acknowledged others (raft-core, catch_up.rs).
//!
//! Each of two logs has a tail that the other has not: the winner's, of which its friend has a part, and the helper's, of a
//! later term. Winner and candidate come to stand in the same term because neither hears the other.

use raft_core::NodeId;

use super::cluster::Cluster;
use super::faults::{Kind, Shape};
use super::plot::Scene;
use super::wire::slot;
use crate::choices::PerMillion;

impl Cluster {
    /// One act; returns how long until the next. The cast: winner, friend, helper.
    pub(crate) fn help_late(&mut self, scene: &mut Scene) -> Option<u64> {
        match scene.act {
            0 => self.part_the_winner(scene),
            1 => Some(self.elect_the_helper(scene.cast[0])),
            // All hear of its term.
            2 => Some(self.swarm.timeouts(1) / 2),
            3 => self.part_the_candidate(scene),
            _ => self.let_the_winner_stand(scene),
        }
    }

    /// The winner, or its friend, leads, and only these two have what is proposed now. The winner asks for no pre-votes:
    /// they would tell it of the other's term.
    fn part_the_winner(&mut self, scene: &mut Scene) -> Option<u64> {
        let timeout = self.swarm.timeouts(1);
        let (leader, others) = self.leader_and_others()?;
        let wins = |id: &NodeId| !self.seats[slot(*id)].config.pre_vote;
        scene.cast = match others.iter().copied().find(wins) {
            Some(winner) => vec![winner, leader],
            None => vec![leader, self.choices.pick(&others)],
        };
        let cast = scene.cast.clone();
        let cuts = self.all_but(|from, to| cast.contains(&from) == cast.contains(&to));
        let alone = self.choices.between(timeout / 3, timeout * 4 / 5);
        self.cut(Shape::Halves, leader, cuts, alone + 3 * timeout);
        Some(alone)
    }

    /// The others elect one of them, and nobody else gets what it adds to its log, even when all hear it again.
    fn elect_the_helper(&mut self, winner: NodeId) -> u64 {
        let timeout = self.swarm.timeouts(1);
        let all = PerMillion(1_000_000);
        self.begin(Kind::AppendLoss(all), winner, 3 * timeout + timeout / 2);
        3 * timeout + 1
    }

    /// The candidate hears only the helper, which leads no more, and the friend: a quorum, whose logs are better, and whose
    /// messages are late.
    fn part_the_candidate(&mut self, scene: &mut Scene) -> Option<u64> {
        let timeout = self.swarm.timeouts(1);
        let (helper, others) = self.leader_and_others()?;
        let (winner, friend) = (scene.cast[0], scene.cast[1]);
        let idle: Vec<NodeId> = others.into_iter().filter(|id| !scene.cast.contains(id)).collect();
        if scene.cast.contains(&helper) || idle.is_empty() {
            return None;
        }
        let candidate = self.choices.pick(&idle);
        let heard = [helper, friend];
        let cuts = self.all_but(|from, to| {
            (from == candidate && heard.contains(&to)) || (to == candidate && heard.contains(&from))
        });
        let lasts = self.choices.between(2 * timeout, 5 * timeout);
        self.cut(Shape::Constrained, candidate, cuts, lasts);
        self.begin(Kind::Reboot, helper, 1_000);
        self.begin(Kind::Pause, winner, lasts);
        self.begin(Kind::SlowInbox(timeout), candidate, lasts);
        scene.cast.push(helper);
        Some(lasts)
    }

    /// The winner stands, without the helper. It brings the others up to date entry by entry, and slowly.
    fn let_the_winner_stand(&mut self, scene: &Scene) -> Option<u64> {
        let timeout = self.swarm.timeouts(1);
        let (winner, helper) = (scene.cast[0], scene.cast[2]);
        self.begin(Kind::Cut(Shape::Isolate), helper, 3 * timeout);
        self.begin(Kind::SlowInbox(timeout / 3), winner, 3 * timeout);
        None
    }
}
