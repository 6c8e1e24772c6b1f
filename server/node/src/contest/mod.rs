//! Contests for a name: locks and elections, as requests that wait.
//!
//! Who contends puts a key of its own under the name, on a lease, and owns the name once every key there that was created
//! before its own is gone. So the keys tell who owns a name and who is next, to every client; a lease that ends lets the
//! next one in; and the revision at which the owner's key was created is larger than that of any owner before: whoever
//! guards something by a name refuses all that comes with a smaller one (fencing).
//!
//! A contender waits for the one right before it, not for all: when an owner leaves, one is woken.
//!
//! Whoever leaves off waiting (its client went away, or an error) takes its key out again.

mod entry;

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use storage::store::command::{Command, Outcome};
use storage::store::query::{Found, KeyRange, KeyValue, LeaseId, Place, Query, RangeQuery, Revision};

use crate::node::Node;
use crate::request::{Answer, ClientId, Failure, RequestId};
use crate::waiting::{Ticket, Waiter};

/// The life of a lease, in seconds, that is granted to who brings none. Nobody renews it.
const LEASE_TTL: u64 = 60;

/// Who contends, and for what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contest {
    /// The name.
    pub name: Bytes,
    /// The lease on which the key is put; if none, one of a minute is granted.
    pub lease: LeaseId,
    /// The value of the key, in an election; a lock's has none.
    pub value: Option<Bytes>,
}

/// Proof that a name is owned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ownership {
    /// The name.
    pub name: Bytes,
    /// The owner's key: as long as it stands there, the name is owned.
    pub key: Bytes,
    /// When it was created; grows from owner to owner.
    pub revision: Revision,
    /// The lease on which it was put.
    pub lease: LeaseId,
}

/// A request that contends.
type Contender = (ClientId, RequestId);

/// All who contend through this node.
#[derive(Clone, Debug, Default)]
pub(crate) struct Contests {
    running: BTreeMap<Contender, Running>,
    /// Writes of contenders on their way.
    steps: BTreeMap<Ticket, Contender>,
    /// Who is to look again when something is told to a watch of the node's own.
    behind: BTreeMap<RequestId, Contender>,
    /// The number of the next watch.
    next: u64,
}

#[derive(Clone, Debug)]
struct Running {
    contest: Contest,
    stage: Stage,
    /// Its client went away.
    gone: bool,
}

#[derive(Clone, Copy, Debug)]
enum Stage {
    /// A lease is being granted.
    Granting,
    /// The key is being put.
    Entering,
    /// The key stood there, created then, and gets another value.
    Proclaiming(Revision),
    /// The key stands there, created then, and others do before it.
    Waiting(Revision, RequestId),
}

impl Contests {
    /// The contender whose write this was.
    pub(crate) fn take_step(&mut self, ticket: Ticket) -> Option<Contender> {
        self.steps.remove(&ticket)
    }
}

impl Node {
    /// A client wants to own a name.
    pub(crate) fn contend(&mut self, client: ClientId, id: RequestId, contest: Contest) {
        let contender = (client, id);
        if self.refuses_more() {
            let full = storage::store::command::Failure::NoSpace;
            return self.reply(client, id, Err(full.into()));
        }
        let (stage, command) = match contest.lease {
            LeaseId::NONE => (
                Stage::Granting,
                Command::LeaseGrant {
                    id: LeaseId::NONE,
                    ttl: LEASE_TTL,
                },
            ),
            _ => (Stage::Entering, contest.enter()),
        };
        let running = Running {
            contest,
            stage,
            gone: false,
        };
        let former = self.contests.running.insert(contender, running);
        assert!(former.is_none(), "request ids are used once: {contender:?}");
        self.step(contender, stage, command);
    }

    /// What came of a contender's write.
    pub(crate) fn on_step(&mut self, contender: Contender, result: Result<Answer, Failure>) {
        let Some(running) = self.contests.running.get_mut(&contender) else {
            return;
        };
        let outcome = match result {
            Ok(Answer::Done(outcome)) => outcome,
            Ok(other) => unreachable!("{other:?} to a write"),
            Err(why) => return self.lose(contender, why),
        };
        match (running.stage, outcome) {
            (Stage::Granting, Outcome::LeaseGranted { id, .. }) => {
                running.contest.lease = id;
                let enter = running.contest.enter();
                self.step(contender, Stage::Entering, enter);
            }
            (Stage::Entering, Outcome::Transaction(chosen)) => {
                let (revision, value) = entry::entered(&chosen);
                match &running.contest.value {
                    Some(wanted) if *wanted != value => {
                        let proclaim = running.contest.proclaim(revision);
                        self.step(contender, Stage::Proclaiming(revision), proclaim);
                    }
                    _ => self.look_who_is_before(contender, revision),
                }
            }
            (Stage::Proclaiming(revision), Outcome::Transaction(chosen)) if chosen.succeeded => {
                self.look_who_is_before(contender, revision);
            }
            (Stage::Proclaiming(_), Outcome::Transaction(_)) => self.lose(contender, Failure::NotElected),
            (stage, outcome) => unreachable!("{outcome:?} to {stage:?}"),
        }
    }

    /// Something happened to the key that a contender waits for.
    pub(crate) fn on_own_watch(&mut self, watch: RequestId) {
        let Some(contender) = self.contests.behind.remove(&watch) else {
            return;
        };
        self.unwatch_own(watch);
        if let Some(Running {
            stage: Stage::Waiting(revision, _),
            ..
        }) = self.contests.running.get(&contender)
        {
            self.look_who_is_before(contender, *revision);
        }
    }

    /// A client went away: what it contended for others may have.
    pub(crate) fn contends_no_more(&mut self, client: ClientId) {
        let range = (client, RequestId(0))..=(client, RequestId(u64::MAX));
        let contenders = self.contests.running.range_mut(range);
        let waiting: Vec<Contender> = contenders
            .filter_map(|(&contender, running)| {
                running.gone = true;
                matches!(running.stage, Stage::Waiting(..)).then_some(contender)
            })
            .collect();
        for contender in waiting {
            self.leave(contender);
        }
    }

    /// Ends all contests, for this reason.
    pub(crate) fn end_contests(&mut self, why: &Failure) {
        for contender in self.contests.running.keys().copied().collect::<Vec<_>>() {
            self.lose(contender, why.clone());
        }
    }

    fn step(&mut self, contender: Contender, stage: Stage, command: Command) {
        let running = self.contests.running.get_mut(&contender);
        running.expect("a contender that goes on").stage = stage;
        let deadline = self.now.monotonic.after(self.config.request_timeout());
        let waiter = Waiter {
            client: None,
            deadline,
        };
        match self.write(waiter, command) {
            Some(ticket) => drop(self.contests.steps.insert(ticket, contender)),
            None => self.lose(contender, Failure::TooManyRequests),
        }
    }

    /// Its key was created at this revision: either nobody is before it, or it waits for the one right before it.
    fn look_who_is_before(&mut self, contender: Contender, revision: Revision) {
        let running = self.contests.running.get_mut(&contender).expect("it runs");
        running.stage = Stage::Waiting(revision, RequestId(self.contests.next));
        if running.gone {
            return self.leave(contender);
        }
        let contest = running.contest.clone();
        if let Some(before) = self.first_of(entry::right_before(&contest.name, revision)) {
            let watch = RequestId(self.contests.next);
            self.contests.next += 1;
            self.contests.behind.insert(watch, contender);
            let from = Place::start_of(Revision(self.store().revision().0 + 1));
            return self.watch_end_of(watch, before.key, from);
        }
        let key = contest.key();
        let own = self.first_of(RangeQuery::of(KeyRange::single(key.clone())));
        if own.is_none_or(|own| own.create_revision != revision) {
            return self.lose(contender, Failure::SessionExpired);
        }
        self.contests.running.remove(&contender);
        let (client, id) = contender;
        let ownership = Ownership {
            name: contest.name,
            key,
            revision,
            lease: contest.lease,
        };
        self.reply(client, id, Ok(Answer::Owned(ownership)));
    }

    fn first_of(&mut self, query: RangeQuery) -> Option<KeyValue> {
        match self.store().query(&Query::Range(query)) {
            Ok(Found::Range { keys, count, .. }) => {
                // All of them were looked at: it is work of this turn.
                self.count_effort(count);
                keys.into_iter().next()
            }
            other => unreachable!("{other:?} to a range at the present"),
        }
    }

    fn lose(&mut self, contender: Contender, why: Failure) {
        let gone = self
            .contests
            .running
            .get(&contender)
            .is_none_or(|running| running.gone);
        self.leave(contender);
        if !gone {
            let (client, id) = contender;
            self.reply(client, id, Err(why));
        }
    }

    /// A contender is one no more; the key that it is known to have goes.
    fn leave(&mut self, contender: Contender) {
        let Some(running) = self.contests.running.remove(&contender) else {
            return;
        };
        self.contests.steps.retain(|_, other| *other != contender);
        let (Stage::Waiting(revision, _) | Stage::Proclaiming(revision)) = running.stage else {
            return;
        };
        if let Stage::Waiting(_, watch) = running.stage
            && self.contests.behind.remove(&watch).is_some()
        {
            self.unwatch_own(watch);
        }
        if self.stopped {
            return;
        }
        let deadline = self.now.monotonic.after(self.config.request_timeout());
        let waiter = Waiter {
            client: None,
            deadline,
        };
        // If even that comes to nothing, the lease ends it.
        self.write(waiter, running.contest.leave(revision));
    }
}
