//! One life of one member: the real node, the real journal on a simulated disk, the real HTTP and JSON, and the four-line
//! loop around them. Everything that takes time is handed to the world, which decides how much.

use std::collections::{BTreeMap, BTreeSet};

use net::hello::Identity;
use net::roster::Roster;
use node::{ClientId, DiskUse, Input, Node, Now, Output, Request, RequestId, View};
use raft_core::{Membership, NodeId, Save, SnapshotMark, Time};
use storage::journal::WriteError;
use storage::repair::{self, RepairError};

use crate::caller::CALLERS;
use crate::clock::Clock;
use crate::disk::SimDisk;
use crate::probes::Probe;
use crate::served::{Progress, Served};

mod boot;
#[cfg(debug_assertions)]
pub(crate) mod divergence;
mod face;
mod journal;
mod links;
mod snapshots;

pub use boot::{Found, Place};
pub use face::{Effect, Frame, Halt, Happening, Sender};

use self::journal::Journal;
use boot::Petition;
use snapshots::Snapshots;

/// The cluster of every run.
pub const CLUSTER_ID: u64 = 0xba15_a000;

/// A running member.
#[derive(Debug)]
pub struct Member {
    id: NodeId,
    /// What it says of itself on links.
    own: Identity,
    /// What it knows of the others before they speak.
    roster: Roster,
    /// Whom it is linked to, and which seats have their addresses.
    links: BTreeMap<NodeId, NodeId>,
    node: Node,
    clock: Clock,
    disk: SimDisk,
    /// None of one that asks to be taken in.
    journal: Option<Journal>,
    /// Its disk is damaged, and it asks the others to take it in.
    petition: Option<Petition>,
    /// Whether the node knows that there is no space.
    told_of_space: bool,
    /// How much its files take, as the node was told.
    disk_use: DiskUse,
    snapshots: Snapshots,
    served: Served,
    /// What callers asked for that takes space, while there was none or an alarm was raised.
    asked_in_vain: BTreeSet<(ClientId, RequestId)>,
    /// What was handled and not polled yet.
    effects: Vec<Effect>,
}

/// The membership every run begins with.
#[must_use]
pub fn membership(nodes: u64) -> Membership {
    Membership::of_voters((1..=nodes).map(|id| (NodeId(id), vec![address(NodeId(id))])))
}

/// Where the member in a seat listens for its peers.
fn address(seat: NodeId) -> String {
    format!("http://n{}:2380", seat.0)
}

impl Member {
    /// Who it is.
    #[must_use]
    pub fn id(&self) -> NodeId {
        self.id
    }

    /// The node, to look at.
    #[must_use]
    pub fn node(&self) -> &Node {
        &self.node
    }

    /// Whether its disk has no space for what comes next.
    #[must_use]
    pub fn is_out_of_space(&self) -> bool {
        self.told_of_space
    }

    /// How much its files take.
    #[must_use]
    pub fn disk_use(&self) -> DiskUse {
        self.disk_use
    }

    /// What its wall clock shows, in nanoseconds.
    #[must_use]
    pub fn wall(&self, now: Time) -> u64 {
        self.read(now).wall.0
    }

    /// Its clocks, to be tampered with.
    pub fn clock(&mut self) -> &mut Clock {
        &mut self.clock
    }

    /// Its disk.
    #[must_use]
    pub fn disk(&self) -> &SimDisk {
        &self.disk
    }

    /// Who is connected to it.
    pub fn clients(&self) -> impl Iterator<Item = ClientId> {
        self.served.clients()
    }

    /// Whether a Save is written and not synced.
    #[must_use]
    pub fn is_saving(&self) -> bool {
        self.journal.as_ref().is_some_and(Journal::is_saving)
    }

    /// The simulated time of its next deadline.
    #[must_use]
    pub fn deadline(&self) -> Time {
        let journal = self.journal.as_ref().map_or(Time::NEVER, Journal::deadline);
        let petition = self
            .petition
            .as_ref()
            .map_or(Time::NEVER, |petition| petition.until);
        self.clock.when(self.node.deadline().min(journal).min(petition))
    }

    /// Takes what happened.
    ///
    /// # Errors
    /// If it cannot go on.
    pub fn handle(&mut self, now: Time, happening: Happening) -> Result<(), Halt> {
        let input = match happening {
            Happening::Tick => {
                let now = self.read(now).monotonic;
                let ticked = self.journal.as_mut().map_or(Ok(()), |journal| journal.tick(now));
                self.on_disk(ticked)?;
                self.give_up_in_time(now)?;
                Some(Input::Tick)
            }
            Happening::Frame(frame) => self.heard(&frame),
            Happening::Refused { by, refusal } => self.refused(by, refusal),
            Happening::Stream(client, bytes) => {
                let progress = self.served.receive(client, &bytes);
                let mut inputs = self.progress(client, progress);
                let last = inputs.pop();
                for input in inputs {
                    let now = self.read(now);
                    self.node.handle(now, input);
                }
                last
            }
            Happening::Asked(client, id, request) => {
                if (self.told_of_space || self.node.store().refuses_more())
                    && let Request::Write(command) = &*request
                    && command.takes_space()
                    && !self.node.store().was_named(command)
                {
                    self.asked_in_vain.insert((client, id));
                }
                Some(Input::Request {
                    client,
                    id,
                    request: *request,
                })
            }
            Happening::Gone(client) => self.served.gone(client),
            Happening::LinkClosed(peer) => Some(Input::LinkClosed(peer)),
            Happening::HandOver => Some(Input::HandOver),
            Happening::Sync => {
                let now = self.read(now).monotonic;
                let journal = self.journal.as_mut();
                let synced = journal.map_or(Ok(None), |journal| journal.sync(now));
                self.on_disk(synced)?.map(Input::Saved)
            }
            Happening::SnapshotMade => Some(self.snapshot_made()?),
            Happening::SnapshotPublished(mark) => self.snapshot_published(mark)?,
        };
        if let Some(input) = input {
            let now = self.read(now);
            self.node.handle(now, input);
        }
        self.tell_of_space(now);
        Ok(())
    }

    /// Performs every output there is. What is left to the world is appended to `effects`, in order.
    ///
    /// # Errors
    /// If it cannot go on; what it did before that stands.
    pub fn poll(&mut self, now: Time, effects: &mut Vec<Effect>) -> Result<(), Halt> {
        effects.append(&mut self.effects);
        let local = self.read(now).monotonic;
        if let Some(save) = self
            .journal
            .as_mut()
            .and_then(|journal| journal.take_waiting(local))
        {
            self.save(now, save, effects)?;
        }
        while let Some(output) = self.node.poll() {
            match output {
                Output::Save(save) => {
                    assert!(!self.is_saving(), "one Save at a time");
                    self.save(now, save, effects)?;
                }
                Output::Send { message, .. } => self.send(message, effects),
                Output::Reply { client, id, response } if client.0 >= CALLERS => {
                    let read_only = self.asked_in_vain.remove(&(client, id));
                    effects.push(Effect::Told {
                        client,
                        id,
                        response,
                        read_only,
                    });
                }
                Output::Reply { client, id, response } => {
                    let progress = self.served.reply(client, id, &response);
                    self.go_on(now, progress.map(|progress| (client, progress)), effects);
                }
                Output::Events { to, events } => {
                    let progress = self.served.tell(&to, &events);
                    self.go_on(now, progress, effects);
                }
                Output::SaveSnapshot { mark, view } => self.begin_snapshot(now, *mark, view, effects)?,
                Output::KeepPiece { offset, data } => {
                    let written = self.keep_piece(offset, &data)?;
                    let now = self.read(now);
                    self.node.handle(now, written);
                }
                Output::PublishSnapshot(mark) => effects.push(self.publish_snapshot(mark.position)),
                Output::DropIncoming { .. } => self.drop_incoming(),
                Output::DropLogBefore(index) => self.drop_log_before(index)?,
                Output::Peers(membership) => self.link_to(&membership),
                Output::Doubt(_) | Output::NothingToDefragment => {}
                Output::Why(why) => effects.push(Effect::Why(why)),
                Output::Leader { leader, term } => effects.push(Effect::Leader { leader, term }),
                Output::Retired(retired) => retired.free(),
                Output::TakenIn => {
                    self.granted()?;
                    effects.push(Effect::Becomes { lost: false });
                }
                Output::DirectoryLost => effects.push(Effect::Becomes { lost: true }),
                Output::Repaired => {
                    self.repaired()?;
                    effects.push(Effect::Repaired);
                }
                Output::Removed => effects.push(Effect::Removed),
                Output::Alarm(alarm) => effects.push(Effect::Alarm(alarm)),
            }
        }
        effects.append(&mut self.effects);
        Ok(())
    }

    fn begin_snapshot(
        &mut self,
        now: Time,
        mark: SnapshotMark,
        view: View,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Halt> {
        let position = mark.position;
        match self.save_snapshot(mark, view)? {
            Some(effect) => effects.push(effect),
            None => {
                let now = self.read(now);
                self.node.handle(now, Input::SnapshotGivenUp(position));
            }
        }
        Ok(())
    }

    /// What came of what the node said to clients.
    fn go_on(
        &mut self,
        now: Time,
        progress: impl IntoIterator<Item = (ClientId, Progress)>,
        effects: &mut Vec<Effect>,
    ) {
        let now = self.read(now);
        for (client, progress) in progress {
            for input in self.progress(client, progress) {
                self.node.handle(now, input);
            }
        }
        effects.append(&mut self.effects);
    }

    /// Hands a connection's output to the world; returns what the node is to be asked.
    fn progress(&mut self, client: ClientId, progress: Progress) -> Vec<Input> {
        let Progress { inputs, out, closed } = progress;
        if closed || !out.is_empty() {
            self.effects.push(Effect::Answer {
                client,
                bytes: out,
                closed,
            });
        }
        inputs
    }

    fn read(&self, now: Time) -> Now {
        self.clock.read(now)
    }

    /// Writes a Save, and wants it synced. What fails on the way may be on the disk all the same.
    fn save(&mut self, now: Time, save: Save, effects: &mut Vec<Effect>) -> Result<(), Halt> {
        let local = self.read(now).monotonic;
        let journal = self
            .journal
            .as_mut()
            .expect("who asks to be taken in saves nothing");
        let written = journal.write(&save, local);
        if !matches!(written, Ok(false)) {
            effects.push(Effect::Sync(save));
        }
        self.on_disk(written)?;
        self.tell_of_space(now);
        effects.append(&mut self.effects);
        Ok(())
    }

    /// The node learns whether there is space, and how much its files take, when that changes.
    fn tell_of_space(&mut self, now: Time) {
        let Some(journal) = &self.journal else { return };
        let (is_out, waits) = (journal.is_out_of_space(), journal.is_waiting());
        let disk_use = DiskUse {
            journal_bytes: journal.bytes(),
            snapshot_bytes: self.snapshots.bytes(),
        };
        if std::mem::replace(&mut self.disk_use, disk_use) != disk_use {
            let now = self.read(now);
            self.node.handle(now, Input::DiskUsed(disk_use));
        }
        if std::mem::replace(&mut self.told_of_space, is_out) == is_out {
            return;
        }
        self.effects.push(Effect::Met(match is_out {
            true if waits => Probe::SpaceRanOut,
            true => Probe::SpaceRanLow,
            false => Probe::SpaceCameBack,
        }));
        let now = self.read(now);
        self.node.handle(now, Input::OutOfSpace(is_out));
    }

    fn on_disk<T>(&self, result: Result<T, WriteError>) -> Result<T, Halt> {
        result.map_err(|error| self.disk_halt(&error))
    }

    /// The others have taken it in: its directory becomes the new member's, as in the server.
    fn granted(&mut self) -> Result<(), Halt> {
        let petition = self.petition.take().expect("who is taken in has asked");
        let begun = repair::begin(&self.disk, &petition.note);
        begun.map_err(|error| boot::halt(&self.disk, &error))
    }

    /// What is left of the damage goes; if it does not, it goes the next time, as in the server.
    fn repaired(&mut self) -> Result<(), Halt> {
        match repair::finish(&self.disk) {
            Err(error @ RepairError::Io { .. }) if self.disk.is_without_power() => {
                Err(self.disk_halt(&error))
            }
            _ => Ok(()),
        }
    }

    /// Nobody has taken it in for long.
    fn give_up_in_time(&self, now: Time) -> Result<(), Halt> {
        match &self.petition {
            Some(petition) if petition.until <= now => Err(Halt::NotTakenIn(petition.loss.clone())),
            _ => Ok(()),
        }
    }

    /// What an error means that the disk gave.
    fn disk_halt(&self, error: &dyn std::fmt::Display) -> Halt {
        match self.disk.is_without_power() {
            true => Halt::PowerFailed,
            false if self.disk.has_failed() => Halt::DiskFailed,
            false => Halt::Broken(format!("n{}'s disk failed unasked: {error}", self.id.0)),
        }
    }
}
