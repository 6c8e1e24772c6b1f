//! The values given by flags and variables, checked against the table, and the defaults of those not given.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::exit::{Origin, Stop};
use crate::flags::{self, Flag, Rule, Value};
use crate::urls::Url;

/// What was given. Every value is one that its flag takes.
#[derive(Debug, Default)]
pub(crate) struct Settings {
    given: BTreeMap<&'static str, Given>,
    notes: Vec<Note>,
}

/// One value.
#[derive(Debug)]
struct Given {
    origin: Origin,
    value: Value,
}

/// Something to be said in the log at the start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Note {
    /// A flag that makes no difference.
    NoDifference {
        /// Where it was given.
        origin: Origin,
        /// As given.
        value: String,
        /// Why it makes none.
        why: &'static str,
    },
    /// A variable that looks like etcd's and is not.
    UnknownVariable(String),
    /// `ETCD_VERSION`, which images of etcd set for their own use.
    VersionVariable,
}

impl Settings {
    /// Takes a value; one given later replaces one given before, as on any command line.
    pub(crate) fn give(&mut self, flag: &'static Flag, origin: Origin, text: &str) -> Result<(), Stop> {
        let value = match flag.kind.parse(text) {
            Ok(value) => value,
            Err(why) => {
                return Err(Stop::BadValue {
                    origin,
                    value: text.to_owned(),
                    why,
                });
            }
        };
        match flag.rule {
            Rule::Works { .. } => {}
            Rule::Only { why, .. } if !flag.takes(&value) => {
                return Err(Stop::Refused {
                    origin,
                    value: text.to_owned(),
                    why: why.to_owned(),
                });
            }
            Rule::Ignored { why } | Rule::Only { why, .. } => self.notes.push(Note::NoDifference {
                origin: origin.clone(),
                value: text.to_owned(),
                why,
            }),
        }
        self.given.insert(flag.name, Given { origin, value });
        Ok(())
    }

    /// Adds something to be said in the log.
    pub(crate) fn note(&mut self, note: Note) {
        self.notes.push(note);
    }

    /// What is to be said in the log, in the order of giving.
    pub(crate) fn notes(&self) -> &[Note] {
        &self.notes
    }

    /// Whether nothing at all was given.
    pub(crate) fn is_empty(&self) -> bool {
        self.given.is_empty()
    }

    /// Where a flag's value was given, if it was.
    pub(crate) fn origin(&self, name: &str) -> Option<&Origin> {
        self.given.get(name).map(|given| &given.origin)
    }

    /// What a flag's value is refused with, wherever it was given.
    pub(crate) fn refused(&self, flag: &'static str, value: &str, why: &str) -> Stop {
        Stop::Refused {
            origin: self.origin(flag).cloned().unwrap_or(Origin::Flag(flag)),
            value: value.to_owned(),
            why: why.to_owned(),
        }
    }

    /// The value of a working flag of text or choice.
    pub(crate) fn text(&self, name: &'static str) -> String {
        match self.value(name) {
            Value::Text(text) => text,
            other => wrong_kind(name, &other),
        }
    }

    /// The value of a working switch.
    pub(crate) fn switch(&self, name: &'static str) -> bool {
        match self.value(name) {
            Value::Switch(on) => on,
            other => wrong_kind(name, &other),
        }
    }

    /// The value of a working flag of a number.
    pub(crate) fn number(&self, name: &'static str) -> i64 {
        match self.value(name) {
            Value::Number(number) => number,
            other => wrong_kind(name, &other),
        }
    }

    /// The value of a working flag of a length of time; a negative one is none.
    pub(crate) fn interval(&self, name: &'static str) -> Duration {
        match self.value(name) {
            Value::Interval(nanoseconds) => {
                Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or_default())
            }
            other => wrong_kind(name, &other),
        }
    }

    /// The value of a working flag of URLs.
    pub(crate) fn urls(&self, name: &'static str) -> Vec<Url> {
        match self.value(name) {
            Value::Urls(urls) => urls,
            other => wrong_kind(name, &other),
        }
    }

    fn value(&self, name: &'static str) -> Value {
        match self.given.get(name) {
            Some(given) => given.value.clone(),
            None => flags::find(name)
                .or_else(|| flags::restore::find(name))
                .unwrap_or_else(|| panic!("there is no flag --{name}"))
                .default(),
        }
    }
}

fn wrong_kind(name: &str, value: &Value) -> ! {
    panic!("--{name} is of another kind: {value:?}")
}
