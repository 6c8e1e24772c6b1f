//! Members, messages and pasts under numbers, and the turns that were carried out. A member in the same state given the
//! same input does the same, so each turn is carried out once, whatever the rest of the cluster looks like.

use std::collections::BTreeMap;
use std::rc::Rc;

use raft_core::{Envelope, Message, NodeId};

use super::past::{Past, leader_append_only};
use super::scope::Scope;
use super::seat::{Facts, Input, Seat};

/// A number of each thing known so far.
#[derive(Debug)]
pub(super) struct Registry {
    pub(super) scope: Scope,
    /// Every way to rename the members, that which changes nothing first. `renamings[k][i]` is the new name of the ith.
    renamings: Vec<Vec<NodeId>>,
    members: Numbered<Member>,
    messages: Numbered<Envelope>,
    /// What each message would be under each renaming, whether or not that one was ever sent: a short name of it.
    names: Vec<Box<[u32]>>,
    name_list: BTreeMap<u64, u32>,
    pasts: BTreeMap<Past, u32>,
    past_list: Vec<(Past, Box<[u64]>)>,
    /// By the member's number.
    turns: Vec<BTreeMap<Input, Rc<Turn>>>,
}

#[derive(Debug)]
struct Member {
    seat: Seat,
    facts: Facts,
}

/// Things with their fingerprints under each renaming; the first one says which thing it is.
#[derive(Debug)]
struct Numbered<T> {
    things: Vec<(T, Box<[u64]>)>,
    numbers: BTreeMap<u64, u32>,
}

/// What an input makes of a member.
#[derive(Debug)]
pub(super) struct Turn {
    pub(super) member: u32,
    /// The messages sent, in order.
    pub(super) sent: Vec<u32>,
    /// What went wrong, if anything.
    pub(super) broken: Option<String>,
}

impl Registry {
    pub(super) fn new(scope: Scope) -> Registry {
        Registry {
            renamings: permutations(scope.ids().collect()),
            scope,
            members: Numbered::default(),
            messages: Numbered::default(),
            names: Vec::new(),
            name_list: BTreeMap::new(),
            pasts: BTreeMap::new(),
            past_list: Vec::new(),
            turns: Vec::new(),
        }
    }

    /// A member after its first boot.
    ///
    /// # Panics
    /// If it does not even boot.
    pub(super) fn boot(&mut self, id: NodeId) -> u32 {
        let mut seat = Seat::new(id, &self.scope);
        let sent = seat.turn(None, &self.scope);
        assert_eq!(sent, Ok(vec![]), "a new member has nobody to speak to");
        self.turned(seat, sent, None).member
    }

    pub(super) fn facts(&self, member: u32) -> &Facts {
        &self.members.get(member).facts
    }

    pub(super) fn message(&self, message: u32) -> &Envelope {
        self.messages.get(message)
    }

    /// Whether it answers a question, and only one who asked is told it.
    pub(super) fn is_answer(&self, message: u32) -> bool {
        let message = &self.messages.get(message).message;
        matches!(message, Message::Entries { .. } | Message::Removed) || message.name().ends_with("Reply")
    }

    pub(super) fn past(&self, past: u32) -> &Past {
        &self.past_list[past as usize].0
    }

    /// How many member states, messages and turns there are.
    pub(super) fn sizes(&self) -> (usize, usize, usize) {
        (
            self.members.things.len(),
            self.messages.things.len(),
            self.turns.iter().map(BTreeMap::len).sum(),
        )
    }

    /// What the input makes of the member; carried out if it never was.
    pub(super) fn turn(&mut self, member: u32, input: Input) -> Rc<Turn> {
        let place = member as usize;
        if let Some(turn) = self.turns.get(place).and_then(|turns| turns.get(&input)) {
            return Rc::clone(turn);
        }
        let before = self.members.get(member).facts.clone();
        let mut seat = self.members.get(member).seat.clone();
        let envelope = match input {
            Input::Receive(message) => Some(self.messages.get(message).clone()),
            _ => None,
        };
        let sent = seat.turn(Some((input, envelope)), &self.scope);
        let turn = Rc::new(self.turned(seat, sent, Some(&before)));
        let turns_known = self.turns.len().max(place + 1);
        self.turns.resize_with(turns_known, BTreeMap::new);
        self.turns[place].insert(input, Rc::clone(&turn));
        turn
    }

    pub(super) fn past_number(&mut self, past: &Past) -> u32 {
        if let Some(&number) = self.pasts.get(past) {
            return number;
        }
        let number = number_of(self.past_list.len());
        let fingerprints = self
            .renamings
            .iter()
            .map(|renaming| past.fingerprint(&rename(renaming)));
        self.past_list.push((past.clone(), fingerprints.collect()));
        self.pasts.insert(past.clone(), number);
        number
    }

    /// A cluster as it is known to `Visited`: a fingerprint of all but the network, and the messages under way; the same
    /// for all that differ only in the members' names, but for a few that are symmetric in themselves.
    pub(super) fn canonical(&self, members: &[u32], wire: &[u32], past: u32, spent: u64) -> (u64, Vec<u32>) {
        let under = |renaming: usize| {
            // A sum, so that their order does not count.
            let members = members
                .iter()
                .map(|&member| self.members.fingerprint(member, renaming));
            let sum = members.fold(0u64, u64::wrapping_add);
            (
                mix(mix(sum, self.past_list[past as usize].1[renaming]), spent),
                renaming,
            )
        };
        let least = (0..self.renamings.len()).map(under).min();
        let (rest, renaming) = least.expect("one renaming at least");
        let mut wire: Vec<u32> = wire
            .iter()
            .map(|&message| self.names[message as usize][renaming])
            .collect();
        wire.sort_unstable();
        (rest, wire)
    }

    fn turned(&mut self, seat: Seat, sent: Result<Vec<Envelope>, String>, before: Option<&Facts>) -> Turn {
        let facts = seat.facts();
        let append_only = before.map_or(Ok(()), |before| leader_append_only(before, &facts));
        let (sent, broken) = match sent {
            Ok(sent) => (sent, append_only.err().map(|violation| violation.to_string())),
            Err(broken) => (Vec::new(), Some(broken)),
        };
        let renamings = &self.renamings;
        let fingerprints = renamings
            .iter()
            .map(|renaming| seat.fingerprint(&rename(renaming)))
            .collect();
        let member = self.members.number(fingerprints, || Member { seat, facts });
        let sent = sent
            .into_iter()
            .map(|envelope| self.message_number(envelope))
            .collect();
        Turn { member, sent, broken }
    }

    fn message_number(&mut self, envelope: Envelope) -> u32 {
        let renamings = self.renamings.iter();
        let fingerprints = renamings.map(|renaming| envelope.fingerprint_renamed(&rename(renaming)));
        let fingerprints: Box<[u64]> = fingerprints.collect();
        if self.messages.numbers.contains_key(&fingerprints[0]) {
            return self.messages.numbers[&fingerprints[0]];
        }
        let names = fingerprints.iter().map(|&fingerprint| {
            let next = number_of(self.name_list.len());
            *self.name_list.entry(fingerprint).or_insert(next)
        });
        self.names.push(names.collect());
        self.messages.number(fingerprints, || envelope)
    }
}

impl<T> Default for Numbered<T> {
    fn default() -> Numbered<T> {
        Numbered {
            things: Vec::new(),
            numbers: BTreeMap::new(),
        }
    }
}

impl<T> Numbered<T> {
    fn number(&mut self, fingerprints: Box<[u64]>, thing: impl FnOnce() -> T) -> u32 {
        *self.numbers.entry(fingerprints[0]).or_insert_with(|| {
            self.things.push((thing(), fingerprints));
            number_of(self.things.len() - 1)
        })
    }

    fn get(&self, number: u32) -> &T {
        &self.things[number as usize].0
    }

    fn fingerprint(&self, number: u32, renaming: usize) -> u64 {
        self.things[number as usize].1[renaming]
    }
}

/// One word of two; neither can be told from it, and their order counts.
pub(super) fn mix(a: u64, b: u64) -> u64 {
    let word =
        (a ^ b.rotate_left(29).wrapping_mul(0xd6e8_feb8_6659_fd93)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    word ^ (word >> 32)
}

fn rename(renaming: &[NodeId]) -> impl Fn(NodeId) -> NodeId {
    // Who is no member keeps its name.
    move |id| {
        let place = usize::try_from(id.0).ok().and_then(|place| place.checked_sub(1));
        place.and_then(|place| renaming.get(place)).copied().unwrap_or(id)
    }
}

fn number_of(place: usize) -> u32 {
    u32::try_from(place).expect("memory ends before numbers do")
}

/// All orders of these, the given one first.
fn permutations(ids: Vec<NodeId>) -> Vec<Vec<NodeId>> {
    if ids.len() <= 1 {
        return vec![ids];
    }
    let firsts = 0..ids.len();
    let with_first = |first: usize| {
        let mut rest = ids.clone();
        let head = rest.remove(first);
        permutations(rest)
            .into_iter()
            .map(move |rest| [vec![head], rest].concat())
    };
    firsts.flat_map(with_first).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_six_ways_to_rename_three() {
        let ids: Vec<NodeId> = (1..=3).map(NodeId).collect();
        let mut all = permutations(ids.clone());
        assert_eq!((all.len(), &all[0]), (6, &ids));
        all.sort();
        all.dedup();
        assert_eq!(all.len(), 6);
    }

    #[test]
    fn clusters_that_differ_only_in_names_are_one() {
        let mut registry = Registry::new(Scope::default());
        let booted: Vec<u32> = (1..=3).map(|id| registry.boot(NodeId(id))).collect();
        let past = registry.past_number(&Past::default());
        let candidate = |registry: &mut Registry, place: usize| {
            let mut members = booted.clone();
            members[place] = registry.turn(members[place], Input::Timeout).member;
            members
        };
        let (first, third) = (candidate(&mut registry, 0), candidate(&mut registry, 2));
        let fingerprint = |members: &[u32], spent| registry.canonical(members, &[], past, spent);
        assert_ne!(first, third);
        assert_eq!(fingerprint(&first, 0), fingerprint(&third, 0));
        assert_ne!(fingerprint(&first, 0), fingerprint(&booted, 0));
        assert_ne!(fingerprint(&first, 0), fingerprint(&first, 1));
    }
}
