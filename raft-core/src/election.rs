//! Elections: the RequestVote RPC (Raft 5.2, 5.4.1; Figure 2).

use std::collections::{BTreeMap, BTreeSet};

use crate::message::{Envelope, Message, VoteAnswer};
use crate::mutant::Mutant;
use crate::quorum::{Tally, tally};
use crate::raft::Raft;
use crate::role::Role;
use crate::types::{Ballot, NodeId, Position, Term};
use crate::why::Why;

impl Raft {
    /// Stands for election in a new term (Raft 5.2), if it is a voter at all; with `transfer` because the leader asked.
    pub(crate) fn campaign(&mut self, transfer: bool) {
        self.reset_election_deadline();
        if !self.log_membership().is_voter(self.config.id) || self.ballot.term >= Term::MAX {
            return;
        }
        let term = Term(self.ballot.term.0 + 1);
        self.explain(Why::Campaign { term });
        self.set_ballot(Ballot {
            term,
            voted_for: Some(self.config.id),
        });
        self.role = Role::Candidate {
            votes: BTreeMap::new(),
            asked: BTreeSet::new(),
            transfer,
        };
        if Mutant::AnswerBeforeDurable.is(self.config.mutant) {
            self.count_vote(self.config.id, true);
        }
    }

    pub(crate) fn on_request_vote(&mut self, candidate: NodeId, theirs: Position, _transfer: bool) {
        let ours = self.log.last();
        let answer = match self.refusal_of_vote(candidate, theirs, ours) {
            Some(why) => {
                self.explain(why);
                VoteAnswer::Refused
            }
            None => {
                if self.ballot.voted_for != Some(candidate) {
                    self.set_ballot(Ballot {
                        term: self.ballot.term,
                        voted_for: Some(candidate),
                    });
                }
                self.reset_election_deadline();
                self.explain(Why::VoteGranted {
                    candidate,
                    theirs,
                    ours,
                });
                VoteAnswer::Granted
            }
        };
        // The vote, and the term in which one is refused, must outlive a crash.
        self.answer_after(
            self.persist.changed(),
            candidate,
            Message::RequestVoteReply(answer),
        );
    }

    fn refusal_of_vote(&self, candidate: NodeId, theirs: Position, ours: Position) -> Option<Why> {
        if let Some(leader) = self.leader() {
            return Some(Why::VoteRefusedLeaderKnown { candidate, leader });
        }
        match self.ballot.voted_for {
            Some(voted_for) if voted_for != candidate && !Mutant::VoteTwice.is(self.config.mutant) => {
                return Some(Why::VoteRefusedAlreadyVoted { candidate, voted_for });
            }
            _ => {}
        }
        // Raft 5.4.1: the vote goes only to a log at least as up-to-date as one's own.
        (theirs < ours && !Mutant::VoteWithoutLogCheck.is(self.config.mutant)).then_some(
            Why::VoteRefusedLogBehind {
                candidate,
                theirs,
                ours,
            },
        )
    }

    pub(crate) fn on_request_vote_reply(&mut self, from: NodeId, answer: VoteAnswer) {
        self.count_vote(from, answer == VoteAnswer::Granted);
    }

    /// Its own vote counts once it is durable: else a crash could let it vote again in this term.
    pub(crate) fn count_own_vote(&mut self) {
        if self.persist.is_durable(self.persist.ballot_stamp()) {
            self.count_vote(self.config.id, true);
        }
    }

    fn count_vote(&mut self, from: NodeId, granted: bool) {
        let membership = self.memberships.current();
        let Role::Candidate { votes, .. } = &mut self.role else {
            return;
        };
        // A vote stands. A refusal may answer a late request of an earlier term, and the vote may come after it.
        *votes.entry(from).or_default() |= granted;
        match tally(membership, |id| votes.get(&id).copied()) {
            Tally::Won => self.become_leader(),
            Tally::Lost => self.explain(Why::Lost {
                term: self.ballot.term,
            }),
            Tally::Open => {}
        }
    }

    /// The next vote to ask for. Waits for the ballot: a candidate that forgot its candidacy could vote for another in
    /// the same term.
    pub(crate) fn next_vote_request(&mut self) -> Option<Envelope> {
        let own = self.config.id;
        let durable = self.persist.is_durable(self.persist.ballot_stamp());
        if !durable && !Mutant::AnswerBeforeDurable.is(self.config.mutant) {
            return None;
        }
        let membership = self.memberships.current();
        let Role::Candidate { asked, transfer, .. } = &mut self.role else {
            return None;
        };
        let to = membership
            .members()
            .into_iter()
            .find(|&id| id != own && membership.is_voter(id) && !asked.contains(&id))?;
        asked.insert(to);
        let transfer = *transfer;
        let last = self.log.last();
        Some(self.message_to(to, Message::RequestVote { last, transfer }))
    }

    pub(crate) fn on_request_pre_vote(&mut self, from: NodeId, _theirs: Position) {
        self.explain(Why::IllFormed { from });
    }

    pub(crate) fn on_request_pre_vote_reply(&mut self, from: NodeId, _answer: VoteAnswer) {
        self.explain(Why::IllFormed { from });
    }
}
