//! One node of a script: its Raft while it is up, and its disk, which outlives it.

use raft_core::{Ballot, Boot, Config, Image, LogChange, Membership, NodeId, Raft, ReadId, Save, Time};

#[derive(Clone, Debug)]
pub(crate) struct Member {
    id: NodeId,
    /// None while it is down.
    pub(crate) raft: Option<Raft>,
    /// What the disk holds, synced.
    pub(crate) image: Image,
    /// Handed out by Raft and not on the disk yet.
    pub(crate) saving: Option<Save>,
    /// A Save waits for `saved`; otherwise it is done at once.
    pub(crate) manual_disk: bool,
    /// The reads that this life answered.
    pub(crate) reads: Vec<ReadId>,
    /// The membership it was told of last.
    pub(crate) peers: Membership,
    boots: u64,
}

impl Member {
    pub(crate) fn new(id: NodeId, membership: &Membership) -> Member {
        let mut image = Image::default();
        image.snapshot.membership = membership.clone();
        Member {
            id,
            raft: None,
            image,
            saving: None,
            manual_disk: false,
            reads: Vec::new(),
            peers: membership.clone(),
            boots: 0,
        }
    }

    /// Starts from what the disk has.
    pub(crate) fn boot(&mut self, config: Config, now: Time) {
        self.boots += 1;
        let config = Config {
            id: self.id,
            boot: Boot(self.boots),
            seed: self.id.0 + 1000 * self.boots,
            ..config
        };
        self.raft = Some(Raft::boot(config, self.image.clone(), now));
        self.reads.clear();
    }

    /// Only the disk is left.
    pub(crate) fn crash(&mut self) {
        self.raft = None;
        self.saving = None;
    }

    /// The Save is written and synced.
    pub(crate) fn write(&mut self, save: &Save) {
        let image = &mut self.image;
        if let Some(ballot) = save.ballot {
            image.ballot = ballot;
        }
        match &save.log {
            LogChange::Keep => {}
            LogChange::Append(entries) => {
                if let Some(first) = entries.first() {
                    image
                        .entries
                        .retain(|entry| entry.position.index < first.position.index);
                }
                image.entries.extend(entries.iter().cloned());
            }
            LogChange::Reset(mark) => {
                let agrees = image.entries.iter().any(|entry| entry.position == mark.position);
                image
                    .entries
                    .retain(|entry| agrees && entry.position.index > mark.position.index);
                image.snapshot = mark.clone();
            }
        }
        image.commit = image.commit.max(save.commit);
    }

    /// The ballot that a boot begins with: an entry proves its term.
    pub(crate) fn ballot_at_boot(&self) -> Ballot {
        let last = self.image.entries.last().map(|entry| entry.position.term);
        match last {
            Some(term) if term > self.image.ballot.term => Ballot {
                term,
                voted_for: None,
            },
            _ => self.image.ballot,
        }
    }
}
