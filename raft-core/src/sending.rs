//! How far the snapshot for one follower got: a small machine of questions and answers, for each follower one.

use bytes::Bytes;

use crate::message::Message;
use crate::offer::Chunk;
use crate::types::{NodeId, Position, SnapshotMark};
use crate::why::Why;

/// Questions without an answer, two heartbeats apart, after which a snapshot is no longer held ready for a follower.
const UNANSWERED_MAX: u32 = 50;

/// How far the snapshot for one follower got.
#[derive(Clone, Debug)]
pub(crate) enum Sending {
    /// One is needed.
    Wanted {
        /// The host was asked for it.
        asked: bool,
    },
    /// The host has one ready.
    Offered(Offer),
}

#[derive(Clone, Debug)]
pub(crate) struct Offer {
    mark: Box<SnapshotMark>,
    /// What the follower is known to have of it.
    has: Prefix,
    /// The whole, once its last chunk was seen.
    whole: Option<Prefix>,
    step: Step,
    unanswered: u32,
}

/// A snapshot's first bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Prefix {
    pub(crate) len: u64,
    /// CRC32C of them.
    pub(crate) checksum: u32,
}

/// What is to be done next, or what for is waited.
#[derive(Clone, Debug)]
enum Step {
    /// The follower is to be asked what it has.
    Ask,
    Asked,
    /// The host is to be asked for the next chunk.
    Fetch,
    Fetching,
    Send(Chunk),
    /// With it the follower has these bytes.
    Sent(Prefix),
    /// The follower has all of it and makes it durable.
    Saving,
}

/// What a follower's snapshot needs done.
pub(crate) enum Next {
    Snapshot,
    Chunk { mark: Position, offset: u64 },
    Message(Message),
}

impl Sending {
    /// The host has this one ready; the follower may have some of it already.
    pub(crate) fn offered(mark: SnapshotMark) -> Sending {
        Sending::Offered(Offer {
            mark: Box::new(mark),
            has: Prefix::default(),
            whole: None,
            step: Step::Ask,
            unanswered: 0,
        })
    }

    /// The snapshot's mark, once there is one.
    pub(crate) fn mark(&self) -> Option<Position> {
        match self {
            Sending::Wanted { .. } => None,
            Sending::Offered(offer) => Some(offer.mark.position),
        }
    }

    pub(crate) fn next(&mut self) -> Option<Next> {
        match self {
            Sending::Wanted { asked } => (!std::mem::replace(asked, true)).then_some(Next::Snapshot),
            Sending::Offered(offer) => offer.next(),
        }
    }

    /// The host gave a chunk. Returns whether the follower's bytes are others than the host's, so that it is to begin
    /// anew: they came from another leader that writes the same state otherwise, or they are rotten.
    pub(crate) fn supplied(&mut self, chunk: Chunk) -> bool {
        let Sending::Offered(offer) = self else {
            return false;
        };
        if !matches!(offer.step, Step::Fetching) || chunk.offset != offer.has.len {
            return false;
        }
        if chunk.checksum_before == offer.has.checksum {
            offer.step = Step::Send(chunk);
            return false;
        }
        offer.has = Prefix::default();
        offer.step = Step::Fetch;
        true
    }

    /// The follower says what it has. Acted upon only if that answers what it was sent last: else each duplicate of an
    /// answer would send another piece for ever. Returns whether it has other bytes than was thought.
    pub(crate) fn answered(&mut self, has: Prefix) -> bool {
        let Sending::Offered(offer) = self else {
            return false;
        };
        let resumes = match offer.step {
            Step::Asked => has != offer.has,
            Step::Sent(with) if has == with => false,
            _ => return false,
        };
        offer.unanswered = 0;
        offer.has = has;
        offer.step = if offer.whole == Some(has) {
            Step::Saving
        } else {
            Step::Fetch
        };
        resumes
    }

    /// Nothing was heard for too long: whoever was asked is asked again.
    pub(crate) fn lost(&mut self, peer: NodeId) -> Option<Why> {
        match self {
            Sending::Wanted { asked } => {
                *asked = false;
                None
            }
            Sending::Offered(offer) => offer.lost(peer),
        }
    }

    /// The follower is gone, and the snapshot need not be held ready for it any longer.
    pub(crate) fn is_hopeless(&self) -> bool {
        matches!(self, Sending::Offered(offer) if offer.unanswered > UNANSWERED_MAX)
    }
}

impl Offer {
    fn next(&mut self) -> Option<Next> {
        let (position, has) = (self.mark.position, self.has);
        let (message, step) = match std::mem::replace(&mut self.step, Step::Ask) {
            Step::Ask => {
                let question = self.piece(Bytes::new(), has, false);
                (Next::Message(question), Step::Asked)
            }
            Step::Fetch => {
                let offset = has.len;
                let mark = position;
                (Next::Chunk { mark, offset }, Step::Fetching)
            }
            Step::Send(chunk) => {
                let with = Prefix {
                    len: has.len + chunk.data.len() as u64,
                    checksum: crc32c::crc32c_append(has.checksum, &chunk.data),
                };
                if chunk.last {
                    self.whole = Some(with);
                }
                let piece = self.piece(chunk.data, with, chunk.last);
                (Next::Message(piece), Step::Sent(with))
            }
            waits => {
                self.step = waits;
                return None;
            }
        };
        self.step = step;
        Some(message)
    }

    fn piece(&self, data: Bytes, with: Prefix, last: bool) -> Message {
        Message::InstallSnapshot {
            mark: self.mark.clone(),
            offset: self.has.len,
            data,
            checksum: with.checksum,
            last,
        }
    }

    fn lost(&mut self, peer: NodeId) -> Option<Why> {
        let (mark, offset) = (self.mark.position, self.has.len);
        let is_unanswered = matches!(self.step, Step::Asked | Step::Sent(_));
        self.step = Step::Ask;
        if !is_unanswered {
            return None;
        }
        self.unanswered += 1;
        Some(if self.unanswered > UNANSWERED_MAX {
            Why::SnapshotGivenUp { peer, mark }
        } else {
            Why::SnapshotAsksAgain { peer, mark, offset }
        })
    }
}
