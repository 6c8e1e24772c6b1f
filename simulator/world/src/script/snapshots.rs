//! The host's side of snapshots: followers get views of what a leader has applied, and what a follower receives is put
//! together, verified, saved, and then takes the place of its state (Raft 7).

use bytes::Bytes;
use raft_core::{Chunk, NodeId, Position, SnapshotMark};

use super::cluster::Cluster;
use super::disk::Manner;
use super::error::Problem;
use super::machine::State;

/// A whole snapshot on its way to a disk.
#[derive(Clone, Debug)]
pub(crate) struct SavingSnapshot {
    state: State,
    /// Taken of the node's own state: of no use before the log is on disk up to its mark.
    is_own: bool,
}

/// What came of a snapshot so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Receiving {
    bytes: Vec<u8>,
}

impl Cluster {
    /// The node takes a snapshot of what it has applied, and begins to save it.
    pub(crate) fn take_snapshot(&mut self, id: NodeId) -> Result<(), Problem> {
        self.raft(id)?;
        let state = self.member(id)?.state.clone();
        let mark = state.mark.position;
        let text = format!("saving snapshot {mark} state={:08x}", state.digest());
        self.say(id, text)?;
        self.begin_saving(id, SavingSnapshot { state, is_own: true })?;
        self.poll(id)
    }

    /// A follower needs a snapshot: it is offered one of what is applied now.
    pub(super) fn offer_snapshot(&mut self, id: NodeId, peer: NodeId) -> Result<(), Problem> {
        self.say(id, format!("n{peer} needs a snapshot"))?;
        let member = self.member_mut(id)?;
        let mark = member.state.mark.position;
        let mut bytes = member.state.snapshot().to_vec();
        if let Some(first) = bytes.first_mut().filter(|_| member.rots) {
            *first ^= 1;
        }
        member.offered.insert(peer, (mark, bytes.into()));
        let is_taken = self.input(id, |raft, _| raft.offer_snapshot(peer, mark))?;
        if is_taken {
            return Ok(());
        }
        self.member_mut(id)?.offered.remove(&peer);
        self.say(id, format!("the snapshot {mark} is not taken"))
    }

    /// The next piece for a follower, from the view that was offered for it.
    pub(super) fn supply_chunk(
        &mut self,
        id: NodeId,
        peer: NodeId,
        (mark, offset): (Position, u64),
        bytes_max: usize,
    ) -> Result<(), Problem> {
        let offered = self.member(id)?.offered.get(&peer);
        let Some((_, bytes)) = offered.filter(|(offered, _)| *offered == mark) else {
            return Ok(());
        };
        let begin = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
        let end = bytes.len().min(begin.saturating_add(bytes_max));
        let chunk = Chunk {
            offset,
            checksum_before: crc32c::crc32c(&bytes[..begin]),
            data: bytes.slice(begin..end),
            last: end == bytes.len(),
        };
        self.input(id, |raft, _| {
            raft.supply_chunk(peer, mark, chunk).expect("a chunk")
        })
    }

    /// A piece came; the last one makes a snapshot, or not.
    pub(super) fn received_chunk(
        &mut self,
        id: NodeId,
        mark: SnapshotMark,
        (offset, data): (u64, Bytes),
        last: bool,
    ) -> Result<(), Problem> {
        let position = mark.position;
        let end = offset + data.len() as u64;
        let of_last = if last { ", the last" } else { "" };
        self.say(
            id,
            format!("receives {offset}..{end} of the snapshot {position}{of_last}"),
        )?;
        let received = &mut self.member_mut(id)?.receiving.bytes;
        if offset == 0 {
            received.clear();
        }
        assert_eq!(
            received.len() as u64,
            offset,
            "pieces of a snapshot come in order"
        );
        received.extend_from_slice(&data);
        if !last {
            return Ok(());
        }
        match State::of_snapshot(mark, &std::mem::take(received)) {
            Some(state) => {
                self.say(
                    id,
                    format!("saving snapshot {position} state={:08x}", state.digest()),
                )?;
                self.begin_saving(id, SavingSnapshot { state, is_own: false })
            }
            None => {
                self.say(id, format!("the snapshot {position} is damaged"))?;
                self.input(id, |raft, _| raft.snapshot_unusable(position))
            }
        }
    }

    fn begin_saving(&mut self, id: NodeId, snapshot: SavingSnapshot) -> Result<(), Problem> {
        let member = self.member_mut(id)?;
        member.saving_snapshots.push_back(snapshot);
        match member.disk.manner {
            Manner::Auto => self.complete_snapshot(id),
            Manner::Manual | Manner::Stalled => Ok(()),
            Manner::Failing => self.fail(id),
        }
    }

    /// The oldest snapshot on its way is on disk, and its node learns of it.
    pub(crate) fn saved_snapshot(&mut self, id: NodeId) -> Result<(), Problem> {
        self.complete_snapshot(id)?;
        self.poll(id)
    }

    fn complete_snapshot(&mut self, id: NodeId) -> Result<(), Problem> {
        let durable = self.raft(id)?.durable_index();
        let member = self.member_mut(id)?;
        let snapshot = member.saving_snapshots.front().ok_or(Problem::NoSave(id))?;
        let mark = snapshot.state.mark.position;
        if snapshot.is_own && durable < mark.index {
            return Err(Problem::LogNotSaved(id, mark.index));
        }
        if let Some(snapshot) = member.saving_snapshots.pop_front() {
            member.disk.keep(snapshot.state);
        }
        self.say(id, format!("saved snapshot {mark}"))?;
        self.input(id, |raft, _| raft.snapshot_saved(mark))
    }

    /// The saved snapshot is the state from now on.
    pub(super) fn restore(&mut self, id: NodeId, mark: &SnapshotMark) -> Result<(), Problem> {
        let member = self.member_mut(id)?;
        member.state = member.disk.snapshot().clone();
        assert_eq!(member.state.mark, *mark, "what is restored was saved before");
        let digest = member.state.digest();
        self.say(id, format!("restore {} state={digest:08x}", mark.position))?;
        self.input(id, |raft, _| raft.stand_back(false))?;
        self.compare_state(id)
    }
}
