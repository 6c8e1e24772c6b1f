//! A closed cluster: its nodes, links and clock, and what one input does to one node. Commands are made of these.

use std::collections::BTreeMap;
use std::time::Duration;

use raft_core::{
    Config, Entry, Envelope, Membership, Mutant, NodeId, Output, Raft, ReadId, Refusal, Save, Time,
};

use super::error::Problem;
use super::links::{Link, Links};
use super::member::Member;
use super::print::{self, Facts, Trace};
use crate::check::figure3::Figure3;
use crate::check::read_index::ReadIndex;

/// More than any script needs; fewer than a livelock makes.
const STABILIZE_STEPS_MAX: usize = 10_000;

#[derive(Clone, Debug)]
pub(crate) struct Cluster {
    pub(crate) trace: Trace,
    pub(crate) links: Links,
    pub(crate) members: BTreeMap<NodeId, Member>,
    /// What every node is told at boot, but for its id and seed.
    pub(crate) config: Config,
    /// To be elected before the script begins.
    pub(crate) first_leader: Option<NodeId>,
    /// Saves wait for `saved` from the script's beginning on.
    pub(crate) manual_disk: bool,
    pub(crate) now: Time,
    booted: bool,
    figure3: Figure3,
    read_index: ReadIndex,
}

impl Cluster {
    pub(crate) fn new(mutant: Option<Mutant>) -> Cluster {
        Cluster {
            trace: Trace::default(),
            links: Links::default(),
            members: BTreeMap::new(),
            config: Config {
                mutant,
                ..Config::new(NodeId(0), 0)
            },
            first_leader: None,
            manual_disk: false,
            now: Time(0),
            booted: false,
            figure3: Figure3::default(),
            read_index: ReadIndex::default(),
        }
    }

    /// Makes nodes 1 to `count`, all of them voters, that have not booted yet.
    pub(crate) fn form(&mut self, count: u64) {
        let membership = Membership::of_voters((1..=count).map(|id| (NodeId(id), vec![format!("n{id}")])));
        self.members = membership
            .members()
            .into_iter()
            .map(|id| (id, Member::new(id, &membership)))
            .collect();
    }

    pub(crate) fn has_booted(&self) -> bool {
        self.booted
    }

    /// Boots all nodes once, and elects the first leader, if one is wanted, before the trace begins.
    pub(crate) fn boot_all(&mut self) -> Result<(), Problem> {
        if std::mem::replace(&mut self.booted, true) {
            return Ok(());
        }
        if self.members.is_empty() {
            return Err(Problem::NoCluster);
        }
        let ids: Vec<NodeId> = self.members.keys().copied().collect();
        let manual = self.manual_disk;
        let set_disks = |cluster: &mut Cluster, manual: bool| {
            cluster
                .members
                .values_mut()
                .for_each(|member| member.manual_disk = manual);
        };
        set_disks(self, manual && self.first_leader.is_none());
        self.trace.quiet = self.first_leader.is_some();
        for id in ids {
            self.boot(id)?;
        }
        if let Some(leader) = self.first_leader {
            if !self.raft(leader)?.is_leader() {
                self.campaign(leader)?;
            }
            self.stabilize()?;
            self.links = Links::default();
            set_disks(self, manual);
        }
        self.trace.quiet = false;
        Ok(())
    }

    pub(crate) fn boot(&mut self, id: NodeId) -> Result<(), Problem> {
        let (config, now) = (self.config, self.now);
        let member = self.member_mut(id)?;
        let log = print::positions(&member.image.entries);
        let ballot = member.ballot_at_boot();
        let before = Facts {
            ballot,
            role: "follower".to_owned(),
            commit: member.image.commit,
            log,
        };
        member.boot(config, now);
        if !before.log.is_empty() || ballot.term.0 > 0 || self.members.len() == 1 {
            let vote = ballot.voted_for.map_or(String::new(), |id| format!(" vote={id}"));
            let log = print::entries(&before.log, ballot.term);
            self.trace.node(
                id,
                ballot.term,
                format!("boot {log}{vote} commit={}", before.commit),
            );
        }
        self.figure3.restarted(id);
        self.read_index.restarted(id);
        self.after_input(id, &before)?;
        self.poll(id)
    }

    pub(crate) fn member(&self, id: NodeId) -> Result<&Member, Problem> {
        self.members.get(&id).ok_or(Problem::NoSuchNode(id))
    }

    pub(crate) fn member_mut(&mut self, id: NodeId) -> Result<&mut Member, Problem> {
        self.members.get_mut(&id).ok_or(Problem::NoSuchNode(id))
    }

    pub(crate) fn raft(&self, id: NodeId) -> Result<&Raft, Problem> {
        self.member(id)?.raft.as_ref().ok_or(Problem::Down(id))
    }

    fn raft_mut(&mut self, id: NodeId) -> Result<&mut Raft, Problem> {
        self.member_mut(id)?.raft.as_mut().ok_or(Problem::Down(id))
    }

    /// A line about a node that is up.
    pub(crate) fn say(&mut self, id: NodeId, what: impl AsRef<str>) -> Result<(), Problem> {
        let term = self.raft(id)?.term();
        self.trace.node(id, term, what);
        Ok(())
    }

    /// One input and all that follows from it.
    pub(crate) fn turn<R>(
        &mut self,
        id: NodeId,
        input: impl FnOnce(&mut Raft, Time) -> R,
    ) -> Result<R, Problem> {
        let result = self.input(id, input)?;
        self.poll(id)?;
        Ok(result)
    }

    /// A client asks for a linearizable read.
    pub(crate) fn read(&mut self, id: NodeId, read: ReadId) -> Result<Result<(), Refusal>, Problem> {
        self.read_index.asked(id, read);
        self.turn(id, |raft, now| raft.read(now, read))
    }

    /// Its deadline has come.
    pub(crate) fn tick(&mut self, id: NodeId) -> Result<(), Problem> {
        let deadline = self.raft(id)?.deadline();
        if deadline < Time::NEVER {
            self.now = self.now.max(deadline);
        }
        self.say(id, "tick")?;
        self.turn(id, |raft, now| raft.tick(now))
    }

    pub(crate) fn campaign(&mut self, id: NodeId) -> Result<(), Problem> {
        let term = self.raft(id)?.term();
        if self.raft(id)?.is_leader() {
            return Err(Problem::NoCampaign(id));
        }
        self.tick(id)?;
        if self.raft(id)?.term() == term {
            return Err(Problem::NoCampaign(id));
        }
        Ok(())
    }

    /// Time passes, and every deadline on the way is kept, the earliest first.
    pub(crate) fn wait(&mut self, span: Duration) -> Result<(), Problem> {
        let end = self.now.after(span);
        loop {
            let due = self.members.iter().filter_map(|(&id, member)| {
                let deadline = member.raft.as_ref()?.deadline();
                (deadline <= end && deadline < Time::NEVER).then_some((deadline, id))
            });
            let Some((_, id)) = due.min() else { break };
            self.tick(id)?;
            if self.raft(id)?.deadline() <= self.now {
                return Err(Problem::DeadlineStuck(id));
            }
        }
        self.now = self.now.max(end);
        Ok(())
    }

    /// The message reaches its end; at a node that is down it is lost.
    pub(crate) fn deliver(&mut self, id: (Link, u64)) -> Result<(), Problem> {
        if self.links.is_cut(id.0) {
            return Err(Problem::Cut(id.0.to_string()));
        }
        let Some(flight) = self.links.take(id) else {
            return Err(Problem::NothingUnderWay(id.0.to_string()));
        };
        let (from, to) = (flight.envelope.from, flight.envelope.to);
        let name = flight.envelope.message.name();
        if self.member(to)?.raft.is_none() {
            self.trace.raw(format!("n{to} down: {flight} {name} is lost"));
            return Ok(());
        }
        let term = flight.envelope.term;
        let other_term = if term == self.raft(to)?.term() {
            String::new()
        } else {
            format!(" t{term}")
        };
        self.say(to, format!("<- n{from}#{} {name}{other_term}", flight.number))?;
        self.turn(to, |raft, now| raft.receive(now, flight.envelope))
    }

    /// The Save in flight is on disk, and its node learns of it.
    pub(crate) fn saved(&mut self, id: NodeId) -> Result<(), Problem> {
        let Some(save) = &self.member(id)?.saving else {
            return Err(Problem::NoSave(id));
        };
        let stamp = save.stamp;
        self.say(id, format!("saved #{stamp}"))?;
        self.complete_save(id)?;
        self.poll(id)
    }

    /// Saves and deliveries until nothing moves; links that are cut or held, and clocks, stand still.
    pub(crate) fn stabilize(&mut self) -> Result<(), Problem> {
        let everything = super::links::Selector::default();
        for _ in 0..STABILIZE_STEPS_MAX {
            let saving = self.members.iter().find(|(_, member)| member.saving.is_some());
            if let Some((&id, _)) = saving {
                self.saved(id)?;
            } else if let Some(&id) = self.links.select(&everything).first() {
                self.deliver(id)?;
            } else {
                return Ok(());
            }
        }
        Err(Problem::Restless(STABILIZE_STEPS_MAX))
    }

    fn input<R>(&mut self, id: NodeId, input: impl FnOnce(&mut Raft, Time) -> R) -> Result<R, Problem> {
        let now = self.now;
        let raft = self.raft_mut(id)?;
        let before = Facts::of(raft);
        let result = input(raft, now);
        self.after_input(id, &before)?;
        Ok(result)
    }

    fn after_input(&mut self, id: NodeId, before: &Facts) -> Result<(), Problem> {
        for change in Facts::of(self.raft(id)?).changes(before) {
            self.say(id, change)?;
        }
        self.check(id)
    }

    fn check(&mut self, id: NodeId) -> Result<(), Problem> {
        let raft = self.members.get(&id).and_then(|member| member.raft.as_ref());
        let raft = raft.ok_or(Problem::Down(id))?;
        raft.check_invariants();
        self.read_index.observe(raft);
        Ok(self.figure3.observe(id, raft)?)
    }

    fn poll(&mut self, id: NodeId) -> Result<(), Problem> {
        while let Some(output) = self.raft_mut(id)?.poll() {
            match output {
                Output::Save(save) => self.begin_save(id, save)?,
                Output::Send(envelope) => self.send(id, envelope)?,
                Output::Apply(entry) => self.apply(id, &entry)?,
                Output::ReadReady { id: read, index } => {
                    self.member_mut(id)?.reads.push(read);
                    self.say(id, format!("read {read} may be answered at {index}"))?;
                    self.read_index.ready(id, read, index)?;
                }
                Output::ReadDropped { id: read } => self.say(id, format!("read {read} is given up"))?,
                Output::Peers(membership) => self.peers(id, membership)?,
                Output::Why(why) => self.say(id, format!("why: {why}"))?,
                Output::Alarm(alarm) => self.say(id, format!("ALARM: {alarm}"))?,
                Output::NeedSnapshot { .. }
                | Output::NeedChunk { .. }
                | Output::ReceivedChunk { .. }
                | Output::Restore(_)
                | Output::Removed => {}
            }
        }
        self.check(id)
    }

    fn begin_save(&mut self, id: NodeId, save: Save) -> Result<(), Problem> {
        let term = self.raft(id)?.term();
        let member = self.member_mut(id)?;
        assert!(member.saving.is_none(), "at most one Save is in flight");
        let manual = member.manual_disk;
        let text = print::save(&save, term, member.image.commit);
        member.saving = Some(save);
        self.say(id, text)?;
        if manual { Ok(()) } else { self.complete_save(id) }
    }

    fn complete_save(&mut self, id: NodeId) -> Result<(), Problem> {
        let member = self.member_mut(id)?;
        let save = member.saving.take().ok_or(Problem::NoSave(id))?;
        member.write(&save);
        self.input(id, |raft, _| raft.saved(save.stamp))
    }

    fn send(&mut self, id: NodeId, envelope: Envelope) -> Result<(), Problem> {
        assert!(envelope.from == id, "a node speaks for itself");
        let (to, text) = (envelope.to, print::message(&envelope));
        let (number, arrives) = self.links.send(envelope);
        let lost = if arrives { "" } else { " (lost: the link is cut)" };
        self.say(id, format!("-> n{to}#{number} {text}{lost}"))
    }

    fn apply(&mut self, id: NodeId, entry: &Entry) -> Result<(), Problem> {
        let index = entry.position.index;
        self.say(id, format!("apply {index} {}", print::body(&entry.body)))?;
        Ok(self.figure3.applied(id, entry)?)
    }

    fn peers(&mut self, id: NodeId, membership: Membership) -> Result<(), Problem> {
        let member = self.member_mut(id)?;
        if member.peers == membership {
            return Ok(());
        }
        let ids: Vec<String> = membership.members().iter().map(|id| format!("n{id}")).collect();
        member.peers = membership;
        self.say(id, format!("peers {}", ids.join(" ")))
    }
}
