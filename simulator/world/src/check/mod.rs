//! What must hold however the network, the disks and the clocks behave: one property, or one family, a file.

pub mod calls;
pub mod divergence;
pub mod durable;
pub mod electable;
pub mod figure3;
pub mod leases;
pub mod linearizable;
pub mod liveness;
pub mod model;
pub mod once;
pub mod promise;
pub mod quiet;
pub mod read_index;
pub mod refusal;
pub mod replicas;
pub mod retention;
pub mod revisions;
pub mod space;
pub mod votes;

use std::collections::BTreeSet;
use std::fmt;

use node::{Node, PeerMessage};
use raft_core::{Image, Index, NodeId, Position, Save, Time};

use crate::operation::Operation;
use crate::probes::Probe;
use crate::settings::Settings;
use crate::trace::Stamp;

/// A property that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which.
    pub property: &'static str,
    /// What was seen instead.
    pub story: String,
}

impl Violation {
    /// A property that does not hold, and why.
    #[must_use]
    pub fn new(property: &'static str, story: impl fmt::Display) -> Violation {
        Violation {
            property,
            story: story.to_string(),
        }
    }
}

/// The checks that are made while a run goes on.
#[derive(Clone, Debug)]
pub struct Checks {
    figure3: figure3::Figure3,
    durable: durable::Durable,
    votes: votes::Votes,
    replicas: replicas::Replicas,
    model: model::Model,
    /// Whose state was made to differ.
    pub divergence: divergence::Divergence,
    /// Who lacks space.
    pub space: space::Space,
    /// What history is kept.
    pub retention: retention::Retention,
    /// Who must not be heard of any more.
    silent: BTreeSet<NodeId>,
}

impl Checks {
    /// For a new cluster.
    #[must_use]
    pub fn new(members: impl IntoIterator<Item = NodeId>, settings: &Settings) -> Checks {
        Checks {
            figure3: figure3::Figure3::default(),
            durable: durable::Durable::new(members),
            votes: votes::Votes::default(),
            replicas: replicas::Replicas::default(),
            model: model::Model::default(),
            divergence: divergence::Divergence::default(),
            space: space::Space::of(settings),
            retention: retention::Retention::of(settings.auto_compaction),
            silent: BTreeSet::new(),
        }
    }

    /// A member recovered `image` and booted with it. One that is new, in place of `former`, has what was sown.
    ///
    /// # Errors
    /// What does not hold.
    pub fn booted(
        &mut self,
        id: NodeId,
        former: Option<NodeId>,
        image: &Image,
        node: &Node,
        now: Time,
    ) -> Result<(), Violation> {
        self.figure3.restarted(id);
        if let Some(former) = former.filter(|_| !self.durable.knows(id)) {
            self.durable
                .joined(id, image)
                .map_err(|error| Violation::new("who is new has promised nothing", error))?;
            self.votes.follows(id, former);
            self.silent.insert(former);
        }
        self.durable
            .booted(id, image, node)
            .map_err(|error| Violation::new("recovery", error))?;
        node.raft().check_invariants();
        self.observe(id, node, now)
    }

    /// A member lost what it promised, and says nothing more.
    pub fn fell_silent(&mut self, id: NodeId) {
        self.silent.insert(id);
    }

    /// What a member's disk knows to be committed.
    #[must_use]
    pub fn commit_on_disk(&self, id: NodeId) -> Index {
        self.durable.commit_on_disk(id)
    }

    /// The last entry on a member's disk.
    #[must_use]
    pub fn last_on_disk(&self, id: NodeId) -> Index {
        self.durable.last_on_disk(id)
    }

    /// The state as it should be.
    #[must_use]
    pub fn model(&self) -> &model::Model {
        &self.model
    }

    /// A member begins to save a snapshot of its own.
    ///
    /// # Errors
    /// What does not hold.
    pub fn saves_snapshot(&self, id: NodeId, mark: Position) -> Result<(), Violation> {
        self.durable
            .saves_snapshot(id, mark)
            .map_err(|error| Violation::new("a snapshot covers what is durable", error))
    }

    /// A member began to write a Save.
    pub fn writing(&mut self, id: NodeId, save: &Save) {
        self.durable.writing(id, save);
        self.model.writing(save);
    }

    /// Its Save is synced.
    pub fn synced(&mut self, id: NodeId) {
        self.durable.synced(id);
    }

    /// A member says this to a peer.
    ///
    /// # Errors
    /// What does not hold.
    pub fn says(&mut self, message: &PeerMessage) -> Result<(), Violation> {
        if self.silent.contains(&message.from) {
            let story = format!("n{} says {message:?}", message.from.0);
            return Err(Violation::new("who lost its promises says nothing more", story));
        }
        self.durable
            .says(message)
            .map_err(|error| Violation::new("promises are durable", error))?;
        self.votes
            .says(message)
            .map_err(|error| Violation::new("one vote a term", error))
    }

    /// A member's turn is over.
    ///
    /// # Errors
    /// What does not hold.
    pub fn observe(&mut self, id: NodeId, node: &Node, now: Time) -> Result<(), Violation> {
        let raft = node.raft();
        self.figure3
            .observe(id, raft)
            .map_err(|error| Violation::new("Figure 3", error))?;
        self.durable
            .observe(id, raft)
            .map_err(|error| Violation::new("what is committed is durable", error))?;
        self.model
            .advance(node.applied().index, self.durable.committed(), now);
        let keyspace = &self.model.keyspace;
        let kept = self.retention.observe(keyspace.revision, keyspace.floor, now);
        // Of a leader whose state differs the revision may, too, and it compacts by what it had seen.
        if self.divergence.never_was() {
            kept.map_err(|error| Violation::new("history is kept as long as it is to be", error))?;
        }
        self.divergence.observe(now, id, node)?;
        if self.divergence.differs() == Some(id) {
            // A restart may bring the right state back; it counts once it is known to be.
            if self.replicas.is_equal_again(node) && !node.is_fenced() {
                self.divergence.ends(now);
            }
            return Ok(());
        }
        self.replicas
            .observe(id, node)
            .map_err(|error| Violation::new("replicas are equal", error))
    }
}

impl Checks {
    /// What a member knows of its space when its turn is over. What is met in it for the first time.
    ///
    /// # Errors
    /// What does not hold.
    pub fn observe_space(&mut self, now: Time, seen: &space::Seen<'_>) -> Result<Option<Probe>, Violation> {
        self.space.observe(now, seen, &self.model)
    }

    /// A member is gone.
    pub fn is_down(&mut self, now: Time, id: NodeId) {
        self.space.is_down(now, id, &self.model);
    }
}

/// The checks that are made of a whole history.
///
/// # Errors
/// What does not hold.
pub fn history(history: &[Operation]) -> Result<(), Violation> {
    linearizable::check(history).map_err(|error| {
        let verdict = match error.decided {
            true => "no order of these explains the answers",
            false => "the search for an order gave up",
        };
        let mut story = format!("{}: {verdict}:", error.key);
        for operation in &error.around {
            story.push_str(&format!("\n  {operation}"));
        }
        Violation::new("linearizability", story)
    })?;
    let told = |error: Box<revisions::Contradiction>| {
        Violation::new(
            "revisions",
            format!("{}:\n  {}\n  {}", error.rule, error.first, error.second),
        )
    };
    revisions::check(history).map_err(told)?;
    revisions::check_origins(history).map_err(told)
}

/// A violation with the time it was noticed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Noticed {
    /// When, in simulated time.
    pub at: raft_core::Time,
    /// What.
    pub violation: Violation,
}

impl fmt::Display for Noticed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Violation { property, story } = &self.violation;
        write!(f, "{} at {}: {story}", property, Stamp(self.at))
    }
}
