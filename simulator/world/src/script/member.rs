//! One node of a script: its Raft and its state while it is up, and what outlives them.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use raft_core::{Boot, Config, Membership, NodeId, Position, Raft, ReadId, Save, Time, Why};

use super::clock::Clock;
use super::disk::Disk;
use super::machine::State;
use super::snapshots::{Receiving, SavingSnapshot};

/// How many of a node's last reasons are remembered.
const REASONS_MAX: usize = 64;

#[derive(Clone, Debug)]
pub(crate) struct Member {
    id: NodeId,
    /// What the next boot is told, but for its id, boot and seed.
    pub(crate) config: Config,
    /// None while it is down.
    pub(crate) raft: Option<Raft>,
    pub(crate) disk: Disk,
    pub(crate) clock: Clock,
    /// Handed out by Raft and not on the disk yet.
    pub(crate) saving: Option<Save>,
    /// Whole snapshots that are not on the disk yet, in the order in which they will be.
    pub(crate) saving_snapshots: VecDeque<SavingSnapshot>,
    /// What it has applied.
    pub(crate) state: State,
    /// What came of a snapshot so far.
    pub(crate) receiving: Receiving,
    /// What it reads of its snapshots is damaged.
    pub(crate) rots: bool,
    /// The snapshots that followers are sent.
    pub(crate) offered: BTreeMap<NodeId, (Position, Bytes)>,
    /// The reads that this life was asked.
    pub(crate) asked: Vec<ReadId>,
    /// The reads that this life answered.
    pub(crate) reads: Vec<ReadId>,
    /// The membership it was told of last.
    pub(crate) peers: Membership,
    /// It was told that it takes part no more.
    pub(crate) removed: bool,
    /// Its last reasons, with the line of the script at which it gave them; they outlive a crash.
    pub(crate) reasons: VecDeque<(usize, Why)>,
    /// The line at which it went down.
    pub(crate) down_since: Option<usize>,
    /// What a new disk begins with.
    founding: Membership,
    boots: u64,
}

impl Member {
    pub(crate) fn new(id: NodeId, membership: &Membership, config: Config) -> Member {
        Member {
            id,
            config,
            raft: None,
            disk: Disk::blank(membership),
            clock: Clock::default(),
            saving: None,
            saving_snapshots: VecDeque::new(),
            state: State::blank(membership),
            receiving: Receiving::default(),
            rots: false,
            offered: BTreeMap::new(),
            asked: Vec::new(),
            reads: Vec::new(),
            peers: membership.clone(),
            removed: false,
            reasons: VecDeque::new(),
            down_since: None,
            founding: membership.clone(),
            boots: 0,
        }
    }

    /// Starts from what the disk has.
    pub(crate) fn boot(&mut self, now: Time) {
        self.boots += 1;
        let config = Config {
            id: self.id,
            boot: Boot(self.boots),
            seed: self.id.0 + 1000 * self.boots,
            ..self.config
        };
        let (image, state) = self.disk.recover();
        self.peers = state.mark.membership.clone();
        self.state = state;
        self.raft = Some(Raft::boot(config, image, self.clock.read(now)));
        self.asked.clear();
        self.reads.clear();
        self.removed = false;
    }

    /// It gave this reason at this line.
    pub(crate) fn explained(&mut self, line: usize, why: Why) {
        self.reasons.push_back((line, why));
        if self.reasons.len() > REASONS_MAX {
            self.reasons.pop_front();
        }
    }

    /// Only the disk is left, since this line.
    pub(crate) fn crash(&mut self, line: usize) {
        self.down_since = Some(line);
        self.raft = None;
        self.saving = None;
        self.saving_snapshots.clear();
        self.receiving = Receiving::default();
        self.offered.clear();
    }

    /// A new disk: all that it acknowledged is gone.
    pub(crate) fn wipe(&mut self) {
        let manner = self.disk.manner;
        self.disk = Disk::blank(&self.founding);
        self.disk.manner = manner;
    }

    /// When it is to be ticked, by the script's time.
    pub(crate) fn deadline(&self) -> Option<Time> {
        let deadline = self.raft.as_ref()?.deadline();
        (deadline < Time::NEVER).then(|| self.clock.when(deadline))
    }
}
