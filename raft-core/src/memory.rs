//! What of the log stays in memory. What is applied and on disk serves only followers that are behind; beyond a limit it
//! is dropped, and who needs it still gets a snapshot (Raft 7).

use crate::config::Limits;
use crate::mutant::Mutant;
use crate::output::Output;
use crate::progress::Pace;
use crate::raft::Raft;
use crate::role::Role;
use crate::types::Index;
use crate::why::Why;

impl Raft {
    /// The state up to `through` is in a snapshot: drops the entries up to there from memory, but for the newest of
    /// them, up to `tail_bytes_max`, which a slow follower may still need. What is not applied or not durable stays.
    pub fn compact(&mut self, through: Index) {
        if self.halted {
            return;
        }
        let through = through.min(self.droppable());
        let target = self
            .log
            .tail_begins_after(through, self.config.limits.tail_bytes_max);
        let sent = self.sent_up_to();
        let before = self.log.mark().position.index;
        self.drop_while(|raft| raft.first_may_go(target, sent));
        let after = self.log.mark().position.index;
        if after > before {
            let bytes = self.log.bytes() as u64;
            self.explain(Why::LogCompacted {
                through: after,
                bytes,
            });
        }
        if after < target {
            self.explain(Why::LogKeptForSnapshot { mark: after, target });
        }
    }

    /// Holds to these limits from now on: what is lowered bounds what is sent, proposed and kept next.
    pub fn set_limits(&mut self, limits: Limits) {
        self.config.limits = limits.at_least_one();
        self.bound_log();
    }

    /// Drops what the log holds too much of, as far as that is applied and durable. Takes constant time when nothing is
    /// to be dropped.
    pub(crate) fn bound_log(&mut self) {
        let max = self.config.limits.log_bytes_max;
        if self.log.bytes() <= max {
            return;
        }
        let (droppable, sent) = (self.droppable(), self.sent_up_to());
        self.drop_while(|raft| raft.log.bytes() > max && raft.first_may_go(droppable, sent));
    }

    pub(crate) fn next_apply(&mut self) -> Option<Output> {
        if self.last_applied >= self.commit_index {
            return None;
        }
        self.last_applied = self.last_applied.next();
        let entry = self
            .log
            .get(self.last_applied)
            .expect("committed entries after the mark are in the log")
            .clone();
        self.bound_log();
        Some(Output::Apply(entry))
    }

    fn drop_while(&mut self, may_go: impl Fn(&Raft) -> bool) {
        let before = self.log.mark().position.index;
        while may_go(self) {
            self.log.drop_first();
        }
        let mark = self.log.mark().position.index;
        if mark > before {
            self.memberships.dropped_through(mark);
        }
    }

    /// What is not applied is still to be handed out, and what is not durable still to be saved.
    fn droppable(&self) -> Index {
        if Mutant::DropBeforeDurable.is(self.config.mutant) {
            return self.last_applied;
        }
        self.last_applied.min(self.persist.durable_index())
    }

    /// The earliest mark of the snapshots on their way: their followers go on after it.
    fn sent_up_to(&self) -> Option<Index> {
        let Role::Leader(leader) = &self.role else {
            return None;
        };
        let marks = leader.progress.values().filter_map(|p| match &p.pace {
            Pace::Snapshot(sending) => sending.mark(),
            _ => None,
        });
        marks.map(|mark| mark.index).min()
    }

    /// Whether the log may begin after its first entry: it is at most `through`, and before what is `sent` or too far
    /// behind it.
    fn first_may_go(&self, through: Index, sent: Option<Index>) -> bool {
        let kept_max = self.config.limits.log_bytes_max.saturating_mul(2);
        self.log.first().is_some_and(|first| {
            let index = first.position.index;
            index <= through && (sent.is_none_or(|sent| index <= sent) || self.log.bytes() > kept_max)
        })
    }
}
