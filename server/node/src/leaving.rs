//! Leaving in good order: with the lead handed over, or as a member that was removed.

use std::collections::BTreeSet;

use raft_core::{Envelope, Message, NodeId};

use crate::node::Node;
use crate::request::{Failure, Output};

impl Node {
    /// Whether the lead is on its way to another since `HandOver` came. It ends within an election timeout, whoever leads
    /// then. At once if this member does not lead, or nobody could lead in its place.
    #[must_use]
    pub fn is_handing_over(&self) -> bool {
        self.raft.transferring().is_some()
    }

    /// Who was a member once and, beyond recall, never will be again.
    #[must_use]
    pub fn removed_members(&self) -> &BTreeSet<NodeId> {
        &self.raft.committed_membership().removed
    }

    pub(crate) fn hand_over(&mut self) {
        // Refused where there is nothing to hand over, or nobody to take it.
        let _ = self.raft.hand_over();
        // They could wait for ever, and are better off elsewhere.
        self.end_contests(&Failure::Stopped);
    }

    /// A link's refusal says what Raft would say, had it a link to say it on.
    pub(crate) fn on_refused_as_removed(&mut self, by: NodeId) {
        if self.is_petitioner() || self.notice_loss() {
            return;
        }
        let envelope = Envelope {
            from: by,
            to: self.config.raft.id,
            term: self.raft.term(),
            message: Message::Removed,
        };
        self.raft.receive(self.now.monotonic, envelope);
    }

    /// This member takes part no more, for this reason; nobody waits for it in vain.
    pub(crate) fn stop(&mut self, why: Output) {
        self.stopped = true;
        self.outbox.push_back(why);
        for ticket in self.waiting.tickets() {
            self.answer(ticket, Err(Failure::Stopped));
        }
        self.end_watches(&Failure::Stopped);
        self.end_contests(&Failure::Stopped);
    }
}
