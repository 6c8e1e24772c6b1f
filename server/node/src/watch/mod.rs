//! Watches: requests that are answered many times.
//!
//! A watcher is a request of a client, like any other: first it is told that it is there
//! ([`Answer::Watching`](crate::Answer::Watching)), then [`Output::Events`](crate::Output::Events) whenever something
//! happens that it wants to be told, and at last [`Answer::WatchEnded`](crate::Answer::WatchEnded) or a failure. Watchers
//! are no part of the replicated state.
//!
//! # What always holds, of each watcher of v3 keys
//! * Events come in the order of revisions, each once, and none is missing.
//! * All that one revision did to its keys comes in one [`Events`](crate::Events), or in several that follow each other, of
//!   which all but the last say that they are not complete.
//! * When it was told something, it was told everything up to the revision in the header.
//! * Who is not told everything any more, because it is compacted away, is told so, and nothing after.
//!
//! # What it costs
//! Nothing per entry for who is not concerned: watchers are found by key (`keys.rs`, `intervals.rs`), those of the v2 tree
//! by path (`paths.rs`; they are told at once, see `tree.rs`). Those that want the
//! same are told once. History is told in slices (`catch_up.rs`), to whoever stands at the same place in it
//! (`cohorts.rs`), within a budget for each turn, after what peers are told. The host says who takes its answers too
//! slowly ([`Input::Crowded`](crate::Input::Crowded)): for it nothing gathers but the place where it stands.

mod catch_up;
mod cohorts;
pub(crate) mod face;
mod intervals;
mod keys;
mod own;
mod paths;
pub(crate) mod progress;
mod tree;

use std::collections::{BTreeMap, BTreeSet};

use raft_core::Time;
use storage::store::query::{Event, Place, Revision};

use crate::node::Node;
use crate::request::{Answer, ClientId, Events, Failure, Header, Output, RequestId, Told, Watch};

use cohorts::Cohorts;
use keys::Interest;
use paths::Paths;
use progress::Quiet;

/// The changes looked at in one turn.
const CHANGES_PER_TURN: usize = 2000;
/// So many bytes of events on their way to watchers count as a change looked at: 8 MiB end a turn, or more if that is what one
/// slice has for all who want it.
const BYTES_PER_CHANGE: usize = 4096;
/// So many questions of a client for its progress may wait.
const PROGRESS_MAX: usize = 1000;
/// What a slice costs whatever is in it, in changes.
const SLICE_COST: usize = 10;

/// Which request of which client.
type Watcher = (ClientId, RequestId);

/// All watchers of a node.
#[derive(Clone, Debug, Default)]
pub(crate) struct Watches {
    keys: Cohorts,
    pub(crate) tree: Paths,
    /// The v2 tree's index up to which watchers were told.
    tree_told: u64,
    /// Who is not told this revision will not be: it is compacted away, or was not when they began.
    floor: Revision,
    /// The changes looked at in this turn.
    spent: usize,
    /// Those who want to know when all that their client watches was told.
    progress: BTreeSet<Watcher>,
    quiet: Quiet,
    /// The host is behind with what was told.
    pub(crate) later: bool,
}

impl Watches {
    pub(crate) fn begin_turn(&mut self) {
        self.spent = 0;
    }

    /// None yet; the seed is the node's own.
    pub(crate) fn seeded(seed: u64) -> Watches {
        Watches {
            keys: Cohorts::seeded(seed),
            ..Watches::default()
        }
    }
}

impl Node {
    /// Whether there is more to tell than this turn could.
    pub(crate) fn has_more_to_tell(&self) -> bool {
        self.watches.keys.is_behind(self.store().revision()) && self.may_tell()
    }

    /// When somebody is to hear that nothing happened; while nobody may be told, what comes then ends that.
    pub(crate) fn watch_deadline(&self) -> Time {
        match self.may_tell() {
            true => self.watches.quiet.deadline(),
            false => Time::NEVER,
        }
    }

    /// A client wants to be told.
    pub(crate) fn on_watch(&mut self, client: ClientId, id: RequestId, watch: Watch) {
        match watch {
            Watch::Keys {
                range,
                from,
                puts,
                deletions,
                previous,
                progress,
            } => {
                let interest = Interest {
                    range,
                    puts,
                    deletions,
                    previous,
                };
                self.watch_keys((client, id), interest, from, progress);
            }
            Watch::Tree {
                path,
                recursive,
                from,
                once,
            } => self.watch_tree((client, id), path, recursive, from, once),
        }
    }

    fn watch_keys(&mut self, watcher: Watcher, interest: Interest, from: Option<Revision>, progress: bool) {
        self.look_at_floor();
        let (client, id) = watcher;
        self.reply(client, id, Ok(Answer::Watching));
        let next = Revision(self.store().revision().0 + 1);
        let from = from.unwrap_or(next);
        let compacted = self.store().compacted();
        if from < compacted {
            let ended = Answer::WatchEnded {
                compacted: Some(compacted),
            };
            return self.reply(client, id, Ok(ended));
        }
        self.watches.keys.add(watcher, interest, Place::start_of(from));
        if progress {
            let (now, interval) = (self.now.monotonic, self.config.watch_progress_interval);
            self.watches.quiet.add(watcher, now, interval);
        }
    }

    /// A client does not want to be told any more.
    pub(crate) fn on_unwatch(&mut self, client: ClientId, id: RequestId) {
        self.watches.quiet.remove((client, id));
        if self.watches.keys.remove((client, id)) || self.watches.tree.remove((client, id)) {
            self.reply(client, id, Ok(Answer::WatchEnded { compacted: None }));
        }
    }

    /// A client wants to know when all that it watches was told.
    pub(crate) fn on_watch_progress(&mut self, client: ClientId, id: RequestId) {
        let watchers = self
            .watches
            .progress
            .range((client, RequestId(0))..=(client, RequestId(u64::MAX)));
        if watchers.count() >= PROGRESS_MAX {
            return self.reply(client, id, Err(Failure::TooManyRequests));
        }
        self.watches.progress.insert((client, id));
    }

    /// A client leaves too much untaken.
    pub(crate) fn on_crowded(&mut self, client: ClientId) {
        self.watches.keys.crowded.insert(client);
        self.end_tree_watches_of(client);
    }

    /// It has taken it.
    pub(crate) fn on_uncrowded(&mut self, client: ClientId) {
        self.watches.keys.release(client);
    }

    /// Nothing is told any more to a client that went away.
    pub(crate) fn unwatch_all_of(&mut self, client: ClientId) {
        for watcher in self.watches.keys.of(client) {
            self.watches.keys.remove(watcher);
            self.watches.quiet.remove(watcher);
        }
        for watcher in self.watches.tree.of(client) {
            self.watches.tree.remove(watcher);
        }
        self.watches.keys.crowded.remove(&client);
        self.watches.progress.retain(|(other, _)| *other != client);
    }

    /// Ends all watches, for this reason.
    pub(crate) fn end_watches(&mut self, why: &Failure) {
        let mut ended = self.watches.keys.remove_all();
        ended.extend(std::mem::take(&mut self.watches.progress));
        self.watches.quiet.clear();
        ended.append(&mut self.watches.tree.take_all());
        // Who waits for those is told by others.
        Watches::take_own(&mut ended);
        for (client, id) in ended {
            self.reply(client, id, Err(why.clone()));
        }
    }

    /// Tells watchers what happened, as far as this turn goes.
    pub(crate) fn tell_watchers(&mut self) {
        if !self.may_tell() {
            return;
        }
        self.tell_tree_watchers();
        self.look_at_floor();
        let revision = self.store().revision();
        while self.watches.spent < CHANGES_PER_TURN
            && let Some(cohort) = self.watches.keys.next_behind(revision)
        {
            let store = self.unapplied.view().unwrap_or(&self.store);
            let (told, changes) = self.watches.keys.advance(cohort, store);
            let bytes = told
                .iter()
                .map(|told| told.events.iter().map(face::bytes).sum::<usize>() * told.to.len());
            self.watches.spent += changes + SLICE_COST + bytes.sum::<usize>() / BYTES_PER_CHANGE;
            for mut told in told {
                for watch in Watches::take_own(&mut told.to) {
                    self.on_own_watch(watch);
                }
                if told.to.is_empty() {
                    continue;
                }
                self.watches.quiet.told(&told.to, self.now.monotonic);
                self.tell(told.to, told.revision, told.events, told.complete);
            }
        }
        self.tell_quiet();
        self.answer_progress();
    }

    fn tell(&mut self, to: Vec<Watcher>, revision: Revision, events: Vec<Event>, complete: bool) {
        let header = Header {
            revision,
            ..self.header()
        };
        let told = Told::Keys(events);
        let events = Box::new(Events {
            header,
            told,
            complete,
        });
        self.outbox.push_back(Output::Events { to, events });
    }

    /// Tells those for whom nothing happened for long how far they are; not those who are not told everything yet.
    fn tell_quiet(&mut self) {
        let (now, interval) = (self.now.monotonic, self.config.watch_progress_interval);
        let revision = self.store().revision();
        while let Some(watcher) = self.watches.quiet.next_due(now, interval) {
            if self.watches.keys.is_watcher_told(watcher, revision) {
                self.tell(vec![watcher], revision, vec![], true);
            }
        }
    }

    /// Nothing is told from a state that may not be the others', or is about to be another one; nor faster than the host
    /// can pass it on.
    fn may_tell(&self) -> bool {
        !self.stopped && !self.watches.later && !self.is_fenced()
    }

    fn answer_progress(&mut self) {
        if self.watches.progress.is_empty() {
            return;
        }
        let revision = self.store().revision();
        let mut told = BTreeMap::new();
        for (client, id) in std::mem::take(&mut self.watches.progress) {
            let is_told = || self.watches.keys.is_told(client, revision);
            if *told.entry(client).or_insert_with(is_told) {
                self.reply(client, id, Ok(Answer::Progress));
            } else {
                self.watches.progress.insert((client, id));
            }
        }
    }

    /// Ends the watchers for whom something is compacted away that they were not told.
    fn look_at_floor(&mut self) {
        let compacted = self.store().compacted();
        if std::mem::replace(&mut self.watches.floor, compacted) == compacted {
            return;
        }
        let mut ended = self.watches.keys.remove_up_to(compacted);
        // What they wait for may be among what is compacted away.
        for watch in Watches::take_own(&mut ended) {
            self.on_own_watch(watch);
        }
        for (client, id) in ended {
            self.watches.quiet.remove((client, id));
            let ended = Answer::WatchEnded {
                compacted: Some(compacted),
            };
            self.reply(client, id, Ok(ended));
        }
    }
}

#[cfg(test)]
mod tests;
