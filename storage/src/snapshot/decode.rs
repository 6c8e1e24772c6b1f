//! From the stream to a store.

use raft_core::SnapshotMark;

use super::damage::{Damage, Flaw};
use super::parse::Parser;
use crate::store::Store;
use crate::store::rows::Loading;

/// Makes a store of a stream whose bytes come in pieces. All of it is verified, and the store is given out only then.
#[derive(Clone, Debug)]
pub struct Decoder {
    /// The only cluster whose snapshot is taken; None: any.
    cluster_id: Option<u64>,
    parser: Parser,
    loading: Loading,
}

/// A snapshot that is sound.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// Whose.
    pub cluster_id: u64,
    /// Of when.
    pub mark: SnapshotMark,
    /// The state.
    pub store: Store,
}

impl Decoder {
    /// Takes a snapshot of this cluster only.
    #[must_use]
    pub fn of_cluster(cluster_id: u64) -> Decoder {
        Decoder {
            cluster_id: Some(cluster_id),
            ..Decoder::of_any_cluster()
        }
    }

    /// Takes any cluster's snapshot.
    #[must_use]
    pub fn of_any_cluster() -> Decoder {
        Decoder {
            cluster_id: None,
            parser: Parser::default(),
            loading: Loading::default(),
        }
    }

    /// Bytes taken so far.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.parser.offset()
    }

    /// What it is a snapshot of, once that is known.
    #[must_use]
    pub fn mark(&self) -> Option<&SnapshotMark> {
        self.parser.mark()
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    /// The first [`Flaw`], and the same one ever after.
    pub fn take(&mut self, piece: &[u8]) -> Result<(), Flaw> {
        let loading = &mut self.loading;
        let mut visit = |row| loading.take(row).map_err(Damage::from);
        self.parser.take(piece, &mut visit)?;
        match (self.parser.cluster_id(), self.cluster_id) {
            (Some(found), Some(expected)) if found != expected => {
                Err(self.parser.refuse(Flaw::other_cluster(found, expected)))
            }
            _ => Ok(()),
        }
    }

    /// The state, once all bytes are taken.
    ///
    /// # Errors
    /// The [`Flaw`], if it is not sound as a whole.
    pub fn finish(self) -> Result<Snapshot, Flaw> {
        let end = self.parser.finish()?;
        let offset = self.parser.offset();
        let flaw = |reason| Flaw { offset, reason };
        let store = self.loading.finish(end.fingerprint);
        let store = store.map_err(|fault| flaw(fault.into()))?;
        match (self.parser.cluster_id(), self.parser.mark()) {
            (Some(cluster_id), Some(mark)) => Ok(Snapshot {
                cluster_id,
                mark: mark.clone(),
                store,
            }),
            _ => Err(flaw(Damage::NoSnapshot)),
        }
    }
}
