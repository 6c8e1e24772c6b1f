//! Changes of membership, by a leader (Raft 6, thesis 4).

use crate::raft::Raft;
use crate::types::NodeId;
use crate::why::Why;

impl Raft {
    pub(crate) fn on_removed(&mut self, from: NodeId) {
        self.explain(Why::IllFormed { from });
    }
}
