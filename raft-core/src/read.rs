//! Linearizable reads without a log entry (Raft 8, thesis 6.4): remember the commit index, confirm in a round of
//! heartbeats that nobody else leads, then answer at that index. One round serves all reads that gathered before it.

use std::collections::VecDeque;

use crate::mutant::Mutant;
use crate::output::{Output, Refusal};
use crate::raft::Raft;
use crate::role::{Leader, Role};
use crate::types::{Boot, Index, NodeId, ReadId, Round, Version};
use crate::why::Why;

/// Batches of reads that may wait at a leader. Without a quorum they wait until it leads no more, however often those
/// who asked have given up and asked again.
const WAITING_MAX: usize = 1 << 14;

/// A leader's reads.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reads {
    /// The newest round begun. Counts up within the term, so an acknowledgement can only be of this leadership.
    pub(crate) round: Round,
    /// Asked for and in no round yet.
    gathering: Vec<ReadId>,
    /// In rounds that are not confirmed, oldest first.
    pending: VecDeque<Pending>,
}

#[derive(Clone, Copy, Debug)]
struct Pending {
    id: ReadId,
    round: Round,
    index: Index,
}

impl Reads {
    pub(crate) fn waiting(&self) -> usize {
        self.gathering.len() + self.pending.len()
    }
}

impl Raft {
    /// Asks for a state not older than now. `ReadReady` with the same id follows once a quorum has confirmed that this
    /// node still leads; nothing follows if it loses the lead meanwhile.
    ///
    /// # Errors
    /// `NotLeader` with the leader to ask instead, `Busy` while too many wait, `Stopped` after an alarm.
    pub fn read(&mut self, id: ReadId) -> Result<(), Refusal> {
        if self.halted {
            return Err(Refusal::Stopped);
        }
        let own_term_committed = self.own_term_committed();
        let Role::Leader(leader) = &mut self.role else {
            return Err(Refusal::NotLeader {
                leader: self.leader(),
            });
        };
        if leader.reads.waiting() >= WAITING_MAX {
            return Err(Refusal::Busy);
        }
        leader.reads.gathering.push(id);
        if !own_term_committed {
            let first = leader.first_index;
            self.explain(Why::ReadWaitsForTerm { id, first });
        }
        Ok(())
    }

    /// Whether an entry of this term is committed. Before that a leader does not know what is (Raft 8).
    pub(crate) fn own_term_committed(&self) -> bool {
        matches!(&self.role, Role::Leader(leader) if self.commit_index >= leader.first_index)
    }

    /// Begins a round for the reads that gathered; called once a turn, so it takes all of the turn's.
    pub(crate) fn begin_round(&mut self) {
        if !self.own_term_committed() {
            return;
        }
        let Role::Leader(leader) = &mut self.role else {
            return;
        };
        if leader.reads.gathering.is_empty() {
            return;
        }
        leader.reads.round = Round(leader.reads.round.0 + 1);
        let (round, index) = (leader.reads.round, self.commit_index);
        let gathered = std::mem::take(&mut leader.reads.gathering);
        leader
            .reads
            .pending
            .extend(gathered.iter().map(|&id| Pending { id, round, index }));
        if let Some(&id) = gathered.first()
            && self.log_membership().members().len() > 1
        {
            self.explain(Why::ReadWaitsForRound { id, round });
        }
        self.confirm_rounds();
    }

    pub(crate) fn on_heartbeat_reply(&mut self, from: NodeId, round: Round, understands: Version) {
        let Role::Leader(leader) = &mut self.role else {
            return;
        };
        if round > leader.reads.round {
            return self.explain(Why::IllFormed { from });
        }
        let Some(progress) = leader.progress.get_mut(&from) else {
            return;
        };
        progress.acknowledged_round = progress.acknowledged_round.max(round);
        self.confirm_rounds();
        self.learn_version(from, understands);
    }

    /// Releases the reads of all rounds that a quorum acknowledged.
    pub(crate) fn confirm_rounds(&mut self) {
        let own = self.config.id;
        let membership = self.memberships.current();
        let Role::Leader(leader) = &mut self.role else {
            return;
        };
        let Leader { reads, progress, .. } = leader;
        let acknowledged = |id: NodeId| {
            if id == own {
                reads.round
            } else {
                progress.get(&id).map_or(Round(0), |p| p.acknowledged_round)
            }
        };
        let mut confirmed = crate::quorum::reached_by_quorum(membership, acknowledged).unwrap_or_default();
        if Mutant::ReadWithoutRound.is(self.config.mutant) {
            confirmed = reads.round;
        }
        while let Some(&Pending { id, round, index }) = reads.pending.front() {
            if round > confirmed {
                break;
            }
            reads.pending.pop_front();
            self.outbox.push_back(Output::ReadReady { id, index });
        }
    }

    pub(crate) fn on_read_index(&mut self, from: NodeId, _boot: Boot, _id: ReadId) {
        self.explain(Why::IllFormed { from });
    }

    pub(crate) fn on_read_index_reply(&mut self, from: NodeId, _boot: Boot, _id: ReadId, _index: Index) {
        self.explain(Why::IllFormed { from });
    }
}
