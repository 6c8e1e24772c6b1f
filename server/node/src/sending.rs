//! Views of the state for followers that need what is gone from the log: each is given out as the bytes of a snapshot,
//! piece by piece as Raft asks for them. A turn makes one piece at most, or passes over as much.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use raft_core::{Chunk, Mutant, NodeId, Position, Time};
use storage::snapshot::{Asked, Encoder};

use crate::divergence::StateHash;
use crate::node::Node;
use crate::request::{Output, Retired};

/// Bytes of a piece: what two chunks have at the most, made in about a millisecond.
pub(crate) const PIECE_BYTES_MAX: usize = 128 << 10;

/// After so many election timeouts in which a state was not confirmed, a later one is offered.
const WITHHELD_TIMEOUTS: u32 = 2;

/// After so many in all, one that nobody confirmed: those that could may be unable to apply anything, and the entries that
/// would be compared may need this very follower to be committed.
const UNCONFIRMED_TIMEOUTS: u32 = 10;

/// What is offered to followers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sending {
    offered: BTreeMap<NodeId, Offered>,
    /// Pieces that Raft waits for.
    wanted: VecDeque<Wanted>,
    /// Since when a follower was to get a state that is confirmed.
    since: BTreeMap<NodeId, Time>,
    /// This turn made its piece.
    worked_this_turn: bool,
}

/// A view that a follower is being given.
#[derive(Clone, Debug)]
struct Offered {
    encoder: Encoder,
    /// The state it is of.
    state: StateHash,
    /// A majority holds that state.
    is_confirmed: bool,
    /// Since when only the last piece is missing, and kept back.
    withheld_since: Option<Time>,
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

    /// Another leads.
    pub(crate) fn lead_changed(&mut self) {
        self.since.clear();
    }

    pub(crate) fn begin_turn(&mut self) {
        self.worked_this_turn = false;
    }
}

impl Node {
    /// A follower needs a view of the state: of one that is compared, if there is somebody to compare it with.
    pub(crate) fn on_need_snapshot(&mut self, peer: NodeId) {
        let index = self.applied.index;
        // Raft asks again if there is none to offer now; a state that is not the others', or may not be, is none.
        let Some(mark) = self.raft.mark_at(index).filter(|_| !self.is_fenced()) else {
            return;
        };
        if !self.divergence.is_compared_at(index) && self.may_compare_for(peer) {
            return self.points.want_for(peer);
        }
        if !self.raft.offer_snapshot(peer, mark.position) {
            self.sending.since.remove(&peer);
            return;
        }
        let fingerprint = self.store().fingerprint();
        let state = StateHash { index, fingerprint };
        let offered = Offered {
            encoder: Encoder::new(self.config.cluster_id, mark, self.store().clone()),
            state,
            is_confirmed: self.is_confirmed(state),
            withheld_since: None,
        };
        if let Some(former) = self.sending.offered.insert(peer, offered) {
            self.outbox
                .push_back(Output::Retired(Retired::of_encoder(former.encoder)));
        }
    }

    /// Whether others are there to confirm a state that a follower needs, and are waited for.
    fn may_compare_for(&mut self, peer: NodeId) -> bool {
        let now = self.now.monotonic;
        let since = *self.sending.since.entry(peer).or_insert(now);
        let patience = self.config.raft.election_timeout * UNCONFIRMED_TIMEOUTS;
        self.raft.has_peers_with_state() && (self.is_in_doubt() || now < since.after(patience))
    }

    /// Members told of their states: what is offered may be that of a majority.
    pub(crate) fn confirm_offers(&mut self) {
        let open = self.sending.offered.iter();
        let open = open.filter(|(_, offered)| !offered.is_confirmed);
        let found: Vec<NodeId> = open
            .filter(|(_, offered)| self.is_confirmed(offered.state))
            .map(|(&peer, _)| peer)
            .collect();
        for peer in found {
            if let Some(offered) = self.sending.offered.get_mut(&peer) {
                offered.is_confirmed = true;
            }
        }
    }

    /// Whether the last piece of what a follower is offered is kept back: without it, it installs nothing. A leader whose
    /// state is wrong, and which was not compared yet, would else make it that of a majority (divergence.rs). Raft asks
    /// for the piece again.
    fn withholds_last(&mut self, peer: NodeId) -> bool {
        let now = self.now.monotonic;
        let patience = self.config.raft.election_timeout * WITHHELD_TIMEOUTS;
        let may_compare = self.may_compare_for(peer);
        let Some(offered) = self.sending.offered.get_mut(&peer) else {
            return false;
        };
        let unchecked = Mutant::SnapshotUnconfirmed.is(self.config.raft.mutant);
        if offered.is_confirmed || !may_compare || unchecked {
            return false;
        }
        let since = *offered.withheld_since.get_or_insert(now);
        if now >= since.after(patience) {
            // Nobody may remember that state any more.
            offered.withheld_since = Some(now);
            self.points.want_for(peer);
        }
        true
    }

    /// Raft needs a piece of what was offered.
    pub(crate) fn on_need_chunk(&mut self, wanted: Wanted) {
        self.sending.wanted.push_back(wanted);
    }

    /// Makes the piece of this turn. Returns whether Raft has one more to send.
    pub(crate) fn supply(&mut self) -> bool {
        while !self.sending.worked_this_turn
            && let Some(next) = self.sending.wanted.pop_front()
        {
            let offered = self.sending.offered.get_mut(&next.peer);
            let encoder = offered.map(|offered| &mut offered.encoder);
            let Some(encoder) = encoder.filter(|encoder| encoder.mark().position == next.mark) else {
                continue;
            };
            self.sending.worked_this_turn = true;
            match encoder.piece_at(next.offset, next.bytes_max) {
                Asked::Piece(piece) if piece.last && self.withholds_last(next.peer) => {}
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
                Asked::Working => self.sending.wanted.push_back(next),
                Asked::Behind => {
                    if let Some(offered) = self.sending.offered.get_mut(&next.peer) {
                        offered.encoder = offered.encoder.anew();
                    }
                    self.sending.wanted.push_back(next);
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
            .filter(|(peer, offered)| !held.contains(&(**peer, offered.encoder.mark().position)))
            .map(|(&peer, _)| peer)
            .collect();
        for peer in gone {
            self.sending.since.remove(&peer);
            // Whoever was named has another state, which is to be compared.
            if self.is_named(peer) {
                self.points.want();
            }
            if let Some(offered) = self.sending.offered.remove(&peer) {
                self.outbox
                    .push_back(Output::Retired(Retired::of_encoder(offered.encoder)));
            }
        }
    }
}
