//! What a turn says to peers, gathered into one message a peer and lane.

use raft_core::{NodeId, Time};

use crate::message::{Part, PeerMessage};
use crate::node::Node;
use crate::request::Output;

impl Node {
    pub(crate) fn forward(&mut self) {
        let resend_deadline = self.resend_deadline();
        while let Some(stream) = &mut self.to_leader
            && let Some(forward) = stream.next_message(resend_deadline)
        {
            let leader = stream.leader;
            self.parts_to(leader, Part::Forward(forward));
        }
        while let Some((node, boot, term, taken)) = self.from_followers.next_answer() {
            self.parts_to(node, Part::Forwarded { term, boot, taken });
        }
    }

    pub(crate) fn parts_to(&mut self, to: NodeId, part: Part) {
        self.parts.entry((to, part.lane())).or_default().push(part);
    }

    pub(crate) fn flush_parts(&mut self) {
        self.tell_states();
        let (from, from_boot) = (self.config.raft.id, self.config.raft.boot);
        for ((to, lane), parts) in std::mem::take(&mut self.parts) {
            let message = PeerMessage {
                from,
                from_boot,
                to,
                parts,
            };
            self.outbox.push_back(Output::Send { lane, message });
        }
    }

    /// When to take a message to the leader for lost: as Raft itself does, after two heartbeats.
    pub(crate) fn resend_deadline(&self) -> Time {
        self.now.monotonic.after(2 * self.config.raft.heartbeat_interval)
    }
}
