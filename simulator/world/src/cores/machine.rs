//! The state machine of a core that runs alone: a hash of all it applied. Two that applied the same are equal, and a
//! snapshot of it is a few words.

use bytes::Bytes;
use raft_core::{Body, Entry, Index, Membership, Position, SnapshotMark};

/// The state after some entry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Machine {
    /// The last entry applied.
    pub(crate) applied: Position,
    /// Of everything applied, in order.
    pub(crate) hash: u64,
    /// The membership as of there.
    pub(crate) membership: Membership,
}

impl Machine {
    pub(crate) fn new(membership: Membership) -> Machine {
        Machine {
            membership,
            ..Machine::default()
        }
    }

    /// The next entry.
    ///
    /// # Panics
    /// If it is not the next: Raft hands out each once, in order.
    pub(crate) fn apply(&mut self, entry: &Entry) {
        let at = entry.position;
        assert_eq!(
            at.index,
            self.applied.index.next(),
            "entries are applied in order, each once"
        );
        self.applied = at;
        self.mix(at.term.0);
        match &entry.body {
            Body::Blank => self.mix(1),
            Body::Command(command) => {
                self.mix(2);
                let (words, rest) = command.as_chunks::<8>();
                words.iter().for_each(|word| self.mix(u64::from_le_bytes(*word)));
                rest.iter().for_each(|byte| self.mix(u64::from(*byte)));
            }
            Body::Change(membership) => {
                self.mix(3);
                membership.members().iter().for_each(|id| self.mix(id.0));
                self.membership = Membership::clone(membership);
            }
        }
    }

    /// The mark of a snapshot of it.
    pub(crate) fn mark(&self) -> SnapshotMark {
        SnapshotMark {
            position: self.applied,
            membership: self.membership.clone(),
        }
    }

    /// A snapshot of it: the hash, and filling that `writer` chooses, so that a snapshot may be long.
    pub(crate) fn snapshot(&self, writer: u64, length: usize) -> Bytes {
        let mut bytes = self.hash.to_le_bytes().to_vec();
        let filling = self.hash.wrapping_add(writer).to_le_bytes();
        bytes.extend(filling.iter().cycle().take(length));
        bytes.into()
    }

    /// What a snapshot says; None if it says nothing.
    pub(crate) fn of_snapshot(mark: SnapshotMark, bytes: &[u8]) -> Option<Machine> {
        let hash = bytes.first_chunk()?;
        Some(Machine {
            applied: mark.position,
            hash: u64::from_le_bytes(*hash),
            membership: mark.membership,
        })
    }

    pub(crate) fn index(&self) -> Index {
        self.applied.index
    }

    fn mix(&mut self, word: u64) {
        let mixed = (self.hash.rotate_left(29) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.hash = mixed ^ (mixed >> 32);
    }
}
