//! The lead goes from one to another while nothing else goes wrong, or something does.

use bytes::Bytes;

use super::cluster::Cluster;
use crate::*;

const OWN: NodeId = NodeId(1);

fn led_by_the_first(size: u64) -> Cluster {
    let mut cluster = Cluster::new(size, Config::new(NodeId(0), 0));
    cluster.tick(OWN);
    cluster.settle();
    assert_eq!(cluster.leader(), Some(OWN));
    cluster
}

fn transfer(cluster: &mut Cluster, to: u64) -> Result<(), Refusal> {
    let asked = cluster.input(OWN, |raft, _| raft.transfer(NodeId(to)));
    asked.expect("it is up")
}

fn propose(cluster: &mut Cluster) -> Option<Result<Position, Refusal>> {
    cluster.propose(OWN, Bytes::from_static(b"x"))
}

#[test]
fn the_target_leads_with_all_that_was_proposed() {
    let mut cluster = led_by_the_first(3);
    let position = propose(&mut cluster).expect("it is up").expect("it leads");
    assert_eq!(transfer(&mut cluster, 3), Ok(()));
    assert_eq!(propose(&mut cluster), Some(Err(Refusal::Transferring)));
    let told = |cluster: &Cluster| cluster.wire.iter().any(|e| e.message == Message::TimeoutNow);
    assert!(!told(&cluster), "its log is behind");
    cluster.settle();
    assert_eq!(cluster.leader(), Some(NodeId(3)));
    assert!(
        cluster
            .raft(NodeId(3))
            .is_some_and(|raft| raft.commit_index() > position.index)
    );
}

#[test]
fn a_target_that_does_not_answer_is_given_up() {
    let mut cluster = led_by_the_first(3);
    cluster.isolated.insert(NodeId(2));
    assert_eq!(transfer(&mut cluster, 2), Ok(()));
    assert_eq!(transfer(&mut cluster, 2), Ok(()), "the same again");
    assert_eq!(transfer(&mut cluster, 3), Err(Refusal::Transferring));
    let began = cluster.members[&OWN].now;
    while cluster
        .raft(OWN)
        .is_some_and(|raft| raft.transferring().is_some())
    {
        cluster.tick(OWN);
        cluster.settle();
    }
    let timeout = Config::new(OWN, 0).election_timeout;
    assert_eq!(cluster.members[&OWN].now, began.after(timeout));
    assert_eq!(cluster.leader(), Some(OWN));
    assert!(matches!(propose(&mut cluster), Some(Ok(_))));
}

#[test]
fn only_a_voter_of_this_cluster_can_take_the_lead() {
    let mut cluster = led_by_the_first(3);
    let stranger = Err(ChangeRefusal::NotAMember(NodeId(9)).into());
    assert_eq!(transfer(&mut cluster, 9), stranger);
    assert_eq!(transfer(&mut cluster, 1), Ok(()), "it has the lead");
    assert_eq!(cluster.raft(OWN).and_then(Raft::transferring), None);
    let follower = cluster.input(NodeId(2), |raft, _| raft.transfer(NodeId(3)));
    assert_eq!(follower, Some(Err(Refusal::NotLeader { leader: Some(OWN) })));
}

#[test]
fn nobody_stands_for_one_who_does_not_lead() {
    let mut cluster = led_by_the_first(3);
    let envelope = Envelope {
        from: NodeId(2),
        to: NodeId(3),
        term: Term(1),
        message: Message::TimeoutNow,
    };
    cluster.deliver(envelope);
    assert_eq!(cluster.raft(NodeId(3)).map(Raft::term), Some(Term(1)));
}

#[test]
fn a_lead_is_handed_over_to_whoever_is_there() {
    let mut cluster = led_by_the_first(3);
    let hand_over = |cluster: &mut Cluster| cluster.input(OWN, |raft, _| raft.hand_over());
    cluster.isolated.insert(NodeId(2));
    propose(&mut cluster);
    cluster.settle();
    // Node 2 lacks an entry; node 3 would do as well by its id.
    assert_eq!(hand_over(&mut cluster), Some(Ok(NodeId(3))));
    assert_eq!(hand_over(&mut cluster), Some(Ok(NodeId(3))));
    cluster.settle();
    assert_eq!(cluster.leader(), Some(NodeId(3)));
}

#[test]
fn a_leader_alone_has_nobody_to_hand_over_to() {
    let mut cluster = led_by_the_first(1);
    let hand_over = cluster.input(OWN, |raft, _| raft.hand_over());
    assert_eq!(hand_over, Some(Err(Refusal::NoSuccessor)));
}
