//! A leader's side of snapshots: which follower needs one, and which piece is next (Raft 7).

use crate::message::InstallOutcome;
use crate::raft::Raft;
use crate::types::{NodeId, Position};
use crate::why::Why;

impl Raft {
    pub(crate) fn on_install_snapshot_reply(
        &mut self,
        from: NodeId,
        _mark: Position,
        _outcome: InstallOutcome,
    ) {
        self.explain(Why::IllFormed { from });
    }
}
