//! Members whose disks are damaged come back as new ones, and nothing that was acknowledged is lost.

use std::panic::catch_unwind;

use raft_core::NodeId;

use super::cluster::Cluster;
use super::random::{Dice, fault};
use crate::*;

const SEEDS: u64 = 60;
const STEPS: usize = 1500;
/// More than the longest way there is: an election, a change, all of the log, another change.
const BOUND_MICROS: u64 = 12_000_000;

fn three() -> Cluster {
    let mut cluster = Cluster::new(3, raft_core::Config::new(NodeId(1), 1));
    cluster.calm(3_000_000);
    for _ in 0..20 {
        let leader = cluster.leader().expect("it is calm");
        cluster.write(leader);
        cluster.calm(100_000);
    }
    assert_eq!(cluster.failed, []);
    cluster
}

fn votes(cluster: &Cluster, id: NodeId) -> bool {
    let leader = cluster.leader().expect("it is calm");
    let leads = cluster.node(leader).expect("it is up");
    leads.raft().committed_membership().voters.contains(&id)
}

#[test]
fn a_damaged_follower_comes_back_as_another_voter() {
    for kept in [0, 1, 10, 1000] {
        let mut cluster = three();
        let leader = cluster.leader().expect("it is calm");
        let damaged = cluster.ids().into_iter().find(|&id| id != leader).expect("three");
        let new = NodeId(77);
        cluster.damage(damaged, kept, new);
        cluster.write(new);
        assert_eq!(cluster.failed, [Failure::Repairing], "it answers nobody");
        cluster.failed.clear();
        cluster.calm(BOUND_MICROS);
        assert!(votes(&cluster, new) && !votes(&cluster, damaged), "{kept} kept");
        assert!(cluster.repairs.is_empty(), "and it knows");
        let membership = cluster.node(new).expect("it is up").raft().log_membership();
        assert!(membership.removed.contains(&damaged));
        assert_eq!(membership.addresses[&new], [format!("http://n{damaged}")]);
        // It is worth a vote: with one of the others gone, it and the other go on.
        let down = cluster.leader().expect("it is calm");
        cluster.isolated.insert(down);
        cluster.write(new);
        cluster.calm(BOUND_MICROS);
        assert_eq!(cluster.failed, []);
        cluster.check_writes();
    }
}

#[test]
fn a_damaged_leader_comes_back_too() {
    let mut cluster = three();
    let leader = cluster.leader().expect("it is calm");
    cluster.damage(leader, 3, NodeId(77));
    cluster.calm(BOUND_MICROS);
    assert!(votes(&cluster, NodeId(77)) && !votes(&cluster, leader));
    cluster.check_writes();
}

#[test]
fn damaged_again_before_the_end_it_still_comes_back() {
    let mut cluster = three();
    let leader = cluster.leader().expect("it is calm");
    let damaged = cluster.ids().into_iter().find(|&id| id != leader).expect("three");
    cluster.damage(damaged, 3, NodeId(77));
    // Taken in as a learner or not yet, by chance of the steps.
    cluster.calm(1_200_000);
    cluster.damage(NodeId(77), 2, NodeId(78));
    cluster.calm(BOUND_MICROS);
    assert!(votes(&cluster, NodeId(78)) && !votes(&cluster, NodeId(77)));
    cluster.check_writes();
}

#[test]
fn two_of_three_damaged_at_once_change_nothing() {
    let mut cluster = three();
    let leader = cluster.leader().expect("it is calm");
    let others: Vec<NodeId> = cluster.ids().into_iter().filter(|&id| id != leader).collect();
    cluster.damage(others[0], 3, NodeId(77));
    cluster.damage(others[1], 3, NodeId(78));
    cluster.calm(BOUND_MICROS);
    assert_eq!(cluster.leader(), None, "no quorum is left");
    let left = cluster.node(leader).expect("it is up").raft();
    assert!(left.committed_membership().removed.is_empty());
    assert_eq!(cluster.repairs.len(), 2);
}

#[test]
fn nobody_is_replaced_who_is_well() {
    let mut cluster = three();
    let leader = cluster.leader().expect("it is calm");
    let well = cluster.ids().into_iter().find(|&id| id != leader).expect("three");
    let plea = Plea {
        id: NodeId(77),
        former: well,
        addresses: vec![format!("http://n{well}")],
        votes: true,
        passed_on: false,
    };
    for _ in 0..20 {
        for to in cluster.ids() {
            cluster.deliver(PeerMessage {
                from: NodeId(77),
                from_boot: raft_core::Boot(1),
                to,
                parts: vec![Part::Plea(plea.clone())],
            });
        }
        cluster.calm(300_000);
    }
    assert!(votes(&cluster, well));
    let membership = cluster.node(leader).expect("it is up").raft().log_membership();
    assert!(!membership.contains(NodeId(77)));
}

#[test]
fn a_new_directory_of_a_known_member_is_a_lost_one() {
    let refused = |node: &mut Node| {
        let now = Now::default();
        node.handle(now, Input::RefusedAsOther { by: NodeId(2) });
        std::iter::from_fn(|| node.poll()).any(|output| output == Output::DirectoryLost)
    };
    let cluster = three();
    let config = cluster.config(NodeId(1));
    let mut fresh = Node::boot(config.clone(), founders(), None, Now::default());
    assert!(refused(&mut fresh));
    assert!(!refused(&mut fresh), "it says so once");
    // A copy that holds something is not its member's only one.
    let mut old = founders();
    old.entries.push(raft_core::Entry {
        position: raft_core::Position {
            term: raft_core::Term(1),
            index: raft_core::Index(1),
        },
        body: raft_core::Body::Blank,
    });
    let mut old = Node::boot(config, old, None, Now::default());
    assert!(!refused(&mut old));
}

fn founders() -> raft_core::Image {
    let voters = (1..=3).map(|id| (NodeId(id), vec![format!("http://n{id}")]));
    raft_core::Image {
        snapshot: raft_core::SnapshotMark {
            membership: raft_core::Membership::of_voters(voters),
            ..Default::default()
        },
        ..Default::default()
    }
}

fn found_there(wanted: u64, found: u64) -> Input {
    let (wanted, found) = (NodeId(wanted), NodeId(found));
    Input::FoundThere { wanted, found }
}

#[test]
fn a_new_directory_whose_others_are_other_ones_is_a_lost_one() {
    let config = three().config(NodeId(1));
    let mut fresh = Node::boot(config, founders(), None, Now::default());
    let is_lost = |node: &mut Node, input| {
        node.handle(Now::default(), input);
        std::iter::from_fn(|| node.poll()).any(|output| output == Output::DirectoryLost)
    };
    assert!(
        !is_lost(&mut fresh, found_there(2, 3)),
        "a founder at another's address is a mistake of the addresses"
    );
    assert!(is_lost(&mut fresh, found_there(2, 77)));
}

#[test]
fn who_asks_to_be_taken_in_asks_those_who_are_in_its_members_places() {
    let repair = Repair {
        former: NodeId(1),
        addresses: vec!["http://n1".to_owned()],
        votes: true,
        standing: Standing::Petitioner,
    };
    let config = Config {
        repair: Some(repair),
        ..three().config(NodeId(1))
    };
    let config = Config {
        raft: raft_core::Config {
            id: NodeId(99),
            ..config.raft
        },
        ..config
    };
    let mut node = Node::boot(config, founders(), None, Now::default());
    let asked = |node: &mut Node| {
        let mut asked = Vec::new();
        while let Some(output) = node.poll() {
            if let Output::Send { message, .. } = output {
                assert!(message.is_plea(), "it says nothing else");
                asked.push(message.to.0);
            }
        }
        asked
    };
    assert_eq!(asked(&mut node), [2, 3]);
    node.handle(Now::default(), found_there(2, 77));
    assert_eq!(
        asked(&mut node),
        [3, 77],
        "at once, and the one that is there now"
    );
    node.handle(Now::default(), found_there(2, 78));
    assert_eq!(asked(&mut node), [], "nobody is known by that name any more");
}

#[test]
fn two_of_five_damaged_at_once_come_back_both() {
    let mut cluster = Cluster::new(5, raft_core::Config::new(NodeId(1), 1));
    cluster.calm(3_000_000);
    let leader = cluster.leader().expect("it is calm");
    cluster.write(leader);
    cluster.calm(1_000_000);
    let follower = cluster.ids().into_iter().find(|&id| id != leader).expect("five");
    cluster.damage(leader, 0, NodeId(77));
    cluster.damage(follower, 1, NodeId(78));
    cluster.calm(2 * BOUND_MICROS);
    assert!(votes(&cluster, NodeId(77)) && votes(&cluster, NodeId(78)));
    assert!(cluster.repairs.is_empty());
    cluster.check_writes();
}

/// One run: faults, and one member after the other is damaged, each once the one before is a voter again.
fn run(seed: u64, repairs: bool) {
    let mut dice = Dice::of(seed);
    let mut cluster = Cluster::new(3, raft_core::Config::new(NodeId(1), 1));
    let mut next = 100;
    for _ in 0..STEPS {
        fault(&mut cluster, &mut dice, 4);
        if cluster.repairs.is_empty() && cluster.leader().is_some() && dice.one_in(60) {
            let damaged = dice.pick(&cluster.ids());
            let kept = dice.below(12);
            match repairs {
                true => cluster.damage(damaged, kept, NodeId(next)),
                false => cluster.damage_unnoticed(damaged, kept),
            }
            next += 1;
        }
    }
    cluster.calm(3 * BOUND_MICROS);
    assert!(cluster.repairs.is_empty(), "{:?}", cluster.repairs);
    cluster.failed.clear();
    cluster.ids().into_iter().for_each(|id| cluster.write(id));
    cluster.calm(3_000_000);
    assert_eq!(cluster.failed, []);
    cluster.check_writes();
}

#[test]
fn members_are_damaged_and_nothing_is_lost() {
    for seed in 0..SEEDS {
        if let Err(panic) = catch_unwind(|| run(seed, true)) {
            eprintln!("seed {seed}");
            std::panic::resume_unwind(panic);
        }
    }
}

/// The same runs would notice if a damaged member kept its id, and with it its vote.
#[test]
fn a_damaged_member_that_kept_its_id_is_noticed() {
    let is_noticed = |seed| catch_unwind(|| run(seed, false)).is_err();
    assert!((0..SEEDS).any(is_noticed));
}
