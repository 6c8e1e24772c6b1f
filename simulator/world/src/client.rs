//! A client: a process that asks one thing after another, over a real HTTP connection to one member at a time, and moves on
//! to another member when an answer does not come.

use std::collections::BTreeMap;

use net::http::client::Client as Machine;
use node::ClientId;
use raft_core::{NodeId, Time};

use crate::choices::{Choices, PerMillion};
use crate::dialect::{Nonsense, Question, Told};
use crate::operation::{Action, Key, Operation, Outcome, Value};
use crate::settings::Settings;

/// One client.
#[derive(Debug)]
pub struct Client {
    number: usize,
    connection: Option<Connection>,
    asked: Option<Asked>,
    /// What it saw last of each key: what it expects when it swaps.
    seen: BTreeMap<Key, Value>,
    /// Counts its waits: an alarm set for an earlier one means nothing.
    waits: u64,
}

#[derive(Debug)]
struct Connection {
    id: ClientId,
    member: NodeId,
    machine: Machine,
}

#[derive(Debug)]
struct Asked {
    operation: Operation,
    question: Question,
}

/// What a client is to be given by the world.
#[derive(Debug, Default)]
pub struct Wishes {
    /// Bytes to send on a connection to a member; the first ones open it.
    pub send: Option<(ClientId, NodeId, Vec<u8>)>,
    /// A connection to end.
    pub leave: Option<ClientId>,
    /// An operation that is over.
    pub over: Option<Operation>,
    /// When to wake it, in microseconds from now, and for which wait.
    pub wake: Option<(u64, u64)>,
}

/// Numbers that are used once in a run.
#[derive(Clone, Copy, Debug, Default)]
pub struct Numbers {
    /// The last value written.
    pub value: u32,
    /// The last connection opened.
    pub connection: u64,
    /// The last lease granted.
    pub lease: i64,
}

impl Client {
    /// A client that has done nothing yet.
    #[must_use]
    pub fn new(number: usize) -> Client {
        Client {
            number,
            connection: None,
            asked: None,
            seen: BTreeMap::new(),
            waits: 0,
        }
    }

    /// Its rest, or its patience, is over, if it still is the same wait.
    pub fn wake(
        &mut self,
        wait: u64,
        now: Time,
        settings: &Settings,
        choices: &mut Choices,
        numbers: &mut Numbers,
    ) -> Wishes {
        let mut wishes = Wishes::default();
        if wait != self.waits {
            return wishes;
        }
        if self.asked.is_some() {
            wishes.leave = self.connection.take().map(|connection| connection.id);
            self.conclude(Outcome::Unknown, now, &mut wishes);
            self.rest(settings, choices, &mut wishes);
        } else {
            self.ask(now, settings, choices, numbers, &mut wishes);
        }
        wishes
    }

    /// Its connection was ended from the other side; `refused` if it was never accepted.
    pub fn reset(
        &mut self,
        connection: ClientId,
        refused: bool,
        now: Time,
        settings: &Settings,
        choices: &mut Choices,
    ) -> Wishes {
        let mut wishes = Wishes::default();
        if self.connection.take_if(|own| own.id == connection).is_some() {
            let outcome = if refused {
                Outcome::Refused
            } else {
                Outcome::Unknown
            };
            self.conclude(outcome, now, &mut wishes);
            self.rest(settings, choices, &mut wishes);
        }
        wishes
    }

    /// Bytes came.
    ///
    /// # Errors
    /// If they are not what a client of etcd understands.
    pub fn receive(
        &mut self,
        id: ClientId,
        bytes: &[u8],
        now: Time,
        settings: &Settings,
        choices: &mut Choices,
    ) -> Result<Wishes, String> {
        let mut wishes = Wishes::default();
        let Some(connection) = self.connection.as_mut().filter(|own| own.id == id) else {
            return Ok(wishes);
        };
        connection.machine.receive(bytes);
        let Some(response) = connection
            .machine
            .next_response()
            .map_err(|error| error.to_string())?
        else {
            return Ok(wishes);
        };
        let asked = self.asked.as_ref().ok_or("an answer to nothing")?;
        let told = read(
            asked,
            response.status,
            response.headers.get("x-etcd-index"),
            response.body,
        )
        .map_err(|error| error.to_string())?;
        let last = response.last;
        if let Some(asked) = &mut self.asked {
            asked.operation.counters = told.counters;
            if let Outcome::Found(Some(value)) = told.outcome {
                self.seen.insert(asked.operation.key, value);
            }
        }
        self.conclude(told.outcome, now, &mut wishes);
        // Now and then it goes elsewhere of its own accord.
        if last || choices.happens(PerMillion(20_000)) {
            wishes.leave = self.connection.take().map(|connection| connection.id);
        }
        self.rest(settings, choices, &mut wishes);
        Ok(wishes)
    }

    /// Whether it waits for an answer.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        self.asked.is_some()
    }

    /// What it waits for, as an operation whose outcome is unknown.
    #[must_use]
    pub fn pending(&self) -> Option<Operation> {
        self.asked.as_ref().map(|asked| asked.operation)
    }

    fn conclude(&mut self, outcome: Outcome, now: Time, wishes: &mut Wishes) {
        if let Some(Asked { mut operation, .. }) = self.asked.take() {
            operation.outcome = outcome;
            operation.returned = now;
            if let (Outcome::Done { .. }, Some(value)) = (outcome, operation.action.writes()) {
                self.seen.insert(operation.key, value);
            }
            wishes.over = Some(operation);
        }
    }

    fn rest(&mut self, settings: &Settings, choices: &mut Choices, wishes: &mut Wishes) {
        self.waits += 1;
        wishes.wake = Some((settings.rest.draw(choices), self.waits));
    }

    fn ask(
        &mut self,
        now: Time,
        settings: &Settings,
        choices: &mut Choices,
        numbers: &mut Numbers,
        wishes: &mut Wishes,
    ) {
        let connection = self.connection.get_or_insert_with(|| {
            numbers.connection += 1;
            Connection {
                id: ClientId(numbers.connection),
                member: NodeId(choices.between(1, settings.nodes)),
                machine: Machine::new("balsa:2379"),
            }
        });
        let number = u8::try_from(choices.below(u64::from(settings.keys))).expect("few keys");
        let key = if choices.happens(PerMillion(500_000)) {
            Key::V2(number)
        } else {
            Key::V3(number)
        };
        let action = action(key, self.seen.get(&key).copied(), choices, numbers);
        let question = Question::of(key, action);
        let mut bytes = Vec::new();
        connection.machine.request(&mut bytes, question.ask());
        let operation = Operation {
            client: self.number,
            connection: connection.id.0,
            member: connection.member,
            key,
            action,
            called: now,
            returned: Time::NEVER,
            outcome: Outcome::Unknown,
            counters: None,
        };
        wishes.send = Some((connection.id, connection.member, bytes));
        self.asked = Some(Asked { operation, question });
        self.waits += 1;
        wishes.wake = Some((settings.patience.draw(choices), self.waits));
    }
}

fn read(asked: &Asked, status: u16, index: Option<&[u8]>, body: &[u8]) -> Result<Told, Nonsense> {
    let index = index.and_then(|text| str::from_utf8(text).ok()?.parse().ok());
    asked.question.read(status, index, body)
}

/// What to do with a key. Writes and reads come in about equal shares.
fn action(key: Key, seen: Option<Value>, choices: &mut Choices, numbers: &mut Numbers) -> Action {
    let mut fresh = || {
        numbers.value += 1;
        Value(numbers.value)
    };
    let v2 = matches!(key, Key::V2(_));
    match (choices.below(100), seen) {
        (0..35, _) => Action::Get { linearizable: true },
        (35..45, _) => Action::Get { linearizable: false },
        (45..55, _) => Action::Delete,
        (55..65, _) if v2 => Action::Create { value: fresh() },
        (65..80, Some(expected)) if v2 => Action::CompareAndSwap {
            expected,
            value: fresh(),
        },
        (share, _) => Action::Put {
            value: fresh(),
            previous: v2 || share < 70,
        },
    }
}
