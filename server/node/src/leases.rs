//! Leases as clients ask for them, wherever they ask: only the leader knows how long one lasts, so it is asked.
//!
//! The leader answers after a read round, so that a deposed one renews nothing; never a lease whose end is proposed; and
//! only once nothing is written down of it from which a next leader would count less than was promised.

use std::collections::{BTreeMap, BTreeSet};

use raft_core::{Boot, Index, Mutant, NodeId, Time};
use serde::{Deserialize, Serialize};
use storage::store::command::{Command, Outcome};
use storage::store::query::LeaseId;

use crate::lease_clock::LeaseClock;
use crate::message::Part;
use crate::node::Node;
use crate::reads::Question;
use crate::request::{Answer, Failure, LeaseTime, Output, Retired};
use crate::waiting::{Ticket, Waiter};

/// What is asked about a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseAsk {
    /// About which.
    pub id: LeaseId,
    /// Whether to renew it, or only to tell what is left of it.
    pub renew: bool,
}

/// What the leader says of a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseSays {
    /// What was granted and what is left, in seconds; None if there is no such lease.
    pub time: Option<(u64, u64)>,
    /// The last entry that the leader had applied.
    pub applied: Index,
}

/// Who asked the leader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asker {
    /// A client of its own.
    Client,
    /// A member, for a client that has this number there.
    Member(NodeId, Boot, u64),
}

/// What a command does to leases, to be told to the clock once it is applied.
#[derive(Clone, Debug)]
pub(crate) enum LeaseChange {
    None,
    Ended(Vec<LeaseId>),
    Checkpointed(Vec<LeaseId>),
}

/// The leases' business that is under way on this node.
#[derive(Clone, Debug, Default)]
pub(crate) struct Leases {
    /// Some while it leads and has applied all that was before.
    pub(crate) clock: Option<Box<LeaseClock>>,
    /// What clients of this node asked and have no answer to.
    asks: BTreeMap<Ticket, Asked>,
    /// Those that are to be asked when there is somebody to ask.
    unsent: BTreeSet<Ticket>,
    resend: BTreeSet<(Time, Ticket)>,
    /// Who waits until what is written down of a lease is taken back.
    clearing: BTreeMap<LeaseId, Vec<(Ticket, Asker)>>,
    /// Before then the log took none of the node's own proposals.
    pub(crate) retry_at: Time,
    /// So many times it is proposed to carry on with work that is pending.
    pub(crate) continuing: usize,
    /// It is proposed that nodes of the v2 tree go whose time is over.
    pub(crate) expiring: bool,
}

#[derive(Clone, Copy, Debug)]
struct Asked {
    ask: LeaseAsk,
    keys: bool,
    resend: Time,
}

impl Leases {
    /// Returns whether it was a question about a lease.
    pub(crate) fn remove(&mut self, ticket: Ticket) -> bool {
        let asked = self.asks.remove(&ticket);
        if let Some(asked) = &asked {
            self.unsent.remove(&ticket);
            self.resend.remove(&(asked.resend, ticket));
        }
        asked.is_some()
    }

    /// What nobody answered in time is asked again.
    pub(crate) fn tick(&mut self, now: Time) {
        while let Some(&(_, ticket)) = self.resend.first().filter(|(at, _)| *at <= now) {
            self.resend.pop_first();
            self.unsent.insert(ticket);
        }
    }

    pub(crate) fn deadline(&self, now: Time) -> Time {
        let clock = self
            .clock
            .as_ref()
            .map_or(Time::NEVER, |clock| clock.deadline(now));
        let resend = self.resend.first().map_or(Time::NEVER, |&(at, _)| at);
        clock.max(self.retry_at).min(resend)
    }
}

impl LeaseChange {
    /// What this command is going to do.
    pub(crate) fn of(command: &Command) -> LeaseChange {
        match command {
            Command::LeaseRevoke { id } => LeaseChange::Ended(vec![*id]),
            Command::LeaseExpire { ids } => LeaseChange::Ended(ids.clone()),
            Command::LeaseCheckpoint { remaining } => {
                LeaseChange::Checkpointed(remaining.iter().map(|(id, _)| *id).collect())
            }
            _ => LeaseChange::None,
        }
    }
}

impl Node {
    /// A client asks about a lease.
    pub(crate) fn ask_lease(&mut self, waiter: Waiter, ask: LeaseAsk, keys: bool) {
        let ticket = self.waiting.admit(waiter);
        if self.waiting.len() > crate::writes::WAITING_MAX {
            return self.answer(ticket, Err(Failure::TooManyRequests));
        }
        let resend = Time::NEVER;
        self.leases.asks.insert(ticket, Asked { ask, keys, resend });
        self.leases.unsent.insert(ticket);
        self.send_lease_asks();
    }

    /// Asks whoever leads, if it is known.
    pub(crate) fn send_lease_asks(&mut self) {
        if self.leases.unsent.is_empty() {
            return;
        }
        let Some(leader) = self.raft.leader() else { return };
        if leader == self.config.raft.id && self.leases.clock.is_none() {
            return;
        }
        for ticket in std::mem::take(&mut self.leases.unsent) {
            let resend = self.resend_deadline();
            let asked = self
                .leases
                .asks
                .get_mut(&ticket)
                .expect("what is unsent is asked");
            if leader == self.config.raft.id {
                let question = Question::Lease(asked.ask, Asker::Client);
                self.question(ticket, question);
            } else {
                asked.resend = resend;
                let (number, ask) = (ticket.0, asked.ask);
                let part = Part::LeaseAsk { number, ask };
                self.leases.resend.insert((resend, ticket));
                self.parts_to(leader, part);
            }
        }
    }

    /// Another member asks; only a leader that is ready answers, the others are asked again elsewhere.
    pub(crate) fn on_lease_ask(&mut self, from: NodeId, boot: Boot, number: u64, ask: LeaseAsk) {
        if self.leases.clock.is_none() || self.is_fenced() {
            return;
        }
        let waiter = Waiter {
            client: None,
            deadline: self.now.monotonic.after(self.config.request_timeout()),
        };
        self.read(waiter, Question::Lease(ask, Asker::Member(from, boot, number)));
    }

    /// The leader says.
    pub(crate) fn on_lease_answer(&mut self, boot: Boot, number: u64, says: LeaseSays) {
        let ticket = Ticket(number);
        if boot != self.config.raft.boot {
            return;
        }
        let Some(asked) = self.leases.asks.get(&ticket).copied() else {
            return;
        };
        self.leases.remove(ticket);
        if asked.ask.renew {
            let answer = renewed(asked.ask.id, says);
            return self.answer(ticket, Ok(answer));
        }
        // The keys are this node's own, at a state not older than the leader's was.
        let question = Question::LeaseKeys(asked.ask.id, says.time, asked.keys);
        self.question_at(ticket, question, says.applied);
    }

    /// A read round has confirmed that this node led when it was asked.
    pub(crate) fn on_lease_confirmed(&mut self, ticket: Ticket, ask: LeaseAsk, asker: Asker) {
        if self.is_fenced() {
            return self.refuse(ticket, asker);
        }
        let lease = self.store().lease(ask.id).copied();
        let applied = self.applied.index;
        let now = self.now.monotonic;
        let Some(clock) = &mut self.leases.clock else {
            return self.ask_again(ticket, asker);
        };
        let lease = lease.filter(|_| !clock.is_expiring(ask.id));
        let Some(lease) = lease else {
            return self.say(ticket, asker, ask, LeaseSays { time: None, applied });
        };
        if !ask.renew {
            let counted = clock.end(ask.id).map(|end| end.since(now).as_secs());
            let left = counted.unwrap_or(lease.remaining.unwrap_or(lease.ttl));
            let time = Some((lease.ttl, left));
            return self.say(ticket, asker, ask, LeaseSays { time, applied });
        }
        if !clock.must_clear(ask.id, &lease) {
            if !Mutant::LeaseNotRenewed.is(self.config.raft.mutant) {
                clock.count(ask.id, lease.ttl, now);
            }
            let time = Some((lease.ttl, lease.ttl));
            return self.say(ticket, asker, ask, LeaseSays { time, applied });
        }
        let is_new = clock.clear(ask.id);
        self.leases
            .clearing
            .entry(ask.id)
            .or_default()
            .push((ticket, asker));
        let command = Command::LeaseCheckpoint {
            remaining: vec![(ask.id, None)],
        };
        if is_new && !self.propose_own(command) {
            self.not_cleared(ask.id);
        }
    }

    /// A command was applied that did something to leases.
    pub(crate) fn on_lease_change(&mut self, change: LeaseChange) {
        let Some(clock) = &mut self.leases.clock else {
            return;
        };
        match change {
            LeaseChange::None => {}
            LeaseChange::Ended(ids) => {
                ids.iter().for_each(|id| clock.ended(*id));
                self.answer_cleared(ids);
            }
            LeaseChange::Checkpointed(ids) => {
                ids.iter().for_each(|id| clock.checkpointed(*id));
                self.answer_cleared(ids);
            }
        }
    }

    /// A lease was granted, with so many seconds.
    pub(crate) fn on_lease_granted(&mut self, outcome: &Outcome) {
        if let (Outcome::LeaseGranted { id, ttl }, Some(clock)) = (outcome, &mut self.leases.clock) {
            clock.count(*id, *ttl, self.now.monotonic);
        }
    }

    /// Those that waited until nothing was written down of their lease, or until it was gone, go on.
    fn answer_cleared(&mut self, ids: Vec<LeaseId>) {
        for id in ids {
            let Some(clock) = &mut self.leases.clock else {
                return;
            };
            let lease = self.store.lease(id);
            let must_wait = lease.is_some_and(|lease| clock.must_clear(id, lease));
            if must_wait || !self.leases.clearing.contains_key(&id) {
                continue;
            }
            clock.cleared(id);
            for (ticket, asker) in self.leases.clearing.remove(&id).unwrap_or_default() {
                self.on_lease_confirmed(ticket, LeaseAsk { id, renew: true }, asker);
            }
        }
    }

    fn not_cleared(&mut self, id: LeaseId) {
        clock_of(&mut self.leases).cleared(id);
        for (ticket, asker) in self.leases.clearing.remove(&id).unwrap_or_default() {
            self.ask_again(ticket, asker);
        }
    }

    fn ask_again(&mut self, ticket: Ticket, asker: Asker) {
        match asker {
            Asker::Client if self.leases.asks.contains_key(&ticket) => {
                self.leases.unsent.insert(ticket);
            }
            Asker::Client => {}
            // It asks again by itself.
            Asker::Member(..) => drop(self.waiting.release(ticket)),
        }
    }

    fn say(&mut self, ticket: Ticket, asker: Asker, ask: LeaseAsk, says: LeaseSays) {
        match asker {
            Asker::Client if ask.renew => {
                self.leases.remove(ticket);
                self.answer(ticket, Ok(renewed(ask.id, says)));
            }
            Asker::Client => {
                let keys = self.leases.asks.get(&ticket).is_some_and(|asked| asked.keys);
                self.leases.remove(ticket);
                let answer = self.lease_time(ask.id, says.time, keys);
                self.answer(ticket, Ok(answer));
            }
            Asker::Member(node, boot, number) => {
                self.waiting.release(ticket);
                self.parts_to(node, Part::LeaseAnswer { boot, number, says });
            }
        }
    }

    pub(crate) fn lease_time(&self, id: LeaseId, time: Option<(u64, u64)>, keys: bool) -> Answer {
        let keys = self.store().lease_keys(id).filter(|_| keys).cloned().collect();
        Answer::LeaseTime(time.map(|(granted, remaining)| LeaseTime {
            granted,
            remaining,
            keys,
        }))
    }

    /// Who leads has changed: what the former one was asked and has not answered is asked of the new one.
    pub(crate) fn renew_lease_asks(&mut self) {
        for (_, ticket) in std::mem::take(&mut self.leases.resend) {
            self.leases.unsent.insert(ticket);
        }
        if !self.raft.is_leader() {
            self.leases.continuing = 0;
            self.leases.expiring = false;
            let waiting = std::mem::take(&mut self.leases.clearing);
            for (ticket, asker) in waiting.into_values().flatten() {
                self.ask_again(ticket, asker);
            }
            if let Some(clock) = self.leases.clock.take() {
                self.outbox.push_back(Output::Retired(Retired::of_clock(clock)));
            }
        }
        self.send_lease_asks();
    }
}

pub(crate) fn clock_of(leases: &mut Leases) -> &mut LeaseClock {
    leases.clock.as_mut().expect("whoever leads counts")
}

fn renewed(id: LeaseId, says: LeaseSays) -> Answer {
    let ttl = says.time.map_or(0, |(granted, _)| granted);
    Answer::LeaseRenewed { id, ttl }
}
