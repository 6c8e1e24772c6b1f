//! Who is there, who is up, who leads.

use raft_core::NodeId;

use super::cluster::Cluster;
use super::wire::slot;

impl Cluster {
    /// Members that are not gone for ever.
    pub(crate) fn present(&self) -> impl Iterator<Item = NodeId> {
        self.seats.iter().filter(|seat| !seat.gone).map(|seat| seat.id)
    }

    pub(crate) fn up(&self) -> impl Iterator<Item = NodeId> {
        self.seats.iter().filter(|seat| seat.is_up()).map(|seat| seat.id)
    }

    pub(crate) fn anybody(&mut self) -> Option<NodeId> {
        let up: Vec<NodeId> = self.up().collect();
        (!up.is_empty()).then(|| self.choices.pick(&up))
    }

    /// Who leads the latest term that is led.
    pub(crate) fn leader(&self) -> Option<NodeId> {
        let cores = self
            .seats
            .iter()
            .filter_map(|seat| Some((seat.id, seat.raft.as_deref()?)));
        cores
            .filter(|(_, raft)| raft.is_leader())
            .max_by_key(|(_, raft)| raft.term())
            .map(|(id, _)| id)
    }

    /// Whether a member is up and not paused.
    pub(crate) fn answers(&self, id: NodeId) -> bool {
        let seat = &self.seats[slot(id)];
        seat.is_up() && seat.paused_until <= self.now
    }
}
