//! How far the search goes. Every bound is on what may happen in all of a run; within the bounds the search tries all.

use std::time::Duration;

use raft_core::{Body, Config, Entry, Image, Index, Limits, Membership, Mutant, NodeId, Position, Term};

/// The bounds of a search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    /// Members, all of them voters at first; 1 to 5.
    pub nodes: u64,
    /// The terms of the entries that members 1, 2, ... begin with; those that are not named begin with none. All begin in
    /// the highest of these terms. That such a cluster can come to be is the caller's to see to.
    pub logs: Vec<Vec<u64>>,
    /// No member campaigns in a later term.
    pub terms: u64,
    /// How often a member's patience ends; None: as often as `terms` allows.
    pub campaigns: Option<u8>,
    /// Proposals to leaders, beside the blank entry of each term.
    pub entries: u8,
    /// Changes asked of leaders: a voter removed, one at a time.
    pub changes: u8,
    /// Crashes with a restart, the Save in flight on disk or not.
    pub crashes: u8,
    /// Deadlines of leaders: heartbeats, and what is sent again.
    pub beats: u8,
    /// Messages that arrive and stay under way; None: any number, of any message.
    pub duplicates: Option<u8>,
    /// Which messages can arrive how late.
    pub network: Network,
    /// A Save is in flight until a step completes it; otherwise it is done at once.
    pub slow_disks: bool,
    /// One entry a message, so that replication can stop in between.
    pub single_entries: bool,
    /// See [`Config::pre_vote`].
    pub pre_vote: bool,
    /// See [`Config::check_quorum`].
    pub check_quorum: bool,
    /// The search ends when it has met so many states.
    pub states_max: usize,
    /// The rule that all members leave out.
    pub mutant: Option<Mutant>,
}

/// How late messages can be. Any can be lost, and any can overtake any other, in all of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Network {
    /// An answer arrives at once or never, as of a call; and as `InTerm`.
    Calls,
    /// A message arrives as long as its receiver knows of no later term.
    InTerm,
    /// Whatever was sent can arrive for ever.
    Late,
}

impl Default for Scope {
    fn default() -> Scope {
        Scope {
            nodes: 3,
            logs: Vec::new(),
            terms: 2,
            campaigns: None,
            entries: 1,
            changes: 0,
            crashes: 0,
            beats: 0,
            duplicates: Some(0),
            network: Network::InTerm,
            slow_disks: false,
            single_entries: false,
            pre_vote: false,
            check_quorum: false,
            states_max: 4_000_000,
            mutant: None,
        }
    }
}

impl Scope {
    /// Longer than any search takes by any clock: disks may be as slow as the search likes.
    pub(super) const DISK_STALL_MAX: Duration = Duration::from_secs(1_000_000);

    /// What the member `id` is told at boot.
    pub(super) fn config(&self, id: NodeId) -> Config {
        let limits = Limits::default();
        Config {
            pre_vote: self.pre_vote,
            check_quorum: self.check_quorum,
            disk_stall_max: Self::DISK_STALL_MAX,
            limits: Limits {
                append_bytes_max: if self.single_entries {
                    0
                } else {
                    limits.append_bytes_max
                },
                ..limits
            },
            mutant: self.mutant,
            ..Config::new(id, id.0)
        }
    }

    /// What the member `id` has on disk before its first boot.
    pub(super) fn image(&self, id: NodeId) -> Image {
        let place = usize::try_from(id.0).expect("a small number") - 1;
        let terms = self.logs.get(place).map_or(&[][..], Vec::as_slice);
        let at = |(&term, index): (&u64, u64)| Entry {
            position: Position {
                term: Term(term),
                index: Index(index),
            },
            // As the command `log` of the scripts has it.
            body: Body::Command(format!("t{term}").into()),
        };
        let mut image = Image {
            entries: terms.iter().zip(1..).map(at).collect(),
            ..Image::default()
        };
        image.ballot.term = self.first_term();
        // No addresses: they would tell members apart that are the same.
        image.snapshot.membership = Membership::of_voters(self.ids().map(|id| (id, vec![])));
        image
    }

    /// The term that all members begin in.
    pub(super) fn first_term(&self) -> Term {
        Term(self.logs.iter().flatten().copied().max().unwrap_or(0))
    }

    pub(super) fn ids(&self) -> impl Iterator<Item = NodeId> + use<> {
        (1..=self.nodes).map(NodeId)
    }
}
