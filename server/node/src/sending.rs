//! Views of the state for followers that need what is gone from the log: each is given out as the bytes of a snapshot,
//! piece by piece as Raft asks for them. A turn makes one piece at most, or passes over as much.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use raft_core::{Chunk, NodeId, Position};
use storage::snapshot::{Asked, Encoder};

use crate::node::Node;
use crate::request::{Output, Retired};

/// Bytes of a piece: what two chunks have at the most, made in about a millisecond.
pub(crate) const PIECE_BYTES_MAX: usize = 128 << 10;

/// What is offered to followers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sending {
    offered: BTreeMap<NodeId, Encoder>,
    /// Pieces that Raft waits for.
    wanted: VecDeque<Wanted>,
    /// This turn made its piece.
    worked_this_turn: bool,
}

/// A piece of what is offered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    pub(crate) peer: NodeId,
    pub(crate) mark: Position,
    pub(crate) offset: u64,
    pub(crate) bytes_max: usize,
}

impl Sending {
    /// Whether there is something to make in the next turn.
    pub(crate) fn is_waited_for(&self) -> bool {
        !self.wanted.is_empty()
    }

    #[cfg(test)]
    pub(crate) fn holds_views(&self) -> bool {
        !self.offered.is_empty()
    }

    pub(crate) fn begin_turn(&mut self) {
        self.worked_this_turn = false;
    }
}

impl Node {
    /// A follower needs a view of the state.
    pub(crate) fn on_need_snapshot(&mut self, peer: NodeId) {
        // Raft asks again if there is none to offer now.
        let Some(mark) = self.raft.mark_at(self.applied.index) else {
            return;
        };
        // Nor is one of a state that is not the others', or may not be.
        if self.is_fenced() || self.is_undecided() {
            return;
        }
        if !self.raft.offer_snapshot(peer, mark.position) {
            return;
        }
        let encoder = Encoder::new(self.config.cluster_id, mark, self.store().clone());
        if let Some(former) = self.sending.offered.insert(peer, encoder) {
            self.outbox
                .push_back(Output::Retired(Retired::of_encoder(former)));
        }
    }

    /// Raft needs a piece of what was offered.
    pub(crate) fn on_need_chunk(&mut self, wanted: Wanted) {
        self.sending.wanted.push_back(wanted);
    }

    /// Makes the piece of this turn. Returns whether Raft has one more to send.
    pub(crate) fn supply(&mut self) -> bool {
        let Sending {
            offered,
            wanted,
            worked_this_turn,
        } = &mut self.sending;
        while !*worked_this_turn && let Some(next) = wanted.pop_front() {
            let encoder = offered.get_mut(&next.peer);
            let Some(encoder) = encoder.filter(|encoder| encoder.mark().position == next.mark) else {
                continue;
            };
            *worked_this_turn = true;
            match encoder.piece_at(next.offset, next.bytes_max) {
                Asked::Piece(piece) => {
                    let chunk = Chunk {
                        offset: piece.offset,
                        checksum_before: piece.checksum_before,
                        data: piece.data,
                        last: piece.last,
                    };
                    let supplied = self.raft.supply_chunk(next.peer, next.mark, chunk);
                    supplied.expect("only the last piece is empty, and no bytes have the checksum 0");
                    return true;
                }
                Asked::Working => wanted.push_back(next),
                Asked::Behind => {
                    *encoder = encoder.anew();
                    wanted.push_back(next);
                }
            }
        }
        false
    }

    /// Lets go of what no follower needs any more.
    pub(crate) fn withdraw_offers(&mut self) {
        if self.sending.offered.is_empty() {
            return;
        }
        let held: BTreeSet<(NodeId, Position)> = self.raft.offers().collect();
        let gone: Vec<NodeId> = self
            .sending
            .offered
            .iter()
            .filter(|(peer, encoder)| !held.contains(&(**peer, encoder.mark().position)))
            .map(|(&peer, _)| peer)
            .collect();
        for peer in gone {
            if let Some(encoder) = self.sending.offered.remove(&peer) {
                self.outbox
                    .push_back(Output::Retired(Retired::of_encoder(encoder)));
            }
        }
    }
}
