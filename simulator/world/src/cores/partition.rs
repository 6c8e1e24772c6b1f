//! Which pairs a cut cuts.

use raft_core::NodeId;

use super::faults::Shape;
use super::wire::Pair;
use crate::choices::{Choices, PerMillion};

/// The pairs that are cut when `shape` befalls these members. `victim` is who stands alone, or in the middle.
pub(crate) fn pairs(
    shape: Shape,
    members: &[NodeId],
    victim: NodeId,
    leader: Option<NodeId>,
    choices: &mut Choices,
) -> Vec<Pair> {
    match shape {
        Shape::Isolate => all_but(members, |from, to| from != victim && to != victim),
        Shape::Deaf => all_but(members, |_, to| to != victim),
        Shape::Mute => all_but(members, |from, _| from != victim),
        Shape::OneWay => {
            let other = choices.pick(members);
            all_but(members, |from, to| (from, to) != (victim, other))
        }
        Shape::Halves => {
            let side = side(members, choices);
            all_but(members, |from, to| side.contains(&from) == side.contains(&to))
        }
        Shape::Bridge => {
            let side = side(members, choices);
            all_but(members, |from, to| {
                from == victim || to == victim || side.contains(&from) == side.contains(&to)
            })
        }
        Shape::Ring => {
            let place = places(members, choices);
            let size = members.len();
            all_but(members, |from, to| {
                let (a, b) = (place(from), place(to));
                (a + 1) % size == b || (b + 1) % size == a
            })
        }
        Shape::Chain => {
            let place = places(members, choices);
            all_but(members, |from, to| place(from).abs_diff(place(to)) == 1)
        }
        Shape::Star => {
            let middle = other_than(leader, members, victim, choices);
            all_but(members, |from, to| from == middle || to == middle)
        }
        // The second act; the first cuts off the middle alone.
        Shape::Constrained => all_but(members, |from, to| {
            (from == victim || to == victim) && leader != Some(from) && leader != Some(to)
        }),
    }
}

/// Somebody who does not lead, if possible.
pub(crate) fn other_than(
    leader: Option<NodeId>,
    members: &[NodeId],
    victim: NodeId,
    choices: &mut Choices,
) -> NodeId {
    let others: Vec<NodeId> = members.iter().copied().filter(|&id| leader != Some(id)).collect();
    match others.contains(&victim) || others.is_empty() {
        true => victim,
        false => choices.pick(&others),
    }
}

/// All pairs but those that stay whole.
pub(crate) fn all_but(members: &[NodeId], stays: impl Fn(NodeId, NodeId) -> bool) -> Vec<Pair> {
    let pairs = members
        .iter()
        .flat_map(|&from| members.iter().map(move |&to| (from, to)));
    pairs
        .filter(|&(from, to)| from != to && !stays(from, to))
        .collect()
}

fn side(members: &[NodeId], choices: &mut Choices) -> Vec<NodeId> {
    members
        .iter()
        .copied()
        .filter(|_| choices.happens(PerMillion(500_000)))
        .collect()
}

/// Members in a random order, as the place of each.
fn places(members: &[NodeId], choices: &mut Choices) -> impl Fn(NodeId) -> usize {
    let mut order = members.to_vec();
    for at in (1..order.len()).rev() {
        order.swap(
            at,
            usize::try_from(choices.below(at as u64 + 1)).expect("an index"),
        );
    }
    move |id| order.iter().position(|&other| other == id).expect("a member")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(shape: Shape, leader: u64) -> Vec<Pair> {
        let members: Vec<NodeId> = (1..=5).map(NodeId).collect();
        pairs(
            shape,
            &members,
            NodeId(2),
            Some(NodeId(leader)),
            &mut Choices::of_seed(3),
        )
    }

    /// How many ordered pairs of five members each shape leaves whole.
    #[test]
    fn shapes_leave_what_they_are_named_for() {
        let whole = |shape| 20 - cut(shape, 1).len();
        assert_eq!(whole(Shape::Isolate), 12);
        assert_eq!((whole(Shape::Deaf), whole(Shape::Mute)), (16, 16));
        assert!(whole(Shape::OneWay) >= 19);
        assert_eq!(whole(Shape::Ring), 10);
        assert_eq!(whole(Shape::Chain), 8);
        assert_eq!(whole(Shape::Star), 8);
        assert_eq!(whole(Shape::Constrained), 6);
        let bridge = cut(Shape::Bridge, 1);
        assert!(
            bridge
                .iter()
                .all(|&(from, to)| from != NodeId(2) && to != NodeId(2))
        );
    }

    #[test]
    fn a_star_has_another_than_the_leader_in_its_middle() {
        let star = cut(Shape::Star, 2);
        let middle = (1..=5)
            .map(NodeId)
            .find(|id| star.iter().all(|(from, to)| from != id && to != id));
        assert!(middle.is_some_and(|id| id != NodeId(2)), "{middle:?}");
    }
}
