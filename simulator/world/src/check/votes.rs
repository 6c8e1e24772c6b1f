//! A member gives one vote a term (Raft 5.2), whatever crashes and restarts lie between.

use std::collections::BTreeMap;

use node::{Part, PeerMessage};
use raft_core::{Envelope, Message, NodeId, Term, VoteAnswer};
use thiserror::Error;

/// Two votes in a term.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("n{voter} voted for n{first} and for n{second} in term {term}")]
pub struct VotedTwice {
    /// Who.
    pub voter: NodeId,
    /// When.
    pub term: Term,
    /// Whom it voted for first.
    pub first: NodeId,
    /// Whom then.
    pub second: NodeId,
}

/// All votes of a run.
#[derive(Clone, Debug, Default)]
pub struct Votes {
    given: BTreeMap<(NodeId, Term), NodeId>,
    /// Who is new in place of whom, by the first of them.
    first: BTreeMap<NodeId, NodeId>,
}

impl Votes {
    /// A member is new, in place of another: they have one vote a term together.
    pub fn follows(&mut self, id: NodeId, former: NodeId) {
        let first = self.first.get(&former).copied().unwrap_or(former);
        self.first.insert(id, first);
    }

    /// A member says this to a peer.
    ///
    /// # Errors
    /// If it is a second vote.
    pub fn says(&mut self, message: &PeerMessage) -> Result<(), VotedTwice> {
        message.parts.iter().try_for_each(|part| match part {
            Part::Raft(envelope) => self.sends(envelope),
            _ => Ok(()),
        })
    }

    /// A member's core sends this.
    ///
    /// # Errors
    /// If it is a second vote.
    pub fn sends(&mut self, envelope: &Envelope) -> Result<(), VotedTwice> {
        let candidate = match envelope.message {
            Message::RequestVote { .. } => envelope.from,
            Message::RequestVoteReply(VoteAnswer::Granted) => envelope.to,
            _ => return Ok(()),
        };
        let voter = self.first.get(&envelope.from).copied().unwrap_or(envelope.from);
        let term = envelope.term;
        let first = *self.given.entry((voter, term)).or_insert(candidate);
        if first == candidate {
            return Ok(());
        }
        Err(VotedTwice {
            voter,
            term,
            first,
            second: candidate,
        })
    }
}

#[cfg(test)]
mod tests {
    use raft_core::Boot;

    use super::*;

    fn vote(term: u64, candidate: u64, boot: u64) -> PeerMessage {
        let envelope = Envelope {
            from: NodeId(1),
            to: NodeId(candidate),
            term: Term(term),
            message: Message::RequestVoteReply(VoteAnswer::Granted),
        };
        PeerMessage {
            from: NodeId(1),
            from_boot: Boot(boot),
            to: NodeId(candidate),
            parts: vec![Part::Raft(envelope)],
        }
    }

    #[test]
    fn a_vote_binds_the_lives_after_it() {
        let mut votes = Votes::default();
        assert_eq!(votes.says(&vote(1, 2, 1)), Ok(()));
        assert_eq!(
            votes.says(&vote(1, 2, 2)),
            Ok(()),
            "the same vote may be told again"
        );
        assert_eq!(votes.says(&vote(2, 3, 2)), Ok(()));
        assert!(votes.says(&vote(1, 3, 2)).is_err());
    }
}
