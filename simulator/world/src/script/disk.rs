//! A node's disk in a script: its journal as an image, its newest snapshot, and how it behaves.

use raft_core::{Ballot, Image, Index, LogChange, Membership, Save};

use super::machine::State;

/// What a disk does with what it is given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Everything is on it at once.
    #[default]
    Auto,
    /// It waits for `saved`.
    Manual,
    /// It waits until the disk does otherwise.
    Stalled,
    /// The next Save fails, and a node does not outlive that.
    Failing,
}

/// What outlives a crash.
#[derive(Clone, Debug)]
pub(crate) struct Disk {
    pub(crate) manner: Manner,
    /// What the journal says.
    pub(crate) image: Image,
    /// The newest snapshot that is whole and synced; of the founding state if there was none.
    snapshot: State,
}

impl Disk {
    /// That of a new node.
    pub(crate) fn blank(membership: &Membership) -> Disk {
        let snapshot = State::blank(membership);
        Disk {
            manner: Manner::Auto,
            image: Image {
                snapshot: snapshot.mark.clone(),
                ..Image::default()
            },
            snapshot,
        }
    }

    /// The Save is written and synced.
    pub(crate) fn write(&mut self, save: &Save) {
        if let Some(ballot) = save.ballot {
            self.image.ballot = ballot;
        }
        match &save.log {
            LogChange::Keep => {}
            LogChange::Append(entries) => {
                if let Some(first) = entries.first() {
                    let kept = |index| index < first.position.index;
                    self.image.entries.retain(|entry| kept(entry.position.index));
                }
                let begin = self.image.snapshot.position.index;
                let news = entries.iter().filter(|entry| entry.position.index > begin);
                self.image.entries.extend(news.cloned());
            }
            LogChange::Reset(mark) => {
                assert!(
                    self.snapshot.mark.position.index >= mark.position.index,
                    "a log is reset only once the snapshot in its place is saved"
                );
                begin_after(&mut self.image, &self.snapshot);
            }
        }
        self.image.commit = self.image.commit.max(save.commit);
    }

    /// The snapshot is written and synced. What the journal has of it goes, unless the journal says otherwise.
    pub(crate) fn keep(&mut self, state: State) {
        if state.mark.position.index <= self.snapshot.mark.position.index {
            return;
        }
        self.snapshot = state;
        let mark = self.snapshot.mark.position;
        if self.image.entries.iter().any(|entry| entry.position == mark) {
            begin_after(&mut self.image, &self.snapshot);
        }
    }

    /// The newest snapshot that is whole and synced.
    pub(crate) fn snapshot(&self) -> &State {
        &self.snapshot
    }

    /// What a boot finds: the newest snapshot, and the journal after it if it agrees.
    pub(crate) fn recover(&mut self) -> (Image, State) {
        begin_after(&mut self.image, &self.snapshot);
        (self.image.clone(), self.snapshot.clone())
    }

    /// The last entry, be it in the journal or in the snapshot.
    pub(crate) fn last(&self) -> Index {
        let journal = self
            .image
            .entries
            .last()
            .map_or(self.image.snapshot.position, |entry| entry.position);
        journal.index.max(self.snapshot.mark.position.index)
    }

    /// The ballot that a boot begins with: an entry, or a snapshot, proves its term.
    pub(crate) fn ballot_at_boot(&self) -> Ballot {
        let image = &self.image;
        let last = image
            .entries
            .last()
            .map_or(image.snapshot.position, |entry| entry.position);
        if last.term > image.ballot.term {
            return Ballot {
                term: last.term,
                voted_for: None,
            };
        }
        image.ballot
    }
}

fn begin_after(image: &mut Image, snapshot: &State) {
    let mark = &snapshot.mark;
    if mark.position.index <= image.snapshot.position.index {
        return;
    }
    let agrees = image.entries.iter().any(|entry| entry.position == mark.position);
    image
        .entries
        .retain(|entry| agrees && entry.position.index > mark.position.index);
    image.snapshot = mark.clone();
    image.commit = image.commit.max(mark.position.index);
}
