//! What a caller asks for.

use bytes::Bytes;
use node::Request;
use storage::store::command::{Command, Once, Put, Retriable, TreeChange, TreeContent, TreeWrite};
use storage::store::query::{KeyRange, LeaseId, Query, RangeEnd, RangeQuery, Revision};
use storage::store::transaction::{Choice, Comparison, Operand, Operation, Relation, Transaction};

use super::hoard::{self, Freeing};
use super::{Caller, Held};
use crate::choices::{Choices, PerMillion};
use crate::client::Numbers;

/// Keys that transactions are about.
const ROWS: u64 = 4;

/// When it is, and what is done then.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Season {
    /// All faults are over.
    pub(crate) calm: bool,
    /// Callers compact.
    pub(crate) compacts: bool,
    /// Callers fill the state until there is no space left.
    pub(crate) hoards: bool,
}

impl Caller {
    /// The next request. In the calm no lease is begun or kept, so that all have to end.
    pub(super) fn wish(&mut self, season: Season, choices: &mut Choices, numbers: &mut Numbers) -> Request {
        let Season {
            calm,
            compacts,
            hoards,
        } = season;
        if calm {
            self.held = None;
        }
        if calm && hoards && !std::mem::replace(&mut self.tidies, true) {
            self.freeing = Freeing::Delete;
        }
        if let Some(frees) = self.freeing.wish(self.revision, choices) {
            return frees;
        }
        if hoards && !calm && choices.happens(PerMillion(250_000)) {
            return hoard::large(choices, numbers);
        }
        // Asked again, answered or not: it is done once.
        if choices.happens(PerMillion(150_000))
            && let Some(again) = self.again.take()
        {
            return again;
        }
        if let Some(held) = self.held
            && choices.happens(PerMillion(600_000))
        {
            return self.about_lease(held, choices, numbers);
        }
        match choices.below(100) {
            0..15 if !calm => grant(choices, numbers),
            0..35 => transaction(self.revision, choices, numbers),
            35..45 => range(choices),
            45..53 => Request::Write(Command::Put(put(row(choices), LeaseId::NONE, choices, numbers))),
            53..60 => Request::Write(Command::DeleteRange {
                range: rows(choices),
                previous: choices.pick(&[true, false]),
            }),
            60..64 if compacts => {
                let back = choices.below(60);
                Request::Write(Command::Compact {
                    revision: Revision((self.revision + 2).saturating_sub(back)),
                })
            }
            64..74 => self.old_range(choices),
            74..87 => temporary(choices, numbers),
            87..97 => self.queued(choices, numbers),
            _ => read(Query::Leases, choices),
        }
    }

    fn about_lease(&mut self, held: Held, choices: &mut Choices, numbers: &mut Numbers) -> Request {
        let key = Bytes::from(format!("held{}", held.id.0));
        if !held.attached {
            return Request::Write(Command::Put(put(key, held.id, choices, numbers)));
        }
        match choices.below(20) {
            0..10 => Request::LeaseKeepAlive { id: held.id },
            10..13 => Request::LeaseTimeToLive {
                id: held.id,
                keys: true,
            },
            13..16 => read(Query::Range(RangeQuery::of(KeyRange::single(key))), choices),
            16..17 => read(
                Query::Lease {
                    id: held.id,
                    keys: true,
                },
                choices,
            ),
            17..18 => {
                self.held = None;
                Request::Write(Command::LeaseRevoke { id: held.id })
            }
            _ => {
                // It is left to itself.
                self.held = None;
                read(Query::Leases, choices)
            }
        }
    }

    fn old_range(&self, choices: &mut Choices) -> Request {
        let back = choices.below(80);
        let revision = Revision((self.revision + 3).saturating_sub(back).max(1));
        let query = RangeQuery {
            revision: Some(revision),
            ..RangeQuery::of(everything(choices))
        };
        read(Query::Range(query), choices)
    }

    /// The queue: children in the order of their making.
    fn queued(&mut self, choices: &mut Choices, numbers: &mut Numbers) -> Request {
        match choices.below(10) {
            0..4 => once(
                "/queue".into(),
                TreeChange::CreateInOrder(file(None, numbers)),
                numbers,
            ),
            4..5 => tree("/queue".into(), TreeChange::CreateInOrder(file(None, numbers))),
            5..6 => {
                let hidden = format!("/queue/_h{}", choices.below(2));
                tree(hidden.into(), TreeChange::Set(file(None, numbers)))
            }
            6..8 if !self.queue.is_empty() => {
                let place = usize::try_from(choices.below(self.queue.len() as u64)).expect("an index");
                let path = self.queue.swap_remove(place);
                tree(
                    path,
                    TreeChange::Delete {
                        dir: false,
                        recursive: false,
                    },
                )
            }
            _ => Request::Read {
                query: Query::Tree {
                    path: "/queue".into(),
                    recursive: true,
                },
                linearizable: true,
            },
        }
    }
}

fn grant(choices: &mut Choices, numbers: &mut Numbers) -> Request {
    numbers.lease += 1;
    Request::Write(Command::LeaseGrant {
        id: LeaseId(numbers.lease),
        ttl: choices.pick(&[2, 1, 4, 8]),
    })
}

/// Files with a time to live.
fn temporary(choices: &mut Choices, numbers: &mut Numbers) -> Request {
    let path = Bytes::from(format!("/time/{}", choices.below(3)));
    let ttl = Some(choices.pick(&[1, 2, 5]));
    match choices.below(10) {
        0..4 => tree(path, TreeChange::Set(file(ttl, numbers))),
        4..6 => {
            let refresh = TreeWrite {
                content: TreeContent::File(Bytes::new()),
                ttl,
                refresh: true,
            };
            tree(path, TreeChange::Set(refresh))
        }
        6..7 => tree(
            path,
            TreeChange::Delete {
                dir: false,
                recursive: false,
            },
        ),
        _ => read(
            Query::Tree {
                path,
                recursive: false,
            },
            choices,
        ),
    }
}

fn transaction(revision: u64, choices: &mut Choices, numbers: &mut Numbers) -> Request {
    let mut list = Vec::new();
    for _ in 0..choices.between(1, 3) {
        list.push(comparison(revision, choices));
    }
    let nested = choices.happens(PerMillion(150_000));
    let mut success = operations(choices, numbers);
    if nested {
        success.push(Operation::Choice(1));
    }
    let mut all = vec![Choice {
        comparisons: list,
        success,
        failure: operations(choices, numbers),
    }];
    if nested {
        all.push(Choice {
            comparisons: vec![comparison(revision, choices)],
            success: vec![Operation::Range(RangeQuery::of(everything(choices)))],
            failure: operations(choices, numbers),
        });
    }
    let transaction = Transaction { choices: all };
    match transaction.only_reads() {
        true => read(Query::Transaction(transaction), choices),
        false => Request::Write(Command::Transaction(transaction)),
    }
}

fn comparison(revision: u64, choices: &mut Choices) -> Comparison {
    let range = match choices.below(3) {
        0 => KeyRange::single(row(choices)),
        1 => KeyRange::single(Bytes::from(format!("key{}", choices.below(2)))),
        _ => rows(choices),
    };
    let near = Revision(revision.saturating_sub(choices.below(30)));
    let operand = match choices.below(4) {
        0 => Operand::Version(choices.below(4)),
        1 => Operand::Create(near),
        2 => Operand::Mod(near),
        _ => Operand::Lease(LeaseId::NONE),
    };
    Comparison {
        range,
        operand,
        relation: choices.pick(&[
            Relation::Equal,
            Relation::Greater,
            Relation::Less,
            Relation::NotEqual,
        ]),
    }
}

fn operations(choices: &mut Choices, numbers: &mut Numbers) -> Vec<Operation> {
    let mut list = Vec::new();
    for _ in 0..choices.below(4) {
        list.push(match choices.below(4) {
            0 => Operation::Range(RangeQuery::of(everything(choices))),
            1 => Operation::DeleteRange {
                range: rows(choices),
                previous: choices.pick(&[true, false]),
            },
            _ => Operation::Put(put(row(choices), LeaseId::NONE, choices, numbers)),
        });
    }
    list
}

fn put(key: Bytes, lease: LeaseId, choices: &mut Choices, numbers: &mut Numbers) -> Put {
    let ignore_value = choices.happens(PerMillion(100_000));
    Put {
        key,
        value: if ignore_value {
            Bytes::new()
        } else {
            value(numbers)
        },
        previous: choices.pick(&[true, false]),
        ignore_value,
        ignore_lease: lease == LeaseId::NONE && choices.happens(PerMillion(100_000)),
        lease,
    }
}

fn range(choices: &mut Choices) -> Request {
    let query = RangeQuery {
        limit: choices.pick(&[None, Some(1), Some(3)]),
        keys_only: choices.pick(&[false, false, true]),
        count_only: choices.pick(&[false, false, false, true]),
        ..RangeQuery::of(everything(choices))
    };
    read(Query::Range(query), choices)
}

fn read(query: Query, choices: &mut Choices) -> Request {
    Request::Read {
        query,
        linearizable: choices.pick(&[true, true, false]),
    }
}

fn tree(path: Bytes, change: TreeChange) -> Request {
    Request::Write(Command::Tree { path, change })
}

/// The same, under a name of its own.
fn once(path: Bytes, change: TreeChange, numbers: &mut Numbers) -> Request {
    let key = value(numbers);
    let write = Retriable::Tree { path, change };
    Request::Write(Command::Once(Box::new(Once { key, write })))
}

fn file(ttl: Option<u64>, numbers: &mut Numbers) -> TreeWrite {
    TreeWrite {
        content: TreeContent::File(value(numbers)),
        ttl,
        refresh: false,
    }
}

fn value(numbers: &mut Numbers) -> Bytes {
    numbers.value += 1;
    Bytes::from(format!("v{}.", numbers.value))
}

fn row(choices: &mut Choices) -> Bytes {
    Bytes::from(format!("row{}", choices.below(ROWS)))
}

/// Some rows, one after the other.
fn rows(choices: &mut Choices) -> KeyRange {
    KeyRange {
        start: row(choices),
        end: RangeEnd::Before(row(choices)),
    }
}

fn everything(choices: &mut Choices) -> KeyRange {
    match choices.below(3) {
        0 => rows(choices),
        1 => KeyRange::single(row(choices)),
        _ => KeyRange::all(),
    }
}
