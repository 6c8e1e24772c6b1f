//! What a leader knows of one follower: nextIndex and matchIndex of Figure 2, and what is on its way.

use std::collections::VecDeque;
use std::time::Duration;

use crate::config::Limits;
use crate::fingerprint::canonical;
use crate::learner::Rounds;
use crate::sending::{PATIENCE, Sending};
use crate::types::{Index, NodeId, Position, Round, Time, Version};
use crate::why::Why;

/// How entries go to a follower.
#[derive(Clone, Debug)]
pub(crate) enum Pace {
    /// Looking for where the logs agree: one message at a time.
    Probe {
        /// The message is on its way.
        outstanding: bool,
        /// Sent without entries: an earlier one got no answer, and the follower may be gone.
        bare: bool,
    },
    /// The logs agree: messages follow each other without waiting for answers (thesis 10.2.1).
    Pipeline,
    /// It needs entries that are in memory no longer: it gets a snapshot, and no entries meanwhile (Raft 7).
    Snapshot(Sending),
}

impl Pace {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Pace::Probe { .. } => "probe",
            Pace::Pipeline => "pipeline",
            Pace::Snapshot(_) => "snapshot",
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Progress {
    /// The last entry known to be durable there, as the leader has it (Figure 2, matchIndex).
    pub(crate) match_index: Index,
    /// The next entry to send (Figure 2, nextIndex).
    pub(crate) next_index: Index,
    pub(crate) pace: Pace,
    /// For each message on its way: its last index and the bytes of its entries.
    inflight: VecDeque<(Index, usize)>,
    inflight_bytes: usize,
    /// What the probe on its way brings the follower up to.
    pub(crate) probed_through: Index,
    /// When to believe that what is on its way got lost.
    pub(crate) resend_deadline: Time,
    /// The newest round it acknowledged.
    pub(crate) acknowledged_round: Round,
    /// The newest round it was told.
    pub(crate) sent_round: Round,
    /// The highest commit index it was told.
    pub(crate) sent_commit: Index,
    /// It is to hear a heartbeat, whatever else it hears.
    pub(crate) heartbeat_due: bool,
    /// The pause was explained since the last acknowledgement.
    pub(crate) pause_explained: bool,
    /// When a message of this term last came from it; when the leader was elected, before the first.
    pub(crate) heard_at: Time,
    /// The newest state machine version it understands, once it said so.
    pub(crate) understands: Option<Version>,
    /// How fast it catches up.
    pub(crate) rounds: Rounds,
    /// It gets a snapshot, at this entry or later, although its log is sound (rebuild.rs).
    pub(crate) wants_from: Option<Index>,
    /// It said last that it would stand for no election (rebuild.rs).
    pub(crate) stands_back: bool,
    /// It goes on after a snapshot, and has not come to the log's end since.
    pub(crate) follows_snapshot: bool,
}

canonical!(enum Pace { Probe { outstanding, bare }, Pipeline, Snapshot(sending) });
canonical!(struct Progress {
    match_index, next_index, pace, inflight, inflight_bytes, probed_through, resend_deadline, acknowledged_round,
    sent_round, sent_commit, heartbeat_due, pause_explained, heard_at, understands, rounds, wants_from,
    stands_back, follows_snapshot,
});

impl Progress {
    /// Of a follower about which nothing is known: its log is taken to be like the leader's (Figure 2).
    pub(crate) fn new(last: Index, now: Time) -> Progress {
        Progress {
            match_index: Index(0),
            next_index: last.next(),
            pace: Pace::Probe {
                outstanding: false,
                bare: false,
            },
            inflight: VecDeque::new(),
            inflight_bytes: 0,
            probed_through: Index(0),
            resend_deadline: Time::NEVER,
            acknowledged_round: Round(0),
            sent_round: Round(0),
            sent_commit: Index(0),
            heartbeat_due: true,
            pause_explained: false,
            heard_at: now,
            understands: None,
            rounds: Rounds::default(),
            wants_from: None,
            stands_back: false,
            follows_snapshot: false,
        }
    }

    /// Messages on their way, and the bytes of their entries.
    pub(crate) fn on_their_way(&self) -> (usize, usize) {
        (self.inflight.len(), self.inflight_bytes)
    }

    /// Why nothing is sent although there are entries up to `last`; None while nothing holds it up.
    pub(crate) fn why_paused(&self, peer: NodeId, last: Index, limits: Limits) -> Option<Why> {
        let next = self.next_index;
        let (messages, bytes) = (self.inflight.len() as u64, self.inflight_bytes as u64);
        match self.pace {
            Pace::Probe {
                outstanding: true, ..
            } if last > self.probed_through => Some(Why::PausedForProbe { peer, next }),
            Pace::Pipeline if next > last => None,
            Pace::Pipeline if self.inflight.len() >= limits.inflight_messages_max => {
                Some(Why::PausedByMessages { peer, messages })
            }
            Pace::Pipeline if self.inflight_bytes >= limits.inflight_bytes_max => {
                Some(Why::PausedByBytes { peer, bytes })
            }
            _ => None,
        }
    }

    /// After which entry the log stays in memory for it: after the snapshot that is on its way, or after what it has, when
    /// it goes on from there.
    pub(crate) fn needs_after(&self) -> Option<Index> {
        match &self.pace {
            Pace::Snapshot(sending) => sending.mark().map(|mark| mark.index),
            _ => self.follows_snapshot.then_some(self.match_index),
        }
    }

    /// Whether nothing is to be sent to it, and nothing explained, as long as the log ends at `last`.
    pub(crate) fn knows_all(&self, last: Index, commit: Index, round: Round) -> bool {
        matches!(self.pace, Pace::Pipeline) && self.next_index > last && !self.wants_heartbeat(commit, round)
    }

    /// Whether a heartbeat is due by time, for a new round of reads, or to tell the commit index.
    pub(crate) fn wants_heartbeat(&self, commit: Index, round: Round) -> bool {
        self.heartbeat_due || round > self.sent_round || commit.min(self.match_index) > self.sent_commit
    }

    /// Entries up to `last` were sent.
    pub(crate) fn sent(&mut self, last: Index, bytes: usize, resend_deadline: Time) {
        if self.inflight.is_empty() {
            self.resend_deadline = resend_deadline;
        }
        match &mut self.pace {
            Pace::Probe { outstanding, .. } => {
                *outstanding = true;
                self.probed_through = last;
                self.resend_deadline = resend_deadline;
            }
            Pace::Pipeline => {
                self.next_index = last.next();
                self.inflight.push_back((last, bytes));
                self.inflight_bytes += bytes;
            }
            Pace::Snapshot(_) => panic!("no entries are sent beside a snapshot"),
        }
    }

    /// The follower has everything up to `index`, of a log that ends at `last`. Returns whether that is news.
    pub(crate) fn matched(&mut self, index: Index, last: Index, resend_deadline: Time) -> bool {
        let news = index > self.match_index;
        self.match_index = self.match_index.max(index);
        self.follows_snapshot &= self.match_index < last;
        self.next_index = self.next_index.max(index.next());
        while self.inflight.front().is_some_and(|&(last, _)| last <= index) {
            let (_, bytes) = self.inflight.pop_front().expect("there is a front");
            self.inflight_bytes -= bytes;
        }
        // An old acknowledgement says nothing about the probe on its way, unless it reaches it.
        if matches!(self.pace, Pace::Probe { .. }) && index.next() >= self.next_index {
            self.pace = Pace::Pipeline;
        }
        if matches!(self.pace, Pace::Snapshot(_)) {
            return news;
        }
        self.resend_deadline = if self.is_waiting() {
            resend_deadline
        } else {
            Time::NEVER
        };
        self.pause_explained = false;
        news
    }

    /// The follower has no entry like `prev`. Returns whether that is news: a late refusal of what has been answered
    /// otherwise since is not, unless it `believes_all`.
    pub(crate) fn rejected(&mut self, prev: Position, agreeable: Index, believes_all: bool) -> bool {
        let stale = match self.pace {
            Pace::Probe { .. } => prev.index != self.next_index.previous(),
            Pace::Pipeline => prev.index >= self.next_index,
            Pace::Snapshot(_) => true,
        };
        if believes_all {
            self.probe(agreeable.next(), false);
            return true;
        }
        if stale || prev.index <= self.match_index {
            return false;
        }
        self.probe(agreeable.next().max(self.match_index.next()), false);
        true
    }

    /// What was on its way is taken for lost. Returns what is done about it.
    pub(crate) fn lost(&mut self, peer: NodeId, now: Time, election_timeout: Duration) -> Option<Why> {
        if let Pace::Snapshot(sending) = &mut self.pace {
            self.resend_deadline = Time::NEVER;
            let why = sending.lost(peer, now, election_timeout * PATIENCE);
            if matches!(why, Some(Why::SnapshotGivenUp { .. })) {
                self.probe(self.match_index.next(), true);
            }
            return why;
        }
        if now >= self.heard_at.after(election_timeout * PATIENCE) {
            // It is gone.
            self.follows_snapshot = false;
        }
        self.probe(self.match_index.next().min(self.next_index), true);
        let next = self.next_index;
        Some(Why::Resending { peer, next })
    }

    /// The log no longer reaches it.
    pub(crate) fn begin_snapshot(&mut self) {
        self.probe(self.match_index.next(), false);
        self.pace = Pace::Snapshot(Sending::Wanted { asked: false });
        self.pause_explained = false;
        self.follows_snapshot = false;
    }

    /// The log, which ends at `last`, reaches it again.
    pub(crate) fn end_snapshot(&mut self, last: Index) {
        self.pace = Pace::Pipeline;
        self.wants_from = None;
        self.follows_snapshot = self.match_index < last;
        self.resend_deadline = Time::NEVER;
        self.pause_explained = false;
    }

    fn is_waiting(&self) -> bool {
        !self.inflight.is_empty()
            || matches!(
                self.pace,
                Pace::Probe {
                    outstanding: true,
                    ..
                }
            )
    }

    fn probe(&mut self, next: Index, bare: bool) {
        // A probe that got lost tries the same place again: only a refusal says that the logs differ there.
        let next = if matches!(self.pace, Pace::Probe { .. }) && bare {
            self.next_index
        } else {
            next
        };
        self.next_index = next;
        self.wants_from = None;
        self.pace = Pace::Probe {
            outstanding: false,
            bare,
        };
        self.inflight.clear();
        self.inflight_bytes = 0;
        self.pause_explained = false;
        self.resend_deadline = Time::NEVER;
    }

    pub(crate) fn check_invariants(&self, mark: Index, last: Index) {
        assert!(self.match_index < self.next_index, "match < next");
        assert!(
            self.match_index <= last,
            "a follower matches only what the leader has"
        );
        assert!(
            self.next_index <= last.next(),
            "next is at most one after the last entry"
        );
        assert_eq!(
            self.inflight_bytes,
            self.inflight.iter().map(|(_, bytes)| bytes).sum::<usize>()
        );
        assert!(
            matches!(self.pace, Pace::Pipeline) || self.inflight.is_empty(),
            "a probe is not in flight"
        );
        assert!(
            !matches!(self.pace, Pace::Snapshot(_)) || self.next_index <= mark || self.wants_from.is_some(),
            "a snapshot goes to those only whom the log does not reach, and to those who wish for one"
        );
        assert!(
            matches!(self.pace, Pace::Snapshot(_)) || self.wants_from.is_none(),
            "who wishes for a snapshot gets one"
        );
    }
}
