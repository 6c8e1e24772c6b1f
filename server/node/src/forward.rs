//! The stream of proposals from a follower to the leader of a term: numbered from 0, sent again until taken, taken
//! once and in order. Both ends forget it when the term ends.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bytes::Bytes;
use raft_core::{Boot, NodeId, Term, Time};

use crate::message::Forward;

/// Payload bytes of one Forward; a larger single proposal still goes, alone.
pub(crate) const FORWARD_BYTES_MAX: usize = 1 << 20;
/// Payload bytes in the stream and not yet taken. What more there is waits where it can still be given up: a leader
/// that takes nothing must not fill this node's memory with what nobody waits for any more.
const UNTAKEN_BYTES_MAX: usize = 8 << 20;

/// The follower's end.
#[derive(Clone, Debug)]
pub(crate) struct ToLeader {
    pub(crate) leader: NodeId,
    pub(crate) term: Term,
    /// The number of the first in `untaken`.
    first: u64,
    untaken: VecDeque<Bytes>,
    untaken_bytes: usize,
    /// How many of `untaken` are on their way.
    sent: usize,
    resend_deadline: Time,
}

impl ToLeader {
    pub(crate) fn new(leader: NodeId, term: Term) -> ToLeader {
        ToLeader {
            leader,
            term,
            first: 0,
            untaken: VecDeque::new(),
            untaken_bytes: 0,
            sent: 0,
            resend_deadline: Time::NEVER,
        }
    }

    /// Whether it is to be given no more for now.
    pub(crate) fn is_full(&self) -> bool {
        self.untaken_bytes >= UNTAKEN_BYTES_MAX
    }

    pub(crate) fn push(&mut self, proposal: Bytes) {
        self.untaken_bytes += proposal.len();
        self.untaken.push_back(proposal);
    }

    /// The next message, if there is anything to send that is not on its way.
    pub(crate) fn next_message(&mut self, resend_deadline: Time) -> Option<Forward> {
        if self.sent == self.untaken.len() {
            return None;
        }
        let mut bytes = 0;
        let proposals: Vec<Bytes> = self
            .untaken
            .range(self.sent..)
            .take_while(|proposal| {
                let fits = bytes == 0 || bytes + proposal.len() <= FORWARD_BYTES_MAX;
                bytes += proposal.len();
                fits
            })
            .cloned()
            .collect();
        let first = self.first + self.sent as u64;
        if self.sent == 0 {
            self.resend_deadline = resend_deadline;
        }
        self.sent += proposals.len();
        Some(Forward {
            term: self.term,
            first,
            proposals,
        })
    }

    /// The leader has all below `taken`. A lower number than before is a late answer and changes nothing.
    pub(crate) fn taken(&mut self, taken: u64, resend_deadline: Time) {
        while self.first < taken
            && let Some(proposal) = self.untaken.pop_front()
        {
            self.first += 1;
            self.untaken_bytes -= proposal.len();
            // Given up for lost, it may yet have arrived: then it is not on its way a second time.
            self.sent = self.sent.saturating_sub(1);
            self.resend_deadline = resend_deadline;
        }
        if self.sent == 0 {
            self.resend_deadline = Time::NEVER;
        }
    }

    /// What was on its way and not taken in time is sent again.
    pub(crate) fn tick(&mut self, now: Time) {
        if now >= self.resend_deadline {
            self.sent = 0;
            self.resend_deadline = Time::NEVER;
        }
    }

    pub(crate) fn deadline(&self) -> Time {
        self.resend_deadline
    }
}

/// The leader's end: what it took from each follower in its term.
#[derive(Clone, Debug, Default)]
pub(crate) struct FromFollowers {
    term: Term,
    /// Of each follower its newest life, and the number of the next proposal to take in it.
    taken: BTreeMap<NodeId, (Boot, u64)>,
    /// Who is to be told.
    due: BTreeSet<NodeId>,
}

impl FromFollowers {
    /// Passes each proposal that is new and next in order to `propose`, until it refuses.
    pub(crate) fn take(
        &mut self,
        (from, boot): (NodeId, Boot),
        forward: Forward,
        mut propose: impl FnMut(Bytes) -> bool,
    ) {
        if self.term != forward.term {
            *self = FromFollowers {
                term: forward.term,
                ..FromFollowers::default()
            };
        }
        let (life, taken) = self.taken.entry(from).or_default();
        if *life != boot {
            (*life, *taken) = (boot, 0);
        }
        for (after, proposal) in (0..).zip(forward.proposals) {
            match forward.first.checked_add(after).map(|number| number.cmp(taken)) {
                Some(Ordering::Less) => {}
                Some(Ordering::Equal) if propose(proposal) => *taken += 1,
                _ => break,
            }
        }
        self.due.insert(from);
    }

    /// The next follower to tell how far this leader came.
    pub(crate) fn next_answer(&mut self) -> Option<(NodeId, Boot, Term, u64)> {
        let from = self.due.pop_first()?;
        let &(boot, taken) = self.taken.get(&from)?;
        Some((from, boot, self.term, taken))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOLLOWER: (NodeId, Boot) = (NodeId(2), Boot(1));

    fn proposal(number: u8) -> Bytes {
        Bytes::from(vec![number])
    }

    fn take(leader: &mut FromFollowers, forward: &Forward) -> Vec<Bytes> {
        let mut proposed = Vec::new();
        leader.take(FOLLOWER, forward.clone(), |bytes| {
            proposed.push(bytes);
            true
        });
        proposed
    }

    #[test]
    fn a_proposal_sent_twice_is_taken_once() {
        let (mut follower, mut leader) = (ToLeader::new(NodeId(1), Term(3)), FromFollowers::default());
        follower.push(proposal(0));
        follower.push(proposal(1));
        let first = follower.next_message(Time(200)).expect("two are new");
        assert_eq!(follower.next_message(Time(200)), None, "both are on their way");
        follower.tick(Time(200));
        let again = follower
            .next_message(Time(400))
            .expect("nobody took them in time");
        assert_eq!(first, again);
        assert_eq!(take(&mut leader, &again), [proposal(0), proposal(1)]);
        assert_eq!(take(&mut leader, &first), [] as [Bytes; 0]);
        assert_eq!(leader.next_answer(), Some((FOLLOWER.0, FOLLOWER.1, Term(3), 2)));
        follower.taken(2, Time(600));
        assert_eq!(follower.deadline(), Time::NEVER);
    }

    #[test]
    fn a_gap_is_not_taken() {
        let (mut follower, mut leader) = (ToLeader::new(NodeId(1), Term(3)), FromFollowers::default());
        follower.push(proposal(0));
        let lost = follower.next_message(Time(200)).expect("one is new");
        follower.push(proposal(1));
        let later = follower.next_message(Time(200)).expect("another is new");
        assert_eq!(take(&mut leader, &later), [] as [Bytes; 0]);
        assert_eq!(take(&mut leader, &lost), [proposal(0)]);
        assert_eq!(take(&mut leader, &later), [proposal(1)]);
    }

    #[test]
    fn a_refused_proposal_is_not_counted_as_taken() {
        let mut leader = FromFollowers::default();
        let forward = Forward {
            term: Term(1),
            first: 0,
            proposals: vec![proposal(0), proposal(1)],
        };
        let mut budget = 1;
        leader.take(FOLLOWER, forward, |_| {
            budget -= 1;
            budget >= 0
        });
        assert_eq!(leader.next_answer(), Some((FOLLOWER.0, FOLLOWER.1, Term(1), 1)));
    }

    #[test]
    fn a_new_life_counts_from_0_again() {
        let mut leader = FromFollowers::default();
        let forward = Forward {
            term: Term(1),
            first: 0,
            proposals: vec![proposal(0)],
        };
        assert_eq!(take(&mut leader, &forward), [proposal(0)]);
        let mut proposed = 0;
        leader.take((NodeId(2), Boot(2)), forward, |_| {
            proposed += 1;
            true
        });
        assert_eq!(proposed, 1);
        assert_eq!(leader.next_answer(), Some((NodeId(2), Boot(2), Term(1), 1)));
        assert_eq!(leader.next_answer(), None);
    }

    #[test]
    fn the_last_number_there_is_does_no_harm() {
        let mut leader = FromFollowers::default();
        let forward = Forward {
            term: Term(1),
            first: u64::MAX,
            proposals: vec![proposal(0), proposal(1)],
        };
        assert_eq!(take(&mut leader, &forward), [] as [Bytes; 0]);
    }

    #[test]
    fn a_stream_that_nobody_takes_from_is_soon_full() {
        let mut follower = ToLeader::new(NodeId(1), Term(3));
        let large = Bytes::from(vec![0; FORWARD_BYTES_MAX]);
        while !follower.is_full() {
            follower.push(large.clone());
        }
        assert_eq!(follower.untaken.len() * FORWARD_BYTES_MAX, UNTAKEN_BYTES_MAX);
        follower.taken(1, Time(0));
        assert!(!follower.is_full());
    }
}
