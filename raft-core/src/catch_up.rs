//! A candidate whose log is behind gets what it lacks from a voter whose log is not.

use crate::message::VoteAnswer;
use crate::raft::Raft;
use crate::types::{Entry, NodeId, Position};
use crate::why::Why;

impl Raft {
    /// Whether it has asked for a whole election timeout, and a quorum would follow it but for its log.
    pub(crate) fn is_only_behind(&mut self) -> bool {
        let membership = self.memberships.current();
        let canvass = self.role.canvass();
        canvass.is_some_and(|canvass| canvass.only_the_log_is_missing(membership))
    }

    /// What a voter says whose log is more up-to-date: only while it follows nobody may the candidate raise its term.
    pub(crate) fn behind(&self, ours: Position) -> VoteAnswer {
        if self.hears_leader() {
            VoteAnswer::Refused
        } else {
            VoteAnswer::Behind { last: ours }
        }
    }

    pub(crate) fn on_request_entries(&mut self, from: NodeId, _after: Position) {
        self.explain(Why::IllFormed { from });
    }

    pub(crate) fn on_entries(&mut self, from: NodeId, _prev: Position, _entries: Vec<Entry>) {
        self.explain(Why::IllFormed { from });
    }
}
