//! The version gate for rolling upgrades: a member may be newer than the cluster, never older. Members say in their
//! answers to heartbeats what they understand; once all of them understand more than the log demands, the leader puts
//! the greatest common version into the log, and from there on new kinds of entries may be proposed.

use crate::alarm::Alarm;
use crate::raft::Raft;
use crate::role::Role;
use crate::types::{Body, NodeId, Version};
use crate::why::Why;

impl Raft {
    /// What every member understands, as the log says: ask it before a new kind of command is proposed. Never falls
    /// while entries stand.
    #[must_use]
    pub fn version(&self) -> Version {
        self.log_membership().settings.version
    }

    /// A member told what it understands.
    pub(crate) fn learn_version(&mut self, from: NodeId, understands: Version) {
        let Role::Leader(leader) = &mut self.role else {
            return;
        };
        let Some(progress) = leader.progress.get_mut(&from) else {
            return;
        };
        if progress.understands.replace(understands) != Some(understands) {
            self.settle_change();
        }
    }

    /// Raises the version as far as all members go. Called when nothing else is pending.
    pub(crate) fn raise_version(&mut self) {
        let Role::Leader(leader) = &self.role else {
            return;
        };
        // Of whom nothing is known yet, nothing is expected.
        let understood = leader
            .progress
            .values()
            .map(|p| p.understands.unwrap_or_default());
        let (from, to) = (self.version(), understood.fold(self.config.version, Version::min));
        if to <= from {
            return;
        }
        let mut next = self.log_membership().clone();
        next.settings.version = to;
        let index = self.append_own(Body::Change(Box::new(next))).index;
        self.explain(Why::VersionRaised { from, to, index });
    }

    /// A node that does not understand what the others may say must not guess at it.
    pub(crate) fn alarm_if_too_old(&mut self) {
        let (needs, understands) = (self.version(), self.config.version);
        if needs > understands {
            self.alarm(Alarm::TooOld { needs, understands });
        }
    }
}
