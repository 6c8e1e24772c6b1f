//! The replicated state: the v3 keyspace, the v2 tree and what members say of themselves, behind one apply.
//!
//! A [`Store`] is a value. The same commands in the same order give the same store on every machine: nothing here reads
//! a clock, a random number or the order of a hash. Everything it holds is shared between clones, so a clone costs O(1)
//! and is a view: it never sees what is applied afterwards.
//!
//! | module        | holds                                                                        |
//! |---------------|------------------------------------------------------------------------------|
//! | `mvcc`        | the v3 keyspace: each key with all its versions, and its revision            |
//! | `tree`        | the v2 tree: files and directories by path, and its index                    |
//! | `members`     | the name, client URLs and data id that each member published                 |
//! | `fingerprint` | the hash that replicas compare                                               |

pub mod command;
mod fingerprint;
mod members;
mod mvcc;
pub mod query;
mod tree;

use raft_core::NodeId;

pub use members::Profile;

use command::{Applied, ClusterTime, Command, Failure, Outcome};
use fingerprint::{Kind, Row};
use members::Members;
use mvcc::Keyspace;
use query::{Found, Query, Revision};
use tree::Tree;

/// The most components a v2 path may have. Listings nest as deep as paths, and what nests is walked on the stack.
pub const TREE_DEPTH_MAX: usize = 256;

/// The replicated state of a cluster at one point of its log.
#[derive(Clone, Debug)]
pub struct Store {
    keyspace: Keyspace,
    tree: Tree,
    members: Members,
    /// The newest time that a command carried.
    time: ClusterTime,
}

impl Store {
    /// The state a cluster of so many members is born with: nothing in it, revision 1, and the v2 index that etcd has
    /// after as many writes of its own, one for each member and one for the cluster's version.
    #[must_use]
    pub fn born(members: usize) -> Store {
        Store {
            keyspace: Keyspace::new(),
            tree: Tree::new(members as u64 + 1),
            members: Members::default(),
            time: ClusterTime::default(),
        }
    }

    /// Carries out a command that the leader took at this time, or begins to. Total: whatever the command says, the
    /// answer is an outcome, or a failure that changed nothing.
    pub fn apply(&mut self, time: ClusterTime, command: Command) -> Applied {
        self.time = self.time.max(time);
        Applied::Done(self.carry_out(command))
    }

    /// Carries on with the command that [`Store::apply`] began, for about a millisecond.
    ///
    /// # Panics
    /// If none was begun.
    pub fn work(&mut self) -> Applied {
        panic!("no command is begun")
    }

    fn carry_out(&mut self, command: Command) -> Result<Outcome, Failure> {
        match command {
            Command::Put(put) => {
                let previous = self.keyspace.put(put)?;
                Ok(Outcome::Put { previous })
            }
            Command::DeleteRange { range, previous } => {
                let (count, previous) = self.keyspace.delete_range(&range, previous);
                Ok(Outcome::Deleted { count, previous })
            }
            Command::Tree { path, change } => Ok(Outcome::Tree(self.tree.apply(path, change)?)),
            Command::Publish {
                member,
                attributes,
                data_id,
            } => {
                let profile = Profile { attributes, data_id };
                if self.members.publish(member, profile) {
                    self.tree.skip_index();
                }
                Ok(Outcome::Published)
            }
        }
    }

    /// Answers a question; changes nothing.
    ///
    /// # Errors
    /// The [`Failure`] that the client is to see.
    pub fn query(&self, query: &Query) -> Result<Found, Failure> {
        match query {
            Query::Range(range) => self.keyspace.range(range),
            Query::Tree { path, recursive } => Ok(Found::Tree(self.tree.get(path, *recursive)?)),
        }
    }

    /// The cluster's time: the newest that a command carried.
    #[must_use]
    pub fn time(&self) -> ClusterTime {
        self.time
    }

    /// The v3 keyspace's revision.
    #[must_use]
    pub fn revision(&self) -> Revision {
        self.keyspace.revision()
    }

    /// The v2 tree's index.
    #[must_use]
    pub fn tree_index(&self) -> u64 {
        self.tree.index()
    }

    /// What each member published, by id.
    #[must_use]
    pub fn members(&self) -> &imbl::OrdMap<NodeId, Profile> {
        self.members.profiles()
    }

    /// The keys, paths and values held, in bytes: each key or path once, and each version's value.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.keyspace.totals().bytes + self.tree.totals().bytes + self.members.totals().bytes
    }

    /// A hash of the whole state. Equal states have equal fingerprints, on every machine; unequal ones hardly ever.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        Row::new(Kind::Counters)
            .number(self.keyspace.revision().0)
            .number(self.keyspace.compacted().0)
            .number(self.tree.index())
            .number(self.time.0)
            .hash()
            .wrapping_add(self.keyspace.totals().hash)
            .wrapping_add(self.tree.totals().hash)
            .wrapping_add(self.members.totals().hash)
    }
}

#[cfg(test)]
mod tests;
