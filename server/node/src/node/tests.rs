//! A few nodes, messages delivered at once, disks that save at once unless held back.

mod compaction;
mod contests;
mod divergence;
mod leases;
mod space;
mod stats;
mod tree;
mod tree_watches;

use std::time::Duration;

use bytes::Bytes;
use raft_core::{Index, Membership, NodeId, SnapshotMark, Stamp};
use storage::store::command::{self, Attributes, Command, Outcome, Put};
use storage::store::query::{Found, KeyRange, LeaseId, Query, RangeQuery};

use super::*;
use crate::{Answer, ClientId, Request, RequestId, Response};
use crate::{AutoCompaction, PeerMessage, SnapshotPolicy};

mod snapshots;

struct Cluster {
    nodes: BTreeMap<NodeId, Node>,
    now: u64,
    wire: VecDeque<PeerMessage>,
    /// Messages to these are lost.
    unreachable: Vec<NodeId>,
    /// Their disks do not finish.
    stalled: Vec<NodeId>,
    stalled_saves: Vec<(NodeId, Stamp)>,
    replies: Vec<(NodeId, RequestId, Response)>,
    /// The snapshots on their disks, newest last.
    snapshots: BTreeMap<NodeId, Vec<(Position, Option<Store>)>>,
    /// Their snapshots are not written to the end.
    snapshots_stalled: bool,
    dropped_before: BTreeMap<NodeId, Index>,
    refused: Vec<(NodeId, String)>,
    doubts: Vec<(NodeId, crate::Doubt)>,
    /// What watchers were told, and whom.
    events: Vec<(Vec<(ClientId, RequestId)>, crate::Events)>,
    next_request: u64,
}

impl Cluster {
    fn of(size: u64) -> Cluster {
        Cluster::with(size, |_| {})
    }

    fn with(size: u64, adapt: impl Fn(&mut Config)) -> Cluster {
        let voters = (1..=size).map(|id| (NodeId(id), vec![format!("http://127.0.0.1:{}", 2380 + id)]));
        let snapshot = SnapshotMark {
            membership: Membership::of_voters(voters),
            ..SnapshotMark::default()
        };
        let image = Image {
            snapshot,
            ..Image::default()
        };
        let nodes = (1..=size).map(|id| {
            let mut config = Config {
                raft: raft_core::Config::new(NodeId(id), id),
                cluster_id: 7,
                data_id: id * 100,
                quota_bytes: u64::MAX,
                auto_compaction: AutoCompaction::Off,
                watch_progress_interval: crate::WATCH_PROGRESS_INTERVAL,
                snapshots: SnapshotPolicy::default(),
                repair: None,
                attributes: Attributes {
                    name: format!("n{id}"),
                    client_urls: vec![],
                },
            };
            adapt(&mut config);
            (
                NodeId(id),
                Node::boot(config, image.clone(), None, Now::default()),
            )
        });
        let mut cluster = Cluster {
            nodes: nodes.collect(),
            now: 0,
            wire: VecDeque::new(),
            unreachable: vec![],
            stalled: vec![],
            stalled_saves: vec![],
            replies: vec![],
            snapshots: BTreeMap::new(),
            snapshots_stalled: false,
            dropped_before: BTreeMap::new(),
            refused: vec![],
            doubts: vec![],
            events: vec![],
            next_request: 0,
        };
        cluster.settle();
        cluster
    }

    fn input(&mut self, id: NodeId, input: Input) {
        let now = Now {
            monotonic: Time(self.now),
            wall: crate::WallTime(self.now * 1000),
        };
        let node = self.nodes.get_mut(&id).expect("a node");
        node.handle(now, input);
        node.raft().check_invariants();
        let (mut saves, mut done) = (Vec::new(), Vec::new());
        while let Some(output) = node.poll() {
            match output {
                Output::Save(save) => saves.push(save.stamp),
                Output::Send { message, .. } => self.wire.push_back(message),
                Output::Reply {
                    id: request,
                    response,
                    ..
                } => self.replies.push((id, request, *response)),
                Output::SaveSnapshot { mark, view } => {
                    done.push(Input::SnapshotSaved(mark.position));
                    let snapshots = self.snapshots.entry(id).or_default();
                    snapshots.push((mark.position, view.into_store()));
                }
                Output::KeepPiece { data, .. } => done.push(Input::PiecesWritten(data.len() as u64)),
                Output::PublishSnapshot(mark) => {
                    done.push(Input::SnapshotSaved(mark.position));
                    self.snapshots.entry(id).or_default().push((mark.position, None));
                }
                Output::Events { to, events } => self.events.push((to, *events)),
                Output::Doubt(doubt) => self.doubts.push((id, doubt)),
                Output::DropIncoming { why } => self.refused.push((id, why)),
                Output::DropLogBefore(index) => {
                    self.dropped_before.insert(id, index);
                }
                _ => {}
            }
        }
        if !self.snapshots_stalled {
            done.into_iter().for_each(|done| self.input(id, done));
        }
        for stamp in saves {
            if self.stalled.contains(&id) {
                self.stalled_saves.push((id, stamp));
            } else {
                self.input(id, Input::Saved(stamp));
            }
        }
    }

    fn settle(&mut self) {
        for id in self.nodes.keys().copied().collect::<Vec<_>>() {
            self.input(id, Input::Tick);
        }
        while let Some(message) = self.wire.pop_front() {
            if !self.unreachable.contains(&message.to) && !self.unreachable.contains(&message.from) {
                self.input(message.to, Input::Message(message));
            }
        }
    }

    fn pass(&mut self, time: Duration) {
        let end = self.now + time.as_micros() as u64;
        while self.now < end {
            self.now += 10_000;
            self.settle();
        }
    }

    fn leader(&mut self) -> NodeId {
        for _ in 0..50 {
            let leaders: Vec<_> = self.nodes.values().filter(|n| n.raft().is_leader()).collect();
            let newest = leaders.into_iter().max_by_key(|n| n.raft().term());
            if let Some(node) = newest
                && !self.unreachable.contains(&node.config.raft.id)
                && node.raft().commit_index() == node.raft().last().index
            {
                return node.config.raft.id;
            }
            self.pass(Duration::from_millis(100));
        }
        panic!("no leader within 5 s");
    }

    fn ask(&mut self, id: NodeId, request: Request) -> RequestId {
        self.next_request += 1;
        let request_id = RequestId(self.next_request);
        self.input(
            id,
            Input::Request {
                client: ClientId(1),
                id: request_id,
                request,
            },
        );
        request_id
    }

    fn answer(&self, id: RequestId) -> Option<&Result<Answer, Failure>> {
        self.replies
            .iter()
            .find(|(_, request, _)| *request == id)
            .map(|(_, _, response)| &response.result)
    }
}

fn put(key: &'static str, value: &'static str) -> Request {
    let (key, value) = (Bytes::from(key), Bytes::from(value));
    Request::Write(Command::Put(Put {
        key,
        value,
        previous: false,
        ignore_value: false,
        ignore_lease: false,
        lease: LeaseId::NONE,
    }))
}

fn get(key: &'static str) -> Request {
    Request::Read {
        query: query(key),
        linearizable: true,
    }
}

fn query(key: &'static str) -> Query {
    Query::Range(RangeQuery::of(KeyRange::single(key.into())))
}

fn value_of(answer: Option<&Result<Answer, Failure>>) -> Option<Bytes> {
    match answer {
        Some(Ok(Answer::Found(Found::Range { keys, .. }))) => keys.first().map(|kv| kv.value.clone()),
        other => panic!("not a range: {other:?}"),
    }
}

#[test]
fn a_sole_node_answers_once_its_disk_has_the_write() {
    let mut cluster = Cluster::of(1);
    cluster.stalled = vec![NodeId(1)];
    let write = cluster.ask(NodeId(1), put("a", "1"));
    cluster.settle();
    assert_eq!(cluster.answer(write), None, "not durable yet");
    let (id, stamp) = cluster.stalled_saves.pop().expect("a save is in flight");
    cluster.input(id, Input::Saved(stamp));
    assert_eq!(
        cluster.answer(write),
        Some(&Ok(Answer::Done(Outcome::Put { previous: None })))
    );
    let node = &cluster.nodes[&NodeId(1)];
    assert_eq!(
        node.deadline(),
        Time::NEVER,
        "a sole node has nothing to wake up for"
    );
}

#[test]
fn any_member_writes_and_reads_its_own_write() {
    let mut cluster = Cluster::of(3);
    cluster.leader();
    for id in 1..=3 {
        let write = cluster.ask(NodeId(id), put("a", "1"));
        cluster.settle();
        assert!(
            matches!(cluster.answer(write), Some(Ok(Answer::Done(_)))),
            "through member {id}"
        );
        let local = cluster.ask(
            NodeId(id),
            Request::Read {
                query: query("a"),
                linearizable: false,
            },
        );
        assert_eq!(value_of(cluster.answer(local)), Some(Bytes::from("1")));
        let read = cluster.ask(NodeId(id), get("a"));
        cluster.settle();
        assert_eq!(value_of(cluster.answer(read)), Some(Bytes::from("1")));
    }
}

fn is_read(envelope: &raft_core::Envelope) -> bool {
    matches!(envelope.message, raft_core::Message::ReadIndex { .. })
}

#[test]
fn one_message_a_lane_carries_all_that_a_turn_forwards() {
    let mut cluster = Cluster::of(3);
    let leader = cluster.leader();
    let follower = *cluster
        .nodes
        .keys()
        .find(|id| **id != leader)
        .expect("a follower");
    let node = cluster.nodes.get_mut(&follower).expect("a follower");
    let now = node.now;
    for id in 100..110 {
        node.handle(
            now,
            Input::Request {
                client: ClientId(2),
                id: RequestId(id),
                request: put("k", "v"),
            },
        );
        node.handle(
            now,
            Input::Request {
                client: ClientId(3),
                id: RequestId(id),
                request: get("k"),
            },
        );
    }
    let mut sent = Vec::new();
    while let Some(output) = node.poll() {
        if let Output::Send { lane, message } = output {
            sent.push((lane, message));
        }
    }
    assert_eq!(sent.len(), 2);
    assert!(matches!(&sent[0], (Lane::Urgent, m) if matches!(&m.parts[..], [Part::Raft(e)] if is_read(e))));
    assert!(
        matches!(&sent[1], (Lane::Bulk, m) if matches!(&m.parts[..], [Part::Forward(f)] if f.proposals.len() == 10))
    );
}

#[test]
fn a_write_survives_the_loss_of_its_forward_and_of_its_leader_and_happens_once() {
    let mut cluster = Cluster::of(3);
    let old = cluster.leader();
    let follower = *cluster.nodes.keys().find(|id| **id != old).expect("a follower");
    cluster.unreachable = vec![old];
    let write = cluster.ask(follower, put("a", "1"));
    cluster.pass(Duration::from_millis(300));
    assert_eq!(cluster.answer(write), None);
    let new = cluster.leader();
    assert_ne!(new, old);
    cluster.pass(Duration::from_millis(500));
    assert!(matches!(cluster.answer(write), Some(Ok(_))));
    cluster.unreachable.clear();
    cluster.pass(Duration::from_secs(3));
    for node in cluster.nodes.values() {
        assert_eq!(
            node.store().revision().0,
            2,
            "one put, on {}",
            node.config.raft.id
        );
        assert_eq!(
            node.store().fingerprint(),
            cluster.nodes[&new].store().fingerprint()
        );
        assert_eq!(node.waiting(), 0);
    }
}

#[test]
fn without_a_quorum_a_request_times_out_and_health_says_so() {
    let mut cluster = Cluster::of(3);
    let leader = cluster.leader();
    cluster.unreachable = cluster.nodes.keys().copied().filter(|id| *id != leader).collect();
    let (write, read) = (cluster.ask(leader, put("a", "1")), cluster.ask(leader, get("a")));
    let health = cluster.ask(
        leader,
        Request::Health {
            linearizable: true,
            except: vec![],
        },
    );
    cluster.pass(Duration::from_millis(1100));
    assert_eq!(cluster.answer(health), Some(&Err(Failure::Timeout)));
    cluster.pass(Duration::from_secs(6));
    assert_eq!(cluster.answer(write), Some(&Err(Failure::Timeout)));
    assert_eq!(cluster.answer(read), Some(&Err(Failure::Timeout)));
    // It leads no more, and says so at once.
    let local = cluster.ask(
        leader,
        Request::Health {
            linearizable: false,
            except: vec![],
        },
    );
    assert_eq!(cluster.answer(local), Some(&Err(Failure::NoLeader)));
}

#[test]
fn a_client_that_left_is_not_answered() {
    let mut cluster = Cluster::of(1);
    cluster.stalled = vec![NodeId(1)];
    let write = cluster.ask(NodeId(1), put("a", "1"));
    cluster.input(NodeId(1), Input::ClientGone(ClientId(1)));
    let (id, stamp) = cluster.stalled_saves.pop().expect("a save is in flight");
    cluster.input(id, Input::Saved(stamp));
    assert_eq!(cluster.answer(write), None);
    assert_eq!(
        cluster.nodes[&NodeId(1)].store().revision().0,
        2,
        "the write runs its course"
    );
    assert_eq!(cluster.nodes[&NodeId(1)].waiting(), 0);
}

#[test]
fn a_former_life_of_a_peer_is_not_believed() {
    let mut cluster = Cluster::of(3);
    let leader = cluster.leader();
    let node = cluster.nodes.get_mut(&leader).expect("the leader");
    let peer = NodeId(leader.0 % 3 + 1);
    let (now, term) = (node.now, node.raft.term());
    let say = |boot, parts| PeerMessage {
        from: peer,
        from_boot: Boot(boot),
        to: leader,
        parts,
    };
    node.handle(now, Input::Message(say(2, vec![])));
    let envelope = raft_core::Envelope {
        from: peer,
        to: leader,
        term: Term(term.0 + 5),
        message: raft_core::Message::RequestVote {
            last: Position::default(),
            transfer: false,
        },
    };
    node.handle(now, Input::Message(say(1, vec![Part::Raft(envelope)])));
    assert_eq!(node.raft.term(), term);
}

#[test]
fn members_publish_themselves_once_there_is_a_leader() {
    let mut cluster = Cluster::of(3);
    let leader = cluster.leader();
    cluster.pass(Duration::from_millis(500));
    let list = cluster.ask(leader, Request::Members { linearizable: true });
    cluster.settle();
    let Some(Ok(Answer::Members(members))) = cluster.answer(list) else {
        panic!("no list")
    };
    let names: Vec<&str> = members.iter().map(|member| member.name.as_str()).collect();
    assert_eq!(names, ["n1", "n2", "n3"]);
    assert_eq!(cluster.nodes[&leader].data_id_of(NodeId(2)), Some(200));
    // Born at 3 members + 1, then three published: as etcd's v2 index does.
    assert_eq!(cluster.nodes[&leader].store().tree_index(), 7);
}

#[test]
fn a_read_whose_client_left_waits_no_more() {
    let mut cluster = Cluster::of(3);
    let leader = cluster.leader();
    cluster.unreachable = cluster.nodes.keys().copied().collect();
    cluster.ask(leader, get("a"));
    assert_eq!(cluster.nodes[&leader].waiting(), 1);
    cluster.input(leader, Input::ClientGone(ClientId(1)));
    assert_eq!(cluster.nodes[&leader].waiting(), 0);
}

#[test]
fn a_turn_that_was_cut_short_asks_for_another() {
    let mut cluster = Cluster::of(1);
    let node = cluster.nodes.get_mut(&NodeId(1)).expect("a sole node");
    let now = node.now;
    for id in 0..APPLY_PER_TURN_MAX as u64 {
        let (client, id) = (ClientId(2), RequestId(id));
        let request = put("k", "v");
        node.handle(now, Input::Request { client, id, request });
    }
    let saves = std::iter::from_fn(|| node.poll()).filter_map(|output| match output {
        Output::Save(save) => Some(save.stamp),
        _ => None,
    });
    let stamp = saves.last().expect("the writes are saved");
    node.handle(now, Input::Saved(stamp));
    let answered = std::iter::from_fn(|| node.poll()).filter(|output| matches!(output, Output::Reply { .. }));
    assert_eq!(answered.count(), APPLY_PER_TURN_MAX);
    // Whether the last of them gave Raft more to do was not asked.
    assert_eq!(node.deadline(), now.monotonic);
    node.handle(now, Input::Tick);
    assert_eq!(node.poll(), None);
    assert!(node.deadline() > now.monotonic);
}

#[test]
fn what_a_stalled_leader_does_not_take_is_given_up_in_time() {
    let mut cluster = Cluster::of(3);
    let leader = cluster.leader();
    let follower = *cluster
        .nodes
        .keys()
        .find(|id| **id != leader)
        .expect("a follower");
    cluster.pass(Duration::from_millis(500));
    // The follower goes on hearing the leader, which takes nothing from it.
    let node = cluster.nodes.get_mut(&follower).expect("a follower");
    let now = node.now;
    let large = Bytes::from(vec![0; 1 << 20]);
    for id in 0..40 {
        let put = Command::Put(Put {
            key: Bytes::from("k"),
            value: large.clone(),
            previous: false,
            ignore_value: false,
            ignore_lease: false,
            lease: LeaseId::NONE,
        });
        let (client, id, request) = (ClientId(2), RequestId(id), Request::Write(put));
        node.handle(now, Input::Request { client, id, request });
    }
    let sent = std::iter::from_fn(|| node.poll()).filter_map(|output| match output {
        Output::Send { message, .. } => Some(message),
        _ => None,
    });
    let proposals = sent
        .flat_map(|message| message.parts)
        .filter(|part| matches!(part, Part::Forward(_)));
    assert!(
        proposals.count() < 10,
        "the rest waits here, where a deadline can end it"
    );
}

#[test]
fn a_leader_with_an_alarm_serves_nobody() {
    let mut cluster = Cluster::of(3);
    let leader = cluster.leader();
    let waits = cluster.ask(leader, put("a", "1"));
    let (term, from) = (cluster.nodes[&leader].raft.term(), NodeId(leader.0 % 3 + 1));
    let heartbeat = raft_core::Envelope {
        from,
        to: leader,
        term,
        message: raft_core::Message::Heartbeat {
            round: raft_core::Round(0),
            commit: raft_core::Index(0),
        },
    };
    let read = raft_core::Envelope {
        message: raft_core::Message::ReadIndex {
            boot: Boot(1),
            id: raft_core::ReadId(1),
        },
        ..heartbeat.clone()
    };
    let lie = PeerMessage {
        from,
        from_boot: Boot(1),
        to: leader,
        parts: vec![Part::Raft(heartbeat), Part::Raft(read)],
    };
    cluster.input(leader, Input::Message(lie.clone()));
    assert_eq!(cluster.answer(waits), Some(&Err(Failure::Stopped)));
    cluster.input(leader, Input::Message(lie));
    for request in [put("a", "2"), get("a")] {
        let asked = cluster.ask(leader, request);
        assert_eq!(cluster.answer(asked), Some(&Err(Failure::Stopped)));
    }
    assert_eq!(cluster.nodes[&leader].deadline(), Time::NEVER);
}

#[test]
fn a_forward_meant_for_another_term_is_not_taken() {
    let mut cluster = Cluster::of(3);
    let leader = cluster.leader();
    let node = &cluster.nodes[&leader];
    let (term, last) = (node.raft.term(), node.raft.last());
    // Its sender proposes again once this term has an applied entry: taken now, it would happen twice.
    for other in [Term(term.0 - 1), Term(term.0 + 1)] {
        let forward = crate::Forward {
            term: other,
            first: 0,
            proposals: vec![Bytes::from("late")],
        };
        let late = PeerMessage {
            from: NodeId(leader.0 % 3 + 1),
            from_boot: Boot(1),
            to: leader,
            parts: vec![Part::Forward(forward)],
        };
        cluster.input(leader, Input::Message(late));
    }
    assert_eq!(cluster.nodes[&leader].raft.last(), last);
}

#[test]
fn a_leader_that_is_to_stop_hands_over_without_an_election_timeout() {
    let mut cluster = Cluster::of(3);
    let former = cluster.leader();
    cluster.settle();
    let before = cluster.ask(former, put("a", "1"));
    cluster.input(former, Input::HandOver);
    assert!(cluster.nodes[&former].is_handing_over());
    let meanwhile = cluster.ask(former, put("b", "2"));
    cluster.settle();
    assert!(!cluster.nodes[&former].is_handing_over());
    assert_ne!(cluster.leader(), former, "and no time has passed");
    cluster.settle();
    for write in [before, meanwhile] {
        assert!(matches!(cluster.answer(write), Some(Ok(_))), "{write:?}");
    }
}

#[test]
fn who_has_no_lead_or_no_successor_hands_nothing_over() {
    let mut alone = Cluster::of(1);
    alone.leader();
    alone.input(NodeId(1), Input::HandOver);
    assert!(!alone.nodes[&NodeId(1)].is_handing_over());
    let mut cluster = Cluster::of(3);
    let follower = NodeId(cluster.leader().0 % 3 + 1);
    cluster.input(follower, Input::HandOver);
    assert!(!cluster.nodes[&follower].is_handing_over());
}

#[test]
fn who_is_refused_as_removed_takes_part_no_more() {
    let mut cluster = Cluster::of(3);
    let leader = cluster.leader();
    let removed = NodeId(leader.0 % 3 + 1);
    cluster.unreachable = vec![removed];
    let waits = cluster.ask(removed, put("a", "1"));
    // Nobody but a member knows.
    cluster.input(removed, Input::RefusedAsRemoved { by: NodeId(9) });
    assert_eq!(cluster.answer(waits), None);
    cluster.input(removed, Input::RefusedAsRemoved { by: leader });
    assert_eq!(cluster.answer(waits), Some(&Err(Failure::Stopped)));
    assert!(cluster.nodes[&removed].stopped);
    assert_eq!(cluster.nodes[&removed].deadline(), Time::NEVER);
}
