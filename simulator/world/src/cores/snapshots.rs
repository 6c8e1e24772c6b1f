//! What a host does about snapshots: takes views of the state, hands out their bytes piece by piece, puts received pieces
//! together, and makes its own from time to time so that the journal can be short.

use std::collections::BTreeMap;

use bytes::Bytes;
use raft_core::{Chunk, NodeId, Position, SnapshotMark};

use super::cluster::{Cluster, Event};
use super::machine::Machine;
use super::wire::slot;

/// What a host has in hand; a crash takes it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hands {
    /// Offered to followers.
    views: BTreeMap<NodeId, Machine>,
    /// Pieces of a snapshot that the leader sends.
    receiving: Option<(SnapshotMark, Vec<u8>)>,
    /// Its own, being written.
    storing: Option<Machine>,
}

impl Cluster {
    /// A leader needs a view for a follower.
    pub(crate) fn need_snapshot(&mut self, id: NodeId, peer: NodeId) {
        let life = self.seats[slot(id)].life;
        let after = self.swarm.sync.draw(&mut self.choices);
        self.later(after, Event::View(id, life, peer));
    }

    pub(crate) fn view(&mut self, id: NodeId, life: u64, peer: NodeId) {
        let seat = &self.seats[slot(id)];
        if seat.life != life || self.waits(id, || Event::View(id, life, peer)) {
            return;
        }
        let view = self.seats[slot(id)].machine.clone();
        let mark = view.applied;
        self.trace_input(id, || format!("offers n{peer} a snapshot {mark}"));
        if self.turn(id, |raft, _| raft.offer_snapshot(peer, mark)) == Some(true) {
            self.seats[slot(id)].hands.views.insert(peer, view);
        }
    }

    /// A leader needs a piece of what it offered.
    pub(crate) fn need_chunk(&mut self, id: NodeId, piece: Piece) {
        let life = self.seats[slot(id)].life;
        let after = self.choices.below(2_000);
        self.later(after, Event::Piece(id, life, piece));
    }

    pub(crate) fn supply(&mut self, id: NodeId, life: u64, piece: Piece) {
        if self.seats[slot(id)].life != life || self.waits(id, || Event::Piece(id, life, piece)) {
            return;
        }
        let view = self.seats[slot(id)].hands.views.get(&piece.peer);
        let Some(view) = view.filter(|view| view.applied == piece.mark) else {
            return;
        };
        let bytes = self.bytes_of(id, view);
        let offset = usize::try_from(piece.offset).map_or(bytes.len(), |offset| offset.min(bytes.len()));
        let end = (offset + piece.bytes_max.max(1)).min(bytes.len());
        let chunk = Chunk {
            offset: piece.offset,
            checksum_before: crc32c::crc32c(&bytes[..offset]),
            data: bytes.slice(offset..end),
            last: end == bytes.len(),
        };
        let Piece { peer, mark, .. } = piece;
        self.trace_input(id, || format!("supplies {offset}..{end} of {mark} for n{peer}"));
        self.turn(id, |raft, _| {
            raft.supply_chunk(peer, mark, chunk).expect("a chunk")
        });
    }

    /// A piece came from the leader.
    pub(crate) fn received(&mut self, id: NodeId, mark: SnapshotMark, offset: u64, data: &[u8], last: bool) {
        let hands = &mut self.seats[slot(id)].hands;
        if offset == 0 {
            hands.receiving = Some((mark, Vec::new()));
        }
        let Some((mark, bytes)) = &mut hands.receiving else {
            panic!("n{id} was given a piece of nothing")
        };
        assert_eq!(bytes.len() as u64, offset, "n{id} is given pieces in order");
        bytes.extend_from_slice(data);
        if last {
            let position = mark.position;
            let life = self.seats[slot(id)].life;
            let after = self.swarm.snapshot_sync.draw(&mut self.choices);
            self.later(after, Event::Received(id, life, position));
        }
    }

    /// The snapshot that the leader sent is whole, and durable unless it is of no use.
    pub(crate) fn keep_received(&mut self, id: NodeId, life: u64, mark: Position) {
        if self.seats[slot(id)].life != life || self.waits(id, || Event::Received(id, life, mark)) {
            return;
        }
        let hands = &mut self.seats[slot(id)].hands;
        let Some((whole, bytes)) = hands.receiving.take_if(|(whole, _)| whole.position == mark) else {
            return;
        };
        let unusable = self.choices.happens(self.swarm.unusable) && self.calm.is_none();
        match Machine::of_snapshot(whole, &bytes).filter(|_| !unusable) {
            Some(state) => {
                self.seats[slot(id)].disk.keep(state);
                self.trace_input(id, || format!("snapshot {mark} saved"));
                self.turn(id, |raft, _| raft.snapshot_saved(mark));
            }
            None => {
                self.trace_input(id, || format!("snapshot {mark} is unusable"));
                self.turn(id, |raft, _| raft.snapshot_unusable(mark));
            }
        }
    }

    /// The state machine becomes what the saved snapshot says.
    pub(crate) fn restore(&mut self, id: NodeId, mark: &SnapshotMark) {
        let seat = &mut self.seats[slot(id)];
        let saved = &seat.disk.stored;
        assert_eq!(saved.applied, mark.position, "n{id} restores what it saved last");
        seat.machine = saved.clone();
        let verdict = self.judge.restored(id, &seat.machine);
        self.hold(verdict);
    }

    /// The journal is long: a snapshot of its own lets it begin later.
    pub(crate) fn store_now_and_then(&mut self, id: NodeId) {
        let seat = &mut self.seats[slot(id)];
        let since = seat.machine.index().0.saturating_sub(seat.disk.stored.index().0);
        if since < self.swarm.snapshot_every || seat.hands.storing.is_some() {
            return;
        }
        seat.hands.storing = Some(seat.machine.clone());
        let (life, after) = (seat.life, self.swarm.sync.draw(&mut self.choices));
        self.later(2 * after, Event::Stored(id, life));
    }

    /// Its own snapshot is written; it counts once the log is durable up to it.
    pub(crate) fn keep_own(&mut self, id: NodeId, life: u64) {
        if self.seats[slot(id)].life != life || self.waits(id, || Event::Stored(id, life)) {
            return;
        }
        let seat = &mut self.seats[slot(id)];
        let Some(state) = seat.hands.storing.take() else {
            return;
        };
        if state.index() <= seat.disk.stored.index() {
            return;
        }
        let mark = state.applied;
        if !seat.disk.has(mark) {
            seat.hands.storing = Some(state);
            return self.later(20_000, Event::Stored(id, life));
        }
        seat.disk.keep(state);
        self.trace_input(id, || format!("own snapshot {mark} saved"));
        self.turn(id, |raft, _| raft.snapshot_saved(mark));
    }

    /// A view as it travels. In some runs no two members write the same bytes for the same state.
    fn bytes_of(&self, id: NodeId, view: &Machine) -> Bytes {
        let own = if self.swarm.snapshots_differ { id.0 } else { 0 };
        view.snapshot(own, self.swarm.snapshot_bytes)
    }
}

/// Which piece of a snapshot is needed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Piece {
    pub(crate) peer: NodeId,
    pub(crate) mark: Position,
    pub(crate) offset: u64,
    pub(crate) bytes_max: usize,
}
