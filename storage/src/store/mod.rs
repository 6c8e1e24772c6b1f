//! The replicated state: the v3 keyspace, the v2 tree and what members say of themselves, behind one apply.
//!
//! A [`Store`] is a value. The same commands in the same order give the same store on every machine: nothing here reads
//! a clock, a random number or the order of a hash. Everything it holds is shared between clones, so a clone costs O(1)
//! and is a view: it never sees what is applied afterwards.
//!
//! | module        | holds                                                                        |
//! |---------------|------------------------------------------------------------------------------|
//! | `mvcc`        | the v3 keyspace: each key with its versions, its revision and what it changed |
//! | `lease`       | the v3 leases, and the keys that hang on them                                |
//! | `tree`        | the v2 tree: files and directories by path, its index, what happened last    |
//! | `members`     | the name, client URLs and data id that each member published                 |
//! | `transaction` | the v3 transaction, and what etcd's rules say of it                          |
//! | `alarm`       | the alarms that members raised                                               |
//! | `retries`     | writes that clients have named, and what came of them                      |
//! | `work`        | commands on very many keys, in slices; what is left pending                  |
//! | `fingerprint` | the hash that replicas compare                                               |
//! | `rows`        | the state as a list of rows, for snapshots                                   |

pub mod alarm;
pub mod command;
mod fingerprint;
mod lease;
mod members;
mod mvcc;
pub mod query;
mod refound;
mod retries;
pub mod rows;
pub mod transaction;
mod tree;
mod work;

use raft_core::NodeId;

pub use lease::{LEASE_TTL_MAX, Lease};
pub use members::Profile;
pub use retries::{RETRIES_BYTES_MAX, RETRIES_MAX, RETRIES_SECONDS_MAX, RETRY_KEY_BYTES_MAX};

use alarm::Alarms;
use command::{Applied, ClusterTime, Command, Failure, Outcome, TreeChange, TreeEvent, TreeFailure};
use fingerprint::{Kind, Row, Totals};
use members::Members;
use mvcc::{Deleting, Keyspace, Transacting};
use query::{Event, Found, LeaseId, LeaseView, Place, Query, Revision};
use retries::Retries;
use transaction::Transaction;
use tree::{Expiring, Tree};
use work::Job;

/// The most components a v2 path may have. Listings nest as deep as paths, and what nests is walked on the stack.
pub const TREE_DEPTH_MAX: usize = 256;

/// The most operations a transaction may have, whatever the settings say.
pub const TRANSACTION_OPERATIONS_MAX: usize = 10_000;

/// The replicated state of a cluster at one point of its log.
#[derive(Clone, Debug)]
pub struct Store {
    keyspace: Keyspace,
    tree: Tree,
    members: Members,
    alarms: Alarms,
    retries: Retries,
    /// The newest time that a command carried.
    time: ClusterTime,
    /// The command that is being carried out; between two commands None.
    job: Option<Job>,
    /// The key that names it, and the hash of what was asked, if it is named.
    naming: Option<(bytes::Bytes, u64)>,
    /// Other slices than usual.
    #[cfg(test)]
    rows_per_slice: Option<usize>,
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
            alarms: Alarms::default(),
            retries: Retries::default(),
            naming: None,
            time: ClusterTime::default(),
            job: None,
            #[cfg(test)]
            rows_per_slice: None,
        }
    }

    /// Carries out a command that the leader took at this time, or begins to. Total: whatever the command says, the
    /// answer is an outcome, or a failure that changed nothing that clients see.
    ///
    /// # Panics
    /// If another command is not done yet.
    pub fn apply(&mut self, time: ClusterTime, command: Command) -> Applied {
        assert!(self.job.is_none(), "one command after the other");
        self.time = self.time.max(time);
        self.tidy_a_little();
        match command {
            Command::Once(once) => self.apply_once(*once),
            other => self.apply_anew(other),
        }
    }

    /// Carries a command out, or begins to.
    fn apply_anew(&mut self, command: Command) -> Applied {
        if command.takes_space() && self.refuses_more() {
            return Applied::Done(Err(Failure::NoSpace));
        }
        match command {
            Command::DeleteRange { range, previous } => {
                self.begin(Job::Delete(Deleting::range(range, previous)))
            }
            Command::LeaseRevoke { id } if self.lease(id).is_none() => {
                Applied::Done(Err(Failure::LeaseNotFound))
            }
            Command::LeaseRevoke { id } => self.begin(Job::Revoke {
                current: None,
                ids: [id].into(),
                expired: false,
            }),
            Command::LeaseExpire { ids } => self.begin(Job::Revoke {
                current: None,
                ids: ids.into(),
                expired: true,
            }),
            Command::Tree {
                path,
                change: TreeChange::Delete { dir, recursive },
            } => match self.tree.begin_delete(&path, dir, recursive) {
                Ok(removing) => self.begin(Job::Remove(removing)),
                Err(failure) => Applied::Done(Err(failure.into())),
            },
            Command::Expire => self.begin(Job::Expire(Expiring::new())),
            Command::Transaction(transaction) => match self.begin_transaction(transaction) {
                Ok(transacting) => self.begin(Job::Transact(Box::new(transacting))),
                Err(failure) => Applied::Done(Err(failure)),
            },
            small => Applied::Done(self.carry_out(small)),
        }
    }

    fn begin_transaction(&self, transaction: Transaction) -> Result<Transacting, Failure> {
        transaction.check(TRANSACTION_OPERATIONS_MAX)?;
        self.keyspace.begin_transaction(transaction)
    }

    /// Carries out a command that is small whatever it is about.
    fn carry_out(&mut self, command: Command) -> Result<Outcome, Failure> {
        match command {
            Command::Put(put) => {
                let previous = self.keyspace.put(put)?;
                Ok(Outcome::Put { previous })
            }
            Command::Tree { path, change } => Ok(Outcome::Tree(self.tree.apply(path, change, self.time)?)),
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
            Command::Compact { revision } => {
                self.keyspace.compact(revision)?;
                Ok(Outcome::Compacted)
            }
            Command::Continue => {
                self.tidy_more();
                Ok(Outcome::Continued)
            }
            Command::LeaseGrant { id, ttl } => {
                let (id, ttl) = self.keyspace.leases.grant(id, ttl)?;
                Ok(Outcome::LeaseGranted { id, ttl })
            }
            Command::LeaseCheckpoint { remaining } => {
                for (id, remaining) in remaining {
                    self.keyspace.leases.checkpoint(id, remaining);
                }
                Ok(Outcome::LeasesCheckpointed)
            }
            Command::Alarm { alarm, raised } => {
                let changed = self.alarms.set(alarm, raised);
                Ok(Outcome::Alarm { changed })
            }
            Command::DeleteRange { .. }
            | Command::LeaseRevoke { .. }
            | Command::LeaseExpire { .. }
            | Command::Expire
            | Command::Transaction(_)
            | Command::Once(_) => unreachable!("it is carried out elsewhere"),
        }
    }

    /// Answers a question; changes nothing.
    ///
    /// # Errors
    /// The [`Failure`] that the client is to see.
    pub fn query(&self, query: &Query) -> Result<Found, Failure> {
        match query {
            Query::Range(range) => self.keyspace.range(range),
            Query::Tree { path, recursive } => Ok(Found::Tree(self.tree.get(path, *recursive, self.time)?)),
            Query::Transaction(transaction) => {
                transaction.check(TRANSACTION_OPERATIONS_MAX)?;
                Ok(Found::Transaction(self.keyspace.look(transaction.clone())?))
            }
            Query::Lease { id, keys } => Ok(Found::Lease(self.lease(*id).map(|lease| LeaseView {
                ttl: lease.ttl,
                keys: self.lease_keys(*id).filter(|_| *keys).cloned().collect(),
            }))),
            Query::Leases => Ok(Found::Leases(self.leases_after(None).map(|(id, _)| id).collect())),
            Query::Alarms => Ok(Found::Alarms(self.alarms.raised().iter().copied().collect())),
            Query::Hash => Ok(Found::Hash(self.fingerprint())),
            Query::KeysHash(revision) => Ok(Found::KeysHash(self.keyspace.hash_at(*revision)?)),
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

    /// The oldest revision that can be read; 0 if nothing was compacted.
    #[must_use]
    pub fn compacted(&self) -> Revision {
        self.keyspace.compacted()
    }

    /// What revisions changed, in order, from the change on that has so many before it in this revision: a watch that
    /// stops in the middle of a revision goes on from there. At the compacted revision itself, what is left of it.
    ///
    /// # Errors
    /// If the revision is compacted away.
    pub fn changes(&self, from: Revision, place: u64) -> Result<impl Iterator<Item = Event> + '_, Failure> {
        self.keyspace.events(from, place)
    }

    /// Which keys were changed from a place on, and where each of these changes stands. At the compacted revision itself,
    /// what is left of it.
    ///
    /// # Errors
    /// If the revision is compacted away.
    pub fn changed(&self, from: Place) -> Result<impl Iterator<Item = (Place, bytes::Bytes)> + '_, Failure> {
        self.keyspace.changed(from)
    }

    /// What a revision did to a key that it changed; None if that is gone: of the compacted revision, deletions are.
    #[must_use]
    pub fn event(&self, revision: Revision, key: &bytes::Bytes) -> Option<Event> {
        self.keyspace.event(revision, key)
    }

    /// A lease, if it is in force.
    #[must_use]
    pub fn lease(&self, id: LeaseId) -> Option<&Lease> {
        self.keyspace.leases.get(id)
    }

    /// The leases that come after one, by id; all for None.
    pub fn leases_after(&self, id: Option<LeaseId>) -> impl Iterator<Item = (LeaseId, &Lease)> {
        self.keyspace.leases.after(id)
    }

    /// How many leases are in force.
    #[must_use]
    pub fn lease_count(&self) -> usize {
        self.keyspace.leases.len()
    }

    /// The keys that hang on a lease, in order.
    pub fn lease_keys(&self, id: LeaseId) -> impl Iterator<Item = &bytes::Bytes> {
        self.keyspace.leases.keys(id)
    }

    /// The alarms that are raised.
    #[must_use]
    pub fn alarms(&self) -> &imbl::OrdSet<alarm::Alarm> {
        self.alarms.raised()
    }

    /// Whether nothing that takes space is accepted, because an alarm is raised.
    #[must_use]
    pub fn refuses_more(&self) -> bool {
        self.alarms.refuse_more()
    }

    /// The v2 tree's index.
    #[must_use]
    pub fn tree_index(&self) -> u64 {
        self.tree.index()
    }

    /// When the next node of the v2 tree goes.
    #[must_use]
    pub fn tree_expiration(&self) -> Option<ClusterTime> {
        self.tree.next_expiration()
    }

    /// What happened in the v2 tree from an index on, in order, as far as watchers are told. At an index that is yet to
    /// come: nothing.
    ///
    /// # Errors
    /// [`TreeErrorCode::EventIndexCleared`](command::TreeErrorCode::EventIndexCleared) if nothing is known of that index
    /// any more.
    pub fn tree_events(&self, from: u64) -> Result<impl Iterator<Item = &TreeEvent>, TreeFailure> {
        self.tree.events(from)
    }

    /// The first of these events that a watch on a path is told, see [`TreeEvent::concerns`].
    ///
    /// # Errors
    /// As [`Store::tree_events`].
    pub fn tree_event(
        &self,
        from: u64,
        path: &[u8],
        recursive: bool,
    ) -> Result<Option<&TreeEvent>, TreeFailure> {
        Ok(self
            .tree_events(from)?
            .find(|event| event.concerns(path, recursive)))
    }

    /// What each member published, by id.
    #[must_use]
    pub fn members(&self) -> &imbl::OrdMap<NodeId, Profile> {
        self.members.profiles()
    }

    /// The memory that the state takes, in bytes: what it holds, and the structures that hold it, as measured.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.totals().bytes
    }

    /// A hash of the whole state. Equal states have equal fingerprints, on every machine; unequal ones hardly ever.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        self.totals().hash
    }

    fn totals(&self) -> Totals {
        self.keyspace
            .totals()
            .and(self.tree.totals())
            .and(self.members.totals())
            .and(self.alarms.totals())
            .and(self.retries.totals())
            .and(self.counters())
    }

    /// What is state and stands in no row.
    fn counters(&self) -> Totals {
        let row = Row::new(Kind::Counters)
            .number(self.tree.index())
            .number(self.tree.cleared())
            .number(self.time.0);
        let mut totals = Totals::default();
        totals.add(row.hash(), 0);
        totals
    }
}

#[cfg(test)]
pub(crate) mod tests;
