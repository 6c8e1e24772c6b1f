//! From a data directory to a running member's parts.

use std::num::NonZeroU64;
use std::path::Path;

use net::hello::Identity as PeerIdentity;
use node::{Config as NodeConfig, Node, SnapshotPolicy, Standing};
use raft_core::{Boot, Image, Membership, SnapshotMark};
use storage::data_dir::Identity;
use storage::disk::{FileDisk, OpenError};
use storage::journal::{self, SEGMENT_BYTES, Writer};
use storage::snapshot::ReadError;
use storage::start::{self, Beginning, Founding, Start, StartError, Started};
use storage::store::command::Attributes;
use thiserror::Error;

use super::alone::{AloneError, go_on_alone};
use super::clock::Clock;
use super::random;
use super::repair::{self as host_repair, Petition};
use crate::config::Config;
use crate::exit::Stop;

/// Why a member cannot start on its data directory.
#[derive(Debug, Error)]
pub(crate) enum BootError {
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error("data directory {dir}: {source}")]
    Start { dir: String, source: StartError },
    #[error("data directory {dir}: {source}")]
    Alone { dir: String, source: AloneError },
}

/// A member ready to run.
#[derive(Debug)]
pub(crate) struct Booted {
    pub(crate) node: Node,
    /// None of a petitioner, which has nothing to write.
    pub(crate) writer: Option<Writer<FileDisk>>,
    pub(crate) identity: PeerIdentity,
    pub(crate) petition: Option<Petition>,
}

/// Opens the data directory, or makes an empty one.
pub(crate) fn open(config: &Config) -> Result<FileDisk, Stop> {
    if !config.data_dir.exists() {
        // A mistake in the flags leaves no empty directory behind.
        found_member(config)?;
    }
    Ok(FileDisk::open(&config.data_dir).map_err(BootError::from)?)
}

/// Boots the node on what is in the data directory, or founds one there. If the directory is `lost`, it is new and the
/// member is not.
pub(crate) fn boot(config: &Config, clock: &Clock, disk: &FileDisk, lost: bool) -> Result<Booted, Stop> {
    let dir = || config.data_dir.display().to_string();
    let beginning = Beginning {
        founding: &|| found_member(config).ok(),
        segment_bytes: SEGMENT_BYTES,
        lost,
        petitions: !config.force_new_cluster,
    };
    let started = match start::start(disk, &beginning) {
        Ok(Start::Member(started)) => started,
        Ok(Start::Petitioner(petition)) => {
            log_passed_over(&petition.passed_over);
            return Ok(petitioner(config, clock, disk, *petition));
        }
        Err(source) => {
            // The settings' own mistake says more than what follows from it.
            if matches!(source, StartError::Unfounded) {
                found_member(config)?;
            }
            return Err(BootError::Start { dir: dir(), source }.into());
        }
    };
    log_passed_over(&started.passed_over);
    let Started {
        identity,
        boot,
        mut recovered,
        store,
        note,
        was_founded,
        ..
    } = *started;
    log_recovery(&config.data_dir, &recovered, boot.0);
    // A directory made just now has nothing to rescue: as in etcd, it founds what the other flags say.
    if config.force_new_cluster && was_founded {
        let alone = go_on_alone(&mut recovered, identity.member_id);
        alone.map_err(|source| BootError::Alone { dir: dir(), source })?;
    }
    let peers = peer_identity(identity, boot, &recovered.image);
    let node_config = NodeConfig {
        repair: note.map(|note| host_repair::told(config, &note, Standing::Renewed)),
        ..node_config(config, identity, boot)
    };
    Ok(Booted {
        node: Node::boot(node_config, recovered.image, store, clock.now()),
        writer: Some(recovered.writer),
        identity: peers,
        petition: None,
    })
}

/// A member that asks the others to take it in: it has no state, and keeps none.
fn petitioner(config: &Config, clock: &Clock, disk: &FileDisk, petition: start::Petition) -> Booted {
    let start::Petition {
        note, image, loss, ..
    } = petition;
    let loss = BootError::Start {
        dir: config.data_dir.display().to_string(),
        source: loss,
    };
    let (identity, boot) = (note.next, note.boot);
    let node_config = NodeConfig {
        repair: Some(host_repair::told(config, &note, Standing::Petitioner)),
        ..node_config(config, identity, boot)
    };
    Booted {
        identity: PeerIdentity {
            petitions: true,
            ..peer_identity(identity, boot, &image)
        },
        node: Node::boot(node_config, image, None, clock.now()),
        writer: None,
        petition: Some(Petition::new(config, clock, disk, note, &loss)),
    }
}

fn peer_identity(identity: Identity, boot: Boot, image: &Image) -> PeerIdentity {
    let epoch = image.membership().settings.epoch.0;
    PeerIdentity {
        cluster_id: identity.cluster_id,
        member_id: identity.member_id.0,
        data_id: identity.data_id,
        boot: boot.0,
        recovery_epoch: u32::try_from(epoch).expect("nobody rescues a cluster so often"),
        petitions: false,
    }
}

fn log_passed_over(snapshots: &[ReadError]) {
    for damage in snapshots {
        log::warn!(damage:% = damage; "a snapshot is passed over, and stays as it is");
    }
}

fn node_config(config: &Config, identity: Identity, boot: Boot) -> NodeConfig {
    let raft = raft_core::Config {
        boot,
        election_timeout: config.election_timeout,
        heartbeat_interval: config.heartbeat_interval,
        pre_vote: config.pre_vote,
        ..raft_core::Config::new(identity.member_id, random::number())
    };
    let client_urls = config.advertise_clients.iter().map(ToString::to_string).collect();
    NodeConfig {
        raft,
        cluster_id: identity.cluster_id,
        data_id: identity.data_id,
        snapshots: SnapshotPolicy {
            entries_max: config.snapshot_count.map_or(u64::MAX, NonZeroU64::get),
            ..SnapshotPolicy::default()
        },
        quota_bytes: config.quota.resolve(),
        auto_compaction: config.auto_compaction,
        watch_progress_interval: config.watch_progress_interval,
        repair: None,
        attributes: Attributes {
            name: config.name.clone(),
            client_urls,
        },
    }
}

/// The identity and the first state of a member of a new cluster.
fn found_member(config: &Config) -> Result<Founding, Stop> {
    let founding = config.initial.found(&config.name)?;
    let voters = founding
        .members
        .into_iter()
        .map(|(id, founder)| (id, founder.peer_urls));
    let mark = SnapshotMark {
        membership: Membership::of_voters(voters),
        ..SnapshotMark::default()
    };
    let identity = Identity {
        cluster_id: founding.cluster_id,
        member_id: founding.member_id,
        data_id: random::number(),
    };
    Ok(Founding { identity, mark })
}

fn log_recovery(dir: &Path, recovered: &journal::Recovered<FileDisk>, boot: u64) {
    if let Some(cut) = &recovered.cut {
        log::warn!(
            "file" = cut.file, "offset" = cut.offset, "bytes" = cut.bytes;
            "cut the write that was interrupted when this member last stopped; nobody was told that it was durable"
        );
    }
    let image = &recovered.image;
    let last = image
        .entries
        .last()
        .map_or(image.snapshot.position, |entry| entry.position);
    log::info!(
        "data-dir":% = dir.display(), "boot" = boot, "saves" = recovered.saves, "segments" = recovered.segments,
        "last-entry":% = last, "snapshot":% = image.snapshot.position, "commit" = image.commit.0, "term" = image.ballot.term.0;
        "read the journal"
    );
}
