//! A leader's side of snapshots (Raft 7, Figure 13): a follower that needs entries which the log in memory no longer has
//! gets the state itself, piece by piece. The host has the bytes; here is only which piece is next. One piece is on its
//! way at a time, and none is kept: when an answer fails to come, the follower is asked what it has, and the host gives
//! what follows, once more. So a transfer goes on where it stopped, after a lost connection and under another leader
//! that offers the same mark, if the bytes so far are the same by their checksum.

use bytes::Bytes;

use crate::fingerprint::canonical;
use crate::message::{Envelope, InstallOutcome};
use crate::output::{Misuse, Output};
use crate::progress::Pace;
use crate::raft::Raft;
use crate::role::Role;
use crate::sending::{Next, Prefix, Sending};
use crate::types::{Index, NodeId, Position, SnapshotMark};
use crate::why::Why;

/// Bytes of a snapshot, from its host to Raft.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// Bytes of the snapshot before `data`.
    pub offset: u64,
    /// CRC32C of these; 0 if there are none.
    pub checksum_before: u32,
    /// The bytes from there on; empty only if there are none.
    pub data: Bytes,
    /// Nothing follows `data`.
    pub last: bool,
}

canonical!(struct Chunk { offset, checksum_before, data, last });

impl Raft {
    /// The host has a view of the state at `mark`, in answer to [`Output::NeedSnapshot`]. It is held until
    /// [`Raft::offers`] no longer names it. A newer one may be offered instead, if the former cannot be read any more.
    /// Returns whether it is taken: not if the follower needs none (any more) or a later one, if the log in memory does not
    /// reach back to it, if it is not applied, or if a member that was added later does not know who took part then. If none is taken, the host is asked again after two heartbeats.
    pub fn offer_snapshot(&mut self, peer: NodeId, mark: Position) -> bool {
        if mark.index > self.last_applied || self.log.term_at(mark.index) != Some(mark.term) {
            return false;
        }
        let (now, membership) = (self.now, self.memberships.at(mark.index).clone());
        if !membership.is_sound() {
            return false;
        }
        let wants_from = self.wants_from(peer);
        let Some(sending) = self.sending(peer) else {
            return false;
        };
        if sending.mark().is_some_and(|known| mark.index <= known.index) {
            return false;
        }
        if wants_from.is_some_and(|wanted| mark.index < wanted) {
            return false;
        }
        let position = mark;
        *sending = Sending::offered(SnapshotMark { position, membership }, now);
        self.explain(Why::SnapshotOffered { peer, mark });
        true
    }

    /// The bytes of the snapshot at `mark` that [`Output::NeedChunk`] asked for. Asked for bytes after its end, the host
    /// gives none, as the last ones. What is not asked for any more is ignored.
    ///
    /// # Errors
    /// If the chunk is empty and not the last, or has a checksum of no bytes that is not 0.
    pub fn supply_chunk(&mut self, peer: NodeId, mark: Position, chunk: Chunk) -> Result<(), Misuse> {
        let (offset, checksum_before) = (chunk.offset, chunk.checksum_before);
        if chunk.data.is_empty() && !chunk.last {
            return Err(Misuse::EmptyChunk { offset });
        }
        if offset == 0 && checksum_before != 0 {
            return Err(Misuse::ChecksumOfNothing { checksum_before });
        }
        let Some(sending) = self.sending(peer).filter(|s| s.mark() == Some(mark)) else {
            return Ok(());
        };
        if sending.supplied(chunk) {
            self.explain(Why::SnapshotBeginsAnew { peer, mark, offset });
        }
        Ok(())
    }

    /// The snapshots that are held ready for followers, by their marks; the host may let go of all others.
    pub fn offers(&self) -> impl Iterator<Item = (NodeId, Position)> {
        let progress = match &self.role {
            Role::Leader(leader) => Some(&leader.progress),
            _ => None,
        };
        let all = progress.into_iter().flatten();
        all.filter_map(|(&peer, progress)| match &progress.pace {
            Pace::Snapshot(sending) => sending.mark().map(|mark| (peer, mark)),
            _ => None,
        })
    }

    /// The next piece for a follower to which the log no longer reaches, or what is needed to make it.
    pub(crate) fn next_piece(&mut self, to: NodeId) -> Option<Envelope> {
        let resend_deadline = self.resend_deadline();
        let (last, bytes_max) = (self.log.last().index, self.config.limits.chunk_bytes_max);
        let Role::Leader(leader) = &mut self.role else {
            return None;
        };
        let progress = leader.progress.get_mut(&to)?;
        let Pace::Snapshot(sending) = &mut progress.pace else {
            return None;
        };
        let Some(next) = sending.next() else {
            if let Some(mark) = sending.mark().filter(|mark| mark.index < last)
                && !std::mem::replace(&mut progress.pause_explained, true)
            {
                self.explain(Why::PausedForSnapshot { peer: to, mark, last });
            }
            return None;
        };
        progress.resend_deadline = resend_deadline;
        match next {
            Next::Snapshot => self.outbox.push_back(Output::NeedSnapshot { peer: to }),
            Next::Chunk { mark, offset } => self.outbox.push_back(Output::NeedChunk {
                peer: to,
                mark,
                offset,
                bytes_max,
            }),
            Next::Message(message) => return Some(self.message_to(to, message)),
        }
        None
    }

    pub(crate) fn on_install_snapshot_reply(
        &mut self,
        from: NodeId,
        mark: Position,
        outcome: InstallOutcome,
    ) {
        let (now, election_timeout) = (self.now, self.config.election_timeout);
        let (last, resend_deadline) = (self.log.last().index, self.resend_deadline());
        if !self.is_leader() {
            return;
        }
        // We send snapshots only of what we applied.
        let term = self.log.term_at(mark.index);
        if mark.index > self.commit_index || term.is_some_and(|term| term != mark.term) {
            return self.explain(Why::IllFormed { from });
        }
        match outcome {
            InstallOutcome::Installed => {
                let Role::Leader(leader) = &mut self.role else {
                    return;
                };
                let Some(progress) = leader.progress.get_mut(&from) else {
                    return;
                };
                progress.wants_from.take_if(|wanted| *wanted <= mark.index);
                progress.rounds.matched(mark.index, last, now, election_timeout);
                let is_news = progress.matched(mark.index, last, resend_deadline);
                self.resume_log(from);
                if is_news {
                    self.advance_commit();
                }
            }
            InstallOutcome::Receiving { offset, checksum } => {
                let Some(sending) = self.sending(from).filter(|s| s.mark() == Some(mark)) else {
                    return;
                };
                let has = Prefix {
                    len: offset,
                    checksum,
                };
                if let Some(why) = sending.answered(from, has, now) {
                    self.explain(why);
                }
            }
        }
    }

    /// A follower has more than before: if the log reaches it again, however that came to be, entries follow.
    pub(crate) fn resume_log(&mut self, peer: NodeId) {
        let (mark, last) = (self.log.mark().position, self.log.last().index);
        let Role::Leader(leader) = &mut self.role else {
            return;
        };
        let Some(progress) = leader.progress.get_mut(&peer) else {
            return;
        };
        let Pace::Snapshot(sending) = &progress.pace else {
            return;
        };
        if progress.wants_from.is_some() {
            return;
        }
        let next = progress.next_index;
        if next > mark.index {
            progress.end_snapshot(last);
            self.explain(Why::SnapshotDone { peer, next });
        } else if sending.mark().is_some_and(|sent| sent.index < next) {
            // What followed it had to go meanwhile: the follower needs a newer one.
            progress.begin_snapshot();
            self.explain(Why::SnapshotNeeded { peer, next, mark });
        }
    }

    /// From where on a follower needs the state although its log is sound.
    pub(crate) fn wants_from(&self, peer: NodeId) -> Option<Index> {
        match &self.role {
            Role::Leader(leader) => leader.progress.get(&peer)?.wants_from,
            _ => None,
        }
    }

    fn sending(&mut self, peer: NodeId) -> Option<&mut Sending> {
        let Role::Leader(leader) = &mut self.role else {
            return None;
        };
        match &mut leader.progress.get_mut(&peer)?.pace {
            Pace::Snapshot(sending) => Some(sending),
            _ => None,
        }
    }
}
