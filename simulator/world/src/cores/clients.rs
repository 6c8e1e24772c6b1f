//! What is asked of the cores: proposals, each tried until a leader takes it or its client gives up, and reads.

use std::collections::VecDeque;

use bytes::Bytes;
use raft_core::{NodeId, Raft, ReadId, Refusal, Time};

use super::cluster::{Cluster, Event};
use super::met;
use super::wire::slot;
use crate::choices::PerMillion;

/// Clients that wait for a leader do not bring more.
const WAITING_MAX: usize = 30;

/// Those who propose and read.
#[derive(Debug, Default)]
pub(crate) struct Clients {
    /// Proposals that no leader took yet, with when their clients give up.
    waiting: VecDeque<(Time, Bytes)>,
    /// When those that wait are tried again.
    trying_at: Time,
    /// Who they believe leads.
    believed: Option<NodeId>,
    /// Proposals so far.
    pub(crate) offered: u64,
    /// Nobody asks for anything any more.
    rests: bool,
}

impl Clients {
    pub(crate) fn rest(&mut self) {
        self.rests = true;
        self.waiting.clear();
    }

    pub(crate) fn wake(&mut self) {
        self.rests = false;
    }
}

impl Cluster {
    /// Some proposals come.
    pub(crate) fn offer(&mut self) {
        if self.clients.rests {
            return;
        }
        for _ in 0..self.choices.between(1, self.swarm.offers_max) {
            if self.clients.waiting.len() >= WAITING_MAX {
                break;
            }
            self.clients.offered += 1;
            let command = self.command();
            let patience = Time(self.now.0 + self.swarm.timeouts(20));
            self.clients.waiting.push_back((patience, command));
        }
        self.try_again();
    }

    /// Those that wait are tried, as long as somebody takes them; soon again if nobody does.
    pub(crate) fn try_again(&mut self) {
        while let Some((patience, command)) = self.clients.waiting.pop_front() {
            let taken = self.try_everywhere(&command);
            if taken || self.now >= patience {
                continue;
            }
            self.clients.waiting.push_front((patience, command));
            if self.clients.trying_at <= self.now {
                let pause = 1 + self.choices.below(self.swarm.timeouts(1) / 5);
                self.clients.trying_at = Time(self.now.0 + pause);
                self.later(pause, Event::TryAgain);
            }
            return;
        }
    }

    /// Unique, and of any size.
    fn command(&mut self) -> Bytes {
        let mut command = self.clients.offered.to_le_bytes().to_vec();
        let more = self.choices.below(self.swarm.payload_max);
        command.resize(command.len() + usize::try_from(more).expect("small"), b'x');
        command.into()
    }

    /// Asks whom the client believes to lead, or anybody, and then whom that one names.
    fn try_everywhere(&mut self, command: &Bytes) -> bool {
        let strays = self.choices.happens(PerMillion(50_000));
        let first = self
            .clients
            .believed
            .filter(|_| !strays)
            .or_else(|| self.anybody());
        let Some(first) = first else { return false };
        let named = match self.propose(first, command.clone()) {
            Some(Ok(())) => {
                self.clients.believed = Some(first);
                return true;
            }
            Some(Err(Refusal::NotLeader { leader })) => leader,
            Some(Err(Refusal::Busy | Refusal::Transferring)) => return false,
            // It takes part no more, or does not answer.
            Some(Err(_)) | None => None,
        };
        // Who knows of no leader says nothing about another: most may be members no more, and find out from nobody.
        if named.is_some() || self.clients.believed == Some(first) {
            self.clients.believed = named;
        }
        let Some(named) = named.filter(|&id| id != first) else {
            return false;
        };
        matches!(self.propose(named, command.clone()), Some(Ok(())))
    }

    fn propose(&mut self, id: NodeId, command: Bytes) -> Option<Result<(), Refusal>> {
        let result = self.ask(id, "propose", |raft, _| raft.propose(command))?;
        if let Err(refusal) = &result {
            self.met.count(met::refusal(refusal));
        }
        Some(result.map(|_| ()))
    }

    /// Some reads come to somebody.
    pub(crate) fn read_somewhere(&mut self) {
        if self.clients.rests {
            return;
        }
        let burst = self.choices.between(1, self.swarm.reads_at_once);
        // Whoever believes in vain to lead is the one to ask.
        let leader = match self.swarm.reads_are_of_leaders {
            true => self.any_leader(),
            false => self
                .leader()
                .filter(|_| self.choices.happens(PerMillion(500_000))),
        };
        if let Some(id) = leader.or_else(|| self.anybody()) {
            (0..burst).for_each(|_| self.read(id));
        }
    }

    pub(crate) fn read(&mut self, id: NodeId) {
        if !self.answers(id) {
            return;
        }
        // Unique in a life, so that an answer to a former one could be taken for one to this.
        let seat = &mut self.seats[slot(id)];
        seat.reads += 1;
        let read = ReadId(seat.reads);
        self.judge.read_asked(id, read);
        if let Some(Err(refusal)) = self.ask(id, "read", |raft: &mut Raft, now| raft.read(now, read)) {
            self.judge.read_given_up(id, read);
            // It was not taken, so it is free.
            self.seats[slot(id)].reads -= 1;
            self.met.count(met::refusal(&refusal));
        }
    }
}
