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

    /// Counts supporters one by one: slow and plainly right.
    fn oracle(voters: &BTreeSet<NodeId>, values: &[u64]) -> u64 {
        (0..=9)
            .rev()
            .find(|&candidate| {
                let supporters = voters
                    .iter()
                    .filter(|id| values[id.0 as usize] >= candidate)
                    .count();
                supporters * 2 > voters.len()
            })
            .expect("0 is always reached")
    }

    #[test]
    fn agrees_with_counting_for_all_small_configurations() {
        for old in 1u32..32 {
            for new in 1u32..32 {
                let set = |bits: u32| {
                    (0..5)
                        .filter(|id| bits & (1 << id) != 0)
                        .map(NodeId)
                        .collect::<BTreeSet<_>>()
                };
                let membership = Membership {
                    voters: set(new),
                    outgoing: set(old),
                    ..Membership::default()
                };
                for sample in 0..40u64 {
                    let values: Vec<u64> = (0..5)
                        .map(|id| (sample * 7 + id * id * 3 + sample * id) % 9)
                        .collect();
                    let expected =
                        oracle(&membership.voters, &values).min(oracle(&membership.outgoing, &values));
                    assert_eq!(
                        reached_by_quorum(&membership, |id| values[id.0 as usize]),
                        Some(expected)
                    );
                }
            }
        }
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
