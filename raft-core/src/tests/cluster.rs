//! A few cores, each with a disk and a clock of its own, and the wire between them. Nothing moves unless told.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

use super::figure3::History;
use super::host::{self, Host};
use crate::*;

#[derive(Clone)]
pub(super) struct Member {
    /// None while it is down.
    pub(super) raft: Option<Raft>,
    pub(super) now: Time,
    pub(super) disk: Image,
    saving: Option<Save>,
    boots: u64,
    /// Unique in one life only.
    next_read: u64,
    pub(super) host: Host,
}

pub(super) struct Cluster {
    config: Config,
    /// Members whose pre-vote, and whose check-quorum, are not as the config says.
    pub(super) contrary: [BTreeSet<NodeId>; 2],
    founding: Membership,
    /// What whoever boots next understands; nobody goes back.
    pub(super) release: Version,
    pub(super) members: BTreeMap<NodeId, Member>,
    pub(super) wire: Vec<Envelope>,
    /// These are on the other side: what goes between them and the rest is lost.
    pub(super) isolated: BTreeSet<NodeId>,
    /// What the first of a pair says to the second is lost.
    pub(super) cut: BTreeSet<(NodeId, NodeId)>,
    pub(super) history: History,
    /// Nobody lies, so Figure 3 holds and nobody raises an alarm.
    pub(super) honest: bool,
    pub(super) sent: u64,
    /// The names of all reasons that were given.
    pub(super) met: BTreeSet<&'static str>,
    /// Candidates that took over entries.
    pub(super) caught_up: u64,
}

impl Cluster {
    pub(super) fn new(size: u64, config: Config) -> Cluster {
        let ids = (1..=size).map(NodeId);
        Cluster::founded(Membership::of_voters(ids.map(|id| (id, vec![]))), config)
    }

    /// Of those voters.
    pub(super) fn founded(membership: Membership, config: Config) -> Cluster {
        let member = Member {
            raft: None,
            now: Time(0),
            disk: Image {
                snapshot: SnapshotMark {
                    membership: membership.clone(),
                    ..SnapshotMark::default()
                },
                ..Image::default()
            },
            saving: None,
            boots: 0,
            next_read: 0,
            host: Host::default(),
        };
        let member = |id| Member {
            host: Host::of(id),
            ..member.clone()
        };
        let members = membership.voters.iter().map(|&id| (id, member(id)));
        let members = members.collect();
        let mut cluster = Cluster {
            config,
            contrary: Default::default(),
            release: config.version,
            founding: membership,
            members,
            wire: Vec::new(),
            isolated: BTreeSet::new(),
            cut: BTreeSet::new(),
            history: History::default(),
            honest: true,
            sent: 0,
            met: BTreeSet::new(),
            caught_up: 0,
        };
        cluster.ids().into_iter().for_each(|id| cluster.boot(id));
        cluster
    }

    pub(super) fn ids(&self) -> Vec<NodeId> {
        self.members.keys().copied().collect()
    }

    /// Those with a Save in flight.
    pub(super) fn saving(&self) -> Vec<NodeId> {
        let saving = self.members.iter().filter(|(_, member)| member.saving.is_some());
        saving.map(|(&id, _)| id).collect()
    }

    /// Those with a snapshot being written.
    pub(super) fn writing(&self) -> Vec<NodeId> {
        let writing = self.members.iter().filter(|(_, member)| member.host.is_writing());
        writing.map(|(&id, _)| id).collect()
    }

    /// Those whose Raft asked its host for something.
    pub(super) fn asking(&self) -> Vec<NodeId> {
        let asking = self
            .members
            .iter()
            .filter(|(_, member)| !member.host.wanted.is_empty());
        asking.map(|(&id, _)| id).collect()
    }

    pub(super) fn raft(&self, id: NodeId) -> Option<&Raft> {
        self.members[&id].raft.as_ref()
    }

    /// A machine that knows nothing yet, with this id; whatever had it is gone.
    pub(super) fn add(&mut self, id: NodeId) {
        let member = Member {
            raft: None,
            now: Time(0),
            disk: Image::default(),
            saving: None,
            boots: 0,
            next_read: 0,
            host: Host::of(id),
        };
        self.members.insert(id, member);
        self.boot(id);
    }

    fn member(&mut self, id: NodeId) -> &mut Member {
        self.members.get_mut(&id).expect("a member")
    }

    /// Starts a member that is down from what its disk has.
    pub(super) fn boot(&mut self, id: NodeId) {
        let mut config = Config {
            version: self.release,
            ..self.config
        };
        config.pre_vote ^= self.contrary[0].contains(&id);
        config.check_quorum ^= self.contrary[1].contains(&id);
        let member = self.member(id);
        assert!(member.raft.is_none(), "it is down");
        member.boots += 1;
        let seed = id.0 * 1000 + member.boots;
        member.host.boot(&mut member.disk);
        let image = member.disk.clone();
        let boot = Boot(member.boots);
        let config = Config {
            id,
            seed,
            boot,
            ..config
        };
        member.raft = Some(Raft::boot(config, image, member.now));
        member.next_read = 0;
        self.history.restarted(id);
        self.input(id, |_, _| ());
    }

    /// Stops a member. Of the Save in flight all or nothing is on its disk, and so of a snapshot.
    pub(super) fn crash(&mut self, id: NodeId, save_is_kept: bool, snapshot_is_kept: bool) {
        let member = self.member(id);
        member.raft = None;
        if let Some(save) = member.saving.take()
            && save_is_kept
        {
            member.write(save);
        }
        member.host.crash(snapshot_is_kept);
    }

    /// One input and everything that follows from it; None if the member is down.
    pub(super) fn input<R>(&mut self, id: NodeId, input: impl FnOnce(&mut Raft, Time) -> R) -> Option<R> {
        let honest = self.honest;
        let member = self.members.get_mut(&id).expect("a member");
        let (now, boot) = (member.now, Boot(member.boots));
        let raft = member.raft.as_mut()?;
        let result = input(raft, now);
        raft.check_invariants();
        let mut outputs = 0;
        while let Some(output) = raft.poll() {
            outputs += 1;
            if let Output::Why(why) = output {
                self.met.insert(why.name());
            }
            assert!(outputs < 100_000, "poll comes to an end");
            match output {
                Output::Save(save) => assert!(member.saving.replace(save).is_none(), "one Save in flight"),
                Output::Send(envelope) => {
                    self.sent += 1;
                    self.wire.push(envelope);
                }
                Output::Apply(entry) if honest => {
                    self.history.applied(id, &entry);
                    member.host.state.push(entry);
                    let applied = member.host.state.len() as u64;
                    assert_eq!(Index(applied), raft.last_applied(), "{id} applies each once");
                }
                Output::ReadReady { id: read, index } if honest => {
                    self.history.read_ready((id, boot, read), index);
                }
                Output::ReadDropped { id: read } if honest => self.history.read_dropped((id, boot, read)),
                Output::Restore(mark) => {
                    let before = member.host.state.len();
                    member.host.restore(mark.position);
                    raft.stand_back(false);
                    if honest {
                        assert!(member.host.state.len() >= before, "the state never goes back");
                        self.history.restored(id, mark.position, &member.host.state);
                    }
                }
                Output::Why(Why::CaughtUp { .. }) => self.caught_up += 1,
                Output::Alarm(alarm) => assert!(!honest, "{id}: {alarm}"),
                Output::Why(why @ Why::IllFormed { .. }) => assert!(!honest, "{id}: {why}"),
                output => assert!(member.host.perform(raft, output) || !honest, "a corrupt piece"),
            }
        }
        raft.check_invariants();
        if honest {
            self.history.observe(id, raft);
            let expected = member.host.membership().unwrap_or(&self.founding);
            let applied = raft
                .mark_at(raft.last_applied())
                .expect("it is not before the mark");
            // A new member knows none until the change that made it one.
            if applied.membership != Membership::default() {
                assert_eq!(&applied.membership, expected, "{id} has the membership applied");
            }
        }
        Some(result)
    }

    /// The Save in flight is done.
    pub(super) fn saved(&mut self, id: NodeId) {
        let member = self.member(id);
        if let Some(save) = member.saving.take() {
            let stamp = save.stamp;
            member.write(save);
            self.input(id, |raft, _| raft.saved(stamp).expect("it is in flight"));
        }
    }

    /// The host answers what its Raft asked of it first.
    pub(super) fn serve(&mut self, id: NodeId) {
        let member = self.member(id);
        if let Some(raft) = &mut member.raft {
            member.host.serve(raft);
        }
        self.input(id, |_, _| ());
    }

    /// Begins to write a snapshot.
    pub(super) fn begin_snapshot(&mut self, id: NodeId) {
        let member = self.member(id);
        if let Some(raft) = &member.raft {
            member.host.begin_snapshot(raft);
        }
    }

    /// The snapshot being written is on disk.
    pub(super) fn end_snapshot(&mut self, id: NodeId) {
        let member = self.member(id);
        if let Some(mark) = member.host.end_snapshot(&mut member.disk) {
            self.input(id, |raft, _| raft.snapshot_saved(mark));
        }
    }

    /// The member's next deadline comes.
    pub(super) fn tick(&mut self, id: NodeId) {
        let Some(deadline) = self.raft(id).map(Raft::deadline) else {
            return;
        };
        if deadline == Time::NEVER {
            return;
        }
        let member = self.member(id);
        member.now = member.now.max(deadline);
        let now = member.now;
        self.input(id, Raft::tick);
        let deadline = self.raft(id).map_or(Time::NEVER, Raft::deadline);
        assert!(deadline > now, "{id}: a deadline that was kept is not due again");
    }

    pub(super) fn is_cut(&self, envelope: &Envelope) -> bool {
        let Envelope { from, to, .. } = *envelope;
        self.isolated.contains(&from) != self.isolated.contains(&to) || self.cut.contains(&(from, to))
    }

    pub(super) fn deliver(&mut self, envelope: Envelope) {
        if !self.is_cut(&envelope) && self.members.contains_key(&envelope.to) {
            self.input(envelope.to, |raft, now| raft.receive(now, envelope));
        }
    }

    pub(super) fn propose(&mut self, id: NodeId, command: Bytes) -> Option<Result<Position, Refusal>> {
        self.input(id, |raft, _| raft.propose(command))
    }

    /// None if the member is down.
    pub(super) fn read(&mut self, id: NodeId) -> Option<Result<(), Refusal>> {
        let member = self.member(id);
        member.next_read += 1;
        let (read, boot) = (ReadId(member.next_read), Boot(member.boots));
        self.history.read_asked((id, boot, read));
        let result = self.input(id, |raft, now| raft.read(now, read));
        if result != Some(Ok(())) {
            self.history.read_dropped((id, boot, read));
        }
        result
    }

    pub(super) fn leader(&self) -> Option<NodeId> {
        let leaders = self.members.values().filter_map(|member| member.raft.as_ref());
        leaders
            .filter(|raft| raft.is_leader())
            .max_by_key(|raft| raft.term())
            .and_then(Raft::leader)
    }

    /// Who leads in the lowest term, and thinks that nobody else does.
    pub(super) fn oldest_leader(&self) -> Option<NodeId> {
        let members = self.members.values().filter_map(|member| member.raft.as_ref());
        let leaders = members.filter(|raft| raft.is_leader());
        leaders.min_by_key(|raft| raft.term())?.leader()
    }

    /// Delivers and saves until nothing is left to do at this time.
    pub(super) fn settle(&mut self) {
        loop {
            self.ids().into_iter().for_each(|id| self.saved(id));
            self.writing().into_iter().for_each(|id| self.end_snapshot(id));
            self.asking().into_iter().for_each(|id| self.serve(id));
            if self.wire.is_empty() {
                if self.saving().is_empty() && self.writing().is_empty() && self.asking().is_empty() {
                    return;
                }
                continue;
            }
            for envelope in std::mem::take(&mut self.wire) {
                self.deliver(envelope);
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
            if self.raft(id).is_none() {
                self.boot(id);
            }
            self.input(id, Raft::tick);
        }
        self.settle();
        let next = |cluster: &Cluster| {
            let up = cluster.ids().into_iter();
            up.filter_map(|id| Some((cluster.raft(id)?.deadline(), id))).min()
        };
        while let Some((deadline, id)) = next(self).filter(|(deadline, _)| deadline.0 < start.0 + micros) {
            self.members
                .values_mut()
                .for_each(|member| member.now = member.now.max(deadline));
            self.tick(id);
            self.settle();
        }
    }
}

impl Member {
    fn write(&mut self, save: Save) {
        let disk = &mut self.disk;
        if let Some(ballot) = save.ballot {
            disk.ballot = ballot;
        }
        match save.log {
            LogChange::Keep => {}
            LogChange::Append(entries) => {
                let first = entries.first().expect("an append of something").position.index;
                disk.entries.retain(|entry| entry.position.index < first);
                let last = disk.entries.last().map(|entry| entry.position);
                let last = last.unwrap_or(disk.snapshot.position).index;
                assert_eq!(last.next(), first, "no gap on disk");
                disk.entries.extend(entries);
            }
            LogChange::Reset(mark) => {
                assert!(self.host.has(mark.position), "a log is reset to what is on disk");
                host::reset(disk, *mark);
            }
        }
        disk.commit = save.commit;
    }
}
