//! What a leader puts into its log of its own accord (Raft 5.3).

use bytes::Bytes;

use crate::output::Refusal;
use crate::raft::Raft;
use crate::role::{Leader, Role};
use crate::types::{Body, Entry, Position};
use crate::why::Why;

impl Raft {
    /// Puts a command into the log of this leader. It is committed when `Apply` hands it out; another entry at the
    /// returned position's index, or one of a later term before it, means that it never will be.
    ///
    /// # Errors
    /// See [`Refusal`].
    pub fn propose(&mut self, command: Bytes) -> Result<Position, Refusal> {
        self.leading()?;
        let Role::Leader(leader) = &mut self.role else {
            panic!("it leads")
        };
        if leader.transfer.is_some() {
            return Err(Refusal::Transferring);
        }
        if command.len() > self.config.limits.entry_bytes_max {
            return Err(Refusal::TooLarge);
        }
        // One at least is taken, however large: else it would be refused for ever.
        let uncommitted = leader.uncommitted_bytes;
        let max = self.config.limits.uncommitted_bytes_max;
        if uncommitted > 0 && uncommitted + command.len() + Entry::BYTES > max {
            // Once until something commits: hosts ask at every turn.
            if !std::mem::replace(&mut leader.busy_explained, true) {
                self.explain(Why::ProposalRefusedBusy {
                    bytes: command.len() as u64,
                    uncommitted: uncommitted as u64,
                    max: max as u64,
                });
            }
            return Err(Refusal::Busy);
        }
        Ok(self.append_own(Body::Command(command)))
    }

    /// What only a leader can be asked for.
    ///
    /// # Errors
    /// `Stopped` or `NotLeader`.
    pub(crate) fn leading(&self) -> Result<&Leader, Refusal> {
        match &self.role {
            _ if self.halted => Err(Refusal::Stopped),
            Role::Leader(leader) => Ok(leader),
            _ => Err(Refusal::NotLeader {
                leader: self.leader(),
            }),
        }
    }

    /// Adds an entry of this leader's own to its log.
    pub(crate) fn append_own(&mut self, body: Body) -> Position {
        let position = Position {
            term: self.ballot.term,
            index: self.log.last().index.next(),
        };
        let entry = Entry { position, body };
        let Role::Leader(leader) = &mut self.role else {
            panic!("only a leader appends of its own accord")
        };
        leader.uncommitted_bytes += entry.bytes();
        let is_change = self.memberships.appended(position.index, &entry.body);
        self.log.append(entry);
        self.persist.appended(position.index);
        if is_change {
            self.membership_in_force();
        }
        position
    }
}
