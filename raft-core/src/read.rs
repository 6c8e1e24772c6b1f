//! Linearizable reads without a log entry (Raft 8, thesis 6.4), the leader's side: remember the commit index, confirm
//! in a round of heartbeats that nobody else leads, then answer at that index. One round serves all reads that gathered
//! before it, whoever asked for them. A round is never begun twice, so a late acknowledgement is of an older round and
//! confirms nothing newer.

use std::collections::{BTreeSet, VecDeque};

use crate::fingerprint::canonical;
use crate::lease::RoundTimes;
use crate::message::Message;
use crate::mutant::Mutant;
use crate::output::{Output, Refusal};
use crate::quorum::{reached_by_halves, reached_by_quorum};
use crate::raft::Raft;
use crate::role::{Leader, Role};
use crate::types::{Boot, Index, NodeId, ReadId, Round, Time, Version};
use crate::why::Why;

/// A leader's reads.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reads {
    /// The newest round begun. Counts up within the term, so an acknowledgement can only be of this leadership.
    pub(crate) round: Round,
    /// When rounds began, while a lease is in force.
    pub(crate) times: RoundTimes,
    /// Asked for and in no round yet.
    gathering: Vec<Asker>,
    /// In rounds that are not confirmed, oldest first.
    pending: VecDeque<Pending>,
    /// The followers' among all these: what is asked again while it waits costs nothing.
    of_followers: BTreeSet<Asker>,
}

/// Who wants to know. Its boot too: a read's id is unique within one life only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Asker {
    pub(crate) node: NodeId,
    pub(crate) boot: Boot,
    pub(crate) id: ReadId,
}

#[derive(Clone, Copy, Debug)]
struct Pending {
    asker: Asker,
    round: Round,
    index: Index,
}

canonical!(struct Reads { round, times, gathering, pending, of_followers });
canonical!(struct Asker { node, boot, id });
canonical!(struct Pending { asker, round, index });

impl Reads {
    pub(crate) fn waiting(&self) -> usize {
        self.gathering.len() + self.pending.len()
    }

    /// All that wait, the oldest first.
    pub(crate) fn askers(&self) -> impl Iterator<Item = Asker> {
        let pending = self.pending.iter().map(|pending| pending.asker);
        pending.chain(self.gathering.iter().copied())
    }
}

impl Raft {
    /// Asks for a state not older than now: a leader once a quorum has confirmed that it still leads, or at once if it
    /// holds a lease; a follower asks its leader. `ReadReady` or `ReadDropped` with the same id follows, unless there
    /// is an alarm first. `id` was not used before in this boot, and `now` is not before the client asked.
    ///
    /// # Errors
    /// `NotLeader` while no leader is known, `Busy` while too many wait, `Stopped` after an alarm.
    pub fn read(&mut self, now: Time, id: ReadId) -> Result<(), Refusal> {
        if self.halted {
            return Err(Refusal::Stopped);
        }
        self.now = self.now.max(now);
        match self.leader() {
            Some(leader) if leader == self.config.id => self.take_read(Asker {
                node: leader,
                boot: self.config.boot,
                id,
            }),
            Some(leader) => self.ask_leader(leader, id),
            None => Err(Refusal::NotLeader { leader: None }),
        }
    }

    /// Whether an entry of this term is committed. Before that a leader does not know what is (Raft 8).
    pub(crate) fn own_term_committed(&self) -> bool {
        matches!(&self.role, Role::Leader(leader) if self.commit_index >= leader.first_index)
    }

    /// Begins a round for the reads that gathered; called once a turn, so it takes all of the turn's.
    pub(crate) fn begin_round(&mut self) {
        if !self.own_term_committed() && !Mutant::ReadBeforeOwnTermCommit.is(self.config.mutant) {
            return;
        }
        let Role::Leader(leader) = &mut self.role else {
            return;
        };
        let gathered = std::mem::take(&mut leader.reads.gathering);
        let Some(first) = gathered.first() else {
            return;
        };
        let (id, index) = (first.id, self.commit_index);
        let Some(round) = self.next_round() else {
            return;
        };
        let pending = gathered.iter().map(|&asker| Pending { asker, round, index });
        if let Role::Leader(leader) = &mut self.role {
            leader.reads.pending.extend(pending);
        }
        if self.log_membership().members().len() > 1 {
            self.explain(Why::ReadWaitsForRound { id, round });
        }
        self.confirm_rounds();
    }

    /// Begins a round: every follower is to hear of it. None if this node does not lead.
    pub(crate) fn next_round(&mut self) -> Option<Round> {
        let (now, lease) = (self.now, self.log_membership().settings.lease);
        let apart = self.config.heartbeat_interval;
        let Role::Leader(leader) = &mut self.role else {
            return None;
        };
        let round = Round(leader.reads.round.0 + 1);
        leader.reads.round = round;
        if lease.is_some() {
            leader.reads.times.begun(round, now, apart);
        }
        Some(round)
    }

    pub(crate) fn on_heartbeat_reply(&mut self, from: NodeId, reply: Message) {
        if let Message::HeartbeatReply {
            round,
            understands,
            wants_from,
            stands_back,
        } = reply
        {
            self.on_round_acknowledged(from, round, understands);
            self.on_state_told(from, wants_from, stands_back);
        }
    }

    fn on_round_acknowledged(&mut self, from: NodeId, round: Round, understands: Version) {
        let now = self.now;
        let Role::Leader(leader) = &mut self.role else {
            return;
        };
        if round > leader.reads.round {
            return self.explain(Why::IllFormed { from });
        }
        let Some(progress) = leader.progress.get_mut(&from) else {
            return;
        };
        let acknowledged = if Mutant::ReadRoundReused.is(self.config.mutant) {
            leader.reads.round
        } else {
            round
        };
        if Mutant::LeaseFromReceiveTime.is(self.config.mutant) {
            leader.reads.times.begun_later(acknowledged, now);
        }
        progress.acknowledged_round = progress.acknowledged_round.max(acknowledged);
        if Mutant::HeartbeatAcknowledges.is(self.config.mutant) {
            let (sent, resend_deadline) = (progress.next_index.previous(), Time::NEVER);
            progress.matched(sent, sent, resend_deadline);
            self.advance_commit();
        }
        self.confirm_rounds();
        self.learn_version(from, understands);
    }

    /// A follower asks.
    pub(crate) fn on_read_index(&mut self, from: NodeId, boot: Boot, id: ReadId) {
        let asker = Asker { node: from, boot, id };
        let Role::Leader(leader) = &self.role else {
            return self.explain(Why::ReadRefusedNotLeader { from, id });
        };
        if !leader.progress.contains_key(&from) {
            return self.explain(Why::ReadRefusedStranger { from, id });
        }
        if leader.reads.of_followers.contains(&asker) {
            return self.explain(Why::ReadAskedTwice { from, id });
        }
        // While too many wait, it will ask again.
        if self.take_read(asker).is_err() {
            self.explain(Why::ReadRefusedBusy { from, id });
        }
    }

    fn take_read(&mut self, asker: Asker) -> Result<(), Refusal> {
        let (id, own) = (asker.id, self.config.id);
        if self.read_by_lease(asker) {
            return Ok(());
        }
        let own_term_committed = self.own_term_committed();
        let Role::Leader(leader) = &mut self.role else {
            return Err(Refusal::NotLeader {
                leader: self.leader(),
            });
        };
        if leader.reads.waiting() >= self.config.limits.reads_max {
            return Err(Refusal::Busy);
        }
        leader.reads.gathering.push(asker);
        if asker.node != own {
            leader.reads.of_followers.insert(asker);
        }
        if !own_term_committed {
            let first = leader.first_index;
            self.explain(Why::ReadWaitsForTerm { id, first });
        }
        Ok(())
    }

    /// Releases the reads of all rounds that a quorum acknowledged.
    pub(crate) fn confirm_rounds(&mut self) {
        let own = self.config.id;
        let membership = self.memberships.current();
        let Role::Leader(leader) = &mut self.role else {
            return;
        };
        let Leader { reads, progress, .. } = leader;
        if reads.pending.is_empty() {
            return;
        }
        let acknowledged = |id: NodeId| {
            if id == own {
                reads.round
            } else {
                progress.get(&id).map_or(Round(0), |p| p.acknowledged_round)
            }
        };
        let mut confirmed = reached_by_quorum(membership, acknowledged).unwrap_or_default();
        if Mutant::ReadCountsNewOnly.is(self.config.mutant) {
            confirmed = reached_by_halves(membership, acknowledged).0.unwrap_or_default();
        }
        if Mutant::ReadWithoutRound.is(self.config.mutant) {
            confirmed = reads.round;
        }
        let ready = reads
            .pending
            .partition_point(|pending| pending.round <= confirmed);
        let ready: Vec<Pending> = reads.pending.drain(..ready).collect();
        for Pending { asker, index, .. } in ready {
            self.answer_read(asker, index);
        }
    }

    /// The read is confirmed: a state that has applied up to `index` may answer it.
    pub(crate) fn answer_read(&mut self, asker: Asker, index: Index) {
        let Asker { node, boot, id } = asker;
        if node == self.config.id {
            return self.read_ready(id, index);
        }
        if let Role::Leader(leader) = &mut self.role {
            leader.reads.of_followers.remove(&asker);
        }
        let reply = self.message_to(node, Message::ReadIndexReply { boot, id, index });
        self.outbox.push_back(Output::Send(reply));
    }

    /// A read of this node's own is confirmed.
    pub(crate) fn read_ready(&mut self, id: ReadId, index: Index) {
        if index > self.last_applied {
            let applied = self.last_applied;
            self.explain(Why::ReadWaitsForApply { id, index, applied });
        }
        self.outbox.push_back(Output::ReadReady { id, index });
    }
}
