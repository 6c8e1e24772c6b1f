//! From a data directory to a running member's parts.

use std::num::NonZeroU64;
use std::path::Path;

use net::hello::Identity as PeerIdentity;
use node::{Config as NodeConfig, Node, SnapshotPolicy};
use raft_core::{Boot, Image, Membership, NodeId, SnapshotMark};
use storage::data_dir::{self, DataDirError, Expected, Identity};
use storage::disk::{FileDisk, OpenError};
use storage::journal::{self, RecoverError, SEGMENT_BYTES, Writer};
use storage::repair::{self, RepairError};
use storage::snapshot::{self, Choice, ReadError};
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
    Identity { dir: String, source: DataDirError },
    #[error("data directory {dir}: {source}")]
    Journal { dir: String, source: RecoverError },
    #[error("data directory {dir}: {source}")]
    Snapshot { dir: String, source: ReadError },
    #[error("data directory {dir}: {source}")]
    Leftovers {
        dir: String,
        source: snapshot::WriteError,
    },
    #[error("data directory {dir}: {source}")]
    Repair { dir: String, source: RepairError },
    #[error(
        "data directory {dir} is new, and the other members know this one by another directory: that one is lost, and what \
         this member promised with it"
    )]
    Lost { dir: String },
    #[error("data directory {dir}: {source}")]
    Alone { dir: String, source: AloneError },
    #[error(
        "data directory {dir} was made for member {found} and holds nothing yet, and the --initial-... flags now make it \
         member {founded}: give the former ones, or remove the directory"
    )]
    OtherFounding {
        dir: String,
        found: NodeId,
        founded: NodeId,
    },
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
    let dir = config.data_dir.display().to_string();
    let note = repair::carry_on(disk).map_err(|source| BootError::Repair {
        dir: dir.clone(),
        source,
    })?;
    let refused = |source| BootError::Identity {
        dir: dir.clone(),
        source,
    };
    let found = data_dir::inspect(disk).map_err(refused)?;
    // What was founded stays: all --initial-... flags are ignored then, as in etcd.
    let born = found.map_or_else(|| found_member(config).map(|(identity, _)| identity), Ok)?;
    let expected = Expected {
        cluster_id: Some(born.cluster_id),
        member_id: Some(born.member_id),
    };
    let mut data = data_dir::open_or_create(disk.clone(), born, expected).map_err(refused)?;
    let choice = choose_snapshot(&dir, data.disk(), data.identity().cluster_id)?;
    let (newest, store) = choice.snapshot.map(|found| (found.mark, found.store)).unzip();
    let seed = note.filter(|_| !data.journal_born());
    let seed = seed.and_then(|note| host_repair::seed(config, disk, &note, newest.clone()));
    let mark = match &seed {
        _ if data.journal_born() => SnapshotMark::default(),
        Some(seed) => seed.snapshot.clone(),
        None => first_mark(config, data.identity())?,
    };
    let recovered = journal::recover(&mut data, SEGMENT_BYTES, mark, newest.clone());
    let recovered = match recovered {
        Ok(_) if lost => Err((true, BootError::Lost { dir: dir.clone() })),
        Ok(recovered) => Ok(recovered),
        Err(source) => Err((source.is_loss(), journal_error(&dir, source, choice.passed_over))),
    };
    let mut recovered = match recovered {
        Ok(recovered) => recovered,
        Err((true, error)) if !config.force_new_cluster => {
            let owner = (data.identity(), data.boot());
            return match Petition::new(config, clock, disk, owner, newest, &error) {
                Some((petition, image)) => Ok(petitioner(config, clock, petition, image)),
                None => Err(error.into()),
            };
        }
        Err((_, error)) => return Err(error.into()),
    };
    if let Some(seed) = seed {
        let sown = recovered.sow(seed);
        sown.map_err(|source| journal_error(&dir, source, Vec::new()))?;
    }
    log_recovery(&config.data_dir, &recovered, data.boot().0);
    let identity = data.identity();
    // A directory made just now has nothing to rescue: as in etcd, it founds what the other flags say.
    if config.force_new_cluster && found.is_some() {
        go_on_alone(&mut recovered, identity.member_id).map_err(|source| BootError::Alone {
            dir: dir.clone(),
            source,
        })?;
    }
    let peers = peer_identity(identity, data.boot(), &recovered.image);
    let node_config = NodeConfig {
        repair: note.map(|note| host_repair::renewed(config, &note)),
        ..node_config(config, identity, data.boot())
    };
    Ok(Booted {
        node: Node::boot(node_config, recovered.image, store, clock.now()),
        writer: Some(recovered.writer),
        identity: peers,
        petition: None,
    })
}

/// A member that asks the others to take it in: it has no state, and keeps none.
fn petitioner(config: &Config, clock: &Clock, petition: Petition, image: Image) -> Booted {
    let (identity, boot) = (petition.identity(), petition.boot());
    let node_config = NodeConfig {
        repair: Some(petition.repair(config)),
        ..node_config(config, identity, boot)
    };
    Booted {
        identity: PeerIdentity {
            petitions: true,
            ..peer_identity(identity, boot, &image)
        },
        node: Node::boot(node_config, image, None, clock.now()),
        writer: None,
        petition: Some(petition),
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

fn journal_error(dir: &str, source: RecoverError, mut passed_over: Vec<ReadError>) -> BootError {
    let dir = dir.to_owned();
    match source {
        // The damage is what is to be looked at: without it there would be a snapshot.
        RecoverError::SnapshotMissing { .. } if !passed_over.is_empty() => BootError::Snapshot {
            dir,
            source: passed_over.remove(0),
        },
        source => BootError::Journal { dir, source },
    }
}

/// The snapshot to boot from. What a former life left unfinished goes.
fn choose_snapshot(dir: &str, disk: &FileDisk, cluster_id: u64) -> Result<Choice, BootError> {
    let dir = dir.to_owned();
    if let Err(source) = snapshot::clear_leftovers(disk) {
        return Err(BootError::Leftovers { dir, source });
    }
    let choice = snapshot::choose(disk, cluster_id).map_err(|source| BootError::Snapshot { dir, source })?;
    for damage in &choice.passed_over {
        log::warn!(damage:% = damage; "a snapshot is passed over, and stays as it is");
    }
    Ok(choice)
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
        repair: None,
        attributes: Attributes {
            name: config.name.clone(),
            client_urls,
        },
    }
}

/// The state that the journal of a new member begins with. A crash may have left an identity and nothing else; then the
/// flags must still say the same.
fn first_mark(config: &Config, identity: Identity) -> Result<SnapshotMark, Stop> {
    let (founded, mark) = found_member(config)?;
    if (founded.cluster_id, founded.member_id) != (identity.cluster_id, identity.member_id) {
        let dir = config.data_dir.display().to_string();
        let (found, founded) = (identity.member_id, founded.member_id);
        return Err(BootError::OtherFounding { dir, found, founded }.into());
    }
    Ok(mark)
}

/// The identity and the first state of a member of a new cluster.
pub(super) fn found_member(config: &Config) -> Result<(Identity, SnapshotMark), Stop> {
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
    Ok((identity, mark))
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
