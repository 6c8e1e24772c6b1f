//! A leader whose disk stalls: its heartbeats need no disk, so it would go on leading a cluster that waits for it. It
//! gives up the lead, and nobody stands for election whose disk would not bear it (seen in etcd, hashicorp/raft and
//! others). What counts is the age of the oldest unsaved change: a slow disk makes larger Saves, never an old one.

use std::time::Duration;

use crate::contact::milliseconds;
use crate::mutant::Mutant;
use crate::raft::Raft;
use crate::types::Time;
use crate::why::Why;

impl Raft {
    /// Gives up the lead if the disk stalls. Returns whether it did.
    pub(crate) fn check_disk(&mut self) -> bool {
        if self.now < self.stall_deadline() {
            return false;
        }
        self.abdicate(Why::SteppedDownDiskStalled {
            term: self.ballot.term,
            stalled_ms: milliseconds(self.unsaved_for()),
        });
        true
    }

    /// When a leader gives up because of its disk. One that votes alone does not: there is nobody else.
    pub(crate) fn stall_deadline(&self) -> Time {
        match self.persist.unsaved_since() {
            _ if Mutant::StalledDiskLeads.is(self.config.mutant) => Time::NEVER,
            Some(since) if !self.is_sole_voter() => since.after(self.config.disk_stall_max),
            _ => Time::NEVER,
        }
    }

    /// Why it does not stand for election, if its disk stalls.
    pub(crate) fn refusal_to_stand_stalled(&self) -> Option<Why> {
        (self.now >= self.stall_deadline()).then(|| Why::StandRefusedDiskStalled {
            stalled_ms: milliseconds(self.unsaved_for()),
        })
    }

    fn unsaved_for(&self) -> Duration {
        let since = self.persist.unsaved_since();
        since.map_or(Duration::ZERO, |since| self.now.since(since))
    }
}
