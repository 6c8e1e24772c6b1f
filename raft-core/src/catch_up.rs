//! A candidate that lacks entries gets them from a voter that has them.
//!
//! Raft elects only who has the most up-to-date log of a quorum (Raft 5.4.1). If the one node with links to a quorum has
//! an older log than those it reaches, nobody can ever be elected ("constrained" in OmniPaxos, EuroSys 2023). So a voter
//! says when only the log stands against a candidate, and a node that heard nothing else from a quorum for an election
//! timeout stands all the same, takes the entries it lacks, and asks again in the same term.
//!
//! What it cannot do: the entries must be in the voters' memory. If what the candidate lacks lies before their marks, it
//! would need a snapshot, which only a leader sends, and so nobody leads until another link comes back. A log that is
//! compacted less deeply than nodes are ever cut off for keeps clear of that ([`Limits`](crate::Limits)).
//!
//! Why this is safe. (1) Every log is a prefix of the log of the leader of its last entry's term: here it stays so,
//! because entries are taken over only where the two logs agree, and all of them up to some entry. (2) A log only moves
//! up in the order of positions, so that all that was committed while this node's log held it is still there: whoever
//! made the later entry was elected by a quorum that had it (Raft 5.4.3), and its log has it before that entry. (3)
//! Nobody counts on what is given up: a leader of an earlier term counted this node for entries that (2) keeps, or for
//! entries that never were committed, and hears from it no more; and in the term of the candidacy this node has
//! acknowledged nothing, because it has followed nobody. That is why a follower must not take what comes late: it has
//! told its leader how far their logs agree.

use crate::fingerprint::canonical;
use crate::message::{Envelope, Message, VoteAnswer};
use crate::mutant::Mutant;
use crate::quorum::Tally;
use crate::raft::Raft;
use crate::role::{Motive, Role};
use crate::types::{Entry, NodeId, Position, Time};
use crate::why::Why;

/// What a candidate gets from a voter.
#[derive(Clone, Debug)]
pub(crate) struct CatchUp {
    from: NodeId,
    /// What was asked for: the entries after this one, which stands in this node's log or ends `entries`.
    after: Position,
    /// The end of that voter's log as of its refusal.
    last: Position,
    /// Follow an entry of this node's log, and do not make a better one yet.
    entries: Vec<Entry>,
    bytes: usize,
    /// When to ask, for the first time or again.
    ask_deadline: Time,
}

canonical!(struct CatchUp { from, after, last, entries, bytes, ask_deadline });

impl CatchUp {
    fn new(from: NodeId, after: Position, last: Position) -> CatchUp {
        CatchUp {
            from,
            after,
            last,
            entries: Vec::new(),
            bytes: 0,
            ask_deadline: Time(0),
        }
    }

    /// When to tick.
    pub(crate) fn deadline(&self) -> Time {
        self.ask_deadline
    }

    fn take(&mut self, entries: Vec<Entry>) {
        self.bytes += entries.iter().map(Entry::bytes).sum::<usize>();
        self.after = entries.last().map_or(self.after, |entry| entry.position);
        self.entries.extend(entries);
        self.ask_deadline = Time(0);
    }
}

impl Raft {
    /// Whether a quorum would have followed it but for its log when it asked last. A vote given to another meanwhile
    /// does not count: one that can reach nobody else may ask for it again and again. Who is a voter no more stands only
    /// for what it has and the voters lack.
    pub(crate) fn is_only_behind(&self) -> bool {
        let membership = self.memberships.current();
        if !membership.is_voter(self.config.id) {
            return false;
        }
        match self.role.asking() {
            Some(canvass) => canvass.only_the_log_is_missing(membership),
            None => self.only_behind && !self.is_leader(),
        }
    }

    /// What a voter says whose log is more up-to-date: only while it follows nobody may the candidate insist.
    pub(crate) fn behind(&self, ours: Position) -> VoteAnswer {
        if self.hears_leader() {
            VoteAnswer::Refused
        } else {
            VoteAnswer::Behind { last: ours }
        }
    }

    /// Chooses whom to ask: the voter with the most up-to-date log.
    pub(crate) fn begin_catch_up(&mut self) {
        let ours = self.log.last();
        let membership = self.memberships.current();
        let Role::Candidate {
            canvass,
            motive: Motive::Behind,
            catch_up: catch_up @ None,
        } = &mut self.role
        else {
            return;
        };
        if canvass.tally(membership) == Tally::Won || !canvass.only_the_log_is_missing(membership) {
            return;
        }
        let best = canvass.answers.iter().filter_map(|(&id, answer)| match answer {
            VoteAnswer::Behind { last } if *last > ours => Some((*last, id)),
            _ => None,
        });
        if let Some((last, from)) = best.max() {
            *catch_up = Some(CatchUp::new(from, ours, last));
            self.explain(Why::CatchUpBegins { from, ours, last });
        }
    }

    /// The next question for entries.
    pub(crate) fn next_request_entries(&mut self) -> Option<Envelope> {
        let (now, ask_deadline) = (self.now, self.resend_deadline());
        let Role::Candidate {
            catch_up: Some(catch_up),
            ..
        } = &mut self.role
        else {
            return None;
        };
        if now < catch_up.ask_deadline {
            return None;
        }
        catch_up.ask_deadline = ask_deadline;
        let (to, after) = (catch_up.from, catch_up.after);
        Some(self.message_to(to, Message::RequestEntries { after }))
    }

    /// A candidate of this term lacks entries. What this node has goes out without a claim to lead; who leads, or follows
    /// a leader of this term, has no more use for a candidate.
    pub(crate) fn on_request_entries(&mut self, from: NodeId, after: Position) {
        if let Some(leader) = self.leader() {
            return self.explain(Why::EntriesRefusedLeaderKnown {
                candidate: from,
                leader,
            });
        }
        let (prev, entries) = if self.log.term_at(after.index) == Some(after.term) {
            let bytes_max = self.config.limits.append_bytes_max;
            let entries = self.log.slice(after.index.next(), bytes_max);
            // Who helps another to lead lets it, as who votes for it does; but for one candidacy. Several that lack much
            // could end each other's terms before any has it all, and the one that does would never stand.
            let term = self.ballot.term;
            if !entries.is_empty() && *self.helped.entry(from).or_insert(term) == term {
                self.reset_election_deadline();
            }
            (after, entries)
        } else {
            // What lies before the mark is gone: the mark says so.
            let agreeable = self.log.last_agreeable(after);
            (agreeable.unwrap_or(self.log.mark().position), Vec::new())
        };
        self.explain(Why::EntriesGiven {
            candidate: from,
            after,
            prev,
            count: entries.len() as u64,
        });
        // They promise nothing; only the term they are told in must outlive a crash.
        self.answer_after(
            self.persist.ballot_stamp(),
            from,
            Message::Entries { after, prev, entries },
        );
    }

    /// Entries after `prev` came in answer to the question for those after `after`.
    pub(crate) fn on_entries(&mut self, from: NodeId, after: Position, prev: Position, entries: Vec<Entry>) {
        let awaited = match &mut self.role {
            Role::Candidate { catch_up, .. } => catch_up.take_if(|catch_up| catch_up.from == from),
            Role::Follower { .. } if Mutant::CatchUpInFollowedTerm.is(self.config.mutant) => {
                Some(CatchUp::new(from, after, after))
            }
            _ => None,
        };
        let Some(mut catch_up) = awaited else {
            return self.explain(Why::EntriesNotAwaited { from });
        };
        if after != catch_up.after {
            // An answer to an earlier question.
            return self.await_entries(catch_up);
        }
        if prev == after && !entries.is_empty() {
            catch_up.take(entries);
            return self.caught_up(catch_up);
        }
        if prev != after && prev.index <= after.index && entries.is_empty() {
            // The logs differ there. Where may they agree? Never before what is committed.
            let agreeable = self
                .log
                .last_agreeable(prev)
                .unwrap_or_default()
                .max(self.committed());
            if agreeable.index < after.index {
                return self.await_entries(CatchUp::new(from, agreeable, catch_up.last));
            }
        }
        self.explain(Why::CatchUpGivenUp { from, after, prev });
        self.give_up(from);
    }

    /// More entries came. They are taken over when they make a log that is more up-to-date than this node's.
    fn caught_up(&mut self, mut catch_up: CatchUp) {
        if catch_up.after <= self.log.last() {
            if catch_up.bytes > self.config.limits.uncommitted_bytes_max {
                self.explain(Why::CatchUpTooLong {
                    from: catch_up.from,
                    bytes: catch_up.bytes as u64,
                });
                return self.give_up(catch_up.from);
            }
            return self.await_entries(catch_up);
        }
        let entries = std::mem::take(&mut catch_up.entries);
        catch_up.bytes = 0;
        if !self.take_entries(catch_up.from, entries) {
            return;
        }
        let ours = self.log.last();
        self.explain(Why::CaughtUp {
            from: catch_up.from,
            ours,
        });
        // It gets on: nobody better has come to lead meanwhile.
        self.reset_election_deadline();
        if let Some(canvass) = self.role.canvass() {
            canvass.forget_behind(ours);
        }
        if catch_up.last > ours {
            self.await_entries(catch_up);
        }
    }

    /// The last entry known to be committed.
    fn committed(&self) -> Position {
        let index = self.commit_index;
        let term = self.log.term_at(index);
        Position {
            term: term.expect("the log holds what is committed, or begins after it"),
            index,
        }
    }

    fn await_entries(&mut self, awaited: CatchUp) {
        if let Role::Candidate { catch_up, .. } = &mut self.role {
            *catch_up = Some(awaited);
        }
    }

    /// Nothing more is to be had from this voter; another may do.
    fn give_up(&mut self, from: NodeId) {
        if let Role::Candidate { canvass, .. } = &mut self.role {
            canvass.answered(from, VoteAnswer::Refused);
        }
        self.begin_catch_up();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{Ballot, Body, Image, Index, SnapshotMark, Term};
    use crate::{Config, Membership};

    /// A voter with entries that others lack.
    fn with_the_best_log() -> Raft {
        let snapshot = SnapshotMark {
            membership: Membership::of_voters([1, 2, 3].map(|id| (NodeId(id), vec![]))),
            ..SnapshotMark::default()
        };
        let entries = [1, 2, 3].map(|index| Entry {
            position: Position {
                term: Term(1),
                index: Index(index),
            },
            body: Body::Blank,
        });
        let image = Image {
            ballot: Ballot {
                term: Term(1),
                voted_for: None,
            },
            snapshot,
            entries: entries.to_vec(),
            ..Image::default()
        };
        Raft::boot(Config::new(NodeId(1), 1), image, Time(0))
    }

    /// Whether it waits longer for its election since this candidate asked it for entries.
    fn waits_for(raft: &mut Raft, at: Time, candidate: NodeId, term: Term) -> bool {
        let before = raft.election_deadline;
        let after = Position::default();
        raft.receive(
            at,
            Envelope {
                from: candidate,
                to: NodeId(1),
                term,
                message: Message::RequestEntries { after },
            },
        );
        raft.election_deadline > before
    }

    #[test]
    fn each_candidate_that_catches_up_gets_time_in_one_term_only() {
        let mut raft = with_the_best_log();
        // Far enough apart that a later deadline is not chance.
        let at = |seconds: u64| Time(seconds * 1_000_000);
        assert!(waits_for(&mut raft, at(2), NodeId(2), Term(5)));
        assert!(waits_for(&mut raft, at(4), NodeId(2), Term(5)), "it gets on");
        assert!(
            waits_for(&mut raft, at(6), NodeId(3), Term(6)),
            "the other's turn"
        );
        assert!(!waits_for(&mut raft, at(8), NodeId(2), Term(7)));
        assert!(!waits_for(&mut raft, at(10), NodeId(3), Term(8)));
        raft.heard_leader(NodeId(2));
        assert!(waits_for(&mut raft, at(12), NodeId(2), Term(9)));
    }
}
