//! The network between the cores: each ordered pair is cut or not; what goes through is late, lost or doubled. Links are
//! like the real ones: each has two lanes, one for what is urgent, and on a lane messages keep their order unless a fault
//! disturbs it.

use std::collections::BTreeMap;

use raft_core::{Envelope, Message, NodeId, Time};

use crate::choices::{Choices, PerMillion};
use crate::network::Law;

/// Ids of members are from 1 and below this.
pub(crate) const IDS_END: u64 = 64;

/// An ordered pair: from whom, to whom.
pub(crate) type Pair = (NodeId, NodeId);

/// What may become of messages now.
#[derive(Clone, Debug)]
pub(crate) struct Wire {
    /// For each sender, those it does not reach, as bits.
    cut: [u64; IDS_END as usize],
    /// When the last message of each lane arrives.
    lanes: BTreeMap<(Pair, bool), Time>,
    pub(crate) weather: Weather,
    /// By how much messages to each member are late, at most.
    late: [u64; IDS_END as usize],
    pub(crate) sent: u64,
}

/// What happens to messages of all pairs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Weather {
    /// How long one takes, in microseconds.
    pub(crate) delay: Law,
    /// How many get lost.
    pub(crate) loss: PerMillion,
    /// How many AppendEntries with entries get lost, over and above: elections without replication leave logs that
    /// differ.
    pub(crate) append_loss: PerMillion,
    /// How many arrive twice.
    pub(crate) duplication: PerMillion,
    /// How many pieces of snapshots arrive with another byte than was sent.
    pub(crate) corruption: PerMillion,
    /// How many come to somebody else, too.
    pub(crate) misdelivery: PerMillion,
    /// Lanes keep the order of messages.
    pub(crate) in_order: bool,
}

impl Weather {
    /// Nothing is lost and nothing doubled.
    pub(crate) fn fair(delay: Law) -> Weather {
        Weather {
            delay,
            loss: PerMillion(0),
            append_loss: PerMillion(0),
            duplication: PerMillion(0),
            corruption: PerMillion(0),
            misdelivery: PerMillion(0),
            in_order: true,
        }
    }
}

impl Wire {
    pub(crate) fn new(weather: Weather) -> Wire {
        Wire {
            cut: [0; IDS_END as usize],
            lanes: BTreeMap::new(),
            weather,
            late: [0; IDS_END as usize],
            sent: 0,
        }
    }

    /// Cuts these pairs and no others.
    pub(crate) fn cut_only<'a>(&mut self, pairs: impl Iterator<Item = &'a Pair>) {
        self.cut = [0; IDS_END as usize];
        for &(from, to) in pairs {
            self.cut[slot(from)] |= 1 << to.0;
        }
    }

    /// Makes messages to these members late, and to no others.
    pub(crate) fn delay_only(&mut self, members: impl Iterator<Item = (NodeId, u64)>) {
        self.late = [0; IDS_END as usize];
        for (id, late) in members {
            self.late[slot(id)] = late;
        }
    }

    pub(crate) fn is_cut(&self, (from, to): Pair) -> bool {
        self.cut[slot(from)] & 1 << to.0 != 0
    }

    /// When the message arrives, if it does, and when again if it does twice.
    pub(crate) fn send(
        &mut self,
        choices: &mut Choices,
        now: Time,
        envelope: &Envelope,
    ) -> [Option<Time>; 2] {
        self.sent += 1;
        let Weather {
            delay,
            loss,
            append_loss,
            duplication,
            in_order,
            ..
        } = self.weather;
        let pair = (envelope.from, envelope.to);
        let carries =
            matches!(&envelope.message, Message::AppendEntries { entries, .. } if !entries.is_empty());
        if self.is_cut(pair) || choices.happens(loss) || (carries && choices.happens(append_loss)) {
            return [None, None];
        }
        let late = self.late[slot(envelope.to)];
        let mut first = Time(now.0 + delay.draw(choices) + choices.below(late + 1));
        if in_order {
            let lane = self
                .lanes
                .entry((pair, envelope.message.is_urgent()))
                .or_default();
            first = first.max(*lane);
            *lane = first;
        }
        let second = choices
            .happens(duplication)
            .then(|| Time(now.0 + delay.draw(choices)));
        [Some(first), second]
    }
}

/// Makes one byte of a piece of a snapshot another. All else is guarded by those who carry it; this Raft looks through.
pub(crate) fn corrupt(choices: &mut Choices, envelope: &mut Envelope) {
    if let Message::InstallSnapshot { data, .. } = &mut envelope.message
        && !data.is_empty()
    {
        let mut bytes = data.to_vec();
        let at = choices.below(bytes.len() as u64);
        bytes[usize::try_from(at).expect("a place in memory")] ^= 1 << choices.below(8);
        *data = bytes.into();
    }
}

/// Where a member's things stand: ids count from 1.
pub(crate) fn slot(id: NodeId) -> usize {
    usize::try_from(id.0 - 1).expect("a small id")
}
