//! A follower's side: the AppendEntries RPC (Raft 5.3; Figure 2) and Heartbeat.

use crate::alarm::Alarm;
use crate::message::{AppendOutcome, Message};
use crate::mutant::Mutant;
use crate::raft::Raft;
use crate::role::Role;
use crate::types::{Entry, Index, NodeId, Position, Round, Term};
use crate::why::Why;

impl Raft {
    pub(crate) fn on_append_entries(
        &mut self,
        from: NodeId,
        prev: Position,
        entries: Vec<Entry>,
        commit: Index,
    ) {
        if !self.hear_leader(from) {
            return;
        }
        if let Some(ours) = self.committed_instead(prev) {
            let theirs = prev;
            return self.alarm(Alarm::CommittedConflict {
                leader: from,
                ours,
                theirs,
            });
        }
        let outcome = match self.refusal_of_append(prev) {
            Some((why, hint)) => {
                self.explain(why);
                AppendOutcome::Rejected { prev, hint }
            }
            None => {
                let matched = Index(prev.index.0 + entries.len() as u64);
                if !self.take_entries(from, entries) {
                    return;
                }
                // Only what this message verified: beyond it the logs may differ (Figure 2, AppendEntries step 5).
                let verified = if Mutant::CommitBeyondMatched.is(self.config.mutant) {
                    self.log.last().index
                } else {
                    matched
                };
                self.commit_to(commit.min(verified));
                AppendOutcome::Matched(matched)
            }
        };
        // A duplicate changes nothing and still waits: what it repeats may not be durable yet.
        self.answer_after(self.persist.changed(), from, Message::AppendEntriesReply(outcome));
    }

    pub(crate) fn on_heartbeat(&mut self, from: NodeId, round: Round, commit: Index) {
        if !self.hear_leader(from) {
            return;
        }
        let last = self.log.last().index;
        if commit > last {
            // It names at most what we acknowledged as durable: our disk went back.
            return self.alarm(Alarm::LostEntries {
                leader: from,
                acknowledged: commit,
                last,
            });
        }
        self.commit_to(commit);
        self.answer_after(self.persist.ballot_stamp(), from, self.heartbeat_reply(round));
    }

    /// Somebody speaks as the leader of this term. Returns whether to listen.
    pub(crate) fn hear_leader(&mut self, from: NodeId) -> bool {
        let tolerates = Mutant::SecondLeaderTolerated.is(self.config.mutant);
        if let Some(known) = self.term_leader.filter(|known| *known != from && !tolerates) {
            self.alarm(Alarm::SecondLeader {
                term: self.ballot.term,
                known,
                other: from,
            });
            return false;
        }
        if self.leader().is_none() {
            if matches!(self.role, Role::Candidate { .. }) {
                self.explain(Why::SteppedDownLeaderElected {
                    leader: from,
                    term: self.ballot.term,
                });
            }
            self.become_follower(Some(from));
            self.term_leader = Some(from);
        }
        self.heard_leader(from);
        true
    }

    /// What is committed here where another entry stands in the leader's log. None if that is gone from memory.
    fn committed_instead(&self, theirs: Position) -> Option<Position> {
        let index = theirs.index;
        let term = self
            .log
            .term_at(index)
            .filter(|_| index <= self.commit_index && !Mutant::AppendWithoutCheck.is(self.config.mutant))?;
        (term != theirs.term).then_some(Position { term, index })
    }

    /// Figure 2, AppendEntries step 2; with where to try next.
    fn refusal_of_append(&self, prev: Position) -> Option<(Why, Position)> {
        let last = self.log.last();
        // What the mark covers is committed, so it agrees.
        let hint = || self.log.last_agreeable(prev).unwrap_or(self.log.mark().position);
        if prev.index > last.index {
            return Some((Why::AppendRefusedMissing { prev, last }, hint()));
        }
        match self.log.term_at(prev.index) {
            Some(ours) if ours != prev.term && !Mutant::AppendWithoutCheck.is(self.config.mutant) => {
                let hint = hint();
                Some((Why::AppendRefusedOtherTerm { prev, ours, hint }, hint))
            }
            // What the snapshot covers is committed, so it agrees.
            _ => None,
        }
    }

    /// Figure 2, AppendEntries steps 3 and 4. Returns whether all is well.
    pub(crate) fn take_entries(&mut self, from: NodeId, entries: Vec<Entry>) -> bool {
        let last_sent = entries.last().map(|entry| entry.position.index);
        let known = entries
            .iter()
            .take_while(|entry| {
                let at = entry.position;
                // What lies before the mark is covered by it; at the mark the term is known, and one that differs is a lie.
                at.index < self.log.mark().position.index || self.log.term_at(at.index) == Some(at.term)
            })
            .count();
        let Some(first_new) = entries.get(known).map(|entry| entry.position) else {
            if let Some(last) = last_sent {
                if Mutant::TruncateOnAnyAppend.is(self.config.mutant) {
                    self.log.truncate_after(last);
                    self.persist.truncated_after(last);
                }
                self.explain(Why::AppendDuplicate { last });
            }
            return true;
        };
        // Only a real conflict truncates: a short or late message must not remove what follows it.
        if let Some(ours) = self.log.term_at(first_new.index) {
            if first_new.index <= self.commit_index {
                let ours = Position {
                    term: ours,
                    index: first_new.index,
                };
                self.alarm(Alarm::CommittedConflict {
                    leader: from,
                    ours,
                    theirs: first_new,
                });
                return false;
            }
            self.truncate_from(first_new, ours);
        }
        let mut peers_changed = false;
        for entry in entries.into_iter().skip(known) {
            peers_changed |= self.memberships.appended(entry.position.index, &entry.body);
            self.persist.appended(entry.position.index);
            self.log.append(entry);
        }
        if peers_changed {
            self.membership_in_force();
        }
        !self.halted
    }

    fn truncate_from(&mut self, conflict: Position, ours: Term) {
        let last = self.log.last().index;
        self.explain(Why::Truncated {
            conflict: conflict.index,
            ours,
            theirs: conflict.term,
            last,
        });
        let keep = conflict.index.previous();
        self.log.truncate_after(keep);
        if !Mutant::SaveVouchesForOthers.is(self.config.mutant) {
            self.persist.truncated_after(keep);
        }
        let undone = self.memberships.index();
        if !Mutant::KeepTruncatedChange.is(self.config.mutant) && self.memberships.truncated_after(keep) {
            let index = self.memberships.index();
            self.explain(Why::ChangeUndone { undone, index });
            self.membership_in_force();
        }
    }

    /// The commit index never goes back.
    pub(crate) fn commit_to(&mut self, commit: Index) {
        assert!(
            commit <= self.log.last().index,
            "only what is in the log is committed"
        );
        self.commit_index = self.commit_index.max(commit);
        self.settle_change();
        self.heed_own_removal();
    }
}
