//! Pre-vote (thesis 9.6): who would vote for this node in the next term? Asking changes nobody's term, so that a node
//! that comes back, or hears nothing on a one-way link, disturbs no leader. The envelope carries the asker's present
//! term: one whose term is past is told the present one and asks again in it, so that no term is too low to be heard.

use crate::canvass::Canvass;
use crate::contact::milliseconds;
use crate::message::{Message, VoteAnswer};
use crate::quorum::Tally;
use crate::raft::Raft;
use crate::role::{Motive, Role};
use crate::types::{NodeId, Position};
use crate::why::Why;

impl Raft {
    /// The election deadline passed: stands for election, or asks first whether there is any use in it.
    pub(crate) fn time_out(&mut self) {
        self.reset_election_deadline();
        if !self.may_stand() {
            return;
        }
        if let Some(why) = self.refusal_to_stand_stalled() {
            self.stands_no_more();
            return self.explain(why);
        }
        let promised = self.promised_until();
        if self.now < promised && !self.is_sole_voter() {
            self.stands_no_more();
            self.election_deadline = promised.after(self.random_below(self.config.election_timeout));
            return self.explain(Why::CampaignPutOff {
                wait_ms: milliseconds(promised.since(self.now)),
            });
        }
        let insists = self.is_only_behind();
        // Who is a voter no more by its own log hears from no leader again, and would end its terms one after another.
        let asks_first = self.config.pre_vote || !self.log_membership().is_voter(self.config.id);
        if !asks_first || self.is_sole_voter() {
            return self.campaign(if insists { Motive::Behind } else { Motive::Timeout });
        }
        self.explain(Why::PreCampaign {
            term: self.ballot.term,
        });
        self.role = self.pre_candidate(insists);
    }

    /// Whoever may not begin to stand does not go on with it either.
    fn stands_no_more(&mut self) {
        if !matches!(self.role, Role::Follower { .. }) {
            self.become_follower(None);
        }
    }

    /// A pre-candidate that is told a later term goes on in it. Were it to wait for its next election deadline, one that
    /// raises the term again and again, and hears nobody, could keep it from ever asking in the right one.
    pub(crate) fn asks_in_later_terms(&self, message: &Message) -> Option<Role> {
        match (&self.role, message) {
            (&Role::PreCandidate { insists, .. }, Message::RequestPreVoteReply(_)) => {
                Some(self.pre_candidate(insists))
            }
            _ => None,
        }
    }

    fn pre_candidate(&self, insists: bool) -> Role {
        let mut canvass = Canvass::new();
        canvass.answered(self.config.id, VoteAnswer::Granted);
        Role::PreCandidate { canvass, insists }
    }

    pub(crate) fn on_request_pre_vote(&mut self, from: NodeId, theirs: Position) {
        let ours = self.log.last();
        let blank = Why::VoteRefusedNoCluster { candidate: from };
        let blank = self.knows_no_cluster().then_some(blank);
        let answer = if let Some(why) = blank.or_else(|| self.sticks(from)) {
            self.explain(why);
            VoteAnswer::Refused
        } else if theirs < ours {
            self.explain(Why::PreVoteRefusedLogBehind {
                candidate: from,
                theirs,
                ours,
            });
            self.behind(ours)
        } else {
            self.explain(Why::PreVoteGranted {
                candidate: from,
                theirs,
                ours,
            });
            VoteAnswer::Granted
        };
        // It promises nothing; only the term it speaks of must outlive a crash.
        self.answer_after(
            self.persist.ballot_stamp(),
            from,
            Message::RequestPreVoteReply(answer),
        );
    }

    /// A late answer, after the election or in another role, changes nothing.
    pub(crate) fn on_request_pre_vote_reply(&mut self, from: NodeId, answer: VoteAnswer) {
        let membership = self.memberships.current();
        let Role::PreCandidate { canvass, insists } = &mut self.role else {
            return;
        };
        let was_lost = canvass.is_lost(membership, *insists);
        canvass.answered(from, answer);
        match canvass.tally(membership) {
            Tally::Won => self.campaign(Motive::Timeout),
            // Whoever has the better log had an election timeout to be elected.
            _ if *insists && canvass.only_the_log_is_missing(membership) => self.campaign(Motive::Behind),
            Tally::Lost if !was_lost => self.explain(Why::PreVoteLost {
                term: self.ballot.term,
            }),
            Tally::Lost | Tally::Open => {}
        }
    }
}
