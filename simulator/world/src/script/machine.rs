//! The state machine of a script's nodes: the commands applied, in order, and the snapshot that holds them.

use bytes::Bytes;
use raft_core::{Body, Entry, Membership, Position, SnapshotMark};

/// Bytes of the checksum at the end of a snapshot.
const CHECKSUM_BYTES: usize = 4;

/// What a node has applied.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct State {
    /// The last entry applied, and the membership as of it.
    pub(crate) mark: SnapshotMark,
    commands: Vec<Bytes>,
}

impl State {
    /// The state a node is born with.
    pub(crate) fn blank(membership: &Membership) -> State {
        State {
            mark: SnapshotMark {
                position: Position::default(),
                membership: membership.clone(),
            },
            commands: Vec::new(),
        }
    }

    pub(crate) fn apply(&mut self, entry: &Entry) {
        assert_eq!(
            entry.position.index,
            self.mark.position.index.next(),
            "entries are applied in order, each once"
        );
        self.mark.position = entry.position;
        match &entry.body {
            Body::Blank => {}
            Body::Command(command) => self.commands.push(command.clone()),
            Body::Change(membership) => self.mark.membership = Membership::clone(membership),
        }
    }

    /// Tells two states apart; the same for the same commands.
    pub(crate) fn digest(&self) -> u32 {
        crc32c::crc32c(&self.body())
    }

    /// The commands and a checksum of them.
    pub(crate) fn snapshot(&self) -> Bytes {
        let mut bytes = self.body();
        bytes.extend(crc32c::crc32c(&bytes).to_le_bytes());
        bytes.into()
    }

    /// Reads a snapshot; None if its checksum does not fit.
    pub(crate) fn of_snapshot(mark: SnapshotMark, snapshot: &[u8]) -> Option<State> {
        let (body, checksum) = snapshot.split_at_checked(snapshot.len().checked_sub(CHECKSUM_BYTES)?)?;
        if crc32c::crc32c(body).to_le_bytes() != checksum {
            return None;
        }
        let commands = postcard::from_bytes(body).ok()?;
        Some(State { mark, commands })
    }

    fn body(&self) -> Vec<u8> {
        postcard::to_stdvec(&self.commands).expect("bytes in memory have a postcard form")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use raft_core::{Index, Term};

    #[test]
    fn a_snapshot_holds_the_state_and_shows_damage() {
        let mut state = State::default();
        for (index, text) in [(1, "a"), (2, "b")] {
            let position = Position {
                term: Term(1),
                index: Index(index),
            };
            state.apply(&Entry {
                position,
                body: Body::Command(text.into()),
            });
        }
        let snapshot = state.snapshot();
        assert_eq!(
            State::of_snapshot(state.mark.clone(), &snapshot),
            Some(state.clone())
        );
        for at in 0..snapshot.len() {
            let mut damaged = snapshot.to_vec();
            damaged[at] ^= 1;
            assert_eq!(
                State::of_snapshot(state.mark.clone(), &damaged),
                None,
                "byte {at}"
            );
            assert_eq!(
                State::of_snapshot(state.mark.clone(), &snapshot[..at]),
                None,
                "{at} bytes"
            );
        }
    }
}
