//! The states met so far. Of two states that differ only in what is under way, one may have all that the other has:
//! whatever follows from the other follows from it as well, so the other need not be visited.

use std::collections::BTreeMap;

/// For each fingerprint of everything but the network: sets of messages, none of which holds another.
#[derive(Debug)]
pub(super) struct Visited {
    /// By the fingerprint's upper bits: many small maps are faster than a large one.
    known: Vec<BTreeMap<u64, Vec<Messages>>>,
}

impl Default for Visited {
    fn default() -> Visited {
        Visited {
            known: (0..1 << Self::UPPER_BITS).map(|_| BTreeMap::new()).collect(),
        }
    }
}

/// Messages under way, in ascending order.
#[derive(Debug)]
struct Messages {
    /// A bit for each, which some share: what lacks a bit lacks a message.
    bits: u64,
    list: Box<[u32]>,
}

impl Visited {
    const UPPER_BITS: u32 = 16;

    /// Returns whether a state with these messages under way, in ascending order, is news.
    pub(super) fn insert(&mut self, rest: u64, wire: Vec<u32>) -> bool {
        let wire = Messages {
            bits: wire.iter().fold(0, |bits, message| bits | 1 << (message % 64)),
            list: wire.into_boxed_slice(),
        };
        let upper = usize::try_from(rest >> (u64::BITS - Self::UPPER_BITS)).expect("a few bits");
        let known = self.known[upper].entry(rest).or_default();
        if known.iter().any(|known| known.holds(&wire)) {
            return false;
        }
        known.retain(|known| !wire.holds(known));
        known.push(wire);
        true
    }
}

impl Messages {
    /// Whether all of `other` are among these.
    fn holds(&self, other: &Messages) -> bool {
        if other.bits & !self.bits != 0 || other.list.len() > self.list.len() {
            return false;
        }
        let mut rest = self.list.iter();
        other
            .list
            .iter()
            .all(|wanted| rest.by_ref().find(|has| *has >= wanted) == Some(wanted))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_no_other_holds_is_news() {
        let mut visited = Visited::default();
        assert!(visited.insert(7, vec![1, 3]));
        assert!(!visited.insert(7, vec![1, 3]));
        assert!(!visited.insert(7, vec![3]));
        assert!(!visited.insert(7, vec![]));
        assert!(visited.insert(7, vec![2, 3]));
        assert!(visited.insert(7, vec![1, 2, 3]));
        assert!(!visited.insert(7, vec![2, 3]));
        assert!(visited.insert(8, vec![]), "elsewhere it is another");
        assert_eq!(visited.known[0][&7].len(), 1);
    }

    #[test]
    fn a_set_holds_its_subsets_only() {
        // 1 and 65 share their bit, and 2 and 66.
        let numbers = [1, 2, 65, 66, 130];
        let insert = |visited: &mut Visited, set: u32| {
            let list = numbers
                .iter()
                .enumerate()
                .filter(|(bit, _)| set & (1 << bit) != 0);
            visited.insert(7, list.map(|(_, number)| *number).collect())
        };
        for larger in 0..32 {
            for smaller in 0..32 {
                let mut visited = Visited::default();
                insert(&mut visited, larger);
                assert_eq!(insert(&mut visited, smaller), larger & smaller != smaller);
            }
        }
    }
}
