//! One life of one member: the real node, the real journal on a simulated disk, the real HTTP and JSON, and the four-line
//! loop around them. Everything that takes time is handed to the world, which decides how much.

use std::collections::BTreeSet;

use node::{AutoCompaction, ClientId, Config, Input, Node, Now, Output, Request, RequestId};
use raft_core::{Membership, NodeId, Save, SnapshotMark, Time};
use storage::data_dir::{self, Expected, Identity};
use storage::journal::{WriteError, recover};
use storage::store::command::Attributes;

use crate::caller::CALLERS;
use crate::choices::Choices;
use crate::clock::Clock;
use crate::disk::SimDisk;
use crate::network;
use crate::probes::Probe;
use crate::served::{Progress, Served};
use crate::settings::Settings;

#[cfg(debug_assertions)]
pub(crate) mod divergence;
mod face;
mod journal;
mod snapshots;

pub use face::{Effect, Halt, Happening};

use self::journal::Journal;
use snapshots::Snapshots;

/// The cluster of every run.
pub const CLUSTER_ID: u64 = 0xba15_a000;

/// A running member.
#[derive(Debug)]
pub struct Member {
    id: NodeId,
    node: Node,
    clock: Clock,
    disk: SimDisk,
    journal: Journal,
    /// Whether the node knows that there is no space.
    told_of_space: bool,
    snapshots: Snapshots,
    served: Served,
    /// What callers asked for that takes space, while there was none.
    asked_in_vain: BTreeSet<(ClientId, RequestId)>,
    /// What was handled and not polled yet.
    effects: Vec<Effect>,
}

/// What recovery found.
#[derive(Clone, Debug)]
pub struct Found {
    /// The image it booted from.
    pub image: raft_core::Image,
    /// How many lives the directory has had.
    pub boot: raft_core::Boot,
    /// Whether a damaged snapshot was passed over.
    pub passed_over: bool,
}

/// The membership every run begins with.
#[must_use]
pub fn membership(nodes: u64) -> Membership {
    Membership::of_voters((1..=nodes).map(|id| (NodeId(id), vec![format!("http://n{id}:2380")])))
}

impl Member {
    /// Opens the data directory, recovers the journal and boots, as the server does.
    ///
    /// # Errors
    /// [`Halt::Refused`] if the disk's content is refused, be that right or wrong.
    pub fn boot(
        id: NodeId,
        disk: SimDisk,
        settings: &Settings,
        choices: &mut Choices,
        now: Time,
    ) -> Result<(Member, Found), Halt> {
        let halt = |disk: &SimDisk, error: &dyn std::fmt::Display| match disk.is_without_power() {
            true => Halt::PowerFailed,
            false if disk.has_failed() => Halt::DiskFailed,
            false => Halt::Refused(error.to_string()),
        };
        let born = Identity {
            cluster_id: CLUSTER_ID,
            member_id: id,
            data_id: 0xda7a_0000 + id.0,
        };
        let expected = Expected {
            cluster_id: Some(CLUSTER_ID),
            member_id: Some(id),
        };
        let mut data =
            data_dir::open_or_create(disk.clone(), born, expected).map_err(|error| halt(&disk, &error))?;
        let mark = SnapshotMark {
            membership: membership(settings.nodes),
            ..SnapshotMark::default()
        };
        let choice = snapshots::choose(&disk).map_err(|error| halt(&disk, &error))?;
        let passed_over = choice.passed_over;
        let (newest, store) = choice.snapshot.map(|found| (found.mark, found.store)).unzip();
        let recovered = recover(&mut data, settings.segment_bytes, mark, newest)
            .map_err(|error| halt(&disk, &snapshots::cause(error, &passed_over)))?;
        let clock = Clock::draw(choices);
        let config = config(id, &data, settings, choices);
        let found = Found {
            image: recovered.image.clone(),
            boot: data.boot(),
            passed_over: !passed_over.is_empty(),
        };
        let member = Member {
            id,
            node: Node::boot(config, recovered.image, store, clock.read(now)),
            clock,
            journal: Journal::new(recovered.writer, disk.clone(), clock.read(now).monotonic),
            disk,
            told_of_space: false,
            snapshots: Snapshots::default(),
            served: Served::new(CLUSTER_ID),
            asked_in_vain: BTreeSet::new(),
            effects: Vec::new(),
        };
        Ok((member, found))
    }

    /// The node, to look at.
    #[must_use]
    pub fn node(&self) -> &Node {
        &self.node
    }

    /// What its wall clock shows, in nanoseconds.
    #[must_use]
    pub fn wall(&self, now: Time) -> u64 {
        self.read(now).wall.0
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
        self.journal.is_saving()
    }

    /// The simulated time of its next deadline.
    #[must_use]
    pub fn deadline(&self) -> Time {
        self.clock.when(self.node.deadline().min(self.journal.deadline()))
    }

    /// Takes what happened.
    ///
    /// # Errors
    /// If it cannot go on.
    pub fn handle(&mut self, now: Time, happening: Happening) -> Result<(), Halt> {
        let input = match happening {
            Happening::Tick => {
                let now = self.read(now).monotonic;
                let ticked = self.journal.tick(now);
                self.on_disk(ticked)?;
                Some(Input::Tick)
            }
            Happening::Frame(bytes) => network::decode(&bytes).map(Input::Message),
            Happening::Stream(client, bytes) => {
                let progress = self.served.receive(client, &bytes);
                self.progress(client, progress)
            }
            Happening::Asked(client, id, request) => {
                if self.told_of_space
                    && let Request::Write(command) = &*request
                    && command.takes_space()
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
                let synced = self.journal.sync(self.read(now).monotonic);
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
        if let Some(save) = self.journal.take_waiting(self.read(now).monotonic) {
            self.save(now, save, effects)?;
        }
        while let Some(output) = self.node.poll() {
            match output {
                Output::Save(save) => {
                    assert!(!self.journal.is_saving(), "one Save at a time");
                    self.save(now, save, effects)?;
                }
                Output::Send { message, .. } => {
                    let frame = network::encode(&message);
                    effects.push(Effect::Send { message, frame });
                }
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
                    if let Some(progress) = self.served.reply(client, id, &response)
                        && let Some(input) = self.progress(client, progress)
                    {
                        let now = self.read(now);
                        self.node.handle(now, input);
                    }
                    effects.append(&mut self.effects);
                }
                Output::SaveSnapshot { mark, view } => {
                    let position = mark.position;
                    match self.save_snapshot(*mark, view)? {
                        Some(effect) => effects.push(effect),
                        None => {
                            let now = self.read(now);
                            self.node.handle(now, Input::SnapshotGivenUp(position));
                        }
                    }
                }
                Output::KeepPiece { offset, data } => {
                    let written = self.keep_piece(offset, &data)?;
                    let now = self.read(now);
                    self.node.handle(now, written);
                }
                Output::PublishSnapshot(mark) => effects.push(self.publish_snapshot(mark.position)),
                Output::DropIncoming { .. } => self.drop_incoming(),
                Output::DropLogBefore(index) => self.drop_log_before(index)?,
                Output::Peers(_) | Output::Doubt(_) => {}
                Output::Why(why) => effects.push(Effect::Why(why)),
                Output::Leader { leader, term } => effects.push(Effect::Leader { leader, term }),
                Output::Retired(retired) => retired.free(),
                Output::TakenIn | Output::Repaired | Output::DirectoryLost => {}
                Output::Removed => effects.push(Effect::Removed),
                Output::Alarm(alarm) => effects.push(Effect::Alarm(alarm)),
            }
        }
        effects.append(&mut self.effects);
        Ok(())
    }

    /// Hands a connection's output to the world; returns what the node is to be asked.
    fn progress(&mut self, client: ClientId, progress: Progress) -> Option<Input> {
        let Progress { input, out, closed } = progress;
        if closed || !out.is_empty() {
            self.effects.push(Effect::Answer {
                client,
                bytes: out,
                closed,
            });
        }
        input
    }

    fn read(&self, now: Time) -> Now {
        self.clock.read(now)
    }

    /// Writes a Save, and wants it synced. What fails on the way may be on the disk all the same.
    fn save(&mut self, now: Time, save: Save, effects: &mut Vec<Effect>) -> Result<(), Halt> {
        let written = self.journal.write(&save, self.read(now).monotonic);
        if !matches!(written, Ok(false)) {
            effects.push(Effect::Sync(save));
        }
        self.on_disk(written)?;
        self.tell_of_space(now);
        effects.append(&mut self.effects);
        Ok(())
    }

    /// The node learns whether there is space, when that changes.
    fn tell_of_space(&mut self, now: Time) {
        let is_out = self.journal.is_out_of_space();
        if std::mem::replace(&mut self.told_of_space, is_out) == is_out {
            return;
        }
        self.effects.push(Effect::Met(match is_out {
            true if self.journal.is_waiting() => Probe::SpaceRanOut,
            true => Probe::SpaceRanLow,
            false => Probe::SpaceCameBack,
        }));
        let now = self.read(now);
        self.node.handle(now, Input::OutOfSpace(is_out));
    }

    fn on_disk<T>(&self, result: Result<T, WriteError>) -> Result<T, Halt> {
        result.map_err(|error| self.disk_halt(&error))
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

fn config(
    id: NodeId,
    data: &data_dir::DataDir<SimDisk>,
    settings: &Settings,
    choices: &mut Choices,
) -> Config {
    let seed = choices.below(u64::MAX);
    Config {
        raft: raft_core::Config {
            election_timeout: settings.election_timeout,
            heartbeat_interval: settings.heartbeat_interval(),
            boot: data.boot(),
            limits: raft_core::Limits {
                append_bytes_max: settings.append_bytes_max,
                log_bytes_max: settings.log_bytes_max,
                tail_bytes_max: settings.log_bytes_max / 4,
                chunk_bytes_max: settings.chunk_bytes_max,
                inflight_messages_max: settings.inflight_messages_max,
                ..raft_core::Limits::default()
            },
            mutant: settings.mutant,
            ..raft_core::Config::new(id, seed)
        },
        cluster_id: CLUSTER_ID,
        data_id: data.identity().data_id,
        snapshots: settings.snapshots,
        quota_bytes: u64::MAX,
        auto_compaction: AutoCompaction::Off,
        repair: None,
        attributes: Attributes {
            name: format!("n{}", id.0),
            client_urls: vec![format!("http://n{}:2379", id.0)],
        },
    }
}
