//! A member that becomes another one while it runs: see `repair`.

use node::DiskUse;

use super::{Host, HostError, boot, log_member, start_disk};
use crate::exit::Stop;

/// Why a member boots again in the same process.
#[derive(Clone, Copy, Debug)]
pub(super) enum BootAgain {
    /// The others have taken it in under a new id.
    TakenIn,
    /// Its directory is new, and it is not.
    Lost,
}

impl Host<'_> {
    /// The member becomes another one, if it is to: all that was of the former one ends.
    pub(super) fn boot_again(&mut self) -> Result<(), Stop> {
        let Some(why) = self.boots_again.take() else {
            return Ok(());
        };
        // It holds the journal.
        self.disk = None;
        if let Some(petition) = self.petition.take().filter(|_| matches!(why, BootAgain::TakenIn)) {
            petition.granted().map_err(HostError::Repair)?;
        }
        let lost = matches!(why, BootAgain::Lost);
        let booted = boot::boot(self.config, &self.clock, &self.data, lost)?;
        self.disk = start_disk(booted.writer, &self.event_loop, &self.metrics)?;
        self.peers.rename(&mut self.event_loop, booted.identity);
        log_member(&booted.identity, booted.petition.as_ref());
        // The new node was told nothing yet.
        self.disk_use = DiskUse::default();
        (self.node, self.petition) = (booted.node, booted.petition);
        Ok(self.turn()?)
    }

    /// Nobody has taken this member in for long: there is no quorum of the others.
    pub(super) fn give_up_in_time(&self) -> Result<(), HostError> {
        match &self.petition {
            Some(petition) if self.clock.elapsed() >= petition.until => Err(HostError::NotTakenIn {
                loss: petition.loss.clone(),
            }),
            _ => Ok(()),
        }
    }

    /// What is left of the damage goes. If it does not, it goes the next time.
    pub(super) fn repaired(&self) {
        match storage::repair::finish(&self.data) {
            Ok(()) => log::warn!("this member is repaired: it has all that the others have, and votes again"),
            Err(error) => log::error!(error:% = error; "what was set aside of the damage cannot be removed"),
        }
    }
}
