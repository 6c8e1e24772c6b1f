//! A few nodes, each with a disk and a clock of its own, the wire between them and their clients. Nothing moves unless
//! told. What is wrong panics.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use raft_core::{Body, Boot, Image, LogChange, Membership, NodeId, Save, SnapshotMark, Time};
use storage::store::command::{Attributes, Command, Put};
use storage::store::query::{LeaseId, Revision};

use crate::*;

#[derive(Clone)]
pub(super) struct Member {
    /// None while it is down.
    pub(super) node: Option<Node>,
    pub(super) now: Time,
    disk: Image,
    saving: Option<Save>,
    boots: u64,
    pub(super) tape: Tape,
}

/// All that this life of a member was told, and all that it wanted done.
#[derive(Clone, Default)]
pub(super) struct Tape {
    pub(super) image: Image,
    pub(super) inputs: Vec<(Now, Input)>,
    pub(super) outputs: Vec<Output>,
}

/// A request that a client waits for.
struct Asked {
    /// For a write, its value.
    value: Option<Bytes>,
    /// The newest revision anybody was answered with before it was asked.
    floor: Revision,
}

pub(super) struct Cluster {
    raft: raft_core::Config,
    pub(super) members: BTreeMap<NodeId, Member>,
    pub(super) wire: Vec<PeerMessage>,
    pub(super) isolated: BTreeSet<NodeId>,
    /// Nobody lies, so answers are right and nobody raises an alarm.
    pub(super) honest: bool,
    next_request: u64,
    asked: BTreeMap<(NodeId, RequestId), Asked>,
    newest: Revision,
    /// Values of writes that were answered as done.
    done: BTreeSet<Bytes>,
    pub(super) answered: u64,
    pub(super) failed: Vec<Failure>,
    /// Of members that are new in place of damaged ones.
    pub(super) repairs: BTreeMap<NodeId, Repair>,
    taken_in: Option<NodeId>,
}

impl Cluster {
    pub(super) fn new(size: u64, raft: raft_core::Config) -> Cluster {
        let membership =
            Membership::of_voters((1..=size).map(|id| (NodeId(id), vec![format!("http://n{id}")])));
        let snapshot = SnapshotMark {
            membership,
            ..SnapshotMark::default()
        };
        let disk = Image {
            snapshot,
            ..Image::default()
        };
        let member = Member {
            node: None,
            now: Time(0),
            disk,
            saving: None,
            boots: 0,
            tape: Tape::default(),
        };
        let mut cluster = Cluster {
            raft,
            members: (1..=size).map(|id| (NodeId(id), member.clone())).collect(),
            wire: Vec::new(),
            isolated: BTreeSet::new(),
            honest: true,
            next_request: 0,
            asked: BTreeMap::new(),
            newest: Revision::default(),
            done: BTreeSet::new(),
            answered: 0,
            failed: Vec::new(),
            repairs: BTreeMap::new(),
            taken_in: None,
        };
        cluster.ids().into_iter().for_each(|id| cluster.boot(id));
        cluster
    }

    pub(super) fn ids(&self) -> Vec<NodeId> {
        self.members.keys().copied().collect()
    }

    pub(super) fn node(&self, id: NodeId) -> Option<&Node> {
        self.members[&id].node.as_ref()
    }

    fn member(&mut self, id: NodeId) -> &mut Member {
        self.members.get_mut(&id).expect("a member")
    }

    pub(super) fn leader(&self) -> Option<NodeId> {
        let rafts = self
            .members
            .values()
            .filter_map(|m| Some(m.node.as_ref()?.raft()));
        let leader = rafts
            .filter(|raft| raft.is_leader())
            .max_by_key(|raft| raft.term());
        leader.and_then(raft_core::Raft::leader)
    }

    pub(super) fn saving(&self) -> Vec<NodeId> {
        let saving = self.members.iter().filter(|(_, member)| member.saving.is_some());
        saving.map(|(&id, _)| id).collect()
    }

    pub(super) fn config(&self, id: NodeId) -> Config {
        let boots = self.members[&id].boots;
        Config {
            raft: raft_core::Config {
                id,
                boot: Boot(boots),
                seed: id.0 * 1000 + boots,
                ..self.raft
            },
            cluster_id: 7,
            data_id: id.0 * 100,
            quota_bytes: u64::MAX,
            auto_compaction: AutoCompaction::Off,
            watch_progress_interval: crate::WATCH_PROGRESS_INTERVAL,
            snapshots: SnapshotPolicy::default(),
            attributes: Attributes {
                name: format!("n{id}"),
                client_urls: vec![],
            },
            repair: self.repairs.get(&id).cloned(),
        }
    }

    /// Starts a member that is down from what its disk has.
    pub(super) fn boot(&mut self, id: NodeId) {
        self.member(id).boots += 1;
        let config = self.config(id);
        let asks = |repair: &Repair| repair.standing == Standing::Petitioner;
        let is_petitioner = self.repairs.get(&id).is_some_and(asks);
        let member = self.member(id);
        let mut image = member.disk.clone();
        if is_petitioner {
            // Nothing of its disk is its own yet.
            let membership = image.membership().clone();
            image = Image::default();
            image.snapshot.membership = membership;
        }
        member.tape = Tape {
            image: image.clone(),
            ..Tape::default()
        };
        let now = now(member);
        member.node = Some(Node::boot(config, image, None, now));
        self.input(id, Input::Tick);
    }

    /// Stops a member. Of the Save in flight all or nothing is on its disk; its clients get no answers.
    pub(super) fn crash(&mut self, id: NodeId, save_is_kept: bool) {
        let member = self.member(id);
        member.node = None;
        if let Some(save) = member.saving.take()
            && save_is_kept
        {
            write(&mut member.disk, save);
        }
        self.asked.retain(|(node, _), _| *node != id);
    }

    /// One turn with one input, if the member is up.
    pub(super) fn input(&mut self, id: NodeId, input: Input) {
        let member = self.members.get_mut(&id).expect("a member");
        let now = now(member);
        let Some(node) = &mut member.node else { return };
        member.tape.inputs.push((now, input.clone()));
        node.handle(now, input);
        node.raft().check_invariants();
        let first = member.tape.outputs.len();
        while let Some(output) = node.poll() {
            member.tape.outputs.push(output);
            assert!(
                member.tape.outputs.len() - first < 10_000,
                "poll comes to an end: {:?}",
                &member.tape.outputs[member.tape.outputs.len() - 6..]
            );
        }
        node.raft().check_invariants();
        if member.tape.inputs.len().is_multiple_of(8) {
            assert_nothing_is_due(node, now);
        }
        let said = member.tape.outputs[first..].to_vec();
        said.into_iter().for_each(|output| self.perform(id, output));
        if let Some(id) = self.taken_in.take() {
            let repair = self.repairs.get_mut(&id).expect("it asked");
            repair.standing = Standing::Renewed;
            self.boot(id);
        }
    }

    /// What must never be: a member that goes on as itself with what its damage left.
    pub(super) fn damage_unnoticed(&mut self, id: NodeId, kept: usize) {
        let member = self.shorten(id, kept);
        self.members.insert(id, member);
        self.boot(id);
    }

    fn shorten(&mut self, id: NodeId, kept: usize) -> Member {
        self.crash(id, true);
        let mut member = self.members.remove(&id).expect("a member");
        let disk = &mut member.disk;
        disk.entries.truncate(kept);
        let last = disk.entries.last();
        disk.commit = disk
            .commit
            .min(last.map_or(raft_core::Index(0), |entry| entry.position.index));
        member
    }

    /// The journal of a member is damaged after so many of its entries, while it is down or as it goes down; it starts
    /// under a new id.
    pub(super) fn damage(&mut self, id: NodeId, kept: usize, new: NodeId) {
        let mut member = self.shorten(id, kept);
        member.disk.ballot = raft_core::Ballot::default();
        self.members.insert(new, member);
        let former = self.repairs.remove(&id);
        let repair = Repair {
            former: id,
            addresses: former.map_or_else(|| vec![format!("http://n{id}")], |former| former.addresses),
            votes: true,
            standing: Standing::Petitioner,
        };
        self.repairs.insert(new, repair);
        self.boot(new);
    }

    fn perform(&mut self, id: NodeId, output: Output) {
        match output {
            Output::Save(save) => {
                let in_flight = self.member(id).saving.replace(save);
                assert!(in_flight.is_none(), "one Save in flight");
            }
            Output::Send { message, .. } => self.wire.push(message),
            Output::Reply {
                id: request,
                response,
                ..
            } => self.on_reply(id, request, *response),
            Output::TakenIn => self.taken_in = Some(id),
            Output::Repaired => drop(self.repairs.remove(&id)),
            Output::Alarm(alarm) => assert!(!self.honest, "{id}: {alarm}"),
            _ => {}
        }
    }

    /// Linearizable: an answer shows at least what any earlier answer showed, and a write more.
    fn on_reply(&mut self, id: NodeId, request: RequestId, response: Response) {
        let asked = self
            .asked
            .remove(&(id, request))
            .expect("one answer to one request");
        if !self.honest {
            return;
        }
        let revision = response.header.revision;
        match response.result {
            Ok(_) => {
                self.answered += 1;
                assert!(
                    revision >= asked.floor,
                    "{id} answers at {revision:?}, before {:?}",
                    asked.floor
                );
                if let Some(value) = asked.value {
                    assert!(
                        revision > asked.floor,
                        "a write comes after what was answered before it"
                    );
                    self.done.insert(value);
                }
                self.newest = self.newest.max(revision);
            }
            Err(failure) => self.failed.push(failure),
        }
    }

    /// The Save in flight is done.
    pub(super) fn saved(&mut self, id: NodeId) {
        let member = self.member(id);
        if let Some(save) = member.saving.take() {
            let stamp = save.stamp;
            write(&mut member.disk, save);
            self.input(id, Input::Saved(stamp));
        }
    }

    /// The member's next deadline comes.
    pub(super) fn tick(&mut self, id: NodeId) {
        let Some(deadline) = self.node(id).map(Node::deadline).filter(|at| *at < Time::NEVER) else {
            return;
        };
        let member = self.member(id);
        member.now = member.now.max(deadline);
        let now = member.now;
        self.input(id, Input::Tick);
        let deadline = self.node(id).map_or(Time::NEVER, Node::deadline);
        assert!(deadline > now, "{id}: a deadline that was kept is not due again");
    }

    pub(super) fn deliver(&mut self, message: PeerMessage) {
        let lost = self.isolated.contains(&message.from) || self.isolated.contains(&message.to);
        if !lost && self.members.contains_key(&message.to) {
            self.input(message.to, Input::Message(message));
        }
    }

    pub(super) fn write(&mut self, id: NodeId) {
        let value = Bytes::from(format!("w{}", self.next_request));
        let put = Command::Put(Put {
            key: Bytes::from_static(b"k"),
            value: value.clone(),
            previous: false,
            ignore_value: false,
            ignore_lease: false,
            lease: LeaseId::NONE,
        });
        self.ask(id, Request::Write(put), Some(value));
    }

    pub(super) fn read(&mut self, id: NodeId) {
        self.ask(id, Request::Members { linearizable: true }, None);
    }

    /// Who hears that the lead is another's may yet be behind.
    pub(super) fn transfer(&mut self, id: NodeId, to: NodeId) {
        self.ask_from(id, Request::Transfer { to }, None, Revision(0));
    }

    pub(super) fn ask(&mut self, id: NodeId, request: Request, value: Option<Bytes>) {
        self.ask_from(id, request, value, self.newest);
    }

    fn ask_from(&mut self, id: NodeId, request: Request, value: Option<Bytes>, floor: Revision) {
        if self.node(id).is_none() {
            return;
        }
        self.next_request += 1;
        let request_id = RequestId(self.next_request);
        self.asked.insert((id, request_id), Asked { value, floor });
        let client = ClientId(self.next_request % 4);
        let id_of = request_id;
        self.input(
            id,
            Input::Request {
                client,
                id: id_of,
                request,
            },
        );
    }

    pub(super) fn client_gone(&mut self, id: NodeId, client: ClientId) {
        self.asked
            .retain(|(node, request), _| *node != id || request.0 % 4 != client.0);
        self.input(id, Input::ClientGone(client));
    }

    fn settle(&mut self) {
        while !self.wire.is_empty() || !self.saving().is_empty() {
            self.ids().into_iter().for_each(|id| self.saved(id));
            for message in std::mem::take(&mut self.wire) {
                self.deliver(message);
            }
        }
    }

    /// All faults end: everyone is up, clocks agree, messages arrive at once, for `micros`.
    pub(super) fn calm(&mut self, micros: u64) {
        self.isolated.clear();
        let start = self
            .members
            .values()
            .map(|member| member.now)
            .max()
            .unwrap_or_default();
        for id in self.ids() {
            self.member(id).now = start;
            if self.node(id).is_none() {
                self.boot(id);
            }
            self.input(id, Input::Tick);
        }
        self.settle();
        let next = |cluster: &Cluster| {
            let up = cluster.ids().into_iter();
            up.filter_map(|id| Some((cluster.node(id)?.deadline(), id))).min()
        };
        while let Some((deadline, id)) = next(self).filter(|(deadline, _)| deadline.0 < start.0 + micros) {
            self.members
                .values_mut()
                .for_each(|member| member.now = member.now.max(deadline));
            self.tick(id);
            self.settle();
        }
    }

    /// Each write is in the log at most once, and once if it was answered as done.
    pub(super) fn check_writes(&self) {
        let node = self
            .members
            .values()
            .find_map(|member| member.node.as_ref())
            .expect("one is up");
        let committed = usize::try_from(node.raft().commit_index().0).expect("a small log");
        let mut values = BTreeSet::new();
        let mut origins = BTreeSet::new();
        for entry in node.raft().entries().take(committed) {
            let Body::Command(bytes) = &entry.body else {
                continue;
            };
            let (_, proposal) = Proposal::decode(bytes).expect("nobody lies");
            assert!(
                origins.insert(proposal.origin),
                "{:?} is in the log twice",
                proposal.origin
            );
            if let Command::Put(put) = proposal.command {
                values.insert(put.value);
            }
        }
        let lost: Vec<_> = self.done.difference(&values).collect();
        assert_eq!(
            lost,
            [] as [&Bytes; 0],
            "writes that were answered as done are there"
        );
    }
}

/// Polled to the end, a node sleeps until its deadline: nothing more is to be done before.
fn assert_nothing_is_due(node: &Node, now: Now) {
    if node.deadline() <= now.monotonic {
        return;
    }
    for monotonic in [now.monotonic, Time(node.deadline().0 - 1)] {
        let mut node = node.clone();
        node.handle(Now { monotonic, ..now }, Input::Tick);
        let output = node.poll();
        assert_eq!(
            output,
            None,
            "due at {monotonic:?}, but it sleeps until {:?}",
            node.deadline()
        );
    }
}

fn now(member: &Member) -> Now {
    Now {
        monotonic: member.now,
        wall: WallTime(member.now.0 * 1000),
    }
}

fn write(disk: &mut Image, save: Save) {
    if let Some(ballot) = save.ballot {
        disk.ballot = ballot;
    }
    disk.commit = save.commit;
    match save.log {
        LogChange::Keep => {}
        LogChange::Append(entries) => {
            let first = entries.first().expect("an append of something").position.index;
            disk.entries.retain(|entry| entry.position.index < first);
            disk.entries.extend(entries);
        }
        LogChange::Reset(_) => panic!("there are no snapshots yet"),
    }
}
