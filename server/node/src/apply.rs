//! Committed entries into the store. The member that got a request answers it here.

use bytes::Bytes;
use raft_core::{Body, Boot, Entry, NodeId};
use serde::{Deserialize, Serialize};
use storage::store::command::Command;

use crate::node::Node;
use crate::request::{Answer, Failure};
use crate::waiting::Ticket;

/// Who asked for a command: the member and its life, and its ticket there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Origin {
    /// The member.
    pub node: NodeId,
    /// Its life.
    pub boot: Boot,
    /// Counts up within that life.
    pub ticket: u64,
}

/// What a command entry of the log holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposal {
    /// Who asked.
    pub origin: Origin,
    /// For what.
    pub command: Command,
}

impl Proposal {
    /// The form it has in the log: postcard.
    pub(crate) fn encode(&self) -> Bytes {
        postcard::to_stdvec(self)
            .expect("a proposal always has a postcard form")
            .into()
    }

    /// # Errors
    /// If the bytes are not a proposal.
    pub fn decode(bytes: &[u8]) -> Result<Proposal, postcard::Error> {
        postcard::from_bytes(bytes)
    }
}

impl Node {
    pub(crate) fn apply(&mut self, entry: Entry) {
        let Entry { position, body } = entry;
        assert_eq!(
            position.index,
            self.applied.index.next(),
            "entries are applied once, in order"
        );
        let later_term = position.term > self.applied.term;
        self.applied = position;
        if let Body::Command(bytes) = &body {
            // Every member reads the same bytes, so what one cannot read none applies.
            if let Ok(Proposal { origin, command }) = Proposal::decode(bytes) {
                let result = self.store.apply(command);
                if origin.node == self.config.raft.id && origin.boot == self.config.raft.boot {
                    let ticket = Ticket(origin.ticket);
                    self.writes.remove(ticket);
                    self.answer(ticket, result.map(Answer::Done).map_err(Failure::Store));
                }
            }
        }
        if later_term {
            self.writes.term_applied(position.term);
            self.propose_unsent();
        }
        self.answer_confirmed();
    }
}
