//! The streams of bytes between clients and members: in order, in pieces cut anywhere, and ended by crashes.

use bytes::Bytes;
use node::ClientId;
use raft_core::{NodeId, Time};

use crate::agenda::{Actor, Event};
use crate::check::Violation;
use crate::choices::{Choices, PerMillion};
use crate::client::Wishes;
use crate::member::Happening;
use crate::operation::Operation;
use crate::world::World;

/// One connection of a client to a member.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stream {
    client: usize,
    member: NodeId,
    /// The member's life it was opened in.
    life: u64,
    /// When the last piece arrives, either way: no later one arrives before it.
    to_member: Time,
    to_client: Time,
}

impl World {
    /// Something is due for a client.
    pub(crate) fn client(&mut self, number: usize, event: Event) -> Result<(), Violation> {
        let now = self.now;
        let client = &mut self.clients[number];
        let (settings, choices) = (&self.settings, &mut self.choices);
        match event {
            Event::Wake(wait) => {
                let wishes = client.wake(wait, now, settings, choices, &mut self.numbers);
                self.grant(number, wishes);
            }
            Event::Bytes(id, bytes, closed) => {
                let wishes = client
                    .receive(id, &bytes, now, settings, choices)
                    .map_err(|error| Violation::new("answers are etcd's", error))?;
                self.grant(number, wishes);
                if closed {
                    self.reset(number, id, false);
                }
            }
            Event::Reset(id, refused) => self.reset(number, id, refused),
            other => panic!("not for a client: {other:?}"),
        }
        Ok(())
    }

    fn reset(&mut self, number: usize, id: ClientId, refused: bool) {
        let client = &mut self.clients[number];
        let wishes = client.reset(id, refused, self.now, &self.settings, &mut self.choices);
        self.streams.remove(&id);
        self.grant(number, wishes);
    }

    /// A member sends bytes to a client.
    pub(crate) fn answer(&mut self, id: ClientId, bytes: Vec<u8>, closed: bool) {
        let Some(mut stream) = self.streams.get(&id).copied() else {
            return;
        };
        let pieces = cut(&mut self.choices, bytes.into());
        let last = pieces.len() - 1;
        for (number, piece) in pieces.into_iter().enumerate() {
            let delay = self.settings.weather.delay.draw(&mut self.choices);
            stream.to_client = stream.to_client.max(self.after(delay));
            let event = Event::Bytes(id, piece, closed && number == last);
            self.add(stream.to_client, Actor::Client(stream.client), event);
        }
        self.streams.insert(id, stream);
    }

    /// A member has crashed: most of its clients notice soon, some never do. What they still send reaches nobody: a
    /// connection does not outlive the life it was opened in.
    pub(crate) fn break_streams(&mut self, member: NodeId) {
        let life = self.seats[&member].life;
        let broken: Vec<(ClientId, Stream)> = self
            .streams
            .iter()
            .filter(|(_, stream)| stream.member == member && stream.life == life)
            .map(|(&id, &stream)| (id, stream))
            .collect();
        for (id, stream) in broken {
            if !self.choices.happens(PerMillion(300_000)) {
                let delay = self.settings.weather.delay.draw(&mut self.choices);
                let at = self.after(delay);
                self.add(at, Actor::Client(stream.client), Event::Reset(id, false));
            }
        }
    }

    fn grant(&mut self, number: usize, wishes: Wishes) {
        let Wishes {
            send,
            leave,
            over,
            wake,
        } = wishes;
        if let Some(operation) = over {
            self.over(operation);
        }
        if let Some(id) = leave
            && let Some(stream) = self.streams.remove(&id)
        {
            let delay = self.settings.weather.delay.draw(&mut self.choices);
            let at = stream.to_member.max(self.after(delay));
            let event = Event::Member(stream.life, Some(Happening::Gone(id)));
            self.add(at, Actor::Member(stream.member), event);
        }
        if let Some((id, member, bytes)) = send {
            self.send(number, id, member, bytes.into());
        }
        if let Some((micros, wait)) = wake {
            self.add(self.after(micros), Actor::Client(number), Event::Wake(wait));
        }
    }

    fn over(&mut self, operation: Operation) {
        let text = operation.to_string();
        self.trace
            .step(self.now, 100 + operation.client as u64, text.as_bytes(), || {
                text.clone()
            });
        self.history.push(operation);
    }

    /// A client sends bytes to a member, on a connection that the first ones open.
    fn send(&mut self, number: usize, id: ClientId, member: NodeId, bytes: Bytes) {
        let seat = &self.seats[&member];
        let (there, life) = (seat.member.is_some(), seat.life);
        let known = self.streams.get(&id).copied();
        let Some(mut stream) = known.or(there.then_some(Stream {
            client: number,
            member,
            life,
            to_member: self.now,
            to_client: self.now,
        })) else {
            let delay = self.settings.weather.delay.draw(&mut self.choices);
            let at = self.after(delay);
            return self.add(at, Actor::Client(number), Event::Reset(id, true));
        };
        for piece in cut(&mut self.choices, bytes) {
            let delay = self.settings.weather.delay.draw(&mut self.choices);
            stream.to_member = stream.to_member.max(self.after(delay));
            let event = Event::Member(stream.life, Some(Happening::Stream(id, piece)));
            self.add(stream.to_member, Actor::Member(member), event);
        }
        self.streams.insert(id, stream);
    }
}

/// Cuts bytes into pieces anywhere; half of the time not at all.
fn cut(choices: &mut Choices, bytes: Bytes) -> Vec<Bytes> {
    let mut cuts: Vec<usize> = (0..choices.pick(&[0, 0, 1, 3]))
        .map(|_| usize::try_from(choices.below(bytes.len() as u64 + 1)).expect("an index"))
        .collect();
    cuts.extend([0, bytes.len()]);
    cuts.sort_unstable();
    let mut pieces: Vec<Bytes> = cuts
        .windows(2)
        .filter(|pair| pair[0] < pair[1])
        .map(|pair| bytes.slice(pair[0]..pair[1]))
        .collect();
    if pieces.is_empty() {
        pieces.push(bytes);
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_make_the_whole() {
        let whole = Bytes::from_static(b"PUT /v2/keys/a HTTP/1.1");
        let mut counts = std::collections::BTreeSet::new();
        for seed in 0..100 {
            let pieces = cut(&mut Choices::of_seed(seed), whole.clone());
            assert_eq!(pieces.concat(), whole);
            counts.insert(pieces.len());
        }
        assert_eq!(counts.into_iter().collect::<Vec<_>>(), [1, 2, 3, 4]);
        assert_eq!(cut(&mut Choices::of_seed(1), Bytes::new()), [Bytes::new()]);
    }
}
