//! Which members still have a good copy of what they acknowledged. Damage befalls a minority only, ever: each acknowledged
//! entry then has a good copy among the others, which are a quorum, and its loss is a failure and no excuse.

use std::collections::BTreeSet;

use raft_core::NodeId;

/// What may still be damaged.
#[derive(Clone, Debug)]
pub struct Budget {
    damaged_max: usize,
    damaged: BTreeSet<NodeId>,
}

impl Budget {
    /// Of a cluster of so many voters.
    #[must_use]
    pub fn of(members: u64) -> Budget {
        Budget {
            damaged_max: usize::try_from((members - 1) / 2).expect("few"),
            damaged: BTreeSet::new(),
        }
    }

    /// Whether a member's disk may be damaged: the others are a quorum and whole.
    #[must_use]
    pub fn allows(&self, id: NodeId) -> bool {
        self.damaged.contains(&id) || self.damaged.len() < self.damaged_max
    }

    /// Whether every copy is whole.
    #[must_use]
    pub fn is_untouched(&self) -> bool {
        self.damaged.is_empty()
    }

    /// A member's disk is damaged.
    ///
    /// # Panics
    /// If it may not be.
    pub fn spend(&mut self, id: NodeId) {
        assert!(self.allows(id), "a quorum keeps its copies");
        self.damaged.insert(id);
    }

    /// A member's disk is whole again: all that was damaged is replaced.
    pub fn restore(&mut self, id: NodeId) {
        self.damaged.remove(&id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minority_is_damaged_and_no_more() {
        let mut budget = Budget::of(3);
        assert!(budget.allows(NodeId(1)));
        budget.spend(NodeId(1));
        assert!(budget.allows(NodeId(1)) && !budget.allows(NodeId(2)));
        budget.restore(NodeId(1));
        assert!(budget.allows(NodeId(2)));
        assert!(!Budget::of(1).allows(NodeId(1)) && !Budget::of(2).allows(NodeId(1)));
    }
}
