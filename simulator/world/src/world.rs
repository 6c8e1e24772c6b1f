//! The world: members, clients, network, disks and faults, as one value. Whoever drives it says what time it is and
//! which event is due; it says what is due later. So it runs as a plain loop and on madsim's tasks alike.

use std::collections::BTreeMap;

use node::ClientId;
pub use raft_core::Mutant;
use raft_core::{Index, NodeId, Time};

use crate::agenda::{Actor, Due, Event};
use crate::call::Call;
use crate::caller::Caller;
use crate::check::{Checks, Noticed, Violation};
use crate::choices::Choices;
use crate::client::{Client, Numbers};
use crate::faults::budget::Budget;
use crate::faults::{self, Active, Planned};
use crate::network::Network;
use crate::operation::Operation;
use crate::probes::Probes;
use crate::report::Report;
use crate::seat::Seat;
use crate::settings::{SECOND, Settings};
use crate::stream::Stream;
use crate::trace::Trace;

/// Everything there is.
#[derive(Debug)]
pub struct World {
    pub(crate) now: Time,
    pub(crate) settings: Settings,
    pub(crate) choices: Choices,
    pub(crate) network: Network,
    pub(crate) seats: BTreeMap<NodeId, Seat>,
    pub(crate) clients: Vec<Client>,
    pub(crate) callers: Vec<Caller>,
    pub(crate) streams: BTreeMap<ClientId, Stream>,
    pub(crate) numbers: Numbers,
    pub(crate) plan: Vec<Planned>,
    pub(crate) active: Vec<Active>,
    /// All faults are over.
    pub(crate) calm: bool,
    /// What befell so far.
    pub(crate) befell: Befell,
    /// What was met on the way.
    pub(crate) probes: Probes,
    /// What may still be damaged.
    pub(crate) budget: Budget,
    /// Two seats that have each other's disks.
    pub(crate) swapped: Option<(NodeId, NodeId)>,
    /// From which entry on it is known by which directory a founder is its member.
    pub(crate) known: BTreeMap<NodeId, Index>,
    /// When the last repair was at its end.
    pub(crate) whole_since: Time,
    pub(crate) checks: Checks,
    pub(crate) trace: Trace,
    pub(crate) history: Vec<Operation>,
    /// What callers asked and were told.
    pub(crate) calls: Vec<Call>,
    /// When somebody last came to lead.
    pub(crate) led_since: Time,
    /// Members whose state became that of a leader's snapshot, and when.
    pub(crate) jumps: Vec<(NodeId, Time)>,
    due: Vec<Due>,
    commands: Vec<Command>,
    violation: Option<Noticed>,
}

/// What befell the cluster.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Befell {
    /// Faults, planned or by hunting.
    pub faults: u64,
    /// Times that a member went down.
    pub crashes: u64,
    /// Times that a member came to lead.
    pub elections: u64,
    /// Snapshots that members made, or took over from a leader.
    pub snapshots: u64,
}

/// What the driver is to do about a member's task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// The member is gone: end its task.
    Kill(NodeId),
    /// The member has power: call [`World::boot`] in its task.
    Start(NodeId),
}

/// Operations that every run has.
pub const OPERATIONS_MIN: usize = 500;

/// What a run is to be.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// How many members.
    pub nodes: u64,
    /// A rule taken out on purpose.
    pub mutant: Option<Mutant>,
    /// Whether to keep a line for each step.
    pub lines: bool,
}

impl World {
    /// A new cluster, all of it switched on at time 0.
    #[must_use]
    pub fn new(mut choices: Choices, options: Options) -> World {
        let settings = Settings::draw(&mut choices, options.nodes, options.mutant);
        let plan = faults::plan(&mut choices, &settings);
        let members = || (1..=options.nodes).map(NodeId);
        let mut world = World {
            now: Time(0),
            network: Network::new(settings.weather),
            seats: members().map(|id| (id, Seat::of(id))).collect(),
            clients: (0..settings.clients).map(Client::new).collect(),
            callers: (0..settings.callers).map(Caller::new).collect(),
            streams: BTreeMap::new(),
            numbers: Numbers::default(),
            active: Vec::new(),
            calm: false,
            befell: Befell::default(),
            probes: Probes::default(),
            budget: Budget::of(options.nodes),
            swapped: None,
            known: BTreeMap::new(),
            whole_since: Time(0),
            checks: Checks::new(members(), &settings),
            trace: Trace::new(options.lines),
            history: Vec::new(),
            calls: Vec::new(),
            led_since: Time(0),
            jumps: Vec::new(),
            due: Vec::new(),
            commands: Vec::new(),
            violation: None,
            settings,
            choices,
            plan,
        };
        world.announce();
        world
    }

    /// Something is due.
    pub fn perform(&mut self, now: Time, actor: Actor, event: Event) {
        self.pass_to(now);
        let done = match (actor, event) {
            (Actor::Member(id), Event::Member(life, happening)) => self.member(id, life, happening),
            (Actor::Client(number), event) => match number.checked_sub(self.clients.len()) {
                None => self.client(number, event),
                Some(number) => self.caller(number, event),
            },
            (_, event) => {
                self.fault(event);
                Ok(())
            }
        };
        self.note(done);
    }

    /// A member has power and starts.
    pub fn boot(&mut self, now: Time, id: NodeId) {
        self.pass_to(now);
        let done = self.start(id);
        self.note(done);
    }

    /// All members.
    #[must_use]
    pub fn members(&self) -> Vec<NodeId> {
        self.seats.keys().copied().collect()
    }

    /// How many clients and callers there are.
    #[must_use]
    pub fn clients(&self) -> usize {
        self.clients.len() + self.callers.len()
    }

    /// Whether a member has power and is to be booted.
    #[must_use]
    pub fn is_starting(&self, id: NodeId) -> bool {
        self.seats[&id].starting
    }

    /// What became due since the last call.
    pub fn take_due(&mut self) -> impl Iterator<Item = Due> + use<> {
        std::mem::take(&mut self.due).into_iter()
    }

    /// What is to be done about members' tasks since the last call.
    pub fn take_commands(&mut self) -> impl Iterator<Item = Command> + use<> {
        std::mem::take(&mut self.commands).into_iter()
    }

    /// Whether the run is over: a property does not hold, or everything there was to do is done.
    #[must_use]
    pub fn is_over(&self) -> bool {
        const LENGTH_MAX: u64 = 300 * SECOND;
        let works_from = self.settings.storm + self.settings.recovery();
        let length = self.settings.length.max(works_from + 3 * SECOND);
        let mended = self.whole_since.0 + 3 * SECOND;
        let long_enough = match self.is_whole() {
            true => self.now.0 >= length.max(mended),
            false => self.now.0 >= length.max(works_from + self.settings.repair()),
        };
        let enough = self.history.len() >= OPERATIONS_MIN || self.now.0 >= LENGTH_MAX;
        self.violation.is_some() || (long_enough && enough)
    }

    /// Something that must never happen did, outside of the world.
    pub fn broken(&mut self, property: &'static str, story: &str) {
        self.note(Err(Violation::new(property, story)));
    }

    /// Judges the run.
    #[must_use]
    pub fn finish(mut self) -> Report {
        if self.violation.is_none() {
            let judged = self.judge();
            self.note(judged);
        }
        Report {
            nodes: self.settings.nodes,
            simulated: self.now.0,
            clients: self.clients.len(),
            operations: self.history.len(),
            successes: self
                .history
                .iter()
                .filter(|operation| operation.succeeded())
                .count(),
            befell: self.befell,
            probes: self.probes,
            messages: self.network.counts,
            steps: self.trace.steps(),
            trace_hash: self.trace.hash(),
            lines: self.trace.lines().to_vec(),
            choices: self.choices.made().to_vec(),
            violation: self.violation,
        }
    }

    pub(crate) fn add(&mut self, at: Time, actor: Actor, event: Event) {
        let at = at.max(self.now);
        self.due.push(Due { at, actor, event });
    }

    pub(crate) fn command(&mut self, command: Command) {
        self.commands.push(command);
    }

    /// So many microseconds from now.
    pub(crate) fn after(&self, micros: u64) -> Time {
        Time(self.now.0.saturating_add(micros))
    }

    /// What is due from the beginning.
    fn announce(&mut self) {
        for (number, planned) in self.plan.clone().into_iter().enumerate() {
            self.add(planned.begins, Actor::Faults, Event::Begins(number));
            self.add(planned.ends, Actor::Faults, Event::Ends(number));
        }
        self.add(Time(self.settings.storm), Actor::Faults, Event::Calm);
        for id in self.members() {
            self.add(Time(0), Actor::Faults, Event::PowerOn(id));
        }
        for number in 0..self.clients() {
            let at = Time(self.choices.below(SECOND));
            self.add(at, Actor::Client(number), Event::Wake(0));
        }
    }

    fn pass_to(&mut self, now: Time) {
        assert!(now >= self.now, "time never goes back");
        self.now = now;
    }

    /// The first violation stands.
    fn note(&mut self, done: Result<(), Violation>) {
        if let Err(violation) = done
            && self.violation.is_none()
        {
            let at = self.now;
            self.trace.step(at, 0, violation.property.as_bytes(), || {
                format!("VIOLATION {}", violation.property)
            });
            self.violation = Some(Noticed { at, violation });
        }
    }
}
