//! Places in the log at which all members remember their states, so that they can be compared: every so many entries, and
//! every entry that holds no command. A leader adds a blank one when something was applied since the last such place and
//! some time has gone by, or when it needs to know at once whether a majority holds its state: before a follower gets it.

use std::collections::BTreeSet;

use raft_core::{Index, NodeId, Time};

use crate::divergence::StateHash;
use crate::node::Node;

/// States are compared each time so many entries are applied.
const EVERY: u64 = 256;
/// And so many election timeouts after the last time, if anything was applied since.
const EVERY_TIMEOUTS: u32 = 5;

/// When states are compared.
#[derive(Clone, Debug, Default)]
pub(crate) struct Points {
    /// The last entry applied at which they are, and when that was.
    last: Index,
    at: Time,
    /// The blank entry that this leader added and has not applied.
    added: Option<Index>,
    /// There is to be one at once.
    wanted: bool,
    /// Who waits for a snapshot, which is one of a state that is compared.
    waiting: BTreeSet<NodeId>,
    /// Before then the log took none.
    retry_at: Time,
}

impl Points {
    /// Another leads.
    pub(crate) fn lead_changed(&mut self) {
        self.added = None;
        self.wanted = false;
        self.waiting.clear();
    }

    /// There is to be one at once.
    pub(crate) fn want(&mut self) {
        self.wanted = true;
    }

    /// There is to be one at once, and then a snapshot of the state there for this follower.
    pub(crate) fn want_for(&mut self, peer: NodeId) {
        self.waiting.insert(peer);
    }
}

impl Node {
    /// An entry is applied, which holds a command or not: its state may be one to remember, and to compare.
    pub(crate) fn remember_state(&mut self, index: Index, holds_command: bool) {
        if holds_command && !index.0.is_multiple_of(EVERY) {
            return;
        }
        let fingerprint = self.store.fingerprint();
        self.divergence.remember(StateHash { index, fingerprint });
        let points = &mut self.points;
        (points.last, points.at) = (index, self.now.monotonic);
        points.added.take_if(|added| *added <= index);
        if !self.raft.is_leader() {
            return;
        }
        points.wanted = false;
        for peer in std::mem::take(&mut points.waiting) {
            self.on_need_snapshot(peer);
        }
        self.compare_states();
    }

    /// Adds a place to compare at if one is due.
    pub(crate) fn tick_points(&mut self) {
        let now = self.now.monotonic;
        if now < self.point_due() {
            return;
        }
        match self.raft.propose_blank() {
            Ok(position) => self.points.added = Some(position.index),
            Err(_) => self.points.retry_at = now.after(self.config.raft.heartbeat_interval),
        }
    }

    /// When this leader adds one.
    pub(crate) fn point_due(&self) -> Time {
        let (points, membership) = (&self.points, self.raft.log_membership());
        let is_alone = membership.voters.len() + membership.learners.len() < 2;
        if !self.raft.is_leader() || is_alone || points.added.is_some() {
            return Time::NEVER;
        }
        if points.wanted || !points.waiting.is_empty() {
            return points.retry_at;
        }
        if self.applied.index == points.last && !self.is_in_doubt() {
            return Time::NEVER;
        }
        let due = points
            .at
            .after(self.config.raft.election_timeout * EVERY_TIMEOUTS);
        due.max(points.retry_at)
    }
}
