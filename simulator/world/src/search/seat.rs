//! One member with its disk and its own clock, and what one input makes of it.

use std::panic::{AssertUnwindSafe, catch_unwind};

use raft_core::{
    Change, Envelope, Image, Index, LogChange, Membership, NodeId, Output, Position, Raft, Save, Term, Time,
};

use super::registry::mix;
use super::scope::Scope;
use crate::check::promise::Promise;

/// What can happen to one member. Messages and members are known by their numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Input {
    Receive(u32),
    Saved,
    /// No leader was heard for as long as its patience lasts.
    Timeout,
    /// A leader's next deadline comes.
    Beat,
    /// The how manieth proposal of the run.
    Propose(u8),
    /// A leader is asked to remove a voter.
    Remove(NodeId),
    /// It crashes and restarts.
    Restart {
        save_is_kept: bool,
    },
}

/// A member that is up.
#[derive(Clone, Debug)]
pub(super) struct Seat {
    pub(super) id: NodeId,
    pub(super) raft: Raft,
    pub(super) now: Time,
    /// What is on its disk, synced.
    pub(super) image: Image,
    pub(super) saving: Option<Save>,
}

/// What others may know of a member, ready for the checks.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    pub(super) id: NodeId,
    pub(super) term: Term,
    pub(super) leads: bool,
    pub(super) is_saving: bool,
    pub(super) commit: Index,
    /// Each entry's position, and a fingerprint of it.
    pub(super) log: Vec<(Position, u64)>,
    /// What the disk has.
    pub(super) disk: Vec<Position>,
    pub(super) membership: Membership,
}

impl Seat {
    /// A member of a new cluster, as it is after its first boot.
    pub(super) fn new(id: NodeId, scope: &Scope) -> Seat {
        let image = scope.image(id);
        Seat {
            id,
            raft: Raft::boot(scope.config(id), image.clone(), Time(0)),
            now: Time(0),
            image,
            saving: None,
        }
    }

    pub(super) fn facts(&self) -> Facts {
        let raft = &self.raft;
        Facts {
            id: self.id,
            term: raft.term(),
            leads: raft.is_leader(),
            is_saving: self.saving.is_some(),
            commit: raft.commit_index(),
            log: raft
                .entries()
                .map(|entry| (entry.position, entry.fingerprint()))
                .collect(),
            disk: self.image.entries.iter().map(|entry| entry.position).collect(),
            membership: raft.log_membership().clone(),
        }
    }

    /// As one number, if each member were called `rename(member)`.
    pub(super) fn fingerprint(&self, rename: &dyn Fn(NodeId) -> NodeId) -> u64 {
        let saving = self
            .saving
            .as_ref()
            .map_or(0, |save| save.fingerprint_renamed(rename));
        let disk = mix(self.image.fingerprint_renamed(rename), saving);
        mix(self.raft.fingerprint_renamed(rename), disk)
    }

    /// One input and all that follows from it at this member; returns what it says to others.
    ///
    /// # Errors
    /// The assertion, alarm or broken promise that it led to.
    pub(super) fn turn(
        &mut self,
        input: Option<(Input, Option<Envelope>)>,
        scope: &Scope,
    ) -> Result<Vec<Envelope>, String> {
        let mut sent = Vec::new();
        let turn = AssertUnwindSafe(|| {
            if let Some((input, envelope)) = input {
                self.take(input, envelope, scope);
            }
            self.raft.check_invariants();
            self.poll(scope, &mut sent)?;
            self.raft.check_invariants();
            Ok(())
        });
        catch_unwind(turn).unwrap_or_else(|panic| {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            Err(text.unwrap_or_else(|| "an assertion without words".to_owned()))
        })?;
        Ok(sent)
    }

    fn take(&mut self, input: Input, envelope: Option<Envelope>, scope: &Scope) {
        match input {
            Input::Receive(_) => {
                let envelope = envelope.expect("a message to receive");
                self.raft.receive(self.now, envelope);
            }
            Input::Saved => self.saved(),
            Input::Timeout => {
                // A candidate's next deadline may be another than that of its patience, which is below twice T.
                self.now = self.now.after(scope.config(self.id).election_timeout * 2);
                self.raft.tick(self.now);
            }
            Input::Beat => {
                self.now = self.now.max(self.raft.deadline());
                self.raft.tick(self.now);
            }
            Input::Propose(number) => {
                // Whether it is refused is seen by what changes.
                let _position = self.raft.propose(command(number).into());
            }
            Input::Remove(id) => {
                let _position = self.raft.change(&[Change::Remove(id)]);
            }
            Input::Restart { save_is_kept } => {
                if let Some(save) = self.saving.take().filter(|_| save_is_kept) {
                    write(&mut self.image, save);
                }
                self.raft = Raft::boot(scope.config(self.id), self.image.clone(), self.now);
            }
        }
    }

    fn poll(&mut self, scope: &Scope, sent: &mut Vec<Envelope>) -> Result<(), String> {
        while let Some(output) = self.raft.poll() {
            match output {
                Output::Save(save) => {
                    assert!(
                        self.saving.replace(save).is_none(),
                        "at most one Save is in flight"
                    );
                    if !scope.slow_disks {
                        self.saved();
                    }
                }
                Output::Send(envelope) => {
                    self.promises(&envelope)?;
                    sent.push(envelope);
                }
                Output::Alarm(alarm) => return Err(alarm.to_string()),
                _ => {}
            }
        }
        Ok(())
    }

    /// What a message promises is on the disk when it is sent.
    fn promises(&self, envelope: &Envelope) -> Result<(), String> {
        let (ballot, entries) = (self.image.ballot, &self.image.entries);
        let last = entries.last().map_or(Index(0), |entry| entry.position.index);
        if Promise::of(envelope).is_kept(envelope.term, ballot, last) {
            return Ok(());
        }
        let (name, term) = (envelope.message.name(), envelope.term);
        Err(format!(
            "n{} sent {name} of term {term}, and its disk has {ballot:?} and entries up to {last}",
            self.id
        ))
    }

    fn saved(&mut self) {
        let save = self.saving.take().expect("a Save in flight");
        let stamp = save.stamp;
        write(&mut self.image, save);
        self.raft.saved(stamp).expect("it is in flight");
    }
}

/// The text of the how manieth proposal; longer than `single_entries` allows in a message beside another entry.
pub(super) fn command(number: u8) -> String {
    format!("x={number}")
}

fn write(image: &mut Image, save: Save) {
    image.ballot = save.ballot.unwrap_or(image.ballot);
    image.commit = image.commit.max(save.commit);
    match save.log {
        LogChange::Keep => {}
        LogChange::Append(entries) => {
            let first = entries.first().map_or(Index(1), |entry| entry.position.index);
            image.entries.retain(|entry| entry.position.index < first);
            image.entries.extend(entries);
        }
        LogChange::Reset(mark) => panic!("no member has a snapshot, yet a log begins after {mark:?}"),
    }
}
