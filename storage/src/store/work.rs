//! Commands on very many keys, in slices.

use std::collections::VecDeque;

use super::Store;
use super::command::{Applied, Failure, Outcome};
use super::mvcc::{Deleting, Transacting};
use super::query::{LeaseId, Revision};
use super::tree::{Expiring, Removing};

/// Rows that one call looks at: about a millisecond's worth.
pub(super) const ROWS_PER_SLICE: usize = 400;
/// Changes that compaction looks at on the way of every command: more than a command makes, so that it gets done.
const TIDIED_PER_COMMAND: usize = 2;
/// Changes that compaction looks at when a leader has nothing else to do.
const TIDIED_PER_CONTINUE: usize = 200;

/// A command that is being carried out.
#[derive(Clone, Debug)]
pub(super) enum Job {
    /// Keys of a range go.
    Delete(Deleting),
    /// A transaction.
    Transact(Box<Transacting>),
    /// A node of the tree goes, with all below it.
    Remove(Removing),
    /// Nodes of the tree whose time is over go.
    Expire(Expiring),
    /// Leases go.
    Revoke {
        /// The keys of the lease that comes next, if some are gone already.
        current: Option<Deleting>,
        /// Those whose turn it is.
        ids: VecDeque<LeaseId>,
        /// Whether their time is over, and nobody asked for it.
        expired: bool,
    },
}

impl Store {
    /// Carries on with the command that [`Store::apply`] began, for about a millisecond.
    ///
    /// # Panics
    /// If none was begun.
    pub fn work(&mut self) -> Applied {
        let mut job = self.job.take().expect("a command is begun");
        match self.work_on(&mut job, self.rows_per_slice()) {
            Some(result) => {
                self.name_done(&result);
                Applied::Done(result)
            }
            None => {
                self.job = Some(job);
                Applied::Working
            }
        }
    }

    /// Whether work is left that no command waits for: every command does a little of it, and
    /// [`Command::Continue`](super::command::Command::Continue) more.
    #[must_use]
    pub fn has_pending(&self) -> bool {
        self.keyspace.has_pending()
    }

    /// The rows that were looked at or changed so far: what turns are measured by. Not part of the state.
    #[must_use]
    pub fn effort(&self) -> u64 {
        self.keyspace.effort() + self.tree.effort()
    }

    /// Carries a command out at once if it is small, and else begins it.
    pub(super) fn begin(&mut self, mut job: Job) -> Applied {
        assert!(self.job.is_none(), "one command after the other");
        if self.rows_of(&job) <= self.rows_per_slice()
            && let Some(outcome) = self.work_on(&mut job, usize::MAX)
        {
            return Applied::Done(outcome);
        }
        self.job = Some(job);
        Applied::Working
    }

    /// Does a piece of what is pending, on the way of a command.
    pub(super) fn tidy_a_little(&mut self) {
        self.keyspace.tidy(TIDIED_PER_COMMAND);
    }

    /// Does a larger piece.
    pub(super) fn tidy_more(&mut self) {
        self.keyspace.tidy(TIDIED_PER_CONTINUE);
    }

    /// How many rows a job looks at; one more than a slice stands for any more.
    fn rows_of(&self, job: &Job) -> usize {
        let rows_max = self.rows_per_slice() + 1;
        match job {
            Job::Delete(deleting) => self.keyspace.rows_to_delete(deleting, rows_max),
            Job::Transact(transacting) => self.keyspace.rows_of_transaction(transacting, rows_max),
            Job::Remove(removing) => self.tree.rows_to_remove(removing, rows_max),
            Job::Expire(_) => self.tree.rows_to_expire(self.time, rows_max),
            Job::Revoke { ids, .. } => ids.iter().fold(0, |rows: usize, id| {
                if rows >= rows_max {
                    return rows;
                }
                let keys = Deleting::keys_of(*id);
                rows + 1 + self.keyspace.rows_to_delete(&keys, rows_max - rows)
            }),
        }
    }

    fn work_on(&mut self, job: &mut Job, rows_max: usize) -> Option<Result<Outcome, Failure>> {
        match job {
            Job::Delete(deleting) => {
                let modified = self.revision_in_the_making();
                self.keyspace.delete_some(deleting, modified, rows_max)?;
                self.keyspace.made_if(modified, deleting.count > 0);
                Some(Ok(Outcome::Deleted {
                    count: deleting.count,
                    previous: std::mem::take(&mut deleting.gone),
                }))
            }
            Job::Transact(transacting) => {
                let modified = self.revision_in_the_making();
                let chosen = self.keyspace.transact(transacting, modified, rows_max)?;
                self.keyspace.made_if(modified, transacting.changed);
                Some(Ok(Outcome::Transaction(chosen)))
            }
            Job::Remove(removing) => {
                let (event, _) = self.tree.remove_some(removing, self.time, rows_max)?;
                Some(Ok(Outcome::Tree(event)))
            }
            Job::Expire(expiring) => {
                let done = self.tree.expire_some(expiring, self.time, rows_max);
                done.then_some(Ok(Outcome::Expired))
            }
            Job::Revoke {
                current,
                ids,
                expired,
            } => {
                let mut rows_left = rows_max;
                while let Some(&id) = ids.front() {
                    let keys = current.get_or_insert_with(|| Deleting::keys_of(id));
                    let modified = self.revision_in_the_making();
                    rows_left = self.keyspace.delete_some(keys, modified, rows_left)?;
                    self.keyspace.made_if(modified, keys.count > 0);
                    self.keyspace.leases.remove(id);
                    *current = None;
                    ids.pop_front();
                    rows_left = rows_left.saturating_sub(1);
                    if rows_left == 0 && !ids.is_empty() {
                        return None;
                    }
                }
                Some(Ok(if *expired {
                    Outcome::LeasesExpired
                } else {
                    Outcome::LeaseRevoked
                }))
            }
        }
    }

    fn rows_per_slice(&self) -> usize {
        #[cfg(test)]
        if let Some(rows) = self.rows_per_slice {
            return rows;
        }
        ROWS_PER_SLICE
    }

    fn revision_in_the_making(&self) -> Revision {
        Revision(self.keyspace.revision().0 + 1)
    }
}
