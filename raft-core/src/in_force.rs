//! Which membership is in force: the newest in the log, committed or not (thesis 4.1), so it goes back when its entry
//! is truncated.

use crate::fingerprint::canonical;
use crate::log::Log;
use crate::membership::Membership;
use crate::output::Output;
use crate::progress::Progress;
use crate::raft::Raft;
use crate::role::Role;
use crate::types::{Body, Index, Term};

#[derive(Clone, Debug)]
pub(crate) struct Memberships {
    /// The mark's, then each Change in the log, with where it stands. Never empty.
    stack: Vec<(Index, Membership)>,
}

canonical!(struct Memberships { stack });

impl Memberships {
    pub(crate) fn of(log: &Log) -> Memberships {
        let mark = log.mark();
        let mut memberships = Memberships {
            stack: vec![(mark.position.index, mark.membership.clone())],
        };
        for entry in log.iter() {
            memberships.appended(entry.position.index, &entry.body);
        }
        memberships
    }

    pub(crate) fn current(&self) -> &Membership {
        &self
            .stack
            .last()
            .expect("the mark's membership is never removed")
            .1
    }

    /// Where the membership in force stands in the log; the mark's index if it came with the mark.
    pub(crate) fn index(&self) -> Index {
        self.stack
            .last()
            .expect("the mark's membership is never removed")
            .0
    }

    /// The membership as of `index`, which is not before the mark.
    pub(crate) fn at(&self, index: Index) -> &Membership {
        let after = self.stack.partition_point(|&(at, _)| at <= index);
        &self.stack[after.checked_sub(1).expect("not before the mark")].1
    }

    /// The membership as of `index`, and all that came after it.
    fn since(&self, index: Index) -> impl Iterator<Item = &Membership> {
        let after = self.stack.partition_point(|&(at, _)| at <= index);
        self.stack[after.saturating_sub(1)..]
            .iter()
            .map(|(_, membership)| membership)
    }

    /// Returns whether the membership changed.
    pub(crate) fn appended(&mut self, index: Index, body: &Body) -> bool {
        let Body::Change(membership) = body else {
            return false;
        };
        self.stack.push((index, Membership::clone(membership)));
        true
    }

    /// Returns whether the membership went back.
    pub(crate) fn truncated_after(&mut self, index: Index) -> bool {
        let before = self.stack.len();
        self.stack.retain(|&(at, _)| at <= index);
        self.stack.len() < before
    }

    /// The log in memory begins after `mark` now: what was replaced at or before it is forgotten.
    pub(crate) fn dropped_through(&mut self, mark: Index) {
        let after = self.stack.partition_point(|&(at, _)| at <= mark);
        self.stack.drain(..after.saturating_sub(1));
        self.stack[0].0 = mark;
    }
}

impl Raft {
    /// Another membership is in force than before: at an append, a truncation, or boot.
    pub(crate) fn membership_in_force(&mut self) {
        let membership = Box::new(self.log_membership().clone());
        self.outbox.push_back(Output::Peers(membership));
        self.follow_members();
        self.alarm_if_too_old();
    }

    /// Whether this node stands for election: if it votes, or did until a change that may not be committed. It may be the
    /// only one whose log can win, and that change needs a leader to be committed (thesis 4.2.2, Figure 4.6). Its own vote
    /// counts only if it is a voter of the membership in force.
    pub(crate) fn may_stand(&self) -> bool {
        let mut memberships = self.memberships.since(self.commit_index);
        self.ballot.term < Term::MAX
            && (!self.stands_back || self.is_sole_voter())
            && memberships.any(|membership| membership.is_voter(self.config.id))
    }

    /// Whether nobody has told this node yet who takes part. It votes for nobody: whoever counts on its vote made it a
    /// voter, which needs a log with the change that took it in. If it has none, it lost its disk, and its votes with it.
    pub(crate) fn knows_no_cluster(&self) -> bool {
        self.log_membership().voters.is_empty()
    }

    /// A leader sends to the members of the membership in force, and to nobody else.
    fn follow_members(&mut self) {
        let (own, now) = (self.config.id, self.now);
        let members = self.log_membership().members();
        // The change itself is the first entry that a new member is sent, unless it needs earlier ones.
        let last = self.log.last().index.previous();
        let Role::Leader(leader) = &mut self.role else {
            return;
        };
        leader.progress.retain(|id, _| members.contains(id));
        for id in members.into_iter().filter(|&id| id != own) {
            leader
                .progress
                .entry(id)
                .or_insert_with(|| Progress::new(last, now));
        }
        // Whose word was missing may be asked no more.
        self.confirm_rounds();
    }
}
