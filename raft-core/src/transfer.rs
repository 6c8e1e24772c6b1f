//! Leadership transfer (thesis 3.10).

use crate::raft::Raft;
use crate::types::NodeId;
use crate::why::Why;

impl Raft {
    pub(crate) fn on_timeout_now(&mut self, from: NodeId) {
        self.explain(Why::IllFormed { from });
    }
}
