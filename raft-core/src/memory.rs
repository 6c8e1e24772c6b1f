//! What of the log stays in memory. What is applied and on disk serves only followers that are behind: a little of it stays
//! for those who may turn out to be, more for those who are known to be. Beyond that it is dropped, and who needs it
//! still gets a snapshot (Raft 7).

use crate::config::Limits;
use crate::mutant::Mutant;
use crate::output::Output;
use crate::progress::Progress;
use crate::raft::Raft;
use crate::role::Role;
use crate::types::Index;
use crate::why::Why;

/// Entries dropped when a turn begins or ends; the rest goes in the next turns. To free one takes a tenth of a microsecond,
/// or several if its memory was not touched for long.
const DROPPED_AT_ONCE_MAX: usize = 1024;
/// Entries dropped for each one that is applied: so that a log beyond its limit shrinks however long a turn is.
const DROPPED_PER_APPLIED: usize = 4;

impl Raft {
    /// The state up to `through` is in a snapshot: drops the entries up to there from memory, but for the newest of
    /// them, up to `tail_bytes_max`, which a slow follower may still need. What is not applied or not durable stays. Of a
    /// long log a slice goes at once, and another each time `poll` comes to an end.
    pub fn compact(&mut self, through: Index) {
        if self.halted {
            return;
        }
        let through = through.min(self.droppable());
        let target = self
            .log
            .tail_begins_after(through, self.config.limits.tail_bytes_max);
        let before = self.log.mark().position.index;
        if target <= before.max(self.compact_to) {
            return;
        }
        self.compact_to = target;
        self.bound_log(DROPPED_AT_ONCE_MAX);
        let through = self.log.mark().position.index;
        if through > before {
            let bytes = self.log.bytes() as u64;
            self.explain(Why::LogCompacted { through, bytes });
        }
        if let Some(sent) = self.sent_up_to()
            && sent.max(through) < target
        {
            let mark = sent.max(through);
            self.explain(Why::LogKeptForSnapshot { mark, target });
        }
    }

    /// Holds to these limits from now on: what is lowered bounds what is sent, proposed and kept next.
    pub fn set_limits(&mut self, limits: Limits) {
        self.config.limits = limits.at_least_one();
        self.bound_log(DROPPED_AT_ONCE_MAX);
    }

    /// Drops what the log holds too much of, as far as that is applied and durable, a slice at a time: called once a turn
    /// at least. Takes constant time when nothing is to be dropped.
    #[inline]
    fn bound_log(&mut self, dropped_max: usize) {
        let begin = self.log.mark().position.index;
        let limits = &self.config.limits;
        if self.log.bytes() > limits.log_bytes_max.min(limits.spare_bytes_max) || self.compact_to > begin {
            self.drop_slice(dropped_max);
        }
    }

    fn drop_slice(&mut self, dropped_max: usize) {
        let before = self.log.mark().position.index;
        let (max, spare_max) = (self.config.limits.log_bytes_max, self.spare_bytes_max());
        let (droppable, sent, spare) = (self.droppable(), self.sent_up_to(), self.spare_up_to());
        // What a follower needs after its snapshot is not to go the moment that has arrived.
        self.compact_to = sent.map_or(self.compact_to, |sent| self.compact_to.min(sent));
        for _ in 0..dropped_max {
            let bytes = self.log.bytes();
            let may_go = |index: Index| {
                let is_spare = index <= spare && bytes > spare_max;
                (bytes > max || index <= self.compact_to || is_spare)
                    && index <= droppable
                    // Who gets a snapshot goes on after it, and may be slow: up to twice the limit that is waited for.
                    && (sent.is_none_or(|sent| index <= sent) || bytes > max.saturating_mul(2))
            };
            if !self.log.first().is_some_and(|first| may_go(first.position.index)) {
                break;
            }
            self.log.drop_first();
        }
        let mark = self.log.mark().position.index;
        if mark > before {
            self.memberships.dropped_through(mark);
        }
    }

    pub(crate) fn next_apply(&mut self) -> Option<Output> {
        if self.last_applied >= self.commit_index || self.wants_state {
            // The turn ends.
            self.bound_log(DROPPED_AT_ONCE_MAX);
            return None;
        }
        self.last_applied = self.last_applied.next();
        let entry = self
            .log
            .get(self.last_applied)
            .expect("committed entries after the mark are in the log")
            .clone();
        self.bound_log(DROPPED_PER_APPLIED);
        Some(Output::Apply(entry))
    }

    /// What is not applied is still to be handed out, and what is not durable still to be saved.
    fn droppable(&self) -> Index {
        if Mutant::DropBeforeDurable.is(self.config.mutant) {
            return self.last_applied;
        }
        self.last_applied.min(self.persist.durable_index())
    }

    /// Up to where nobody is known to need the log: a leader knows what each other member has, and a follower takes its
    /// leader to keep what others lack. While it is open who leads next, it may be this node again, and all may be needed.
    fn spare_up_to(&self) -> Index {
        match &self.role {
            // At boot, too, so that a long journal does not come to be in memory before it leads.
            _ if self.is_sole_voter() && self.log_membership().learners.is_empty() => self.last_applied,
            Role::Leader(leader) => {
                let matched = leader.progress.values().map(|progress| progress.match_index);
                matched.min().unwrap_or(Index(0))
            }
            Role::Follower { leader: Some(_) } => self.last_applied,
            Role::Follower { leader: None } | Role::PreCandidate { .. } | Role::Candidate { .. } => Index(0),
        }
    }

    /// How much of what nobody is known to need stays: more in a follower, since it may lead next, and those who lag now lag then.
    fn spare_bytes_max(&self) -> usize {
        let limits = &self.config.limits;
        match &self.role {
            Role::Follower { .. } => limits.spare_bytes_max.max(limits.tail_bytes_max),
            _ => limits.spare_bytes_max,
        }
    }

    /// Up to where nobody who gets a snapshot, or goes on after one, needs the log.
    fn sent_up_to(&self) -> Option<Index> {
        let Role::Leader(leader) = &self.role else {
            return None;
        };
        leader.progress.values().filter_map(Progress::needs_after).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Config, Image, Membership, NodeId, Raft, SnapshotMark, Time};

    /// A sole voter that has applied `count` entries.
    fn applied(count: usize) -> Raft {
        let membership = Membership::of_voters([(NodeId(1), vec![])]);
        let snapshot = SnapshotMark {
            membership,
            ..SnapshotMark::default()
        };
        let image = Image {
            snapshot,
            ..Image::default()
        };
        let mut raft = Raft::boot(Config::new(NodeId(1), 1), image, Time(0));
        turn(&mut raft);
        assert!(raft.is_leader());
        for _ in 1..count {
            raft.propose("x".into()).expect("it leads");
        }
        turn(&mut raft);
        assert_eq!(raft.last_applied(), Index(count as u64));
        raft
    }

    fn turn(raft: &mut Raft) {
        while let Some(output) = raft.poll() {
            if let Output::Save(save) = output {
                raft.saved(save.stamp).expect("it is in flight");
            }
        }
        raft.check_invariants();
    }

    /// No input waits until a long log is gone.
    #[test]
    fn a_long_log_goes_in_slices() {
        let mut raft = applied(3 * DROPPED_AT_ONCE_MAX);
        raft.set_limits(Limits {
            tail_bytes_max: 1,
            ..Limits::default()
        });
        raft.compact(Index(u64::MAX));
        let mut turns = 0;
        while raft.entries().next().is_some() {
            let before = raft.entries().count();
            turn(&mut raft);
            assert!(before - raft.entries().count() <= DROPPED_AT_ONCE_MAX);
            turns += 1;
        }
        assert_eq!(turns, 2, "the first slice went at once");
        assert_eq!(raft.log_bytes(), 0);
    }

    /// A long journal goes while it is applied, before there is a leader.
    #[test]
    fn what_is_applied_at_boot_goes() {
        let led = applied(3000);
        let image = Image {
            snapshot: led.mark().clone(),
            commit: led.commit_index(),
            entries: led.entries().cloned().collect(),
            ..Image::default()
        };
        let mut config = Config::new(NodeId(1), 1);
        config.limits.spare_bytes_max = 1000;
        let mut raft = Raft::boot(config, image, Time(0));
        while raft.last_applied() < raft.last().index {
            raft.poll().expect("there is more to apply");
        }
        assert!(!raft.is_leader() && raft.log_bytes() <= 1000);
    }

    /// Who has no followers keeps a little.
    #[test]
    fn what_nobody_needs_goes() {
        let mut raft = applied(100);
        assert_eq!(raft.entries().count(), 100);
        let bytes = raft.log_bytes();
        raft.set_limits(Limits {
            spare_bytes_max: bytes / 2,
            ..Limits::default()
        });
        assert!(raft.log_bytes() <= bytes / 2);
        assert!(raft.log_bytes() > bytes / 2 - 100, "and no more than must");
    }
}
