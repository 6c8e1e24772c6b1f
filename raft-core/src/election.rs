//! Elections: the RequestVote RPC (Raft 5.2, 5.4.1; Figure 2).

use crate::canvass::Canvass;
use crate::message::{Message, VoteAnswer};
use crate::mutant::Mutant;
use crate::quorum::Tally;
use crate::raft::Raft;
use crate::role::{Motive, Role};
use crate::types::{Ballot, NodeId, Position, Term};
use crate::why::Why;

impl Raft {
    /// Stands for election in a new term (Raft 5.2), if it is a voter at all.
    pub(crate) fn campaign(&mut self, motive: Motive) {
        self.reset_election_deadline();
        if !self.may_stand() {
            return;
        }
        let term = Term(self.ballot.term.0 + 1);
        match motive {
            Motive::Timeout => self.explain(Why::Campaign { term }),
            Motive::Behind => self.explain(Why::CampaignBehind { term }),
            // It was explained when the leader asked.
            Motive::Transfer => {}
        }
        self.set_ballot(Ballot {
            term,
            voted_for: Some(self.config.id),
        });
        self.role = Role::Candidate {
            canvass: Canvass::new(),
            motive,
            catch_up: None,
        };
        if Mutant::AnswerBeforeDurable.is(self.config.mutant) {
            self.count_vote(self.config.id, VoteAnswer::Granted);
        }
    }
    pub(crate) fn on_request_vote(&mut self, candidate: NodeId, theirs: Position, transfer: bool) {
        let ours = self.log.last();
        let answer = match self.refusal_of_vote(candidate, theirs, ours, transfer) {
            Some(why) => {
                self.explain(why);
                self.give_way(candidate, theirs);
                match why {
                    Why::VoteRefusedLogBehind { .. } => self.behind(ours),
                    _ => VoteAnswer::Refused,
                }
            }
            None => {
                self.give_vote(candidate);
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

    fn give_vote(&mut self, candidate: NodeId) {
        if self.ballot.voted_for != Some(candidate) {
            self.set_ballot(Ballot {
                term: self.ballot.term,
                voted_for: Some(candidate),
            });
            // Who wants another to lead this term does not ask to lead the next.
            if matches!(self.role, Role::PreCandidate { .. }) {
                self.become_follower(None);
            }
        }
        // Time to win (Figure 2, Rules for Followers), but once: one that reaches a few and never a quorum may stand
        // again and again, and would keep a better one from ever standing.
        if self.log_membership().contains(candidate) && self.indulged.insert(candidate) {
            self.reset_election_deadline();
        }
    }

    /// A candidate has no other vote in its term, and one with a better log that comes too late for it lets it go first in
    /// the next: it waits longer than the other does at most. Else one that cannot win could outrun the only one that can,
    /// for as long as its terms are the first to begin; and by a membership that is behind it does not even ask the
    /// other, which then hears of each term too late. As with votes, once.
    pub(crate) fn give_way(&mut self, candidate: NodeId, theirs: Position) {
        let ours = self.log.last();
        // Who asks for what it lacks will soon have as good a log.
        let stands = matches!(self.role, Role::Candidate { motive, .. } if motive != Motive::Behind);
        if !stands || theirs <= ours || !self.indulged.insert(candidate) {
            return;
        }
        let timeout = self.config.election_timeout;
        self.election_deadline = self.now.after(2 * timeout).after(self.random_below(timeout));
        self.explain(Why::GivesWay {
            candidate,
            theirs,
            ours,
        });
    }

    fn refusal_of_vote(
        &self,
        candidate: NodeId,
        theirs: Position,
        ours: Position,
        transfer: bool,
    ) -> Option<Why> {
        if let Some(leader) = self.leader() {
            return Some(Why::VoteRefusedLeaderKnown { candidate, leader });
        }
        let must_be_voter = Mutant::LearnerRefusesVote.is(self.config.mutant);
        if self.knows_no_cluster() || (must_be_voter && !self.log_membership().is_voter(self.config.id)) {
            return Some(Why::VoteRefusedNoCluster { candidate });
        }
        match self.ballot.voted_for {
            Some(voted_for) if voted_for != candidate && !Mutant::VoteTwice.is(self.config.mutant) => {
                return Some(Why::VoteRefusedAlreadyVoted { candidate, voted_for });
            }
            _ => {}
        }
        if !transfer && let Some(why) = self.sticks(candidate) {
            return Some(why);
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
        self.count_vote(from, answer);
    }

    /// Its own vote counts once it is durable: else a crash could let it vote again in this term.
    pub(crate) fn count_own_vote(&mut self) {
        if self.persist.is_durable(self.persist.ballot_stamp()) {
            self.count_vote(self.config.id, VoteAnswer::Granted);
        }
    }

    fn count_vote(&mut self, from: NodeId, answer: VoteAnswer) {
        let membership = self.memberships.current();
        let Role::Candidate { canvass, motive, .. } = &mut self.role else {
            return;
        };
        // What stood against its log before it caught up does so no more.
        let is_stale = matches!(answer, VoteAnswer::Behind { last } if last <= self.log.last());
        if is_stale {
            return;
        }
        let catches_up = *motive == Motive::Behind;
        let was_lost = canvass.is_lost(membership, catches_up);
        canvass.answered(from, answer);
        let new_only = Mutant::ElectionCountsNewOnly.is(self.config.mutant);
        let wins = |membership| canvass.tally(membership) == Tally::Won;
        if wins(membership) || (new_only && wins(&membership.left())) {
            return self.become_leader();
        }
        if !was_lost && canvass.is_lost(membership, catches_up) {
            self.explain(Why::Lost {
                term: self.ballot.term,
            });
        }
        self.begin_catch_up();
    }
}
