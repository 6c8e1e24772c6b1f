//! Where clients are served.

use net::event_loop::ConnectionId;
use node::ClientId;

/// Where clients are served: one of several loops, or the only one. Its number stands in the ids of its clients, so
/// that the node's answers find the way back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Desk(u8);

/// The place of a desk's number in a client's id: slots of connections are fewer than 2^24.
const DESK_SHIFT: u32 = 24;
const DESK_BITS: u64 = 0xff << DESK_SHIFT;

impl Desk {
    /// # Panics
    /// If there are more than 256.
    pub(super) fn numbered(number: usize) -> Desk {
        Desk(u8::try_from(number).expect("few desks"))
    }

    pub(super) fn number(self) -> usize {
        usize::from(self.0)
    }

    /// The one that serves a client.
    pub(super) fn of(client: ClientId) -> Desk {
        Desk(((client.0 & DESK_BITS) >> DESK_SHIFT) as u8)
    }

    pub(super) fn client(self, connection: ConnectionId) -> ClientId {
        let number = connection.number();
        assert_eq!(number & DESK_BITS, 0, "more connections than descriptors");
        ClientId(number | u64::from(self.0) << DESK_SHIFT)
    }

    pub(super) fn connection(client: ClientId) -> ConnectionId {
        ConnectionId::from_number(client.0 & !DESK_BITS)
    }
}
