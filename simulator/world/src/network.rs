//! The network between members: what may become of a message. Each ordered pair has its own fate: loss, duplication,
//! delay with a tail, hence reordering; narrow, reset within a message, cut, or clogged until later. Messages travel as the bytes of real frames and are
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
    /// How likely its link ends before all of it is there.
    pub resets: PerMillion,
    /// How many bytes pass in a millisecond; None for any number.
    pub bytes_per_ms: Option<u64>,
}

/// What comes of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// When.
    pub at: Time,
    /// Its bytes as they are then.
    pub bytes: Bytes,
    /// It is not all there: its link ended.
    pub is_cut_short: bool,
}

/// What waits for longer than so many microseconds to be sent is dropped: a link's queue is bounded.
const BACKLOG_MAX: u64 = 1_000_000;

/// The network.
#[derive(Clone, Debug)]
pub struct Network {
    /// What happens everywhere.
    pub weather: Weather,
    /// What happens to pairs for which it is not that.
    pairs: BTreeMap<(NodeId, NodeId), Weather>,
    /// When what was sent before has passed.
    free_at: BTreeMap<(NodeId, NodeId), Time>,
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
    /// Arrived in part.
    pub cut_short: u64,
}

impl Network {
    /// A network without cuts.
    #[must_use]
    pub fn new(weather: Weather) -> Network {
        Network {
            weather,
            pairs: BTreeMap::new(),
            free_at: BTreeMap::new(),
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

    /// Mends everything; what happens everywhere happens to every pair again.
    pub fn mend_all(&mut self) {
        self.cuts.clear();
        self.pairs.clear();
    }

    /// What happens to one direction of a pair, to be changed.
    pub fn weather_of(&mut self, pair: (NodeId, NodeId)) -> &mut Weather {
        self.pairs.entry(pair).or_insert(self.weather)
    }

    /// Whether messages of this pair get lost now.
    #[must_use]
    pub fn loses(&self, from: NodeId, to: NodeId) -> bool {
        self.cuts.get(&(from, to)) == Some(&Cut::Lost)
    }

    /// What comes of a message sent now, if anything, and of its double, if it has one.
    pub fn send(
        &mut self,
        choices: &mut Choices,
        now: Time,
        pair: (NodeId, NodeId),
        bytes: &Bytes,
    ) -> [Option<Arrival>; 2] {
        self.counts.sent += 1;
        let weather = *self.pairs.get(&pair).unwrap_or(&self.weather);
        if self.loses(pair.0, pair.1) || choices.happens(weather.loss) {
            self.counts.lost += 1;
            return [None, None];
        }
        let Some(sent) = self.passed(&weather, now, pair, bytes) else {
            self.counts.lost += 1;
            return [None, None];
        };
        let first = self.arrival(choices, &weather, (pair, sent), bytes);
        if !choices.happens(weather.duplication) {
            return [Some(first), None];
        }
        self.counts.duplicated += 1;
        [
            Some(first),
            Some(self.arrival(choices, &weather, (pair, sent), bytes)),
        ]
    }

    /// When all of it is on its way; None if too much waits already.
    fn passed(
        &mut self,
        weather: &Weather,
        now: Time,
        pair: (NodeId, NodeId),
        bytes: &Bytes,
    ) -> Option<Time> {
        let Some(bytes_per_ms) = weather.bytes_per_ms else {
            return Some(now);
        };
        let free = self.free_at.entry(pair).or_default();
        let begins = now.max(*free);
        if begins.0 - now.0 > BACKLOG_MAX {
            return None;
        }
        *free = Time(begins.0 + bytes.len() as u64 * 1000 / bytes_per_ms);
        Some(*free)
    }

    fn arrival(
        &mut self,
        choices: &mut Choices,
        weather: &Weather,
        (pair, sent): ((NodeId, NodeId), Time),
        bytes: &Bytes,
    ) -> Arrival {
        let from = match self.cuts.get(&pair) {
            Some(Cut::HeldUntil(mended)) => sent.max(*mended),
            _ => sent,
        };
        let mut arrival = Arrival {
            at: Time(from.0 + weather.delay.draw(choices)),
            bytes: bytes.clone(),
            is_cut_short: false,
        };
        if choices.happens(weather.corruption) {
            self.counts.corrupted += 1;
            let mut damaged = bytes.to_vec();
            let bit = choices.below(damaged.len() as u64 * 8);
            damaged[usize::try_from(bit / 8).expect("an index")] ^= 1 << (bit % 8);
            arrival.bytes = damaged.into();
        } else if choices.happens(weather.resets) {
            self.counts.cut_short += 1;
            let left = usize::try_from(choices.below(bytes.len() as u64)).expect("an index");
            arrival.bytes.truncate(left);
            arrival.is_cut_short = true;
        }
        arrival
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
        resets: PerMillion(0),
        bytes_per_ms: None,
    };

    const PAIR: (NodeId, NodeId) = (NodeId(1), NodeId(2));

    #[test]
    fn in_fair_weather_a_message_arrives_once_and_whole() {
        let mut choices = Choices::of_seed(1);
        let [first, second] = network(CALM).send(&mut choices, Time(5), PAIR, &encode(&message()));
        let first = first.expect("nothing is lost");
        assert!((15..=105).contains(&first.at.0), "{first:?}");
        assert_eq!(decode(&first.bytes), Some(message()));
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
        assert!(held.is_some_and(|held| held.at >= Time(1010)));
        network.mend(PAIR.0, PAIR.1);
        let [mended, _] = network.send(&mut choices, Time(0), PAIR, &bytes);
        assert!(mended.is_some_and(|mended| mended.at <= Time(100)));
    }

    #[test]
    fn a_narrow_pair_delivers_one_after_the_other_and_drops_what_waits_too_long() {
        let mut network = network(CALM);
        let mut choices = Choices::of_seed(1);
        let bytes = Bytes::from(vec![0; 100_000]);
        network.weather_of(PAIR).bytes_per_ms = Some(200);
        let mut send = |pair| network.send(&mut choices, Time(0), pair, &bytes)[0].clone();
        let at: Vec<u64> = (0..4).filter_map(|_| Some(send(PAIR)?.at.0 / 1000)).collect();
        assert_eq!(
            at,
            [500, 1000, 1500],
            "the fourth would begin after one and a half seconds"
        );
        assert!(send((PAIR.1, PAIR.0)).is_some_and(|back| back.at < Time(1000)));
        network.mend_all();
        let [mended, _] = network.send(&mut choices, Time(0), PAIR, &bytes);
        assert!(mended.is_some_and(|mended| mended.at < Time(1000)));
    }

    #[test]
    fn what_is_cut_short_is_no_message() {
        let mut network = network(Weather {
            resets: PerMillion(1_000_000),
            ..CALM
        });
        let mut choices = Choices::of_seed(1);
        for _ in 0..100 {
            let [arrival, _] = network.send(&mut choices, Time(0), PAIR, &encode(&message()));
            let arrival = arrival.expect("a part of it is there");
            assert!(arrival.is_cut_short && decode(&arrival.bytes).is_none());
        }
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
