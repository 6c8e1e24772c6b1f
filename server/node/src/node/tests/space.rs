//! Memory, disks and quotas that run out, and the alarm that says so; disks that are slow.

use storage::store::alarm::{Alarm, AlarmKind};

use super::*;
use crate::DiskUse;

const MIB: u64 = 1 << 20;

impl Cluster {
    fn alarms(&self) -> Vec<Alarm> {
        let stores = self.nodes.values().map(|node| node.store().alarms());
        let mut all: Vec<Vec<Alarm>> = stores.map(|alarms| alarms.iter().copied().collect()).collect();
        all.dedup();
        assert_eq!(all.len(), 1, "all members know the same alarms");
        all.remove(0)
    }

    fn refuses(&mut self, id: NodeId) {
        let refused = self.ask(id, put("more", "2"));
        assert_eq!(
            self.answer(refused),
            Some(&Err(command::Failure::NoSpace.into())),
            "at once, and nowhere near a log"
        );
    }

    fn delete_all(&mut self, id: NodeId) {
        let delete = Command::DeleteRange {
            range: KeyRange::all(),
            previous: false,
        };
        let asked = self.ask(id, Request::Write(delete));
        self.pass(Duration::from_millis(500));
        assert!(matches!(self.answer(asked), Some(Ok(_))));
    }

    fn one_more_entry(&mut self, id: NodeId) {
        self.done(id, Request::Write(Command::Continue));
    }

    fn compact_all(&mut self, id: NodeId) {
        let revision = self.nodes[&id].store().revision();
        self.done(id, Request::Write(Command::Compact { revision }));
        self.pass(Duration::from_secs(1));
    }
}

fn no_space(member: NodeId) -> Alarm {
    Alarm {
        member,
        kind: AlarmKind::NoSpace,
    }
}

/// Takes what `put` takes for a thousand keys.
fn put_large(number: u64) -> Request {
    let Request::Write(Command::Put(put)) = put("", "") else {
        panic!("a put is a put")
    };
    let key = format!("large{number}").into();
    let value = vec![b'x'; 1000].into();
    Request::Write(Command::Put(Put { key, value, ..put }))
}

#[test]
fn a_member_whose_disk_is_full_says_so_to_all_until_there_is_space() {
    for of_leader in [false, true] {
        let mut cluster = Cluster::of(3);
        let leader = cluster.leader();
        let full = if of_leader {
            leader
        } else {
            cluster.follower_of(leader)
        };
        cluster.done(leader, put("a", "1"));
        cluster.input(full, Input::OutOfSpace(true));
        cluster.settle();
        assert_eq!(cluster.alarms(), [no_space(full)]);
        for id in 1..=3 {
            cluster.refuses(NodeId(id));
        }
        // Reads, and what frees space, are served.
        let read = cluster.ask(full, get("a"));
        cluster.settle();
        assert_eq!(value_of(cluster.answer(read)), Some("1".into()));
        cluster.delete_all(full);
        cluster.compact_all(full);
        assert_eq!(
            cluster.alarms(),
            [no_space(full)],
            "the disk has not said otherwise"
        );
        cluster.input(full, Input::OutOfSpace(false));
        cluster.settle();
        assert_eq!(cluster.alarms(), []);
        cluster.done(full, put("b", "2"));
    }
}

#[test]
fn a_leader_whose_disk_waits_for_space_raises_its_alarm_through_the_others_and_gives_up_the_lead() {
    let mut cluster = Cluster::of(3);
    let full = cluster.leader();
    cluster.stalled = vec![full];
    cluster.input(full, Input::OutOfSpace(true));
    cluster.settle();
    assert_eq!(
        cluster.alarms(),
        [no_space(full)],
        "two others have it on their disks"
    );
    cluster.pass(Duration::from_secs(4));
    let leader = cluster.leader();
    assert_ne!(leader, full, "its disk stalls");
    cluster.refuses(leader);
    cluster.stalled.clear();
    for (id, stamp) in std::mem::take(&mut cluster.stalled_saves) {
        cluster.input(id, Input::Saved(stamp));
    }
    cluster.input(full, Input::OutOfSpace(false));
    cluster.pass(Duration::from_secs(1));
    assert_eq!(cluster.alarms(), []);
    cluster.done(full, put("b", "2"));
}

#[test]
fn the_quota_counts_memory_and_ends_by_itself_well_below() {
    let mut cluster = Cluster::with(3, |config| config.quota_bytes = 100_000);
    let leader = cluster.leader();
    let mut number = 0;
    while cluster.alarms().is_empty() {
        cluster.done(leader, put_large(number));
        number += 1;
    }
    assert!((60..100).contains(&number), "{number} values of a thousand bytes");
    assert_eq!(cluster.alarms().len(), 3, "each says it of itself");
    cluster.refuses(leader);
    // The size is just below the quota: the alarm stays.
    let one = |number: u64| Command::DeleteRange {
        range: KeyRange::single(format!("large{number}").into()),
        previous: false,
    };
    cluster.done(leader, Request::Write(one(0)));
    cluster.compact_all(leader);
    assert!(cluster.nodes[&leader].store().size() < 100_000);
    assert_eq!(cluster.alarms().len(), 3);
    for number in 1..10 {
        cluster.done(leader, Request::Write(one(number)));
    }
    cluster.compact_all(leader);
    assert_eq!(cluster.alarms(), []);
    cluster.done(leader, put_large(number));
}

#[test]
fn the_quota_counts_journal_and_snapshots_eightfold() {
    let mut cluster = Cluster::with(3, |config| config.quota_bytes = 100 * MIB);
    let leader = cluster.leader();
    let used = |journal, snapshots| {
        Input::DiskUsed(DiskUse {
            journal_bytes: journal * MIB,
            snapshot_bytes: snapshots * MIB,
        })
    };
    cluster.input(leader, used(500, 299));
    cluster.settle();
    assert_eq!(cluster.alarms(), []);
    cluster.input(leader, used(500, 300));
    cluster.settle();
    assert_eq!(cluster.alarms(), [no_space(leader)]);
    cluster.input(leader, used(500, 270));
    cluster.settle();
    assert_eq!(cluster.alarms(), [no_space(leader)], "not well below");
    cluster.input(leader, used(500, 200));
    cluster.settle();
    assert_eq!(cluster.alarms(), []);
}

#[test]
fn an_operators_order_stays_until_an_operator_ends_it() {
    let mut cluster = Cluster::of(3);
    let leader = cluster.leader();
    let order = |raised| {
        let (member, kind) = (leader, AlarmKind::ReadOnly);
        let alarm = Alarm { member, kind };
        Request::Write(Command::Alarm { alarm, raised })
    };
    cluster.input(leader, Input::OutOfSpace(true));
    cluster.done(leader, order(true));
    cluster.input(leader, Input::OutOfSpace(false));
    cluster.pass(Duration::from_secs(1));
    assert_eq!(cluster.alarms().len(), 1, "its own has ended");
    cluster.refuses(leader);
    cluster.done(leader, order(false));
    cluster.done(leader, put("a", "1"));
    // What is still so is said again.
    cluster.input(leader, Input::OutOfSpace(true));
    cluster.settle();
    let ended = cluster.done(leader, order(false));
    assert_eq!(ended, Answer::Done(Outcome::Alarm { changed: true }));
    cluster.settle();
    assert_eq!(cluster.alarms(), [no_space(leader)]);
}

#[test]
fn a_full_disk_is_given_room_by_a_snapshot_once_there_is_less_to_save() {
    let mut cluster = Cluster::of(3);
    let leader = cluster.leader();
    for number in 0..2000 {
        cluster.done(leader, put_large(number));
    }
    cluster.input(leader, Input::OutOfSpace(true));
    cluster.settle();
    assert!(
        cluster.snapshots.is_empty(),
        "one of so much would only take more space"
    );
    cluster.delete_all(leader);
    cluster.compact_all(leader);
    // With the next entry, at the latest the blank one at which states are compared.
    cluster.pass(Duration::from_secs(10));
    let saved = &cluster.snapshots[&leader];
    assert_eq!(
        (saved.len(), cluster.snapshots.len()),
        (2, 1),
        "the second lets the journal before the first go; and all that on the full disk alone"
    );
    let first = saved[0].0.index;
    assert_eq!(cluster.dropped_before.get(&leader), Some(&first));
    for _ in 0..20 {
        cluster.one_more_entry(leader);
    }
    assert_eq!(cluster.snapshots[&leader].len(), 2, "no more than that");
}

#[test]
fn a_leader_whose_disk_is_slow_keeps_nobody_waiting() {
    let mut cluster = Cluster::of(3);
    let slow = cluster.leader();
    cluster.stalled = vec![slow];
    for round in 0..20 {
        // Each Save takes 0.9 s: never long enough for a stall, even with what comes meanwhile and waits for the next one.
        let write = cluster.ask(slow, put("a", "1"));
        cluster.settle();
        assert!(
            matches!(cluster.answer(write), Some(Ok(_))),
            "round {round}: two others have it on their disks"
        );
        cluster.pass(Duration::from_millis(900));
        for (id, stamp) in std::mem::take(&mut cluster.stalled_saves) {
            cluster.input(id, Input::Saved(stamp));
        }
        assert!(cluster.nodes[&slow].raft().is_leader(), "round {round}");
    }
}
