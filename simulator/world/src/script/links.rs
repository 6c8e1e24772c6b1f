//! The network of a script: messages stand on their links, in the order they were sent, until a line moves them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;

use raft_core::{Envelope, NodeId};

use super::arguments::{link, node};

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

/// The names of `raft_core::Message::name`.
const RPCS: [&str; 6] = [
    "RequestVote",
    "RequestVoteReply",
    "AppendEntries",
    "AppendEntriesReply",
    "Heartbeat",
    "HeartbeatReply",
];

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
        RPCS.into_iter().find(|rpc| *rpc == name)
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

/// All messages under way, and which links carry none.
#[derive(Clone, Debug, Default)]
pub(crate) struct Links {
    flights: VecDeque<Flight>,
    sent: BTreeMap<Link, u64>,
    cut: BTreeSet<Link>,
    held: BTreeSet<Link>,
}

impl Links {
    /// Puts a message on its link and returns its id; false if it was lost because the link is cut.
    pub(crate) fn send(&mut self, envelope: Envelope) -> (u64, bool) {
        let link = Link::of(&envelope);
        let number = self.sent.entry(link).or_default();
        *number += 1;
        let number = *number;
        let arrives = !self.cut.contains(&link);
        if arrives {
            self.flights.push_back(Flight { number, envelope });
        }
        (number, arrives)
    }

    /// The ids of what is meant, in the order sent. A held or cut link has nothing to deliver unless it is named.
    pub(crate) fn select(&self, selector: &Selector) -> Vec<(Link, u64)> {
        let named = selector.link();
        self.flights
            .iter()
            .filter(|flight| selector.matches(flight))
            .map(|flight| (Link::of(&flight.envelope), flight.number))
            .filter(|(link, _)| named.is_some() || !(self.cut.contains(link) || self.held.contains(link)))
            .collect()
    }

    pub(crate) fn take(&mut self, (link, number): (Link, u64)) -> Option<Flight> {
        let at = self
            .flights
            .iter()
            .position(|flight| Link::of(&flight.envelope) == link && flight.number == number)?;
        self.flights.remove(at)
    }

    pub(crate) fn get(&self, (link, number): (Link, u64)) -> Option<&Flight> {
        self.flights
            .iter()
            .find(|flight| Link::of(&flight.envelope) == link && flight.number == number)
    }

    /// In the order sent.
    pub(crate) fn under_way(&self) -> impl Iterator<Item = &Flight> {
        self.flights.iter()
    }

    pub(crate) fn is_cut(&self, link: Link) -> bool {
        self.cut.contains(&link)
    }

    pub(crate) fn is_held(&self, link: Link) -> bool {
        self.held.contains(&link)
    }

    /// From now on nothing sent on the link arrives; what is under way stays under way.
    pub(crate) fn cut(&mut self, link: Link) {
        self.cut.insert(link);
    }

    pub(crate) fn heal(&mut self) {
        self.cut.clear();
    }

    pub(crate) fn hold(&mut self, link: Link) {
        self.held.insert(link);
    }

    pub(crate) fn release(&mut self, link: Option<Link>) {
        self.held.retain(|held| link.is_some_and(|link| link != *held));
    }
}
