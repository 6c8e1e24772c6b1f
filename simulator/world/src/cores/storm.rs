//! Faults as they begin, go on and end.

use raft_core::{Limits, NodeId, Time};

use super::cluster::{Cluster, Event};
use super::faults::{Kind, Shape};
use super::partition;
use super::wire::{Pair, Weather, slot};
use crate::choices::PerMillion;
use crate::network::Law;

/// A fault that goes on.
#[derive(Clone, Debug)]
pub(crate) struct Active {
    number: u64,
    kind: Kind,
    victim: Option<NodeId>,
    cuts: Vec<Pair>,
}

/// What goes on, and what did.
#[derive(Debug, Default)]
pub(crate) struct Storm {
    active: Vec<Active>,
    /// Faults that began, those within others included.
    begun: u64,
    pub(crate) faults: u64,
    pub(crate) crashes: u64,
}

impl Cluster {
    /// A fault befalls the cluster, and another will.
    pub(crate) fn befall(&mut self) {
        let Some(victim) = self.victim() else {
            // All are down: they have their share.
            return self.later(100_000, Event::Fault);
        };
        let gap = self.swarm.fault_gap.draw(&mut self.choices);
        self.later(gap, Event::Fault);
        let kind = self.choices.pick(&self.swarm.faults.clone());
        self.storm.faults += 1;
        self.met.count(kind.name());
        let longest = kind.longest(self.swarm.timeouts(1));
        // Some go by in a moment.
        let longest = longest.min(self.choices.pick(&[longest, longest, 60_000]));
        let lasts = self.choices.between(1_000, longest);
        self.begin(kind, victim, lasts);
        if self.swarm.acts_at_once
            && let Some(leader) = self.leader()
        {
            self.act_at(leader);
        }
    }

    /// A fault, or one of those that another is made of.
    pub(crate) fn begin(&mut self, kind: Kind, victim: NodeId, lasts: u64) {
        self.storm.begun += 1;
        let number = self.storm.begun;
        self.note(|| format!("FAULT {number}: {} befalls n{victim} for {lasts} us", kind.name()));
        match kind {
            Kind::Crash | Kind::Reboot => return self.crash_for(victim, lasts),
            Kind::Plot(plot) => return self.open(plot, victim, lasts),
            Kind::CrashAll => {
                let ids: Vec<NodeId> = self.up().collect();
                return ids.into_iter().for_each(|id| self.crash_for(id, lasts));
            }
            Kind::CrashWhileSaving => {
                self.seats[slot(victim)].doomed = true;
                return;
            }
            Kind::Pause => {
                self.seats[slot(victim)].paused_until = Time(self.now.0 + lasts);
                return;
            }
            Kind::FalseHint => {
                let present: Vec<NodeId> = self.present().collect();
                let pairs: Vec<Pair> = present.into_iter().map(|peer| (peer, victim)).collect();
                return self.notice(&pairs);
            }
            Kind::DiskStall => self.seats[slot(victim)].disk_stalls = true,
            Kind::SlowDisk(most) => self.seats[slot(victim)].disk_delay = most,
            Kind::OtherLimits => {
                let limits = self.swarm.other_limits(&mut self.choices);
                self.limit(victim, limits);
            }
            Kind::Cut(shape) => {
                let cuts = self.cuts(shape, victim);
                return self.go_on(kind, victim, cuts, lasts);
            }
            _ => {}
        }
        self.go_on(kind, victim, Vec::new(), lasts);
    }

    /// Cuts these pairs.
    pub(crate) fn cut(&mut self, shape: Shape, victim: NodeId, cuts: Vec<Pair>, lasts: u64) {
        self.storm.begun += 1;
        let (number, name) = (self.storm.begun, shape.name());
        self.note(|| format!("FAULT {number}: {name} befalls n{victim} for {lasts} us: {cuts:?}"));
        self.go_on(Kind::Cut(shape), victim, cuts, lasts);
    }

    fn go_on(&mut self, kind: Kind, victim: NodeId, cuts: Vec<Pair>, lasts: u64) {
        let number = self.storm.begun;
        self.storm.active.push(Active {
            number,
            kind,
            victim: Some(victim),
            cuts,
        });
        self.settle_weather();
        self.later(lasts, Event::Over(number));
    }

    pub(crate) fn end(&mut self, number: u64) {
        let Some(at) = self
            .storm
            .active
            .iter()
            .position(|active| active.number == number)
        else {
            return;
        };
        let ended = self.storm.active.remove(at);
        self.note(|| format!("FAULT {number}: {} is over", ended.kind.name()));
        let (now, storm) = (self.now, &self.storm);
        let others = storm.active.iter().filter(|other| other.victim == ended.victim);
        let (mut stalls, mut delay) = (false, 0);
        for other in others {
            stalls |= other.kind == Kind::DiskStall;
            if let Kind::SlowDisk(most) = other.kind {
                delay = most;
            }
        }
        if let Some(victim) = ended.victim {
            let seat = &mut self.seats[slot(victim)];
            let resumes = seat.disk_stalls && !stalls && seat.saving.is_some();
            (seat.disk_stalls, seat.disk_delay) = (stalls, delay);
            let life = seat.life;
            if ended.kind == Kind::OtherLimits {
                self.limit(victim, self.swarm.limits);
            }
            if resumes {
                self.timeline.add(now, Event::Synced(victim, life));
            }
        }
        self.settle_weather();
    }

    /// From now on, in all its lives.
    fn limit(&mut self, id: NodeId, limits: Limits) {
        self.seats[slot(id)].config.limits = limits;
        self.trace_input(id, || format!("limits {limits:?}"));
        self.turn(id, |raft, _| raft.set_limits(limits));
    }

    /// All that goes wrong ends; who is down is switched on.
    pub(crate) fn end_all(&mut self) {
        while let Some(number) = self.storm.active.first().map(|active| active.number) {
            self.end(number);
        }
        for at in 0..self.seats.len() {
            let seat = &mut self.seats[at];
            seat.doomed = false;
            seat.paused_until = seat.paused_until.min(self.now);
            let id = seat.id;
            self.start(id);
        }
    }

    /// Somebody came to lead: while a hunt is on, not for long.
    pub(crate) fn hunted(&mut self, id: NodeId) {
        let hunt = self.storm.active.iter().find_map(|active| match active.kind {
            Kind::Hunt { after_max, .. } => Some(after_max),
            _ => None,
        });
        if let Some(after_max) = hunt {
            let after = self.choices.below(after_max);
            let life = self.seats[slot(id)].life;
            self.later(after, Event::Strike(id, life));
        }
    }

    /// The hunter, or fate while it saved, got this member.
    pub(crate) fn strike(&mut self, id: NodeId, life: u64) {
        if self.calm.is_some() || self.seats[slot(id)].life != life || !self.seats[slot(id)].is_up() {
            return;
        }
        let down = self.storm.active.iter().find_map(|active| match active.kind {
            Kind::Hunt { down_max, .. } => Some(down_max),
            _ => None,
        });
        let down_max = down.unwrap_or(self.swarm.timeouts(2));
        let lasts = self.choices.below(down_max) + 1;
        self.crash_for(id, lasts);
    }

    fn crash_for(&mut self, id: NodeId, lasts: u64) {
        self.crash(id);
        self.later(lasts, Event::Start(id));
    }

    pub(crate) fn crash(&mut self, id: NodeId) {
        let kept = self.choices.happens(PerMillion(500_000));
        self.storm.crashes += 1;
        self.note(|| {
            let fate = if kept { "on its disk" } else { "lost" };
            format!("n{id} crashes; a Save in flight is {fate}")
        });
        self.seats[slot(id)].crash(kept);
        self.judge.crashed(id);
        let verdict = self.judge.nobody_goes_without(&self.seats);
        self.hold(verdict);
    }

    fn victim(&mut self) -> Option<NodeId> {
        let leader = self
            .leader()
            .filter(|_| self.choices.happens(self.swarm.leader_is_victim));
        leader.or_else(|| self.anybody())
    }

    fn cuts(&mut self, shape: Shape, victim: NodeId) -> Vec<Pair> {
        let members: Vec<NodeId> = self.present().collect();
        let leader = self.leader();
        let cuts = partition::pairs(shape, &members, victim, leader, &mut self.choices);
        self.notice(&cuts);
        cuts
    }

    /// Cuts all links but these, for good.
    pub(crate) fn keep_only(&mut self, middle: NodeId, left: &[Pair]) {
        let present: Vec<NodeId> = self.present().collect();
        let pairs = present
            .iter()
            .flat_map(|&from| present.iter().map(move |&to| (from, to)));
        let stays = |(from, to)| from == to || left.contains(&(from, to)) || left.contains(&(to, from));
        let cuts: Vec<Pair> = pairs.filter(|&pair| !stays(pair)).collect();
        self.notice(&cuts);
        self.storm.active.push(Active {
            number: u64::MAX,
            kind: Kind::Cut(Shape::Star),
            victim: Some(middle),
            cuts,
        });
        self.settle_weather();
    }

    /// Makes the network what the faults that go on amount to.
    fn settle_weather(&mut self) {
        let mut weather = Weather::fair(self.swarm.delay);
        for active in &self.storm.active {
            match active.kind {
                Kind::Loss(share) => weather.loss = weather.loss.max(share),
                Kind::AppendLoss(share) => weather.append_loss = weather.append_loss.max(share),
                Kind::Duplication(share) => weather.duplication = weather.duplication.max(share),
                Kind::Corruption(share) => weather.corruption = weather.corruption.max(share),
                Kind::Misdelivery(share) => weather.misdelivery = weather.misdelivery.max(share),
                Kind::Reordering(spread) => {
                    weather.in_order = false;
                    weather.delay = Law {
                        spread,
                        ..weather.delay
                    };
                }
                _ => {}
            }
        }
        let late = self.storm.active.iter().filter_map(|active| match active.kind {
            Kind::SlowInbox(most) => Some((active.victim?, most)),
            _ => None,
        });
        self.wire.delay_only(late);
        self.wire.weather = weather;
        self.wire
            .cut_only(self.storm.active.iter().flat_map(|active| &active.cuts));
    }
}
