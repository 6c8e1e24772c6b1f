//! The alarm that this member raises by itself: that its space runs out. It ends by itself when there is space again.

use raft_core::Time;
use storage::store::alarm::{Alarm, AlarmKind};
use storage::store::command::Command;

use crate::node::Node;
use crate::waiting::{Ticket, Waiter};

/// The alarm ends when so many of a hundred parts of the quota are taken: at the quota itself it would come and go with
/// every key.
const QUOTA_PERCENT_FREE: u64 = 95;

/// What this member says about its space.
#[derive(Clone, Debug, Default)]
pub(crate) struct SpaceAlarm {
    /// Said and not applied.
    saying: Option<Ticket>,
}

impl Node {
    /// Raises the alarm, or ends it, as the size of the state asks for.
    pub(crate) fn look_at_space(&mut self) {
        let said = |ticket: Ticket| !self.writes.waits(ticket);
        if self.stopped || !self.space.saying.is_none_or(said) {
            return;
        }
        let alarm = Alarm {
            member: self.config.raft.id,
            kind: AlarmKind::NoSpace,
        };
        let is_raised = self.store().alarms().contains(&alarm);
        let (size, quota) = (self.store().size(), self.config.quota_bytes);
        let raised = if is_raised {
            size >= quota / 100 * QUOTA_PERCENT_FREE
        } else {
            size >= quota
        };
        if raised == is_raised {
            return;
        }
        let waiter = Waiter {
            client: None,
            deadline: Time::NEVER,
        };
        self.space.saying = self.write(waiter, Command::Alarm { alarm, raised });
    }
}
