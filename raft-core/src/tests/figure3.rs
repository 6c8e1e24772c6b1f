//! The five properties of Figure 3, that no read is stale, and that a snapshot is the state it says. Panics at the first
//! violation.

use std::collections::BTreeMap;

use crate::*;

/// What was ever true of a cluster.
#[derive(Default)]
pub(super) struct History {
    /// Who led each term, and the end of its log when last seen.
    leaders: BTreeMap<Term, (NodeId, Position)>,
    /// What stood before each entry that ever was in a log, and what it said.
    entries: BTreeMap<Position, (Position, Body)>,
    /// By index, with the term in which it was first seen to be committed.
    committed: BTreeMap<Index, (Position, Term)>,
    applied: Vec<Entry>,
    /// Up to where the log of each member was seen to be committed, in this life.
    seen: BTreeMap<NodeId, Index>,
    /// What was applied somewhere when the read was asked for.
    reads: BTreeMap<(NodeId, Boot, ReadId), Index>,
    pub(super) reads_confirmed: u64,
    pub(super) snapshots_installed: u64,
}

impl History {
    pub(super) fn restarted(&mut self, id: NodeId) {
        self.seen.remove(&id);
        self.reads.retain(|&(asker, ..), _| asker != id);
    }

    pub(super) fn last_applied(&self) -> usize {
        self.applied.len()
    }

    /// How many changes of membership were applied.
    pub(super) fn changes(&self) -> usize {
        let is_change = |entry: &&Entry| matches!(entry.body, Body::Change(_));
        self.applied.iter().filter(is_change).count()
    }

    /// State Machine Safety: no two members apply different entries at one index.
    pub(super) fn applied(&mut self, id: NodeId, entry: &Entry) {
        let place = entry.position.index.0 as usize - 1;
        match self.applied.get(place) {
            Some(first) => assert_eq!(first, entry, "State Machine Safety at {id}"),
            None => {
                assert_eq!(place, self.applied.len(), "{id} applies in order");
                self.applied.push(entry.clone());
            }
        }
    }

    /// State Machine Safety with a snapshot in place of entries: the state is what the others applied.
    pub(super) fn restored(&mut self, id: NodeId, mark: Position, state: &[Entry]) {
        let covered = mark.index.0 as usize;
        assert_eq!(
            self.applied.get(..covered),
            Some(state),
            "State Machine Safety: {id} restores what was applied"
        );
        self.snapshots_installed += 1;
    }

    pub(super) fn read_asked(&mut self, read: (NodeId, Boot, ReadId)) {
        self.reads.insert(read, Index(self.applied.len() as u64));
    }

    /// What was applied anywhere before the question is in the answer.
    pub(super) fn read_ready(&mut self, read: (NodeId, Boot, ReadId), index: Index) {
        let asked_at = self
            .reads
            .remove(&read)
            .expect("a read is confirmed once, in the life it was asked in");
        assert!(index >= asked_at, "a stale read: {index} is before {asked_at}");
        self.reads_confirmed += 1;
    }

    /// A read is given up once, and never confirmed afterwards.
    pub(super) fn read_dropped(&mut self, read: (NodeId, Boot, ReadId)) {
        assert!(self.reads.remove(&read).is_some(), "{read:?} did not wait");
    }

    /// Reads of a member that were neither confirmed nor given up.
    pub(super) fn reads_waiting(&self, id: NodeId) -> usize {
        self.reads.keys().filter(|(of, _, _)| *of == id).count()
    }

    pub(super) fn observe(&mut self, id: NodeId, raft: &Raft) {
        let mark = raft.mark().position;
        let seen = self.seen.get(&id).copied().unwrap_or_default();
        assert!(raft.commit_index() >= seen, "the commit index of {id} goes back");
        let from = seen.max(mark.index);
        let known = distance(mark.index, from);
        let mut before = position_at(raft, from).expect("what was committed is still there");
        for entry in raft.entries().skip(known) {
            let first = self
                .entries
                .entry(entry.position)
                .or_insert_with(|| (before, entry.body.clone()));
            assert_eq!(
                *first,
                (before, entry.body.clone()),
                "Log Matching at {id}, {}",
                entry.position
            );
            before = entry.position;
        }
        self.observe_dropped(id, mark, seen, raft.term());
        let news = distance(from, raft.commit_index());
        for entry in raft.entries().skip(known).take(news) {
            self.observe_committed(id, entry.position, raft.term());
        }
        self.seen.insert(id, raft.commit_index());
        if raft.is_leader() {
            self.observe_leader(id, raft);
        }
    }

    /// What is in no log any more was committed before: the entries from `seen` to the mark, each found by the one after.
    fn observe_dropped(&mut self, id: NodeId, mark: Position, seen: Index, term: Term) {
        let mut position = mark;
        while position.index > seen {
            self.observe_committed(id, position, term);
            position = self
                .entries
                .get(&position)
                .unwrap_or_else(|| panic!("{id} covers {position}, which was in no log"))
                .0;
        }
    }

    fn observe_committed(&mut self, id: NodeId, position: Position, term: Term) {
        let (first, _) = *self.committed.entry(position.index).or_insert((position, term));
        assert_eq!(first, position, "State Machine Safety: committed at {id}");
    }

    fn observe_leader(&mut self, id: NodeId, raft: &Raft) {
        let term = raft.term();
        let (leader, last) = *self.leaders.entry(term).or_insert_with(|| {
            let earlier = self
                .committed
                .values()
                .filter(|(_, committed_in)| *committed_in < term);
            for (position, _) in earlier {
                assert!(
                    has(raft, *position),
                    "Leader Completeness: {id} leads {term} without {position}"
                );
            }
            (id, raft.last())
        });
        assert_eq!(leader, id, "Election Safety: two leaders of term {term}");
        assert!(has(raft, last), "Leader Append-Only at {id}: {last} is gone");
        self.leaders.insert(term, (id, raft.last()));
    }
}

/// Whether the log has this entry, or a mark after it.
fn has(raft: &Raft, position: Position) -> bool {
    position.index < raft.mark().position.index || position_at(raft, position.index) == Some(position)
}

/// What stands at `index`; None before the mark and after the end.
fn position_at(raft: &Raft, index: Index) -> Option<Position> {
    let mark = raft.mark().position;
    match distance(mark.index, index) {
        0 => (index == mark.index).then_some(mark),
        after => raft.entries().nth(after - 1).map(|entry| entry.position),
    }
}

/// How many entries lie after `from` and not after `to`.
fn distance(from: Index, to: Index) -> usize {
    usize::try_from(to.0.saturating_sub(from.0)).expect("a small log")
}
