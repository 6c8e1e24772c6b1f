//! How far the snapshot for one follower got: a small machine of questions and answers, for each follower one.

use std::time::Duration;

use bytes::Bytes;

use crate::fingerprint::canonical;
use crate::message::Message;
use crate::offer::Chunk;
use crate::types::{NodeId, Position, SnapshotMark, Time};
use crate::why::Why;

/// Election timeouts without an answer, after which a snapshot is no longer held ready for a follower.
pub(crate) const PATIENCE: u32 = 10;

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
    step: Step,
    /// The follower was told that it has the whole.
    is_delivered: bool,
    /// When it last answered.
    answered_at: Time,
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
    /// With it the follower has these bytes, and knows whether these are all.
    Sent {
        with: Prefix,
        last: bool,
    },
    /// The follower has all of it and makes it durable.
    Saving,
}

canonical!(enum Sending { Wanted { asked }, Offered(offer) });
canonical!(struct Offer { mark, has, step, is_delivered, answered_at });
canonical!(struct Prefix { len, checksum });
canonical!(enum Step { Ask, Asked, Fetch, Fetching, Send(chunk), Sent { with, last }, Saving });

/// What a follower's snapshot needs done.
pub(crate) enum Next {
    Snapshot,
    Chunk { mark: Position, offset: u64 },
    Message(Message),
}

impl Sending {
    /// The host has this one ready; the follower may have some of it already.
    pub(crate) fn offered(mark: SnapshotMark, now: Time) -> Sending {
        Sending::Offered(Offer {
            mark: Box::new(mark),
            has: Prefix::default(),
            step: Step::Ask,
            is_delivered: false,
            answered_at: now,
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
    /// answer would send another piece for ever. Returns what is to be said about it.
    pub(crate) fn answered(&mut self, peer: NodeId, has: Prefix, now: Time) -> Option<Why> {
        let Sending::Offered(offer) = self else {
            return None;
        };
        let (mark, offset) = (offer.mark.position, has.len);
        let (had, is_whole) = match offer.step {
            // It may have all bytes, and not know that these are all.
            Step::Asked => (offer.has, false),
            Step::Sent { with, last } if has == with => (with, last),
            _ => return None,
        };
        if offer.is_delivered && offset == 0 {
            // It could not use it, or forgot it in a crash: the state has gone on, and another view may be sound.
            *self = Sending::Wanted { asked: false };
            return Some(Why::SnapshotMadeAnew { peer, mark });
        }
        offer.answered_at = now;
        offer.has = has;
        offer.is_delivered |= is_whole;
        offer.step = if is_whole { Step::Saving } else { Step::Fetch };
        (has != had).then_some(Why::SnapshotResumes { peer, mark, offset })
    }

    /// No answer came for too long: whoever was asked is asked again; or, if it did not answer for `patience` either, it
    /// is given up (`SnapshotGivenUp`).
    pub(crate) fn lost(&mut self, peer: NodeId, now: Time, patience: Duration) -> Option<Why> {
        match self {
            Sending::Wanted { asked } => {
                *asked = false;
                None
            }
            Sending::Offered(offer) => offer.lost(peer, now, patience),
        }
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
                let last = chunk.last;
                let piece = self.piece(chunk.data, with, last);
                (Next::Message(piece), Step::Sent { with, last })
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

    fn lost(&mut self, peer: NodeId, now: Time, patience: Duration) -> Option<Why> {
        let (mark, offset) = (self.mark.position, self.has.len);
        let is_unanswered = matches!(self.step, Step::Asked | Step::Sent { .. });
        self.step = Step::Ask;
        if !is_unanswered {
            return None;
        }
        Some(if now >= self.answered_at.after(patience) {
            Why::SnapshotGivenUp { peer, mark }
        } else {
            Why::SnapshotAsksAgain { peer, mark, offset }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEER: NodeId = NodeId(2);
    const NOW: Time = Time(1);
    const PATIENCE: Duration = Duration::from_secs(10);
    const BYTES: &[u8] = b"snapshot";

    fn offered() -> Sending {
        Sending::offered(SnapshotMark::default(), NOW)
    }

    fn prefix(len: usize) -> Prefix {
        Prefix {
            len: len as u64,
            checksum: crc32c::crc32c(&BYTES[..len]),
        }
    }

    /// Five bytes at a time; that nothing follows is said by an empty chunk.
    fn chunk(offset: u64) -> Chunk {
        let start = offset as usize;
        let end = BYTES.len().min(start + 5);
        Chunk {
            offset,
            checksum_before: prefix(start).checksum,
            data: Bytes::from_static(&BYTES[start..end]),
            last: start == end,
        }
    }

    /// What is sent next; the host gives what it is asked for.
    fn sent(sending: &mut Sending) -> Option<(u64, usize, bool)> {
        loop {
            match sending.next()? {
                Next::Snapshot => panic!("it is offered already"),
                Next::Chunk { offset, .. } => assert!(!sending.supplied(chunk(offset))),
                Next::Message(Message::InstallSnapshot {
                    offset, data, last, ..
                }) => return Some((offset, data.len(), last)),
                Next::Message(message) => panic!("{} is no piece", message.name()),
            }
        }
    }

    #[test]
    fn one_piece_at_a_time_each_after_the_one_before() {
        let mut sending = offered();
        assert_eq!(sent(&mut sending), Some((0, 0, false)), "what is there?");
        assert_eq!(sent(&mut sending), None);
        for (has, next) in [(0, (0, 5, false)), (5, (5, 3, false)), (8, (8, 0, true))] {
            assert_eq!(sending.answered(PEER, prefix(has), NOW), None);
            assert_eq!(sent(&mut sending), Some(next));
            assert_eq!(sent(&mut sending), None);
        }
        assert_eq!(sending.answered(PEER, prefix(8), NOW), None);
        assert_eq!(sent(&mut sending), None, "it is being saved");
    }

    #[test]
    fn a_late_answer_sends_nothing() {
        let mut sending = offered();
        sent(&mut sending);
        for has in [0, 5] {
            sending.answered(PEER, prefix(has), NOW);
            sent(&mut sending);
        }
        for has in [0, 5, 5, 0] {
            sending.answered(PEER, prefix(has), NOW);
            assert_eq!(sent(&mut sending), None);
        }
    }

    #[test]
    fn a_follower_that_has_all_bytes_learns_that_these_are_all() {
        let mut sending = offered();
        for has in [0, 5, 8] {
            sent(&mut sending);
            sending.answered(PEER, prefix(has), NOW);
        }
        assert_eq!(sent(&mut sending), Some((8, 0, true)));
        assert!(
            sending.lost(PEER, NOW, PATIENCE).is_some(),
            "the last piece, or its answer"
        );
        assert_eq!(sent(&mut sending), Some((8, 0, false)));
        assert_eq!(sending.answered(PEER, prefix(8), NOW), None);
        assert_eq!(sent(&mut sending), Some((8, 0, true)), "once more");
        sending.answered(PEER, prefix(8), NOW);
        assert_eq!(sending.lost(PEER, NOW, PATIENCE), None, "it may still be saving");
    }

    #[test]
    fn what_was_of_no_use_is_not_sent_again() {
        let mut sending = offered();
        for has in [0, 5, 8, 8] {
            sent(&mut sending);
            sending.answered(PEER, prefix(has), NOW);
        }
        sending.lost(PEER, NOW, PATIENCE);
        sent(&mut sending);
        let why = sending.answered(PEER, prefix(0), NOW);
        assert!(matches!(why, Some(Why::SnapshotMadeAnew { .. })));
        assert!(matches!(sending.next(), Some(Next::Snapshot)));
    }

    #[test]
    fn other_bytes_are_sent_anew() {
        let mut sending = offered();
        sent(&mut sending);
        let other = Prefix { len: 5, checksum: 1 };
        let why = sending.answered(PEER, other, NOW);
        assert!(matches!(why, Some(Why::SnapshotResumes { .. })));
        assert!(matches!(sending.next(), Some(Next::Chunk { offset: 5, .. })));
        assert!(sending.supplied(chunk(5)), "they are not ours");
        assert_eq!(sent(&mut sending), Some((0, 5, false)));
    }

    #[test]
    fn who_never_answers_is_given_up() {
        let mut sending = offered();
        let almost = NOW.after(PATIENCE - Duration::from_micros(1));
        for now in [NOW, almost] {
            sent(&mut sending);
            let why = sending.lost(PEER, now, PATIENCE);
            assert!(matches!(why, Some(Why::SnapshotAsksAgain { .. })));
        }
        sent(&mut sending);
        let why = sending.lost(PEER, NOW.after(PATIENCE), PATIENCE);
        assert!(matches!(why, Some(Why::SnapshotGivenUp { .. })));
    }
}
