//! A snapshot on its way in: each piece is verified and decoded as it comes, and handed to the host, which appends it to
//! a file. Only when the whole is sound and durable does it take the place of the state.

use bytes::Bytes;
use raft_core::{Envelope, Message, Mutant, Position, SnapshotMark};
use storage::snapshot::{Decoder, Snapshot};
use storage::store::Store;

use crate::node::Node;
use crate::request::{Output, Retired};

/// Bytes that the host may have to write yet: beyond it, pieces are not taken, and the leader sends them again.
const UNWRITTEN_BYTES_MAX: u64 = 8 << 20;

/// What came of a snapshot so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Receiving {
    decoder: Option<Box<Decoder>>,
    /// All of it came and is sound; the host makes it durable.
    whole: Option<(Position, Store)>,
    /// Bytes that the host was given and has not written.
    unwritten: u64,
}

impl Receiving {
    /// The state of the snapshot that came whole, if it is the one at `mark`.
    pub(crate) fn forget_whole(&mut self, mark: Position) -> Option<Store> {
        self.whole
            .take_if(|(whole, _)| *whole == mark)
            .map(|(_, store)| store)
    }

    /// The host was given more to write.
    pub(crate) fn given(&mut self, bytes: u64) {
        self.unwritten += bytes;
    }

    /// The host wrote some of what it was given, or threw it away.
    pub(crate) fn written(&mut self, bytes: u64) {
        self.unwritten = self.unwritten.saturating_sub(bytes);
    }

    /// Whether this is a piece that comes too fast for the disk.
    pub(crate) fn is_too_much(&self, envelope: &Envelope) -> bool {
        self.unwritten > UNWRITTEN_BYTES_MAX
            && matches!(&envelope.message, Message::InstallSnapshot { data, .. } if !data.is_empty())
    }
}

impl Node {
    /// A piece came that follows those before it.
    pub(crate) fn on_piece(&mut self, mark: &SnapshotMark, offset: u64, data: Bytes, last: bool) {
        if offset == 0 {
            self.forget_incoming();
            let decoder = Decoder::of_cluster(self.config.cluster_id);
            self.receiving.decoder = Some(Box::new(decoder));
        }
        // What follows a piece that was refused is refused by Raft too, once it is told.
        let decoder = self.receiving.decoder.as_mut();
        let Some(decoder) = decoder.filter(|decoder| decoder.offset() == offset) else {
            return;
        };
        let taken = decoder.take(&data);
        self.receiving.given(data.len() as u64);
        self.outbox.push_back(Output::KeepPiece { offset, data });
        if let Err(flaw) = taken {
            return self.refuse_incoming(mark, flaw.to_string(), last);
        }
        if !last {
            return;
        }
        let decoder = self
            .receiving
            .decoder
            .take()
            .expect("it has just taken the last piece");
        match decoder.finish() {
            Ok(Snapshot {
                mark: found, store, ..
            }) if found == *mark => self.publish_incoming(found, store),
            Ok(Snapshot { store, .. }) => {
                self.outbox.push_back(Output::Retired(Retired::of(store)));
                self.refuse_incoming(mark, "it is another one than was announced".to_owned(), last);
            }
            Err(flaw) => self.refuse_incoming(mark, flaw.to_string(), last),
        }
    }

    /// What came so far is of no use.
    pub(crate) fn forget_incoming(&mut self) {
        if let Some(decoder) = self.receiving.decoder.take() {
            self.outbox
                .push_back(Output::Retired(Retired::of_decoder(*decoder)));
        }
        if let Some((_, store)) = self.receiving.whole.take() {
            self.outbox.push_back(Output::Retired(Retired::of(store)));
        }
    }

    fn publish_incoming(&mut self, mark: SnapshotMark, store: Store) {
        self.receiving.whole = Some((mark.position, store));
        self.outbox.push_back(Output::PublishSnapshot(Box::new(mark)));
    }

    fn refuse_incoming(&mut self, mark: &SnapshotMark, why: String, last: bool) {
        if Mutant::SnapshotUnverified.is(self.config.raft.mutant) && last {
            return self.publish_incoming(mark.clone(), self.store().clone());
        }
        self.forget_incoming();
        self.outbox.push_back(Output::DropIncoming { why });
        self.raft.snapshot_unusable(mark.position);
    }
}
