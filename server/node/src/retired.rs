//! What the host takes off the node's thread: a view to write to a snapshot file, and what is to be freed.

use serde::{Deserialize, Serialize};
use storage::snapshot::{Decoder, Encoder};
use storage::store::Store;

use crate::lease_clock::LeaseClock;

/// The state as it was, for a snapshot.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct View {
    #[serde(skip)]
    store: Option<Box<Store>>,
}

impl View {
    pub(crate) fn of(store: Store) -> View {
        View {
            store: Some(Box::new(store)),
        }
    }

    /// The state; None of one that was written down with a run and read back.
    #[must_use]
    pub fn into_store(self) -> Option<Store> {
        self.store.map(|store| *store)
    }
}

/// Nobody looks into them when runs are compared, so none is unlike another.
impl PartialEq for View {
    fn eq(&self, _: &View) -> bool {
        true
    }
}

impl Eq for View {}

/// What is needed no more and may be large: freeing millions of keys takes longer than a node may pause.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Retired {
    #[serde(skip)]
    view: Option<Box<Store>>,
    #[serde(skip)]
    clock: Option<Box<LeaseClock>>,
    #[serde(skip)]
    encoder: Option<Box<Encoder>>,
    #[serde(skip)]
    decoder: Option<Box<Decoder>>,
}

impl Retired {
    pub(crate) fn of(view: Store) -> Retired {
        Retired {
            view: Some(Box::new(view)),
            ..Retired::default()
        }
    }

    pub(crate) fn of_clock(clock: Box<LeaseClock>) -> Retired {
        Retired {
            clock: Some(clock),
            ..Retired::default()
        }
    }

    pub(crate) fn of_encoder(encoder: Encoder) -> Retired {
        Retired {
            encoder: Some(Box::new(encoder)),
            ..Retired::default()
        }
    }

    pub(crate) fn of_decoder(decoder: Decoder) -> Retired {
        Retired {
            decoder: Some(Box::new(decoder)),
            ..Retired::default()
        }
    }

    /// Frees it.
    pub fn free(self) {
        drop((self.view, self.clock, self.encoder, self.decoder));
    }
}

/// Nobody looks into them, so none is unlike another.
impl PartialEq for Retired {
    fn eq(&self, _: &Retired) -> bool {
        true
    }
}

impl Eq for Retired {}
