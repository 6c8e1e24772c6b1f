//! Partitions in which not everybody who is cut from one is cut from all: who can speak to whom is a graph. Three of them are
//! those in which a Raft as published may be without a leader for as long as they last (OmniPaxos, section 2).

use raft_core::NodeId;

/// Who can speak to whom, both ways, among members in some order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Two halves that share the first member, and nothing else.
    Bridge,
    /// Each speaks to the two next to it.
    Ring,
    /// All speak to the first, and it alone has a quorum ("quorum loss", if another one leads).
    Star,
    /// As a star, and the last one is cut from all ("constrained election", if it leads and the first is behind).
    Constrained,
    /// Each speaks to the one before and the one after it ("chained", if the first or the last one leads).
    Chain,
}

/// All of them that a schedule draws from.
pub const SHAPES: [Shape; 4] = [Shape::Bridge, Shape::Ring, Shape::Star, Shape::Chain];

impl Shape {
    /// The pairs that cannot speak, one direction each.
    #[must_use]
    pub fn cuts(self, order: &[NodeId]) -> Vec<(NodeId, NodeId)> {
        let mut cuts = Vec::new();
        for (one, &from) in order.iter().enumerate() {
            for (other, &to) in order.iter().enumerate() {
                if one != other && !self.links(one.min(other), one.max(other), order.len()) {
                    cuts.push((from, to));
                }
            }
        }
        cuts
    }

    /// Whether two places in an order of so many are linked; `low` is before `high`.
    fn links(self, low: usize, high: usize, count: usize) -> bool {
        let half = count.div_ceil(2);
        match self {
            Shape::Bridge => low == 0 || (low < half) == (high < half),
            Shape::Ring => high == low + 1 || (low == 0 && high == count - 1),
            Shape::Star => low == 0,
            Shape::Constrained => low == 0 && high != count - 1,
            Shape::Chain => high == low + 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn linked(shape: Shape, count: u64) -> Vec<(u64, u64)> {
        let order: Vec<NodeId> = (1..=count).map(NodeId).collect();
        let cuts = shape.cuts(&order);
        let pairs = order
            .iter()
            .flat_map(|&one| order.iter().map(move |&other| (one, other)));
        pairs
            .filter(|(one, other)| one < other && !cuts.contains(&(*one, *other)))
            .map(|(one, other)| {
                assert!(!cuts.contains(&(other, one)), "both ways or not at all");
                (one.0, other.0)
            })
            .collect()
    }

    #[test]
    fn each_shape_is_what_its_name_says() {
        assert_eq!(
            linked(Shape::Bridge, 5),
            [(1, 2), (1, 3), (1, 4), (1, 5), (2, 3), (4, 5)]
        );
        assert_eq!(linked(Shape::Ring, 5), [(1, 2), (1, 5), (2, 3), (3, 4), (4, 5)]);
        assert_eq!(linked(Shape::Star, 4), [(1, 2), (1, 3), (1, 4)]);
        assert_eq!(linked(Shape::Constrained, 5), [(1, 2), (1, 3), (1, 4)]);
        assert_eq!(linked(Shape::Chain, 4), [(1, 2), (2, 3), (3, 4)]);
        assert_eq!(linked(Shape::Chain, 1), []);
    }
}
