//! `balsa restore`: a data directory for a member of a new cluster, which begins with the state of a snapshot.

use std::ffi::OsString;
use std::fmt::Display;
use std::fs::{self, File};
use std::io::{self, Read as _, Write};
use std::path::{Path, PathBuf};

use raft_core::{Epoch, Membership, Settings as Held, SnapshotMark};
use storage::data_dir::{self, Expected, Identity};
use storage::disk::FileDisk;
use storage::journal::{self, SEGMENT_BYTES};
use storage::snapshot::{self, Decoder, Encoder, Snapshot};
use storage::store::Store;

use super::{Tool, said};
use crate::cli::{self, Arguments, Start};
use crate::config::Config;
use crate::exit::{Origin, Stop};
use crate::flags::restore as flags;
use crate::founding::{Founding, Initial};
use crate::help;
use crate::host::random;
use crate::settings::Settings;

const USAGE: &str = "balsa restore --snapshot FILE [flags] (see balsa restore --help)";
/// Bytes of the file that are read at a time.
const PIECE_BYTES: usize = 1 << 20;

/// What to restore, and as whose.
#[derive(Debug)]
pub(crate) struct Restoring {
    file: PathBuf,
    name: String,
    data_dir: PathBuf,
    initial: Initial,
    /// By how much revisions and indexes go on later; 0 unless `mark_compacted`.
    bump_revision: u64,
    mark_compacted: bool,
}

/// Reads the arguments.
pub(super) fn parse(arguments: &mut Arguments<impl Iterator<Item = OsString>>) -> Result<Start, Stop> {
    let mut settings = Settings::default();
    while let Some(argument) = arguments.next()? {
        let Some((name, value)) = cli::split(&argument)? else {
            return Err(Stop::Usage(USAGE));
        };
        if matches!(name, "h" | "help") {
            return Ok(Start::Print(help::restore()));
        }
        let flag = flags::find(name).ok_or_else(|| Stop::UnknownFlag(name.to_owned()))?;
        let value = arguments.value(flag, value)?;
        settings.give(flag, Origin::flag(flag), &value)?;
    }
    let file = settings.text("snapshot");
    if file.is_empty() {
        return Err(Stop::Usage(USAGE));
    }
    let (bump, mark_compacted) = (
        settings.number("bump-revision"),
        settings.switch("mark-compacted"),
    );
    if (bump > 0) != mark_compacted {
        let why = "--bump-revision and --mark-compacted go together: one without the other misleads watchers";
        return Err(Stop::Tool(why.to_owned()));
    }
    let config = Config::of(&settings)?;
    Ok(Start::Use(Tool::Restore(Box::new(Restoring {
        file: PathBuf::from(file),
        name: config.name,
        data_dir: config.data_dir,
        initial: config.initial,
        bump_revision: bump.unsigned_abs(),
        mark_compacted,
    }))))
}

impl Restoring {
    /// Makes the data directory, all of it or nothing.
    pub(super) fn run(&self, out: &mut dyn Write) -> Result<(), Stop> {
        let founding = self.initial.found(&self.name)?;
        self.refuse_what_is_there(&self.data_dir)?;
        let draft = self.draft();
        self.refuse_what_is_there(&draft)?;
        let snapshot = self.read()?;
        let former = (snapshot.cluster_id, snapshot.store.revision());
        let (mark, store) = self.begin_anew(snapshot, &founding)?;
        let revision = store.revision().0;
        let made = make(&draft, &founding, &mark, store).and_then(|()| self.put_in_place(&draft));
        if let Err(stop) = made {
            // It was made just now, and is of no use.
            let _ = fs::remove_dir_all(&draft);
            return Err(stop);
        }
        let (cluster, former_revision) = former;
        said(writeln!(
            out,
            "restored {}: the state of cluster {cluster:x} at revision {}, entry {}\n\
             into {}: member {} ({}) of the new cluster {:x} of {}, which begins at revision {}",
            self.file.display(),
            former_revision.0,
            mark.position,
            self.data_dir.display(),
            founding.member_id,
            self.name,
            founding.cluster_id,
            founding.members.len(),
            revision,
        ))
    }

    /// Where the directory is made, beside its place, so that it is there at once or not at all.
    fn draft(&self) -> PathBuf {
        let mut name = self.data_dir.clone().into_os_string();
        name.push(".restoring");
        PathBuf::from(name)
    }

    fn refuse_what_is_there(&self, dir: &Path) -> Result<(), Stop> {
        match dir.read_dir().map(|mut entries| entries.next()) {
            Ok(None) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Ok(Some(_)) => Err(Stop::Tool(format!(
                "{} holds something: nothing is restored over it; name another --data-dir, or remove it",
                dir.display()
            ))),
            Err(error) => Err(cannot("read", dir)(error)),
        }
    }

    /// Reads the file and verifies all of it.
    fn read(&self) -> Result<Snapshot, Stop> {
        let path = &self.file;
        let unsound = |flaw: &dyn Display| Stop::Tool(format!("snapshot file {} is {flaw}", path.display()));
        let mut file = File::open(path).map_err(cannot("open", path))?;
        let mut decoder = Decoder::of_any_cluster();
        let mut piece = vec![0; PIECE_BYTES];
        loop {
            let length = file.read(&mut piece).map_err(cannot("read", path))?;
            if length == 0 {
                return decoder.finish().map_err(|flaw| unsound(&flaw));
            }
            decoder.take(&piece[..length]).map_err(|flaw| unsound(&flaw))?;
        }
    }

    /// The new cluster's first state and its mark. All members make the same of the same file.
    fn begin_anew(&self, snapshot: Snapshot, founding: &Founding) -> Result<(SnapshotMark, Store), Stop> {
        let founders = founding.members.iter();
        let voters = founders.map(|(&id, founder)| (id, founder.peer_urls.clone()));
        let held = snapshot.mark.membership.settings;
        let membership = Membership {
            settings: Held {
                // The state may hold what needs it.
                version: held.version,
                // Ids are made of addresses and the token: a former member may have the same, and is a stranger.
                epoch: Epoch(held.epoch.0 + 1),
                ..Held::default()
            },
            ..Membership::of_voters(voters)
        };
        let mark = SnapshotMark {
            position: snapshot.mark.position,
            membership,
        };
        let bump = self.bump_revision;
        let store = snapshot.store.refounded(bump, self.mark_compacted);
        let too_many = || {
            Stop::Tool(format!(
                "--bump-revision={bump} is more revisions than there are left"
            ))
        };
        Ok((mark, store.ok_or_else(too_many)?))
    }

    fn put_in_place(&self, draft: &Path) -> Result<(), Stop> {
        fs::rename(draft, &self.data_dir).map_err(cannot("make", &self.data_dir))?;
        let parent = self
            .data_dir
            .parent()
            .filter(|parent| !parent.as_os_str().is_empty());
        let parent = parent.unwrap_or(Path::new("."));
        let synced = File::open(parent).and_then(|parent| parent.sync_all());
        synced.map_err(cannot("sync", parent))
    }
}

/// Makes a directory as a member leaves it that was booted once and has this snapshot and no entry after it.
fn make(dir: &Path, founding: &Founding, mark: &SnapshotMark, store: Store) -> Result<(), Stop> {
    let failed = |error: &dyn Display| Stop::Tool(format!("{}: {error}", dir.display()));
    let disk = FileDisk::open(dir).map_err(|error| failed(&error))?;
    let identity = Identity {
        cluster_id: founding.cluster_id,
        member_id: founding.member_id,
        data_id: random::number(),
    };
    let mut data = data_dir::open_or_create(disk.clone(), identity, Expected::default())
        .map_err(|error| failed(&error))?;
    let encoder = Encoder::new(founding.cluster_id, mark.clone(), store);
    snapshot::save(disk, encoder).map_err(|error| failed(&error))?;
    journal::recover(&mut data, SEGMENT_BYTES, mark.clone(), Some(mark.clone()))
        .map_err(|error| failed(&error))?;
    Ok(())
}

fn cannot(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Stop {
    let path = path.display().to_string();
    move |error| Stop::Tool(format!("cannot {action} {path}: {error}"))
}
