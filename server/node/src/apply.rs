//! Committed entries into the store. The member that got a request answers it here.
//!
//! A command on very many keys is carried out in slices, one a turn, so that Raft's messages pass between them. Until it
//! is done nothing else is applied, and whoever asks is answered from the state before it: the last applied entry is the
//! one before.

use std::collections::VecDeque;

use raft_core::{Body, Entry, Position};
use storage::store::Store;
use storage::store::command::{Applied, Outcome};

use crate::fence::named_by;
use crate::leases::LeaseChange;
use crate::node::Node;
use crate::proposal::{Origin, Proposal};
use crate::request::{Answer, Failure, Output, Retired};
use crate::tree_counts::Tallied;
use crate::waiting::Ticket;

/// What is committed and not applied.
#[derive(Clone, Debug, Default)]
pub(crate) struct Unapplied {
    /// The command that is being carried out.
    working: Option<Working>,
    /// What comes after it.
    entries: VecDeque<Entry>,
    /// The command had its slice in this turn.
    worked_this_turn: bool,
}

#[derive(Clone, Debug)]
struct Working {
    position: Position,
    origin: Origin,
    leases: LeaseChange,
    tallied: Tallied,
    /// The state before the command.
    view: Store,
}

impl Unapplied {
    pub(crate) fn is_empty(&self) -> bool {
        self.working.is_none() && self.entries.is_empty()
    }

    /// The state before the command that is being carried out, if there is one.
    pub(crate) fn view(&self) -> Option<&Store> {
        self.working.as_ref().map(|working| &working.view)
    }

    pub(crate) fn begin_turn(&mut self) {
        self.worked_this_turn = false;
    }

    /// The state becomes a later one's: nothing of this is applied any more. Returns a view that is of no use.
    pub(crate) fn jump(&mut self) -> Option<Store> {
        self.entries.clear();
        self.working.take().map(|working| working.view)
    }
}

type Done = Result<Outcome, storage::store::command::Failure>;

impl Node {
    /// The replicated state as of the last entry applied.
    #[must_use]
    pub fn store(&self) -> &Store {
        self.unapplied.view().unwrap_or(&self.store)
    }

    /// An entry is committed.
    pub(crate) fn on_committed(&mut self, entry: Entry) {
        if self.unapplied.is_empty() {
            self.apply(entry);
        } else {
            self.unapplied.entries.push_back(entry);
        }
    }

    /// Whether there is something to apply, and it may be.
    pub(crate) fn may_apply(&self) -> bool {
        !self.unapplied.is_empty() && !self.raft.wants_snapshot()
    }

    /// Carries on with what was too much for one turn, as far as this turn goes.
    pub(crate) fn carry_on(&mut self) {
        if self.raft.wants_snapshot() {
            return;
        }
        if self.unapplied.working.is_some() {
            if std::mem::replace(&mut self.unapplied.worked_this_turn, true) {
                return;
            }
            let Applied::Done(result) = self.store.work() else {
                return;
            };
            let working = self.unapplied.working.take().expect("it was there");
            // Dropping what only a view still holds takes long after so large a change.
            self.outbox.push_back(Output::Retired(Retired::of(working.view)));
            self.stats
                .tree
                .tally(working.tallied, result.is_ok(), self.store.tree_index());
            self.finish(working.position, Some((working.origin, working.leases, result)));
        }
        while self.has_turn_left()
            && self.unapplied.working.is_none()
            && !self.raft.wants_snapshot()
            && let Some(entry) = self.unapplied.entries.pop_front()
        {
            self.apply(entry);
        }
    }

    fn apply(&mut self, entry: Entry) {
        self.snapshots.count(&entry);
        let Entry { position, body } = entry;
        assert_eq!(
            position.index,
            self.applied.index.next(),
            "entries are applied once, in order"
        );
        self.count_applied();
        // Every member reads the same bytes, so what one cannot read none applies.
        let proposal = match &body {
            Body::Command(bytes) => Proposal::decode(bytes).ok(),
            Body::Blank | Body::Change(_) => None,
        };
        let Some((time, Proposal { origin, command })) = proposal else {
            return self.finish(position, None);
        };
        let counts = self.leases.clock.is_some();
        let leases = if counts {
            LeaseChange::of(&command)
        } else {
            LeaseChange::None
        };
        let named = named_by(&command);
        let tallied = Tallied::of(&command, self.store.tree_index());
        let effort = self.store.effort();
        let applied = self.store.apply(time, command);
        self.count_effort(self.store.effort() - effort);
        match applied {
            Applied::Done(result) => {
                self.stats
                    .tree
                    .tally(tallied, result.is_ok(), self.store.tree_index());
                self.finish(position, Some((origin, leases, result)));
                if let Some((member, raised)) = named {
                    self.on_named(member, raised);
                }
            }
            Applied::Working => {
                self.unapplied.working = Some(Working {
                    position,
                    origin,
                    leases,
                    tallied,
                    view: self.store.clone(),
                });
            }
        }
    }

    /// An entry is applied; if it held a command, with this result.
    fn finish(&mut self, position: Position, done: Option<(Origin, LeaseChange, Done)>) {
        let later_term = position.term > self.applied.term;
        self.applied = position;
        if later_term && self.raft.is_leader() && position.term == self.raft.term() {
            self.begin_to_count();
        }
        let holds_command = done.is_some();
        if let Some((origin, leases, result)) = done {
            self.on_lease_change(leases);
            if let Ok(outcome) = &result {
                self.on_lease_granted(outcome);
            }
            if origin.node == self.config.raft.id && origin.boot == self.config.raft.boot {
                self.answer_write(Ticket(origin.ticket), result);
            }
        }
        if later_term {
            self.writes.term_applied(position.term);
            self.propose_unsent();
        }
        self.tell_tree_watchers();
        self.answer_confirmed();
        self.remember_state(position.index, holds_command);
    }

    fn answer_write(&mut self, ticket: Ticket, result: Done) {
        if result == Ok(Outcome::Continued) {
            self.leases.continuing = self.leases.continuing.saturating_sub(1);
        }
        if result == Ok(Outcome::Expired) {
            self.leases.expiring = false;
        }
        self.writes.remove(ticket);
        if self.is_fenced() {
            // It happened; what came of it only another member knows.
            return self.answer(ticket, Err(Failure::Timeout));
        }
        self.answer(ticket, result.map(Answer::Done).map_err(Failure::Store));
    }
}
