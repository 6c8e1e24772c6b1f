//! What is promised is on disk. Beside each simulated disk stands a list of the Saves that were synced, and nothing else;
//! every promise is compared with that list at the moment it is made, and every recovery with it:
//!
//! - what is committed, hence what is acknowledged, is on the disks of a quorum at that moment;
//! - a vote, a candidacy and an acknowledged entry are on the disk of whoever speaks of them, and so is its term;
//! - recovery finds all that was synced, and at most the one Save that was being written;
//! - a member that boots has applied what its disk knew to be committed, before it answers anybody.

use std::collections::BTreeMap;

use node::{Node, Part, PeerMessage};
use raft_core::{Ballot, Image, Index, LogChange, NodeId, Position, Raft, Save, Term};
use thiserror::Error;

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
    /// Up to where what is committed was found on a quorum's disks.
    checked: Index,
}

/// One disk.
#[derive(Clone, Debug, Default)]
struct Held {
    synced: Log,
    /// Being written: there or not after a crash.
    writing: Option<Change>,
}

/// What a Save changes.
#[derive(Clone, Debug)]
struct Change {
    ballot: Option<Ballot>,
    commit: Index,
    /// How many of the entries before stay.
    kept: Option<usize>,
    terms: Vec<Term>,
}

/// The state that a list of Saves amounts to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Log {
    ballot: Ballot,
    commit: Index,
    /// The term of each entry, from index 1.
    terms: Vec<Term>,
}

impl Log {
    fn apply(&mut self, change: Change) {
        self.ballot = change.ballot.unwrap_or(self.ballot);
        self.commit = change.commit;
        if let Some(kept) = change.kept {
            self.terms.truncate(kept);
        }
        self.terms.extend(change.terms);
    }

    fn of(image: &Image) -> Log {
        Log {
            ballot: image.ballot,
            commit: image.commit,
            terms: image.entries.iter().map(|entry| entry.position.term).collect(),
        }
    }

    fn last(&self) -> Index {
        Index(self.terms.len() as u64)
    }

    fn has(&self, position: Position) -> bool {
        self.terms.get(place(position.index)) == Some(&position.term)
    }

    fn shown(&self) -> String {
        let last = self.terms.last().copied().unwrap_or_default();
        let (ballot, commit, entries) = (self.ballot, self.commit, self.terms.len());
        format!("{ballot:?}, commit {commit}, {entries} entries up to term {last}")
    }
}

impl Change {
    fn of(save: &Save) -> Change {
        let entries = match &save.log {
            LogChange::Keep => &[][..],
            LogChange::Append(entries) => entries,
            LogChange::Reset(mark) => panic!("there are no snapshots yet, and the log begins after {mark:?}"),
        };
        Change {
            ballot: save.ballot,
            commit: save.commit,
            kept: entries.first().map(|first| place(first.position.index)),
            terms: entries.iter().map(|entry| entry.position.term).collect(),
        }
    }
}

impl Durable {
    /// The disks of a new cluster.
    #[must_use]
    pub fn new(members: impl IntoIterator<Item = NodeId>) -> Durable {
        Durable {
            disks: members.into_iter().map(|id| (id, Held::default())).collect(),
            checked: Index(0),
        }
    }

    /// A member began to write this.
    pub fn writing(&mut self, id: NodeId, save: &Save) {
        self.held(id).writing = Some(Change::of(save));
    }

    /// What it wrote is synced.
    pub fn synced(&mut self, id: NodeId) {
        let held = self.held(id);
        if let Some(written) = held.writing.take() {
            held.synced.apply(written);
        }
    }

    /// A member recovered this and booted with it.
    ///
    /// # Errors
    /// If it is neither what was synced nor that with what was being written, or is not all applied that can be.
    pub fn booted(&mut self, id: NodeId, image: &Image, node: &Node) -> Result<(), Violation> {
        let found = Log::of(image);
        let held = self.held(id);
        let with_last = held.writing.take().map(|change| {
            let mut log = held.synced.clone();
            log.apply(change);
            log
        });
        if found != held.synced && Some(&found) != with_last.as_ref() {
            return Err(Violation::Recovery {
                node: id,
                found: found.shown(),
                held: held.synced.shown(),
            });
        }
        let (applied, commit) = (node.applied().index, found.commit);
        *held = Held {
            synced: found,
            writing: None,
        };
        if applied < commit {
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
        let held = &self.disks[&message.from].synced;
        for part in &message.parts {
            if let Part::Raft(envelope) = part
                && !Promise::of(envelope).is_kept(envelope.term, held.ballot, held.last())
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
        if commit <= self.checked {
            return Ok(());
        }
        // By Log Matching the newest stands for all before it.
        let newest = raft
            .entries()
            .nth(place(commit))
            .expect("what is committed is in the log");
        let position = newest.position;
        let disks = self
            .disks
            .values()
            .filter(|held| held.synced.has(position))
            .count();
        if disks * 2 <= self.disks.len() {
            return Err(Violation::CommittedNotDurable {
                node: id,
                position,
                disks,
                members: self.disks.len(),
            });
        }
        self.checked = commit;
        Ok(())
    }

    fn held(&mut self, id: NodeId) -> &mut Held {
        self.disks.get_mut(&id).expect("a member has a disk")
    }
}

/// Where the entry with this index stands in a list of all entries.
fn place(index: Index) -> usize {
    usize::try_from(index.previous().0).expect("a log in memory")
}

#[cfg(test)]
mod tests {
    use raft_core::{AppendOutcome, Body, Boot, Entry, Envelope, Message, Stamp, VoteAnswer};

    use super::*;

    const ONE: NodeId = NodeId(1);

    fn durable() -> Durable {
        Durable::new((1..=3).map(NodeId))
    }

    fn save(term: u64, indexes: std::ops::RangeInclusive<u64>) -> Save {
        let entry = |index| Entry {
            position: Position {
                term: Term(term),
                index: Index(index),
            },
            body: Body::Blank,
        };
        Save {
            stamp: Stamp(1),
            ballot: Some(Ballot {
                term: Term(term),
                voted_for: Some(ONE),
            }),
            commit: Index(0),
            log: LogChange::Append(indexes.map(entry).collect()),
        }
    }

    fn says(durable: &Durable, term: u64, message: Message) -> bool {
        let envelope = Envelope {
            from: ONE,
            to: NodeId(2),
            term: Term(term),
            message,
        };
        let message = PeerMessage {
            from: ONE,
            from_boot: Boot(1),
            to: NodeId(2),
            parts: vec![Part::Raft(envelope)],
        };
        durable.says(&message).is_ok()
    }

    #[test]
    fn a_promise_needs_a_sync() {
        let mut durable = durable();
        let matched = || Message::AppendEntriesReply(AppendOutcome::Matched(Index(2)));
        let candidacy = || Message::RequestVote {
            last: Position::default(),
            transfer: false,
        };
        durable.writing(ONE, &save(3, 1..=2));
        assert!(!says(&durable, 3, matched()));
        assert!(!says(&durable, 3, candidacy()));
        durable.synced(ONE);
        assert!(says(&durable, 3, matched()));
        assert!(says(&durable, 3, candidacy()));
        assert!(
            !says(&durable, 3, Message::RequestVoteReply(VoteAnswer::Granted)),
            "the vote was another's"
        );
        assert!(
            !says(&durable, 4, Message::RequestVoteReply(VoteAnswer::Refused)),
            "the term is not on disk"
        );
    }

    #[test]
    fn an_entry_replaced_on_disk_is_gone_from_it() {
        let mut durable = durable();
        for save in [save(1, 1..=3), save(2, 2..=2)] {
            durable.writing(ONE, &save);
            durable.synced(ONE);
        }
        let held = &durable.disks[&ONE].synced;
        assert_eq!(held.terms, [Term(1), Term(2)]);
    }
}
