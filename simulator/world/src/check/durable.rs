//! What is promised is on disk. Beside each simulated disk stands a list of the Saves that were synced, and nothing else;
//! every promise is compared with that list at the moment it is made, and every recovery with it:
//!
//! - what is committed, hence what is acknowledged, is on the disks of a quorum at that moment;
//! - a vote, a candidacy and an acknowledged entry are on the disk of whoever speaks of them, and so is its term;
//! - recovery finds all that was synced, and at most the one Save that was being written, be it in the log or in a
//!   snapshot of what is committed;
//! - a snapshot of a member's own covers nothing that its log on disk does not have;
//! - a member that boots has applied what its disk knew to be committed, before it answers anybody.

use std::collections::BTreeMap;

use node::{Node, Part, PeerMessage};
use raft_core::{Ballot, Image, Index, NodeId, Position, Raft, Save, Term};
use thiserror::Error;

mod log;

use self::log::{Change, Log, place};
use super::electable::is_quorum;
use super::promise::Promise;

/// A promise that no disk stands behind.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Violation {
    /// What is committed could be lost with a minority.
    #[error("n{node} holds {position} for committed, and only {disks} of {members} disks have it")]
    CommittedNotDurable {
        /// Who.
        node: NodeId,
        /// What.
        position: Position,
        /// How many disks have it.
        disks: usize,
        /// How many there are.
        members: usize,
    },
    /// A message promises what a crash would undo.
    #[error("n{from} sent {message} of term {term}, and its disk has {held:?} and {entries} entries")]
    PromiseNotDurable {
        /// Who.
        from: NodeId,
        /// The RPC.
        message: &'static str,
        /// Its term.
        term: Term,
        /// The ballot on disk.
        held: Ballot,
        /// The entries on disk.
        entries: usize,
    },
    /// Recovery lost or invented something.
    #[error("n{node} recovered {found}, and its disk had {held}")]
    Recovery {
        /// Who.
        node: NodeId,
        /// What it found.
        found: String,
        /// What was synced.
        held: String,
    },
    /// A snapshot says more than the log on disk.
    #[error("n{node} saves the snapshot {mark}, and its disk had {held}")]
    SnapshotNotDurable {
        /// Who.
        node: NodeId,
        /// Of what.
        mark: Position,
        /// What was synced.
        held: String,
    },
    /// A restart forgot what its disk knew to be committed.
    #[error("n{node} serves at {applied} after a restart, and its disk had {commit} committed")]
    BehindCommit {
        /// Who.
        node: NodeId,
        /// What it has applied.
        applied: Index,
        /// What it should have.
        commit: Index,
    },
}

/// What the disks hold for certain.
#[derive(Clone, Debug)]
pub struct Durable {
    disks: BTreeMap<NodeId, Held>,
    /// The term of each entry that was found on a quorum's disks when it was held for committed, from index 1.
    committed: Vec<Term>,
}

/// One disk.
#[derive(Clone, Debug, Default)]
struct Held {
    synced: Log,
    /// What Saves said to be committed; the mark of the newest snapshot may say more, as long as that can be read.
    said: Index,
    /// Being written: there or not after a crash.
    writing: Option<Change>,
}

impl Durable {
    /// The disks of a new cluster.
    #[must_use]
    pub fn new(members: impl IntoIterator<Item = NodeId>) -> Durable {
        Durable {
            disks: members.into_iter().map(|id| (id, Held::default())).collect(),
            committed: Vec::new(),
        }
    }

    /// The term of each entry that is committed, from index 1.
    #[must_use]
    pub fn committed(&self) -> &[Term] {
        &self.committed
    }

    /// Whether a member of this id ever booted.
    #[must_use]
    pub fn knows(&self, id: NodeId) -> bool {
        self.disks.contains_key(&id)
    }

    /// What a member's disk knows to be committed.
    #[must_use]
    pub fn commit_on_disk(&self, id: NodeId) -> Index {
        self.disks.get(&id).map_or(Index(0), |held| held.synced.commit)
    }

    /// The last entry on a member's disk.
    #[must_use]
    pub fn last_on_disk(&self, id: NodeId) -> Index {
        self.disks.get(&id).map_or(Index(0), |held| held.synced.last())
    }

    /// There is a new member, with this on its disk.
    ///
    /// # Errors
    /// If it says that it has voted, or that something else is committed than what is.
    pub fn joined(&mut self, id: NodeId, image: &Image) -> Result<(), Violation> {
        let synced = Log::of(image, &self.committed);
        let commit = place(synced.commit.next()).min(synced.terms.len());
        let is_prefix = self.committed.get(..commit) == Some(&synced.terms[..commit]);
        if image.ballot != Ballot::default() || !is_prefix {
            return Err(Violation::Recovery {
                node: id,
                found: synced.shown(),
                held: "nothing, since it is new".to_owned(),
            });
        }
        self.disks.insert(
            id,
            Held {
                said: synced.commit,
                synced,
                writing: None,
            },
        );
        Ok(())
    }

    /// A member began to write this.
    pub fn writing(&mut self, id: NodeId, save: &Save) {
        self.held(id).writing = Some(Change::of(save));
    }

    /// What it wrote is synced.
    pub fn synced(&mut self, id: NodeId) {
        let held = self.disks.get_mut(&id).expect("a member has a disk");
        if let Some(written) = held.writing.take() {
            held.said = held.said.max(written.commit);
            held.synced.apply(written, &self.committed);
        }
    }

    /// A member recovered this and booted with it.
    ///
    /// # Errors
    /// If it is neither what was synced nor that with what was being written, or is not all applied that can be.
    pub fn booted(&mut self, id: NodeId, image: &Image, node: &Node) -> Result<(), Violation> {
        let (mark, committed) = (image.snapshot.position, &self.committed);
        let found = Log::of(image, committed);
        let held = self.disks.get_mut(&id).expect("a member has a disk");
        let with_last = held.writing.take().map(|change| {
            let said = held.said.max(change.commit);
            let mut log = held.synced.clone();
            log.apply(change, committed);
            (log, said)
        });
        let as_synced = (held.synced.clone(), held.said);
        let is_that = |(log, said): &(Log, Index)| {
            found.is(&log.clone().behind(mark, committed), mark.index.max(*said))
        };
        let Some((_, said)) = [Some(as_synced), with_last].into_iter().flatten().find(is_that) else {
            return Err(Violation::Recovery {
                node: id,
                found: found.shown(),
                held: held.synced.shown(),
            });
        };
        let (applied, commit) = (node.applied().index, found.commit);
        *held = Held {
            said,
            synced: found,
            writing: None,
        };
        // Whoever finds itself named applies nothing more until it has another state, and answers nobody.
        if applied < commit && !node.raft().wants_snapshot() {
            return Err(Violation::BehindCommit {
                node: id,
                applied,
                commit,
            });
        }
        Ok(())
    }

    /// A member says this to a peer.
    ///
    /// # Errors
    /// If it promises what its disk does not have.
    pub fn says(&self, message: &PeerMessage) -> Result<(), Violation> {
        let Some(Held { synced: held, .. }) = self.disks.get(&message.from) else {
            return Ok(());
        };
        for part in &message.parts {
            if let Part::Raft(envelope) = part
                && !Promise::of(envelope).is_kept(envelope.term, held.ballot(), held.last())
            {
                return Err(Violation::PromiseNotDurable {
                    from: message.from,
                    message: envelope.message.name(),
                    term: envelope.term,
                    held: held.ballot,
                    entries: held.terms.len(),
                });
            }
        }
        Ok(())
    }

    /// A member's Raft looks like this now.
    ///
    /// # Errors
    /// If it holds for committed what a quorum's disks do not have.
    pub fn observe(&mut self, id: NodeId, raft: &Raft) -> Result<(), Violation> {
        let commit = raft.commit_index();
        let checked = self.committed.len();
        if commit <= Index(checked as u64) {
            return Ok(());
        }
        // By Log Matching the newest stands for all before it.
        let newest = raft.mark_at(commit).expect("what is committed is in the log");
        let position = newest.position;
        let has = |id: NodeId| self.disks.get(&id).is_some_and(|held| held.synced.has(position));
        // The leader counted by what its log says; another may see it first, with an older or a newer membership.
        let memberships = [raft.log_membership(), raft.committed_membership()];
        if !memberships
            .into_iter()
            .any(|membership| is_quorum(membership, has))
        {
            return Err(Violation::CommittedNotDurable {
                node: id,
                position,
                disks: self.disks.keys().filter(|id| has(**id)).count(),
                members: memberships[0].voters.len(),
            });
        }
        // What memory dropped is on disk.
        let on_disk = &self.disks[&id].synced.terms;
        let term = |place: usize| {
            let at = raft.mark_at(Index(place as u64 + 1));
            at.map_or_else(|| on_disk[place], |mark| mark.position.term)
        };
        self.committed.extend((checked..=place(commit)).map(term));
        Ok(())
    }

    /// A member begins to save a snapshot of its own.
    ///
    /// # Errors
    /// If its log on disk does not reach it: after a crash it would be taken for a leader's, and the log would go.
    pub fn saves_snapshot(&self, id: NodeId, mark: Position) -> Result<(), Violation> {
        let held = &self.disks[&id].synced;
        if held.has(mark) {
            return Ok(());
        }
        Err(Violation::SnapshotNotDurable {
            node: id,
            mark,
            held: held.shown(),
        })
    }

    fn held(&mut self, id: NodeId) -> &mut Held {
        self.disks.get_mut(&id).expect("a member has a disk")
    }
}

#[cfg(test)]
mod tests;
