//! The files of the v2 tree that have a time to live, plainly: those below `/time`.

use std::collections::BTreeMap;

use bytes::Bytes;
use raft_core::Index;
use storage::store::command::TreeChange;

/// Until when each file lives, by path: as of which entry, and None where it was not there.
#[derive(Clone, Debug, Default)]
pub struct Temporary {
    files: BTreeMap<Bytes, Vec<(Index, Option<u64>)>>,
    /// How many went because their time was over.
    pub ended: u64,
}

/// Where such files are.
const PLACE: &[u8] = b"/time/";

impl Temporary {
    /// Until when a file lives as of an entry, if it is one of these; None if it is not there.
    #[must_use]
    pub fn at(&self, path: &[u8], index: Index) -> Option<Option<u64>> {
        if !path.starts_with(PLACE) {
            return None;
        }
        let history = self.files.get(path).map(Vec::as_slice).unwrap_or_default();
        let then = history.iter().rev().find(|(from, _)| *from <= index);
        Some(then.and_then(|(_, ends)| *ends))
    }

    /// The earliest end of those that are there.
    #[must_use]
    pub fn next_end(&self) -> Option<u64> {
        let now = self.files.values().filter_map(|history| history.last()?.1);
        now.min()
    }

    pub(super) fn change(&mut self, index: Index, path: &Bytes, change: &TreeChange, time: u64) {
        if !path.starts_with(PLACE) {
            return;
        }
        let is_there = self.at(path, index).flatten().is_some();
        let ends = match change {
            TreeChange::Set(write) if write.refresh && !is_there => return,
            TreeChange::Set(write) => write.ttl.map(|ttl| time + ttl * 1_000_000_000),
            TreeChange::Delete { .. } => None,
            _ => return,
        };
        self.files.entry(path.clone()).or_default().push((index, ends));
    }

    pub(super) fn expire(&mut self, index: Index, time: u64) {
        for history in self.files.values_mut() {
            if history
                .last()
                .and_then(|(_, ends)| *ends)
                .is_some_and(|ends| ends <= time)
            {
                history.push((index, None));
                self.ended += 1;
            }
        }
    }
}
