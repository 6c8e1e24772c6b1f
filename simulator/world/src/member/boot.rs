//! How a life begins: on what the disk has, as the server does it.

use std::fmt::Display;

use net::hello;
use net::roster::Roster;
use node::{Config, Node, PATIENCE, Repair, Standing};
use raft_core::{Boot, Image, NodeId, SnapshotMark, Time};
use storage::data_dir::Identity;
use storage::repair::Note;
use storage::start::{self, Beginning, Founding, Start, Started};
use storage::store::command::Attributes;

use super::journal::Journal;
use super::snapshots::Snapshots;
use super::{CLUSTER_ID, Halt, Member, address, membership};
use crate::choices::Choices;
use crate::clock::Clock;
use crate::disk::SimDisk;
use crate::served::Served;
use crate::settings::Settings;

/// Where a member starts.
#[derive(Clone, Debug)]
pub struct Place {
    /// Its seat, and who sat there first.
    pub seat: NodeId,
    /// Its disk.
    pub disk: SimDisk,
    /// How often the disk was made empty: a new directory has a new id.
    pub wiped: u64,
    /// The others know its member by another directory.
    pub lost: bool,
}

/// What a member found at boot.
#[derive(Clone, Debug)]
pub struct Found {
    /// Who it is.
    pub id: NodeId,
    /// Who it was, if it is being repaired.
    pub former: Option<NodeId>,
    /// The image it booted from.
    pub image: Image,
    /// Whether a damaged snapshot was passed over.
    pub passed_over: bool,
    /// What is wrong with its disk, if it asks to be taken in.
    pub loss: Option<String>,
}

/// What a member asks for whose disk is damaged.
#[derive(Debug)]
pub(super) struct Petition {
    pub(super) note: Note,
    pub(super) loss: String,
    /// When it gives up, by its clock.
    pub(super) until: Time,
}

/// What an error at boot means.
pub(super) fn halt(disk: &SimDisk, error: &dyn Display) -> Halt {
    match disk.is_without_power() {
        true => Halt::PowerFailed,
        false if disk.has_failed() => Halt::DiskFailed,
        false if disk.was_full() => Halt::NoSpace(error.to_string()),
        false => Halt::Refused(error.to_string()),
    }
}

impl Member {
    /// Opens the data directory, recovers the journal and boots, as the server does.
    ///
    /// # Errors
    /// [`Halt::Refused`] if the disk's content is refused, be that right or wrong.
    pub fn boot(
        place: Place,
        settings: &Settings,
        choices: &mut Choices,
        now: Time,
    ) -> Result<(Member, Found), Halt> {
        let disk = place.disk.clone();
        let beginning = Beginning {
            founding: &|| Some(founding(&place, settings)),
            segment_bytes: settings.segment_bytes,
            lost: place.lost,
            petitions: true,
        };
        let begun = start::start(&disk, &beginning).map_err(|error| halt(&disk, &error))?;
        let clock = Clock::draw(choices);
        Ok(match begun {
            Start::Member(started) => member(*started, &place, settings, choices, (clock, now)),
            Start::Petitioner(petition) => petitioner(*petition, &place, settings, choices, (clock, now)),
        })
    }
}

fn member(
    started: Started<SimDisk>,
    place: &Place,
    settings: &Settings,
    choices: &mut Choices,
    (clock, now): (Clock, Time),
) -> (Member, Found) {
    let (identity, boot) = (started.identity, started.boot);
    let repair = started
        .note
        .map(|note| Repair::of(&note, vec![address(place.seat)], Standing::Renewed));
    let found = Found {
        id: identity.member_id,
        former: repair.as_ref().map(|repair| repair.former),
        image: started.recovered.image.clone(),
        passed_over: !started.passed_over.is_empty(),
        loss: None,
    };
    let config = Config {
        repair,
        ..config((identity, boot), place.seat, settings, choices)
    };
    let local = clock.read(now);
    let node = Node::boot(config, started.recovered.image, started.store, local);
    let journal = Journal::new(started.recovered.writer, place.disk.clone(), local.monotonic);
    let own = (identity, boot, false);
    (made(own, node, clock, place, Some(journal), None), found)
}

fn petitioner(
    petition: start::Petition,
    place: &Place,
    settings: &Settings,
    choices: &mut Choices,
    (clock, now): (Clock, Time),
) -> (Member, Found) {
    let start::Petition {
        note, image, loss, ..
    } = petition;
    let loss = loss.to_string();
    let config = Config {
        repair: Some(Repair::of(&note, vec![address(place.seat)], Standing::Petitioner)),
        ..config((note.next, note.boot), place.seat, settings, choices)
    };
    let found = Found {
        id: note.next.member_id,
        former: Some(note.former.member_id),
        image: image.clone(),
        passed_over: !petition.passed_over.is_empty(),
        loss: Some(loss.clone()),
    };
    let local = clock.read(now);
    let own = (note.next, note.boot, true);
    let petition = Petition {
        note,
        loss,
        until: local.monotonic.after(PATIENCE * settings.election_timeout),
    };
    let node = Node::boot(config, image, None, local);
    (made(own, node, clock, place, None, Some(petition)), found)
}

fn made(
    (identity, boot, petitions): (Identity, Boot, bool),
    node: Node,
    clock: Clock,
    place: &Place,
    journal: Option<Journal>,
    petition: Option<Petition>,
) -> Member {
    Member {
        id: identity.member_id,
        own: hello::Identity {
            cluster_id: identity.cluster_id,
            member_id: identity.member_id.0,
            data_id: identity.data_id,
            boot: boot.0,
            recovery_epoch: 0,
            petitions,
        },
        roster: Roster::default(),
        links: Default::default(),
        node,
        clock,
        disk: place.disk.clone(),
        journal,
        petition,
        told_of_space: false,
        disk_use: Default::default(),
        snapshots: Snapshots::of(&place.disk),
        served: Served::new(CLUSTER_ID),
        asked_in_vain: Default::default(),
        effects: Vec::new(),
    }
}

/// What the flags of the member in a seat say.
fn founding(place: &Place, settings: &Settings) -> Founding {
    Founding {
        identity: Identity {
            cluster_id: CLUSTER_ID,
            member_id: place.seat,
            data_id: 0xda7a_0000 + (place.wiped << 8) + place.seat.0,
        },
        mark: SnapshotMark {
            membership: membership(settings.nodes),
            ..SnapshotMark::default()
        },
    }
}

fn config(
    (identity, boot): (Identity, Boot),
    seat: NodeId,
    settings: &Settings,
    choices: &mut Choices,
) -> Config {
    let seed = choices.below(u64::MAX);
    Config {
        raft: raft_core::Config {
            election_timeout: settings.election_timeout,
            heartbeat_interval: settings.heartbeat_interval(),
            boot,
            limits: raft_core::Limits {
                append_bytes_max: settings.append_bytes_max,
                log_bytes_max: settings.log_bytes_max,
                tail_bytes_max: settings.log_bytes_max / 4,
                spare_bytes_max: settings.log_bytes_max / 8,
                chunk_bytes_max: settings.chunk_bytes_max,
                inflight_messages_max: settings.inflight_messages_max,
                ..raft_core::Limits::default()
            },
            mutant: settings.mutant,
            ..raft_core::Config::new(identity.member_id, seed)
        },
        cluster_id: CLUSTER_ID,
        data_id: identity.data_id,
        snapshots: settings.snapshots,
        quota_bytes: settings.quota_bytes,
        auto_compaction: settings.auto_compaction,
        watch_progress_interval: node::WATCH_PROGRESS_INTERVAL,
        repair: None,
        attributes: Attributes {
            name: format!("n{}", seat.0),
            client_urls: vec![format!("http://n{}:2379", seat.0)],
        },
    }
}
