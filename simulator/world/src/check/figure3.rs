//! The five properties of Figure 3 of the Raft paper, over all members of a cluster and over all of its past.
//!
//! [`Figure3`] is told of every member after each of its inputs ([`Figure3::observe`]), of every entry applied
//! ([`Figure3::applied`]) and of every restart ([`Figure3::restarted`]). It remembers what was true once, so a
//! violation is found even if no two members show it at the same time. An observation takes time proportional to what
//! is new, not to the log; only after a truncation to what the member has not committed.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry as Slot;

use raft_core::{Body, Entry, Index, NodeId, Position, Raft, Term};
use thiserror::Error;

/// A property of Figure 3 that does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Violation {
    /// At most one leader can be elected in a given term.
    #[error("Election Safety: n{first} and n{second} both led term {term}")]
    ElectionSafety {
        /// The term.
        term: Term,
        /// Who was seen to lead it first.
        first: NodeId,
        /// Who else.
        second: NodeId,
    },
    /// A leader never overwrites or deletes entries in its log; it only appends.
    #[error("Leader Append-Only: n{leader}, leading term {term}, no longer has its entry {lost}")]
    LeaderAppendOnly {
        /// The term.
        term: Term,
        /// The leader.
        leader: NodeId,
        /// The entry that it had and has not.
        lost: Position,
    },
    /// If two logs contain an entry with the same index and term, they are identical up to it.
    #[error(
        "Log Matching: n{node} has {position} after {before}, elsewhere it is another entry or after {elsewhere}"
    )]
    LogMatching {
        /// Whose log differs from one seen before.
        node: NodeId,
        /// The entry that both have.
        position: Position,
        /// What stands before it here.
        before: Position,
        /// What stood before it there.
        elsewhere: Position,
    },
    /// An entry committed in a term is in the logs of the leaders of all later terms.
    #[error("Leader Completeness: n{leader}, leading term {term}, lacks the committed entry {missing}")]
    LeaderCompleteness {
        /// The term.
        term: Term,
        /// The leader.
        leader: NodeId,
        /// The committed entry.
        missing: Position,
    },
    /// No two members apply, or hold for committed, different entries at one index.
    #[error("State Machine Safety: {first} was final, but n{node} has {second} in its place")]
    StateMachineSafety {
        /// Who disagrees.
        node: NodeId,
        /// The entry applied or committed first.
        first: Position,
        /// The other one.
        second: Position,
    },
}

/// All that was ever seen of a cluster, as far as Figure 3 asks for it.
#[derive(Clone, Debug, Default)]
pub struct Figure3 {
    reigns: BTreeMap<Term, Reign>,
    /// For each entry ever in a log: what stood before it, and what it says.
    entries: BTreeMap<Position, (Position, Body)>,
    committed: BTreeMap<Index, Committed>,
    applied: BTreeMap<Index, Entry>,
    /// How each member looked when it was seen last, in this life.
    seen: BTreeMap<NodeId, Seen>,
}

/// What is known of a member's log: it was checked to its end, and is final up to its commit index.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Seen {
    term: Term,
    leads: bool,
    last: Position,
    commit: Index,
}

/// A leader and its term.
#[derive(Clone, Debug)]
struct Reign {
    leader: NodeId,
    /// The end of its log when it was seen last.
    last: Position,
    /// It was found to have what was committed before its term up to here.
    complete_to: Index,
}

#[derive(Clone, Copy, Debug)]
struct Committed {
    position: Position,
    /// The term in which it was first seen to be committed.
    term: Term,
}

impl Figure3 {
    /// The member `id` looks like this now.
    ///
    /// # Errors
    /// The property that it shows to be broken.
    pub fn observe(&mut self, id: NodeId, raft: &Raft) -> Result<(), Violation> {
        let before = self.seen.get(&id).copied().unwrap_or_default();
        let seen = Seen {
            term: raft.term(),
            leads: raft.is_leader(),
            last: raft.last(),
            commit: raft.commit_index(),
        };
        if seen == before {
            return Ok(());
        }
        if raft.is_leader() {
            self.election_safety(id, raft)?;
            self.leader_append_only(raft)?;
        }
        self.log_matching(id, raft, before)?;
        self.commits_agree(id, raft, before)?;
        if raft.is_leader() {
            self.leader_completeness(raft)?;
        }
        self.seen.insert(id, seen);
        Ok(())
    }

    /// The member `id` applied this entry.
    ///
    /// # Errors
    /// State Machine Safety, if another was applied in its place.
    pub fn applied(&mut self, id: NodeId, entry: &Entry) -> Result<(), Violation> {
        let first = self
            .applied
            .entry(entry.position.index)
            .or_insert_with(|| entry.clone());
        if first == entry {
            return Ok(());
        }
        Err(Violation::StateMachineSafety {
            node: id,
            first: first.position,
            second: entry.position,
        })
    }

    /// The member `id` was booted: it may know less than it did.
    pub fn restarted(&mut self, id: NodeId) {
        self.seen.remove(&id);
    }

    /// At most one leader can be elected in a given term (Raft 5.2).
    fn election_safety(&mut self, id: NodeId, raft: &Raft) -> Result<(), Violation> {
        let term = raft.term();
        let reign = self.reigns.entry(term).or_insert_with(|| Reign {
            leader: id,
            last: raft.last(),
            complete_to: Index(0),
        });
        if reign.leader == id {
            return Ok(());
        }
        Err(Violation::ElectionSafety {
            term,
            first: reign.leader,
            second: id,
        })
    }

    /// A leader only appends (Raft 5.3). By Log Matching its former last entry stands for all before it.
    fn leader_append_only(&mut self, raft: &Raft) -> Result<(), Violation> {
        let Some(reign) = self.reigns.get_mut(&raft.term()) else {
            return Ok(());
        };
        if !has(raft, reign.last) {
            return Err(Violation::LeaderAppendOnly {
                term: raft.term(),
                leader: reign.leader,
                lost: reign.last,
            });
        }
        reign.last = raft.last();
        Ok(())
    }

    /// An entry says the same and follows the same in every log, so logs that share it are identical up to it
    /// (Raft 5.3).
    fn log_matching(&mut self, id: NodeId, raft: &Raft, before: Seen) -> Result<(), Violation> {
        let mark = raft.mark().position;
        // What ends as it ended before was not truncated since.
        let checked = if has(raft, before.last) {
            before.last.index
        } else {
            before.commit
        };
        let from = checked.max(mark.index);
        let mut before = position_at(raft, from).unwrap_or(mark);
        for entry in raft.entries().skip(distance(mark.index, from)) {
            match self.entries.entry(entry.position) {
                Slot::Vacant(slot) => {
                    slot.insert((before, entry.body.clone()));
                }
                Slot::Occupied(slot) => {
                    let (elsewhere, body) = slot.get();
                    if *elsewhere != before || *body != entry.body {
                        return Err(Violation::LogMatching {
                            node: id,
                            position: entry.position,
                            before,
                            elsewhere: *elsewhere,
                        });
                    }
                }
            }
            before = entry.position;
        }
        Ok(())
    }

    /// What one holds for committed no other replaces (Raft 5.4.3): State Machine Safety before anything is applied.
    fn commits_agree(&mut self, id: NodeId, raft: &Raft, before: Seen) -> Result<(), Violation> {
        let term = raft.term();
        // What was dropped since, or came with a snapshot: each entry tells the one before it.
        let mut dropped = raft.mark().position;
        while dropped.index > before.commit {
            self.commit_agrees(id, dropped, term)?;
            let Some((earlier, _)) = self.entries.get(&dropped) else {
                break;
            };
            dropped = *earlier;
        }
        let mark = raft.mark().position.index;
        let from = before.commit.max(mark);
        let news = distance(from, raft.commit_index());
        for entry in raft.entries().skip(distance(mark, from)).take(news) {
            self.commit_agrees(id, entry.position, term)?;
        }
        Ok(())
    }

    fn commit_agrees(&mut self, id: NodeId, position: Position, term: Term) -> Result<(), Violation> {
        let committed = Committed { position, term };
        let first = self.committed.entry(position.index).or_insert(committed);
        if first.position == position {
            return Ok(());
        }
        Err(Violation::StateMachineSafety {
            node: id,
            first: first.position,
            second: position,
        })
    }

    /// A leader has whatever was committed in the terms before its own (Raft 5.4.3).
    fn leader_completeness(&mut self, raft: &Raft) -> Result<(), Violation> {
        let term = raft.term();
        let Some(reign) = self.reigns.get_mut(&term) else {
            return Ok(());
        };
        for (&index, committed) in self.committed.range(reign.complete_to.next()..) {
            if committed.term < term && !has(raft, committed.position) {
                return Err(Violation::LeaderCompleteness {
                    term,
                    leader: reign.leader,
                    missing: committed.position,
                });
            }
            reign.complete_to = index;
        }
        Ok(())
    }
}

/// Whether the log has this entry, or a snapshot in its place.
fn has(raft: &Raft, position: Position) -> bool {
    position.index < raft.mark().position.index || position_at(raft, position.index) == Some(position)
}

fn position_at(raft: &Raft, index: Index) -> Option<Position> {
    let mark = raft.mark().position;
    match distance(mark.index, index) {
        0 => (index == mark.index).then_some(mark),
        after => raft.entries().nth(after - 1).map(|entry| entry.position),
    }
}

/// How many entries lie after `from` and not after `to`.
fn distance(from: Index, to: Index) -> usize {
    usize::try_from(to.0.saturating_sub(from.0)).expect("a log in memory fits usize")
}

#[cfg(test)]
mod tests;
