//! A member whose state is not the others'. It is named through the log, by the alarm Corrupt: from then on it answers no
//! client from its state, does not lead, and applies nothing until its leader has sent it another; it votes and acknowledges
//! as ever, since its log is sound. When its state is again the one that a majority holds, the alarm ends, through the log.
//!
//! A leader that finds itself to differ names itself, and then hands over. If the members differ and no majority agrees for
//! a while, nobody can be named: the alarm is raised for no member, and until a majority agrees nobody answers anybody from
//! a state (as in etcd, where any such alarm does that): any of them may be the one that is wrong.

use std::collections::BTreeMap;
use std::fmt;

use raft_core::{Body, Index, Mutant, NodeId, Position, Time};
use serde::{Deserialize, Serialize};
use storage::store::alarm::{Alarm, AlarmKind};
use storage::store::command::Command;
use storage::store::query::Query;

use crate::divergence::{Heard, Own, StateHash, Verdict};
use crate::message::Part;
use crate::node::Node;
use crate::proposal::Proposal;
use crate::request::{Failure, Output, Request};

/// Who is named when nobody can be.
pub(crate) const NOBODY: NodeId = NodeId(0);
/// For so many election timeouts states may differ before it is said that nobody can be named: who is heard tells of its
/// state in a fraction of one.
const UNDECIDED_TIMEOUTS: u32 = 5;

/// What came of comparing states; for the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Doubt {
    /// A majority holds another state than this member.
    Diverged(NodeId, Index),
    /// States differ, and none is held by a majority.
    NoMajority(Index),
    /// This member was named.
    Fenced(Index),
    /// This member has its leader's state.
    Rebuilt(Index),
    /// A majority holds the same state as this member, which was named.
    Sound(NodeId, Index),
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Doubt::Diverged(member, index) => {
                write!(
                    f,
                    "the state of {member} at {index} is not that of a majority: names it"
                )
            }
            Doubt::NoMajority(index) => write!(
                f,
                "states differ at {index} and none is held by a majority: nobody answers until one is"
            ),
            Doubt::Fenced(index) => write!(
                f,
                "named at {index} as one whose state is not the others': answers nobody until it has theirs"
            ),
            Doubt::Rebuilt(index) => write!(f, "has its leader's state as of {index}, to be compared"),
            Doubt::Sound(member, index) => {
                write!(f, "the state of {member} at {index} is that of a majority again")
            }
        }
    }
}

/// What this member knows of states that differ.
#[derive(Clone, Debug, Default)]
pub(crate) struct Divergence {
    own: Own,
    heard: Heard,
    /// The entry by which a member was named, or named no more, last in this life. What it told of before does not count; of
    /// this index it tells only once it has another state.
    since: BTreeMap<NodeId, Index>,
    /// What this leader proposed about a member, and until when it waits for that.
    proposed: BTreeMap<NodeId, Time>,
    /// Since when states differ and nobody can be named.
    undecided_since: Option<Time>,
    /// Named, and not rebuilt since.
    needs_rebuild: bool,
    /// Named, perhaps, by these entries of the log on its disk, which it does not know to be committed; or nobody could be.
    named_perhaps: Vec<Position>,
}

impl Divergence {
    /// The state after an entry at which states are compared.
    pub(crate) fn remember(&mut self, state: StateHash) {
        self.own.remember(state);
    }

    /// Whether states are compared after this entry, and this member remembers its own.
    pub(crate) fn is_compared_at(&self, index: Index) -> bool {
        self.own.knows(index)
    }

    /// A member lives again: it may have loaded another state.
    pub(crate) fn forget(&mut self, member: NodeId) {
        self.heard.forget(member);
    }

    /// Another leads.
    pub(crate) fn lead_changed(&mut self) {
        self.own.tell_again();
        self.heard = Heard::default();
        self.proposed.clear();
        self.undecided_since = None;
    }
}

/// Whom a command names, or no longer.
pub(crate) fn named_by(command: &Command) -> Option<(NodeId, bool)> {
    match command {
        Command::Alarm {
            alarm: Alarm {
                member,
                kind: AlarmKind::Corrupt,
            },
            raised,
        } => Some((*member, *raised)),
        _ => None,
    }
}

impl Node {
    /// Whether nobody is to be answered from this member's state.
    #[must_use]
    pub fn is_fenced(&self) -> bool {
        if Mutant::NamedAnswers.is(self.config.raft.mutant) {
            return false;
        }
        self.divergence.needs_rebuild
            || self.raft.wants_snapshot()
            || self.is_named_perhaps()
            || self.is_named(self.config.raft.id)
            || self.is_named(NOBODY)
    }

    /// Whether states differ or did, and it is not known yet that they do no more.
    pub(crate) fn is_in_doubt(&self) -> bool {
        self.divergence.undecided_since.is_some()
            || self
                .store()
                .alarms()
                .iter()
                .any(|alarm| alarm.kind == AlarmKind::Corrupt)
    }

    /// Whether a majority holds this state, as far as this leader was told.
    pub(crate) fn is_confirmed(&self, state: StateHash) -> bool {
        let Divergence { heard, .. } = &self.divergence;
        heard.is_confirmed(self.config.raft.id, state, self.raft.log_membership())
    }

    /// Whether a request is to be refused while this member is fenced: what asks its state, or is answered from it.
    pub(crate) fn asks_state(request: &Request) -> bool {
        match request {
            // Raft itself knows who takes part.
            Request::Members { linearizable } => *linearizable,
            Request::Status
            | Request::Stats
            | Request::Checks { .. }
            | Request::Transfer { .. }
            | Request::Defragment
            | Request::Header => false,
            // Who looks for the reason finds it.
            Request::Read { query, .. } => !matches!(query, Query::Alarms),
            Request::Write(command) => !matches!(command, Command::Alarm { .. }),
            _ => true,
        }
    }

    /// For tests: the state changes behind the log's back, unless a command is under way. Returns whether it did.
    #[cfg(debug_assertions)]
    pub fn diverge(&mut self, command: Command) -> bool {
        let time = self.store.time();
        self.unapplied.is_empty()
            && self.store.apply(time, command) != storage::store::command::Applied::Working
    }

    pub(crate) fn is_named(&self, member: NodeId) -> bool {
        let kind = AlarmKind::Corrupt;
        self.store().alarms().contains(&Alarm { member, kind })
    }

    /// At boot: the log may hold an entry that names this member, or says that nobody could be named, and was applied in its
    /// former life. Until the new one has come as far, it answers as if that were committed.
    pub(crate) fn find_own_naming(&mut self) {
        let id = self.config.raft.id;
        let names = |body: &Body| match body {
            Body::Command(bytes) => {
                let proposal = Proposal::decode(bytes).ok();
                let named = proposal.and_then(|(_, proposal)| named_by(&proposal.command));
                named.is_some_and(|(member, raised)| raised && (member == id || member == NOBODY))
            }
            Body::Blank | Body::Change(_) => false,
        };
        let entries = self.raft.entries();
        let naming = entries.filter(|entry| entry.position.index > self.applied.index && names(&entry.body));
        self.divergence.named_perhaps = naming.map(|entry| entry.position).collect();
    }

    /// Whether one of them is yet to be applied, and still in the log: if another leader's took its place, it was never
    /// committed, and the log may not grow as long again.
    fn is_named_perhaps(&self) -> bool {
        let mut named = self.divergence.named_perhaps.iter();
        named.any(|naming| {
            self.applied.index < naming.index
                && match self.raft.mark_at(naming.index) {
                    Some(mark) => mark.position == *naming,
                    // Gone from memory, since it is committed.
                    None => naming.index < self.raft.mark().position.index,
                }
        })
    }

    /// Tells the leader of states, with a message that goes to it anyway: none is made for it.
    pub(crate) fn tell_states(&mut self) {
        let leader = self.raft.leader();
        let to_leader = self.parts.keys().find(|(to, _)| Some(*to) == leader).copied();
        let Some(message) = to_leader.filter(|_| !self.divergence.needs_rebuild) else {
            return;
        };
        let apart = self.config.raft.heartbeat_interval;
        let states = self.divergence.own.take_news(self.now.monotonic, apart);
        if !states.is_empty() {
            self.parts.entry(message).or_default().push(Part::States(states));
        }
    }

    /// A follower tells of its states.
    pub(crate) fn on_states(&mut self, from: NodeId, states: Vec<StateHash>) {
        if !self.raft.is_leader() || !self.raft.log_membership().contains(from) {
            return;
        }
        let since = self.divergence.since.get(&from).copied().unwrap_or_default();
        self.divergence.heard.hear(from, states, since);
        self.compare_states();
    }

    /// What is to be done as time goes by.
    pub(crate) fn tick_divergence(&mut self) {
        if self.divergence.needs_rebuild && !Mutant::NamedKeepsState.is(self.config.raft.mutant) {
            self.raft.want_snapshot();
        }
        if !self.raft.is_leader() {
            return;
        }
        if self.divergence.undecided_since.is_some() {
            self.compare_states();
        }
        self.end_alarms_of_removed();
        if self.is_named(self.config.raft.id) {
            self.hand_over();
        }
    }

    /// Nobody else would end them, and one about space would stop all writes for ever.
    fn end_alarms_of_removed(&mut self) {
        let removed = &self.raft.committed_membership().removed;
        if removed.is_empty() || Mutant::RemovedAlarmsStay.is(self.config.raft.mutant) {
            return;
        }
        let alarms = self.store().alarms().iter();
        let left: Vec<Alarm> = alarms
            .filter(|alarm| removed.contains(&alarm.member))
            .copied()
            .collect();
        for alarm in left {
            self.propose_alarm(alarm, false);
        }
    }

    /// Compares what this leader knows and was told, and has done what comes of it.
    pub(crate) fn compare_states(&mut self) {
        self.confirm_offers();
        let Divergence { own, heard, .. } = &self.divergence;
        let id = self.config.raft.id;
        let Verdict {
            sound,
            diverged,
            undecided,
        } = heard.compare(id, own, self.raft.log_membership(), self.config.raft.mutant);
        for (&member, &index) in &diverged {
            self.name(member, true, Doubt::Diverged(member, index));
        }
        for (&member, &index) in &sound {
            let since = self.divergence.since.get(&member);
            if self.is_named(member) && since.is_none_or(|since| index >= *since) {
                self.name(member, false, Doubt::Sound(member, index));
            }
        }
        self.name_nobody(undecided, sound.values().max().copied());
    }

    /// States differ and nobody can be named; or a majority agrees as of `sound`.
    fn name_nobody(&mut self, undecided: Option<Index>, sound: Option<Index>) {
        let (now, is_named) = (self.now.monotonic, self.is_named(NOBODY));
        let Some(index) = undecided else {
            self.divergence.undecided_since = None;
            let since = self.divergence.since.get(&NOBODY).copied().unwrap_or_default();
            if let Some(index) = sound.filter(|sound| is_named && *sound >= since) {
                self.name(NOBODY, false, Doubt::Sound(NOBODY, index));
            }
            return;
        };
        // Who has not told yet may make a majority.
        let began = *self.divergence.undecided_since.get_or_insert(now);
        if !is_named && now >= began.after(self.config.raft.election_timeout * UNDECIDED_TIMEOUTS) {
            self.name(NOBODY, true, Doubt::NoMajority(index));
        }
    }

    /// Proposes that a member is named, or named no more.
    fn name(&mut self, member: NodeId, raised: bool, why: Doubt) {
        let kind = AlarmKind::Corrupt;
        if self.propose_alarm(Alarm { member, kind }, raised) {
            self.outbox.push_back(Output::Doubt(why));
        }
    }

    /// Not again while it is on its way. Returns whether it is proposed now.
    fn propose_alarm(&mut self, alarm: Alarm, raised: bool) -> bool {
        let (now, member) = (self.now.monotonic, alarm.member);
        let waits_until = self.divergence.proposed.get(&member);
        if waits_until.is_some_and(|until| now < *until) {
            return false;
        }
        let is_proposed = self.propose_own(Command::Alarm { alarm, raised });
        if is_proposed {
            let until = now.after(self.config.raft.election_timeout);
            self.divergence.proposed.insert(member, until);
        }
        is_proposed
    }

    /// The log names a member, or no more, by the entry that was just applied.
    pub(crate) fn on_named(&mut self, member: NodeId, raised: bool) {
        let index = self.applied.index;
        self.divergence.since.insert(member, index);
        self.divergence.proposed.remove(&member);
        self.divergence.heard.forget(member);
        if member == self.config.raft.id {
            self.divergence.own.forget();
            self.divergence.needs_rebuild = raised;
            self.raft.stand_back(raised);
            if raised {
                self.outbox.push_back(Output::Doubt(Doubt::Fenced(index)));
                self.tick_divergence();
            }
        }
        if self.is_fenced() {
            self.refuse_reads();
            self.end_watches(&Failure::Corrupt);
            self.end_contests(&Failure::Corrupt);
        }
    }

    /// The state became the leader's, or was loaded from disk. Until it was compared, it is the state of one that was named,
    /// if it says so.
    pub(crate) fn state_replaced(&mut self) {
        self.divergence.own.forget();
        let index = self.applied.index;
        if std::mem::take(&mut self.divergence.needs_rebuild) {
            self.outbox.push_back(Output::Doubt(Doubt::Rebuilt(index)));
        }
        self.raft.stand_back(self.is_named(self.config.raft.id));
        self.tell_tree_watchers();
    }
}
