//! Members come and go while everything else goes wrong.

use bytes::Bytes;

use super::cluster::Cluster;
use super::random::{Dice, snapshot};
use crate::*;

/// Ids that were ever given away: a run with more shows nothing new.
const IDS_MAX: u64 = 12;
const MEMBERS_MAX: usize = 7;

/// Somebody asks somebody who leads, or thinks so, for a change or for a transfer.
pub(super) fn churn(cluster: &mut Cluster, dice: &mut Dice) {
    let leads = |id: &NodeId| cluster.raft(*id).is_some_and(Raft::is_leader);
    let leaders: Vec<NodeId> = cluster.ids().into_iter().filter(leads).collect();
    if leaders.is_empty() {
        return;
    }
    let leader = dice.pick(&leaders);
    let Some(raft) = cluster.raft(leader) else { return };
    let membership = raft.log_membership().clone();
    if dice.one_in(10) {
        // From now on whoever boots is newer.
        cluster.release.0 += 1;
        return;
    }
    if dice.one_in(8) {
        let to = dice.pick(&cluster.ids());
        cluster.input(leader, |raft, _| raft.transfer(to));
        return;
    }
    if dice.one_in(20) {
        cluster.input(leader, |raft, _| raft.hand_over());
        return;
    }
    let parts = dice.pick(&[1, 1, 1, 1, 2, 3, 4]);
    let changes: Vec<Change> = (0..parts)
        .filter_map(|_| part(cluster, &membership, dice))
        .collect();
    make(cluster, leader, &changes);
}

fn make(cluster: &mut Cluster, leader: NodeId, changes: &[Change]) -> bool {
    let changed = cluster.input(leader, |raft, _| raft.change(changes));
    let is_made = matches!(changed, Some(Ok(_)));
    for change in changes {
        if let Change::Learner { id, .. } = change
            && is_made
        {
            cluster.add(*id);
        }
    }
    is_made
}

fn learner(id: NodeId) -> Change {
    Change::Learner {
        id,
        addresses: vec![format!("n{id}")],
    }
}

/// An id that no member ever had.
fn fresh(cluster: &Cluster, membership: &Membership) -> NodeId {
    let used = cluster
        .ids()
        .into_iter()
        .chain(membership.removed.iter().copied());
    NodeId(used.max().map_or(1, |id| id.0 + 1))
}

fn part(cluster: &Cluster, membership: &Membership, dice: &mut Dice) -> Option<Change> {
    let voters: Vec<NodeId> = membership.voters.iter().copied().collect();
    let learners: Vec<NodeId> = membership.learners.iter().copied().collect();
    let members: Vec<NodeId> = membership.members().into_iter().collect();
    let removed: Vec<NodeId> = membership.removed.iter().copied().collect();
    let fresh = fresh(cluster, membership);
    let one = |of: &[NodeId], dice: &mut Dice| (!of.is_empty()).then(|| dice.pick(of));
    Some(match dice.below(20) {
        0..5 if fresh.0 <= IDS_MAX && members.len() < MEMBERS_MAX => learner(fresh),
        0..10 => Change::Voter(one(&learners, dice)?),
        10..12 => Change::Demote(one(&voters, dice)?),
        12..16 => Change::Remove(one(&members, dice)?),
        16..18 => learner(one(&removed, dice)?),
        18 => Change::Addresses {
            id: one(&members, dice)?,
            addresses: vec!["elsewhere".to_owned()],
        },
        _ => Change::Priority {
            id: one(&members, dice)?,
            priority: dice.pick(&[0, 1, 2]),
        },
    })
}

/// Elections, changes and partitions follow each other, with little else between them: what random steps seldom reach.
/// Every second member or so is on the other side, and every message that can arrive at all does, or none.
pub(super) fn upheaval(cluster: &mut Cluster, dice: &mut Dice) {
    let ids = cluster.ids();
    let id = dice.pick(&ids);
    match dice.below(14) {
        0 => cluster.isolated.clear(),
        1..3 => divide(cluster, dice),
        3..6 => elect(cluster, dice, id),
        6..8 => churn(cluster, dice),
        8 => drop(cluster.propose(id, Bytes::from_static(b"x"))),
        9 if dice.one_in(3) => {
            cluster.crash(id, dice.one_in(2), dice.one_in(2));
            cluster.boot(id);
        }
        12..14 => (0..4).for_each(|_| snapshot(cluster, dice)),
        _ => (0..dice.pick(&[1, 2, 4, 8])).for_each(|_| deliver_all(cluster)),
    }
}

fn divide(cluster: &mut Cluster, dice: &mut Dice) {
    cluster.isolated = cluster.ids().into_iter().filter(|_| dice.one_in(2)).collect();
}

/// Saves and delivers what there is, and nothing of what follows from it.
fn deliver_all(cluster: &mut Cluster) {
    cluster.ids().into_iter().for_each(|id| cluster.saved(id));
    let wire = std::mem::take(&mut cluster.wire);
    wire.into_iter().for_each(|envelope| cluster.deliver(envelope));
}

/// `id` tries to be elected; if it is, its first words may get lost.
fn elect(cluster: &mut Cluster, dice: &mut Dice, id: NodeId) {
    let leads = |cluster: &Cluster| cluster.raft(id).is_some_and(Raft::is_leader);
    for _ in 0..6 {
        if leads(cluster) {
            break;
        }
        cluster.tick(id);
        deliver_all(cluster);
        deliver_all(cluster);
    }
    if leads(cluster) && dice.one_in(2) {
        cluster.wire.clear();
        divide(cluster, dice);
        // One that has committed nothing of its own term must not be heeded yet.
        let voters = cluster.raft(id).map(|raft| raft.log_membership().voters.clone());
        let voters: Vec<NodeId> = voters.unwrap_or_default().into_iter().collect();
        make(cluster, id, &[Change::Remove(dice.pick(&voters))]);
    }
}

/// Liveness: with no more faults a new member is added, catches up and votes; the lead goes where it is sent.
pub(super) fn serves_changes(cluster: &mut Cluster) {
    let leader = cluster.leader().expect("somebody leads after a calm");
    let membership = cluster.raft(leader).map(Raft::log_membership);
    let id = fresh(cluster, membership.expect("it is up"));
    assert!(
        make(cluster, leader, &[learner(id)]),
        "nothing speaks against a learner"
    );
    cluster.calm(1_000_000);
    let leader = cluster.leader().expect("somebody leads after a calm");
    let raft = cluster.raft(leader).expect("it is up");
    let versions = raft.log_membership().members().into_iter();
    let common = versions
        .filter_map(|id| Some(cluster.raft(id)?.config.version))
        .min();
    assert_eq!(Some(raft.version()), common, "what all understand is in force");
    let promoted = cluster.input(leader, |raft, _| raft.change(&[Change::Voter(id)]));
    assert!(matches!(promoted, Some(Ok(_))), "it caught up: {promoted:?}");
    cluster.settle();
    let transfer = cluster.input(leader, |raft, _| raft.transfer(id));
    assert_eq!(transfer, Some(Ok(())));
    cluster.settle();
    assert_eq!(cluster.leader(), Some(id), "the lead goes where it is sent");
    let raft = cluster.raft(id).expect("it is up");
    assert!(raft.log_membership().is_voter(id) && !raft.log_membership().is_joint());
    assert_eq!(raft.commit_index(), raft.last().index);
}
