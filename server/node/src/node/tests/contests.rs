//! Locks and elections.

use storage::store::query::Revision;

use super::*;
use crate::{Contest, Ownership};

fn lock(name: &'static str, lease: i64) -> Request {
    Request::Contend(Contest {
        name: name.into(),
        lease: LeaseId(lease),
        value: None,
    })
}

fn campaign(name: &'static str, lease: i64, value: &'static str) -> Request {
    Request::Contend(Contest {
        name: name.into(),
        lease: LeaseId(lease),
        value: Some(value.into()),
    })
}

fn unlock(key: &'static str) -> Request {
    Request::Write(Command::DeleteRange {
        range: KeyRange::single(key.into()),
        previous: false,
    })
}

fn revoke(lease: i64) -> Request {
    Request::Write(Command::LeaseRevoke { id: LeaseId(lease) })
}

impl Cluster {
    /// With leases 1 to `leases`, and who leads.
    fn with_leases(size: u64, leases: i64) -> (Cluster, NodeId) {
        let mut cluster = Cluster::of(size);
        let leader = cluster.leader();
        for id in 1..=leases {
            let id = LeaseId(id);
            cluster.carried_out(leader, Request::Write(Command::LeaseGrant { id, ttl: 600 }));
        }
        (cluster, leader)
    }

    fn carried_out(&mut self, id: NodeId, request: Request) {
        let asked = self.contend(id, request);
        assert!(
            matches!(self.answer(asked), Some(Ok(_))),
            "{:?}",
            self.answer(asked)
        );
    }

    fn contend(&mut self, id: NodeId, request: Request) -> RequestId {
        let asked = self.ask(id, request);
        self.settle();
        self.pass(Duration::from_millis(50));
        asked
    }

    fn owned(&self, asked: RequestId) -> Option<Ownership> {
        match self.answer(asked) {
            Some(Ok(Answer::Owned(owned))) => Some(owned.clone()),
            None => None,
            other => panic!("{other:?}"),
        }
    }

    fn keys(&self, id: NodeId) -> Vec<Bytes> {
        let query = Query::Range(RangeQuery::of(KeyRange::all()));
        match self.nodes[&id].store().query(&query) {
            Ok(Found::Range { keys, .. }) => keys.into_iter().map(|pair| pair.key).collect(),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn one_owns_a_name_at_a_time_whichever_members_are_asked() {
    let (mut cluster, leader) = Cluster::with_leases(3, 3);
    let asked: Vec<RequestId> = (1..=3)
        .map(|lease| cluster.contend(NodeId(lease as u64), lock("m", lease)))
        .collect();
    let mut last = Revision(0);
    for (turn, key) in ["m/1", "m/2", "m/3"].into_iter().enumerate() {
        let owned = cluster.owned(asked[turn]).expect("it is its turn");
        assert_eq!((&owned.key[..], &owned.name[..]), (key.as_bytes(), &b"m"[..]));
        assert!(owned.revision > last, "it grows from owner to owner");
        last = owned.revision;
        assert!(
            asked[turn + 1..]
                .iter()
                .all(|&later| cluster.owned(later).is_none())
        );
        cluster.carried_out(leader, unlock(key));
    }
}

#[test]
fn names_that_begin_alike_are_apart() {
    let (mut cluster, leader) = Cluster::with_leases(1, 3);
    for (name, lease) in [("m", 1), ("m/", 2), ("mm", 3)] {
        let asked = cluster.contend(leader, lock(name, lease));
        if name == "m/" {
            // Its key, `m//2`, stands under `m/`, too, as it does in etcd; but nobody is before it under its own name.
            assert_eq!(&cluster.owned(asked).expect("owned").key[..], b"m//2");
        }
        assert!(cluster.owned(asked).is_some(), "{name}");
    }
}

#[test]
fn a_lease_that_ends_lets_the_next_one_in() {
    let (mut cluster, leader) = Cluster::with_leases(3, 2);
    let first = cluster.contend(leader, lock("m", 1));
    assert!(cluster.owned(first).is_some());
    let second = cluster.contend(NodeId(1 + leader.0 % 3), lock("m", 2));
    assert!(cluster.owned(second).is_none());
    cluster.carried_out(leader, revoke(1));
    cluster.pass(Duration::from_millis(300));
    assert!(cluster.owned(second).is_some());
}

#[test]
fn who_owns_a_name_already_is_told_so_at_once() {
    let (mut cluster, leader) = Cluster::with_leases(1, 1);
    let first = cluster.contend(leader, lock("m", 1));
    let again = cluster.contend(leader, lock("m", 1));
    assert_eq!(cluster.owned(first), cluster.owned(again));
}

#[test]
fn who_goes_away_while_it_waits_leaves_no_key() {
    let (mut cluster, leader) = Cluster::with_leases(1, 3);
    cluster.contend(leader, lock("m", 1));
    let second = cluster.contend(leader, lock("m", 2));
    assert_eq!(cluster.keys(leader), ["m/1", "m/2"]);
    cluster.input(leader, Input::ClientGone(ClientId(1)));
    cluster.settle();
    assert_eq!(cluster.keys(leader), ["m/1"]);
    assert_eq!(cluster.answer(second), None);
    let third = cluster.contend(leader, lock("m", 3));
    cluster.carried_out(leader, unlock("m/1"));
    assert!(cluster.owned(third).is_some());
}

#[test]
fn whose_key_is_gone_when_its_turn_comes_owns_nothing() {
    let (mut cluster, leader) = Cluster::with_leases(1, 2);
    cluster.contend(leader, lock("m", 1));
    let second = cluster.contend(leader, lock("m", 2));
    cluster.carried_out(leader, revoke(2));
    cluster.carried_out(leader, unlock("m/1"));
    assert_eq!(cluster.answer(second), Some(&Err(Failure::SessionExpired)));
}

#[test]
fn who_brings_no_lease_gets_one_of_a_minute_and_an_unknown_one_is_refused() {
    let (mut cluster, leader) = Cluster::with_leases(1, 0);
    let asked = cluster.contend(leader, lock("m", 0));
    let owned = cluster.owned(asked).expect("owned");
    let lease = cluster.nodes[&leader]
        .store()
        .lease(owned.lease)
        .expect("granted");
    assert_eq!(lease.ttl, LEASE_SECONDS);
    assert_eq!(&owned.key[..], format!("m/{:x}", owned.lease.0).as_bytes());
    let unknown = cluster.contend(leader, lock("m", 77));
    let refused = Err(command::Failure::LeaseNotFound.into());
    assert_eq!(cluster.answer(unknown), Some(&refused));
}

const LEASE_SECONDS: u64 = 60;

#[test]
fn a_campaign_of_who_leads_already_tells_its_new_value() {
    let (mut cluster, leader) = Cluster::with_leases(1, 2);
    let first = cluster.contend(leader, campaign("m", 1, "a"));
    let second = cluster.contend(leader, campaign("m", 1, "b"));
    assert_eq!(cluster.owned(first), cluster.owned(second));
    let query = Query::Range(RangeQuery::of(KeyRange::single("m/1".into())));
    let Ok(Found::Range { keys, .. }) = cluster.nodes[&leader].store().query(&query) else {
        panic!("a range");
    };
    assert_eq!((&keys[0].value[..], keys[0].version), (&b"b"[..], 2));
}

#[test]
fn nobody_waits_for_a_member_that_is_about_to_stop() {
    let (mut cluster, leader) = Cluster::with_leases(1, 2);
    cluster.contend(leader, lock("m", 1));
    let second = cluster.contend(leader, lock("m", 2));
    cluster.input(leader, Input::HandOver);
    cluster.settle();
    assert_eq!(cluster.answer(second), Some(&Err(Failure::Stopped)));
    assert_eq!(cluster.keys(leader), ["m/1"]);
}

#[test]
fn a_wait_outlives_compaction_and_another_leader() {
    let (mut cluster, leader) = Cluster::with_leases(3, 2);
    let follower = NodeId(1 + leader.0 % 3);
    cluster.contend(leader, lock("m", 1));
    let second = cluster.contend(follower, lock("m", 2));
    for _ in 0..3 {
        cluster.carried_out(leader, put("other", "x"));
    }
    let revision = cluster.nodes[&leader].store().revision();
    cluster.carried_out(leader, Request::Write(Command::Compact { revision }));
    cluster.unreachable = vec![leader];
    cluster.pass(Duration::from_secs(4));
    let next = cluster.leader();
    assert_ne!(next, leader);
    assert!(cluster.owned(second).is_none());
    cluster.carried_out(next, unlock("m/1"));
    cluster.pass(Duration::from_millis(300));
    assert!(cluster.owned(second).is_some());
}
