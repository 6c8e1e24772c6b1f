//! No message makes a core panic, whatever it says and whenever it comes, and none makes it break what it promised. An
//! alarm may be raised: that is its answer to a lie that can be proved.

mod lies;
mod near;
mod steps;
mod watch;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::prelude::*;

use super::cluster::Cluster;
use crate::*;
use lies::{lease, number};
use steps::{Step, limits, step};
use watch::Watch;

/// The largest cluster. Who is not in it may be named all the same.
const SIZE_MAX: u64 = 5;

/// What a cluster begins with.
#[derive(Clone, Debug)]
struct Founding {
    membership: Membership,
    config: Config,
    /// From their next boot on these differ from the rest in pre-vote, and in check-quorum.
    contrary: [BTreeSet<NodeId>; 2],
    /// The lies begin when all is well.
    is_calm_first: bool,
    /// So many lies are kept to oneself for each that is told: whoever hears many is soon alarmed.
    withheld: usize,
}

/// Any but for a heartbeat interval of 0, with which a leader would have something to do without end.
fn config() -> impl Strategy<Value = Config> {
    let small = Limits {
        append_bytes_max: 30,
        inflight_messages_max: 3,
        log_bytes_max: 500,
        tail_bytes_max: 1,
        spare_bytes_max: 200,
        chunk_bytes_max: 20,
        ..Limits::default()
    };
    let limits = prop_oneof![2 => Just(small), 1 => limits()];
    let span = |usual: u64| {
        let micros = prop_oneof![6 => Just(usual), 1 => number().prop_map(|micros| micros.max(1))];
        micros.prop_map(Duration::from_micros)
    };
    let spans = (span(1_000_000), span(100_000), span(2_000_000));
    let version = prop_oneof![2 => Just(0), 1 => 1u64..3];
    (any::<bool>(), any::<bool>(), limits, version, spans).prop_map(
        |(pre_vote, check_quorum, limits, version, (timeout, interval, stall))| Config {
            pre_vote,
            check_quorum,
            limits,
            version: Version(version),
            election_timeout: timeout,
            heartbeat_interval: interval,
            disk_stall_max: stall,
            ..Config::new(NodeId(0), 0)
        },
    )
}

fn founding() -> impl Strategy<Value = Founding> {
    let ids = || prop::collection::btree_set((1..=SIZE_MAX).prop_map(NodeId), 0..3);
    let priorities = prop_oneof![
        2 => Just(BTreeMap::new()),
        1 => prop::collection::btree_map((1..=SIZE_MAX).prop_map(NodeId), 1u8..4, 1..3),
    ];
    let settings = (prop::option::weighted(0.3, lease()), priorities);
    let manner = (any::<bool>(), prop_oneof![Just(0), Just(3), Just(12)]);
    (1..=SIZE_MAX, settings, config(), ids(), ids(), manner).prop_map(
        |(size, (lease, priorities), config, pre_vote, check_quorum, (is_calm_first, withheld))| {
            let mut membership = Membership::of_voters((1..=size).map(|id| (NodeId(id), vec![])));
            membership.settings.lease = lease;
            membership.settings.priorities = priorities;
            Founding {
                membership,
                config,
                contrary: [pre_vote, check_quorum],
                is_calm_first,
                withheld,
            }
        },
    )
}

fn run(founding: Founding, steps: Vec<Step>) -> Cluster {
    let config = founding.config;
    let mut cluster = Cluster::founded(founding.membership, config);
    cluster.honest = false;
    cluster.contrary = founding.contrary;
    let usual = Config::new(NodeId(0), 0);
    let is_usual = config.election_timeout == usual.election_timeout
        && config.heartbeat_interval == usual.heartbeat_interval;
    if founding.is_calm_first && is_usual {
        cluster.calm(3_000_000);
    }
    let mut lies = 0;
    for mut step in steps {
        lies += usize::from(step.is_a_lie());
        if step.is_a_lie() && lies % (founding.withheld + 1) != 0 {
            continue;
        }
        step.fit(&cluster);
        let watch = Watch::of(&cluster, &step);
        step.take(&mut cluster);
        watch.check(&cluster);
    }
    cluster
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_message_makes_a_core_panic(founding in founding(), steps in prop::collection::vec(step(), 1..150)) {
        run(founding, steps);
    }
}

/// The lies are near enough to the truth to get far.
#[test]
fn lies_reach_every_state() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let mut met = BTreeSet::new();
    for _ in 0..500 {
        let runs = (founding(), prop::collection::vec(step(), 80..150));
        let run_of = runs.new_tree(&mut runner).expect("no value is refused").current();
        met.extend(run(run_of.0, run_of.1).met);
    }
    let never: Vec<&str> = Why::CATALOGUE
        .iter()
        .map(|(name, _)| *name)
        .filter(|name| !met.contains(name))
        .collect();
    println!(
        "{} of {} reasons met; never: {never:?}",
        met.len(),
        Why::CATALOGUE.len()
    );
    assert!(met.len() >= 85, "lies never led to {never:?}");
}
