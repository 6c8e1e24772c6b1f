//! What a leader proposes of itself: the end of leases, what is left of others, the end of v2 nodes whose time is over,
//! and more of the work that is pending.

use std::time::Duration;

use raft_core::{Mutant, Time};
use storage::store::command::{ClusterTime, Command};
use storage::store::query::LeaseId;

use crate::lease_clock::LeaseClock;
use crate::leases::clock_of;
use crate::node::Node;
use crate::proposal::{Origin, Proposal, stamped};

/// How long the leader waits with its own proposals when its log takes no more.
const RETRY_AFTER: Duration = Duration::from_millis(10);

/// So many pieces of the work that is pending go into the log together. One at a time would wait for a sync of the disk
/// each; and whoever comes in between waits for no more than a few milliseconds of work.
const CONTINUES_AT_ONCE: usize = 8;

impl Node {
    /// What a leader does of itself when its time comes: it ends leases, writes down what is left of others, ends v2
    /// nodes, and goes on with work that is pending.
    pub(crate) fn tick_leases(&mut self) {
        let now = self.now.monotonic;
        self.leases.tick(now);
        self.send_lease_asks();
        if !self.raft.is_leader() || self.leases.retry_at > now {
            return;
        }
        self.count_leases_down(now);
        if self.tree_expiry() <= now {
            self.leases.expiring = self.propose_own(Command::Expire);
        }
        if self.may_continue() {
            let proposed = (0..CONTINUES_AT_ONCE).take_while(|_| self.propose_own(Command::Continue));
            self.leases.continuing = proposed.count();
        }
    }

    /// Whether there is work that no command waits for, and nothing else to do.
    pub(crate) fn may_continue(&self) -> bool {
        self.leases.continuing == 0
            && self.raft.is_leader()
            && self.applied.index == self.raft.last().index
            && self.store().has_pending()
    }

    /// When this leader has to end nodes of the v2 tree, by its clock; never while that is proposed already, or while
    /// entries of former leaders may be unknown.
    pub(crate) fn tree_expiry(&self) -> Time {
        let leads = self.leases.clock.is_some() && self.raft.is_leader();
        let waits = self.leases.expiring || !self.unapplied.is_empty();
        match self.store.tree_expiration() {
            Some(end) if leads && !waits => {
                let time = self.store.time().0.max(self.now.wall.0);
                // Never too early: a command that comes before its time does nothing.
                let left = Duration::from_micros(end.0.saturating_sub(time).div_ceil(1000));
                self.now.monotonic.after(left).max(self.leases.retry_at)
            }
            _ => Time::NEVER,
        }
    }

    fn count_leases_down(&mut self, now: Time) {
        if !self.unapplied.is_empty() {
            return;
        }
        let Some(clock) = &mut self.leases.clock else {
            return;
        };
        clock.learn(&self.store, now);
        let ids = clock.take_expired(now);
        if !ids.is_empty() && !self.propose_own(Command::LeaseExpire { ids: ids.clone() }) {
            let again = self.leases.retry_at;
            return clock_of(&mut self.leases).not_proposed(ids, again);
        }
        let remaining = clock_of(&mut self.leases).take_checkpoints(now);
        let ids: Vec<LeaseId> = remaining.iter().map(|(id, _)| *id).collect();
        if !ids.is_empty() && !self.propose_own(Command::LeaseCheckpoint { remaining }) {
            clock_of(&mut self.leases).not_proposed(ids, now);
        }
    }

    /// An entry of the leader's own term is applied, so all that was before is: it begins to count.
    pub(crate) fn begin_to_count(&mut self) {
        let mutant = self.config.raft.mutant;
        let mut clock = match Mutant::LeasesForgotten.is(mutant) {
            true => Box::default(),
            false => Box::new(LeaseClock::new()),
        };
        clock.learn(&self.store, self.now.monotonic);
        if Mutant::LeaseOverAfterElection.is(mutant) {
            let leases = self.store.leases_after(None);
            leases.for_each(|(id, _)| clock.count(id, 0, self.now.monotonic));
        }
        self.leases.clock = Some(clock);
        self.send_lease_asks();
    }

    /// Proposes what nobody asked for, in this term or never: a later leader has its own view of what is due. Returns
    /// whether the log took it.
    pub(crate) fn propose_own(&mut self, command: Command) -> bool {
        let origin = Origin {
            node: self.config.raft.id,
            boot: self.config.raft.boot,
            ticket: self.waiting.draw().0,
        };
        let time = ClusterTime(self.now.wall.0);
        let entry = stamped(time, &Proposal { origin, command }.encode());
        let taken = self.raft.propose(entry).is_ok();
        if !taken {
            self.leases.retry_at = self.now.monotonic.after(RETRY_AFTER);
        }
        taken
    }
}
