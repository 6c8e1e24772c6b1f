//! The composition: inputs in, outputs derived.

use std::collections::{BTreeMap, VecDeque};

use raft_core::{Boot, Image, NodeId, Position, Raft, Term, Time};
use storage::store::Store;

use crate::alarms::Space;
use crate::apply::Unapplied;
use crate::auto_compaction::AutoCompactor;
use crate::config::Config;
use crate::contest::Contests;
use crate::fence::Divergence;
use crate::forward::{FromFollowers, ToLeader};
use crate::leases::Leases;
use crate::message::{Lane, Part};
use crate::points::Points;
use crate::reads::Reads;
use crate::receiving::Receiving;
use crate::repair::Asking;
use crate::request::{Failure, Input, Now, Output};
use crate::sending::{PIECE_BYTES_MAX, Sending, Wanted};
use crate::snapshots::Snapshots;
use crate::stats::Stats;
use crate::transfers::Transfers;
use crate::waiting::Waiting;
use crate::watch::Watches;
use crate::writes::Writes;

/// Entries applied in one turn, so that a long replay never keeps Raft's messages waiting.
const APPLY_PER_TURN_MAX: usize = 1000;

/// A member: Raft, the stores and the waiting requests. A value, see the crate's essay.
#[derive(Clone, Debug)]
pub struct Node {
    pub(crate) config: Config,
    pub(crate) now: Now,
    pub(crate) raft: Raft,
    pub(crate) store: Store,
    /// The last entry applied.
    pub(crate) applied: Position,
    pub(crate) unapplied: Unapplied,
    pub(crate) waiting: Waiting,
    pub(crate) writes: Writes,
    pub(crate) reads: Reads,
    pub(crate) leases: Leases,
    pub(crate) transfers: Transfers,
    pub(crate) contests: Contests,
    pub(crate) watches: Watches,
    pub(crate) auto_compactor: AutoCompactor,
    pub(crate) space: Space,
    pub(crate) divergence: Divergence,
    pub(crate) points: Points,
    pub(crate) snapshots: Snapshots,
    pub(crate) sending: Sending,
    pub(crate) receiving: Receiving,
    pub(crate) asking: Asking,
    pub(crate) to_leader: Option<ToLeader>,
    pub(crate) from_followers: FromFollowers,
    /// The newest life heard of, of each peer.
    pub(crate) boots: BTreeMap<NodeId, Boot>,
    /// What this turn says, by peer and lane.
    pub(crate) parts: BTreeMap<(NodeId, Lane), Vec<Part>>,
    pub(crate) outbox: VecDeque<Output>,
    /// As last told to the host.
    leader: (Option<NodeId>, Term),
    /// How often another one was found to lead.
    pub(crate) leader_changes: u64,
    pub(crate) stats: Stats,
    applied_this_turn: usize,
    /// What is due by now was not looked at since the last input.
    time_passed: bool,
    pub(crate) stopped: bool,
}

impl Node {
    /// Starts from what the disk has, and applies everything known to be committed, so that no local read goes back
    /// behind what was served before the restart. `snapshot` is the state of the snapshot that the image begins with,
    /// if there is one.
    ///
    /// # Panics
    /// If the image is inconsistent; recovery never makes such a one.
    #[must_use]
    pub fn boot(mut config: Config, image: Image, snapshot: Option<Store>, now: Now) -> Node {
        let mark = image.snapshot.position;
        assert!(
            snapshot.is_some() || mark == Position::default(),
            "a log that begins at {mark} has a snapshot before it"
        );
        let store = snapshot.unwrap_or_else(|| Store::born(image.snapshot.membership.members().len()));
        let limits = &mut config.raft.limits;
        limits.chunk_bytes_max = limits.chunk_bytes_max.min(PIECE_BYTES_MAX);
        let raft = Raft::boot(config.raft, image, now.monotonic);
        let mut node = Node {
            now,
            raft,
            snapshots: Snapshots::at(mark.index, &store),
            store,
            applied: mark,
            unapplied: Unapplied::default(),
            waiting: Waiting::default(),
            writes: Writes::default(),
            reads: Reads::default(),
            leases: Leases::default(),
            transfers: Transfers::default(),
            contests: Contests::default(),
            watches: Watches::seeded(config.raft.seed),
            auto_compactor: AutoCompactor::new(config.auto_compaction, now.monotonic),
            space: Space::default(),
            divergence: Divergence::default(),
            points: Points::default(),
            sending: Sending::default(),
            receiving: Receiving::default(),
            asking: Asking::new(config.repair.as_ref(), now.monotonic),
            to_leader: None,
            from_followers: FromFollowers::default(),
            boots: BTreeMap::new(),
            parts: BTreeMap::new(),
            outbox: VecDeque::new(),
            leader: (None, Term(0)),
            leader_changes: 0,
            stats: Stats::new(now),
            applied_this_turn: 0,
            time_passed: true,
            stopped: false,
            config,
        };
        node.state_replaced();
        node.find_own_naming();
        while node.applied.index < node.raft.commit_index() && !node.raft.wants_snapshot() {
            node.begin_turn();
            node.drive_raft();
        }
        node.begin_turn();
        if !node.is_petitioner() {
            node.publish();
        }
        node.notice_leader();
        node
    }

    /// Something happened.
    ///
    /// # Panics
    /// If the host breaks the contract: says `Saved` of what is not in flight, or uses a request id twice.
    pub fn handle(&mut self, now: Now, input: Input) {
        assert!(
            now.monotonic >= self.now.monotonic,
            "monotonic time never goes back"
        );
        self.now = now;
        self.time_passed = true;
        self.begin_turn();
        match input {
            Input::Tick => {}
            Input::Message(message) => self.on_message(message),
            Input::Request { client, id, request } => self.on_request(client, id, request),
            Input::ClientGone(client) => self.on_client_gone(client),
            Input::Unwatch { client, id } => self.on_unwatch(client, id),
            Input::Crowded(client) => self.on_crowded(client),
            Input::Uncrowded(client) => self.on_uncrowded(client),
            Input::TellLater(later) => self.watches.later = later,
            Input::LinkClosed(peer) => self.on_link_closed(peer),
            Input::HandOver => self.hand_over(),
            Input::RefusedAsRemoved { by } => self.on_refused_as_removed(by),
            Input::RefusedAsOther { .. } => {
                self.notice_loss();
            }
            Input::FoundThere { wanted, found } => self.on_found_there(wanted, found),
            Input::Saved(stamp) => self
                .raft
                .saved(stamp)
                .expect("the host says what it has saved, once"),
            Input::OutOfSpace(is_out) => self.space.disk_is_full = is_out,
            Input::DiskUsed(disk) => self.space.disk = disk,
            Input::SnapshotSaved(mark) => self.on_snapshot_saved(mark),
            Input::SnapshotGivenUp(mark) => self.on_snapshot_given_up(mark),
            Input::PiecesWritten(bytes) => self.receiving.written(bytes),
        }
        self.notice_leader();
    }

    /// The next thing to do; None when there is nothing left until the next input or [`Node::deadline`].
    pub fn poll(&mut self) -> Option<Output> {
        if let Some(output) = self.outbox.pop_front() {
            return Some(output);
        }
        // Once an input, not once an output.
        if std::mem::take(&mut self.time_passed) {
            self.tick();
        }
        self.ask_reads();
        self.drive_raft();
        // What Raft gave up on the way is asked of the new leader at once, if one is known.
        if self.ask_reads() {
            self.drive_raft();
        }
        self.forward();
        if self.outbox.is_empty() {
            self.flush_parts();
        }
        // After what peers are told: what watchers take may be much.
        if self.outbox.is_empty() {
            self.tell_watchers();
        }
        self.outbox.pop_front()
    }

    /// When to say `Tick` at the latest.
    #[must_use]
    pub fn deadline(&self) -> Time {
        if self.stopped {
            return Time::NEVER;
        }
        // The turn was cut short: there may be more to apply, to save or to send.
        if !self.has_turn_left()
            || self.may_apply()
            || self.sending.is_waited_for()
            || self.has_more_to_tell()
        {
            return self.now.monotonic;
        }
        let forward = self.to_leader.as_ref().map_or(Time::NEVER, ToLeader::deadline);
        let raft = self.raft.deadline().min(self.waiting.deadline());
        let own = if self.may_continue() {
            self.leases.retry_at
        } else {
            Time::NEVER
        };
        let leases = self.leases.deadline(self.now.monotonic).min(own);
        let leases = leases.min(self.tree_expiry()).min(self.point_due());
        let asking = self.asking.deadline().max(self.now.monotonic);
        raft.min(forward)
            .min(leases.max(self.now.monotonic))
            .min(asking)
            .min(self.watch_deadline())
            .min(self.auto_compactor.deadline())
    }

    /// The member's Raft, to look at.
    #[must_use]
    pub fn raft(&self) -> &Raft {
        &self.raft
    }

    /// The last entry applied.
    #[must_use]
    pub fn applied(&self) -> Position {
        self.applied
    }

    /// Requests that wait for an answer.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    fn tick(&mut self) {
        if self.stopped {
            return;
        }
        self.raft.tick(self.now.monotonic);
        if let Some(stream) = &mut self.to_leader {
            stream.tick(self.now.monotonic);
        }
        self.notice_leader();
        // A leader that was busy may have room again.
        self.propose_unsent();
        self.tick_leases();
        self.tick_repair();
        self.look_at_space();
        self.tick_auto_compaction();
        self.tick_divergence();
        self.tick_points();
        self.look_at_transfers();
        while let Some(ticket) = self.waiting.overdue(self.now.monotonic) {
            self.answer(ticket, Err(Failure::Timeout));
        }
    }

    /// A new term renews all that was asked of the former one's leader. A leader that was not heard for a while may be
    /// heard again in the same term, which has no other: the stream to it counts on from where it was.
    pub(crate) fn notice_leader(&mut self) {
        let now = (self.raft.leader(), self.raft.term());
        if now == self.leader {
            return;
        }
        self.leader_changes += u64::from(now.0.is_some());
        self.leader = now;
        self.stats.leader_changed(self.now);
        self.to_leader.take_if(|stream| stream.term != now.1);
        self.outbox.push_back(Output::Leader {
            leader: now.0,
            term: now.1,
        });
        self.divergence.lead_changed();
        self.points.lead_changed();
        self.sending.lead_changed();
        self.propose_unsent();
        self.renew_lease_asks();
        self.look_at_transfers();
    }

    fn begin_turn(&mut self) {
        self.applied_this_turn = 0;
        self.unapplied.begin_turn();
        self.sending.begin_turn();
        self.watches.begin_turn();
    }

    /// Whether this turn may apply more.
    pub(crate) fn has_turn_left(&self) -> bool {
        self.applied_this_turn < APPLY_PER_TURN_MAX
    }

    pub(crate) fn count_applied(&mut self) {
        self.applied_this_turn += 1;
    }

    /// A command touched so many rows; one is counted already.
    pub(crate) fn count_effort(&mut self, rows: u64) {
        let more = usize::try_from(rows.saturating_sub(1));
        self.applied_this_turn += more.unwrap_or(APPLY_PER_TURN_MAX);
    }

    fn drive_raft(&mut self) {
        self.poll_raft();
        self.carry_on();
        if self.supply() {
            self.poll_raft();
        }
        self.withdraw_offers();
        self.save_if_due();
    }

    fn poll_raft(&mut self) {
        while self.has_turn_left()
            && let Some(output) = self.raft.poll()
        {
            match output {
                raft_core::Output::Save(save) => self.outbox.push_back(Output::Save(save)),
                raft_core::Output::Send(envelope) => self.send(envelope),
                raft_core::Output::Apply(entry) => self.on_committed(entry),
                raft_core::Output::ReadReady { id, index } => self.on_read_ready(id, index),
                raft_core::Output::ReadDropped { id } => self.on_read_dropped(id),
                raft_core::Output::Peers(_) => self.link_up(),
                raft_core::Output::Why(why) => self.outbox.push_back(Output::Why(why)),
                raft_core::Output::Alarm(alarm) => self.stop(Output::Alarm(alarm)),
                raft_core::Output::NeedSnapshot { peer } => self.on_need_snapshot(peer),
                raft_core::Output::NeedChunk {
                    peer,
                    mark,
                    offset,
                    bytes_max,
                } => self.on_need_chunk(Wanted {
                    peer,
                    mark,
                    offset,
                    bytes_max,
                }),
                raft_core::Output::ReceivedChunk {
                    mark,
                    offset,
                    data,
                    last,
                } => self.on_piece(&mark, offset, data, last),
                raft_core::Output::Restore(mark) => self.restore(&mark),
                raft_core::Output::Removed => self.stop(Output::Removed),
            }
        }
    }
}

#[cfg(test)]
mod tests;
