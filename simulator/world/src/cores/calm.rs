//! After the storm: within a stated number of election timeouts one member leads and all others follow it, what is
//! proposed commits everywhere, reads are confirmed, and once nothing is asked any more nothing is on its way and all are
//! equal. Some runs go on from there with few links (`few_links.rs`).

use raft_core::{NodeId, Raft, Term, Time};

use super::FAULTS_MIN;
use super::cluster::{Cluster, Event, at_least_half};
use super::wire::slot;
use crate::check::Violation;
use crate::network::Law;
use crate::settings::SECOND;

/// Within so many election timeouts, by the slowest clock, after the last message of the storm all follow one leader. If
/// leases last longer, it is so many of theirs: so long voters may keep to a leader that is gone.
pub const RECOVERY_TIMEOUTS: u32 = 12;

/// Up to this limit a message carries few entries.
const ENTRY_BYTES_MAX: usize = 1024;

/// Each run lasts at least so long, in simulated microseconds.
pub const LENGTH_MIN: u64 = 60 * SECOND;

/// In each run at least so many proposals are offered.
pub const OFFERED_MIN: u64 = 500;

/// So many times in a row, an election timeout apart, one is to lead before it counts: the lead may be on its way.
const LOOKS_MIN: u32 = 3;

/// In each run a leader begins at least so many changes of membership, late if not before.
pub const CHANGES_MIN: u64 = 2;

/// A run whose storm left too little done goes on, but no longer than this.
const LENGTH_MAX: u64 = 300 * SECOND;

/// What is to be seen, and what was.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Calm {
    stage: Stage,
    /// When the stage must be over.
    due: Time,
    /// Who led when last it was looked for, and how often in a row.
    seen: (Option<(NodeId, Term)>, u32),
    /// Proposals that were committed before it.
    pub(crate) committed_before: u64,
    /// Who leads since it should.
    leads: Option<(NodeId, Term)>,
    reads_confirmed: u64,
    reads_asked: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// All are to follow one leader.
    Recovery,
    /// All that is asked is to be done.
    Service,
    /// Nothing is asked: all is to be at rest.
    Rest,
    /// One talks with a quorum, others may not: more is to be committed than this.
    FewLinks { committed: u64 },
    /// And more, with few elections beyond these.
    FewLinksServe { committed: u64, elections: u64 },
    /// The lead went from one, in this term, to another, or it did not.
    HandedOver { from: (NodeId, Term), to: NodeId },
    /// Whose disk stalls leads no more, and more is committed than this.
    DiskStalls { of: NodeId, committed: u64 },
}

impl Cluster {
    /// Faults are over.
    pub(crate) fn calm_down(&mut self) {
        if self.storm.faults < FAULTS_MIN {
            return self.later(SECOND, Event::Calm);
        }
        self.note(|| "CALM: faults are over".to_owned());
        let bound = self.swarm.slow_timeouts(RECOVERY_TIMEOUTS) + self.longest_way();
        self.calm = Some(Calm {
            stage: Stage::Recovery,
            due: Time(self.now.0 + bound),
            seen: (None, 0),
            committed_before: self.tally.committed,
            leads: None,
            reads_confirmed: 0,
            reads_asked: 0,
        });
        self.end_all();
        // Now that all who come back are up.
        let more = self.taking_over();
        if let Some(calm) = &mut self.calm {
            calm.due = Time(calm.due.0 + more);
        }
        self.later(self.longest_way(), Event::Look);
    }

    /// Sees whether the stage is over, again and again until it must be.
    pub(crate) fn look(&mut self) {
        let Some(calm) = self.calm else { return };
        let verdict = match calm.stage {
            Stage::Recovery => self.all_follow_one().map(|leads| self.recovered(leads)),
            Stage::Service => self.all_is_done().map(|()| self.begin_rest()),
            Stage::Rest => self
                .all_is_at_rest()
                .map(|()| self.over = !self.begin_few_links() && !self.begin_epilogue()),
            Stage::FewLinks { committed } => self
                .somebody_serves(committed)
                .map(|()| self.go_on_with_few_links()),
            Stage::FewLinksServe { committed, elections } => {
                self.few_served(committed, elections).map(|()| self.over = true)
            }
            Stage::HandedOver { from, to } => self.lead_went(from, to).map(|()| self.over = true),
            Stage::DiskStalls { of, committed } => self
                .somebody_else_serves(of, committed)
                .map(|()| self.over = true),
        };
        let Err(story) = verdict else { return };
        if self.now >= calm.due {
            return self.broken(Violation::new("liveness", story));
        }
        self.calm = self.calm.map(|calm| Calm {
            seen: (None, 0),
            ..calm
        });
        self.look_again();
    }

    /// Another stage begins, and is over within so many microseconds.
    pub(crate) fn enter(&mut self, stage: Stage, bound: u64) {
        let due = Time(self.now.0 + bound);
        self.calm = self.calm.map(|calm| Calm { stage, due, ..calm });
    }

    pub(crate) fn look_again(&mut self) {
        self.later(self.swarm.timeouts(1), Event::Look);
    }

    /// All follow one. Whether it stays so shows when it is seen again.
    fn recovered(&mut self, leads: (NodeId, Term)) {
        let Some(calm) = &mut self.calm else { return };
        let before = if calm.seen.0 == Some(leads) {
            calm.seen.1
        } else {
            0
        };
        calm.seen = (Some(leads), before + 1);
        if calm.seen.1 < LOOKS_MIN && self.now < calm.due {
            self.look_again();
        } else {
            self.begin_service(leads);
        }
    }

    fn begin_service(&mut self, leads: (NodeId, Term)) {
        let up: Vec<NodeId> = self.up().collect();
        let confirmed = self.judge.reads_confirmed;
        up.iter().for_each(|&id| self.read(id));
        self.calm = self.calm.map(|calm| Calm {
            stage: Stage::Service,
            leads: Some(leads),
            reads_confirmed: confirmed,
            reads_asked: 1,
            due: Time(self.now.0 + self.catching_up()),
            ..calm
        });
        self.look_again();
    }

    fn begin_rest(&mut self) {
        let enough = self.clients.offered >= OFFERED_MIN
            && at_least_half(self.tally.committed, self.clients.offered)
            && self.now.0 >= LENGTH_MIN;
        let leader = self.leader();
        let lost = leader.is_some_and(|leader| self.bury_the_lost(leader));
        let churned = self.tally.changes >= CHANGES_MIN;
        if let Some(leader) = leader.filter(|_| !churned) {
            self.change_something(leader);
        }
        if !enough || lost || !churned {
            if self.now.0 >= LENGTH_MAX {
                let (offered, committed) = (self.clients.offered, self.tally.committed);
                let story = format!(
                    "after {offered} proposals {committed} are committed, or the lost cannot be removed"
                );
                return self.broken(Violation::new("liveness", story));
            }
            self.calm = self.calm.map(|calm| Calm {
                due: Time(self.now.0 + self.catching_up()),
                ..calm
            });
            return self.look_again();
        }
        self.clients.rest();
        self.calm = self.calm.map(|calm| Calm {
            stage: Stage::Rest,
            due: Time(self.now.0 + self.catching_up()),
            ..calm
        });
        self.look_again();
    }

    /// How long the last message of the storm may be on its way.
    fn longest_way(&self) -> u64 {
        self.swarm.timeouts(3) + self.swarm.delay.tail_max
    }

    /// How long it takes at most to bring everyone up to date: in the worst case each entry goes alone, and so does each
    /// piece of a snapshot, of which a second may be needed when the first is there.
    fn catching_up(&self) -> u64 {
        // What is in a log and not committed yet has to go out, too, before anything of the new term commits.
        let longest = self.cores().map(|raft| raft.last().index.0).max();
        let newest = longest
            .max(Some(self.judge.committed().index.0))
            .unwrap_or_default();
        let behind = self.cores().map(|raft| newest - raft.commit_index().0).max();
        let pieces = self.swarm.snapshot_bytes / self.swarm.limits.chunk_bytes_max + 10;
        let trips = behind.unwrap_or_default() + 2 * pieces as u64 + 40;
        self.swarm.slow_timeouts(6) + trips * self.trip() + 3 * usual(self.swarm.snapshot_sync)
    }

    /// How long a candidate needs at most to take over what others' logs have and its own lacks, where little goes in a
    /// message: whoever gives it lets it, as who votes for it does.
    fn taking_over(&self) -> u64 {
        if self.swarm.limits.append_bytes_max > ENTRY_BYTES_MAX {
            return 0;
        }
        let lasts = || self.cores().map(|raft| raft.last().index.0);
        let lacking = lasts().max().unwrap_or_default() - lasts().min().unwrap_or_default();
        lacking * self.trip()
    }

    /// How long a question and its answer take, usually, with a Save between.
    fn trip(&self) -> u64 {
        2 * usual(self.swarm.delay) + usual(self.swarm.sync)
    }

    fn cores(&self) -> impl Iterator<Item = &Raft> {
        self.seats.iter().filter_map(|seat| seat.raft.as_deref())
    }

    pub(crate) fn all_follow_one(&self) -> Result<(NodeId, Term), String> {
        let Some(leader) = self.leader() else {
            return Err("nobody leads".to_owned());
        };
        let Some(raft) = self.seats[slot(leader)].raft.as_deref() else {
            return Err("the leader is down".to_owned());
        };
        let leads = (leader, raft.term());
        for id in raft.log_membership().members() {
            let Some(follower) = self.seats[slot(id)].raft.as_deref() else {
                continue;
            };
            if (follower.leader(), follower.term()) != (Some(leads.0), leads.1) {
                let (theirs, term) = (follower.leader(), follower.term());
                return Err(format!(
                    "n{leader} leads term {}, n{id} follows {theirs:?} in term {term}",
                    leads.1
                ));
            }
        }
        Ok(leads)
    }

    fn all_is_done(&self) -> Result<(), String> {
        let calm = self.calm.expect("it is calm");
        let leads = self.all_follow_one()?;
        if !self.may_lead_instead(calm.leads, leads) {
            return Err(format!(
                "the lead went from {:?} to {leads:?} though nothing was wrong",
                calm.leads
            ));
        }
        if self.judge.reads_confirmed < calm.reads_confirmed + calm.reads_asked {
            return Err("a read was not confirmed".to_owned());
        }
        let leader = &self.seats[slot(leads.0)];
        if leader
            .raft
            .as_deref()
            .is_some_and(|raft| raft.log_membership().is_joint())
        {
            return Err("the joint configuration is not left".to_owned());
        }
        Ok(())
    }

    /// Whether it is as it was, or the lead went to a member of higher priority, which takes its time, or away from one
    /// that does not vote any more.
    fn may_lead_instead(&self, before: Option<(NodeId, Term)>, now: (NodeId, Term)) -> bool {
        let Some(raft) = self.seats[slot(now.0)].raft.as_deref() else {
            return false;
        };
        let membership = raft.log_membership();
        let priority = |id| membership.priority(id);
        before.is_some_and(|before| {
            before == now || priority(before.0) < priority(now.0) || !membership.voters.contains(&before.0)
        })
    }

    fn all_is_at_rest(&self) -> Result<(), String> {
        self.all_is_done()?;
        let leader = self.leader().expect("somebody leads");
        let model = self.seats[slot(leader)]
            .raft
            .as_deref()
            .expect("the leader is up");
        let members = model.log_membership().members();
        // Whoever follows one who is gone and is no member waits until somebody tells it.
        if let Some(id) = self.judge.reads_waiting().find(|id| members.contains(id)) {
            return Err(format!("a read was neither answered nor given up by n{id}"));
        }
        for id in members {
            let seat = &self.seats[slot(id)];
            let Some(raft) = seat.raft.as_deref() else {
                continue;
            };
            raft.check_invariants();
            let ends = [
                raft.commit_index(),
                raft.last_applied(),
                raft.durable_index(),
                seat.machine.index(),
            ];
            if raft.last() != model.last() || ends.iter().any(|&end| end != raft.last().index) {
                return Err(format!(
                    "n{id} ends at {}, has committed, applied, saved and in its state {ends:?}; its leader ends at {}",
                    raft.last(),
                    model.last()
                ));
            }
            let in_flight = model.follower(id).map(|follower| follower.inflight);
            if in_flight.is_some_and(|in_flight| in_flight != (0, 0)) || seat.saving.is_some() {
                return Err(format!(
                    "all is at rest, and n{id} has {in_flight:?} messages, bytes on their way"
                ));
            }
        }
        Ok(())
    }
}

/// Nearly always, by a law.
fn usual(law: Law) -> u64 {
    law.min + law.spread + law.tail_max / 20
}
