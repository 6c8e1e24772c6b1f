//! A state that was made to differ: whoever has it is named, and nobody else is; it is rebuilt within the time in which
//! everything has to work again; and the wrong state goes to nobody (replicas.rs sees to that).
//!
//! What clients are promised. Before the alarm is raised, nothing about answers of that member: its reads may be wrong, and
//! so may be what it says became of a write. An operation that was begun once the alarm was applied anywhere is answered
//! rightly, whomever it was asked of; a read that may be stale, once that member itself answers nobody any more.

use node::{Answer, Failure, Node, Request, Response};
use raft_core::{Index, NodeId, Time};
use storage::store::alarm::AlarmKind;

use super::Violation;
use crate::call::{Call, Told};
use crate::operation::{Operation, Outcome};

/// The time for which one member's state differs.
#[derive(Clone, Copy, Debug)]
struct Spell {
    member: NodeId,
    from: Time,
    /// The last entry that it had applied then. Who has not come as far may still see an alarm of an earlier spell.
    applied: Index,
    /// When a member first had applied the alarm; never, before.
    named: Time,
    /// When it last was ready to answer from that state.
    answered: Time,
    /// It had applied the alarm when its last turn was over.
    is_silent: bool,
    /// When its state was the others' again; never, before.
    until: Time,
}

/// All states that were made to differ, in their order.
#[derive(Clone, Debug, Default)]
pub struct Divergence {
    spells: Vec<Spell>,
}

impl Divergence {
    /// Whether no state was ever made to differ.
    #[must_use]
    pub fn never_was(&self) -> bool {
        self.spells.is_empty()
    }

    /// Whose state differs now.
    #[must_use]
    pub fn differs(&self) -> Option<NodeId> {
        let last = self.spells.last()?;
        (last.until == Time::NEVER).then_some(last.member)
    }

    /// A member's state is made to differ.
    pub fn begins(&mut self, now: Time, member: NodeId, applied: Index) {
        self.spells.push(Spell {
            member,
            from: now,
            applied,
            named: Time::NEVER,
            answered: now,
            is_silent: false,
            until: Time::NEVER,
        });
    }

    /// The state that differed is the others' again.
    pub fn ends(&mut self, now: Time) {
        if let Some(last) = self.spells.last_mut() {
            last.until = now;
        }
    }

    /// A member's turn is over.
    ///
    /// # Errors
    /// If one is named that never differed.
    pub fn observe(&mut self, now: Time, id: NodeId, node: &Node) -> Result<(), Violation> {
        let alarms = node.store().alarms().iter();
        for alarm in alarms.filter(|alarm| alarm.kind == AlarmKind::Corrupt) {
            let mut of_it = self.spells.iter_mut().rev();
            // That nobody can be named is said of any that differ.
            match of_it.find(|spell| spell.member == alarm.member || alarm.member == NodeId(0)) {
                Some(spell) if node.applied().index <= spell.applied => {}
                Some(spell) => spell.named = spell.named.min(now),
                None => {
                    let story = format!(
                        "n{} is named at {}, and never differed",
                        alarm.member.0,
                        node.applied()
                    );
                    return Err(Violation::new("who differs is named", story));
                }
            }
        }
        let last = self.spells.last_mut();
        if let Some(spell) = last.filter(|spell| spell.until == Time::NEVER && spell.member == id) {
            spell.is_silent = is_named(id, node);
            if !node.is_fenced() {
                spell.answered = now;
            }
        }
        Ok(())
    }

    /// A member answers a client.
    ///
    /// # Errors
    /// If it tells something, although its state differs and it has long applied that.
    pub fn answers(&self, id: NodeId, node: &Node, bytes: &[u8]) -> Result<(), Violation> {
        self.tells(id, node, || bytes.starts_with(b"HTTP/1.1 2"))
    }

    /// As [`answers`](Self::answers), to a caller.
    ///
    /// # Errors
    /// As there.
    pub fn responds(&self, id: NodeId, node: &Node, response: &Response) -> Result<(), Violation> {
        // What is left of a lease is the leader's to say.
        let from_state =
            |answer: &Answer| !matches!(answer, Answer::LeaseRenewed { .. } | Answer::LeaseTime(_));
        self.tells(id, node, || response.result.as_ref().is_ok_and(from_state))
    }

    fn tells(&self, id: NodeId, node: &Node, something: impl Fn() -> bool) -> Result<(), Violation> {
        let last = self.spells.last();
        let silent = last.filter(|spell| spell.until == Time::NEVER && spell.member == id && spell.is_silent);
        if silent.is_none() || !is_named(id, node) || !something() {
            return Ok(());
        }
        let story = format!("n{} answers from a state that differs", id.0);
        Err(Violation::new("who is named answers nobody", story))
    }

    /// What an operation says for certain: nothing, if a state that differs may have told it before that was known.
    #[must_use]
    pub fn believed(&self, operation: Operation) -> Operation {
        let span = (operation.called, operation.returned);
        let excused =
            operation.succeeded() && self.is_excused(operation.member, span, operation.is_linearizable());
        Operation {
            outcome: if excused {
                Outcome::Unknown
            } else {
                operation.outcome
            },
            counters: operation.counters.filter(|_| !excused),
            ..operation
        }
    }

    /// As [`believed`](Self::believed), of a call.
    #[must_use]
    pub fn believes(&self, call: &Call) -> bool {
        let refused = |response: &Response| matches!(response.result, Err(Failure::Corrupt));
        let Told::Response(response) = &call.told else {
            return true;
        };
        // What is said of a lease is the leader's, but told with the state of the member that passes it on.
        let is_linearizable = match call.request {
            Request::Read { linearizable, .. } => linearizable,
            Request::LeaseKeepAlive { .. } | Request::LeaseTimeToLive { .. } => false,
            _ => true,
        };
        let span = (call.called, call.returned);
        !refused(response) && !self.is_excused(call.member, span, is_linearizable)
    }

    /// Whether a state that differs may have told what a member answered to what was called and returned then, before that
    /// was known.
    fn is_excused(&self, member: NodeId, (called, returned): (Time, Time), is_linearizable: bool) -> bool {
        self.spells.iter().any(|spell| {
            let known = if is_linearizable {
                spell.named
            } else {
                spell.answered
            };
            spell.member == member && returned >= spell.from && called <= known
        })
    }

    /// Judges a run: `works_from` is when everything must work again.
    ///
    /// # Errors
    /// If a state differed for too long, or somebody is still named.
    pub fn judge<'a>(
        &self,
        nodes: impl Iterator<Item = (NodeId, &'a Node)>,
        works_from: Time,
    ) -> Result<(), Violation> {
        let told = |story: String| Err(Violation::new("who differs is rebuilt", story));
        if let Some(late) = self.spells.iter().find(|spell| spell.until > works_from) {
            return told(format!("n{} differs for too long: {late:?}", late.member.0));
        }
        for (id, node) in nodes {
            let mut alarms = node.store().alarms().iter();
            if let Some(alarm) = alarms.find(|alarm| alarm.kind == AlarmKind::Corrupt) {
                return told(format!("n{} is still named, says n{}", alarm.member.0, id.0));
            }
            if node.is_fenced() {
                return told(format!("n{} still answers nobody", id.0));
            }
        }
        Ok(())
    }
}

/// Whether a member has applied that it is named.
fn is_named(id: NodeId, node: &Node) -> bool {
    let mut alarms = node.store().alarms().iter();
    alarms.any(|alarm| alarm.kind == AlarmKind::Corrupt && alarm.member == id)
}
