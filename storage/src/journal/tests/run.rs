//! The recorded run: small, the same each time, and with everything in it that a journal does.

use std::error::Error;

use raft_core::{Image, LogChange, NodeId, Save, SnapshotMark};

use crate::data_dir::{Expected, Identity, open_or_create};
use crate::disk::model::ModelDisk;
use crate::journal::history::{History, Shape, born};
use crate::journal::{Recovered, SEGMENT_BYTES_MIN, WriteError, recover};

pub(super) const OURS: Identity = Identity {
    cluster_id: 0xc1,
    member_id: NodeId(2),
    data_id: 0xd3,
};

/// A step of the run.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// A Save of so many entries, of so many bytes each.
    Append(usize, usize),
    /// As before, in a new term, and in place of the last uncommitted entry, if there is one.
    Replace(usize),
    /// A Save of nothing but a new ballot.
    Ballot,
    Seal,
    /// What is due between Saves.
    Prepare,
    /// A snapshot of all that is committed; then the journal is needed back to the one before it.
    Snapshot,
    /// A snapshot comes from the leader.
    Install,
}

const STEPS: &[Step] = &[
    Step::Ballot,
    Step::Append(1, 30),
    Step::Append(3, 900),
    Step::Seal,
    Step::Append(1, 200),
    Step::Replace(40),
    Step::Prepare,
    Step::Append(1, 1900),
    Step::Append(2, 10),
    Step::Snapshot,
    Step::Append(1, 1200),
    Step::Seal,
    Step::Append(1, 900),
    Step::Prepare,
    Step::Append(2, 1400),
    Step::Snapshot,
    Step::Prepare,
    Step::Append(1, 300),
    Step::Install,
    Step::Append(1, 700),
    Step::Append(1, 2500),
    Step::Seal,
    Step::Append(1, 60),
    Step::Append(2, 650),
];

/// What was done so far.
#[derive(Clone, Debug)]
pub(super) struct Run {
    pub(super) disk: ModelDisk,
    /// The Saves that may be there.
    pub(super) history: History,
    /// How many of them must be; 0 before the birth.
    pub(super) durable: usize,
    /// The kept snapshots, older first, on a disk that loses nothing.
    pub(super) snapshots: Vec<SnapshotMark>,
}

pub(super) type Failed = Box<dyn Error>;

impl Run {
    pub(super) fn new() -> Run {
        Run {
            disk: ModelDisk::default(),
            history: History::born(),
            durable: 0,
            snapshots: Vec::new(),
        }
    }

    /// A whole run.
    pub(super) fn whole() -> Run {
        let mut run = Run::new();
        run.go().expect("nothing fails");
        run
    }

    /// A whole run whose end is sealed.
    pub(super) fn sealed() -> Run {
        let run = Run::whole();
        let mut recovered = run.open().expect("a sound journal");
        recovered.writer.seal().expect("nothing fails");
        run
    }

    /// Does all steps, or those before the first that fails.
    pub(super) fn go(&mut self) -> Result<(), Failed> {
        self.go_watched(|_| {})
    }

    /// As [`Run::go`], with a look at what was done before each step.
    pub(super) fn go_watched(&mut self, mut watch: impl FnMut(&Run)) -> Result<(), Failed> {
        let mut writer = self.open()?.writer;
        self.durable = 1;
        for step in STEPS {
            watch(self);
            let shape = |kind, term, at, entries, bytes| Shape {
                kind,
                term,
                at,
                entries,
                bytes,
            };
            let save = match *step {
                Step::Append(entries, bytes) => self.history.next(&shape(5, false, 0, entries, bytes)),
                Step::Replace(bytes) => self.history.next(&shape(5, true, 1, 1, bytes)),
                Step::Ballot => self.history.next(&shape(0, true, 2, 0, 0)),
                Step::Install => self.history.next(&shape(2, false, 5, 0, 0)),
                Step::Seal => {
                    writer.seal()?;
                    continue;
                }
                Step::Prepare => {
                    self.prepare(&mut writer)?;
                    continue;
                }
                Step::Snapshot => {
                    self.keep(self.history.newest_mark());
                    writer.drop_before(self.snapshots[0].position.index);
                    continue;
                }
            };
            if let LogChange::Reset(mark) = &save.log {
                self.keep(mark.as_ref().clone());
            }
            self.put(&mut writer, &save)?;
        }
        Ok(())
    }

    fn put(&mut self, writer: &mut crate::journal::Writer<ModelDisk>, save: &Save) -> Result<(), WriteError> {
        // Space is back at the second attempt, if it was wanting.
        match writer.write(save) {
            Err(WriteError::OutOfSpace { .. }) => writer.write(save)?,
            written => written?,
        }
        writer.sync()?;
        self.durable = self.history.len();
        Ok(())
    }

    fn prepare(&self, writer: &mut crate::journal::Writer<ModelDisk>) -> Result<(), WriteError> {
        match writer.prepare_next() {
            Err(WriteError::OutOfSpace { .. }) => Ok(()),
            prepared => prepared.map(|_| ()),
        }
    }

    /// The last two are kept.
    fn keep(&mut self, mark: SnapshotMark) {
        self.snapshots.push(mark);
        let old = self.snapshots.len().saturating_sub(2);
        self.snapshots.drain(..old);
    }

    pub(super) fn open(&self) -> Result<Recovered<ModelDisk>, Failed> {
        self.open_disk(&self.disk)
    }

    pub(super) fn open_disk(&self, disk: &ModelDisk) -> Result<Recovered<ModelDisk>, Failed> {
        let mut data = open_or_create(disk.clone(), OURS, Expected::default())?;
        let snapshot = self.snapshots.last().cloned();
        Ok(recover(&mut data, SEGMENT_BYTES_MIN, born(), snapshot)?)
    }

    /// What a member finds that has the first `count` Saves.
    pub(super) fn image_of(&self, count: usize) -> Image {
        let mut prefix = self.history.clone();
        prefix.truncate(count);
        let newest = self.snapshots.last().cloned().unwrap_or_else(born);
        prefix.image_after(&newest)
    }

    /// Whether an Image is that after the durable Saves, or after those and the one that was on its way.
    pub(super) fn allows(&self, image: &Image) -> bool {
        (self.durable.max(1)..=self.history.len()).any(|count| self.image_of(count) == *image)
    }
}
