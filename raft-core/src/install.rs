//! A follower's side of snapshots: the InstallSnapshot RPC (Raft 7, Figure 13).

use crate::raft::Raft;
use crate::types::{NodeId, SnapshotMark};
use crate::why::Why;
use bytes::Bytes;

/// What one InstallSnapshot brings.
#[derive(Clone, Debug)]
pub(crate) struct Piece {
    pub(crate) offset: u64,
    pub(crate) data: Bytes,
    pub(crate) checksum: u32,
    pub(crate) last: bool,
}

impl Raft {
    pub(crate) fn on_install_snapshot(&mut self, from: NodeId, _mark: SnapshotMark, _piece: Piece) {
        self.explain(Why::IllFormed { from });
    }
}
