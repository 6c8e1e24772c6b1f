//! The closed cluster: its cores, what is on its way between them, and what one input to one core brings about.

use raft_core::{Envelope, Membership, Mutant, NodeId, Position, Raft, Time, Version};

use super::calm::Calm;
use super::clients::Clients;
use super::judge::Judge;
use super::met::Met;
use super::plot::Scene;
use super::seat::Seat;
use super::snapshots::Piece;
use super::storm::Storm;
use super::swarm::Swarm;
use super::wire::{Pair, Weather, Wire, slot};
use crate::check::{Noticed, Violation};
use crate::choices::Choices;
use crate::clock::Clock;
use crate::script::print;
use crate::timeline::Timeline;
use crate::trace::Trace;

/// The newest there is of the members' program.
const VERSION_MAX: Version = Version(3);

/// More outputs than any one input can bring about.
const OUTPUTS_MAX: usize = 100_000;

/// Everything there is.
#[derive(Debug)]
pub(crate) struct Cluster {
    pub(crate) now: Time,
    pub(crate) choices: Choices,
    pub(crate) swarm: Swarm,
    pub(crate) timeline: Timeline<Event>,
    pub(crate) wire: Wire,
    /// By id, from 1.
    pub(crate) seats: Vec<Seat>,
    pub(crate) judge: Judge,
    pub(crate) met: Met,
    pub(crate) trace: Trace,
    pub(crate) storm: Storm,
    pub(crate) clients: Clients,
    /// Faults are over; what is to be seen of that.
    pub(crate) calm: Option<Calm>,
    pub(crate) tally: Tally,
    /// How often a lost quorum was given up for good.
    pub(crate) epoch: u64,
    pub(crate) violation: Option<Noticed>,
    pub(crate) over: bool,
}

/// What came about.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) elections: u64,
    pub(crate) committed: u64,
    /// Changes of membership that a leader began.
    pub(crate) changes: u64,
}

/// What is due.
#[derive(Debug)]
pub(crate) enum Event {
    /// A message, sent in this epoch, arrives at a member.
    Arrive(u64, NodeId, Envelope),
    /// A member's deadline comes, if this is still the time it is planned for.
    Tick(NodeId),
    /// A member's Save is synced, in this life of its.
    Synced(NodeId, u64),
    /// A member notices, in this life of its, that its link to another is closed.
    Closed(NodeId, u64, NodeId),
    /// A member has a view of its state for a follower, in this life of its.
    View(NodeId, u64, NodeId),
    /// A member has a piece of a view at hand.
    Piece(NodeId, u64, Piece),
    /// What a member received of a snapshot is synced.
    Received(NodeId, u64, Position),
    /// A member's own snapshot is written.
    Stored(NodeId, u64),
    /// Proposals come.
    Offer,
    /// Proposals that wait are tried again.
    TryAgain,
    /// A read comes.
    Read,
    /// The operator acts.
    Deed,
    /// The quorum is lost for good.
    Recovery,
    /// A fault befalls the cluster.
    Fault,
    /// A fault has another act.
    Act(Scene),
    /// A fault is over.
    Over(u64),
    /// A member crashes, if this is still its life.
    Strike(NodeId, u64),
    /// A member is switched on.
    Start(NodeId),
    /// Faults are over.
    Calm,
    /// It is time to see whether all is well again.
    Look,
}

impl Cluster {
    pub(crate) fn new(mut choices: Choices, mutant: Option<Mutant>, lines: bool) -> Cluster {
        let swarm = Swarm::draw(&mut choices, mutant);
        let founders = swarm.founders(&mut choices);
        let mut cluster = Cluster {
            now: Time(0),
            timeline: Timeline::default(),
            wire: Wire::new(Weather::fair(swarm.delay)),
            seats: Vec::new(),
            judge: Judge::default(),
            met: Met::default(),
            trace: Trace::new(lines),
            storm: Storm::default(),
            clients: Clients::default(),
            calm: None,
            tally: Tally::default(),
            epoch: 0,
            violation: None,
            over: false,
            choices,
            swarm,
        };
        for id in founders.members() {
            cluster.seat(id, &founders);
        }
        let storm = cluster.swarm.storm;
        let begins = [Event::Offer, Event::Read, Event::Fault, Event::Deed];
        begins.into_iter().for_each(|event| cluster.later(0, event));
        cluster.later(storm, Event::Calm);
        if let Some(after) = cluster.swarm.recovery_at {
            cluster.later(after, Event::Recovery);
        }
        cluster
    }

    /// Makes a member and switches it on.
    pub(crate) fn seat(&mut self, id: NodeId, membership: &Membership) {
        let mut config = self.swarm.config(&mut self.choices, id);
        if membership.voters.is_empty() {
            // Nobody takes in a member that is older than the cluster.
            config.version = VERSION_MAX;
        }
        self.seats.push(Seat::new(config, membership, &mut self.choices));
        assert_eq!(slot(id) + 1, self.seats.len(), "ids count up");
        self.start(id);
    }

    /// What is due next happens.
    pub(crate) fn step(&mut self) {
        let (now, event) = self.timeline.pop().expect("there always is something to come");
        self.now = now;
        match event {
            Event::Arrive(epoch, id, envelope) => self.arrive(epoch, id, envelope),
            Event::Tick(id) => self.tick(id),
            Event::Synced(id, life) => self.synced(id, life),
            Event::Closed(id, life, peer) => self.closed(id, life, peer),
            Event::View(id, life, peer) => self.view(id, life, peer),
            Event::Piece(id, life, piece) => self.supply(id, life, piece),
            Event::Received(id, life, mark) => self.keep_received(id, life, mark),
            Event::Stored(id, life) => self.keep_own(id, life),
            Event::Offer => {
                self.offer();
                let gap = self.swarm.offer_gap.draw(&mut self.choices);
                self.later(gap, Event::Offer);
            }
            Event::TryAgain => self.try_again(),
            Event::Read => {
                self.read_somewhere();
                let gap = self.swarm.read_gap.draw(&mut self.choices);
                self.later(gap, Event::Read);
            }
            Event::Deed if self.calm.is_none() => self.act(),
            Event::Recovery => self.recover(),
            Event::Fault if self.calm.is_none() => self.befall(),
            Event::Fault | Event::Deed => {}
            Event::Act(scene) => self.play(scene),
            Event::Over(number) => self.end(number),
            Event::Strike(id, life) => self.strike(id, life),
            Event::Start(id) => self.start(id),
            Event::Calm => self.calm_down(),
            Event::Look => self.look(),
        }
    }

    pub(crate) fn later(&mut self, micros: u64, event: Event) {
        self.timeline.add(Time(self.now.0 + micros), event);
    }

    /// A line of the trace that is about no member.
    pub(crate) fn note(&mut self, line: impl FnOnce() -> String) {
        self.trace.remark(self.now, line);
    }

    /// What did not hold ends the run.
    pub(crate) fn hold<T>(&mut self, verdict: Result<T, Violation>) -> Option<T> {
        match verdict {
            Ok(value) => Some(value),
            Err(violation) => {
                self.broken(violation);
                None
            }
        }
    }

    pub(crate) fn broken(&mut self, violation: Violation) {
        let at = self.now;
        self.violation.get_or_insert(Noticed { at, violation });
    }

    /// A client asks a member that answers.
    pub(crate) fn ask<R>(
        &mut self,
        id: NodeId,
        what: &str,
        input: impl FnOnce(&mut Raft, Time) -> R,
    ) -> Option<R> {
        if !self.answers(id) {
            return None;
        }
        self.trace_input(id, || what.to_owned());
        self.turn(id, input)
    }

    /// One input and all that follows from it; None if the member is down.
    pub(crate) fn turn<R>(&mut self, id: NodeId, input: impl FnOnce(&mut Raft, Time) -> R) -> Option<R> {
        let seat = &mut self.seats[slot(id)];
        let mut raft = seat.raft.take()?;
        let local = seat.clock.read(self.now).monotonic;
        let (term, led) = (raft.term(), raft.is_leader());
        let result = input(&mut raft, local);
        let mut outputs = 0;
        while let Some(output) = raft.poll() {
            outputs += 1;
            assert!(outputs < OUTPUTS_MAX, "poll comes to an end");
            self.perform(id, &raft, output);
        }
        raft.check_quickly();
        self.trace.mark(
            self.now,
            [id.0, raft.term().0, raft.last().index.0, raft.commit_index().0],
        );
        // The newest there is, however many changes the turn brought.
        if let Some(peers) = self.seats[slot(id)].peers.take() {
            assert_eq!(peers, *raft.log_membership(), "n{id} is told who its peers are");
        }
        let leads_now = raft.is_leader() && (!led || raft.term() != term);
        let deadline = raft.deadline();
        self.seats[slot(id)].raft = Some(raft);
        self.set_alarm(id, deadline);
        let verdict = self.judge.observe(id, &self.seats);
        self.hold(verdict);
        if leads_now {
            self.tally.elections += 1;
            self.hunted(id);
            if self.swarm.acts_at_once && self.calm.is_none() {
                self.act_at(id);
            }
        }
        Some(result)
    }

    fn set_alarm(&mut self, id: NodeId, deadline: Time) {
        let seat = &mut self.seats[slot(id)];
        let due = seat.clock.when(deadline).max(self.now);
        if due < seat.alarm && deadline < Time::NEVER {
            seat.alarm = due;
            self.timeline.add(due, Event::Tick(id));
        }
    }

    fn arrive(&mut self, epoch: u64, id: NodeId, envelope: Envelope) {
        // Who lives in another epoch is a stranger to the hello that begins a connection.
        if epoch != self.epoch || self.waits(id, || Event::Arrive(epoch, id, envelope.clone())) {
            return;
        }
        if !self.seats[slot(id)].is_up() {
            return;
        }
        self.trace_input(id, || {
            let (from, term) = (envelope.from, envelope.term);
            format!("<- n{from} t{term} {}", print::message(&envelope))
        });
        self.turn(id, |raft, now| raft.receive(now, envelope));
    }

    fn tick(&mut self, id: NodeId) {
        if self.seats[slot(id)].alarm != self.now || self.waits(id, || Event::Tick(id)) {
            return;
        }
        let seat = &mut self.seats[slot(id)];
        seat.alarm = Time::NEVER;
        let Some(raft) = &seat.raft else { return };
        let local = seat.clock.read(self.now).monotonic;
        let deadline = raft.deadline();
        if deadline > local {
            return self.set_alarm(id, deadline);
        }
        self.trace_input(id, || "tick".to_owned());
        self.turn(id, |raft, now| raft.tick(now));
        let deadline = self.seats[slot(id)].raft.as_ref().map(|raft| raft.deadline());
        assert!(
            deadline > Some(local),
            "n{id}: a deadline that was kept is due again"
        );
    }

    fn synced(&mut self, id: NodeId, life: u64) {
        let seat = &self.seats[slot(id)];
        if seat.life != life || seat.disk_stalls || self.waits(id, || Event::Synced(id, life)) {
            return;
        }
        let seat = &mut self.seats[slot(id)];
        let Some(save) = seat.saving.take() else { return };
        let stamp = save.stamp;
        seat.disk.write(save);
        self.trace_input(id, || format!("saved #{stamp}"));
        self.turn(id, |raft, _| raft.saved(stamp).expect("it is in flight"));
    }

    /// Whether a member is paused; it will find the event when it goes on.
    pub(crate) fn waits(&mut self, id: NodeId, event: impl FnOnce() -> Event) -> bool {
        let seat = &mut self.seats[slot(id)];
        let until = seat.paused_until;
        if until <= self.now {
            return false;
        }
        let event = event();
        if let Event::Tick(_) = event {
            seat.alarm = until;
        }
        self.timeline.add(until, event);
        true
    }

    /// Members may notice that links are cut, or closed for no reason.
    pub(crate) fn notice(&mut self, cuts: &[Pair]) {
        for &(from, to) in cuts {
            if self.choices.happens(self.swarm.hints) {
                let after = self.choices.below(50_000);
                let life = self.seats[slot(to)].life;
                self.later(after, Event::Closed(to, life, from));
            }
        }
    }

    fn closed(&mut self, id: NodeId, life: u64, peer: NodeId) {
        if self.seats[slot(id)].life == life && self.answers(id) {
            self.trace_input(id, || format!("the link to n{peer} closed"));
            self.turn(id, |raft, now| raft.link_closed(now, peer));
        }
    }

    /// Switches a member on, if it is off and can be.
    pub(crate) fn start(&mut self, id: NodeId) {
        let drift = self.swarm.drift_ppm;
        let seat = &mut self.seats[slot(id)];
        if seat.is_up() || seat.gone {
            return;
        }
        seat.life += 1;
        if seat.life > 1 && self.choices.happens(self.swarm.upgrades) {
            seat.config.version = VERSION_MAX.min(Version(seat.config.version.0 + 1));
        }
        seat.clock = Clock::drifting(&mut self.choices, drift);
        let image = seat.disk.recover();
        seat.machine = seat.disk.stored.clone();
        let config = raft_core::Config {
            seed: self.choices.below(u64::MAX),
            boot: raft_core::Boot(seat.life),
            ..seat.config
        };
        let local = seat.clock.read(self.now).monotonic;
        seat.raft = Some(Box::new(Raft::boot(config, image, local)));
        let last = seat.disk.last();
        self.trace_input(id, || format!("boots with a log up to {last}"));
        self.turn(id, |_, _| ());
    }

    pub(crate) fn trace_input(&mut self, id: NodeId, line: impl FnOnce() -> String) {
        let seat = &self.seats[slot(id)];
        self.trace.remark(self.now, || {
            let term = seat.raft.as_ref().map_or(0, |raft| raft.term().0);
            format!("n{id} t{term} {}", line())
        });
    }
}

/// Whether a share of all is at least half.
pub(crate) fn at_least_half(share: u64, all: u64) -> bool {
    2 * share >= all
}
