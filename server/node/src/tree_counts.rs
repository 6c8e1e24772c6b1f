//! How often what was done to the v2 tree, as `/v2/stats/store` tells it. Not part of the replicated state.

use serde::{Deserialize, Serialize};
use storage::store::command::{Command, Retriable, TreeChange};

/// How often something was done, and how often it could not be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Done.
    pub done: u64,
    /// Refused by the tree.
    pub refused: u64,
}

/// What was done to the v2 tree: reads here, changes by anyone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TreeCounts {
    /// Reads of this member's clients.
    pub gets: Tally,
    /// PUT without a condition.
    pub sets: Tally,
    /// DELETE without a condition.
    pub deletes: Tally,
    /// PUT with prevExist=true.
    pub updates: Tally,
    /// PUT with prevExist=false, and POST.
    pub creates: Tally,
    /// PUT with a comparison.
    pub swaps: Tally,
    /// DELETE with a comparison.
    pub compared_deletes: Tally,
    /// Nodes whose time was over.
    pub expired: u64,
    /// Watches that wait now.
    pub watchers: u64,
}

/// Which tally a command goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tallied {
    Nothing,
    Set,
    Delete,
    Update,
    Create,
    Swap,
    ComparedDelete,
    /// With the tree's index before it.
    Expiry(u64),
}

impl Tallied {
    pub(crate) fn of(command: &Command, tree_index: u64) -> Tallied {
        match command {
            Command::Expire => Tallied::Expiry(tree_index),
            Command::Tree { change, .. } => Tallied::of_change(change),
            Command::Once(once) => match &once.write {
                Retriable::Tree { change, .. } => Tallied::of_change(change),
            },
            _ => Tallied::Nothing,
        }
    }

    fn of_change(change: &TreeChange) -> Tallied {
        match change {
            TreeChange::Set(_) => Tallied::Set,
            TreeChange::Create(_) | TreeChange::CreateInOrder(_) => Tallied::Create,
            TreeChange::Update(_) => Tallied::Update,
            TreeChange::CompareAndSwap(..) => Tallied::Swap,
            TreeChange::Delete { .. } => Tallied::Delete,
            TreeChange::CompareAndDelete(_) => Tallied::ComparedDelete,
        }
    }
}

impl TreeCounts {
    /// A client of this member read.
    pub(crate) fn read(&mut self, done: bool) {
        self.gets.count(done);
    }

    /// A command was carried out, or refused; the tree is at this index now.
    pub(crate) fn tally(&mut self, tallied: Tallied, done: bool, tree_index: u64) {
        let tally = match tallied {
            Tallied::Nothing => return,
            Tallied::Expiry(before) => return self.expired += tree_index - before,
            Tallied::Set => &mut self.sets,
            Tallied::Delete => &mut self.deletes,
            Tallied::Update => &mut self.updates,
            Tallied::Create => &mut self.creates,
            Tallied::Swap => &mut self.swaps,
            Tallied::ComparedDelete => &mut self.compared_deletes,
        };
        tally.count(done);
    }
}

impl Tally {
    fn count(&mut self, done: bool) {
        if done {
            self.done += 1;
        } else {
            self.refused += 1;
        }
    }
}
