//! What a host does about snapshots, as the server's snapshot thread does it: writes the member's own, keeps what comes
//! from the leader, and removes old ones. What takes long happens when the world says that it is done, so that power can
//! fail before; and power can fail after any single operation on the way.

use bytes::Bytes;
use node::{Input, View};
use raft_core::{Index, Position, SnapshotMark};
use storage::snapshot::{self, Encoder, Incoming, Making, WriteError};

use super::{CLUSTER_ID, Effect, Halt, Member};
use crate::disk::SimDisk;
use crate::probes::Probe;

/// What is on its way to the disk.
#[derive(Debug, Default)]
pub(super) struct Snapshots {
    making: Option<(Making<SimDisk>, Position)>,
    incoming: Option<Incoming<SimDisk>>,
    publishing: Option<Position>,
    /// Of all snapshots on disk, but for pieces that came since it was last measured.
    bytes: u64,
}

impl Snapshots {
    /// Of a member that boots.
    pub(super) fn of(disk: &SimDisk) -> Snapshots {
        let mut snapshots = Snapshots::default();
        snapshots.measure(disk);
        snapshots
    }

    /// How much space they take.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// If the disk will not say, it is what it was.
    fn measure(&mut self, disk: &SimDisk) {
        self.bytes = snapshot::bytes(disk).unwrap_or(self.bytes);
    }
}

impl Member {
    /// None if it is given up.
    pub(super) fn save_snapshot(&mut self, mark: SnapshotMark, view: View) -> Result<Option<Effect>, Halt> {
        assert!(
            self.snapshots.making.is_none(),
            "one snapshot of its own at a time"
        );
        let store = view.into_store().expect("a running node's view has its state");
        let (position, disk) = (mark.position, self.disk.clone());
        let begun = Making::begin(disk, Encoder::new(CLUSTER_ID, mark, store));
        let begun = self.unless_given_up(begun)?;
        let effect = begun.is_some().then_some(Effect::SaveSnapshot(position));
        self.snapshots.making = begun.map(|making| (making, position));
        self.snapshots.measure(&self.disk);
        Ok(effect)
    }

    /// The snapshot in the making is written to its end now.
    pub(super) fn snapshot_made(&mut self) -> Result<Input, Halt> {
        let (mut making, position) = self.snapshots.making.take().expect("one is in the making");
        let made = loop {
            let step = making.step();
            match self.unless_given_up(step)? {
                Some(None) => {}
                Some(Some(mark)) => break Input::SnapshotSaved(mark.position),
                None => break Input::SnapshotGivenUp(position),
            }
        };
        self.snapshots.measure(&self.disk);
        Ok(made)
    }

    pub(super) fn keep_piece(&mut self, offset: u64, data: &Bytes) -> Result<Input, Halt> {
        if offset == 0 {
            self.drop_incoming();
            let begun = Incoming::begin(self.disk.clone());
            self.snapshots.incoming = self.unless_given_up(begun)?;
        }
        // Of one that was given up the pieces go nowhere.
        if let Some(incoming) = self.snapshots.incoming.as_mut() {
            assert_eq!(incoming.offset(), offset, "pieces come in order");
            let appended = incoming.append(data);
            if self.unless_given_up(appended)?.is_none() {
                self.snapshots.incoming = None;
            }
        }
        Ok(Input::PiecesWritten(data.len() as u64))
    }

    pub(super) fn publish_snapshot(&mut self, mark: Position) -> Effect {
        self.snapshots.publishing = Some(mark);
        Effect::PublishSnapshot(mark)
    }

    /// The snapshot that came is put in its place now, unless it was given up meanwhile.
    pub(super) fn snapshot_published(&mut self, mark: Position) -> Result<Option<Input>, Halt> {
        if self
            .snapshots
            .publishing
            .take_if(|waits| *waits == mark)
            .is_none()
        {
            return Ok(None);
        }
        let published = match self.snapshots.incoming.take() {
            Some(incoming) => {
                let published = incoming.publish(mark.index);
                self.unless_given_up(published)?
            }
            None => None,
        };
        self.snapshots.measure(&self.disk);
        Ok(Some(match published {
            Some(()) => Input::SnapshotSaved(mark),
            None => Input::SnapshotGivenUp(mark),
        }))
    }

    pub(super) fn drop_incoming(&mut self) {
        self.snapshots.publishing = None;
        self.snapshots
            .incoming
            .take()
            .into_iter()
            .for_each(Incoming::abandon);
        self.snapshots.measure(&self.disk);
    }

    pub(super) fn drop_log_before(&mut self, index: Index) -> Result<(), Halt> {
        if let Some(journal) = &mut self.journal {
            journal.writer().drop_before(index);
        }
        let dropped = snapshot::drop_before(&self.disk, index);
        self.unless_given_up(dropped)?;
        self.snapshots.measure(&self.disk);
        Ok(())
    }

    /// None if the disk failed, or had no space, in a way that does no harm: the snapshot is given up.
    fn unless_given_up<T>(&mut self, result: Result<T, WriteError>) -> Result<Option<T>, Halt> {
        let excused = (self.disk.has_failed() || self.disk.was_full()) && !self.disk.is_without_power();
        match result {
            Ok(value) => Ok(Some(value)),
            Err(error) if excused && !error.is_fatal() => {
                self.effects.push(Effect::Met(Probe::SnapshotGivenUp));
                Ok(None)
            }
            Err(error) => Err(self.disk_halt(&error)),
        }
    }
}
