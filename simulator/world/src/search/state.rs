//! A cluster in a search, as numbers of the registry, and the steps it can take.

use raft_core::NodeId;

use super::past::{Broken, Past};
use super::registry::Registry;
use super::scope::{Network, Scope};
use super::seat::{Facts, Input};

/// Everybody, and everything under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct State {
    /// In order of their ids.
    members: Vec<u32>,
    /// Messages under way, each once, in order of their numbers.
    wire: Vec<u32>,
    past: u32,
    spent: Spent,
}

/// What the run has used of the scope.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Spent {
    campaigns: u8,
    entries: u8,
    changes: u8,
    duplicates: u8,
    crashes: u8,
    beats: u8,
}

/// One step of the search: something happens, and with [`Network::Calls`] the answers that it causes arrive or are lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Step {
    event: Event,
    is_answered: bool,
}

/// One thing that happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// The message arrives.
    Arrive(u32),
    /// It arrives and is still under way.
    Repeat(u32),
    /// Something else happens to one member.
    Turn(NodeId, Input),
}

/// What came of a step.
#[derive(Debug)]
pub(super) enum Next {
    /// Another state.
    State(State),
    /// Nothing, or what the scope does not allow.
    Nothing,
    /// Something does not hold.
    Broken(Broken),
}

impl State {
    /// A new cluster, booted.
    pub(super) fn new(registry: &mut Registry) -> State {
        let ids: Vec<NodeId> = registry.scope.ids().collect();
        State {
            members: ids.into_iter().map(|id| registry.boot(id)).collect(),
            wire: Vec::new(),
            past: registry.past_number(&Past::default()),
            spent: Spent::default(),
        }
    }

    /// See [`Registry::canonical`].
    pub(super) fn canonical(&self, registry: &Registry) -> (u64, Vec<u32>) {
        registry.canonical(&self.members, &self.wire, self.past, self.spent.word())
    }

    /// Every step that the scope allows; which of them change anything is seen by taking them.
    pub(super) fn steps(&self, registry: &Registry) -> Vec<Step> {
        let scope = &registry.scope;
        let mut steps = Vec::new();
        let mut may = |event, has_answer: bool| {
            let is_answered = false;
            if has_answer && scope.network == Network::Calls {
                steps.push(Step {
                    event,
                    is_answered: true,
                });
            }
            steps.push(Step { event, is_answered });
        };
        for &message in &self.wire {
            may(Event::Arrive(message), true);
            if scope
                .duplicates
                .is_some_and(|duplicates| self.spent.duplicates < duplicates)
            {
                may(Event::Repeat(message), true);
            }
        }
        for &member in &self.members {
            let facts = registry.facts(member);
            self.inputs(facts, scope, |input| {
                may(Event::Turn(facts.id, input), input == Input::Saved)
            });
        }
        steps
    }

    fn inputs(&self, facts: &Facts, scope: &Scope, mut may: impl FnMut(Input)) {
        let spent = &self.spent;
        if facts.is_saving {
            may(Input::Saved);
        }
        let may_stand = scope
            .campaigns
            .is_none_or(|campaigns| spent.campaigns < campaigns);
        if !facts.leads && facts.term.0 < scope.terms && may_stand {
            may(Input::Timeout);
        }
        if facts.leads && spent.beats < scope.beats {
            may(Input::Beat);
        }
        if facts.leads && spent.entries < scope.entries {
            may(Input::Propose(spent.entries));
        }
        if facts.leads && spent.changes < scope.changes {
            facts
                .membership
                .voters
                .iter()
                .for_each(|&id| may(Input::Remove(id)));
        }
        if spent.crashes < scope.crashes {
            may(Input::Restart { save_is_kept: false });
            if facts.is_saving {
                may(Input::Restart { save_is_kept: true });
            }
        }
    }

    /// Takes a step.
    pub(super) fn take(&self, step: Step, registry: &mut Registry) -> Next {
        let answers = self.answers(step, registry);
        if step.is_answered && answers.is_empty() {
            // The same as without an answer.
            return Next::Nothing;
        }
        let mut state = match self.happen(step.event, registry) {
            Next::State(next) => next,
            end => return end,
        };
        for answer in answers {
            match state.happen(Event::Arrive(answer), registry) {
                Next::State(next) => state = next,
                // An answer that changes nothing takes nothing away from what was asked.
                Next::Nothing => {}
                broken @ Next::Broken(_) => return broken,
            }
        }
        if registry.scope.network == Network::Calls {
            state.wire.retain(|&message| !registry.is_answer(message));
        }
        Next::State(state)
    }

    /// What happens in a step, in order.
    pub(super) fn events(&self, step: Step, registry: &mut Registry) -> Vec<Event> {
        let answers = self.answers(step, registry).into_iter().map(Event::Arrive);
        [step.event].into_iter().chain(answers).collect()
    }

    /// The answers that arrive at once, as part of the step.
    fn answers(&self, step: Step, registry: &mut Registry) -> Vec<u32> {
        if !step.is_answered {
            return Vec::new();
        }
        let (id, input) = State::input(step.event, registry);
        let Some(member) = self.member(id) else {
            return Vec::new();
        };
        let turn = registry.turn(member, input);
        let sent = turn.sent.iter().copied();
        sent.filter(|&message| registry.is_answer(message)).collect()
    }

    /// Who takes part in an event, and what it is given.
    pub(super) fn input(event: Event, registry: &Registry) -> (NodeId, Input) {
        match event {
            Event::Arrive(message) | Event::Repeat(message) => {
                (registry.message(message).to, Input::Receive(message))
            }
            Event::Turn(id, input) => (id, input),
        }
    }

    pub(super) fn happen(&self, event: Event, registry: &mut Registry) -> Next {
        let mut next = self.clone();
        match event {
            // Under way for ever.
            Event::Arrive(_) if registry.scope.duplicates.is_none() => {}
            Event::Arrive(message) => next.remove(message),
            Event::Repeat(_) => next.spent.duplicates += 1,
            Event::Turn(_, Input::Timeout) if registry.scope.campaigns.is_none() => {}
            Event::Turn(_, input) => next.spent.count(input),
        }
        let (id, input) = State::input(event, registry);
        next.turn(id, input, registry)
    }

    pub(super) fn member(&self, id: NodeId) -> Option<u32> {
        self.members.get(place(id)?).copied()
    }

    /// The input, and the checks of what the cluster is then.
    fn turn(mut self, id: NodeId, input: Input, registry: &mut Registry) -> Next {
        let Some(before) = self.member(id) else {
            return Next::Nothing;
        };
        let turn = registry.turn(before, input);
        if let Some(broken) = &turn.broken {
            return Next::Broken(Broken::Turn(broken.clone()));
        }
        if turn.member == before && turn.sent.is_empty() {
            return Next::Nothing;
        }
        if registry.facts(turn.member).term.0 > registry.scope.terms {
            return Next::Nothing;
        }
        let changed = place(id).expect("a member has a place");
        self.members[changed] = turn.member;
        self.send(&turn.sent);
        if registry.scope.network != Network::Late {
            self.lose_late(registry);
        }
        match self.observe(changed, registry) {
            Ok(()) => Next::State(self),
            Err(broken) => Next::Broken(broken),
        }
    }

    fn observe(&mut self, changed: usize, registry: &mut Registry) -> Result<(), Broken> {
        let all: Vec<&Facts> = self
            .members
            .iter()
            .map(|&member| registry.facts(member))
            .collect();
        let known = registry.past(self.past);
        if !known.is_news(all[changed]) {
            return known.check(changed, &all);
        }
        let mut past = known.clone();
        past.remember(changed, &all)?;
        past.check(changed, &all)?;
        self.past = registry.past_number(&past);
        Ok(())
    }

    /// One that is under way already is not put there twice.
    fn send(&mut self, sent: &[u32]) {
        for message in sent {
            if let Err(place) = self.wire.binary_search(message) {
                self.wire.insert(place, *message);
            }
        }
    }

    fn remove(&mut self, message: u32) {
        if let Ok(place) = self.wire.binary_search(&message) {
            self.wire.remove(place);
        }
    }

    /// Messages of a term that their receiver has left are lost.
    fn lose_late(&mut self, registry: &Registry) {
        let members = &self.members;
        self.wire.retain(|&message| {
            let envelope = registry.message(message);
            let receiver = place(envelope.to).and_then(|place| members.get(place));
            receiver.is_some_and(|&member| registry.facts(member).term <= envelope.term)
        });
    }
}

fn place(id: NodeId) -> Option<usize> {
    usize::try_from(id.0).ok()?.checked_sub(1)
}

impl Spent {
    fn count(&mut self, input: Input) {
        match input {
            Input::Propose(_) => self.entries += 1,
            Input::Remove(_) => self.changes += 1,
            Input::Beat => self.beats += 1,
            Input::Restart { .. } => self.crashes += 1,
            Input::Timeout => self.campaigns += 1,
            Input::Receive(_) | Input::Saved => {}
        }
    }

    fn word(self) -> u64 {
        let Spent {
            campaigns,
            entries,
            changes,
            duplicates,
            crashes,
            beats,
        } = self;
        u64::from_le_bytes([campaigns, entries, changes, duplicates, crashes, beats, 0, 0])
    }
}
