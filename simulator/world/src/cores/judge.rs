//! What must hold at every step, told of everything that happens.

use raft_core::{Entry, Envelope, Index, NodeId, Position, Raft, ReadId};

use super::machine::Machine;
use super::seat::{Disk, Seat};
use super::wire::slot;
use crate::check::Violation;
use crate::check::electable::{self, Standing};
use crate::check::figure3::Figure3;
use crate::check::promise::Promise;
use crate::check::read_index::ReadIndex;
use crate::check::votes::Votes;

/// The full invariants of a core take time proportional to its log: once in so many turns.
const FULL_CHECK_EVERY: u64 = 512;

/// All checks of one run.
#[derive(Debug, Default)]
pub(crate) struct Judge {
    figure3: Figure3,
    reads: ReadIndex,
    votes: Votes,
    /// The state's hash after each entry, from index 1.
    states: Vec<u64>,
    /// The newest entry that anybody holds for committed.
    committed: Position,
    turns: u64,
    pub(crate) reads_confirmed: u64,
}

impl Judge {
    pub(crate) fn crashed(&mut self, id: NodeId) {
        self.figure3.restarted(id);
        self.reads.restarted(id);
    }

    /// Another cluster begins, with somebody whose state covers the entries up to `applied`. What else was committed in the
    /// old one may be lost.
    pub(crate) fn begin_anew(&mut self, applied: Index) {
        self.states
            .truncate(usize::try_from(applied.0).expect("a state in memory"));
        *self = Judge {
            states: std::mem::take(&mut self.states),
            turns: self.turns,
            reads_confirmed: self.reads_confirmed,
            ..Judge::default()
        };
    }

    /// The newest entry that anybody holds for committed.
    pub(crate) fn committed(&self) -> Position {
        self.committed
    }

    /// A member sends this, with this on its disk.
    pub(crate) fn sends(&mut self, envelope: &Envelope, raft: &Raft, disk: &Disk) -> Result<(), Violation> {
        let promise = Promise::of(envelope);
        let (ballot, last) = (disk.image.ballot, disk.last());
        // As of boot, an entry proves its term.
        let mut kept = promise.is_kept(envelope.term, ballot, last.index);
        if let Promise::Entries(index) = promise
            && kept
        {
            // It is the same entry, not only one at the same place.
            let mark = raft.mark().position.index;
            let ours = raft
                .entries()
                .nth(slot_after(mark, index))
                .map(|entry| entry.position);
            kept = index <= mark || ours.is_some_and(|position| disk.has(position));
        }
        if !kept {
            let (from, term, name) = (envelope.from, envelope.term, envelope.message.name());
            let story = format!(
                "n{from} sent {name} of term {term}, and its disk has {ballot:?} and a log up to {last}"
            );
            return Err(Violation::new("promises are durable", story));
        }
        self.votes
            .sends(envelope)
            .map_err(|error| Violation::new("one vote a term", error))
    }

    /// A member applied this, which made its state what it is. Returns whether it is the first to.
    pub(crate) fn applied(
        &mut self,
        id: NodeId,
        entry: &Entry,
        machine: &Machine,
    ) -> Result<bool, Violation> {
        let place = slot_after(Index(0), entry.position.index);
        match self.states.get(place) {
            None => {
                assert_eq!(
                    place,
                    self.states.len(),
                    "the first to apply an entry applied all before"
                );
                self.states.push(machine.hash);
                Ok(true)
            }
            Some(&hash) if hash == machine.hash => Ok(false),
            Some(_) => {
                let story = format!(
                    "n{id} applied {}, where another applied something else",
                    entry.position
                );
                Err(Violation::new("State Machine Safety", story))
            }
        }
    }

    /// A member's state became what a snapshot says.
    pub(crate) fn restored(&mut self, id: NodeId, machine: &Machine) -> Result<(), Violation> {
        let mark = machine.applied;
        if self.states.get(slot_after(Index(0), mark.index)) == Some(&machine.hash) {
            return Ok(());
        }
        let story = format!("n{id} restored a state at {mark} that is not what others have there");
        Err(Violation::new("State Machine Safety", story))
    }

    pub(crate) fn read_asked(&mut self, id: NodeId, read: ReadId) {
        self.reads.asked(id, read);
    }

    /// It will not be answered, and whoever asked knows.
    pub(crate) fn read_given_up(&mut self, id: NodeId, read: ReadId) {
        self.reads.given_up(id, read);
    }

    /// Of whom a read was asked in its present life that was neither answered nor given up.
    pub(crate) fn reads_waiting(&self) -> impl Iterator<Item = NodeId> {
        self.reads.waiting()
    }

    pub(crate) fn read_ready(&mut self, id: NodeId, read: ReadId, index: Index) -> Result<(), Violation> {
        self.reads_confirmed += 1;
        self.reads
            .ready(id, read, index)
            .map_err(|error| Violation::new("linearizable reads", error))
    }

    /// A member's turn is over.
    pub(crate) fn observe(&mut self, id: NodeId, seats: &[Seat]) -> Result<(), Violation> {
        let Some(raft) = &seats[slot(id)].raft else {
            return Ok(());
        };
        self.turns += 1;
        if self.turns.is_multiple_of(FULL_CHECK_EVERY) {
            raft.check_invariants();
        }
        self.reads.observe(raft);
        self.figure3
            .observe(id, raft)
            .map_err(|error| Violation::new("Figure 3", error))?;
        if raft.commit_index() > self.committed.index {
            self.committed = position_at(raft, raft.commit_index());
            self.on_quorum(raft, seats)?;
            self.nobody_goes_without(seats)?;
        }
        Ok(())
    }

    /// Nobody could be elected without what is committed.
    pub(crate) fn nobody_goes_without(&self, seats: &[Seat]) -> Result<(), Violation> {
        let present = || seats.iter().filter(|seat| !seat.gone);
        let on_disk = present().map(|seat| Standing {
            id: seat.id,
            last: seat.disk.last(),
            membership: seat.disk.membership(),
            has: seat.disk.has(self.committed),
        });
        let in_memory = present().filter_map(|seat| {
            let raft = seat.raft.as_deref()?;
            Some(Standing {
                id: seat.id,
                last: raft.last(),
                membership: raft.log_membership(),
                has: self.committed.index < raft.mark().position.index
                    || position_at(raft, self.committed.index) == self.committed,
            })
        });
        let last_on_disk = |id: NodeId| {
            let seat = seats.get(slot(id)).filter(|seat| !seat.gone)?;
            Some(seat.disk.last())
        };
        electable::check(self.committed, on_disk.chain(in_memory), last_on_disk)
            .map_err(|error| Violation::new("Leader Completeness", error))
    }

    /// What a leader holds for committed is on the disks of a quorum.
    fn on_quorum(&self, raft: &Raft, seats: &[Seat]) -> Result<(), Violation> {
        let on_disk = |id: NodeId| {
            seats
                .get(slot(id))
                .is_some_and(|seat| seat.disk.has(self.committed))
        };
        if !raft.is_leader() || electable::is_quorum(raft.log_membership(), on_disk) {
            return Ok(());
        }
        let story = format!(
            "{} is committed in term {}, and on no quorum's disks",
            self.committed,
            raft.term()
        );
        Err(Violation::new("what is committed is durable", story))
    }
}

/// What stands at `index`; nothing before the mark and after the end.
fn position_at(raft: &Raft, index: Index) -> Position {
    let mark = raft.mark().position;
    if index <= mark.index {
        return if index == mark.index {
            mark
        } else {
            Position::default()
        };
    }
    let entry = raft.entries().nth(slot_after(mark.index, index));
    entry.map_or(Position::default(), |entry| entry.position)
}

/// Where the entry at `index` stands in a list that begins after `mark`.
fn slot_after(mark: Index, index: Index) -> usize {
    usize::try_from(index.0.saturating_sub(mark.0 + 1)).expect("a log in memory")
}
