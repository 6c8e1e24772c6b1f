//! The face of watches: what is asked, and what is told.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use storage::store::command::TreeEvent;
use storage::store::query::{Event, KeyRange, Revision};

use crate::request::Header;

/// What a watcher wants to be told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Watch {
    /// What happens to v3 keys.
    Keys {
        /// Which; one that is empty is watched in vain.
        range: KeyRange,
        /// From this revision on; None: from the next on.
        from: Option<Revision>,
        /// Puts, too.
        puts: bool,
        /// Deletions, too.
        deletions: bool,
        /// And what was there before.
        previous: bool,
        /// And how far it is, when it was told nothing for long: with no events.
        progress: bool,
    },
    /// What happens in the v2 tree, as [`storage::store::command::TreeEvent::concerns`] says. Who asks for what is not known any more is
    /// refused with error 401.
    Tree {
        /// Where; clean, as in `Command::Tree`.
        path: Bytes,
        /// All below, too.
        recursive: bool,
        /// From this index on; None: from the next on.
        from: Option<u64>,
        /// One event only: the watch ends with it, and nothing more is said of that.
        once: bool,
    },
}

/// What watchers are told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Events {
    /// What every answer tells; but the revision is the one up to which everything was told with this.
    pub header: Header,
    /// What happened.
    pub told: Told,
    /// If not, the last revision in there goes on in the next one for the same watcher, whatever else comes between.
    pub complete: bool,
}

impl Events {
    /// The bytes of keys and values in there.
    #[must_use]
    pub fn bytes(&self) -> usize {
        match &self.told {
            Told::Keys(events) => events.iter().map(bytes).sum(),
            Told::Tree(events) => events.iter().map(tree_bytes).sum(),
        }
    }
}

/// The bytes of keys and values in an event.
pub(super) fn bytes(event: &Event) -> usize {
    let pairs = [&event.now, &event.before].into_iter().flatten();
    event.key.len() + pairs.map(|pair| pair.key.len() + pair.value.len()).sum::<usize>()
}

/// The bytes of paths and values in an event of the tree.
pub(super) fn tree_bytes(event: &TreeEvent) -> usize {
    let nodes = std::iter::once(&event.node).chain(&event.previous);
    nodes
        .map(|node| node.key.len() + node.value.as_ref().map_or(0, bytes::Bytes::len))
        .sum()
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Told {
    /// To v3 keys, in order; what was there before only for who wants to know it. None at all, if there is only the end
    /// of what was not complete to be told, or that nothing happened.
    Keys(Vec<Event>),
    /// In the v2 tree, in order.
    Tree(Vec<TreeEvent>),
}
