//! Watches of the v2 tree. They are told at each entry, as soon as it is applied: what happened is still in the tree's own
//! window of the last 1000 indexes then, and nothing is kept for anybody here.

use bytes::Bytes;
use storage::store::command::TreeEvent;

use super::{Watcher, face};
use crate::node::Node;
use crate::request::{Answer, Events, Failure, Output, Told};

/// So many watchers are told in the time in which a row is applied, or a little more. The entry of a key that very many
/// watch ends the turn, so that Raft's messages pass before the next one.
const TOLD_PER_ROW: u64 = 4;
/// So many bytes told count as another watcher.
const BYTES_PER_ROW: u64 = 4096;

impl Node {
    /// A client wants to be told. What it asks of the past comes at once; a watch for one event ends with it.
    pub(super) fn watch_tree(
        &mut self,
        watcher: Watcher,
        path: Bytes,
        recursive: bool,
        from: Option<u64>,
        once: bool,
    ) {
        let (client, id) = watcher;
        let index = self.store().tree_index();
        let past = match from {
            Some(from) if from <= index => {
                let events = self.store().tree_events(from);
                events.map(|all| {
                    let concerns = all.filter(|event| event.concerns(&path, recursive));
                    let events_max = if once { 1 } else { usize::MAX };
                    concerns.take(events_max).cloned().collect()
                })
            }
            _ => Ok(Vec::new()),
        };
        let past = match past {
            Ok(past) => past,
            Err(cleared) => return self.reply(client, id, Err(Failure::Store(cleared.into()))),
        };
        self.reply(client, id, Ok(Answer::Watching));
        if once && !past.is_empty() {
            return self.tell_tree(vec![watcher], past);
        }
        if !past.is_empty() {
            self.tell_tree(vec![watcher], past);
        }
        let next = from.unwrap_or_default().max(index + 1);
        self.watches.tree.add(watcher, path, recursive, next, once);
    }

    /// An entry is applied, or the state became another one: whoever it concerns is told.
    pub(crate) fn tell_tree_watchers(&mut self) {
        let index = self.store().tree_index();
        if index <= self.watches.tree_told || self.watches.tree.is_empty() {
            self.watches.tree_told = index;
            return;
        }
        // Told later, as far as the window goes.
        if !self.may_tell() {
            return;
        }
        let told = std::mem::replace(&mut self.watches.tree_told, index);
        let events: Result<Vec<TreeEvent>, _> = self
            .store()
            .tree_events(told + 1)
            .map(|events| events.cloned().collect());
        match events {
            Ok(events) => {
                for event in events {
                    let to = self.watches.tree.concerned(&event);
                    if !to.is_empty() {
                        let bytes = face::tree_bytes(&event) as u64 / BYTES_PER_ROW;
                        self.count_effort(to.len() as u64 * (1 + bytes) / TOLD_PER_ROW);
                        self.tell_tree(to, vec![event]);
                    }
                }
            }
            // The state jumped over more than the window holds.
            Err(cleared) => {
                for (client, id) in self.watches.tree.take_all() {
                    self.reply(client, id, Err(Failure::Store(cleared.clone().into())));
                }
            }
        }
    }

    /// Whoever leaves too much untaken is told nothing more: what it misses it can ask for again, by index.
    pub(super) fn end_tree_watches_of(&mut self, client: crate::ClientId) {
        for (client, id) in self.watches.tree.of(client) {
            self.watches.tree.remove((client, id));
            self.reply(client, id, Ok(Answer::WatchEnded { compacted: None }));
        }
    }

    fn tell_tree(&mut self, to: Vec<Watcher>, events: Vec<TreeEvent>) {
        let events = Events {
            header: self.header(),
            told: Told::Tree(events),
            complete: true,
        };
        self.outbox.push_back(Output::Events {
            to,
            events: Box::new(events),
        });
    }
}
