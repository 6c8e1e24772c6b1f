//! Forced recovery: most voters are lost for good, and an operator decides that one member goes on alone. The only way
//! on, and no longer safe: what was committed and is not in this member's log is lost, and another member for which the
//! same is decided becomes another cluster. The new epoch keeps the two apart, and the lost ones out if they return.

use thiserror::Error;

use crate::membership::Membership;
use crate::types::{Ballot, Body, Entry, Epoch, Image, NodeId, Position, Term};

/// Why no recovery is possible from this image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RecoverRefusal {
    /// The member is not, or no more, in the membership at the end of its log.
    #[error("{0} is not a member in this log")]
    NotAMember(NodeId),
    /// There is no later term.
    #[error("the term is the last one")]
    LastTerm,
}

impl Image {
    /// The membership in force: the newest in the log, committed or not (thesis 4.1).
    #[must_use]
    pub fn membership(&self) -> &Membership {
        let newest = self.entries.iter().rev().find_map(|entry| match &entry.body {
            Body::Change(membership) => Some(&**membership),
            _ => None,
        });
        newest.unwrap_or(&self.snapshot.membership)
    }
}

/// The image of a cluster in which `id` is alone. Keeps the whole log, committed or not, since nobody is left who could
/// tell the difference; adds, in a new term, a membership whose only voter is `id`. All others are removed, so their ids
/// never come back. The epoch counts up, and reads rely on no lease. The caller makes it durable as a whole.
///
/// # Errors
/// If `id` takes no part in this log, or the terms are used up.
pub fn recover_alone(mut image: Image, id: NodeId) -> Result<Image, RecoverRefusal> {
    let mut membership = image.membership().clone();
    if !membership.contains(id) {
        return Err(RecoverRefusal::NotAMember(id));
    }
    for lost in membership.members().into_iter().filter(|&member| member != id) {
        membership.forget(lost);
    }
    membership.voters = [id].into();
    membership.outgoing.clear();
    membership.learners.clear();
    membership.settings.lease = None;
    membership.settings.epoch = Epoch(membership.settings.epoch.0 + 1);

    let last = image
        .entries
        .last()
        .map_or(image.snapshot.position, |entry| entry.position);
    let term = image.ballot.term.max(last.term);
    if term >= Term::MAX {
        return Err(RecoverRefusal::LastTerm);
    }
    // As if it had been elected: nobody else leads this term.
    let term = Term(term.0 + 1);
    image.ballot = Ballot {
        term,
        voted_for: Some(id),
    };
    image.entries.push(Entry {
        position: Position {
            term,
            index: last.index.next(),
        },
        body: Body::Change(Box::new(membership)),
    });
    Ok(image)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Config, Index, Output, Raft, SnapshotMark, Time};

    fn position(term: u64, index: u64) -> Position {
        Position {
            term: Term(term),
            index: Index(index),
        }
    }

    fn of_three() -> Image {
        let mut membership =
            Membership::of_voters((1..=3).map(|id| (NodeId(id), vec![format!("http://n{id}")])));
        membership.settings.priorities.insert(NodeId(2), 9);
        Image {
            ballot: Ballot {
                term: Term(5),
                voted_for: Some(NodeId(3)),
            },
            commit: Index(1),
            snapshot: SnapshotMark {
                membership,
                ..SnapshotMark::default()
            },
            entries: (1..=2)
                .map(|index| Entry {
                    position: position(4, index),
                    body: Body::Command(vec![7].into()),
                })
                .collect(),
        }
    }

    #[test]
    fn a_member_goes_on_alone_with_all_it_has() {
        let image = recover_alone(of_three(), NodeId(1)).expect("it is a member");
        let mut raft = Raft::boot(Config::new(NodeId(1), 7), image, Time(0));
        let mut applied = Vec::new();
        while let Some(output) = raft.poll() {
            match output {
                Output::Save(save) => raft.saved(save.stamp).expect("it is in flight"),
                Output::Apply(entry) => applied.push(entry.position),
                Output::Send(envelope) => panic!("nobody is left to hear {envelope:?}"),
                _ => {}
            }
        }
        assert!(raft.is_leader());
        assert_eq!(
            applied,
            [position(4, 1), position(4, 2), position(6, 3), position(7, 4)]
        );
        let membership = raft.log_membership();
        assert_eq!(membership.removed, [NodeId(2), NodeId(3)].into());
        assert_eq!(membership.addresses.len(), 1);
        assert!(membership.settings.priorities.is_empty());
        assert_eq!(membership.settings.epoch, Epoch(1));
    }

    #[test]
    fn whoever_takes_no_part_cannot_go_on() {
        let refusal = recover_alone(of_three(), NodeId(9));
        assert_eq!(refusal, Err(RecoverRefusal::NotAMember(NodeId(9))));
        let mut image = of_three();
        image.ballot.term = Term::MAX;
        assert_eq!(recover_alone(image, NodeId(1)), Err(RecoverRefusal::LastTerm));
    }
}
