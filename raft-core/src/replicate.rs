//! A leader's side: sends entries and heartbeats, learns where its followers stand, and commits (Raft 5.3, 5.4.2).

use crate::message::{AppendOutcome, Envelope, Message};
use crate::mutant::Mutant;
use crate::output::Output;
use crate::progress::{Pace, Progress};
use crate::raft::Raft;
use crate::read::Reads;
use crate::role::{Leader, Role};
use crate::types::{Body, Entry, Index, NodeId, Position, Time};
use crate::why::Why;

impl Raft {
    pub(crate) fn become_leader(&mut self) {
        let term = self.ballot.term;
        self.explain(Why::Won { term });
        self.indulged.clear();
        self.helped.clear();
        // Whom could it ask?
        self.wants_state = false;
        self.term_leader = Some(self.config.id);
        let last = self.log.last().index;
        let uncommitted_bytes = self.log.weight(self.commit_index, last);
        let others = self
            .log_membership()
            .members()
            .into_iter()
            .filter(|&id| id != self.config.id);
        let leader = Leader {
            progress: others.map(|id| (id, Progress::new(last, self.now))).collect(),
            first_index: last.next(),
            heartbeat_deadline: self.now.after(self.config.heartbeat_interval),
            reads: Reads::default(),
            uncommitted_bytes,
            busy_explained: false,
            transfer: None,
            has_told_to_stand: false,
            prefers_at: self
                .now
                .after(self.config.election_timeout)
                .max(self.hands_over_again),
        };
        self.role = Role::Leader(leader);
        // Raft 8: a blank entry commits what earlier terms left, and lets reads begin.
        self.append_own(Body::Blank);
    }

    pub(crate) fn tick_leader(&mut self) {
        let (now, interval) = (self.now, self.config.heartbeat_interval);
        let Role::Leader(leader) = &mut self.role else {
            return;
        };
        if now >= leader.heartbeat_deadline {
            leader.heartbeat_deadline = now.after(interval);
            leader
                .progress
                .values_mut()
                .for_each(|progress| progress.heartbeat_due = true);
            self.prolong_lease();
        }
        let Role::Leader(leader) = &mut self.role else {
            return;
        };
        for (&peer, progress) in &mut leader.progress {
            if now >= progress.resend_deadline {
                let why = progress.lost(peer, now, self.config.election_timeout);
                self.outbox.extend(why.map(Output::Why));
            }
        }
    }

    pub(crate) fn on_append_entries_reply(&mut self, from: NodeId, outcome: AppendOutcome) {
        let resend_deadline = self.resend_deadline();
        let (now, election_timeout) = (self.now, self.config.election_timeout);
        let last = self.log.last();
        let believes_all = Mutant::StaleRefusalBelieved.is(self.config.mutant);
        let Role::Leader(leader) = &mut self.role else {
            return;
        };
        let Some(progress) = leader.progress.get_mut(&from) else {
            return;
        };
        match outcome {
            AppendOutcome::Matched(index) if index > last.index => self.explain(Why::IllFormed { from }),
            AppendOutcome::Matched(index) => {
                progress.rounds.matched(index, last.index, now, election_timeout);
                let is_news = progress.matched(index, last.index, resend_deadline);
                self.resume_log(from);
                if is_news {
                    self.advance_commit();
                }
            }
            AppendOutcome::Rejected { prev, hint } => {
                // Its entry at `hint` may still differ from ours: go back to where ours can agree with it. If that is
                // before the mark, the follower does not have the mark's entry either: it needs a snapshot.
                let agreeable = self
                    .log
                    .last_agreeable(hint.min(Position {
                        index: prev.index.previous(),
                        ..hint
                    }))
                    .map_or(self.log.mark().position.index.previous(), |agreeable| {
                        agreeable.index
                    });
                if progress.rejected(prev, agreeable, believes_all) {
                    let next = progress.next_index;
                    self.explain(Why::Probing { peer: from, next });
                }
            }
        }
    }

    /// The next thing to tell a follower. Never waits for this node's own disk (thesis 10.2.1).
    pub(crate) fn next_send(&mut self) -> Option<Envelope> {
        let (last, commit) = (self.log.last().index, self.commit_index);
        let mut after = None;
        loop {
            let Role::Leader(leader) = &self.role else {
                return None;
            };
            let round = leader.reads.round;
            // At most times nobody is to be told anything, so that is found out first.
            let (&peer, _) = leader
                .progress
                .iter()
                .find(|&(&id, progress)| Some(id) > after && !progress.knows_all(last, commit, round))?;
            after = Some(peer);
            if let Some(envelope) = self.next_append(peer).or_else(|| self.next_heartbeat(peer)) {
                return Some(envelope);
            }
        }
    }

    fn next_append(&mut self, to: NodeId) -> Option<Envelope> {
        let resend_deadline = self.resend_deadline();
        let (now, limits) = (self.now, self.config.limits);
        let (last, commit) = (self.log.last(), self.commit_index);
        let forgets_the_blank = Mutant::BlankFollowerForgotten.is(self.config.mutant);
        let Role::Leader(leader) = &mut self.role else {
            return None;
        };
        let progress = leader.progress.get_mut(&to)?;
        if let Some(why) = progress.why_paused(to, last.index, limits) {
            if !std::mem::replace(&mut progress.pause_explained, true) {
                self.explain(why);
            }
            return None;
        }
        let bare = match progress.pace {
            Pace::Snapshot(_) => return self.next_piece(to),
            Pace::Probe {
                outstanding: true, ..
            } => return None,
            Pace::Probe { bare, .. } => bare,
            Pace::Pipeline if progress.next_index > last.index => return None,
            Pace::Pipeline => false,
        };
        let mark = self.log.mark().position;
        if progress.next_index <= mark.index {
            if !bare {
                let next = progress.next_index;
                if progress.match_index == Index(0) && forgets_the_blank {
                    return None;
                }
                progress.begin_snapshot();
                self.explain(Why::SnapshotNeeded { peer: to, next, mark });
                return self.next_piece(to);
            }
            // It may be gone. No snapshot is made ready before it was heard again: it is asked for what we still know.
            progress.next_index = mark.index.next();
        }
        let prev_index = progress.next_index.previous();
        let prev_term = self
            .log
            .term_at(prev_index)
            .expect("it is the mark's or after it");
        let entries = if bare {
            Vec::new()
        } else {
            self.log.slice(progress.next_index, limits.append_bytes_max)
        };
        let through = entries.last().map_or(prev_index, |entry| entry.position.index);
        let bytes = entries.iter().map(Entry::bytes).sum();
        progress.sent(through, bytes, resend_deadline);
        if through > prev_index {
            progress.rounds.sent(last.index, now);
        }
        // The follower commits at most what this message verifies.
        progress.sent_commit = progress.sent_commit.max(commit.min(through));
        let prev = Position {
            term: prev_term,
            index: prev_index,
        };
        Some(self.message_to(
            to,
            Message::AppendEntries {
                prev,
                entries,
                commit,
            },
        ))
    }

    /// A heartbeat is due by time, for a new round of reads, or to tell a new commit index at once.
    fn next_heartbeat(&mut self, to: NodeId) -> Option<Envelope> {
        let commit_index = self.commit_index;
        let Role::Leader(leader) = &mut self.role else {
            return None;
        };
        let round = leader.reads.round;
        let progress = leader.progress.get_mut(&to)?;
        if !progress.wants_heartbeat(commit_index, round) {
            return None;
        }
        let commit = commit_index.min(progress.match_index);
        progress.heartbeat_due = false;
        progress.sent_round = round;
        progress.sent_commit = progress.sent_commit.max(commit);
        Some(self.message_to(to, Message::Heartbeat { round, commit }))
    }

    /// Two heartbeats without an answer: what was sent is taken for lost.
    pub(crate) fn resend_deadline(&self) -> Time {
        self.now.after(self.config.heartbeat_interval * 2)
    }
}
