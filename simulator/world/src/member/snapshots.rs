//! What a host does about snapshots, as the server's snapshot thread does it: writes the member's own, keeps what comes
//! from the leader, and removes old ones. What takes long happens when the world says that it is done, so that power can
//! fail before; and power can fail after any single operation on the way.

use bytes::Bytes;
use node::{Input, View};
use raft_core::{Index, Position, SnapshotMark};
use storage::snapshot::{self, Choice, Encoder, Incoming, Making, WriteError};

use super::{CLUSTER_ID, Effect, Halt, Member};
use crate::disk::SimDisk;

/// What is on its way to the disk.
#[derive(Debug, Default)]
pub(super) struct Snapshots {
    making: Option<Making<SimDisk>>,
    incoming: Option<Incoming<SimDisk>>,
    publishing: Option<Position>,
}

/// The snapshot to boot from.
pub(super) fn choose(disk: &SimDisk) -> Result<Choice, String> {
    snapshot::clear_leftovers(disk).map_err(|error| error.to_string())?;
    let choice = snapshot::choose(disk, CLUSTER_ID).map_err(|error| error.to_string())?;
    match choice.passed_over.first() {
        // The disk kept its promises.
        Some(damage) => Err(damage.to_string()),
        None => Ok(choice),
    }
}

impl Member {
    pub(super) fn save_snapshot(&mut self, mark: SnapshotMark, view: View) -> Result<Effect, Halt> {
        assert!(
            self.snapshots.making.is_none(),
            "one snapshot of its own at a time"
        );
        let store = view.into_store().expect("a running node's view has its state");
        let (position, disk) = (mark.position, self.disk.clone());
        let begun = Making::begin(disk, Encoder::new(CLUSTER_ID, mark, store));
        self.snapshots.making = Some(self.on_snapshots(begun)?);
        Ok(Effect::SaveSnapshot(position))
    }

    /// The snapshot in the making is written to its end now.
    pub(super) fn snapshot_made(&mut self) -> Result<Input, Halt> {
        let mut making = self.snapshots.making.take().expect("one is in the making");
        loop {
            let step = making.step();
            if let Some(mark) = self.on_snapshots(step)? {
                return Ok(Input::SnapshotSaved(mark.position));
            }
        }
    }

    pub(super) fn keep_piece(&mut self, offset: u64, data: &Bytes) -> Result<Input, Halt> {
        if offset == 0 {
            self.drop_incoming();
            let begun = Incoming::begin(self.disk.clone());
            self.snapshots.incoming = Some(self.on_snapshots(begun)?);
        }
        let incoming = self.snapshots.incoming.as_mut();
        let incoming = incoming.expect("a first piece came before");
        assert_eq!(incoming.offset(), offset, "pieces come in order");
        let appended = incoming.append(data);
        self.on_snapshots(appended)?;
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
        let incoming = self.snapshots.incoming.take();
        let published = incoming.expect("all of it came").publish(mark.index);
        self.on_snapshots(published)?;
        Ok(Some(Input::SnapshotSaved(mark)))
    }

    pub(super) fn drop_incoming(&mut self) {
        self.snapshots.publishing = None;
        self.snapshots
            .incoming
            .take()
            .into_iter()
            .for_each(Incoming::abandon);
    }

    pub(super) fn drop_log_before(&mut self, index: Index) -> Result<(), Halt> {
        self.writer.drop_before(index);
        let dropped = snapshot::drop_before(&self.disk, index);
        self.on_snapshots(dropped)
    }

    fn on_snapshots<T>(&self, result: Result<T, WriteError>) -> Result<T, Halt> {
        result.map_err(|error| match self.disk.is_without_power() {
            true => Halt::PowerFailed,
            false => Halt::Broken(format!("n{}'s snapshot failed: {error}", self.id.0)),
        })
    }
}
