//! A member's place: its core while it is up, and what outlives the core.

use raft_core::{Body, Config, Image, Index, LogChange, Membership, NodeId, Position, Raft, Save, Time};

use super::machine::Machine;
use super::snapshots::Hands;
use crate::choices::Choices;
use crate::clock::Clock;
use crate::image;

/// One member, up or down.
#[derive(Debug)]
pub(crate) struct Seat {
    pub(crate) id: NodeId,
    /// None while it is down. Taken out while it has its turn.
    pub(crate) raft: Option<Box<Raft>>,
    /// How it is set, in all its lives.
    pub(crate) config: Config,
    /// How many lives it had.
    pub(crate) life: u64,
    pub(crate) clock: Clock,
    pub(crate) disk: Disk,
    /// Handed out by Raft and not on the disk yet.
    pub(crate) saving: Option<Save>,
    pub(crate) machine: Machine,
    pub(crate) hands: Hands,
    /// The id of the last read.
    pub(crate) reads: u64,
    /// When its next tick is planned; later plans are void.
    pub(crate) alarm: Time,
    /// It does nothing until then.
    pub(crate) paused_until: Time,
    /// Its disk takes nothing now.
    pub(crate) disk_stalls: bool,
    /// Each Save takes so much longer now, at most.
    pub(crate) disk_delay: u64,
    /// It will crash when next it saves.
    pub(crate) doomed: bool,
    /// For ever: its disk is lost, or it was removed and switched off.
    pub(crate) gone: bool,
    /// The members it was told to be connected to, in this turn.
    pub(crate) peers: Option<Membership>,
}

/// What is synced.
#[derive(Clone, Debug)]
pub(crate) struct Disk {
    pub(crate) image: Image,
    /// The newest membership in the log, or the mark's.
    membership: Membership,
    /// Where it stands.
    membership_at: Index,
    /// The newest snapshot that is whole and synced. The image's mark is this one's, or an older one's.
    pub(crate) stored: Machine,
}

impl Disk {
    pub(crate) fn new(membership: &Membership) -> Disk {
        let mut image = Image::default();
        image.snapshot.membership = membership.clone();
        Disk {
            image,
            membership: membership.clone(),
            membership_at: Index(0),
            stored: Machine::new(membership.clone()),
        }
    }

    pub(crate) fn write(&mut self, save: Save) {
        let (first, changes) = match &save.log {
            LogChange::Append(entries) => (
                entries
                    .first()
                    .map_or(Index(u64::MAX), |entry| entry.position.index),
                entries.iter().any(|entry| matches!(entry.body, Body::Change(_))),
            ),
            LogChange::Keep => (Index(u64::MAX), false),
            LogChange::Reset(_) => (Index(0), true),
        };
        image::write(&mut self.image, save);
        if changes || first <= self.membership_at {
            self.find_membership();
        }
    }

    /// A snapshot is whole and synced. What the log has of it goes, unless the log says otherwise. While one came from the
    /// leader a newer one of its own may have been written: that stays the one to boot from.
    pub(crate) fn keep(&mut self, state: Machine) {
        if state.index() < self.stored.index() {
            return;
        }
        self.stored = state;
        if image::position_at(&self.image, self.stored.index()) == Some(self.stored.applied) {
            self.begin_after_stored();
        }
    }

    /// What a boot finds: the newest snapshot, and the log after it if the log agrees.
    pub(crate) fn recover(&mut self) -> Image {
        if self.stored.index() > self.image.snapshot.position.index {
            self.begin_after_stored();
        }
        self.image.clone()
    }

    fn begin_after_stored(&mut self) {
        image::reset(&mut self.image, self.stored.mark());
        self.find_membership();
    }

    /// All that is synced is replaced, but for the snapshot.
    pub(crate) fn become_image(&mut self, image: Image) {
        self.image = image;
        self.find_membership();
    }

    /// The membership in force for whoever boots from here.
    pub(crate) fn membership(&self) -> &Membership {
        &self.membership
    }

    pub(crate) fn last(&self) -> Position {
        image::last(&self.image)
    }

    /// Whether it has this committed entry, in the log or in the snapshot.
    pub(crate) fn has(&self, committed: Position) -> bool {
        committed.index < self.image.snapshot.position.index
            || image::position_at(&self.image, committed.index) == Some(committed)
    }

    fn find_membership(&mut self) {
        let newest = self
            .image
            .entries
            .iter()
            .rev()
            .find_map(|entry| match &entry.body {
                Body::Change(membership) => Some((entry.position.index, Membership::clone(membership))),
                _ => None,
            });
        let mark = &self.image.snapshot;
        let found = newest.unwrap_or_else(|| (mark.position.index, mark.membership.clone()));
        (self.membership_at, self.membership) = found;
    }
}

impl Seat {
    /// A member that has not been switched on yet, with a disk on which nothing is but the membership it was born with.
    pub(crate) fn new(config: Config, membership: &Membership, choices: &mut Choices) -> Seat {
        let disk = Disk::new(membership);
        Seat {
            id: config.id,
            raft: None,
            config,
            life: 0,
            clock: Clock::drifting(choices, 0),
            machine: disk.stored.clone(),
            hands: Hands::default(),
            reads: 0,
            disk,
            saving: None,
            alarm: Time::NEVER,
            paused_until: Time(0),
            disk_stalls: false,
            disk_delay: 0,
            doomed: false,
            gone: false,
            peers: None,
        }
    }

    pub(crate) fn is_up(&self) -> bool {
        self.raft.is_some()
    }

    /// Loses power; of the Save in flight all or nothing is on the disk.
    pub(crate) fn crash(&mut self, save_is_kept: bool) {
        self.raft = None;
        self.alarm = Time::NEVER;
        self.paused_until = Time(0);
        self.doomed = false;
        self.hands = Hands::default();
        // The next life uses some of the same ids.
        self.reads = self.reads.saturating_sub(4);
        if let Some(save) = self.saving.take()
            && save_is_kept
        {
            self.disk.write(save);
        }
    }
}
