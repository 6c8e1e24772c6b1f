//! What peers say, part by part.

use raft_core::Refusal;
use storage::store::command::ClusterTime;

use crate::message::{Part, PeerMessage};
use crate::node::Node;
use crate::proposal::stamped;

impl Node {
    pub(crate) fn on_message(&mut self, message: PeerMessage) {
        let PeerMessage {
            from,
            from_boot,
            to,
            parts,
        } = message;
        if to != self.config.raft.id || from == to {
            return;
        }
        let newest = self.boots.entry(from).or_insert(from_boot);
        if from_boot < *newest {
            return;
        }
        if from_boot > std::mem::replace(newest, from_boot) {
            self.divergence.forget(from);
        }
        for part in parts {
            match part {
                Part::TakenIn(membership) => self.on_taken_in(*membership),
                _ if self.is_petitioner() => {}
                Part::Plea(plea) => self.on_plea(from, plea),
                Part::Raft(envelope) if envelope.from != from => {}
                Part::Raft(envelope) if self.receiving.is_too_much(&envelope) => {}
                Part::Raft(envelope) => {
                    let now = self.now.monotonic;
                    self.stats.on_receive(now, self.raft.term(), &envelope);
                    self.raft.receive(now, envelope);
                }
                Part::Forward(forward) => {
                    if forward.term == self.raft.term() && self.raft.is_leader() {
                        let (raft, time) = (&mut self.raft, ClusterTime(self.now.wall.0));
                        self.from_followers.take((from, from_boot), forward, |bytes| {
                            // What can never be taken must not stop what follows; whoever asked times out.
                            !matches!(
                                raft.propose(stamped(time, &bytes)),
                                Err(Refusal::Busy | Refusal::Transferring)
                            )
                        });
                    }
                }
                Part::States(states) => self.on_states(from, states),
                Part::LeaseAsk { number, ask } => self.on_lease_ask(from, from_boot, number, ask),
                Part::LeaseAnswer { boot, number, says } => self.on_lease_answer(boot, number, says),
                Part::Forwarded { term, boot, taken } => {
                    let resend_deadline = self.resend_deadline();
                    match &mut self.to_leader {
                        Some(stream)
                            if boot == self.config.raft.boot
                                && (stream.leader, stream.term) == (from, term) =>
                        {
                            stream.taken(taken, resend_deadline);
                        }
                        _ => {}
                    }
                }
            }
            self.notice_leader();
        }
    }
}
