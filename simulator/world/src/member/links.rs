//! The links of a member to the others, as the server has them: whom it dials, by the addresses in the membership; and whom
//! it lets speak, by the hello's real rules. A link here begins with every frame: each is preceded by its sender's hello.

use net::hello::{self, Hello, Refusal};
use node::{Input, PeerMessage};
use raft_core::{Membership, NodeId};

use super::{Effect, Frame, Member, address};
use crate::network;

impl Member {
    /// What it says of itself to another one.
    #[must_use]
    pub fn hello_to(&self, receiver: NodeId) -> Hello {
        self.own.hello_to(receiver.0)
    }

    /// Somebody says hello.
    ///
    /// # Errors
    /// Why this member does not hear him.
    pub fn greeted(&mut self, hello: &Hello) -> Result<(), Refusal> {
        self.refresh_roster();
        hello::check(hello, &self.own, &self.roster)?;
        self.roster.met(hello);
        Ok(())
    }

    /// Be linked to exactly these.
    pub(super) fn link_to(&mut self, membership: &Membership) {
        let others = membership.addresses.iter().filter(|(id, _)| **id != self.id);
        let seat = |url: &String| (1..=SEATS_MAX).map(NodeId).find(|&seat| address(seat) == *url);
        self.links = others
            .filter_map(|(&id, urls)| Some((id, urls.iter().find_map(seat)?)))
            .collect();
    }

    /// Who is not linked to hears nothing.
    pub(super) fn send(&mut self, message: PeerMessage, effects: &mut Vec<Effect>) {
        if let Some(&seat) = self.links.get(&message.to) {
            let frame = network::encode(&message);
            effects.push(Effect::Send { message, seat, frame });
        }
    }

    /// What one says whose hello was taken.
    pub(super) fn heard(&mut self, frame: &Frame) -> Option<Input> {
        let sender = frame.sender.hello.member_id;
        if self.roster.is_removed(sender) {
            return None;
        }
        let message = network::decode(&frame.bytes)?;
        // Whoever asks to be taken in, and was not yet, has nothing else to say.
        let is_stranger = self.roster.known(sender).is_none();
        (!is_stranger || message.is_plea()).then_some(Input::Message(message))
    }

    /// Another member does not hear this one.
    pub(super) fn refused(&mut self, by: NodeId, refusal: Refusal) -> Option<Input> {
        let own = self.own.member_id;
        match refusal {
            Refusal::Removed { member } if member == own => Some(Input::RefusedAsRemoved { by }),
            Refusal::OtherDirectory { member, .. } if member == own => Some(Input::RefusedAsOther { by }),
            Refusal::OtherReceiver { wanted, receiver } => {
                self.roster.listens_there(receiver);
                let (wanted, found) = (NodeId(wanted), NodeId(receiver));
                Some(Input::FoundThere { wanted, found })
            }
            _ => None,
        }
    }

    fn refresh_roster(&mut self) {
        let node = &self.node;
        let members = node.raft().log_membership().members();
        self.roster.set_open(node.is_outside());
        self.roster
            .set_members(members.into_iter().map(|id| (id.0, node.data_id_of(id))));
        self.roster
            .set_published(node.data_ids().map(|(id, data_id)| (id.0, data_id)));
        self.roster
            .set_removed(node.removed_members().iter().map(|id| id.0));
    }
}

/// More than any cluster has.
const SEATS_MAX: u64 = 16;
