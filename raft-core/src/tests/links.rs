//! Links break one by one, in one direction or both. As long as one member can talk with a quorum, the cluster comes to
//! serve again and goes on serving: the one-way links that cost Cloudflare six hours in 2020, and OmniPaxos's three
//! shapes (quorum-loss, constrained, chained), are among the many that this finds. Some members, or all, do without pre-vote.

use std::collections::BTreeSet;
use std::panic::catch_unwind;

use bytes::Bytes;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use super::cluster::Cluster;
use super::random::Dice;
use crate::*;

const SEEDS: u64 = 40;
const TOPOLOGIES: usize = 6;

/// How long links stay as they are before the cluster must serve: election timeouts of a second.
const RECOVERY: u64 = 20_000_000;

struct Run {
    cluster: Cluster,
    dice: Dice,
    /// Entries for candidates, that come when they are no longer waited for.
    late: Vec<Envelope>,
    /// One message in so many is lost.
    loss: usize,
    served: u64,
}

impl Run {
    fn new(seed: u64) -> Run {
        let mut dice = Dice(ChaCha8Rng::seed_from_u64(seed));
        let config = Config {
            limits: Limits {
                append_bytes_max: dice.pick(&[1, 200, 1 << 20]),
                ..Limits::default()
            },
            pre_vote: !dice.one_in(8),
            ..Config::new(NodeId(0), 0)
        };
        let mut cluster = Cluster::new(dice.pick(&[3, 4, 5, 5, 5]), config);
        for id in cluster.ids() {
            if dice.one_in(6) {
                cluster.contrary[0].insert(id);
                // From its next boot on.
                cluster.crash(id, true, true);
                cluster.boot(id);
            }
        }
        Run {
            cluster,
            dice,
            late: Vec::new(),
            loss: 50,
            served: 0,
        }
    }

    /// Cuts links.
    fn rewire(&mut self) {
        let ids = self.cluster.ids();
        let pairs: Vec<(NodeId, NodeId)> = ids
            .iter()
            .flat_map(|&a| ids.iter().map(move |&b| (a, b)))
            .filter(|(a, b)| a != b)
            .collect();
        let outdated = ids
            .iter()
            .copied()
            .min_by_key(|&id| self.cluster.raft(id).map(Raft::last));
        let leader = self.cluster.leader();
        let one = self.dice.pick(&ids);
        self.cluster.cut = match self.dice.below(6) {
            // One member alone, so that it falls behind.
            0 => pairs
                .iter()
                .copied()
                .filter(|&(a, b)| a == one || b == one)
                .collect(),
            // The leader is gone; the member that has fallen behind reaches all others, and they nobody else.
            1 | 2 => pairs
                .iter()
                .copied()
                .filter(|&(a, b)| {
                    let has = |id| Some(a) == id || Some(b) == id;
                    !has(outdated) || has(leader)
                })
                .collect(),
            // Anything.
            _ => {
                let both_ways = self.dice.one_in(2);
                let one_in = self.dice.pick(&[2, 2, 3, 6]);
                let mut cut = BTreeSet::new();
                for &(a, b) in &pairs {
                    if self.dice.one_in(one_in) {
                        cut.insert((a, b));
                        if both_ways {
                            cut.insert((b, a));
                        }
                    }
                }
                cut
            }
        };
    }

    /// Whether some member can talk with a quorum, itself included.
    fn can_serve(&self) -> bool {
        let ids = self.cluster.ids();
        let linked =
            |a, b| a == b || !self.cluster.cut.contains(&(a, b)) && !self.cluster.cut.contains(&(b, a));
        let quorum = ids.len() / 2 + 1;
        ids.iter()
            .any(|&a| ids.iter().filter(|&&b| linked(a, b)).count() >= quorum)
    }

    fn deliver(&mut self) {
        loop {
            for id in self.cluster.ids() {
                self.cluster.saved(id);
            }
            if self.cluster.wire.is_empty() {
                if self.cluster.saving().is_empty() {
                    return;
                }
                continue;
            }
            for envelope in std::mem::take(&mut self.cluster.wire) {
                match envelope.message {
                    Message::Entries { .. } if self.dice.one_in(4) => self.late.push(envelope),
                    Message::AppendEntries { .. } if self.dice.one_in(10) => {}
                    _ if self.dice.one_in(self.loss) => {}
                    _ => self.cluster.deliver(envelope),
                }
            }
            if !self.late.is_empty() && self.dice.one_in(4) {
                let at = self.dice.below(self.late.len());
                let envelope = self.late.swap_remove(at);
                self.cluster.deliver(envelope);
            }
        }
    }

    /// Time passes, with a proposal to whoever leads at one in so many deadlines.
    fn pass(&mut self, micros: u64, proposes: usize) {
        let now = |cluster: &Cluster| cluster.members.values().map(|member| member.now).max();
        let end = now(&self.cluster).unwrap_or_default().0 + micros;
        loop {
            let cluster = &self.cluster;
            let up = cluster.ids().into_iter();
            let next = up.filter_map(|id| Some((cluster.raft(id)?.deadline(), id))).min();
            let Some((deadline, id)) = next.filter(|(deadline, _)| deadline.0 < end) else {
                return;
            };
            for member in self.cluster.members.values_mut() {
                member.now = member.now.max(deadline);
            }
            self.cluster.tick(id);
            if self.dice.one_in(proposes) {
                self.propose();
            }
            self.deliver();
        }
    }

    /// Whoever believes to lead is asked, rightly or not.
    fn propose(&mut self) {
        let leaders: Vec<NodeId> = self
            .cluster
            .ids()
            .into_iter()
            .filter(|&id| self.cluster.raft(id).is_some_and(Raft::is_leader))
            .collect();
        if !leaders.is_empty() {
            let leader = self.dice.pick(&leaders);
            self.cluster.propose(leader, Bytes::from_static(b"x"));
        }
    }

    fn topology(&mut self) {
        self.rewire();
        let restless = self.dice.pick(&[500_000, 1_500_000, 4_000_000, 10_000_000]);
        self.loss = self.dice.pick(&[2, 4, 50]);
        self.pass(restless, 8);
        self.loss = 50;
        if !self.can_serve() {
            return;
        }
        self.pass(RECOVERY, 8);
        let committed = self.cluster.history.last_applied();
        let leader = self.cluster.leader();
        self.pass(3_000_000, 2);
        assert!(
            self.cluster.history.last_applied() > committed,
            "nothing is committed, links cut: {:?}",
            self.cluster.cut
        );
        assert_eq!(self.cluster.leader(), leader, "the lead goes round and round");
        self.served += 1;
    }
}

fn run(seed: u64) -> Run {
    let mut run = Run::new(seed);
    for _ in 0..TOPOLOGIES {
        run.topology();
    }
    run
}

#[test]
fn whoever_talks_with_a_quorum_serves() {
    let (mut served, mut caught_up) = (0, 0);
    for seed in 0..SEEDS {
        let run = catch_unwind(|| run(seed)).unwrap_or_else(|_| panic!("seed {seed} fails, see above"));
        served += run.served;
        caught_up += run.cluster.caught_up;
    }
    assert!(served > SEEDS * 3, "only {served} topologies could serve");
    assert!(caught_up > SEEDS / 10, "only {caught_up} candidates caught up");
}
