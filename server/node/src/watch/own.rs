//! Watches of the node's own, for requests that wait until something happens to a key.

use bytes::Bytes;
use storage::store::query::{KeyRange, Place};

use super::keys::Interest;
use super::{Watcher, Watches};
use crate::node::Node;
use crate::request::{ClientId, RequestId};

/// No host gives a client this number.
const NODE: ClientId = ClientId(u64::MAX);

impl Watches {
    /// Takes the node's own out of a list.
    pub(super) fn take_own(watchers: &mut Vec<Watcher>) -> Vec<RequestId> {
        let own = watchers.extract_if(.., |(client, _)| *client == NODE);
        own.map(|(_, watch)| watch).collect()
    }
}

impl Node {
    /// Watches for the end of a key, from a place on. [`Node::on_own_watch`] is told.
    pub(crate) fn watch_end_of(&mut self, watch: RequestId, key: Bytes, from: Place) {
        let interest = Interest {
            range: KeyRange::single(key),
            puts: false,
            deletions: true,
            previous: false,
        };
        self.watches.keys.add((NODE, watch), interest, from);
    }

    /// Watches no more.
    pub(crate) fn unwatch_own(&mut self, watch: RequestId) {
        self.watches.keys.remove((NODE, watch));
    }
}
