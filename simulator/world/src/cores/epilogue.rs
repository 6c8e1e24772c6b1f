//! How a run ends, once all is at rest: something more is asked for that is to come about, or not to be believed.

use bytes::Bytes;
use raft_core::{Envelope, Index, Message, NodeId, Position, Round, Term};

use super::calm::Stage;
use super::cluster::Cluster;
use super::wire::slot;
use crate::check::Violation;
use crate::check::electable::is_quorum;

/// Within so many election timeouts it comes about.
const TIMEOUTS: u32 = 12;

/// So many entries the one that is to lead lacks when it is named.
const FRESH: usize = 3;

impl Cluster {
    /// Asks for something more. Returns whether it takes time.
    pub(crate) fn begin_epilogue(&mut self) -> bool {
        let Some((leader, others)) = self.leader_and_others() else {
            return false;
        };
        let others: Vec<NodeId> = others.into_iter().filter(|&id| self.answers(id)).collect();
        if others.len() < 2 {
            return false;
        }
        match self.choices.below(3) {
            0 => self.hand_over_at_once(leader, &others),
            1 => self.stall_the_leader(leader, &others),
            _ => {
                self.ask_in_a_past_term(leader, others[0]);
                self.lie(others[0], others[1]);
                false
            }
        }
    }

    /// The lead is to go to one that does not have everything yet.
    fn hand_over_at_once(&mut self, leader: NodeId, others: &[NodeId]) -> bool {
        let Some(raft) = self.seats[slot(leader)].raft.as_deref() else {
            return false;
        };
        let term = raft.term();
        if !raft.log_membership().settings.priorities.is_empty() {
            // It goes on to whoever is preferred.
            return false;
        }
        let to = self.choices.pick(others);
        let asked = self.ask(leader, &format!("propose, and transfer to n{to}"), |raft, _| {
            for _ in 0..FRESH {
                raft.propose(Bytes::from_static(b"last"))?;
            }
            raft.transfer(to)
        });
        if !matches!(asked, Some(Ok(()))) {
            return false;
        }
        let from = (leader, term);
        self.enter(Stage::HandedOver { from, to }, self.swarm.slow_timeouts(TIMEOUTS));
        self.look_again();
        true
    }

    /// Whether the one that was named leads; or nobody stood, because it took too long (thesis 3.10).
    pub(crate) fn lead_went(&self, from: (NodeId, Term), to: NodeId) -> Result<(), String> {
        let leads = self.all_follow_one()?;
        match leads.0 == to || leads == from {
            true => Ok(()),
            false => Err(format!(
                "n{} gave the lead to n{to}, and n{} has it",
                from.0, leads.0
            )),
        }
    }

    /// The leader's disk takes nothing any more, and there is something to write.
    fn stall_the_leader(&mut self, leader: NodeId, others: &[NodeId]) -> bool {
        let Some(raft) = self.seats[slot(leader)].raft.as_deref() else {
            return false;
        };
        if !is_quorum(raft.log_membership(), |id| others.contains(&id)) {
            return false;
        }
        self.note(|| format!("EPILOGUE: n{leader}'s disk stalls for good"));
        self.seats[slot(leader)].disk_stalls = true;
        self.clients.wake();
        let stall = u64::try_from(self.swarm.disk_stall_max.as_micros()).expect("seconds");
        let bound = 2 * stall + self.swarm.slow_timeouts(2 * TIMEOUTS);
        let committed = self.tally.committed;
        self.enter(
            Stage::DiskStalls {
                of: leader,
                committed,
            },
            bound,
        );
        self.look_again();
        true
    }

    /// Whether another leads, and something was committed.
    pub(crate) fn somebody_else_serves(&self, of: NodeId, committed: u64) -> Result<(), String> {
        match self.leader() {
            Some(leader) if leader != of => self.somebody_serves(committed),
            _ => Err(format!("the disk of n{of} stalls, and nobody else leads")),
        }
    }

    /// Who asks for pre-votes in a past term is told the present one, or might never win one (thesis 9.6).
    fn ask_in_a_past_term(&mut self, leader: NodeId, asks: NodeId) {
        let Some(raft) = self.seats[slot(leader)].raft.as_deref() else {
            return;
        };
        let (term, sent) = (raft.term(), self.wire.sent);
        if term.0 < 2 {
            return;
        }
        let last = Position::default();
        self.hears(leader, asks, Term(term.0 - 1), Message::RequestPreVote { last });
        if self.wire.sent == sent {
            let story = format!("n{asks} asked for a pre-vote in a past term, and n{leader} said nothing");
            self.broken(Violation::new("liveness", story));
        }
    }

    /// A member hears another than its leader lead the same term: one of them lies, and it takes part no more (Figure 3,
    /// Election Safety).
    fn lie(&mut self, to: NodeId, from: NodeId) {
        let Some(raft) = self.seats[slot(to)].raft.as_deref() else {
            return;
        };
        let (term, before) = (raft.term(), self.violation.take());
        let (round, commit) = (Round(1), Index(0));
        self.hears(to, from, term, Message::Heartbeat { round, commit });
        if self.violation.take().is_none() {
            let story = format!("n{to} follows a leader, and n{from} that claims to lead the same term");
            self.broken(Violation::new("Election Safety", story));
        } else {
            self.violation = before;
        }
    }

    fn hears(&mut self, to: NodeId, from: NodeId, term: Term, message: Message) {
        self.note(|| {
            format!(
                "EPILOGUE: n{to} hears of n{from} in term {term}: {}",
                message.name()
            )
        });
        let envelope = Envelope {
            from,
            to,
            term,
            message,
        };
        self.turn(to, |raft, now| raft.receive(now, envelope));
    }
}
