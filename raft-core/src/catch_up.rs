//! A candidate whose log is behind gets what it lacks from a voter whose log is not.

use crate::raft::Raft;
use crate::types::{Entry, NodeId, Position};
use crate::why::Why;

impl Raft {
    pub(crate) fn on_request_entries(&mut self, from: NodeId, _after: Position) {
        self.explain(Why::IllFormed { from });
    }

    pub(crate) fn on_entries(&mut self, from: NodeId, _prev: Position, _entries: Vec<Entry>) {
        self.explain(Why::IllFormed { from });
    }
}
