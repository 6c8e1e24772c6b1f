//! Majorities (Raft 5.2), of both configurations while joint (thesis 4.3).

use std::collections::BTreeSet;

use crate::membership::Membership;
use crate::types::NodeId;

/// Voters of all but extraordinary clusters.
const FEW: usize = 9;

/// How an election stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tally {
    /// A quorum said yes.
    Won,
    /// No quorum can say yes any more.
    Lost,
    /// Neither yet.
    Open,
}

/// The greatest value that a quorum reaches, when each voter has reached `reached(voter)`.
pub(crate) fn reached_by_quorum<V: Ord + Copy>(
    membership: &Membership,
    reached: impl Fn(NodeId) -> V,
) -> Option<V> {
    let (incoming, outgoing) = reached_by_halves(membership, reached);
    if membership.outgoing.is_empty() {
        return incoming;
    }
    Some(incoming?.min(outgoing?))
}

/// The same for the voters of the new configuration and for those of the old one, if joint.
pub(crate) fn reached_by_halves<V: Ord + Copy>(
    membership: &Membership,
    reached: impl Fn(NodeId) -> V,
) -> (Option<V>, Option<V>) {
    let incoming = reached_by_majority(&membership.voters, &reached);
    (incoming, reached_by_majority(&membership.outgoing, &reached))
}

/// How an election stands, given each voter's answer so far.
pub(crate) fn tally(membership: &Membership, vote: impl Fn(NodeId) -> Option<bool>) -> Tally {
    // Order the answers no < open < yes: the quorum's value then is the election's.
    let value = reached_by_quorum(membership, |id| match vote(id) {
        Some(false) => 0,
        None => 1,
        Some(true) => 2,
    });
    match value {
        Some(2) => Tally::Won,
        Some(1) => Tally::Open,
        _ => Tally::Lost,
    }
}

fn reached_by_majority<V: Ord + Copy>(
    voters: &BTreeSet<NodeId>,
    reached: &impl Fn(NodeId) -> V,
) -> Option<V> {
    let mut ids = voters.iter().copied();
    let first = reached(ids.next()?);
    // Asked for at each acknowledgement: the usual clusters need no allocation.
    let mut few = [first; FEW];
    let mut many = Vec::new();
    let values = if voters.len() <= FEW {
        let places = few.iter_mut().skip(1);
        places.zip(ids).for_each(|(place, id)| *place = reached(id));
        &mut few[..voters.len()]
    } else {
        many.push(first);
        many.extend(ids.map(reached));
        &mut many[..]
    };
    values.sort_unstable();
    // Of n sorted values, n/2 + 1 are at or above the one at (n - 1) / 2.
    Some(values[(values.len() - 1) / 2])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The members of whom the bits speak.
    fn set(bits: u32) -> BTreeSet<NodeId> {
        (0..7).filter(|&id| has(bits, NodeId(id))).map(NodeId).collect()
    }

    fn has(bits: u32, id: NodeId) -> bool {
        bits & (1 << id.0) != 0
    }

    /// More than half of the voters, counted: slow or not, plainly right.
    fn majority(voters: u32, yes: u32) -> bool {
        (voters & yes).count_ones() * 2 > voters.count_ones()
    }

    /// Both majorities; one alone if `outgoing` is empty.
    fn quorum(voters: u32, outgoing: u32, yes: u32) -> bool {
        majority(voters, yes) && (outgoing == 0 || majority(outgoing, yes))
    }

    fn membership(voters: u32, outgoing: u32) -> Membership {
        Membership {
            voters: set(voters),
            outgoing: set(outgoing),
            ..Membership::default()
        }
    }

    /// A value is reached by a quorum if a quorum is at or above it. So for every threshold only who is at or above it
    /// counts, and yes and no stand for all values.
    #[test]
    fn agrees_with_counting_for_every_configuration_of_seven_and_every_joint_pair() {
        for outgoing in 0u32..128 {
            for voters in 1u32..128 {
                let membership = membership(voters, outgoing);
                let everybody = voters | outgoing;
                for yes in (0u32..128).filter(|yes| yes & !everybody == 0) {
                    assert_eq!(
                        reached_by_quorum(&membership, |id| has(yes, id)),
                        Some(quorum(voters, outgoing, yes)),
                        "voters {voters:07b}, outgoing {outgoing:07b}, yes {yes:07b}"
                    );
                }
            }
        }
    }

    /// Yes, no and silence, in every combination of five, joint or not.
    #[test]
    fn an_election_is_decided_when_silence_can_change_nothing() {
        let five = (0u32..32).flat_map(|yes| (0u32..32).map(move |no| (yes, no)));
        let answers: Vec<(u32, u32)> = five.filter(|(yes, no)| yes & no == 0).collect();
        for outgoing in 0u32..32 {
            for voters in 1u32..32 {
                let membership = membership(voters, outgoing);
                for &(yes, no) in &answers {
                    let expected = match () {
                        () if quorum(voters, outgoing, yes) => Tally::Won,
                        () if quorum(voters, outgoing, !no) => Tally::Open,
                        () => Tally::Lost,
                    };
                    let vote = |id| (has(yes | no, id)).then(|| has(yes, id));
                    assert_eq!(tally(&membership, vote), expected);
                }
            }
        }
    }

    #[test]
    fn values_in_between_are_reached_as_well() {
        let membership = membership(0b11111, 0b11);
        let reached = |values: [u64; 5]| reached_by_quorum(&membership, |id| values[id.0 as usize]);
        assert_eq!(reached([5, 4, 3, 2, 1]), Some(3));
        assert_eq!(
            reached([5, 2, 9, 9, 9]),
            Some(2),
            "the old majority is both of two"
        );
    }

    #[test]
    fn an_election_is_won_lost_or_open() {
        let membership = Membership::of_voters((1..=3).map(|id| (NodeId(id), vec![])));
        let with = |votes: [Option<bool>; 3]| tally(&membership, |id| votes[id.0 as usize - 1]);
        assert_eq!(with([Some(true), None, None]), Tally::Open);
        assert_eq!(with([Some(true), Some(true), None]), Tally::Won);
        assert_eq!(with([Some(true), Some(false), Some(false)]), Tally::Lost);
        assert_eq!(tally(&Membership::default(), |_| Some(true)), Tally::Lost);
    }
}
