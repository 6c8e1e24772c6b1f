//! What is due when: a heap of things by time. Those of one time come in the order they were added, so that a run is one
//! run.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use raft_core::Time;

/// Things in the order of their times, and then of adding.
#[derive(Clone, Debug)]
pub struct Timeline<T> {
    heap: BinaryHeap<Due<T>>,
    added: u64,
}

#[derive(Clone, Debug)]
struct Due<T> {
    order: (Time, u64),
    thing: T,
}

impl<T> Default for Timeline<T> {
    fn default() -> Timeline<T> {
        Timeline {
            heap: BinaryHeap::new(),
            added: 0,
        }
    }
}

impl<T> Timeline<T> {
    /// Adds something that is due then.
    pub fn add(&mut self, at: Time, thing: T) {
        self.added += 1;
        let order = (at, self.added);
        self.heap.push(Due { order, thing });
    }

    /// When the next is due.
    #[must_use]
    pub fn next_at(&self) -> Option<Time> {
        self.heap.peek().map(|due| due.order.0)
    }

    /// Takes the next.
    pub fn pop(&mut self) -> Option<(Time, T)> {
        self.heap.pop().map(|due| (due.order.0, due.thing))
    }
}

impl<T> Ord for Due<T> {
    /// The heap's greatest is the earliest.
    fn cmp(&self, other: &Due<T>) -> Ordering {
        other.order.cmp(&self.order)
    }
}

impl<T> PartialOrd for Due<T> {
    fn partial_cmp(&self, other: &Due<T>) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> PartialEq for Due<T> {
    fn eq(&self, other: &Due<T>) -> bool {
        self.order == other.order
    }
}

impl<T> Eq for Due<T> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn things_come_in_the_order_of_time_and_then_of_adding() {
        let mut timeline = Timeline::default();
        for (at, number) in [(5, 0), (3, 1), (5, 2), (1, 3), (3, 4)] {
            timeline.add(Time(at), number);
        }
        assert_eq!(timeline.next_at(), Some(Time(1)));
        let order: Vec<_> = std::iter::from_fn(|| timeline.pop())
            .map(|(at, number)| (at.0, number))
            .collect();
        assert_eq!(order, [(1, 3), (3, 1), (3, 4), (5, 0), (5, 2)]);
    }
}
