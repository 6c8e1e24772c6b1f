//! What a member did since it began, as `/v2/stats` and `/debug/vars` tell it. Not part of the replicated state.
//!
//! Times are measured here by the given clock, so a run that is played again counts the same.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use raft_core::{AppendOutcome, Envelope, Index, Message, NodeId, Term, Time};
use serde::{Deserialize, Serialize};

use crate::message::Part;
use crate::node::Node;
use crate::request::{Now, WallTime};
use crate::tree_counts::TreeCounts;

/// Messages that a rate is taken of: etcd's number.
const RATE_OF_MAX: usize = 200;
/// After so long without a message there is no rate.
const RATE_LASTS: Duration = Duration::from_secs(1);
/// AppendEntries to one follower whose answer is waited for; the oldest count as lost beyond it.
const UNANSWERED_MAX: usize = 256;

/// All that a member tells of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberStats {
    /// Its human name.
    pub name: String,
    /// What it is in Raft.
    pub role: Role,
    /// When it began.
    pub started: WallTime,
    /// When this was told.
    pub told: WallTime,
    /// Who leads, and since when, as far as it knows.
    pub leader: Option<(NodeId, WallTime)>,
    /// Its vote in this term.
    pub voted_for: Option<NodeId>,
    /// Its commit index.
    pub commit: Index,
    /// Whom it hands the lead to.
    pub transferring: Option<NodeId>,
    /// AppendEntries that it got.
    pub received: Traffic,
    /// AppendEntries that it sent.
    pub sent: Traffic,
    /// What it knows of all members, itself included, if it leads.
    pub followers: BTreeMap<NodeId, FollowerStats>,
    /// What was done to the v2 tree.
    pub tree: TreeCounts,
}

/// What a member is in Raft.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Role {
    /// It leads.
    Leader,
    /// It follows, or waits for a leader.
    Follower,
    /// It stands for election.
    Candidate,
    /// It asks whether to.
    PreCandidate,
}

/// Messages, and how fast they came lately.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Traffic {
    /// How many since the member began.
    pub count: u64,
    /// Of the latest: how many,
    pub lately: u64,
    /// the bytes of their entries,
    pub bytes: u64,
    /// and since when they came. Zero if there is no rate.
    pub over: Duration,
}

/// What a leader knows of a follower.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FollowerStats {
    /// How long answers to AppendEntries took.
    pub latency: Latency,
    /// AppendEntries that were not answered.
    pub failed: u64,
    /// The last entry known to be durable there.
    pub matched: Index,
    /// The next entry to send.
    pub next: Index,
    /// How it is sent entries, as in [`raft_core::FollowerView`].
    pub pace: Pace,
}

/// How a follower is sent entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Pace {
    /// One message, then its answer.
    Probe,
    /// Many on their way.
    Pipeline,
    /// It needs a snapshot.
    Snapshot,
}

/// Times in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Latency {
    /// How many were measured.
    pub count: u64,
    /// The newest.
    pub current: u64,
    /// The shortest.
    pub least: u64,
    /// The longest.
    pub most: u64,
    /// All together.
    pub sum: u64,
    /// The sum of their squares.
    pub squares: u128,
}

impl Latency {
    fn note(&mut self, micros: u64) {
        self.least = if self.count == 0 {
            micros
        } else {
            self.least.min(micros)
        };
        self.most = self.most.max(micros);
        self.count += 1;
        self.current = micros;
        self.sum = self.sum.saturating_add(micros);
        self.squares = self.squares.saturating_add(u128::from(micros).pow(2));
    }
}

/// The counters.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stats {
    started: WallTime,
    leader_since: WallTime,
    received: Meter,
    sent: Meter,
    /// Whom the leader of this term heard how fast.
    followers: BTreeMap<NodeId, Answers>,
    pub(crate) tree: TreeCounts,
}

/// Messages of one direction.
#[derive(Clone, Debug, Default)]
struct Meter {
    count: u64,
    lately: VecDeque<(Time, usize)>,
}

impl Meter {
    fn note(&mut self, now: Time, bytes: usize) {
        self.count += 1;
        if self.lately.len() == RATE_OF_MAX {
            self.lately.pop_front();
        }
        self.lately.push_back((now, bytes));
    }

    fn view(&self, now: Time) -> Traffic {
        let count = self.count;
        let none = Traffic {
            count,
            ..Traffic::default()
        };
        match (self.lately.front(), self.lately.back()) {
            (Some(&(first, _)), Some(&(last, _))) if last.after(RATE_LASTS) >= now => Traffic {
                count,
                lately: self.lately.len() as u64,
                bytes: self.lately.iter().map(|&(_, bytes)| bytes as u64).sum(),
                over: Duration::from_micros(now.0 - first.0),
            },
            _ => none,
        }
    }
}

#[derive(Clone, Debug, Default)]
struct Answers {
    /// The last entry of each AppendEntries that is not answered, and when it was sent.
    unanswered: VecDeque<(Index, Time)>,
    latency: Latency,
    failed: u64,
}

impl Stats {
    pub(crate) fn new(now: Now) -> Stats {
        Stats {
            started: now.wall,
            ..Stats::default()
        }
    }

    pub(crate) fn leader_changed(&mut self, now: Now) {
        self.leader_since = now.wall;
        self.followers.clear();
    }

    fn on_send(&mut self, now: Time, envelope: &Envelope) {
        let Message::AppendEntries { prev, entries, .. } = &envelope.message else {
            return;
        };
        self.sent.note(now, bytes_of(entries));
        let answers = self.followers.entry(envelope.to).or_default();
        if answers.unanswered.len() == UNANSWERED_MAX {
            answers.unanswered.pop_front();
            answers.failed += 1;
        }
        let last = entries.last().map_or(*prev, |entry| entry.position);
        answers.unanswered.push_back((last.index, now));
    }

    /// What a peer says in this member's term is heard.
    pub(crate) fn on_receive(&mut self, now: Time, term: Term, envelope: &Envelope) {
        match &envelope.message {
            Message::AppendEntries { entries, .. } => self.received.note(now, bytes_of(entries)),
            Message::AppendEntriesReply(outcome) if envelope.term == term => {
                if let Some(answers) = self.followers.get_mut(&envelope.from) {
                    answers.answered(now, outcome);
                }
            }
            _ => {}
        }
    }

    /// What is on its way to a peer is lost.
    fn link_closed(&mut self, peer: NodeId) {
        if let Some(answers) = self.followers.get_mut(&peer) {
            answers.failed += answers.unanswered.len() as u64;
            answers.unanswered.clear();
        }
    }
}

fn bytes_of(entries: &[raft_core::Entry]) -> usize {
    entries.iter().map(|entry| entry.body.weight()).sum()
}

impl Answers {
    /// One answer may stand for many messages: a follower answers what is durable, the newest first.
    fn answered(&mut self, now: Time, outcome: &AppendOutcome) {
        let up_to = match outcome {
            AppendOutcome::Matched(index) => *index,
            AppendOutcome::Rejected { prev, .. } => prev.index,
        };
        while let Some(&(last, sent_at)) = self.unanswered.front()
            && last <= up_to
        {
            self.unanswered.pop_front();
            self.latency.note(now.0 - sent_at.0);
        }
    }
}

impl Node {
    /// Raft says something to a peer.
    pub(crate) fn send(&mut self, envelope: Envelope) {
        self.stats.on_send(self.now.monotonic, &envelope);
        self.parts_to(envelope.to, Part::Raft(envelope));
    }

    pub(crate) fn on_link_closed(&mut self, peer: NodeId) {
        self.stats.link_closed(peer);
        self.raft.link_closed(self.now.monotonic, peer);
    }

    pub(crate) fn member_stats(&self) -> MemberStats {
        let (raft, now) = (&self.raft, self.now);
        let role = match () {
            () if raft.is_leader() => Role::Leader,
            () if raft.is_candidate() => Role::Candidate,
            () if raft.is_pre_candidate() => Role::PreCandidate,
            () => Role::Follower,
        };
        MemberStats {
            name: self.config.attributes.name.clone(),
            role,
            started: self.stats.started,
            told: now.wall,
            leader: raft.leader().map(|leader| (leader, self.stats.leader_since)),
            voted_for: raft.ballot().voted_for,
            commit: raft.commit_index(),
            transferring: raft.transferring(),
            received: self.stats.received.view(now.monotonic),
            sent: self.stats.sent.view(now.monotonic),
            followers: self.follower_stats(),
            tree: TreeCounts {
                watchers: self.watches.tree.len() as u64,
                ..self.stats.tree
            },
        }
    }

    fn follower_stats(&self) -> BTreeMap<NodeId, FollowerStats> {
        let members = self.raft.log_membership().members();
        let stats = |id: NodeId| {
            let view = self.raft.follower(id)?;
            let answers = self.stats.followers.get(&id);
            let stats = FollowerStats {
                latency: answers.map(|answers| answers.latency).unwrap_or_default(),
                failed: answers.map_or(0, |answers| answers.failed),
                matched: view.match_index,
                next: view.next_index,
                pace: match view.pace {
                    "probe" => Pace::Probe,
                    "snapshot" => Pace::Snapshot,
                    _ => Pace::Pipeline,
                },
            };
            Some((id, stats))
        };
        let mut all: BTreeMap<_, _> = members.into_iter().filter_map(stats).collect();
        if self.raft.is_leader() {
            let own = FollowerStats {
                latency: Latency::default(),
                failed: 0,
                matched: self.raft.durable_index(),
                next: self.raft.last().index.next(),
                pace: Pace::Pipeline,
            };
            all.insert(self.config.raft.id, own);
        }
        all
    }
}
