//! Random faults, then calm: writes happen once, no answer is stale, and afterwards everything that is asked is
//! answered.

use std::panic::catch_unwind;

use proptest::prelude::Rng;
use proptest::test_runner::{RngAlgorithm, TestRng};
use raft_core::{NodeId, Raft};

use super::cluster::Cluster;
use crate::*;

const SEEDS: u64 = 150;
const STEPS: usize = 2000;

pub(crate) struct Dice(TestRng);

impl Dice {
    pub(crate) fn of(seed: u64) -> Dice {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        Dice(TestRng::from_seed(RngAlgorithm::ChaCha, &bytes))
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        (self.0.next_u64() % end as u64) as usize
    }

    pub(crate) fn one_in(&mut self, many: usize) -> bool {
        self.below(many) == 0
    }

    pub(crate) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }
}

pub(super) fn fault(cluster: &mut Cluster, dice: &mut Dice, follower_times_out: usize) {
    let id = dice.pick(&cluster.ids());
    let newest = if dice.one_in(4) { cluster.wire.len() } else { 1 };
    let message = (!cluster.wire.is_empty()).then(|| dice.below(newest));
    match (dice.below(200), message) {
        (0..110, Some(at)) => {
            let message = cluster.wire.remove(at);
            cluster.deliver(message);
        }
        (110..112, Some(at)) => drop(cluster.wire.remove(at)),
        (112..116, Some(at)) => {
            let message = cluster.wire[at].clone();
            cluster.deliver(message);
        }
        (116..160, _) => {
            let saving = cluster.saving();
            if !saving.is_empty() {
                cluster.saved(dice.pick(&saving));
            }
        }
        (160..175, _) => {
            let leads = cluster.node(id).is_some_and(|node| Raft::is_leader(node.raft()));
            if leads || dice.one_in(follower_times_out) {
                cluster.tick(id);
            }
        }
        (175..185, _) => cluster.write(id),
        (185..193, _) => cluster.read(id),
        (193, _) if dice.one_in(4) => cluster.input(id, Input::HandOver),
        (193, _) if dice.one_in(2) => {
            let to = dice.pick(&cluster.ids());
            cluster.transfer(id, to);
        }
        (193, _) => {
            let peer = dice.pick(&cluster.ids());
            cluster.input(id, Input::LinkClosed(peer));
        }
        (194, _) => cluster.client_gone(id, ClientId(dice.below(4) as u64)),
        (195, _) if cluster.node(id).is_some() => cluster.crash(id, dice.one_in(2)),
        (196..198, _) if cluster.node(id).is_none() => cluster.boot(id),
        (198, _) if cluster.isolated.is_empty() => drop(cluster.isolated.insert(id)),
        (199, _) => cluster.isolated.clear(),
        _ => {}
    }
    // A full queue drops.
    if cluster.wire.len() > 25 {
        let at = dice.below(cluster.wire.len());
        cluster.wire.remove(at);
    }
}

pub(super) fn run(seed: u64) -> Cluster {
    let mut dice = Dice::of(seed);
    let size = dice.pick(&[1, 3, 3, 3, 3, 3, 5]);
    let config = raft_core::Config {
        limits: raft_core::Limits {
            append_bytes_max: dice.pick(&[1, 100, 1 << 20]),
            inflight_messages_max: dice.pick(&[1, 3, 256]),
            uncommitted_bytes_max: dice.pick(&[500, 32 << 20]),
            ..raft_core::Limits::default()
        },
        pre_vote: dice.one_in(2),
        check_quorum: dice.one_in(2),
        ..raft_core::Config::new(NodeId(0), 0)
    };
    let mut cluster = Cluster::new(size, config);
    let follower_times_out = dice.pick(&[1, 5, 20]);
    for _ in 0..STEPS {
        fault(&mut cluster, &mut dice, follower_times_out);
    }
    cluster
}

fn calm(cluster: &mut Cluster) {
    cluster.calm(20_000_000);
    for id in cluster.ids() {
        let waiting = cluster.node(id).map(Node::waiting);
        assert_eq!(waiting, Some(0), "{id}: everything was answered or timed out");
    }
    cluster.failed.clear();
    let answered = cluster.answered;
    for id in cluster.ids() {
        cluster.write(id);
        cluster.read(id);
    }
    cluster.calm(100_000);
    assert_eq!(cluster.failed, []);
    assert_eq!(
        cluster.answered,
        answered + 2 * cluster.ids().len() as u64,
        "all is answered at once"
    );
    cluster.calm(1_000_000);
    cluster.check_writes();
    let leader = cluster.leader().expect("somebody leads");
    let fingerprint = |id| cluster.node(id).map(|node: &Node| node.store().fingerprint());
    for id in cluster.ids() {
        assert_eq!(
            fingerprint(id),
            fingerprint(leader),
            "{id} has the leader's state"
        );
    }
}

#[test]
fn random_faults_break_nothing_and_pass() {
    let mut answered = 0;
    for seed in 0..SEEDS {
        let run = catch_unwind(|| {
            let mut cluster = run(seed);
            calm(&mut cluster);
            cluster
        });
        answered += run
            .unwrap_or_else(|_| panic!("seed {seed} fails, see above"))
            .answered;
    }
    // The faults leave room for something to be tested.
    assert!(answered > SEEDS * 40, "only {answered} requests were answered");
}
