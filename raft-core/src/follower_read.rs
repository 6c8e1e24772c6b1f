//! Linearizable reads on a follower (thesis 6.4): it asks its leader for a confirmed index, and answers when it has
//! applied up to there. What the leader does not answer is asked again under the same id: whichever answer comes, it was
//! given after the question, and a question of a former life carries another boot. Nobody but the leader that was asked
//! confirms, so a change of leader gives up what waits.

use std::collections::{BTreeSet, VecDeque};

use crate::fingerprint::canonical;
use crate::message::{Envelope, Message};
use crate::mutant::Mutant;
use crate::output::{Output, Refusal};
use crate::raft::Raft;
use crate::types::{Boot, Index, NodeId, ReadId, Term, Time};
use crate::why::Why;

/// A follower's reads on their way to the leader.
#[derive(Clone, Debug, Default)]
pub(crate) struct AskedReads {
    /// Whom, if anything waits.
    of: Option<(Term, NodeId)>,
    waiting: BTreeSet<ReadId>,
    /// Not asked yet.
    fresh: VecDeque<ReadId>,
    /// When to ask again, the earliest first. Some of these may be answered; the first waits.
    again: VecDeque<(Time, ReadId)>,
}

canonical!(struct AskedReads { of, waiting, fresh, again });

impl AskedReads {
    /// When something is to be asked again.
    fn deadline(&self) -> Time {
        self.again.front().map_or(Time::NEVER, |&(due, _)| due)
    }

    fn ask(&mut self, id: ReadId) {
        if self.waiting.insert(id) {
            self.fresh.push_back(id);
        }
    }

    /// Returns whether it waited.
    fn answered(&mut self, id: ReadId) -> bool {
        let waited = self.waiting.remove(&id);
        self.forget_answered();
        waited
    }

    /// So that the first of those to be asked again waits.
    fn forget_answered(&mut self) {
        let waits = |id: &ReadId| self.waiting.contains(id);
        while self.again.pop_front_if(|(_, id)| !waits(id)).is_some() {}
    }

    /// The next to ask, and whether it was asked before.
    fn next(&mut self, now: Time, again_at: Time) -> Option<(ReadId, bool)> {
        let due = self.again.pop_front_if(|(due, _)| *due <= now);
        let (id, again) = match due {
            Some((_, id)) => (id, true),
            None => (self.fresh.pop_front()?, false),
        };
        self.again.push_back((again_at, id));
        self.forget_answered();
        Some((id, again))
    }
}

impl Raft {
    pub(crate) fn ask_leader(&mut self, leader: NodeId, id: ReadId) -> Result<(), Refusal> {
        self.drop_stale_reads();
        if self.asked_reads.waiting.len() >= self.config.limits.reads_max {
            return Err(Refusal::Busy);
        }
        self.asked_reads.of = Some((self.ballot.term, leader));
        self.asked_reads.ask(id);
        Ok(())
    }

    /// When the leader is to be asked again.
    pub(crate) fn read_deadline(&self) -> Time {
        if self.persist.is_durable(self.persist.ballot_stamp()) {
            self.asked_reads.deadline()
        } else {
            Time::NEVER
        }
    }

    /// The next question to the leader. It promises nothing, and waits for the ballot all the same: whatever is said in
    /// a term is said by one who will not forget the term.
    pub(crate) fn next_read_index(&mut self) -> Option<Envelope> {
        if !self.persist.is_durable(self.persist.ballot_stamp()) {
            return None;
        }
        let (_, leader) = self.asked_reads.of?;
        // As with everything else: after two heartbeats without an answer it is taken for lost.
        let again_at = self.now.after(self.config.heartbeat_interval * 2);
        let (id, again) = self.asked_reads.next(self.now, again_at)?;
        self.explain(if again {
            Why::ReadAskedAgain { id, leader }
        } else {
            Why::ReadAsksLeader { id, leader }
        });
        let boot = self.config.boot;
        Some(self.message_to(leader, Message::ReadIndex { boot, id }))
    }

    pub(crate) fn on_read_index_reply(&mut self, from: NodeId, boot: Boot, id: ReadId, index: Index) {
        if boot != self.config.boot && !Mutant::AnswerToFormerLife.is(self.config.mutant) {
            let ours = self.config.boot;
            return self.explain(Why::ReadOfFormerLife { from, id, boot, ours });
        }
        if self.asked_reads.of != Some((self.ballot.term, from)) || !self.asked_reads.answered(id) {
            return self.explain(Why::ReadAnsweredBefore { from, id });
        }
        self.read_ready(id, index);
    }

    /// Gives up what another than the present leader was asked.
    pub(crate) fn drop_stale_reads(&mut self) {
        let present = self.leader().map(|leader| (self.ballot.term, leader));
        if self.asked_reads.of.is_none() || self.asked_reads.of == present {
            return;
        }
        let dropped = std::mem::take(&mut self.asked_reads).waiting;
        self.drop_reads(dropped.into_iter().collect());
    }

    /// These reads of this node's own are not confirmed any more: they are to be asked anew.
    pub(crate) fn drop_reads(&mut self, dropped: Vec<ReadId>) {
        if dropped.is_empty() {
            return;
        }
        self.explain(Why::ReadsDropped {
            batches: dropped.len() as u64,
        });
        let outputs = dropped.into_iter().map(|id| Output::ReadDropped { id });
        self.outbox.extend(outputs);
    }
}
