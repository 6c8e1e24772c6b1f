//! The stream of proposals from a follower to the leader of a term: numbered from 0, sent again until taken, taken
//! once and in order. Both ends forget it when the term ends.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bytes::Bytes;
use raft_core::{Boot, NodeId, Term, Time};

use crate::message::Forward;

/// Payload bytes of one Forward; a larger single proposal still goes, alone.
pub(crate) const FORWARD_BYTES_MAX: usize = 1 << 20;
/// Payload bytes sent and not yet taken.
pub(crate) const FORWARD_INFLIGHT_BYTES_MAX: usize = 8 << 20;

/// The follower's end.
#[derive(Clone, Debug)]
pub(crate) struct ToLeader {
    pub(crate) leader: NodeId,
    pub(crate) term: Term,
    /// The number of the first in `untaken`.
    first: u64,
    untaken: VecDeque<Bytes>,
    /// How many of `untaken` are on their way.
    sent: usize,
    sent_bytes: usize,
    resend_deadline: Time,
}

impl ToLeader {
    pub(crate) fn new(leader: NodeId, term: Term) -> ToLeader {
        ToLeader {
            leader,
            term,
            first: 0,
            untaken: VecDeque::new(),
            sent: 0,
            sent_bytes: 0,
            resend_deadline: Time::NEVER,
        }
    }

    pub(crate) fn push(&mut self, proposal: Bytes) {
        self.untaken.push_back(proposal);
    }

    /// The next message, if there is anything to send that is not on its way.
    pub(crate) fn next_message(&mut self, resend_deadline: Time) -> Option<Forward> {
        if self.sent == self.untaken.len() || self.sent_bytes >= FORWARD_INFLIGHT_BYTES_MAX {
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
        self.sent_bytes += proposals.iter().map(Bytes::len).sum::<usize>();
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
            // Given up for lost, it may yet have arrived: then it is not on its way a second time.
            if self.sent > 0 {
                self.sent -= 1;
                self.sent_bytes -= proposal.len();
            }
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
            self.sent_bytes = 0;
            self.resend_deadline = Time::NEVER;
        }
    }

    pub(crate) fn deadline(&self) -> Time {
        self.resend_deadline
    }
}

/// The leader's end: what it took from each life of each follower in its term.
#[derive(Clone, Debug, Default)]
pub(crate) struct FromFollowers {
    term: Term,
    taken: BTreeMap<(NodeId, Boot), u64>,
    /// Who is to be told.
    due: BTreeSet<(NodeId, Boot)>,
}

impl FromFollowers {
    /// Passes each proposal that is new and next in order to `propose`, until it refuses.
    pub(crate) fn take(
        &mut self,
        from: (NodeId, Boot),
        forward: Forward,
        mut propose: impl FnMut(Bytes) -> bool,
    ) {
        if self.term != forward.term {
            *self = FromFollowers {
                term: forward.term,
                ..FromFollowers::default()
            };
        }
        let taken = self.taken.entry(from).or_default();
        for (number, proposal) in (forward.first..).zip(forward.proposals) {
            if number > *taken || (number == *taken && !propose(proposal)) {
                break;
            }
            *taken = (*taken).max(number + 1);
        }
        self.due.insert(from);
    }

    /// The next follower to tell how far this leader came.
    pub(crate) fn next_answer(&mut self) -> Option<((NodeId, Boot), Term, u64)> {
        let from = self.due.pop_first()?;
        Some((
            from,
            self.term,
            self.taken.get(&from).copied().unwrap_or_default(),
        ))
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
        assert_eq!(leader.next_answer(), Some((FOLLOWER, Term(3), 2)));
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
        assert_eq!(leader.next_answer(), Some((FOLLOWER, Term(1), 1)));
    }
}
