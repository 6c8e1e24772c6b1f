//! A caller: asks one member after another for all that the stores can do, and holds a lease now and then.

use bytes::Bytes;
use node::{Answer, AutoCompaction, ClientId, Request, RequestId};
use raft_core::{NodeId, Time};
use storage::store::command::Outcome;
use storage::store::query::LeaseId;

use crate::agenda::{Actor, Event};
use crate::call::{Call, Told};
use crate::check::Violation;
use crate::member::Happening;
use crate::world::World;

mod hoard;
mod wishes;

use hoard::Freeing;
pub(crate) use wishes::Season;

/// Callers' connections have numbers from here on.
pub(crate) const CALLERS: u64 = 1 << 48;

/// One caller.
#[derive(Debug)]
pub(crate) struct Caller {
    number: usize,
    asked: Option<(RequestId, Call)>,
    /// Counts its waits: an alarm set for an earlier one means nothing.
    waits: u64,
    requests: u64,
    /// The lease it keeps alive.
    held: Option<Held>,
    /// The newest revision it has seen.
    revision: u64,
    /// The last children of the queue that it has seen.
    queue: Vec<Bytes>,
    /// What it does to free space.
    freeing: Freeing,
    /// It has freed in the calm what was taken in the storm, or does.
    tidies: bool,
    /// A write that it has named, to be asked again.
    again: Option<Request>,
}

/// A lease of a caller.
#[derive(Clone, Copy, Debug)]
struct Held {
    id: LeaseId,
    /// Whether a key hangs on it.
    attached: bool,
}

impl Caller {
    pub(crate) fn new(number: usize) -> Caller {
        Caller {
            number,
            asked: None,
            waits: 0,
            requests: 0,
            held: None,
            revision: 1,
            queue: Vec::new(),
            freeing: Freeing::No,
            tidies: false,
            again: None,
        }
    }

    /// What it waits for, with an outcome that is not known.
    pub(crate) fn pending(&self) -> Option<&Call> {
        self.asked.as_ref().map(|(_, call)| call)
    }

    /// What the answer changes for it.
    fn learn(&mut self, call: &Call, compacts: bool) {
        self.freeing.learn(call, compacts);
        if let Told::Response(response) = &call.told {
            self.revision = self.revision.max(response.header.revision.0);
        }
        if matches!(
            &call.request,
            Request::Write(storage::store::command::Command::Once(_))
        ) {
            self.again = Some(call.request.clone());
        }
        match (call.answer(), &call.request) {
            (Some((_, Ok(Answer::Done(Outcome::LeaseGranted { id, .. })))), _) => {
                self.held = Some(Held {
                    id: *id,
                    attached: false,
                });
            }
            (Some((_, Ok(Answer::LeaseRenewed { ttl: 0, .. }))), _) => self.held = None,
            (Some((_, Ok(Answer::Done(Outcome::Put { .. })))), Request::Write(command)) => {
                if let (Some(held), storage::store::command::Command::Put(put)) = (&mut self.held, command) {
                    held.attached |= put.lease == held.id;
                }
            }
            (Some((_, Err(storage::store::command::Failure::LeaseNotFound))), _) => self.held = None,
            (Some((_, Ok(Answer::Found(storage::store::query::Found::Tree(event))))), _) => {
                self.queue = event.node.nodes.iter().map(|node| node.key.clone()).collect();
            }
            _ => {}
        }
    }
}

impl World {
    /// Something is due for a caller.
    pub(crate) fn caller(&mut self, number: usize, event: Event) -> Result<(), Violation> {
        let caller = &mut self.callers[number];
        match event {
            Event::Wake(wait) if wait != caller.waits => {}
            Event::Wake(_) if caller.asked.is_some() => self.conclude(number, Told::Nothing),
            Event::Wake(_) => self.ask(number),
            Event::Told(id, response) => {
                if caller.asked.as_ref().is_some_and(|(asked, _)| *asked == id) {
                    self.conclude(number, Told::Response(response));
                }
            }
            Event::Reset(..) if caller.asked.is_some() => self.conclude(number, Told::Refused),
            Event::Reset(..) => {}
            other => panic!("not for a caller: {other:?}"),
        }
        Ok(())
    }

    fn conclude(&mut self, number: usize, told: Told) {
        let caller = &mut self.callers[number];
        let (_, mut call) = caller.asked.take().expect("it waits");
        (call.told, call.returned) = (told, self.now);
        caller.learn(&call, self.settings.auto_compaction == AutoCompaction::Off);
        let text = call.to_string();
        let who = 200 + number as u64;
        self.trace.step(self.now, who, text.as_bytes(), || text.clone());
        self.calls.push(call);
        let rest = self.settings.rest.draw(&mut self.choices);
        self.wait(number, rest);
    }

    fn ask(&mut self, number: usize) {
        let member = NodeId(self.choices.between(1, self.settings.nodes));
        let season = Season {
            calm: self.calm,
            compacts: self.settings.auto_compaction == AutoCompaction::Off,
            hoards: self.settings.quota_bytes < u64::MAX,
        };
        let caller = &mut self.callers[number];
        let request = caller.wish(season, &mut self.choices, &mut self.numbers);
        caller.requests += 1;
        let id = RequestId(caller.requests);
        let call = Call {
            caller: caller.number,
            member,
            request: request.clone(),
            called: self.now,
            returned: Time::NEVER,
            told: Told::Nothing,
        };
        caller.asked = Some((id, call));
        let client = ClientId(CALLERS + number as u64);
        let delay = self.settings.weather.delay.draw(&mut self.choices);
        let at = self.after(delay);
        let seat = &self.seats[&member];
        if seat.member.is_some() {
            let asked = Happening::Asked(client, id, Box::new(request));
            self.add(at, Actor::Member(member), Event::Member(seat.life, Some(asked)));
        } else {
            let actor = Actor::Client(self.clients.len() + number);
            self.add(at, actor, Event::Reset(client, true));
        }
        let patience = self.settings.patience.draw(&mut self.choices);
        self.wait(number, patience);
    }

    /// A member answers a caller.
    pub(crate) fn tell(&mut self, client: ClientId, id: RequestId, response: Box<node::Response>) {
        let number = usize::try_from(client.0 - CALLERS).expect("few");
        let delay = self.settings.weather.delay.draw(&mut self.choices);
        let actor = Actor::Client(self.clients.len() + number);
        self.add(self.after(delay), actor, Event::Told(id, response));
    }

    fn wait(&mut self, number: usize, micros: u64) {
        let caller = &mut self.callers[number];
        caller.waits += 1;
        let wake = Event::Wake(caller.waits);
        let actor = Actor::Client(self.clients.len() + number);
        self.add(self.after(micros), actor, wake);
    }
}
