//! Asking for votes, or whether they would be given: who was asked, what they said, and who is to be asked again.

use std::collections::{BTreeMap, BTreeSet};

use crate::fingerprint::canonical;
use crate::membership::Membership;
use crate::message::{Envelope, Message, VoteAnswer};
use crate::mutant::Mutant;
use crate::quorum::{Tally, tally};
use crate::raft::Raft;
use crate::role::{Motive, Role};
use crate::types::{NodeId, Position, Time};

/// One round of asking, within one term.
#[derive(Clone, Debug)]
pub(crate) struct Canvass {
    /// The answers so far; a candidate's own once its ballot is durable.
    pub(crate) answers: BTreeMap<NodeId, VoteAnswer>,
    /// Who has been asked, or asked again, and may still answer.
    asked: BTreeSet<NodeId>,
    /// When to take unanswered questions for lost.
    ask_again: Time,
}

canonical!(struct Canvass { answers, asked, ask_again });

impl Canvass {
    pub(crate) fn new() -> Canvass {
        Canvass {
            answers: BTreeMap::new(),
            asked: BTreeSet::new(),
            ask_again: Time::NEVER,
        }
    }

    /// A vote stands: a refusal may answer a late request of an earlier term, and come after the vote.
    pub(crate) fn answered(&mut self, from: NodeId, answer: VoteAnswer) {
        let known = self.answers.entry(from).or_insert(answer);
        if *known != VoteAnswer::Granted {
            *known = answer;
        }
    }

    /// This node's log ends at `ours` now. Those whose log stood against it, and does no more, are asked again.
    pub(crate) fn forget_behind(&mut self, ours: Position) {
        let asked = &mut self.asked;
        self.answers.retain(|id, answer| {
            let stands = !matches!(answer, VoteAnswer::Behind { last } if *last <= ours);
            if !stands {
                asked.remove(id);
            }
            stands
        });
    }

    pub(crate) fn tally(&self, membership: &Membership) -> Tally {
        tally(membership, |id| {
            self.answers.get(&id).map(|answer| *answer == VoteAnswer::Granted)
        })
    }

    /// Whether a quorum would follow this node if its log were more up-to-date: then no leader holds one.
    pub(crate) fn only_the_log_is_missing(&self, membership: &Membership) -> bool {
        let willing = |answer: &VoteAnswer| *answer != VoteAnswer::Refused;
        tally(membership, |id| self.answers.get(&id).map(willing)) == Tally::Won
    }

    /// Whether nothing more can come of it; one that `catches_up` may still get what it lacks.
    pub(crate) fn is_lost(&self, membership: &Membership, catches_up: bool) -> bool {
        self.tally(membership) == Tally::Lost && !(catches_up && self.only_the_log_is_missing(membership))
    }

    /// Those that did not answer are to be asked again, if it is time.
    pub(crate) fn tick(&mut self, now: Time) {
        if now >= self.ask_again {
            let answers = &self.answers;
            self.asked.retain(|id| answers.contains_key(id));
        }
    }

    /// When to tick: while somebody owes an answer.
    pub(crate) fn deadline(&self) -> Time {
        let owed = self.asked.iter().any(|id| !self.answers.contains_key(id));
        if owed { self.ask_again } else { Time::NEVER }
    }

    /// The next voter to ask. Those that are silent until `ask_again` are asked once more.
    fn next_to_ask(&mut self, membership: &Membership, own: NodeId, ask_again: Time) -> Option<NodeId> {
        let voters = membership.voters.iter().chain(&membership.outgoing);
        let to = *voters
            .filter(|id| **id != own && !self.asked.contains(id))
            .min()?;
        self.asked.insert(to);
        self.ask_again = ask_again;
        Some(to)
    }
}

impl Raft {
    /// The next question. Waits for the disk: a candidate that forgot its candidacy could vote for another in the same
    /// term, and no other question is hurt by waiting for the term it speaks of.
    pub(crate) fn next_question(&mut self) -> Option<Envelope> {
        let own = self.config.id;
        // What is not answered within a heartbeat is taken for lost.
        let ask_again = self.now.after(self.config.heartbeat_interval);
        let membership = self.memberships.current();
        let last = self.log.last();
        let (canvass, stamp, message) = match &mut self.role {
            Role::PreCandidate { canvass, .. } => (
                canvass,
                self.persist.ballot_stamp(),
                Message::RequestPreVote { last },
            ),
            // What it caught up on is part of what it offers.
            Role::Candidate { canvass, motive, .. } => (
                canvass,
                self.persist.changed(),
                Message::RequestVote {
                    last,
                    transfer: *motive == Motive::Transfer,
                },
            ),
            Role::Follower { .. } | Role::Leader(_) => return None,
        };
        if !self.persist.is_durable(stamp) && !Mutant::AnswerBeforeDurable.is(self.config.mutant) {
            return None;
        }
        let to = canvass.next_to_ask(membership, own, ask_again)?;
        Some(self.message_to(to, message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEHIND: VoteAnswer = VoteAnswer::Behind {
        last: Position {
            term: crate::types::Term(1),
            index: crate::types::Index(1),
        },
    };

    fn membership() -> Membership {
        Membership::of_voters((1..=3).map(|id| (NodeId(id), vec![])))
    }

    #[test]
    fn only_those_that_did_not_answer_are_asked_again() {
        let mut canvass = Canvass::new();
        let ask =
            |canvass: &mut Canvass, now: u64| canvass.next_to_ask(&membership(), NodeId(1), Time(now + 10));
        assert_eq!(
            [ask(&mut canvass, 0), ask(&mut canvass, 0), ask(&mut canvass, 0)],
            [Some(NodeId(2)), Some(NodeId(3)), None]
        );
        canvass.answered(NodeId(2), VoteAnswer::Refused);
        canvass.tick(Time(9));
        assert_eq!(ask(&mut canvass, 9), None, "it is not time yet");
        canvass.tick(Time(10));
        assert_eq!(
            [ask(&mut canvass, 10), ask(&mut canvass, 10)],
            [Some(NodeId(3)), None]
        );
        assert_eq!(canvass.deadline(), Time(20));
        canvass.answered(NodeId(3), VoteAnswer::Refused);
        assert_eq!(canvass.deadline(), Time::NEVER);
    }

    #[test]
    fn a_vote_stands_and_a_log_that_is_behind_is_no_refusal() {
        let mut canvass = Canvass::new();
        canvass.answered(NodeId(1), VoteAnswer::Granted);
        canvass.answered(NodeId(1), VoteAnswer::Refused);
        assert_eq!(canvass.tally(&membership()), Tally::Open);
        assert!(!canvass.only_the_log_is_missing(&membership()));
        canvass.answered(NodeId(2), BEHIND);
        canvass.answered(NodeId(3), BEHIND);
        assert_eq!(canvass.tally(&membership()), Tally::Lost);
        assert!(canvass.only_the_log_is_missing(&membership()));
        canvass.answered(NodeId(2), VoteAnswer::Granted);
        assert_eq!(canvass.tally(&membership()), Tally::Won);
    }
}
