//! The network between members: what may become of a message. Each ordered pair has its own fate: loss, duplication,
//! delay with a tail, hence reordering; cut, or clogged until later. Messages travel as the bytes of real frames and are
//! decoded by the real decoder, so that a flipped bit meets the checksum.

use std::collections::BTreeMap;

use bytes::Bytes;
use net::buffer::Buffer;
use net::frame;
use node::PeerMessage;
use raft_core::{NodeId, Time};

use crate::choices::{Choices, PerMillion};

/// How long something takes, in microseconds: most often a little, seldom much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Law {
    /// At least.
    pub min: u64,
    /// Usually at most so much more.
    pub spread: u64,
    /// How often it takes longer than usual.
    pub tail: PerMillion,
    /// And by how much then, at most.
    pub tail_max: u64,
}

impl Law {
    /// A time by this law, in microseconds.
    pub fn draw(&self, choices: &mut Choices) -> u64 {
        let usual = self.min + choices.below(self.spread + 1);
        if choices.happens(self.tail) {
            usual + choices.below(self.tail_max + 1)
        } else {
            usual
        }
    }
}

/// What a pair's messages meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// They are lost.
    Lost,
    /// They are held, and arrive once the pair is no longer cut: at this time or soon after.
    HeldUntil(Time),
}

/// What happens to messages everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Weather {
    /// How long a message takes.
    pub delay: Law,
    /// How likely it is lost.
    pub loss: PerMillion,
    /// How likely it arrives twice.
    pub duplication: PerMillion,
    /// How likely a bit of it is flipped.
    pub corruption: PerMillion,
}

/// The network.
#[derive(Clone, Debug)]
pub struct Network {
    /// What happens everywhere.
    pub weather: Weather,
    cuts: BTreeMap<(NodeId, NodeId), Cut>,
    /// Counts what became of messages.
    pub counts: Counts,
}

/// What became of messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Sent at all.
    pub sent: u64,
    /// Lost, by chance or by a cut.
    pub lost: u64,
    /// Arrived twice.
    pub duplicated: u64,
    /// Arrived damaged.
    pub corrupted: u64,
}

impl Network {
    /// A network without cuts.
    #[must_use]
    pub fn new(weather: Weather) -> Network {
        Network {
            weather,
            cuts: BTreeMap::new(),
            counts: Counts::default(),
        }
    }

    /// Cuts one direction of a pair.
    pub fn cut(&mut self, from: NodeId, to: NodeId, how: Cut) {
        self.cuts.insert((from, to), how);
    }

    /// Mends one direction of a pair.
    pub fn mend(&mut self, from: NodeId, to: NodeId) {
        self.cuts.remove(&(from, to));
    }

    /// Mends everything.
    pub fn mend_all(&mut self) {
        self.cuts.clear();
    }

    /// Whether messages of this pair get lost now.
    #[must_use]
    pub fn loses(&self, from: NodeId, to: NodeId) -> bool {
        self.cuts.get(&(from, to)) == Some(&Cut::Lost)
    }

    /// When a message sent now arrives, if at all, and again, if twice; with its bytes as they are then.
    pub fn send(
        &mut self,
        choices: &mut Choices,
        now: Time,
        (from, to): (NodeId, NodeId),
        bytes: &Bytes,
    ) -> [Option<(Time, Bytes)>; 2] {
        self.counts.sent += 1;
        if self.loses(from, to) || choices.happens(self.weather.loss) {
            self.counts.lost += 1;
            return [None, None];
        }
        let first = self.arrival(choices, now, (from, to), bytes);
        if !choices.happens(self.weather.duplication) {
            return [Some(first), None];
        }
        self.counts.duplicated += 1;
        [Some(first), Some(self.arrival(choices, now, (from, to), bytes))]
    }

    fn arrival(
        &mut self,
        choices: &mut Choices,
        now: Time,
        pair: (NodeId, NodeId),
        bytes: &Bytes,
    ) -> (Time, Bytes) {
        let from = match self.cuts.get(&pair) {
            Some(Cut::HeldUntil(mended)) => now.max(*mended),
            _ => now,
        };
        let at = Time(from.0 + self.weather.delay.draw(choices));
        if !choices.happens(self.weather.corruption) {
            return (at, bytes.clone());
        }
        self.counts.corrupted += 1;
        let mut damaged = bytes.to_vec();
        let bit = choices.below(damaged.len() as u64 * 8);
        damaged[usize::try_from(bit / 8).expect("an index")] ^= 1 << (bit % 8);
        (at, damaged.into())
    }
}

/// A message as it travels.
#[must_use]
pub fn encode(message: &PeerMessage) -> Bytes {
    let mut bytes = Vec::with_capacity(256);
    frame::encode_with(&mut bytes, |out| {
        // postcard appends to a buffer only by taking it.
        let taken = std::mem::take(out);
        *out = postcard::to_extend(message, taken).expect("a message always has a postcard form");
    })
    .expect("Raft's limits are below a frame's");
    bytes.into()
}

/// What arrived, unless it is damaged: a real link then ends, and what it carried is lost.
#[must_use]
pub fn decode(bytes: &[u8]) -> Option<PeerMessage> {
    let mut buffer = Buffer::new();
    buffer.append(bytes);
    let payload = frame::next(&mut buffer).ok()??;
    postcard::from_bytes(payload).ok()
}

#[cfg(test)]
mod tests {
    use node::Part;
    use raft_core::{Boot, Term};

    use super::*;

    fn message() -> PeerMessage {
        let part = Part::Forwarded {
            term: Term(3),
            boot: Boot(1),
            taken: 7,
        };
        PeerMessage {
            from: NodeId(1),
            from_boot: Boot(2),
            to: NodeId(2),
            parts: vec![part],
        }
    }

    fn network(weather: Weather) -> Network {
        Network::new(weather)
    }

    const CALM: Weather = Weather {
        delay: Law {
            min: 10,
            spread: 90,
            tail: PerMillion(0),
            tail_max: 0,
        },
        loss: PerMillion(0),
        duplication: PerMillion(0),
        corruption: PerMillion(0),
    };

    const PAIR: (NodeId, NodeId) = (NodeId(1), NodeId(2));

    #[test]
    fn in_fair_weather_a_message_arrives_once_and_whole() {
        let mut choices = Choices::of_seed(1);
        let [first, second] = network(CALM).send(&mut choices, Time(5), PAIR, &encode(&message()));
        let (at, bytes) = first.expect("nothing is lost");
        assert!((15..=105).contains(&at.0), "{at:?}");
        assert_eq!(decode(&bytes), Some(message()));
        assert_eq!(second, None);
    }

    #[test]
    fn every_flipped_bit_is_noticed() {
        let bytes = encode(&message());
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes.to_vec();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(decode(&damaged), None, "bit {bit}");
        }
    }

    #[test]
    fn a_cut_is_one_way_and_a_clogged_pair_delivers_later() {
        let mut network = network(CALM);
        let mut choices = Choices::of_seed(1);
        let bytes = encode(&message());
        network.cut(PAIR.0, PAIR.1, Cut::Lost);
        assert_eq!(network.send(&mut choices, Time(0), PAIR, &bytes), [None, None]);
        let [back, _] = network.send(&mut choices, Time(0), (PAIR.1, PAIR.0), &bytes);
        assert!(back.is_some());
        network.cut(PAIR.0, PAIR.1, Cut::HeldUntil(Time(1000)));
        let [held, _] = network.send(&mut choices, Time(0), PAIR, &bytes);
        assert!(held.is_some_and(|(at, _)| at >= Time(1010)));
        network.mend(PAIR.0, PAIR.1);
        let [mended, _] = network.send(&mut choices, Time(0), PAIR, &bytes);
        assert!(mended.is_some_and(|(at, _)| at <= Time(100)));
    }

    #[test]
    fn foul_weather_loses_doubles_and_damages() {
        let half = PerMillion(500_000);
        let mut network = network(Weather {
            loss: half,
            duplication: half,
            corruption: half,
            ..CALM
        });
        let mut choices = Choices::of_seed(3);
        for _ in 0..1000 {
            let _ = network.send(&mut choices, Time(0), PAIR, &encode(&message()));
        }
        let counts = network.counts;
        assert_eq!(counts.sent, 1000);
        assert!((400..600).contains(&counts.lost), "{counts:?}");
        assert!((150..350).contains(&counts.duplicated), "{counts:?}");
        assert!((250..500).contains(&counts.corrupted), "{counts:?}");
    }
}
