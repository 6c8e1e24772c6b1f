//! Members that were removed (thesis 4.2.3). What counts is a committed removal: an uncommitted one may be undone, and
//! whoever it names may even lead.

use crate::membership::Membership;
use crate::message::Message;
use crate::output::Output;
use crate::raft::Raft;
use crate::types::{NodeId, Stamp};
use crate::why::Why;

impl Raft {
    /// The membership as of the commit index: what nobody can undo.
    #[must_use]
    pub fn committed_membership(&self) -> &Membership {
        self.memberships.at(self.commit_index)
    }

    /// Whether `from` was removed for good. If so its message is dropped, and it is told; nobody else may be left to tell
    /// it.
    pub(crate) fn drop_of_removed(&mut self, from: NodeId, message: &Message) -> bool {
        if !self.committed_membership().removed.contains(&from) {
            return false;
        }
        self.explain(Why::SenderRemoved { from });
        if !message.is_reply() {
            // It promises nothing: what is committed is durable on a quorum.
            self.answer_after(Stamp(0), from, Message::Removed);
        }
        true
    }

    /// Whether `message` answers something that was never asked: only members are, and the leader, whom a new member knows
    /// before it knows any membership.
    pub(crate) fn drop_of_stranger(&mut self, from: NodeId, message: &Message) -> bool {
        let is_known = || self.log_membership().contains(from) || self.leader() == Some(from);
        let is_stranger = message.is_reply() && !is_known();
        if is_stranger {
            self.explain(Why::AnswerOfStranger { from });
        }
        is_stranger
    }

    /// A member says that this node was removed. True in every term: ids are never used again.
    pub(crate) fn on_removed(&mut self, from: NodeId) {
        self.retire(Why::ToldOfRemoval { from });
    }

    /// More is committed than before: maybe this node's own removal.
    pub(crate) fn heed_own_removal(&mut self) {
        if !self.halted && self.committed_membership().removed.contains(&self.config.id) {
            let index = self.commit_index;
            self.retire(Why::OwnRemovalCommitted { index });
        }
    }

    /// Takes part no more. What is committed is still handed out: it may be what a client waits for.
    fn retire(&mut self, why: Why) {
        self.explain(why);
        self.stop();
        self.is_leaving = true;
    }

    /// What a node that takes part no more still says.
    pub(crate) fn last_words(&mut self) -> Option<Output> {
        if !self.is_leaving {
            return None;
        }
        self.next_apply().or_else(|| {
            self.is_leaving = false;
            Some(Output::Removed)
        })
    }
}
