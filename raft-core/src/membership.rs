//! Who takes part, and the settings that all members share because they are in the log.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::types::{Epoch, NodeId, Version};

/// Who takes part. While `outgoing` is not empty the configuration is joint: both voter sets must agree (thesis 4.3).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Membership {
    /// The voters; of the new configuration while joint.
    pub voters: BTreeSet<NodeId>,
    /// The old configuration's voters while joint, otherwise empty.
    pub outgoing: BTreeSet<NodeId>,
    /// Members that get the log and do not count.
    pub learners: BTreeSet<NodeId>,
    /// Where each of them listens for its peers: URLs, at least one each.
    pub addresses: BTreeMap<NodeId, Vec<String>>,
    /// Who took part once and never will again: an id is not given to a second member.
    pub removed: BTreeSet<NodeId>,
    /// What all members hold to.
    pub settings: Settings,
}

/// Settings that are safe, or of use, only if all members hold to the same. They change through the log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// Whether the leader may answer reads without a round, and on what terms; None: never.
    pub lease: Option<Lease>,
    /// Who leads rather than others, when it can: the higher number; 0 if not named here.
    pub priorities: BTreeMap<NodeId, u8>,
    /// What every member understands.
    pub version: Version,
    /// Which life of the cluster this is.
    pub epoch: Epoch,
}

/// The terms of lease reads (thesis 6.4.1): a voter that heard the leader votes for nobody else for `timeout`, by its
/// own clock; so the leader may answer alone for a shorter time, by its own, since it sent what a quorum acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// How long each voter keeps to the leader; at least 1 ms.
    pub timeout: Duration,
    /// By how much any clock's rate may be off, in parts per million; below 1,000,000.
    pub drift_ppm: u32,
}

impl Lease {
    /// How long a leader may rely on it by its own clock. Rates differ from true time by at most d: the leader's `L`
    /// lasts at most L/(1-d), a voter's `timeout` at least timeout/(1+d).
    #[must_use]
    pub fn reliable(&self) -> Duration {
        let (timeout, drift) = (
            self.timeout.as_micros(),
            u128::from(self.drift_ppm.min(1_000_000)),
        );
        let micros = timeout * (1_000_000 - drift) / (1_000_000 + drift);
        Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
    }
}

impl Membership {
    /// A configuration of voters only.
    #[must_use]
    pub fn of_voters(voters: impl IntoIterator<Item = (NodeId, Vec<String>)>) -> Membership {
        let addresses: BTreeMap<_, _> = voters.into_iter().collect();
        Membership {
            voters: addresses.keys().copied().collect(),
            addresses,
            ..Membership::default()
        }
    }

    /// Whether `id` votes in either configuration.
    #[must_use]
    pub fn is_voter(&self, id: NodeId) -> bool {
        self.voters.contains(&id) || self.outgoing.contains(&id)
    }

    /// Whether two majorities are needed now.
    #[must_use]
    pub fn is_joint(&self) -> bool {
        !self.outgoing.is_empty()
    }

    /// Whether `id` takes part in any way.
    #[must_use]
    pub fn contains(&self, id: NodeId) -> bool {
        self.is_voter(id) || self.learners.contains(&id)
    }

    /// Its election priority: the highest leads, when it can.
    #[must_use]
    pub fn priority(&self, id: NodeId) -> u8 {
        self.settings.priorities.get(&id).copied().unwrap_or(0)
    }

    /// Whether an honest leader could make it: somebody votes, nobody is a voter and a learner at once, and who was removed
    /// takes no part.
    pub(crate) fn is_sound(&self) -> bool {
        !self.voters.is_empty()
            && self.voters.is_disjoint(&self.learners)
            && !self.removed.iter().any(|&id| self.contains(id))
    }

    /// What its addresses weigh in an entry.
    pub(crate) fn weight(&self) -> usize {
        let urls = self.addresses.values().flatten();
        urls.map(|url| 64 + url.len()).sum()
    }

    /// Everyone who is sent the log, in order of id.
    #[must_use]
    pub fn members(&self) -> BTreeSet<NodeId> {
        self.voters
            .iter()
            .chain(&self.outgoing)
            .chain(&self.learners)
            .copied()
            .collect()
    }
}
