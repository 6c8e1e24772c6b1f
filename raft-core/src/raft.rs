//! The state of one node and its one way through: inputs change it, `poll` derives what is to be done. The term rule
//! stands here, once; each RPC has a file of its own.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::alarm::Alarm;
use crate::config::Config;
use crate::contact::Contact;
use crate::follower_read::AskedReads;
use crate::held::Held;
use crate::in_force::Memberships;
use crate::install::{Piece, Receiving};
use crate::log::Log;
use crate::message::{Envelope, Message, VoteAnswer};
use crate::mutant::Mutant;
use crate::output::{Misuse, Output};
use crate::persist::Persist;
use crate::role::{Motive, Role};
use crate::types::{Ballot, Image, Index, NodeId, Round, Stamp, Term, Time};
use crate::why::Why;

/// A member's Raft. A value: no clock, file, socket, thread or lock.
#[derive(Clone, Debug)]
pub struct Raft {
    pub(crate) config: Config,
    pub(crate) now: Time,
    pub(crate) random: ChaCha8Rng,
    /// Figure 2, persistent state: currentTerm and votedFor.
    pub(crate) ballot: Ballot,
    /// Who leads this term, or led it: there is no second one, however long the first is silent.
    pub(crate) term_leader: Option<NodeId>,
    pub(crate) role: Role,
    /// Figure 2, persistent state: log[].
    pub(crate) log: Log,
    pub(crate) memberships: Memberships,
    /// Figure 2, volatile state: commitIndex.
    pub(crate) commit_index: Index,
    /// Figure 2, volatile state: lastApplied, as far as `poll` has handed out.
    pub(crate) last_applied: Index,
    pub(crate) persist: Persist,
    pub(crate) receiving: Option<Receiving>,
    /// The log in memory is to begin after this entry, if it does not yet.
    pub(crate) compact_to: Index,
    pub(crate) booted_at: Time,
    pub(crate) election_deadline: Time,
    /// Not before then does it, as a leader, hand over to one that is preferred to it: it has tried (priority.rs).
    pub(crate) hands_over_again: Time,
    pub(crate) contact: Option<Contact>,
    /// Who got its vote since a leader was heard last.
    pub(crate) indulged: BTreeSet<NodeId>,
    /// Who got entries from it as a candidate since then, and in which term first.
    pub(crate) helped: BTreeMap<NodeId, Term>,
    /// When it asked last, only its log stood against it, and it has heard no leader since (catch_up.rs).
    pub(crate) only_behind: bool,
    pub(crate) held: Held,
    /// As a follower.
    pub(crate) asked_reads: AskedReads,
    pub(crate) outbox: VecDeque<Output>,
    pub(crate) halted: bool,
    /// Its state is not to be trusted, and it waits for another (rebuild.rs).
    pub(crate) wants_state: bool,
    /// It leaves the lead to others (rebuild.rs).
    pub(crate) stands_back: bool,
    /// Removed, which is still to be said.
    pub(crate) is_leaving: bool,
}

impl Raft {
    /// Starts from what the disk has. A sole voter campaigns at once; others wait for their election deadline.
    ///
    /// # Panics
    /// If the image is inconsistent (a gap in its log, a commit index beyond it): recovery never makes such a one.
    #[must_use]
    pub fn boot(config: Config, image: Image, now: Time) -> Raft {
        let Image {
            ballot,
            commit,
            snapshot,
            entries,
        } = image;
        let mark = snapshot.position;
        let log = Log::new(snapshot, entries);
        assert!(
            commit <= log.last().index,
            "the image's commit index {commit} is beyond its log"
        );
        // The log may be of a later term than the ballot if the ballot's Save was made with another node's snapshot.
        let term = ballot.term.max(log.last().term);
        let voted_for = if term == ballot.term {
            ballot.voted_for
        } else {
            None
        };
        let memberships = Memberships::of(&log);
        let mut raft = Raft {
            config: config.that_goes_on(),
            now,
            random: ChaCha8Rng::seed_from_u64(config.seed),
            ballot: Ballot { term, voted_for },
            term_leader: None,
            role: Role::Follower { leader: None },
            memberships,
            commit_index: commit.max(mark.index),
            last_applied: mark.index,
            persist: Persist::new(log.last().index),
            receiving: None,
            compact_to: Index(0),
            log,
            booted_at: now,
            election_deadline: now,
            hands_over_again: Time(0),
            contact: None,
            indulged: BTreeSet::new(),
            helped: BTreeMap::new(),
            only_behind: false,
            held: Held::default(),
            asked_reads: AskedReads::default(),
            outbox: VecDeque::new(),
            halted: false,
            wants_state: false,
            stands_back: false,
            is_leaving: false,
        };
        raft.membership_in_force();
        raft.heed_own_removal();
        raft.reset_election_deadline();
        if raft.is_sole_voter() && !raft.halted {
            raft.campaign(Motive::Timeout);
        }
        raft
    }

    /// A message came. Stale or ill-formed ones are dropped and change nothing.
    pub fn receive(&mut self, now: Time, envelope: Envelope) {
        self.now = self.now.max(now);
        let Envelope {
            from,
            to,
            term,
            message,
        } = envelope;
        if self.halted {
            return;
        }
        if to != self.config.id || from == self.config.id || !message.is_well_formed(term) {
            return self.explain(Why::IllFormed { from });
        }
        // Before its term can disturb anyone.
        if self.drop_of_removed(from, &message) || self.drop_of_stranger(from, &message) {
            return;
        }
        if term > self.ballot.term
            && message.asks_unbidden_to_lead()
            && let Some(why) = self.sticks(from)
        {
            return self.explain(why);
        }
        // Raft 5.1: a higher term makes a follower of everyone.
        if term > self.ballot.term {
            let asks_again = self.asks_in_later_terms(&message);
            self.adopt_term(term);
            if let Some(role) = asks_again {
                self.role = role;
            }
        }
        // Who was removed is so in every term.
        if term < self.ballot.term && message != Message::Removed {
            return self.on_old_term(from, term, &message);
        }
        if message.follows() {
            self.heard_follower(from);
        }
        self.dispatch(from, message);
    }

    /// The Save with this stamp is on disk, synced.
    ///
    /// # Errors
    /// If no such Save is in flight: the host confused its writes, and is to stop.
    pub fn saved(&mut self, stamp: Stamp) -> Result<(), Misuse> {
        self.persist.saved(stamp)?;
        if self.halted {
            return Ok(());
        }
        match self.role {
            Role::Candidate { .. } => self.count_own_vote(),
            Role::Leader(_) => self.advance_commit(),
            Role::Follower { .. } | Role::PreCandidate { .. } => {}
        }
        Ok(())
    }

    /// The next thing to do; None when there is nothing left until the next input. After None, wait for an input or
    /// for [`Raft::deadline`].
    pub fn poll(&mut self) -> Option<Output> {
        self.drop_stale_reads();
        if let Some(output) = self.outbox.pop_front() {
            return Some(output);
        }
        if self.halted {
            return self.last_words();
        }
        self.begin_round();
        if let Some(save) = self
            .persist
            .cut(self.now, self.ballot, self.commit_index, &self.log)
        {
            return Some(Output::Save(save));
        }
        if let Some(envelope) = self.next_message() {
            return Some(Output::Send(envelope));
        }
        // What was explained or confirmed on the way here.
        self.outbox.pop_front().or_else(|| self.next_apply())
    }

    /// Answers whose promise is kept, then what the role has to say of its own accord.
    fn next_message(&mut self) -> Option<Envelope> {
        let held = self.held.release(|stamp| self.persist.is_durable(stamp));
        if held.is_some() {
            return held;
        }
        match self.role {
            Role::Follower { .. } => self.next_read_index(),
            Role::PreCandidate { .. } => self.next_question(),
            Role::Candidate { .. } => self.next_question().or_else(|| self.next_request_entries()),
            Role::Leader(_) => self.next_send().or_else(|| self.next_timeout_now()),
        }
    }

    pub(crate) fn explain(&mut self, why: Why) {
        self.outbox.push_back(Output::Why(why));
    }

    /// Takes part no more, and leads no more: nobody may ask a leader that answers nothing.
    pub(crate) fn alarm(&mut self, alarm: Alarm) {
        self.stop();
        self.outbox.push_back(Output::Alarm(alarm));
    }

    pub(crate) fn stop(&mut self) {
        self.halted = true;
        self.held.clear();
        self.become_follower(None);
    }

    pub(crate) fn is_sole_voter(&self) -> bool {
        let membership = self.log_membership();
        membership.outgoing.is_empty() && membership.voters.iter().eq([&self.config.id])
    }

    pub(crate) fn message_to(&self, to: NodeId, message: Message) -> Envelope {
        Envelope {
            from: self.config.id,
            to,
            term: self.ballot.term,
            message,
        }
    }

    /// Answers `to` once `stamp` is durable.
    pub(crate) fn answer_after(&mut self, stamp: Stamp, to: NodeId, message: Message) {
        let envelope = self.message_to(to, message);
        let stamp = if Mutant::AnswerBeforeDurable.is(self.config.mutant) {
            Stamp(0)
        } else {
            stamp
        };
        self.held.hold(stamp, self.persist.saving(), envelope);
    }

    /// Raft 5.1: a new term, in which nothing is promised yet.
    fn adopt_term(&mut self, term: Term) {
        if matches!(self.role, Role::Candidate { .. } | Role::Leader(_)) {
            self.explain(Why::SteppedDownHigherTerm {
                from: self.ballot.term,
                to: term,
            });
        }
        self.become_follower(None);
        self.set_ballot(Ballot {
            term,
            voted_for: None,
        });
    }

    pub(crate) fn set_ballot(&mut self, ballot: Ballot) {
        if ballot.term > self.ballot.term {
            // What was promised in an older term concerns nobody any more.
            self.held.clear();
            self.term_leader = None;
        }
        self.ballot = ballot;
        self.persist.ballot_changed();
    }

    pub(crate) fn become_follower(&mut self, leader: Option<NodeId>) {
        if let Role::Leader(former) = &self.role {
            let own = self.config.id;
            let dropped = former.reads.askers().filter(|asker| asker.node == own);
            self.drop_reads(dropped.map(|asker| asker.id).collect());
            // A leader kept no election deadline.
            self.reset_election_deadline();
        }
        self.only_behind = leader.is_none() && self.is_only_behind();
        let stood = matches!(self.role, Role::Candidate { .. } | Role::Leader(_));
        self.role = Role::Follower { leader };
        if stood && Mutant::VoteForgottenOnStepDown.is(self.config.mutant) {
            let term = self.ballot.term;
            self.set_ballot(Ballot {
                term,
                voted_for: None,
            });
        }
    }

    /// A message of this term.
    fn dispatch(&mut self, from: NodeId, message: Message) {
        match message {
            Message::RequestPreVote { last } => self.on_request_pre_vote(from, last),
            Message::RequestPreVoteReply(answer) => self.on_request_pre_vote_reply(from, answer),
            Message::RequestVote { last, transfer } => self.on_request_vote(from, last, transfer),
            Message::RequestVoteReply(answer) => self.on_request_vote_reply(from, answer),
            Message::RequestEntries { after } => self.on_request_entries(from, after),
            Message::Entries { after, prev, entries } => self.on_entries(from, after, prev, entries),
            Message::AppendEntries {
                prev,
                entries,
                commit,
            } => self.on_append_entries(from, prev, entries, commit),
            Message::AppendEntriesReply(outcome) => self.on_append_entries_reply(from, outcome),
            Message::Heartbeat { round, commit } => self.on_heartbeat(from, round, commit),
            reply @ Message::HeartbeatReply { .. } => self.on_heartbeat_reply(from, reply),
            Message::InstallSnapshot {
                mark,
                offset,
                data,
                checksum,
                last,
            } => self.on_install_snapshot(
                from,
                *mark,
                Piece {
                    offset,
                    data,
                    checksum,
                    last,
                },
            ),
            Message::InstallSnapshotReply { mark, outcome } => {
                self.on_install_snapshot_reply(from, mark, outcome);
            }
            Message::TimeoutNow => self.on_timeout_now(from),
            Message::ReadIndex { boot, id } => self.on_read_index(from, boot, id),
            Message::ReadIndexReply { boot, id, index } => self.on_read_index_reply(from, boot, id, index),
            Message::Removed => self.on_removed(from),
        }
    }

    /// Raft 5.1: whoever speaks in a past term is told the present one, so that it steps down.
    fn on_old_term(&mut self, from: NodeId, theirs: Term, message: &Message) {
        let ours = self.ballot.term;
        let why = match message {
            Message::RequestVote { .. } => Why::VoteRefusedOldTerm {
                candidate: from,
                theirs,
                ours,
            },
            _ => Why::OldTerm { from, theirs, ours },
        };
        self.explain(why);
        if let Message::RequestVote { last, .. } = message {
            self.give_way(from, *last);
        }
        // Who stood or leads in this term knows of it, and what is late must not take the place of a vote or an
        // acknowledgement that is being saved.
        if self.ballot.voted_for == Some(from) || self.leader() == Some(from) {
            return;
        }
        // Its term is what counts; a round of 0 acknowledges nothing.
        let answer = match message {
            Message::RequestVote { .. } => Message::RequestVoteReply(VoteAnswer::Refused),
            Message::RequestPreVote { .. } if Mutant::LowTermUnanswered.is(self.config.mutant) => return,
            Message::RequestPreVote { .. } => Message::RequestPreVoteReply(VoteAnswer::Refused),
            Message::AppendEntries { .. } | Message::Heartbeat { .. } | Message::InstallSnapshot { .. } => {
                self.heartbeat_reply(Round(0))
            }
            _ => return,
        };
        self.answer_after(self.persist.ballot_stamp(), from, answer);
    }
}
