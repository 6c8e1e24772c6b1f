//! The five properties of Figure 3, and that no read is stale. Panics at the first violation.

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
    committed: Vec<(Position, Term)>,
    applied: Vec<Entry>,
    /// Up to where the log of each member was seen to be committed, in this life.
    seen: BTreeMap<NodeId, Index>,
    /// What was applied somewhere when the read was asked for.
    reads: BTreeMap<(NodeId, Boot, ReadId), Index>,
    pub(super) reads_confirmed: u64,
}

impl History {
    pub(super) fn restarted(&mut self, id: NodeId) {
        self.seen.remove(&id);
        self.reads.retain(|&(asker, ..), _| asker != id);
    }

    pub(super) fn last_applied(&self) -> usize {
        self.applied.len()
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

    /// Reads that were neither confirmed nor given up.
    pub(super) fn reads_waiting(&self) -> usize {
        self.reads.len()
    }

    pub(super) fn observe(&mut self, id: NodeId, raft: &Raft) {
        let from = self.seen.get(&id).copied().unwrap_or_default();
        let known = from.0 as usize;
        let mut before = position_at(raft, from);
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
        let news = raft.commit_index().0 as usize - known;
        for entry in raft.entries().skip(known).take(news) {
            let place = entry.position.index.0 as usize - 1;
            if place == self.committed.len() {
                self.committed.push((entry.position, raft.term()));
            }
            assert_eq!(
                self.committed[place].0, entry.position,
                "State Machine Safety: committed at {id}"
            );
        }
        self.seen.insert(id, raft.commit_index());
        if raft.is_leader() {
            self.observe_leader(id, raft);
        }
    }

    fn observe_leader(&mut self, id: NodeId, raft: &Raft) {
        let term = raft.term();
        let (leader, last) = *self.leaders.entry(term).or_insert_with(|| {
            let earlier = self
                .committed
                .iter()
                .filter(|(_, committed_in)| *committed_in < term);
            for (position, _) in earlier {
                let ours = position_at(raft, position.index);
                assert_eq!(ours, *position, "Leader Completeness: {id} leads {term}");
            }
            (id, raft.last())
        });
        assert_eq!(leader, id, "Election Safety: two leaders of term {term}");
        assert_eq!(position_at(raft, last.index), last, "Leader Append-Only at {id}");
        self.leaders.insert(term, (id, raft.last()));
    }
}

/// What stands at `index`; nothing at 0 and after the end.
fn position_at(raft: &Raft, index: Index) -> Position {
    let before = usize::try_from(index.previous().0).expect("a small log");
    let entry = raft.entries().nth(before).filter(|_| index > Index(0));
    entry.map_or(Position::default(), |entry| entry.position)
}
