//! A member whose data directory is damaged or lost: it asks the others to take it in under a new id, and takes that on once
//! they have. What is damaged stays where it is until then, and beside the new files until the repair is at its end.

use std::time::Duration;

use node::{Repair, Standing};
use raft_core::{Boot, Image, SnapshotMark};
use storage::data_dir::Identity;
use storage::disk::FileDisk;
use storage::journal;
use storage::repair::{self, Note, RepairError};

use super::boot::{BootError, found_member};
use super::clock::Clock;
use crate::config::Config;

/// How many election timeouts the others have to take a damaged member in, before it stops and says that they did not.
/// Many: they may just be starting themselves.
const PATIENCE: u32 = 20;

/// A member that asks to be taken in.
#[derive(Debug)]
pub(super) struct Petition {
    disk: FileDisk,
    note: Note,
    /// What is wrong with the directory.
    pub(super) loss: String,
    /// When to give up, by the host's clock.
    pub(super) until: Duration,
}

impl Petition {
    /// None if the directory says of no other member that could take this one in.
    pub(super) fn new(
        config: &Config,
        clock: &Clock,
        disk: &FileDisk,
        (former, boot): (Identity, Boot),
        snapshot: Option<SnapshotMark>,
        loss: &BootError,
    ) -> Option<(Petition, Image)> {
        let renewing = repair::look(disk).ok()?;
        let seed = journal::salvage(disk, former, "", snapshot).or_else(|| founded(config, former))?;
        let membership = seed.membership();
        // A learner stays one; but one that was to vote when it was damaged again is to vote still.
        let votes = renewing.map_or_else(
            || membership.is_voter(former.member_id) || !membership.contains(former.member_id),
            |note| note.votes,
        );
        let mut others = membership.members();
        others.remove(&former.member_id);
        if let Some(note) = renewing {
            others.remove(&note.former.member_id);
        }
        if others.is_empty() {
            return None;
        }
        let note = Note {
            former,
            next: repair::successor(former),
            boot,
            number: renewing.map_or(1, |note| note.number + 1),
            votes,
        };
        let petition = Petition {
            disk: disk.clone(),
            note,
            loss: loss.to_string(),
            until: clock.elapsed() + PATIENCE * config.election_timeout,
        };
        log::error!(
            "damage" = petition.loss, "member-id":% = former.member_id, "new-member-id":% = note.next.member_id;
            "this member lost what it promised: it takes part no more under its id, and asks the others to take it in \
             under a new one"
        );
        // It knows of the others, and of nothing they did.
        let mark = SnapshotMark {
            membership: membership.clone(),
            ..SnapshotMark::default()
        };
        let image = Image {
            snapshot: mark,
            ..Image::default()
        };
        Some((petition, image))
    }

    /// The node is told this of the repair.
    pub(super) fn repair(&self, config: &Config) -> Repair {
        repair_of(config, &self.note, Standing::Petitioner)
    }

    /// Who asks.
    pub(super) fn identity(&self) -> Identity {
        self.note.next
    }

    /// How many boots the directory has had, with this one.
    pub(super) fn boot(&self) -> Boot {
        self.note.boot
    }

    /// The others have taken it in: the directory becomes the new member's.
    pub(super) fn granted(&self) -> Result<(), RepairError> {
        log::warn!("member-id":% = self.note.next.member_id; "the others have taken this member in under a new id");
        repair::begin(&self.disk, &self.note)
    }
}

/// A member that was taken in and is not at the end of its repair.
pub(super) fn renewed(config: &Config, note: &Note) -> Repair {
    repair_of(config, note, Standing::Renewed)
}

fn repair_of(config: &Config, note: &Note, standing: Standing) -> Repair {
    let urls = config.initial.advertise_peers.iter();
    Repair {
        former: note.former.member_id,
        addresses: urls.map(ToString::to_string).collect(),
        votes: note.votes,
        standing,
    }
}

/// What a journal that is born for the new member begins with.
pub(super) fn seed(
    config: &Config,
    disk: &FileDisk,
    note: &Note,
    snapshot: Option<SnapshotMark>,
) -> Option<Image> {
    let aside = repair::aside(note.number);
    journal::salvage(disk, note.former, &aside, snapshot).or_else(|| founded(config, note.former))
}

/// The state that the cluster began with, if the flags still say so: the cluster's id is made of its founders' ids.
fn founded(config: &Config, former: Identity) -> Option<Image> {
    let (founding, snapshot) = found_member(config).ok()?;
    (founding.cluster_id == former.cluster_id).then(|| Image {
        snapshot,
        ..Image::default()
    })
}
