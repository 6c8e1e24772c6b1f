//! What watchers are told, beside a list of everything that happened.

use std::collections::BTreeMap;

use bytes::Bytes;
use storage::store::Store;
use storage::store::command::{Applied, ClusterTime, Command, Put};
use storage::store::query::{Event, KeyRange, LeaseId, Place, RangeEnd, Revision};

use super::Watcher;
use super::catch_up::SliceLimits;
use super::cohorts::Cohorts;
use super::keys::Interest;
use crate::request::{ClientId, RequestId};
use crate::tests::random::Dice;

/// What a watcher was told, as its client sees it.
#[derive(Debug)]
struct Seen {
    interest: Interest,
    from: Revision,
    events: Vec<Event>,
    /// Everything up to here was told.
    told: Revision,
    /// It is in the middle of a revision.
    open: bool,
}

struct Run {
    dice: Dice,
    store: Store,
    cohorts: Cohorts,
    /// Everything that ever happened.
    history: Vec<Event>,
    watchers: BTreeMap<Watcher, Seen>,
    next: u64,
    floor: Revision,
    ended: usize,
}

fn key(number: usize) -> Bytes {
    Bytes::from(format!("{number}"))
}

impl Run {
    fn of(seed: u64) -> Run {
        let mut dice = Dice::of(seed);
        let mut cohorts = Cohorts::default();
        cohorts.limits = SliceLimits {
            changes_max: dice.pick(&[1, 2, 3, 7, 500]),
            bytes_max: dice.pick(&[1, 30, 1000]),
        };
        Run {
            dice,
            store: Store::born(1),
            cohorts,
            history: vec![],
            watchers: BTreeMap::new(),
            next: 0,
            floor: Revision(0),
            ended: 0,
        }
    }

    fn range(&mut self) -> KeyRange {
        let start = self.dice.below(12);
        let end = match self.dice.below(4) {
            0 => RangeEnd::Unbounded,
            1 => RangeEnd::Before(key(self.dice.below(12))),
            _ => RangeEnd::Single,
        };
        KeyRange {
            start: key(start),
            end,
        }
    }

    fn apply(&mut self, command: Command) {
        let before = self.store.revision();
        let mut applied = self.store.apply(ClusterTime(0), command);
        while let Applied::Working = applied {
            applied = self.store.work();
        }
        if self.store.revision() > before {
            let next = Revision(before.0 + 1);
            self.history.extend(self.store.changes(next, 0).unwrap());
        }
    }

    fn change(&mut self) {
        let command = match self.dice.below(6) {
            0 => Command::DeleteRange {
                range: self.range(),
                previous: false,
            },
            1 if self.dice.one_in(4) => {
                let back = self.dice.below(6) as u64;
                Command::Compact {
                    revision: Revision(self.store.revision().0.saturating_sub(back)),
                }
            }
            2 => Command::Continue,
            _ => Command::Put(Put {
                key: key(self.dice.below(12)),
                value: Bytes::from(vec![b'v'; self.dice.below(20)]),
                previous: false,
                ignore_value: false,
                ignore_lease: false,
                lease: LeaseId::NONE,
            }),
        };
        self.apply(command);
        let compacted = self.store.compacted();
        if compacted != std::mem::replace(&mut self.floor, compacted) {
            for watcher in self.cohorts.remove_up_to(compacted) {
                let seen = self.watchers.remove(&watcher).expect("who is ended was there");
                assert!(
                    seen.told < compacted || seen.open,
                    "{watcher:?} had been told everything: {seen:?}"
                );
                self.ended += 1;
            }
        }
    }

    fn watch(&mut self) {
        let watcher = (ClientId(self.dice.below(4) as u64), RequestId(self.next));
        self.next += 1;
        let interest = Interest {
            range: self.range(),
            puts: !self.dice.one_in(5),
            deletions: !self.dice.one_in(5),
            previous: self.dice.one_in(2),
        };
        let now = self.store.revision().0;
        // After the floor: at the floor itself, deletions may be gone, and who asks for it is told what is left.
        let first = self.floor.0 + 1;
        let from = match self.dice.below(3) {
            0 => now + 1,
            1 => now + 1 + self.dice.below(4) as u64,
            _ => first + self.dice.below((now + 1 - first.min(now)) as usize) as u64,
        };
        let from = Revision(from.max(first));
        self.cohorts.add(watcher, interest.clone(), Place::start_of(from));
        let seen = Seen {
            interest,
            from,
            events: vec![],
            told: Revision(from.0 - 1),
            open: false,
        };
        self.watchers.insert(watcher, seen);
    }

    /// Tells somebody something, if there is anything to tell.
    fn tell(&mut self) -> bool {
        let Some(cohort) = self.cohorts.next_behind(self.store.revision()) else {
            return false;
        };
        let (told, _) = self.cohorts.advance(cohort, &self.store);
        for told in told {
            for watcher in &told.to {
                let crowded = self.cohorts.crowded.contains(&watcher.0);
                assert!(!crowded || told.events.is_empty(), "{watcher:?} is crowded");
                let seen = self.watchers.get_mut(watcher).expect("only watchers are told");
                assert!(seen.open || !told.events.is_empty(), "told for nothing");
                seen.events.extend(told.events.iter().cloned());
                let last = seen.events.last().unwrap().revision;
                assert!(
                    last <= told.revision,
                    "the header's revision is not before the last event's"
                );
                seen.open = !told.complete;
                if told.complete {
                    seen.told = told.revision;
                }
                check(&self.history, seen);
            }
        }
        true
    }
}

/// What was told is the beginning of what there is to be told, all of it up to where everything was told.
fn check(history: &[Event], seen: &Seen) {
    let Seen { interest, from, .. } = seen;
    let expected: Vec<&Event> = history
        .iter()
        .filter(|event| event.revision >= *from && interest.range.holds(&event.key))
        .filter(|event| interest.lets_through(event))
        .collect();
    for (told, expected) in seen.events.iter().zip(&expected) {
        assert_eq!(
            (told.revision, &told.key, &told.now),
            (expected.revision, &expected.key, &expected.now)
        );
        // What was before may be compacted away meanwhile.
        let before = expected.before.as_ref().filter(|_| interest.previous);
        assert!(told.before.is_none() || told.before.as_ref() == before);
    }
    assert!(seen.events.len() <= expected.len(), "told twice: {seen:?}");
    let due = expected
        .iter()
        .filter(|event| event.revision <= seen.told)
        .count();
    if seen.open {
        let last = seen.events.last().unwrap().revision;
        assert!(
            expected
                .get(seen.events.len())
                .is_none_or(|next| next.revision >= last)
        );
        assert!(seen.events.len() >= due);
    } else {
        assert_eq!(seen.events.len(), due, "not all was told: {seen:?}");
    }
}

#[test]
fn each_watcher_is_told_everything_once_in_order_and_each_revision_whole() {
    let (mut told, mut ended, mut parts) = (0, 0, 0);
    for seed in 0..400 {
        let mut run = Run::of(seed);
        for _ in 0..300 {
            match run.dice.below(12) {
                0..5 => run.change(),
                5 => run.watch(),
                6 => {
                    let client = ClientId(run.dice.below(4) as u64);
                    run.cohorts.crowded.insert(client);
                }
                7 => run.cohorts.release(ClientId(run.dice.below(4) as u64)),
                8 if run.dice.one_in(4) && !run.watchers.is_empty() => {
                    let place = run.dice.below(run.watchers.len());
                    let watcher = *run.watchers.keys().nth(place).unwrap();
                    assert!(run.cohorts.remove(watcher) && !run.cohorts.remove(watcher));
                    run.watchers.remove(&watcher);
                }
                _ => {
                    run.tell();
                    parts += run.watchers.values().filter(|seen| seen.open).count();
                }
            }
        }
        (0..4).for_each(|client| run.cohorts.release(ClientId(client)));
        while run.tell() {}
        let now = run.store.revision();
        for (watcher, seen) in &mut run.watchers {
            assert!(!seen.open && run.cohorts.is_told(watcher.0, now));
            seen.told = now.max(seen.told);
            check(&run.history, seen);
            told += seen.events.len();
        }
        assert_eq!(run.cohorts.remove_all().len(), run.watchers.len());
        ended += run.ended;
    }
    assert!(
        told > 10_000 && ended > 100 && parts > 1000,
        "{told} {ended} {parts}"
    );
}

#[test]
fn those_who_want_the_same_are_told_once() {
    let mut run = Run::of(1);
    run.cohorts.limits = SliceLimits::default();
    let interest = |range, previous| Interest {
        range,
        puts: true,
        deletions: true,
        previous,
    };
    let start = Place::start_of(Revision(2));
    for number in 0..1000 {
        let watcher = (ClientId(number), RequestId(0));
        let range = match number % 2 {
            0 => KeyRange::single(key(1)),
            _ => KeyRange::all(),
        };
        run.cohorts.add(watcher, interest(range, number >= 900), start);
    }
    for _ in 0..2 {
        run.apply(Command::Put(Put {
            key: key(1),
            value: Bytes::from_static(b"v"),
            previous: false,
            ignore_value: false,
            ignore_lease: false,
            lease: LeaseId::NONE,
        }));
    }
    let cohort = run.cohorts.next_behind(Revision(3)).unwrap();
    let (told, _) = run.cohorts.advance(cohort, &run.store);
    let counts: Vec<_> = told
        .iter()
        .map(|told| (told.to.len(), told.events.len()))
        .collect();
    assert_eq!(counts, [(900, 2), (100, 2)]);
    assert_eq!(run.cohorts.next_behind(Revision(3)), None);
}
