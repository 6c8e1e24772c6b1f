//! A member whose state is not what its log makes: a fault of its memory, its disk or its program. Its log is sound, so it
//! votes and acknowledges as ever, but it leaves the lead to others, applies nothing more, and wishes for the state of its
//! leader: each answer to a heartbeat says so, until one comes. The leader sends a snapshot although its log reaches the
//! follower, of at least what the follower has applied: no state goes back. The log stays.

use crate::message::Message;
use crate::output::{Output, Refusal};
use crate::progress::Pace;
use crate::quorum::reached_by_quorum;
use crate::raft::Raft;
use crate::role::Role;
use crate::types::{Body, Index, NodeId, Position, Round, SnapshotMark};
use crate::why::Why;

/// Who was not heard for so many election timeouts is not waited for.
const SILENT_TIMEOUTS: u32 = 2;

impl Raft {
    /// The state that was applied is not to be trusted: nothing more is applied until the leader has sent one
    /// ([`Output::Restore`]). Forgotten in a crash, and when it comes to lead: whoever still needs one says so again. Changes
    /// nothing while it leads, since it has nobody to ask.
    pub fn want_snapshot(&mut self) {
        if self.halted || self.is_leader() || std::mem::replace(&mut self.wants_state, true) {
            return;
        }
        let applied = self.last_applied;
        self.explain(Why::StateWanted { applied });
    }

    /// Whether it waits for its leader's state.
    #[must_use]
    pub fn wants_snapshot(&self) -> bool {
        self.wants_state
    }

    /// Whether to leave the lead to others, because whoever leads is asked for its state: it stands for no
    /// election, unless it is the sole voter. Forgotten in a crash. One that leads leads on, see [`Raft::hand_over`].
    pub fn stand_back(&mut self, stands_back: bool) {
        self.stands_back = stands_back;
    }

    /// Adds a blank entry to the log of this leader: a place in the log that all members know, and nothing else.
    ///
    /// # Errors
    /// See [`Refusal`].
    pub fn propose_blank(&mut self) -> Result<Position, Refusal> {
        if self.leading()?.transfer.is_some() {
            return Err(Refusal::Transferring);
        }
        Ok(self.append_own(Body::Blank))
    }

    /// Whether a majority of the voters is there that this leader can compare its state with, itself among them: those
    /// that were heard within two election timeouts, and need no state themselves.
    #[must_use]
    pub fn has_peers_with_state(&self) -> bool {
        let Role::Leader(leader) = &self.role else {
            return false;
        };
        let patience = self.config.election_timeout * SILENT_TIMEOUTS;
        let has_state = |id: NodeId| match leader.progress.get(&id) {
            Some(progress) => {
                !matches!(progress.pace, Pace::Snapshot(_)) && self.now < progress.heard_at.after(patience)
            }
            None => id == self.config.id,
        };
        reached_by_quorum(self.log_membership(), has_state).unwrap_or(false)
    }

    /// The answer to a heartbeat.
    pub(crate) fn heartbeat_reply(&self, round: Round) -> Message {
        Message::HeartbeatReply {
            round,
            understands: self.config.version,
            wants_from: self.wants_state.then_some(self.last_applied),
            stands_back: self.stands_back,
        }
    }

    /// What a follower says of its state: whether it would lead, and whether it wishes for the state as of some entry, or
    /// later.
    pub(crate) fn on_state_told(&mut self, from: NodeId, wants_from: Option<Index>, stands_back: bool) {
        let (last, own) = (self.log.last().index, self.last_applied);
        let Role::Leader(leader) = &mut self.role else {
            return;
        };
        let Some(progress) = leader.progress.get_mut(&from) else {
            return;
        };
        progress.stands_back = stands_back;
        let Some(applied) = wants_from.filter(|_| progress.wants_from.is_none()) else {
            return;
        };
        if applied > last {
            return self.explain(Why::IllFormed { from });
        }
        // Nothing can be offered before that is applied here. Until then it gets entries: without its acknowledgement they
        // may never be committed. It says so again.
        if applied > own {
            return;
        }
        let is_of_use = match &progress.pace {
            Pace::Snapshot(sending) => sending.mark().is_none_or(|mark| mark.index >= applied),
            _ => false,
        };
        if !is_of_use {
            progress.begin_snapshot();
        }
        progress.wants_from = Some(applied);
        self.explain(Why::StateWantedBy { peer: from, applied });
    }

    /// Whether a snapshot at `mark` is what this node wishes for.
    pub(crate) fn is_rebuilt_by(&self, mark: Position) -> bool {
        self.wants_state && mark.index >= self.last_applied
    }

    /// The saved snapshot becomes the state. The log has its last entry, so it stays as it is, in memory and on disk.
    pub(crate) fn rebuild(&mut self, mark: SnapshotMark) {
        let (at, applied) = (mark.position, self.last_applied);
        self.explain(Why::StateRebuilt { mark: at, applied });
        self.wants_state = false;
        self.last_applied = at.index;
        self.outbox.push_back(Output::Restore(Box::new(mark)));
        self.commit_to(at.index);
    }
}
