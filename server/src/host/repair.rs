//! A member whose data directory is damaged or lost: it asks the others to take it in under a new id, and takes that on once
//! they have. What is damaged stays where it is until then, and beside the new files until the repair is at its end.

use std::time::Duration;

use node::{PATIENCE, Repair, Standing};
use storage::disk::FileDisk;
use storage::repair::{self, Note, RepairError};

use super::boot::BootError;
use super::clock::Clock;
use crate::config::Config;

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
    /// It begins to ask.
    pub(super) fn new(
        config: &Config,
        clock: &Clock,
        disk: &FileDisk,
        note: Note,
        loss: &BootError,
    ) -> Petition {
        let petition = Petition {
            disk: disk.clone(),
            note,
            loss: loss.to_string(),
            until: clock.elapsed() + PATIENCE * config.election_timeout,
        };
        log::error!(
            "damage" = petition.loss, "member-id":% = note.former.member_id, "new-member-id":% = note.next.member_id;
            "this member lost what it promised: it takes part no more under its id, and asks the others to take it in \
             under a new one"
        );
        petition
    }

    /// The others have taken it in: the directory becomes the new member's.
    pub(super) fn granted(&self) -> Result<(), RepairError> {
        log::warn!("member-id":% = self.note.next.member_id; "the others have taken this member in under a new id");
        repair::begin(&self.disk, &self.note)
    }
}

/// The node is told this of the repair.
pub(super) fn told(config: &Config, note: &Note, standing: Standing) -> Repair {
    let urls = config.initial.advertise_peers.iter();
    Repair::of(note, urls.map(ToString::to_string).collect(), standing)
}
