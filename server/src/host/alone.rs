//! `--force-new-cluster`: most members are lost for good, and this one goes on alone with what it has. raft-core says what
//! that is; here it becomes durable, before the first message of this boot.

use raft_core::{Image, LogChange, NodeId, RecoverRefusal, Save, Stamp, recover_alone};
use storage::disk::Disk;
use storage::journal::{Recovered, WriteError};
use thiserror::Error;

/// Why it cannot.
#[derive(Debug, Error)]
pub(crate) enum AloneError {
    #[error("--force-new-cluster is not possible: {0}")]
    Refused(#[from] RecoverRefusal),
    #[error("--force-new-cluster: {0}")]
    Write(#[from] WriteError),
}

/// Makes the recovered journal, and the image, those of a cluster of this member alone. One that is alone already stays
/// as it is, so that a flag left on by mistake ends no second life of the cluster.
pub(super) fn go_on_alone<D: Disk>(recovered: &mut Recovered<D>, id: NodeId) -> Result<(), AloneError> {
    let membership = recovered.image.membership();
    if membership.members().into_iter().eq([id]) && membership.is_voter(id) {
        log::info!("--force-new-cluster makes no difference: this member is alone already");
        return Ok(());
    }
    let image = recover_alone(std::mem::take(&mut recovered.image), id)?;
    let save = save_of(&image);
    recovered.writer.write(&save)?;
    recovered.writer.sync()?;
    let membership = image.membership();
    let removed: Vec<String> = membership.removed.iter().map(ToString::to_string).collect();
    log::warn!(
        "member-id":% = id, "removed-member-ids":? = removed, "recovery-epoch" = membership.settings.epoch.0;
        "goes on alone, by --force-new-cluster: all other members are removed, and refused if they return; leave the \
         flag out next time"
    );
    recovered.image = image;
    Ok(())
}

/// What the recovery changed: the ballot, and the one entry at the end.
fn save_of(image: &Image) -> Save {
    let change = image.entries.last().expect("a recovery adds an entry").clone();
    Save {
        stamp: Stamp(0),
        ballot: Some(image.ballot),
        commit: image.commit,
        log: LogChange::Append(vec![change]),
    }
}
