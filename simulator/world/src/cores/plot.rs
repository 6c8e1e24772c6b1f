//! Faults in several acts. Some violations need one thing after another, each at its time; faults in any order hardly ever
//! come to that. Each act is made of ordinary faults (`faults.rs`); who plays, and how long it takes, is drawn.

use raft_core::{Change, NodeId};

use super::cluster::{Cluster, Event};
use super::faults::{Kind, Shape};
use super::partition;
use super::wire::{Pair, slot};

/// What is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Plot {
    /// OmniPaxos, "constrained election": first one misses what is committed; then the leader is cut off, and the only
    /// one that the others hear is that one.
    Constrained,
    /// A voter that heard its leader boots, and one that did not stands: the booted one does not know what it promised
    /// to the leader, which is cut off and reads (thesis 6.4.1).
    ForgottenPromise,
    /// A leader begins to exchange all voters but itself for learners, and is cut off with these: half of a joint
    /// configuration (Raft 6).
    TornJoint,
    /// A candidate that lacks entries gets them after another has won its term (raft-core, catch_up.rs).
    LateHelp,
}

/// The next act.
#[derive(Clone, Debug)]
pub(crate) struct Scene {
    plot: Plot,
    pub(crate) act: u32,
    /// Who plays, in the order of their entrance.
    pub(crate) cast: Vec<NodeId>,
    /// How long the acts last that have no length of their own, in microseconds, all of them together.
    lasts: u64,
}

impl Cluster {
    /// The first act.
    pub(crate) fn open(&mut self, plot: Plot, victim: NodeId, lasts: u64) {
        self.play(Scene {
            plot,
            act: 0,
            cast: vec![victim],
            lasts,
        });
    }

    /// The next act. It takes place if those are there who are to play.
    pub(crate) fn play(&mut self, mut scene: Scene) {
        if self.calm.is_some() {
            return;
        }
        self.note(|| format!("{:?}, act {}", scene.plot, scene.act));
        let next_after = match scene.plot {
            Plot::Constrained => self.constrain(&scene),
            Plot::ForgottenPromise => self.forget_a_promise(&mut scene),
            Plot::TornJoint => self.tear_joint(),
            Plot::LateHelp => self.help_late(&mut scene),
        };
        if let Some(after) = next_after {
            scene.act += 1;
            self.later(after, Event::Act(scene));
        }
    }

    fn constrain(&mut self, scene: &Scene) -> Option<u64> {
        let (victim, half) = (scene.cast[0], scene.lasts / 2);
        let shape = match scene.act {
            0 => Shape::Isolate,
            _ => Shape::Constrained,
        };
        self.begin(Kind::Cut(shape), victim, half);
        (scene.act == 0).then_some(half)
    }

    fn forget_a_promise(&mut self, scene: &mut Scene) -> Option<u64> {
        let timeout = self.swarm.timeouts(1);
        let (leader, others) = self.leader_and_others()?;
        if scene.act == 0 {
            let impatient = self.choices.pick(&others);
            scene.cast = vec![leader, impatient];
            let patience = self.choices.between(timeout, 3 * timeout);
            let cuts = vec![(leader, impatient), (impatient, leader)];
            self.cut(Shape::OneWay, impatient, cuts, patience + 2 * timeout);
            return Some(patience);
        }
        if leader == scene.cast[0] {
            self.begin(Kind::Cut(Shape::Isolate), leader, 2 * timeout);
            let forgetful = others.into_iter().filter(|id| *id != scene.cast[1]);
            forgetful.for_each(|id| self.begin(Kind::Reboot, id, 1_000));
        }
        None
    }

    fn tear_joint(&mut self) -> Option<u64> {
        let (leader, others) = self.leader_and_others()?;
        let membership = self.seats[slot(leader)].raft.as_deref()?.log_membership();
        let learners: Vec<NodeId> = membership.learners.iter().copied().collect();
        let come = learners.into_iter().map(Change::Voter);
        let go = others.iter().map(|&id| Change::Demote(id));
        let changes: Vec<Change> = come.chain(go).collect();
        if self.change(leader, &changes) {
            let cuts = self.all_but(|from, to| others.contains(&from) == others.contains(&to));
            let timeout = self.swarm.timeouts(1);
            self.cut(Shape::Halves, leader, cuts, 4 * timeout);
        }
        None
    }

    /// All pairs but those that stay whole.
    pub(crate) fn all_but(&self, stays: impl Fn(NodeId, NodeId) -> bool) -> Vec<Pair> {
        let present: Vec<NodeId> = self.present().collect();
        partition::all_but(&present, stays)
    }

    /// Who leads, and the other voters.
    pub(crate) fn leader_and_others(&self) -> Option<(NodeId, Vec<NodeId>)> {
        let leader = self.leader()?;
        let membership = self.seats[slot(leader)].raft.as_deref()?.log_membership();
        let others = membership.voters.iter().copied().filter(|&id| id != leader);
        let others: Vec<NodeId> = others.collect();
        (!others.is_empty()).then_some((leader, others))
    }
}
