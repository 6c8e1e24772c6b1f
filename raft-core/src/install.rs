//! A follower's side of snapshots: the InstallSnapshot RPC (Raft 7, Figure 13). Pieces are taken in order, each checked
//! against all before it, and go to the host. Only when the host has made the whole durable does it take the place of
//! the log; until then the follower serves, votes and acknowledges as ever.

use bytes::Bytes;

use crate::alarm::Alarm;
use crate::fingerprint::canonical;
use crate::in_force::Memberships;
use crate::log::Log;
use crate::message::{InstallOutcome, Message};
use crate::mutant::Mutant;
use crate::output::Output;
use crate::raft::Raft;
use crate::role::Role;
use crate::types::{NodeId, Position, SnapshotMark, Term};
use crate::why::Why;

/// What one InstallSnapshot brings.
#[derive(Clone, Debug)]
pub(crate) struct Piece {
    pub(crate) offset: u64,
    pub(crate) data: Bytes,
    pub(crate) checksum: u32,
    pub(crate) last: bool,
}

/// A snapshot on its way in, from whichever leader. Forgotten in a crash, and nothing of it is promised.
#[derive(Clone, Debug)]
pub(crate) struct Receiving {
    mark: SnapshotMark,
    /// Who last sent of it, in which term. Within a term a leader's marks only grow.
    leader: NodeId,
    term: Term,
    /// Bytes so far, and their CRC32C.
    offset: u64,
    checksum: u32,
    /// The same of the first piece alone.
    first: (u64, u32),
    /// The first piece came again, and nothing that follows since.
    is_repeated: bool,
    /// The last piece came: the host verifies the whole and makes it durable.
    is_whole: bool,
}

canonical!(struct Receiving { mark, leader, term, offset, checksum, first, is_repeated, is_whole });

impl Receiving {
    fn outcome(&self) -> InstallOutcome {
        InstallOutcome::Receiving {
            offset: self.offset,
            checksum: self.checksum,
        }
    }
}

impl Raft {
    pub(crate) fn on_install_snapshot(&mut self, from: NodeId, mark: SnapshotMark, piece: Piece) {
        if !self.hear_leader(from) {
            return;
        }
        let at = mark.position;
        if self.is_covered(from, at) {
            return self.answer_installed(from, at);
        }
        if self.halted || !self.is_receiving(from, mark) {
            return;
        }
        let outcome = self.take_piece(piece);
        // It promises nothing but the term.
        self.answer_after(
            self.persist.ballot_stamp(),
            from,
            Message::InstallSnapshotReply { mark: at, outcome },
        );
        let is_whole = self
            .receiving
            .as_ref()
            .is_some_and(|receiving| receiving.is_whole);
        if is_whole && Mutant::SnapshotBeforeSaved.is(self.config.mutant) {
            self.snapshot_saved(at);
        }
    }

    /// The snapshot at `mark` is durable: one that was received, which now takes the place of the log, or the host's
    /// own. Either way the log up to there is no longer needed; see [`Raft::compact`].
    pub fn snapshot_saved(&mut self, mark: Position) {
        if self.halted {
            return;
        }
        let received = self
            .receiving
            .take_if(|receiving| receiving.is_whole && receiving.mark.position == mark);
        if let Some(Receiving {
            mark: new, leader, ..
        }) = received
        {
            let is_covered = self.is_covered(leader, mark);
            if !is_covered && !self.halted {
                self.install(new);
            }
            if let Role::Follower { leader: Some(leader) } = self.role {
                self.answer_installed(leader, mark);
            }
        }
        self.compact(mark.index);
    }

    /// What was received of the snapshot at `mark` is of no use: it is forgotten, and the leader begins anew.
    pub fn snapshot_unusable(&mut self, mark: Position) {
        let received = self
            .receiving
            .take_if(|receiving| receiving.mark.position == mark);
        if received.is_some() {
            self.explain(Why::SnapshotUnusable { mark });
        }
    }

    /// Whether the log has all that a snapshot covers, so that there is nothing to install.
    fn is_covered(&mut self, leader: NodeId, mark: Position) -> bool {
        let commit = self.commit_index;
        let ours = self.log.term_at(mark.index);
        if mark.index <= commit && !Mutant::StaleSnapshotInstalled.is(self.config.mutant) {
            if let Some(term) = ours.filter(|&term| term != mark.term) {
                let index = mark.index;
                let ours = Position { term, index };
                let theirs = mark;
                self.alarm(Alarm::CommittedConflict { leader, ours, theirs });
                return false;
            }
            if self.is_rebuilt_by(mark) {
                return false;
            }
            self.explain(Why::SnapshotIgnoredOld { mark, commit });
            return true;
        }
        if ours != Some(mark.term) || mark.index <= commit || self.is_rebuilt_by(mark) {
            return false;
        }
        // Figure 13, step 6: what follows the mark in the log stays; and the leader snapshots only what is committed.
        self.explain(Why::SnapshotFastForward { mark });
        if !self.is_leader() {
            self.commit_to(mark.index);
        }
        true
    }

    /// What the snapshot covers is committed; once the log is durable as it is now, so is all of that.
    fn answer_installed(&mut self, leader: NodeId, mark: Position) {
        let outcome = InstallOutcome::Installed;
        self.answer_after(
            self.persist.changed(),
            leader,
            Message::InstallSnapshotReply { mark, outcome },
        );
    }

    /// Whether pieces of this snapshot are taken now; begins to receive it if so.
    fn is_receiving(&mut self, leader: NodeId, mark: SnapshotMark) -> bool {
        let (term, at) = (self.ballot.term, mark.position);
        match &mut self.receiving {
            Some(receiving) if receiving.mark.position == at => {
                (receiving.leader, receiving.term) = (leader, term);
                return true;
            }
            Some(Receiving { mark, is_whole, .. }) if *is_whole => {
                let saving = mark.position;
                self.explain(Why::SnapshotIgnoredWhileSaving { mark: at, saving });
                return false;
            }
            // A late message of an earlier offer. A new leader may have nothing better to offer.
            Some(receiving) if receiving.term == term && at.index < receiving.mark.position.index => {
                let newer = receiving.mark.position;
                self.explain(Why::SnapshotIgnoredForNewer { mark: at, newer });
                return false;
            }
            _ => {}
        }
        self.receiving = Some(Receiving {
            mark,
            leader,
            term,
            offset: 0,
            checksum: 0,
            first: (0, 0),
            is_repeated: false,
            is_whole: false,
        });
        true
    }

    /// Takes a piece if it is the next one. Returns what there is now.
    fn take_piece(&mut self, piece: Piece) -> InstallOutcome {
        let receiving = self.receiving.as_mut().expect("a snapshot is being received");
        let mark = receiving.mark.position;
        let Piece {
            offset,
            data,
            checksum,
            last,
        } = piece;
        let is_question = data.is_empty() && !last;
        if receiving.is_whole || is_question {
            return receiving.outcome();
        }
        let is_first = offset == 0;
        if is_first && receiving.offset > 0 {
            let is_same = receiving.first == (data.len() as u64, checksum);
            if is_same && !std::mem::replace(&mut receiving.is_repeated, true) {
                // A late duplicate, it seems. If not, the leader will find what there is to be of no use to it, and begin
                // anew once more.
                let (outcome, expected) = (receiving.outcome(), receiving.offset);
                self.explain(Why::SnapshotPieceOutOfOrder {
                    mark,
                    offset,
                    expected,
                });
                return outcome;
            }
            // Other bytes than before; the leader sends what follows.
            receiving.offset = 0;
            receiving.checksum = 0;
        }
        let unchecked = Mutant::SnapshotPieceUnchecked.is(self.config.mutant);
        let with = crc32c::crc32c_append(receiving.checksum, &data);
        if offset != receiving.offset && !unchecked {
            let outcome = receiving.outcome();
            let expected = receiving.offset;
            self.explain(Why::SnapshotPieceOutOfOrder {
                mark,
                offset,
                expected,
            });
            return outcome;
        }
        if with != checksum && !unchecked {
            let outcome = receiving.outcome();
            self.explain(Why::SnapshotPieceCorrupt { mark, offset });
            return outcome;
        }
        receiving.offset = offset + data.len() as u64;
        receiving.checksum = checksum;
        if is_first {
            receiving.first = (receiving.offset, checksum);
        }
        receiving.is_repeated = false;
        receiving.is_whole = last;
        let outcome = receiving.outcome();
        let mark = Box::new(receiving.mark.clone());
        self.outbox.push_back(Output::ReceivedChunk {
            mark,
            offset,
            data,
            last,
        });
        outcome
    }

    /// Figure 13, steps 7 and 8: the log goes, and the state becomes the snapshot's, whose membership is in force.
    fn install(&mut self, mut mark: SnapshotMark) {
        let (at, last) = (mark.position, self.log.last());
        if self.is_rebuilt_by(at) && self.log.term_at(at.index) == Some(at.term) {
            return self.rebuild(mark);
        }
        match self.role {
            // Leader Completeness: who leads has what is committed. This one has not, so somebody lied.
            Role::Leader(_) => return,
            Role::Follower { .. } => {}
            _ => {
                // It asked for votes with a log that it has no longer.
                self.explain(Why::SteppedDownForSnapshot { mark: at });
                self.become_follower(None);
            }
        }
        self.explain(Why::SnapshotInstalled { mark: at, last });
        if Mutant::SnapshotMembershipIgnored.is(self.config.mutant) {
            mark.membership = self.log_membership().clone();
        }
        let tail = if Mutant::KeepTailAfterSnapshot.is(self.config.mutant) {
            self.log.slice(at.index.next(), usize::MAX)
        } else {
            Vec::new()
        };
        let is_change = mark.membership != *self.log_membership();
        self.persist.reset(mark.clone(), self.commit_index);
        self.log = Log::new(mark.clone(), tail);
        self.memberships = Memberships::of(&self.log);
        self.held.log_ends_at(self.log.last().index);
        self.commit_index = at.index;
        self.last_applied = at.index;
        self.wants_state = false;
        self.outbox.push_back(Output::Restore(Box::new(mark)));
        if is_change {
            self.membership_in_force();
        }
        self.heed_own_removal();
    }
}
