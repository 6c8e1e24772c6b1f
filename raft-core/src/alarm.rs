//! What proves that the protocol is broken. There is nothing to be decided then but to take part no more.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::types::{Index, NodeId, Position, Term, Version};

/// Proof that another member, or this node's own disk, broke the protocol. The node stops taking part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Alarm {
    /// Two leaders in one term: Election Safety (Figure 3) is broken.
    SecondLeader {
        /// The term.
        term: Term,
        /// The leader known.
        known: NodeId,
        /// The other.
        other: NodeId,
    },
    /// A leader sent, or has, another entry than the committed one: State Machine Safety (Figure 3) is broken.
    CommittedConflict {
        /// The leader.
        leader: NodeId,
        /// The committed entry.
        ours: Position,
        /// What the leader has in its place.
        theirs: Position,
    },
    /// The leader knows of entries that this node acknowledged and does not have: this node's disk lost them.
    LostEntries {
        /// The leader.
        leader: NodeId,
        /// What it has from us.
        acknowledged: Index,
        /// Our last entry.
        last: Index,
    },
    /// The log demands what this node does not understand: it is too old for this cluster.
    TooOld {
        /// The version in the log.
        needs: Version,
        /// The newest that this node understands.
        understands: Version,
    },
}

impl fmt::Display for Alarm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Alarm::SecondLeader { term, known, other } => {
                write!(
                    f,
                    "{other} claims to lead term {term}, which {known} leads (Figure 3, Election Safety)"
                )
            }
            Alarm::CommittedConflict { leader, ours, theirs } => write!(
                f,
                "{leader} sent {theirs} where {ours} is committed (Figure 3, State Machine Safety)"
            ),
            Alarm::LostEntries {
                leader,
                acknowledged,
                last,
            } => write!(
                f,
                "{leader} has our acknowledgement of {acknowledged}, but our log ends at {last}: this disk lost entries"
            ),
            Alarm::TooOld { needs, understands } => write!(
                f,
                "the cluster has gone on to version {needs}, this node understands {understands} at most: it is too old"
            ),
        }
    }
}
