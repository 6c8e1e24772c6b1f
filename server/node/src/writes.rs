//! Proposals of this node: each goes into the own log or to the leader, in one term at a time, until it is applied.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use raft_core::{Index, NodeId, Raft, Refusal, Term};
use storage::store::command::{ClusterTime, Command};

use crate::forward::ToLeader;
use crate::node::Node;
use crate::proposal::{Origin, Proposal, STAMP_BYTES, stamped};
use crate::request::Failure;
use crate::waiting::{Ticket, Waiter};

/// Payload bytes of proposals that may wait on one node; beyond it they are refused.
pub(crate) const WAITING_BYTES_MAX: usize = 256 << 20;
/// Requests that may wait on one node; beyond it they are refused.
pub(crate) const WAITING_MAX: usize = 1 << 17;

/// The proposals that are not applied yet.
#[derive(Clone, Debug, Default)]
pub(crate) struct Writes {
    proposals: BTreeMap<Ticket, Waits>,
    /// In no log and on no way, as far as is known: to be proposed when there is a leader.
    unsent: BTreeSet<Ticket>,
    bytes: usize,
    /// How many ran out of time.
    pub(crate) failed: u64,
    /// How this node's Raft stood when, as a leader, it last took no more: asked again it would say the same again.
    full: Option<Room>,
}

/// What makes a leader take no more proposals for now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Room {
    term: Term,
    committed: Index,
    transferring: Option<NodeId>,
}

impl Room {
    fn of(raft: &Raft) -> Room {
        Room {
            term: raft.term(),
            committed: raft.commit_index(),
            transferring: raft.transferring(),
        }
    }
}

#[derive(Clone, Debug)]
struct Waits {
    encoded: Bytes,
    /// The term it was proposed or forwarded in: only a log entry of this term can be it.
    sent_in: Option<Term>,
}

impl Writes {
    /// Whether this one is not applied yet.
    pub(crate) fn waits(&self, ticket: Ticket) -> bool {
        self.proposals.contains_key(&ticket)
    }

    pub(crate) fn len(&self) -> usize {
        self.proposals.len()
    }

    pub(crate) fn remove(&mut self, ticket: Ticket) {
        if let Some(waits) = self.proposals.remove(&ticket) {
            self.bytes -= waits.encoded.len();
            self.unsent.remove(&ticket);
        }
    }

    /// An entry of `term` is applied: what was proposed in earlier terms and is not applied never will be.
    pub(crate) fn term_applied(&mut self, term: Term) {
        for (&ticket, waits) in &mut self.proposals {
            if waits.sent_in.is_some_and(|sent_in| sent_in < term) {
                waits.sent_in = None;
                self.unsent.insert(ticket);
            }
        }
    }
}

impl Node {
    /// The state jumped over entries which may hold any of the writes that were sent: whoever asked for them is told that
    /// they may or may not have happened.
    pub(crate) fn give_up_jumped(&mut self) {
        let sent = self.writes.proposals.iter();
        let sent: Vec<Ticket> = sent
            .filter(|(_, waits)| waits.sent_in.is_some())
            .map(|(&ticket, _)| ticket)
            .collect();
        for ticket in sent {
            self.answer(ticket, Err(Failure::Timeout));
        }
        self.publish_if_unknown();
    }

    /// Takes a write of a client's, or of the node's own. Returns its ticket if it was taken.
    pub(crate) fn write(&mut self, waiter: Waiter, command: Command) -> Option<Ticket> {
        let ticket = self.waiting.admit(waiter);
        let origin = Origin {
            node: self.config.raft.id,
            boot: self.config.raft.boot,
            ticket: ticket.0,
        };
        let encoded = Proposal { origin, command }.encode();
        if encoded.len() + STAMP_BYTES > self.config.raft.limits.entry_bytes_max {
            self.answer(ticket, Err(Failure::TooLarge));
            return None;
        }
        if self.waiting.len() > WAITING_MAX || self.writes.bytes + encoded.len() > WAITING_BYTES_MAX {
            self.answer(ticket, Err(Failure::TooManyRequests));
            return None;
        }
        self.writes.bytes += encoded.len();
        self.writes.proposals.insert(
            ticket,
            Waits {
                encoded,
                sent_in: None,
            },
        );
        self.writes.unsent.insert(ticket);
        self.propose_unsent();
        Some(ticket)
    }

    /// Proposes what can be proposed now.
    pub(crate) fn propose_unsent(&mut self) {
        if self.writes.unsent.is_empty() {
            return;
        }
        let Some(leader) = self.raft.leader() else { return };
        let term = self.raft.term();
        let time = ClusterTime(self.now.wall.0);
        while let Some(&ticket) = self.writes.unsent.first() {
            let waits = self
                .writes
                .proposals
                .get_mut(&ticket)
                .expect("what is unsent waits");
            if leader == self.config.raft.id {
                let room = Room::of(&self.raft);
                if self.writes.full == Some(room) {
                    return;
                }
                match self.raft.propose(stamped(time, &waits.encoded)) {
                    Ok(_) => {}
                    Err(Refusal::Busy | Refusal::Transferring) => {
                        self.writes.full = Some(room);
                        return;
                    }
                    Err(refusal) => {
                        panic!("a leader that is not busy takes what fits an entry: {refusal}")
                    }
                }
            } else {
                let stream = self.to_leader.get_or_insert_with(|| ToLeader::new(leader, term));
                assert_eq!(
                    (stream.leader, stream.term),
                    (leader, term),
                    "the stream is renewed with the leader"
                );
                if stream.is_full() {
                    return;
                }
                stream.push(waits.encoded.clone());
            }
            waits.sent_in = Some(term);
            self.writes.unsent.pop_first();
        }
    }
}
