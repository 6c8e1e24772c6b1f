//! One life of one member: the real node, the real journal on a simulated disk, the real HTTP and JSON, and the four-line
//! loop around them. Everything that takes time is handed to the world, which decides how much.

use bytes::Bytes;
use node::{ClientId, Config, Input, Node, Now, Output, PeerMessage};
use raft_core::{Membership, NodeId, Position, Save, SnapshotMark, Stamp, Time};
use storage::data_dir::{self, Expected, Identity};
use storage::journal::{self, Idle, Writer};
use storage::store::command::Attributes;

use crate::choices::Choices;
use crate::clock::Clock;
use crate::disk::SimDisk;
use crate::network;
use crate::served::{Progress, Served};
use crate::settings::Settings;

mod snapshots;

use snapshots::Snapshots;

/// The cluster of every run.
pub const CLUSTER_ID: u64 = 0xba15_a000;

/// What a member wants done by the world.
#[derive(Debug)]
pub enum Effect {
    /// Take this to a peer.
    Send {
        /// What.
        message: PeerMessage,
        /// As bytes.
        frame: Bytes,
    },
    /// A Save is written; sync it and say so.
    Sync(Save),
    /// Take these bytes to a client.
    Answer {
        /// Whose connection.
        client: ClientId,
        /// What.
        bytes: Vec<u8>,
        /// Whether the member ends the connection with them.
        closed: bool,
    },
    /// A snapshot of its own is begun; write it to its end, and say so.
    SaveSnapshot(Position),
    /// The snapshot that came is to be made durable and put in its place.
    PublishSnapshot(Position),
    /// For the trace and the checks: why Raft decided as it did.
    Why(raft_core::Why),
    /// This member learned who leads.
    Leader {
        /// Who.
        leader: Option<NodeId>,
        /// In which term.
        term: raft_core::Term,
    },
    /// This member was removed for good.
    Removed,
    /// Another member broke the protocol.
    Alarm(raft_core::Alarm),
}

/// What happens to a member.
#[derive(Debug)]
pub enum Happening {
    /// Bytes from a peer.
    Frame(Bytes),
    /// Bytes from a client.
    Stream(ClientId, Bytes),
    /// A client ended its connection.
    Gone(ClientId),
    /// It is told to hand over the lead, as before a clean stop.
    HandOver,
    /// The link on which a peer speaks closed.
    LinkClosed(NodeId),
    /// The write in flight is to be synced now.
    Sync,
    /// The snapshot in the making is to be written to its end now.
    SnapshotMade,
    /// The snapshot that came is to be put in its place now.
    SnapshotPublished(Position),
    /// A deadline is due.
    Tick,
}

/// The member cannot go on.
#[derive(Debug)]
pub enum Halt {
    /// Its power failed in the middle of a disk operation.
    PowerFailed,
    /// Something that must never happen did.
    Broken(String),
}

/// A running member.
#[derive(Debug)]
pub struct Member {
    id: NodeId,
    node: Node,
    clock: Clock,
    disk: SimDisk,
    writer: Writer<SimDisk>,
    /// The Save that is written and not synced.
    saving: Option<Stamp>,
    /// When to seal the journal, by the member's clock.
    idle: Idle,
    snapshots: Snapshots,
    served: Served,
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
    /// [`Halt::Broken`] if the disk's content is refused: it never may be, since the disk kept its promises.
    pub fn boot(
        id: NodeId,
        disk: SimDisk,
        settings: &Settings,
        choices: &mut Choices,
        now: Time,
    ) -> Result<(Member, Found), Halt> {
        let halt = |disk: &SimDisk, error: &dyn std::fmt::Display| match disk.is_without_power() {
            true => Halt::PowerFailed,
            false => Halt::Broken(format!("n{} cannot start: {error}", id.0)),
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
        let (newest, store) = choice.snapshot.map(|found| (found.mark, found.store)).unzip();
        let recovered = journal::recover(&mut data, settings.segment_bytes, mark, newest)
            .map_err(|error| halt(&disk, &error))?;
        let clock = Clock::draw(choices);
        let config = config(id, &data, settings, choices);
        let found = Found {
            image: recovered.image.clone(),
            boot: data.boot(),
        };
        let member = Member {
            id,
            node: Node::boot(config, recovered.image, store, clock.read(now)),
            clock,
            disk,
            writer: recovered.writer,
            saving: None,
            idle: Idle::since(clock.read(now).monotonic),
            snapshots: Snapshots::default(),
            served: Served::new(CLUSTER_ID),
            effects: Vec::new(),
        };
        Ok((member, found))
    }

    /// The node, to look at.
    #[must_use]
    pub fn node(&self) -> &Node {
        &self.node
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
        self.saving.is_some()
    }

    /// The simulated time of its next deadline.
    #[must_use]
    pub fn deadline(&self) -> Time {
        let seal = match self.saving {
            // The sync comes first.
            Some(_) => Time::NEVER,
            None => self.idle.deadline(),
        };
        self.clock.when(self.node.deadline().min(seal))
    }

    /// Takes what happened.
    ///
    /// # Errors
    /// If it cannot go on.
    pub fn handle(&mut self, now: Time, happening: Happening) -> Result<(), Halt> {
        let input = match happening {
            Happening::Tick => {
                let now = self.read(now).monotonic;
                if self.saving.is_none() && self.idle.is_due(now) {
                    self.on_disk(|writer| writer.seal().map(|_| ()))?;
                }
                Some(Input::Tick)
            }
            Happening::Frame(bytes) => network::decode(&bytes).map(Input::Message),
            Happening::Stream(client, bytes) => {
                let progress = self.served.receive(client, &bytes);
                self.progress(client, progress)
            }
            Happening::Gone(client) => self.served.gone(client),
            Happening::LinkClosed(peer) => Some(Input::LinkClosed(peer)),
            Happening::HandOver => Some(Input::HandOver),
            Happening::Sync => {
                self.on_disk(|writer| writer.sync())?;
                self.idle.saved(self.read(now).monotonic);
                // As the server's disk thread does between Saves.
                self.on_disk(|writer| writer.prepare_next().map(|_| ()))?;
                self.saving.take().map(Input::Saved)
            }
            Happening::SnapshotMade => Some(self.snapshot_made()?),
            Happening::SnapshotPublished(mark) => self.snapshot_published(mark)?,
        };
        if let Some(input) = input {
            let now = self.read(now);
            self.node.handle(now, input);
        }
        Ok(())
    }

    /// Performs every output there is. What is left to the world is appended to `effects`, in order.
    ///
    /// # Errors
    /// If it cannot go on; what it did before that stands.
    pub fn poll(&mut self, now: Time, effects: &mut Vec<Effect>) -> Result<(), Halt> {
        effects.append(&mut self.effects);
        while let Some(output) = self.node.poll() {
            match output {
                Output::Save(save) => {
                    assert!(self.saving.is_none(), "one Save at a time");
                    self.saving = Some(save.stamp);
                    effects.push(Effect::Sync(save.clone()));
                    self.on_disk(|writer| writer.write(&save))?;
                }
                Output::Send { message, .. } => {
                    let frame = network::encode(&message);
                    effects.push(Effect::Send { message, frame });
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
                Output::SaveSnapshot { mark, view } => effects.push(self.save_snapshot(*mark, view)?),
                Output::KeepPiece { offset, data } => {
                    let written = self.keep_piece(offset, &data)?;
                    let now = self.read(now);
                    self.node.handle(now, written);
                }
                Output::PublishSnapshot(mark) => effects.push(self.publish_snapshot(mark.position)),
                Output::DropIncoming { .. } => self.drop_incoming(),
                Output::DropLogBefore(index) => self.drop_log_before(index)?,
                Output::Peers(_) => {}
                Output::Why(why) => effects.push(Effect::Why(why)),
                Output::Leader { leader, term } => effects.push(Effect::Leader { leader, term }),
                Output::Retired(retired) => retired.free(),
                Output::Removed => effects.push(Effect::Removed),
                Output::Alarm(alarm) => effects.push(Effect::Alarm(alarm)),
            }
        }
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

    fn on_disk(
        &mut self,
        operation: impl FnOnce(&mut Writer<SimDisk>) -> Result<(), journal::WriteError>,
    ) -> Result<(), Halt> {
        operation(&mut self.writer).map_err(|error| match self.disk.is_without_power() {
            true => Halt::PowerFailed,
            false => Halt::Broken(format!("n{}'s journal failed: {error}", self.id.0)),
        })
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
        attributes: Attributes {
            name: format!("n{}", id.0),
            client_urls: vec![format!("http://n{}:2379", id.0)],
        },
    }
}
