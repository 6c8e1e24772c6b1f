//! Linearizable reads: all that gather in a turn form a batch; Raft confirms a batch with an index, whether this node
//! leads or follows; the node answers when it has applied up to there. What Raft gives up, because the leader that was
//! asked leads no more, is asked anew under a new id.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use raft_core::{Index, ReadId};
use storage::store::query::{LeaseId, Query};

use crate::leases::{Asker, LeaseAsk};
use crate::node::Node;
use crate::request::{Answer, Failure};
use crate::waiting::{Ticket, Waiter};

/// Batches that Raft has not confirmed; meanwhile the next one gathers.
const ASKED_MAX: usize = 1 << 10;

/// What to do once a read is confirmed.
#[derive(Clone, Debug)]
pub(crate) enum Question {
    Query(Query),
    Members,
    Health,
    Checks,
    /// What the leader is asked about a lease.
    Lease(LeaseAsk, Asker),
    /// What is left of a lease, as the leader said, and whether its keys are asked for.
    LeaseKeys(LeaseId, Option<(u64, u64)>, bool),
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Reads {
    questions: BTreeMap<Ticket, Question>,
    /// In no batch yet.
    gathering: BTreeSet<Ticket>,
    /// Asked of Raft, by id.
    asked: BTreeMap<ReadId, Vec<Ticket>>,
    /// Confirmed at an index that is not applied yet, in the order of the indexes.
    confirmed: VecDeque<(Index, Vec<Ticket>)>,
    next_id: u64,
}

impl Reads {
    /// Returns whether it was a read that waits.
    pub(crate) fn remove(&mut self, ticket: Ticket) -> bool {
        self.gathering.remove(&ticket);
        self.questions.remove(&ticket).is_some()
    }

    /// Whether this one waits to be told of all checks.
    pub(crate) fn asks_checks(&self, ticket: Ticket) -> bool {
        matches!(self.questions.get(&ticket), Some(Question::Checks))
    }

    /// All that waits to be read; it waits no more.
    pub(crate) fn take_questions(&mut self) -> BTreeMap<Ticket, Question> {
        self.gathering.clear();
        std::mem::take(&mut self.questions)
    }

    fn confirmed(&mut self, id: ReadId, index: Index) {
        let Some(tickets) = self.asked.remove(&id) else {
            return;
        };
        self.confirm(index, tickets);
    }

    fn confirm(&mut self, index: Index, tickets: Vec<Ticket>) {
        let place = self.confirmed.partition_point(|&(at, _)| at <= index);
        self.confirmed.insert(place, (index, tickets));
    }

    fn dropped(&mut self, id: ReadId) {
        let tickets = self.asked.remove(&id).into_iter().flatten();
        let waiting = tickets.filter(|ticket| self.questions.contains_key(ticket));
        self.gathering.extend(waiting);
    }
}

impl Node {
    /// Takes a read that is to be confirmed first.
    pub(crate) fn read(&mut self, waiter: Waiter, question: Question) {
        let ticket = self.waiting.admit(waiter);
        if self.waiting.len() > crate::writes::WAITING_MAX {
            return self.answer(ticket, Err(Failure::TooManyRequests));
        }
        self.question(ticket, question);
    }

    /// Asks what is to be confirmed first, for somebody who waits already.
    pub(crate) fn question(&mut self, ticket: Ticket, question: Question) {
        self.reads.questions.insert(ticket, question);
        self.reads.gathering.insert(ticket);
    }

    /// Answers once so much is applied.
    pub(crate) fn question_at(&mut self, ticket: Ticket, question: Question, index: Index) {
        self.reads.questions.insert(ticket, question);
        self.reads.confirm(index, vec![ticket]);
        self.answer_confirmed();
    }

    /// Asks for all reads that gathered, in one batch; called once a turn. Returns whether Raft took it.
    pub(crate) fn ask_reads(&mut self) -> bool {
        if self.reads.gathering.is_empty() || self.reads.asked.len() >= ASKED_MAX {
            return false;
        }
        self.reads.next_id += 1;
        let id = ReadId(self.reads.next_id);
        // While no leader is known, or too many wait, the batch gathers on.
        if self.raft.read(self.now.monotonic, id).is_err() {
            return false;
        }
        let tickets = std::mem::take(&mut self.reads.gathering).into_iter().collect();
        self.reads.asked.insert(id, tickets);
        true
    }

    /// Raft confirmed a batch.
    pub(crate) fn on_read_ready(&mut self, id: ReadId, index: Index) {
        self.reads.confirmed(id, index);
        self.answer_confirmed();
    }

    /// Raft gave a batch up.
    pub(crate) fn on_read_dropped(&mut self, id: ReadId) {
        self.reads.dropped(id);
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
                if self.is_fenced() {
                    self.refuse_question(ticket, &question);
                    continue;
                }
                let result = match question {
                    Question::Query(query) => self.find(&query),
                    Question::Members => Ok(Answer::Members(self.members())),
                    Question::Health => Ok(Answer::Healthy),
                    Question::Checks => Ok(self.checks(None)),
                    Question::LeaseKeys(id, time, keys) => Ok(self.lease_time(id, time, keys)),
                    Question::Lease(ask, asker) => {
                        self.on_lease_confirmed(ticket, ask, asker);
                        continue;
                    }
                };
                self.answer(ticket, result);
            }
        }
    }
}
