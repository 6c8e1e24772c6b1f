//! Leases, alarms, and commands that go in slices, over a whole cluster.

use storage::store::query::Revision;

use super::*;
use crate::LeaseTime;
use crate::lease_clock::CHECKPOINT_INTERVAL;

const LEASE: LeaseId = LeaseId(7);

fn grant(ttl: u64) -> Request {
    Request::Write(Command::LeaseGrant { id: LEASE, ttl })
}

fn put_on_lease(key: &'static str) -> Request {
    let Request::Write(Command::Put(put)) = put(key, "1") else {
        panic!("a put is a put")
    };
    Request::Write(Command::Put(Put { lease: LEASE, ..put }))
}

impl Cluster {
    /// Asks and waits for the answer.
    pub(super) fn done(&mut self, id: NodeId, request: Request) -> Answer {
        let asked = self.ask(id, request);
        self.settle();
        let answer = self
            .answer(asked)
            .unwrap_or_else(|| panic!("no answer through {id}"));
        answer.clone().unwrap_or_else(|failure| panic!("{failure}"))
    }

    pub(super) fn follower_of(&self, leader: NodeId) -> NodeId {
        *self.nodes.keys().find(|id| **id != leader).expect("a follower")
    }

    fn renew(&mut self, id: NodeId) -> u64 {
        match self.done(id, Request::LeaseKeepAlive { id: LEASE }) {
            Answer::LeaseRenewed { id: LEASE, ttl } => ttl,
            other => panic!("{other:?} to a renewal"),
        }
    }

    fn time(&mut self, id: NodeId) -> Option<LeaseTime> {
        match self.done(
            id,
            Request::LeaseTimeToLive {
                id: LEASE,
                keys: true,
            },
        ) {
            Answer::LeaseTime(time) => time,
            other => panic!("{other:?} to what is left of a lease"),
        }
    }

    fn has_key(&mut self, id: NodeId, key: &'static str) -> bool {
        let found = self.done(id, get(key));
        value_of(Some(&Ok(found))).is_some()
    }
}

#[test]
fn a_lease_ends_when_nobody_renews_it_and_takes_its_keys_along() {
    let mut cluster = Cluster::of(3);
    let leader = cluster.leader();
    let granted = cluster.done(leader, grant(0));
    let expected = Outcome::LeaseGranted { id: LEASE, ttl: 2 };
    assert_eq!(
        granted,
        Answer::Done(expected),
        "no shorter than 3/2 election timeouts"
    );
    cluster.done(leader, put_on_lease("a"));
    cluster.done(leader, put("b", "1"));
    for id in [1, 2, 3, 1, 2, 3].map(NodeId) {
        cluster.pass(Duration::from_millis(1500));
        assert_eq!(cluster.renew(id), 2, "through {id}");
    }
    cluster.pass(Duration::from_millis(1900));
    assert!(cluster.has_key(leader, "a"));
    let revision = cluster.nodes[&leader].store().revision();
    cluster.pass(Duration::from_millis(300));
    assert!(!cluster.has_key(leader, "a"));
    assert!(cluster.has_key(leader, "b"));
    for node in cluster.nodes.values() {
        assert_eq!(node.store().revision(), Revision(revision.0 + 1));
        assert_eq!(node.store().lease_count(), 0);
    }
    assert_eq!(cluster.renew(leader), 0);
    assert_eq!(cluster.renew(cluster.follower_of(leader)), 0);
}

#[test]
fn every_member_tells_what_is_left_of_a_lease_and_what_hangs_on_it() {
    let mut cluster = Cluster::of(3);
    let leader = cluster.leader();
    cluster.done(leader, grant(100));
    cluster.done(leader, put_on_lease("b"));
    cluster.done(leader, put_on_lease("a"));
    cluster.pass(Duration::from_millis(10_500));
    let expected = LeaseTime {
        granted: 100,
        remaining: 89,
        keys: vec!["a".into(), "b".into()],
    };
    for id in [1, 2, 3].map(NodeId) {
        assert_eq!(cluster.time(id), Some(expected.clone()));
    }
    cluster.done(leader, Request::Write(Command::LeaseRevoke { id: LEASE }));
    for id in [1, 2, 3].map(NodeId) {
        assert_eq!(cluster.time(id), None);
    }
}

/// Another member leads.
fn depose(cluster: &mut Cluster, leader: NodeId) -> NodeId {
    cluster.unreachable = vec![leader];
    cluster.pass(Duration::from_secs(3));
    let next = cluster.leader();
    cluster.unreachable.clear();
    cluster.pass(Duration::from_secs(1));
    next
}

#[test]
fn a_new_leader_counts_from_the_beginning_and_from_what_was_written_down() {
    let mut cluster = Cluster::of(3);
    let leader = cluster.leader();
    cluster.done(leader, grant(700));
    cluster.pass(Duration::from_secs(100));
    let leader = depose(&mut cluster, leader);
    let left = |cluster: &mut Cluster, id| cluster.time(id).expect("it is in force").remaining;
    assert!(left(&mut cluster, leader) > 690, "no lease ends early");
    cluster.pass(CHECKPOINT_INTERVAL + Duration::from_secs(1));
    let store = cluster.nodes[&leader].store();
    let remaining = store.lease(LEASE).and_then(|lease| lease.remaining);
    assert_eq!(remaining, Some(400), "it is written down");
    let leader = depose(&mut cluster, leader);
    let after = left(&mut cluster, leader);
    assert!((380..=400).contains(&after), "{after} s are left");
    // Once it is renewed, no later leader may count from there.
    assert_eq!(cluster.renew(leader), 700);
    let store = cluster.nodes[&leader].store();
    assert_eq!(store.lease(LEASE).and_then(|lease| lease.remaining), None);
    let leader = depose(&mut cluster, leader);
    assert!(left(&mut cluster, leader) > 690);
}

#[test]
fn a_deposed_leader_renews_nothing_and_ends_nothing() {
    let mut cluster = Cluster::of(3);
    let old = cluster.leader();
    cluster.done(old, grant(3));
    cluster.unreachable = vec![old];
    let renewal = cluster.ask(old, Request::LeaseKeepAlive { id: LEASE });
    cluster.pass(Duration::from_secs(4));
    assert_eq!(cluster.answer(renewal), None, "no quorum confirmed it");
    let new = cluster.leader();
    assert!(cluster.nodes[&new].store().lease(LEASE).is_some());
    assert_eq!(cluster.renew(new), 3);
    cluster.unreachable.clear();
    cluster.pass(Duration::from_secs(1));
    let renewed = Answer::LeaseRenewed { id: LEASE, ttl: 3 };
    assert_eq!(
        cluster.answer(renewal),
        Some(&Ok(renewed)),
        "it was asked of the new one"
    );
    cluster.pass(Duration::from_millis(1500));
    assert!(cluster.nodes[&new].store().lease(LEASE).is_some());
    cluster.pass(Duration::from_secs(2));
    assert!(cluster.nodes[&new].store().lease(LEASE).is_none());
}

#[test]
fn a_large_deletion_goes_in_slices_and_is_seen_at_once() {
    let mut cluster = Cluster::of(3);
    let leader = cluster.leader();
    // More slices than there are messages under way.
    const KEYS: u64 = 20_000;
    for number in 0..KEYS {
        let Request::Write(Command::Put(put)) = put("", "") else {
            panic!("a put is a put")
        };
        let key = format!("{number}").into();
        cluster.ask(leader, Request::Write(Command::Put(Put { key, ..put })));
    }
    cluster.settle();
    let count = |cluster: &Cluster, id: NodeId| {
        let Query::Range(range) = query("") else {
            panic!("a range")
        };
        let all = Query::Range(RangeQuery {
            range: KeyRange::all(),
            count_only: true,
            ..range
        });
        match cluster.nodes[&id].store().query(&all) {
            Ok(Found::Range { count, .. }) => count,
            other => panic!("{other:?}"),
        }
    };
    let delete = Command::DeleteRange {
        range: KeyRange::all(),
        previous: false,
    };
    let asked = cluster.ask(leader, Request::Write(delete));
    let later = cluster.ask(leader, put("later", "1"));
    while let Some(message) = cluster.wire.pop_front() {
        cluster.input(message.to, Input::Message(message));
    }
    let mut turns = 0;
    while cluster.answer(asked).is_none() {
        assert_eq!(
            count(&cluster, leader),
            KEYS,
            "before it is done nothing is seen of it"
        );
        assert_eq!(cluster.answer(later), None, "what comes later waits");
        assert_eq!(
            cluster.nodes[&leader].deadline(),
            Time(cluster.now),
            "it goes on at once"
        );
        cluster.input(leader, Input::Tick);
        turns += 1;
    }
    assert!(turns >= 5, "{turns} turns");
    cluster.settle();
    assert!(matches!(cluster.answer(later), Some(Ok(_))));
    assert_eq!(count(&cluster, leader), 1);
    cluster.pass(Duration::from_secs(1));
    let fingerprints: Vec<u64> = cluster.nodes.values().map(|n| n.store().fingerprint()).collect();
    assert!(
        fingerprints
            .iter()
            .all(|fingerprint| *fingerprint == fingerprints[0])
    );
    // Compaction is carried on while nothing else happens.
    let revision = cluster.nodes[&leader].store().revision();
    cluster.done(leader, Request::Write(Command::Compact { revision }));
    cluster.pass(Duration::from_secs(1));
    for node in cluster.nodes.values() {
        assert!(!node.store().has_pending());
        assert!(node.store().size() < 1000, "{}", node.store().size());
    }
}
