//! The alarm that this member raises by itself: that its space runs out. It ends by itself when there is space again.
//!
//! Three things count. *Memory*: the state's size against the quota. *Disk*: the files of journal and snapshots, against a
//! multiple of the quota that a member comes near only if its snapshots fail for long. And the disk itself may be full.
//!
//! While any member raises the alarm nobody takes what needs space. So the journal of a member whose disk is full hardly
//! grows any more, and what is left of its present segment, half of it at least, lasts for what helps: deleting, compacting,
//! raising and ending the alarm. If even that is used up, its Saves wait: it promises nothing, and a leader gives up the
//! lead, because its disk stalls. It needs nobody's help to say that it is short of space before that: its log has room.

use raft_core::{Mutant, NodeId, Time};
use serde::{Deserialize, Serialize};
use storage::store::alarm::{Alarm, AlarmKind};
use storage::store::command::Command;

use crate::config::Config;
use crate::node::Node;
use crate::waiting::{Ticket, Waiter};

/// What is taken must be less by a twentieth before the alarm ends: at the limit itself it would come and go with every
/// key.
const ENDS_BELOW_BY: u64 = 20;
/// Bytes on disk for each byte of the quota: two snapshots and one that is made or comes, each up to the state's size; the
/// journal back to the older one, twice that, and what is written while one is made; and as much again, so that nothing
/// but failure comes near.
const DISK_BYTES_PER_BYTE: u64 = 8;

/// How much space the files on a member's disk take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiskUse {
    /// All segments of the journal, zeros and a spare included.
    pub journal_bytes: u64,
    /// All snapshots, whole or not.
    pub snapshot_bytes: u64,
}

impl DiskUse {
    fn bytes(self) -> u64 {
        self.journal_bytes.saturating_add(self.snapshot_bytes)
    }
}

/// What this member knows and says about its space.
#[derive(Clone, Debug, Default)]
pub(crate) struct Space {
    /// The disk has no space for more than was promised already.
    pub(crate) disk_is_full: bool,
    pub(crate) disk: DiskUse,
    /// Said and not applied.
    saying: Option<Ticket>,
}

impl Config {
    /// How many bytes journal and snapshots may take together. A journal has segments of a fixed size, and is let grow to
    /// so many bytes before a snapshot, however small the quota is.
    fn disk_bytes_max(&self) -> u64 {
        let unit = self.quota_bytes.max(self.snapshots.bytes_min);
        unit.saturating_mul(DISK_BYTES_PER_BYTE)
    }
}

impl Node {
    /// Whether what takes space is refused before it is proposed. A refusal at apply, which all members agree on, comes
    /// too late: the proposal is in every journal then.
    pub(crate) fn refuses_more(&self) -> bool {
        let ignored = Mutant::NoSpaceIgnored.is(self.config.raft.mutant);
        !ignored && (self.space.disk_is_full || self.store().refuses_more())
    }

    /// Raises the alarm, or ends it, as the space asks for. That of a member that was removed the leader ends (fence.rs).
    pub(crate) fn look_at_space(&mut self) {
        if self.stopped || Mutant::NoSpaceIgnored.is(self.config.raft.mutant) {
            return;
        }
        let own = no_space(self.config.raft.id);
        let is_raised = self.store().alarms().contains(&own);
        let raised = self.lacks_space(is_raised);
        if raised != is_raised && !self.space.saying.is_some_and(|ticket| self.writes.waits(ticket)) {
            self.space.saying = self.say_alarm(own, raised);
        }
    }

    /// Whether the disk is short of space, whatever the memory.
    pub(crate) fn disk_is_short(&self) -> bool {
        self.space.disk_is_full || self.space.disk.bytes() >= self.config.disk_bytes_max()
    }

    fn lacks_space(&self, is_raised: bool) -> bool {
        let is_over = |bytes: u64, max: u64| {
            let max = if is_raised { max - max / ENDS_BELOW_BY } else { max };
            bytes >= max
        };
        let stays = is_raised && Mutant::NoSpaceStays.is(self.config.raft.mutant);
        stays
            || self.space.disk_is_full
            || is_over(self.store().size(), self.config.quota_bytes)
            || is_over(self.space.disk.bytes(), self.config.disk_bytes_max())
    }

    fn say_alarm(&mut self, alarm: Alarm, raised: bool) -> Option<Ticket> {
        let waiter = Waiter {
            client: None,
            deadline: Time::NEVER,
        };
        self.write(waiter, Command::Alarm { alarm, raised })
    }
}

fn no_space(member: NodeId) -> Alarm {
    Alarm {
        member,
        kind: AlarmKind::NoSpace,
    }
}
