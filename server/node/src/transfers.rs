//! Hand-overs of the lead that clients wait for.

use raft_core::{ChangeRefusal, NodeId, Refusal};

use crate::node::Node;
use crate::request::{Answer, Failure};
use crate::waiting::{Ticket, Waiter};

/// Who waits for whom to lead.
#[derive(Clone, Debug, Default)]
pub(crate) struct Transfers(Vec<(Ticket, NodeId)>);

impl Transfers {
    /// Forgets one.
    pub(crate) fn remove(&mut self, ticket: Ticket) {
        self.0.retain(|(waiting, _)| *waiting != ticket);
    }
}

impl Node {
    /// Hands the lead over for a client, which is answered once the other one leads.
    pub(crate) fn transfer(&mut self, waiter: Waiter, to: NodeId) {
        let ticket = self.waiting.admit(waiter);
        let failure = match self.raft.transfer(to) {
            Ok(()) => {
                self.transfers.0.push((ticket, to));
                return self.look_at_transfers();
            }
            Err(Refusal::Change(ChangeRefusal::NotAMember(_))) => Failure::BadTransferee,
            Err(Refusal::NotLeader { .. }) => Failure::NotLeader,
            Err(Refusal::Transferring) => Failure::TooManyRequests,
            Err(Refusal::Stopped) => Failure::Stopped,
            Err(other) => unreachable!("{other} to a transfer"),
        };
        self.answer(ticket, Err(failure));
    }

    /// Answers whoever waits for a lead that has gone over, or is not on its way any more.
    pub(crate) fn look_at_transfers(&mut self) {
        if self.transfers.0.is_empty() {
            return;
        }
        let (leader, on_its_way) = (self.raft.leader(), self.raft.transferring());
        let given_up = self.raft.is_leader() && on_its_way.is_none();
        let (over, waiting): (Vec<_>, Vec<_>) = std::mem::take(&mut self.transfers.0)
            .into_iter()
            .partition(|(_, to)| leader == Some(*to) || given_up);
        self.transfers.0 = waiting;
        for (ticket, to) in over {
            let result = match leader == Some(to) {
                true => Ok(Answer::Transferred),
                false => Err(Failure::Timeout),
            };
            self.answer(ticket, result);
        }
    }
}
