//! A member whose state is not the others'. It is named through the log, by the alarm Corrupt: from then on it answers no
//! client from its state, does not lead, and applies nothing until its leader has sent it another; it votes and acknowledges
//! as ever, since its log is sound. When its state is again the one that a majority holds, the alarm ends, through the log.
//!
//! A leader that finds itself to differ hands over, and its successor names it. If the members differ and no majority agrees,
//! nobody can be named: the alarm is raised for no member, and until a majority agrees nobody answers anybody from a state
//! (as in etcd, where any such alarm does that): any of them may be the one that is wrong.

use std::collections::BTreeMap;
use std::fmt;

use raft_core::{Index, NodeId, Time};
use serde::{Deserialize, Serialize};
use storage::store::alarm::{Alarm, AlarmKind};
use storage::store::command::Command;
use storage::store::query::Query;

use crate::divergence::{Heard, Own, StateHash, Verdict};
use crate::message::Part;
use crate::node::Node;
use crate::reads::Question;
use crate::request::{Failure, Output, Request};

/// Who is named when nobody can be.
pub(crate) const NOBODY: NodeId = NodeId(0);
/// After so many election timeouts a leader that found itself to differ is named by its successor, or differs no more.
const OUTVOTED_TIMEOUTS: u32 = 10;

/// What came of comparing states; for the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Doubt {
    /// A majority holds another state than this member.
    Diverged(NodeId, Index),
    /// A majority holds another state than this leader.
    Outvoted(Index),
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
            Doubt::Outvoted(index) => {
                write!(
                    f,
                    "its own state at {index} is not that of a majority: hands over the lead"
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
    /// Found itself to differ while it led.
    outvoted_until: Time,
}

impl Divergence {
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
        self.divergence.needs_rebuild
            || self.raft.wants_snapshot()
            || self.now.monotonic < self.divergence.outvoted_until
            || self.is_named(self.config.raft.id)
            || self.is_named(NOBODY)
    }

    /// Whether states differ, and it is not known yet whose is wrong.
    pub(crate) fn is_undecided(&self) -> bool {
        self.divergence.undecided_since.is_some()
    }

    /// Whether a request is to be refused while this member is fenced: what asks its state, or is answered from it.
    pub(crate) fn asks_state(request: &Request) -> bool {
        match request {
            // Raft itself knows who takes part.
            Request::Members { linearizable } => *linearizable,
            Request::Status => false,
            // Who looks for the reason finds it.
            Request::Read { query, .. } => !matches!(query, Query::Alarms),
            Request::Write(command) => !matches!(command, Command::Alarm { .. }),
            _ => true,
        }
    }

    fn is_named(&self, member: NodeId) -> bool {
        let kind = AlarmKind::Corrupt;
        self.store().alarms().contains(&Alarm { member, kind })
    }

    /// An entry is applied: its state may be one to remember.
    pub(crate) fn remember_state(&mut self, index: Index) {
        if Own::is_regular(index) {
            let fingerprint = self.store.fingerprint();
            self.divergence.own.remember(StateHash { index, fingerprint });
        }
    }

    /// The turn comes to an end: with the log quiet, its state is one to remember.
    pub(crate) fn remember_quiet_state(&mut self) {
        let index = self.applied.index;
        if index != self.raft.last().index
            || self.divergence.own.is_quiet_at(index)
            || !self.unapplied.is_empty()
        {
            return;
        }
        let fingerprint = self.store.fingerprint();
        self.divergence.own.is_quiet(StateHash { index, fingerprint });
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
        if self.divergence.needs_rebuild {
            self.raft.want_snapshot();
        }
        if !self.raft.is_leader() {
            return;
        }
        if self.divergence.undecided_since.is_some() {
            self.compare_states();
        }
        let is_outvoted = self.now.monotonic < self.divergence.outvoted_until;
        if is_outvoted || self.is_named(self.config.raft.id) {
            self.hand_over();
        }
    }

    fn compare_states(&mut self) {
        let Divergence { own, heard, .. } = &self.divergence;
        let id = self.config.raft.id;
        let Verdict {
            sound,
            diverged,
            undecided,
        } = heard.compare(id, own, self.raft.log_membership());
        for (member, index) in diverged {
            if member == id {
                self.found_itself_to_differ(index);
            } else {
                self.name(member, true, Doubt::Diverged(member, index));
            }
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
        if !is_named && now >= began.after(self.config.raft.election_timeout) {
            self.name(NOBODY, true, Doubt::NoMajority(index));
        }
    }

    fn found_itself_to_differ(&mut self, index: Index) {
        let now = self.now.monotonic;
        let outvoted_until = now.after(self.config.raft.election_timeout * OUTVOTED_TIMEOUTS);
        let before = std::mem::replace(&mut self.divergence.outvoted_until, outvoted_until);
        if before <= now {
            self.outbox.push_back(Output::Doubt(Doubt::Outvoted(index)));
            self.refuse_reads();
        }
        self.hand_over();
    }

    /// Proposes that a member is named, or named no more; not again while that is on its way.
    fn name(&mut self, member: NodeId, raised: bool, why: Doubt) {
        let now = self.now.monotonic;
        let waits_until = self.divergence.proposed.get(&member);
        if waits_until.is_some_and(|until| now < *until) {
            return;
        }
        let kind = AlarmKind::Corrupt;
        let alarm = Alarm { member, kind };
        if self.propose_own(Command::Alarm { alarm, raised }) {
            let until = now.after(self.config.raft.election_timeout);
            self.divergence.proposed.insert(member, until);
            self.outbox.push_back(Output::Doubt(why));
        }
    }

    /// The log names a member, or no more, by the entry that was just applied.
    pub(crate) fn on_named(&mut self, member: NodeId, raised: bool) {
        let index = self.applied.index;
        self.divergence.since.insert(member, index);
        self.divergence.proposed.remove(&member);
        self.divergence.heard.forget(member);
        if member == self.config.raft.id {
            self.divergence.own.forget();
            self.divergence.outvoted_until = Time(0);
            self.divergence.needs_rebuild = raised;
            self.raft.stand_back(raised);
            if raised {
                self.outbox.push_back(Output::Doubt(Doubt::Fenced(index)));
                self.raft.want_snapshot();
            }
        }
        if self.is_fenced() {
            self.refuse_reads();
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
    }

    /// What waits to be read is not read from this state.
    fn refuse_reads(&mut self) {
        for (ticket, question) in self.reads.take_questions() {
            match question {
                // The member that asks asks another leader.
                Question::Lease(_, crate::leases::Asker::Member(..)) => drop(self.waiting.release(ticket)),
                _ => self.answer(ticket, Err(Failure::Corrupt)),
            }
        }
    }
}
