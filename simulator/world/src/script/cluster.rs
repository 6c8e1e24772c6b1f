//! A closed cluster: its nodes, links and clocks, and what one input does to one node. Commands are made of these.

use std::collections::{BTreeMap, BTreeSet};

use raft_core::{Config, Membership, Mutant, NodeId, Raft, ReadId, Refusal, Time};

use super::disk::Manner;
use super::error::Problem;
use super::expect::Predicate;
use super::facts::Facts;
use super::links::Links;
use super::member::Member;
use super::settings::Settings;
use super::trace::Trace;
use crate::check::figure3::Figure3;
use crate::check::read_index::ReadIndex;
use crate::check::replicas::Replicas;
use crate::check::votes::Votes;

#[derive(Clone, Debug)]
pub(crate) struct Cluster {
    pub(crate) trace: Trace,
    pub(crate) links: Links,
    pub(crate) members: BTreeMap<NodeId, Member>,
    /// What a new node is told at its boot, but for its id and seed.
    pub(crate) config: Config,
    /// To be elected before the script begins.
    pub(crate) first_leader: Option<NodeId>,
    /// What disks do from the script's beginning on.
    pub(crate) first_manner: Manner,
    pub(crate) now: Time,
    /// The words of each line carried out.
    pub(crate) told: BTreeMap<usize, String>,
    /// The names of all reasons given so far, as far as the trace tells them.
    pub(crate) met: BTreeSet<&'static str>,
    /// What is to hold at no time, with the line that says so.
    pub(crate) never: Vec<(usize, Predicate)>,
    booted: bool,
    pub(super) figure3: Figure3,
    pub(super) read_index: ReadIndex,
    pub(super) replicas: Replicas,
    pub(super) votes: Votes,
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
            first_manner: Manner::Auto,
            now: Time(0),
            told: BTreeMap::new(),
            met: BTreeSet::new(),
            never: Vec::new(),
            booted: false,
            figure3: Figure3::default(),
            read_index: ReadIndex::default(),
            replicas: Replicas::default(),
            votes: Votes::default(),
        }
    }

    /// Makes nodes 1 to `count`, all of them voters, that have not booted yet.
    pub(crate) fn form(&mut self, count: u64) {
        let membership = Membership::of_voters((1..=count).map(|id| (NodeId(id), vec![format!("n{id}")])));
        let config = self.config;
        self.members = membership
            .members()
            .into_iter()
            .map(|id| (id, Member::new(id, &membership, config)))
            .collect();
    }

    /// A node that knows of no cluster, with a disk of its own; it boots with the others, or now if they have.
    pub(crate) fn add_node(&mut self, id: NodeId) -> Result<(), Problem> {
        if self.members.contains_key(&id) {
            return Err(Problem::NodeExists(id));
        }
        let mut member = Member::new(id, &Membership::default(), self.config);
        member.disk.manner = self.first_manner;
        self.members.insert(id, member);
        if self.booted { self.boot(id) } else { Ok(()) }
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
        let manner = self.first_manner;
        let first_leader = self.first_leader;
        self.set_disks(if first_leader.is_some() {
            Manner::Auto
        } else {
            manner
        });
        self.trace.quiet = first_leader.is_some();
        for id in ids {
            self.boot(id)?;
        }
        if let Some(leader) = first_leader {
            if !self.raft(leader)?.is_leader() {
                self.campaign(leader)?;
            }
            self.stabilize()?;
            self.links.begin_anew();
            self.set_disks(manner);
        }
        self.trace.quiet = false;
        Ok(())
    }

    fn set_disks(&mut self, manner: Manner) {
        let members = self.members.values_mut();
        members.for_each(|member| member.disk.manner = manner);
    }

    pub(crate) fn boot(&mut self, id: NodeId) -> Result<(), Problem> {
        let (now, alone) = (self.now, self.members.len() == 1);
        let member = self.member_mut(id)?;
        let (image, _) = member.disk.recover();
        let ballot = member.disk.ballot_at_boot();
        let before = Facts::at_boot(&image, ballot);
        member.boot(now);
        let story = before.story().or_else(|| alone.then(|| "[] commit=0".to_owned()));
        if let Some(story) = story {
            self.trace.node(id, ballot.term, format!("boot {story}"));
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

    pub(super) fn raft_mut(&mut self, id: NodeId) -> Result<&mut Raft, Problem> {
        self.member_mut(id)?.raft.as_mut().ok_or(Problem::Down(id))
    }

    /// The node named, or all.
    pub(crate) fn ids(&self, one: Option<NodeId>) -> Result<Vec<NodeId>, Problem> {
        match one {
            Some(id) => self.member(id).map(|_| vec![id]),
            None => Ok(self.members.keys().copied().collect()),
        }
    }

    /// Who leads the highest term that is led.
    pub(crate) fn leader(&self) -> Option<NodeId> {
        let leaders = self.members.iter().filter_map(|(&id, member)| {
            let raft = member.raft.as_ref()?;
            raft.is_leader().then_some((raft.term(), id))
        });
        leaders.max().map(|(_, id)| id)
    }

    /// Changes settings: of the next boot, and the limits at once.
    pub(crate) fn configure(&mut self, id: NodeId, settings: &Settings) -> Result<(), Problem> {
        let member = self.member_mut(id)?;
        settings.apply(&mut member.config);
        let limits = member.config.limits;
        if member.raft.is_none() {
            return Ok(());
        }
        self.turn(id, |raft, _| raft.set_limits(limits))
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
        self.member_mut(id)?.asked.push(read);
        self.turn(id, |raft, now| raft.read(now, read))
    }

    /// An input, and what it changed.
    pub(super) fn input<R>(
        &mut self,
        id: NodeId,
        input: impl FnOnce(&mut Raft, Time) -> R,
    ) -> Result<R, Problem> {
        let now = self.member(id)?.clock.read(self.now);
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

    /// What must hold of the node now, and of all of them.
    pub(super) fn check(&mut self, id: NodeId) -> Result<(), Problem> {
        if let Some(raft) = self.members.get(&id).and_then(|member| member.raft.as_ref()) {
            raft.check_invariants();
            self.read_index.observe(raft);
            self.figure3.observe(id, raft)?;
        }
        for (line, predicate) in &self.never {
            if predicate.holds(self) {
                return Err(Problem::Happened {
                    line: *line,
                    predicate: predicate.to_string(),
                });
            }
        }
        Ok(())
    }
}
