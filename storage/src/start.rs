//! From a data directory to what its member begins with: the files' share of a boot, in the one order in which it is safe.
//! A directory that is damaged and can be replaced yields who asks for that, and nothing of it is changed.

use raft_core::{Boot, Image, NodeId, SnapshotMark};
use thiserror::Error;

use crate::data_dir::{self, DataDir, DataDirError, Expected, Identity};
use crate::disk::Disk;
use crate::journal::{self, RecoverError, Recovered};
use crate::repair::{self, Note, RepairError};
use crate::snapshot::{self, Choice, ReadError};
use crate::store::Store;

/// What a member of a new cluster begins with.
#[derive(Clone, Debug)]
pub struct Founding {
    /// Who it is. Its data id is random.
    pub identity: Identity,
    /// What the cluster begins with.
    pub mark: SnapshotMark,
}

/// How a member is to begin.
#[derive(Clone, Copy)]
pub struct Beginning<'host> {
    /// What the host's settings found, if they do. Not asked of a directory that has all its own.
    pub founding: &'host dyn Fn() -> Option<Founding>,
    /// How large segments of the journal become.
    pub segment_bytes: u64,
    /// Another member knows this one by another directory, and this one is new: that one is lost.
    pub lost: bool,
    /// Whether a damaged member may ask the others to take it in.
    pub petitions: bool,
}

/// What came of it.
#[derive(Debug)]
pub enum Start<D: Disk> {
    /// A member with all that its disk ever promised.
    Member(Box<Started<D>>),
    /// One whose disk has not, and which asks the others to take it in under a new id.
    Petitioner(Box<Petition>),
}

/// A member that has its own.
#[derive(Debug)]
pub struct Started<D: Disk> {
    /// Who.
    pub identity: Identity,
    /// Which boot of its directory this is.
    pub boot: Boot,
    /// Its journal.
    pub recovered: Recovered<D>,
    /// The state of the snapshot that the journal's image begins with, if there is one.
    pub store: Option<Store>,
    /// The repair that is not at its end.
    pub note: Option<Note>,
    /// Whether the directory was somebody's before this boot.
    pub was_founded: bool,
    /// Snapshots that are not sound and not needed.
    pub passed_over: Vec<ReadError>,
}

/// A member that asks to be taken in.
#[derive(Debug)]
pub struct Petition {
    /// Who it was, and wants to be.
    pub note: Note,
    /// What its node begins with: it knows of the others, and of nothing they did.
    pub image: Image,
    /// What is wrong with the directory.
    pub loss: StartError,
    /// Snapshots that are not sound and not needed.
    pub passed_over: Vec<ReadError>,
}

/// Why a member cannot start on a data directory.
#[derive(Debug, Error)]
pub enum StartError {
    /// Whose it is cannot be told, or it is another's.
    #[error(transparent)]
    Identity(#[from] DataDirError),
    /// The journal.
    #[error(transparent)]
    Journal(#[from] RecoverError),
    /// A snapshot that is needed.
    #[error(transparent)]
    Snapshot(#[from] ReadError),
    /// What a former life left unfinished.
    #[error(transparent)]
    Leftovers(#[from] snapshot::WriteError),
    /// A repair that had begun.
    #[error(transparent)]
    Repair(#[from] RepairError),
    /// It is new, and its member is not.
    #[error(
        "it is new, and the other members know this one by another directory: that one is lost, and what this member \
         promised with it"
    )]
    Lost,
    /// It is nobody's, and nothing says what to make of it.
    #[error("it is nobody's yet, and the settings found no member")]
    Unfounded,
    /// It holds nothing, and the settings found another member than it was made for.
    #[error(
        "it was made for member {found} and holds nothing yet, and the --initial-... flags now make it member {founded}: \
         give the former ones, or remove the directory"
    )]
    OtherFounding {
        /// Whose it is.
        found: NodeId,
        /// Who is founded.
        founded: NodeId,
    },
}

/// Starts a member on its data directory, or makes it one there.
///
/// # Errors
/// See [`StartError`]. What is damaged stays as it is.
pub fn start<D: Disk>(disk: &D, beginning: &Beginning<'_>) -> Result<Start<D>, StartError> {
    let note = repair::carry_on(disk)?;
    let found = data_dir::inspect(disk)?;
    let founded = || (beginning.founding)().map(|founding| founding.identity);
    // What was founded stays: what the settings say is ignored then, as in etcd.
    let born = found.or_else(founded).ok_or(StartError::Unfounded)?;
    let expected = Expected {
        cluster_id: Some(born.cluster_id),
        member_id: Some(born.member_id),
    };
    let mut data = data_dir::open_or_create(disk.clone(), born, expected)?;
    snapshot::clear_leftovers(disk)?;
    let Choice {
        snapshot,
        mut passed_over,
    } = snapshot::choose(disk, data.identity().cluster_id)?;
    let (newest, store) = snapshot.map(|found| (found.mark, found.store)).unzip();
    let seed = note
        .filter(|_| !data.journal_born())
        .and_then(|note| seed(disk, &note, newest.clone(), beginning));
    let mark = match &seed {
        _ if data.journal_born() => SnapshotMark::default(),
        Some(seed) => seed.snapshot.clone(),
        None => first_mark(data.identity(), beginning)?,
    };
    let loss = match recovered(&mut data, beginning, mark, newest.clone(), seed) {
        Ok(recovered) if !beginning.lost => {
            return Ok(Start::Member(Box::new(Started {
                identity: data.identity(),
                boot: data.boot(),
                recovered,
                store,
                note,
                was_founded: found.is_some(),
                passed_over,
            })));
        }
        Ok(_) => StartError::Lost,
        Err(error) => {
            let is_loss = error.is_loss();
            let error = told(error, &mut passed_over);
            if !is_loss {
                return Err(error);
            }
            error
        }
    };
    let owner = (data.identity(), data.boot());
    match petition(disk, beginning, owner, newest).filter(|_| beginning.petitions) {
        Some((note, image)) => Ok(Start::Petitioner(Box::new(Petition {
            note,
            image,
            loss,
            passed_over,
        }))),
        None => Err(loss),
    }
}

/// The journal, sown with what is left of the former one if it is born just now.
fn recovered<D: Disk>(
    data: &mut DataDir<D>,
    beginning: &Beginning<'_>,
    mark: SnapshotMark,
    newest: Option<SnapshotMark>,
    seed: Option<Image>,
) -> Result<Recovered<D>, RecoverError> {
    // A member makes its first snapshot long after its journal is born.
    if !data.journal_born() && seed.is_none() && newest.is_some() {
        return Err(RecoverError::Lost);
    }
    let mut recovered = journal::recover(data, beginning.segment_bytes, mark, newest)?;
    if let Some(seed) = seed {
        recovered.sow(seed)?;
    }
    Ok(recovered)
}

/// Without the damage of a snapshot there would be one: that is what is to be looked at.
fn told(error: RecoverError, passed_over: &mut Vec<ReadError>) -> StartError {
    match error {
        RecoverError::SnapshotMissing { .. } if !passed_over.is_empty() => passed_over.remove(0).into(),
        error => error.into(),
    }
}

/// Who asks, and what its node begins with; None if the directory says of no other member that could take this one in.
fn petition<D: Disk>(
    disk: &D,
    beginning: &Beginning<'_>,
    (former, boot): (Identity, Boot),
    snapshot: Option<SnapshotMark>,
) -> Option<(Note, Image)> {
    let renewing = repair::look(disk).ok()?;
    let seed = journal::salvage(disk, former, "", snapshot).or_else(|| founded(beginning, former))?;
    let membership = seed.membership();
    // That it is a learner in what is left says nothing: each voter that was repaired was one once, and what made it vote
    // may be what is lost.
    let votes = renewing.is_none_or(|note| note.votes);
    let mut others = membership.members();
    others.remove(&former.member_id);
    if let Some(note) = renewing {
        others.remove(&note.former.member_id);
    }
    if others.is_empty() {
        return None;
    }
    let note = Note {
        former,
        next: repair::successor(former),
        boot,
        number: renewing.map_or(1, |note| note.number + 1),
        votes,
    };
    let snapshot = SnapshotMark {
        membership: membership.clone(),
        ..SnapshotMark::default()
    };
    let image = Image {
        snapshot,
        ..Image::default()
    };
    Some((note, image))
}

/// What a journal that is born for the new member begins with.
fn seed<D: Disk>(
    disk: &D,
    note: &Note,
    snapshot: Option<SnapshotMark>,
    beginning: &Beginning<'_>,
) -> Option<Image> {
    let aside = repair::aside(note.number);
    journal::salvage(disk, note.former, &aside, snapshot).or_else(|| founded(beginning, note.former))
}

/// The state that the cluster began with, if the settings still say so: the cluster's id is made of its founders' ids.
fn founded(beginning: &Beginning<'_>, former: Identity) -> Option<Image> {
    let founding = (beginning.founding)()?;
    (founding.identity.cluster_id == former.cluster_id).then(|| Image {
        snapshot: founding.mark,
        ..Image::default()
    })
}

/// The state that the journal of a new member begins with. A crash may have left an identity and nothing else; then the
/// settings must still say the same.
fn first_mark(identity: Identity, beginning: &Beginning<'_>) -> Result<SnapshotMark, StartError> {
    let founding = (beginning.founding)().ok_or(StartError::Unfounded)?;
    let founded = founding.identity;
    if (founded.cluster_id, founded.member_id) != (identity.cluster_id, identity.member_id) {
        let (found, founded) = (identity.member_id, founded.member_id);
        return Err(StartError::OtherFounding { found, founded });
    }
    Ok(founding.mark)
}
