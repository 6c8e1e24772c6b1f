//! The network of a script: messages stand on their links, in the order they were sent, until a line moves them.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;

use raft_core::{Envelope, Message, NodeId};

use super::arguments::{link, node};

/// How many messages of a link are remembered after their fate is known.
const REMEMBERED_MAX: usize = 256;

/// From one node to another; the way back is another link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Link {
    pub(crate) from: NodeId,
    pub(crate) to: NodeId,
}

impl Link {
    fn of(envelope: &Envelope) -> Link {
        Link {
            from: envelope.from,
            to: envelope.to,
        }
    }
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}->{}", self.from, self.to)
    }
}

/// A message under way.
#[derive(Clone, Debug)]
pub(crate) struct Flight {
    /// Counts up per link, from 1.
    pub(crate) number: u64,
    pub(crate) envelope: Envelope,
}

impl fmt::Display for Flight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", Link::of(&self.envelope), self.number)
    }
}

/// Which messages a line means; what is None may be anything.
#[derive(Clone, Debug, Default)]
pub(crate) struct Selector {
    pub(crate) from: Option<NodeId>,
    pub(crate) to: Option<NodeId>,
    pub(crate) number: Option<u64>,
    pub(crate) rpc: Option<&'static str>,
}

impl Selector {
    pub(crate) fn parse(word: &str) -> Option<Selector> {
        if word == "all" {
            return Some(Selector::default());
        }
        let (ends, number) = match word.split_once('#') {
            Some((ends, number)) => (ends, Some(number.parse().ok()?)),
            None => (word, None),
        };
        if number.is_some() {
            link(ends)?;
        }
        let (from, to) = ends.split_once("->")?;
        let end = |word: &str| {
            if word == "*" {
                Some(None)
            } else {
                node(word).map(Some)
            }
        };
        Some(Selector {
            from: end(from)?,
            to: end(to)?,
            number,
            rpc: None,
        })
    }

    pub(crate) fn rpc_named(name: &str) -> Option<&'static str> {
        Message::NAMES.iter().copied().find(|rpc| *rpc == name)
    }

    /// The link, if only one is meant. Naming it overrides `hold`.
    pub(crate) fn link(&self) -> Option<Link> {
        Some(Link {
            from: self.from?,
            to: self.to?,
        })
    }

    fn matches(&self, flight: &Flight) -> bool {
        let envelope = &flight.envelope;
        self.from.is_none_or(|from| from == envelope.from)
            && self.to.is_none_or(|to| to == envelope.to)
            && self.number.is_none_or(|number| number == flight.number)
            && self.rpc.is_none_or(|rpc| rpc == envelope.message.name())
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = |id: Option<NodeId>| id.map_or("*".to_owned(), |id| id.to_string());
        write!(f, "{}->{}", end(self.from), end(self.to))?;
        if let Some(number) = self.number {
            write!(f, "#{number}")?;
        }
        self.rpc.map_or(Ok(()), |rpc| write!(f, " {rpc}"))
    }
}

/// What became of a message, and at which line of the script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    UnderWay,
    Delivered {
        line: usize,
    },
    /// By the command `drop`.
    Dropped {
        line: usize,
    },
    /// The link was cut when it was sent, since that line.
    Cut {
        line: usize,
    },
    /// Its receiver was down.
    Down {
        line: usize,
    },
}

/// A message that was sent, and what became of it.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) flight: Flight,
    pub(crate) fate: Fate,
}

/// All messages under way, and which links carry none.
#[derive(Clone, Debug, Default)]
pub(crate) struct Links {
    /// The line of the script that is carried out.
    pub(crate) line: usize,
    flights: VecDeque<Flight>,
    /// How many were sent on each link, and the newest of them.
    sent: BTreeMap<Link, (u64, VecDeque<Sent>)>,
    /// Since which line.
    cut: BTreeMap<Link, usize>,
    /// Since which line.
    held: BTreeMap<Link, usize>,
}

impl Links {
    /// As if nothing was ever sent.
    pub(crate) fn begin_anew(&mut self) {
        *self = Links {
            line: self.line,
            ..Links::default()
        };
    }

    /// Puts a message on its link and returns its id; false if it was lost because the link is cut.
    pub(crate) fn send(&mut self, envelope: Envelope) -> (u64, bool) {
        let link = Link::of(&envelope);
        let (count, newest) = self.sent.entry(link).or_default();
        *count += 1;
        let number = *count;
        let fate = match self.cut.get(&link) {
            Some(&line) => Fate::Cut { line },
            None => Fate::UnderWay,
        };
        let flight = Flight { number, envelope };
        newest.push_back(Sent {
            flight: flight.clone(),
            fate,
        });
        if newest.len() > REMEMBERED_MAX {
            newest.pop_front();
        }
        let arrives = fate == Fate::UnderWay;
        if arrives {
            self.flights.push_back(flight);
        }
        (number, arrives)
    }

    /// The ids of what is meant, in the order sent. A held or cut link has nothing to deliver unless it is named.
    pub(crate) fn select(&self, selector: &Selector) -> Vec<(Link, u64)> {
        let named = selector.link();
        let idle = |link: &Link| self.is_cut(*link) || self.is_held(*link);
        self.flights
            .iter()
            .filter(|flight| selector.matches(flight))
            .map(|flight| (Link::of(&flight.envelope), flight.number))
            .filter(|(link, _)| named.is_some() || !idle(link))
            .collect()
    }

    /// Takes it off its link because of `fate`.
    pub(crate) fn take(&mut self, id: (Link, u64), fate: Fate) -> Option<Flight> {
        let at = self.position(id)?;
        let (_, newest) = self.sent.entry(id.0).or_default();
        if let Some(sent) = newest.iter_mut().find(|sent| sent.flight.number == id.1) {
            sent.fate = fate;
        }
        self.flights.remove(at)
    }

    pub(crate) fn get(&self, id: (Link, u64)) -> Option<&Flight> {
        self.flights.get(self.position(id)?)
    }

    /// Flips a bit of its payload; false if it has none.
    pub(crate) fn corrupt(&mut self, id: (Link, u64)) -> bool {
        let flight = self.position(id).and_then(|at| self.flights.get_mut(at));
        let Some(Message::InstallSnapshot { data, .. }) = flight.map(|flight| &mut flight.envelope.message)
        else {
            return false;
        };
        let mut bytes = data.to_vec();
        let flipped = bytes.first_mut().map(|byte| *byte ^= 1).is_some();
        *data = bytes.into();
        flipped
    }

    /// Puts it before all others, or behind them.
    pub(crate) fn reorder(&mut self, id: (Link, u64), first: bool) {
        let flight = self.position(id).and_then(|at| self.flights.remove(at));
        match flight {
            Some(flight) if first => self.flights.push_front(flight),
            Some(flight) => self.flights.push_back(flight),
            None => {}
        }
    }

    fn position(&self, (link, number): (Link, u64)) -> Option<usize> {
        self.flights
            .iter()
            .position(|flight| Link::of(&flight.envelope) == link && flight.number == number)
    }

    /// In the order they would arrive.
    pub(crate) fn under_way(&self) -> impl Iterator<Item = &Flight> {
        self.flights.iter()
    }

    /// What was sent on the link, the newest first, as far as it is remembered.
    pub(crate) fn sent_on(&self, link: Link) -> impl Iterator<Item = &Sent> {
        self.sent
            .get(&link)
            .into_iter()
            .flat_map(|(_, newest)| newest.iter().rev())
    }

    pub(crate) fn is_cut(&self, link: Link) -> bool {
        self.cut.contains_key(&link)
    }

    pub(crate) fn is_any_cut(&self) -> bool {
        !self.cut.is_empty()
    }

    pub(crate) fn is_held(&self, link: Link) -> bool {
        self.held.contains_key(&link)
    }

    /// Since which line the link is held.
    pub(crate) fn held_since(&self, link: Link) -> Option<usize> {
        self.held.get(&link).copied()
    }

    /// Since which line the link is cut.
    pub(crate) fn cut_since(&self, link: Link) -> Option<usize> {
        self.cut.get(&link).copied()
    }

    /// From now on nothing sent on the link arrives; what is under way stays under way.
    pub(crate) fn cut(&mut self, link: Link) {
        self.cut.insert(link, self.line);
    }

    pub(crate) fn heal(&mut self) {
        self.cut.clear();
    }

    pub(crate) fn hold(&mut self, link: Link) {
        self.held.insert(link, self.line);
    }

    pub(crate) fn release(&mut self, link: Option<Link>) {
        self.held.retain(|held, _| link.is_some_and(|link| link != *held));
    }
}
