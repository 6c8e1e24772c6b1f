//! The replicated state as a plain reading of etcd's rules has it: every version of every key in a list, and nothing
//! clever. It is fed with the log: each entry, once any member has applied it. What callers were told is compared with
//! what stands here at the place in the log at which they were told it, so transactions, ranges, deletions, leases and
//! reads of old revisions are all linearizable together, or differ somewhere.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use node::{Node, Proposal};
use raft_core::{Body, Index, LogChange, NodeId, Save, Term, Time};
use storage::store::alarm::AlarmKind;
use storage::store::command::{ClusterTime, Command, Failure, Outcome};
use storage::store::query::{KeyRange, LeaseId, Query, RangeQuery};

pub mod keyspace;
mod transaction;
pub mod tree;

use keyspace::Keyspace;
use tree::Temporary;

/// The state after so many entries, and all that is to be known of the way there.
#[derive(Clone, Debug, Default)]
pub struct Model {
    /// Command entries as members wrote them into their journals.
    written: BTreeMap<(Index, Term), Bytes>,
    /// What each entry did, from index 1.
    done: Vec<Done>,
    pub(crate) keyspace: Keyspace,
    pub(crate) temporary: Temporary,
    no_space: BTreeSet<NodeId>,
    /// The last entry that raised the alarm about space, or ended it.
    pub(crate) space_changed: Index,
    /// How often a leader ended the alarm of another member, which was removed.
    pub(crate) ended_for_others: u64,
    /// The time of the newest command.
    pub(crate) time: u64,
    /// The time of the first command with each name.
    named: BTreeMap<Bytes, u64>,
    /// When leases were ended that the leader had counted down: the first time that any member had applied it.
    pub(crate) expired: BTreeMap<LeaseId, Time>,
}

/// What an entry did.
#[derive(Clone, Debug)]
pub struct Done {
    /// What it asked for; None for Raft's own entries.
    pub command: Option<Command>,
    /// The cluster's time, in nanoseconds.
    pub time: u64,
    /// What came of it, as far as it is told here.
    pub result: Option<Result<Outcome, Failure>>,
    /// The keyspace's revision afterwards.
    pub revision: u64,
    /// The oldest revision that can be read afterwards.
    pub floor: u64,
    /// Somebody lacks space afterwards.
    pub lacks_space: bool,
}

impl Model {
    /// A member writes this to its journal.
    pub fn writing(&mut self, save: &Save) {
        let LogChange::Append(entries) = &save.log else {
            return;
        };
        for entry in entries {
            if let Body::Command(bytes) = &entry.body
                && entry.position.index > self.applied()
            {
                let place = (entry.position.index, entry.position.term);
                self.written.insert(place, bytes.clone());
            }
        }
    }

    /// The last entry that any member has applied.
    #[must_use]
    pub fn applied(&self) -> Index {
        Index(self.done.len() as u64)
    }

    /// A member has applied the entries up to `applied`, whose terms are these from index 1.
    pub fn advance(&mut self, applied: Index, terms: &[Term], now: Time) {
        while self.applied() < applied {
            let index = self.applied().next();
            let Some(term) = usize::try_from(index.0 - 1)
                .ok()
                .and_then(|place| terms.get(place))
            else {
                return;
            };
            let bytes = self.written.remove(&(index, *term));
            let proposal = bytes.and_then(|bytes| Proposal::decode(&bytes).ok());
            let (command, result) = match proposal {
                None => (None, None),
                Some((time, Proposal { command, origin })) => {
                    let result = self.apply(index, time, &command, now);
                    self.look_at_alarm(index, origin.node, &command, result.as_ref());
                    (Some(command), result)
                }
            };
            self.done.push(Done {
                command,
                time: self.time,
                result,
                revision: self.keyspace.revision,
                floor: self.keyspace.floor,
                lacks_space: self.lacks_space(),
            });
        }
        self.written.retain(|(index, _), _| *index > applied);
    }

    /// What an entry did.
    #[must_use]
    pub fn at(&self, index: Index) -> Option<&Done> {
        let place = usize::try_from(index.0.checked_sub(1)?).ok()?;
        self.done.get(place)
    }

    /// The cluster's time when a command of this name was first applied.
    #[must_use]
    pub fn first_named(&self, name: &Bytes) -> Option<u64> {
        self.named.get(name).copied()
    }

    /// Whether anybody says that it lacks space.
    #[must_use]
    pub fn lacks_space(&self) -> bool {
        !self.no_space.is_empty()
    }

    fn look_at_alarm(
        &mut self,
        index: Index,
        from: NodeId,
        command: &Command,
        result: Option<&Result<Outcome, Failure>>,
    ) {
        let Command::Alarm { alarm, raised } = command else {
            return;
        };
        if !matches!(result, Some(Ok(Outcome::Alarm { changed: true }))) {
            return;
        }
        self.space_changed = index;
        if alarm.member != from && !raised {
            self.ended_for_others += 1;
        }
    }

    fn apply(
        &mut self,
        index: Index,
        time: ClusterTime,
        command: &Command,
        now: Time,
    ) -> Option<Result<Outcome, Failure>> {
        self.time = self.time.max(time.0);
        if let Command::Once(once) = command {
            self.named.entry(once.key.clone()).or_insert(self.time);
            // It may have been done before; what callers are told of it is compared elsewhere.
            return None;
        }
        if command.takes_space() && !self.no_space.is_empty() {
            return Some(Err(Failure::NoSpace));
        }
        let keyspace = &mut self.keyspace;
        Some(match command {
            Command::Put(put) => keyspace.write(|keyspace| {
                let previous = keyspace.put(put)?;
                Ok(Outcome::Put { previous })
            }),
            Command::DeleteRange { range, previous } => keyspace.write(|keyspace| {
                let (count, previous) = keyspace.delete(range, *previous);
                Ok(Outcome::Deleted { count, previous })
            }),
            Command::Transaction(transaction) => keyspace.write(|keyspace| {
                let chosen = keyspace.transact(transaction)?;
                Ok(Outcome::Transaction(chosen))
            }),
            Command::Compact { revision } => keyspace.compact(revision.0).map(|()| Outcome::Compacted),
            Command::LeaseGrant { id, ttl } => keyspace
                .grant(*id, *ttl)
                .map(|()| Outcome::LeaseGranted { id: *id, ttl: *ttl }),
            Command::LeaseRevoke { id } => keyspace.revoke(*id).map(|()| Outcome::LeaseRevoked),
            Command::LeaseExpire { ids } => {
                for id in ids {
                    if keyspace.revoke(*id).is_ok() {
                        self.expired.insert(*id, now);
                    }
                }
                Ok(Outcome::LeasesExpired)
            }
            Command::Alarm { alarm, raised } if alarm.kind == AlarmKind::NoSpace => {
                let changed = match raised {
                    true => self.no_space.insert(alarm.member),
                    false => self.no_space.remove(&alarm.member),
                };
                Ok(Outcome::Alarm { changed })
            }
            Command::Tree { path, change } => {
                self.temporary.change(index, path, change, self.time);
                return None;
            }
            Command::Expire => {
                self.temporary.expire(index, self.time);
                Ok(Outcome::Expired)
            }
            _ => return None,
        })
    }
}

/// How long after its time a file may still be there, in nanoseconds: its end has to go through the log.
const LATE_MAX: u64 = 2_000_000_000;

/// Compares the state of the member that leads with what it should be; `wall` is what its wall clock shows.
///
/// # Errors
/// What differs.
pub fn compare(model: &Model, node: &Node, wall: u64) -> Result<(), String> {
    if node.applied().index != model.applied() {
        return Ok(());
    }
    let (store, keyspace) = (node.store(), &model.keyspace);
    let everything = RangeQuery::of(KeyRange::all());
    let expected = keyspace.find(&everything, keyspace.revision, keyspace.floor);
    let found = store.query(&Query::Range(everything));
    if found != expected {
        return Err(format!("the keys are {found:?}, and {expected:?} is right"));
    }
    let leases: Vec<(LeaseId, u64)> = store
        .leases_after(None)
        .map(|(id, lease)| (id, lease.ttl))
        .collect();
    let expected: Vec<(LeaseId, u64)> = keyspace.leases.iter().map(|(id, ttl)| (*id, *ttl)).collect();
    if leases != expected {
        return Err(format!("the leases are {leases:?}, and {expected:?} is right"));
    }
    match model.temporary.next_end() {
        Some(end) if end + LATE_MAX < wall => {
            Err(format!("a file should be gone at {end}, and it is {wall}"))
        }
        _ => Ok(()),
    }
}
