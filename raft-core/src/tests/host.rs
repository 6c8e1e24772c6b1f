//! What a host does about snapshots: it has the state, gives views of it in chunks, puts together what arrives, and keeps
//! snapshots on a disk of their own. The state is the list of all entries applied, so that nothing can be hidden in it.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;

use crate::*;

#[derive(Clone, Default)]
pub(super) struct Host {
    /// The first byte of every snapshot that it makes: two hosts write the same state in two ways.
    salt: u8,
    pub(super) state: Vec<Entry>,
    /// Snapshots that outlive a crash.
    files: BTreeMap<Position, (SnapshotMark, Bytes)>,
    writing: Option<Writing>,
    arriving: Option<(Position, Vec<u8>)>,
    views: BTreeMap<NodeId, (Position, Bytes)>,
    /// What Raft asked for and has not got yet.
    pub(super) wanted: VecDeque<Wanted>,
}

#[derive(Clone)]
struct Writing {
    mark: SnapshotMark,
    bytes: Bytes,
    is_own: bool,
}

#[derive(Clone, Copy)]
pub(super) enum Wanted {
    Snapshot(NodeId),
    Chunk {
        peer: NodeId,
        mark: Position,
        offset: u64,
        bytes_max: usize,
    },
}

impl Host {
    pub(super) fn of(id: NodeId) -> Host {
        Host {
            salt: (id.0 % 2) as u8,
            ..Host::default()
        }
    }

    pub(super) fn is_writing(&self) -> bool {
        self.writing.is_some()
    }

    /// Only the disk is left; what was being written is there whole or not at all.
    pub(super) fn crash(&mut self, writing_is_kept: bool) {
        let writing = self.writing.take().filter(|_| writing_is_kept);
        let mut files = std::mem::take(&mut self.files);
        files.extend(writing.map(|w| (w.mark.position, (w.mark, w.bytes))));
        *self = Host {
            salt: self.salt,
            files,
            ..Host::default()
        };
    }

    /// Raft's image and the newest snapshot become what both agree on, and the state that of the snapshot.
    pub(super) fn boot(&mut self, disk: &mut Image) {
        let newest = self.files.values().map(|(mark, _)| mark);
        let newest = newest.max_by_key(|mark| mark.position.index).cloned();
        if let Some(mark) = newest.filter(|mark| mark.position.index > disk.snapshot.position.index) {
            reset(disk, mark);
        }
        self.state = match disk.snapshot.position.index {
            Index(0) => Vec::new(),
            _ => self.read(disk.snapshot.position),
        };
    }

    pub(super) fn restore(&mut self, mark: Position) {
        self.state = self.read(mark);
    }

    /// What Raft asks of its host. Returns whether all is well.
    pub(super) fn perform(&mut self, raft: &mut Raft, output: Output) -> bool {
        match output {
            Output::NeedSnapshot { peer } => self.wanted.push_back(Wanted::Snapshot(peer)),
            Output::NeedChunk {
                peer,
                mark,
                offset,
                bytes_max,
            } => self.wanted.push_back(Wanted::Chunk {
                peer,
                mark,
                offset,
                bytes_max,
            }),
            Output::ReceivedChunk {
                mark,
                offset,
                data,
                last,
            } => {
                let is_sound = self.receive(&mark, offset, &data, last);
                if !is_sound {
                    raft.snapshot_unusable(mark.position);
                }
                return is_sound;
            }
            _ => {}
        }
        true
    }

    /// What the snapshot on disk says.
    fn read(&self, mark: Position) -> Vec<Entry> {
        let (_, bytes) = self
            .files
            .get(&mark)
            .unwrap_or_else(|| panic!("no snapshot at {mark} is on disk"));
        decode(bytes).expect("it was verified before it was written")
    }

    pub(super) fn has(&self, mark: Position) -> bool {
        self.files.contains_key(&mark)
    }

    /// A piece arrives. Returns whether all is well; if not, what arrived is of no use.
    fn receive(&mut self, mark: &SnapshotMark, offset: u64, data: &[u8], last: bool) -> bool {
        if offset == 0 {
            self.arriving = Some((mark.position, Vec::new()));
        }
        let (of, bytes) = self.arriving.as_mut().expect("the first piece comes first");
        assert_eq!(
            (*of, bytes.len() as u64),
            (mark.position, offset),
            "pieces in order"
        );
        bytes.extend_from_slice(data);
        if !last {
            return true;
        }
        let (_, bytes) = self.arriving.take().expect("just there");
        let is_sound = decode(&bytes).is_some();
        if is_sound {
            self.writing = Some(Writing {
                mark: mark.clone(),
                bytes: bytes.into(),
                is_own: false,
            });
        }
        is_sound
    }

    /// A snapshot of the present state, if the log on disk reaches so far.
    pub(super) fn begin_snapshot(&mut self, raft: &Raft) {
        let applied = raft.last_applied();
        if self.writing.is_none() && applied > Index(0) && raft.durable_index() >= applied {
            let mark = raft.mark_at(applied).expect("nothing after it was dropped");
            self.writing = Some(Writing {
                mark,
                bytes: self.encode(),
                is_own: true,
            });
        }
    }

    /// The snapshot is on disk; one of its own frees the disk of the log up to there.
    pub(super) fn end_snapshot(&mut self, disk: &mut Image) -> Option<Position> {
        let Writing { mark, bytes, is_own } = self.writing.take()?;
        let position = mark.position;
        self.files.insert(position, (mark.clone(), bytes));
        if is_own && position.index > disk.snapshot.position.index {
            reset(disk, mark);
        }
        Some(position)
    }

    pub(super) fn serve(&mut self, raft: &mut Raft) {
        match self.wanted.pop_front() {
            None => {}
            Some(Wanted::Snapshot(peer)) => {
                let mark = raft.mark_at(raft.last_applied()).expect("it is in the log");
                if raft.offer_snapshot(peer, mark.position) {
                    self.views.insert(peer, (mark.position, self.encode()));
                }
            }
            Some(Wanted::Chunk {
                peer,
                mark,
                offset,
                bytes_max,
            }) => {
                if let Some((at, bytes)) = self.views.get(&peer)
                    && *at == mark
                {
                    raft.supply_chunk(peer, mark, chunk(bytes, offset, bytes_max))
                        .expect("a chunk");
                }
            }
        }
        let offers: BTreeMap<_, _> = raft.offers().collect();
        self.views
            .retain(|peer, (mark, _)| offers.get(peer) == Some(mark));
    }

    /// The membership as of what is applied, if it ever changed.
    pub(super) fn membership(&self) -> Option<&Membership> {
        self.state.iter().rev().find_map(|entry| match &entry.body {
            Body::Change(membership) => Some(&**membership),
            _ => None,
        })
    }

    fn encode(&self) -> Bytes {
        let mut bytes = vec![self.salt];
        bytes.extend(postcard::to_stdvec(&self.state).expect("entries are plain data"));
        bytes.into()
    }
}

fn decode(bytes: &[u8]) -> Option<Vec<Entry>> {
    postcard::from_bytes(bytes.get(1..)?).ok()
}

fn chunk(bytes: &Bytes, offset: u64, bytes_max: usize) -> Chunk {
    let start = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
    let end = bytes.len().min(start.saturating_add(bytes_max));
    // A stream may learn of its end only after its last byte.
    let last = end == bytes.len() && (start == end || bytes.len().is_multiple_of(2));
    Chunk {
        offset,
        checksum_before: crc32c::crc32c(&bytes[..start]),
        data: bytes.slice(start..end),
        last,
    }
}

/// The log goes, but for what follows the mark if it has the mark's entry.
pub(super) fn reset(disk: &mut Image, mark: SnapshotMark) {
    let agrees = disk.entries.iter().any(|entry| entry.position == mark.position);
    disk.entries
        .retain(|entry| agrees && entry.position.index > mark.position.index);
    let last = disk
        .entries
        .last()
        .map_or(mark.position.index, |entry| entry.position.index);
    disk.commit = disk.commit.max(mark.position.index).min(last);
    disk.snapshot = mark;
}
