//! Leader Completeness (Figure 3) before it is too late: nobody without a committed entry could win an election from here
//! on. A member that could be elected by what is on the disks need only be; so a rule that is broken shows long before
//! two leaders meet. Memberships are taken as each member has them, so this is also what a change of membership must keep:
//! no quorum of any configuration in force may do without what another's quorum committed (thesis 4.1).

use std::collections::BTreeSet;

use raft_core::{Membership, NodeId, Position};
use thiserror::Error;

/// Somebody could be elected who must not be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error(
    "n{candidate}, whose log would end at {last}, could be elected without the committed entry {missing}"
)]
pub struct Electable {
    /// Who.
    pub candidate: NodeId,
    /// The end of its log.
    pub last: Position,
    /// What it lacks.
    pub missing: Position,
}

/// A log that a member has, or would have after a crash.
#[derive(Clone, Copy, Debug)]
pub struct Standing<'a> {
    /// Whose.
    pub id: NodeId,
    /// Its end.
    pub last: Position,
    /// The newest membership in it.
    pub membership: &'a Membership,
    /// Whether it has the committed entry.
    pub has: bool,
}

/// Judges whether any of `candidates` could be elected without the entry `committed`. `last_on_disk`: where the log on a
/// member's disk ends, if it has a disk; after a crash it votes by that.
///
/// # Errors
/// Who could.
pub fn check<'a>(
    committed: Position,
    candidates: impl Iterator<Item = Standing<'a>>,
    last_on_disk: impl Fn(NodeId) -> Option<Position>,
) -> Result<(), Electable> {
    for Standing {
        id,
        last,
        membership,
        has,
    } in candidates
    {
        // Even one that is no voter, by its own log, may have to stand (thesis 4.2.2).
        if has {
            continue;
        }
        let votes = |voter: NodeId| last_on_disk(voter).is_some_and(|theirs| theirs <= last);
        if is_quorum(membership, votes) {
            return Err(Electable {
                candidate: id,
                last,
                missing: committed,
            });
        }
    }
    Ok(())
}

/// Whether those for whom `yes` holds are a majority, of both configurations while joint.
pub fn is_quorum(membership: &Membership, yes: impl Fn(NodeId) -> bool) -> bool {
    let majority =
        |voters: &BTreeSet<NodeId>| 2 * voters.iter().filter(|id| yes(**id)).count() > voters.len();
    majority(&membership.voters) && (membership.outgoing.is_empty() || majority(&membership.outgoing))
}

#[cfg(test)]
mod tests {
    use raft_core::{Index, Term};

    use super::*;

    fn at(index: u64, term: u64) -> Position {
        Position {
            term: Term(term),
            index: Index(index),
        }
    }

    /// Figure 8: entry 2 of term 2 is on a majority of five and was counted as committed by the leader of term 4; S5 has an
    /// entry 2 of term 3.
    #[test]
    fn figure_8_shows_before_s5_stands() {
        let membership = Membership::of_voters((1..=5).map(|id| (NodeId(id), vec![])));
        let standing = |id, last, has| Standing {
            id: NodeId(id),
            last,
            membership: &membership,
            has,
        };
        let disks = |id: NodeId| Some([at(3, 4), at(2, 2), at(2, 2), at(1, 1), at(2, 3)][id.0 as usize - 1]);
        let s5 = || [standing(5, at(2, 3), false)].into_iter();
        let found = check(at(2, 2), s5(), disks);
        assert_eq!(found.map_err(|electable| electable.candidate), Err(NodeId(5)));
        // Had S1 got its entry of term 4 to a majority, S5 could not.
        let disks = |id: NodeId| Some([at(3, 4), at(3, 4), at(3, 4), at(1, 1), at(2, 3)][id.0 as usize - 1]);
        assert_eq!(check(at(3, 4), s5(), disks), Ok(()));
    }

    #[test]
    fn both_majorities_of_a_joint_configuration_are_needed() {
        let mut membership = Membership::of_voters((1..=3).map(|id| (NodeId(id), vec![])));
        membership.outgoing = (3..=5).map(NodeId).collect();
        assert!(!is_quorum(&membership, |id| id.0 <= 3));
        assert!(is_quorum(&membership, |id| (2..=4).contains(&id.0)));
    }
}
