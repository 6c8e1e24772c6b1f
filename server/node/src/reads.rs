//! Linearizable reads: all that gather in a turn form a batch; the leader confirms a batch with an index; the node
//! that got them answers when it has applied up to there. A batch that may have got lost is asked anew under a new id,
//! so that no late answer confirms the wrong one.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use raft_core::{Boot, Index, NodeId, ReadId, Refusal, Term, Time};
use storage::store::query::Query;

use crate::message::Part;
use crate::node::Node;
use crate::request::Answer;
use crate::waiting::{Ticket, Waiter};

/// Batches on their way to the leader; meanwhile the next one gathers.
const ASKED_MAX: usize = 1 << 10;

/// What to do once a read is confirmed.
#[derive(Clone, Debug)]
pub(crate) enum Question {
    Query(Query),
    Members,
    Health,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Reads {
    questions: BTreeMap<Ticket, Question>,
    /// In no batch yet.
    gathering: BTreeSet<Ticket>,
    /// Asked of the leader of one term, by id: the oldest first, and the first to be asked anew.
    asked: BTreeMap<ReadId, Batch>,
    /// Confirmed at an index that is not applied yet, in the order of the indexes.
    confirmed: VecDeque<(Index, Vec<Ticket>)>,
    next_id: u64,
    /// Of this node as a leader: who asked for which of Raft's reads.
    askers: BTreeMap<ReadId, Asker>,
}

#[derive(Clone, Debug)]
struct Batch {
    tickets: Vec<Ticket>,
    term: Term,
    resend_deadline: Time,
}

#[derive(Clone, Copy, Debug)]
struct Asker {
    node: NodeId,
    boot: Boot,
    id: ReadId,
}

impl Reads {
    /// Returns whether it was a read that waits.
    pub(crate) fn remove(&mut self, ticket: Ticket) -> bool {
        self.gathering.remove(&ticket);
        self.questions.remove(&ticket).is_some()
    }

    pub(crate) fn deadline(&self) -> Time {
        self.asked
            .first_key_value()
            .map_or(Time::NEVER, |(_, batch)| batch.resend_deadline)
    }

    fn fresh_id(&mut self) -> ReadId {
        self.next_id += 1;
        ReadId(self.next_id)
    }

    /// Takes back what was asked in another term or not answered in time.
    fn regather(&mut self, now: Time, term: Term) {
        while let Some(oldest) = self.asked.first_entry()
            && (oldest.get().term != term || oldest.get().resend_deadline <= now)
        {
            let tickets = oldest.remove().tickets.into_iter();
            let waiting = tickets.filter(|ticket| self.questions.contains_key(ticket));
            self.gathering.extend(waiting);
        }
    }

    fn confirm(&mut self, id: ReadId, index: Index) {
        let Some(batch) = self.asked.remove(&id) else {
            return;
        };
        let place = self.confirmed.partition_point(|&(at, _)| at <= index);
        self.confirmed.insert(place, (index, batch.tickets));
    }
}

impl Node {
    /// Takes a read that is to be confirmed first.
    pub(crate) fn read(&mut self, waiter: Waiter, question: Question) {
        let ticket = self.waiting.admit(waiter);
        if self.waiting.len() > crate::writes::WAITING_MAX {
            return self.answer(ticket, Err(crate::request::Failure::TooManyRequests));
        }
        self.reads.questions.insert(ticket, question);
        self.reads.gathering.insert(ticket);
    }

    /// Asks for all reads that gathered, in one batch; called once a turn.
    pub(crate) fn ask_reads(&mut self) {
        let (now, term) = (self.now.monotonic, self.raft.term());
        self.reads.regather(now, term);
        let Some(leader) = self.raft.leader() else { return };
        if self.reads.gathering.is_empty() || self.reads.asked.len() >= ASKED_MAX {
            return;
        }
        let id = self.reads.fresh_id();
        let own = self.config.raft.id;
        let resend_deadline = if leader == own {
            if !self.confirm_for(own, self.config.raft.boot, id, id) {
                return;
            }
            // A leader answers itself or loses the lead; only a message gets lost.
            Time::NEVER
        } else {
            self.parts_to(leader, Part::AskRead { term, id });
            self.resend_deadline()
        };
        let tickets = std::mem::take(&mut self.reads.gathering).into_iter().collect();
        let batch = Batch {
            tickets,
            term,
            resend_deadline,
        };
        self.reads.asked.insert(id, batch);
    }

    /// A follower asks this node, which may lead no more: then the follower will learn of it and ask elsewhere.
    pub(crate) fn on_ask_read(&mut self, node: NodeId, boot: Boot, term: Term, id: ReadId) {
        if term != self.raft.term() || !self.raft.is_leader() {
            return;
        }
        let own_id = self.reads.fresh_id();
        // While too many wait, it will ask again.
        self.confirm_for(node, boot, id, own_id);
    }

    /// Asks this node's own Raft, which leads, under `own_id`. Returns whether it takes one more batch.
    fn confirm_for(&mut self, node: NodeId, boot: Boot, id: ReadId, own_id: ReadId) -> bool {
        match self.raft.read(self.now.monotonic, own_id) {
            Ok(()) => {
                self.reads.askers.insert(own_id, Asker { node, boot, id });
                true
            }
            Err(Refusal::Busy) => false,
            Err(refusal) => panic!("a leader takes reads: {refusal}"),
        }
    }

    /// The leader confirmed a batch of this node's.
    pub(crate) fn on_read_at(&mut self, boot: Boot, id: ReadId, index: Index) {
        if boot == self.config.raft.boot {
            self.reads.confirm(id, index);
            self.answer_confirmed();
        }
    }

    /// Raft confirmed a batch, of this node's or of a follower's.
    pub(crate) fn on_read_ready(&mut self, id: ReadId, index: Index) {
        let Some(asker) = self.reads.askers.remove(&id) else {
            return;
        };
        if asker.node == self.config.raft.id {
            self.reads.confirm(asker.id, index);
            self.answer_confirmed();
        } else {
            self.parts_to(
                asker.node,
                Part::ReadAt {
                    boot: asker.boot,
                    id: asker.id,
                    index,
                },
            );
        }
    }

    /// What Raft dropped with the lead is never confirmed.
    pub(crate) fn forget_askers(&mut self) {
        self.reads.askers.clear();
    }

    /// Answers the confirmed reads that the applied state is new enough for.
    pub(crate) fn answer_confirmed(&mut self) {
        while self
            .reads
            .confirmed
            .front()
            .is_some_and(|&(index, _)| index <= self.applied.index)
        {
            let (_, tickets) = self.reads.confirmed.pop_front().expect("there is a front");
            for ticket in tickets {
                let Some(question) = self.reads.questions.remove(&ticket) else {
                    continue;
                };
                let result = match question {
                    Question::Query(query) => self.find(&query),
                    Question::Members => Ok(Answer::Members(self.members())),
                    Question::Health => Ok(Answer::Healthy),
                };
                self.answer(ticket, result);
            }
        }
    }
}
