//! Answers that wait for their stamp. For each peer and lane there are at most two: one that the Save in flight will
//! release, and the newest. Were only the newest kept, a steady stream of entries would put off every acknowledgement
//! to the Save after the next, for ever.

use crate::fingerprint::canonical;
use crate::message::{AppendOutcome, Envelope, Message};
use crate::types::{Index, NodeId, Stamp};

/// All of one term: a new term drops them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Held {
    /// Ordered by peer and kind, and within such a lane by stamp. Hardly ever more than a few.
    lanes: Vec<(Lane, (Stamp, Envelope))>,
}

canonical!(struct Held { lanes });
canonical!(
    enum Kind {
        Entries,
        Snapshot,
        Urgent,
    }
);

impl Held {
    /// Holds an answer until `stamp` is durable; `saving` is the stamp of the Save in flight, or of the last one. It
    /// takes the place of one that waits no less long: the peer learns more from it, and retries what it needs.
    pub(crate) fn hold(&mut self, stamp: Stamp, saving: Stamp, mut envelope: Envelope) {
        let lane = (envelope.to, Kind::of(&envelope.message));
        let mut end = self.lanes.partition_point(|(other, _)| *other <= lane);
        while let Some(newest) = end.checked_sub(1)
            && self.lanes[newest].0 == lane
            && (self.lanes[newest].1.0 > saving || stamp <= saving)
        {
            let (_, (_, older)) = self.lanes.remove(newest);
            envelope.message = with_what_it_replaces(older.message, envelope.message);
            end = newest;
        }
        self.lanes.insert(end, (lane, (stamp, envelope)));
    }

    /// The next answer whose promise is kept.
    pub(crate) fn release(&mut self, is_durable: impl Fn(Stamp) -> bool) -> Option<Envelope> {
        let next = self.lanes.iter().position(|(_, (due, _))| is_durable(*due))?;
        let (_, (_, envelope)) = self.lanes.remove(next);
        Some(envelope)
    }

    pub(crate) fn clear(&mut self) {
        self.lanes.clear();
    }

    /// The log ends at `last` now. What acknowledges more is not said: only who was lied to had more.
    pub(crate) fn log_ends_at(&mut self, last: Index) {
        self.lanes.retain(|(_, (_, envelope))| {
            !matches!(envelope.message, Message::AppendEntriesReply(AppendOutcome::Matched(index)) if index > last)
        });
    }
}

/// Answers to one peer of one kind.
type Lane = (NodeId, Kind);

/// Answers of a kind replace each other, and no others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Entries,
    Snapshot,
    Urgent,
}

impl Kind {
    fn of(message: &Message) -> Kind {
        match message {
            Message::InstallSnapshotReply { .. } => Kind::Snapshot,
            _ if message.is_urgent() => Kind::Urgent,
            _ => Kind::Entries,
        }
    }
}

/// Within a term an acknowledgement stays true: a late duplicate answered with less takes nothing back.
fn with_what_it_replaces(older: Message, newer: Message) -> Message {
    use Message::{AppendEntriesReply, HeartbeatReply};
    match (older, newer) {
        (AppendEntriesReply(AppendOutcome::Matched(a)), AppendEntriesReply(AppendOutcome::Matched(b))) => {
            AppendEntriesReply(AppendOutcome::Matched(a.max(b)))
        }
        (
            HeartbeatReply { round: a, .. },
            HeartbeatReply {
                round: b,
                understands,
                wants_from,
                stands_back,
            },
        ) => HeartbeatReply {
            round: a.max(b),
            understands,
            wants_from,
            stands_back,
        },
        (_, newer) => newer,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Term;

    fn matched(index: u64) -> Envelope {
        Envelope {
            from: NodeId(2),
            to: NodeId(1),
            term: Term(1),
            message: Message::AppendEntriesReply(AppendOutcome::Matched(Index(index))),
        }
    }

    #[test]
    fn a_newer_answer_does_not_put_off_one_that_is_nearly_due() {
        let mut held = Held::default();
        held.hold(Stamp(1), Stamp(1), matched(1));
        for index in 2..9 {
            held.hold(Stamp(index), Stamp(1), matched(index));
        }
        assert_eq!(held.release(|due| due <= Stamp(1)), Some(matched(1)));
        assert_eq!(held.release(|due| due <= Stamp(7)), None);
        assert_eq!(held.release(|due| due <= Stamp(8)), Some(matched(8)));
        assert_eq!(held.release(|_| true), None);
    }

    #[test]
    fn a_late_duplicate_takes_nothing_back() {
        let mut held = Held::default();
        held.hold(Stamp(5), Stamp(5), matched(5));
        held.hold(Stamp(5), Stamp(5), matched(2));
        assert_eq!(held.release(|_| true), Some(matched(5)));
        assert_eq!(held.release(|_| true), None);
    }

    #[test]
    fn what_the_log_lost_is_not_acknowledged() {
        let mut held = Held::default();
        held.hold(Stamp(1), Stamp(1), matched(2));
        held.hold(Stamp(2), Stamp(1), matched(3));
        held.log_ends_at(Index(2));
        assert_eq!(held.release(|_| true), Some(matched(2)));
        assert_eq!(held.release(|_| true), None);
    }
}
